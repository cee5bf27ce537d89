import { ValueError } from "../../errors/index.ts";
import { callSiteOf, defineTask } from "../../tasks/index.ts";
import { nameClass } from "./class-names.ts";
import { becomeCurrent } from "./current-process.ts";
import { currentOrder, orderedOn } from "./order.ts";
import { Process, type ProcessClass } from "./process.ts";

/**
 * Makes a subclass of Process known to worker hosts by its name. Call it beside the class, in a module that hosts load:
 *
 * ```ts
 * export class Greeter extends Process {
 *   constructor(readonly greeting: string) {
 *     super();
 *   }
 *   override async run() {
 *     console.log(this.greeting);
 *   }
 * }
 * registerProcess(Greeter);
 * ```
 *
 * What the constructor put into own enumerable fields is there in `run()`, on the host; the constructor does not run
 * there, and private `#fields` do not travel (P10).
 *
 * @throws ValueError for a class without a name or without run(), or a second one of that name from another module
 */
export function registerProcess<Class extends ProcessClass>(subclass: Class): Class {
  if (typeof subclass !== "function" || !(subclass.prototype instanceof Process)) {
    throw new ValueError("registerProcess() takes a class that extends Process");
  }
  if (subclass.prototype.run === Process.prototype.run) {
    throw new ValueError(`class ${subclass.name} has no run(); that is what its process is to do`);
  }
  const name = `process:${subclass.name}`;
  defineTask(name, (state: object) => revive(subclass, state).run(), callSiteOf(registerProcess));
  nameClass(subclass, name);
  return subclass;
}

function revive(subclass: ProcessClass, state: object): Process {
  const order = currentOrder() ?? { name: subclass.name, identity: [], daemon: false };
  const process = Process.inside(order, orderedOn(), subclass);
  // Not assigned: a field may have the name of a property that can only be read, such as `host`.
  for (const [name, value] of Object.entries(state)) {
    Object.defineProperty(process, name, { value, enumerable: true, writable: true, configurable: true });
  }
  becomeCurrent(process);
  return process;
}
