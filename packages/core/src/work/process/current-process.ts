import { shared } from "../../package/index.ts";
import { currentOrder, orderedOn } from "./order.ts";
import { ParentProcess } from "./parent-process.ts";
import { Process } from "./process.ts";
import { currentProcessName } from "./process-starter.ts";

const known: { current: Process | null; parent: ParentProcess | null } = shared("manyhands.currentProcess", () => ({
  current: null,
  parent: null,
}));

/**
 * The process that the calling code runs in (P13). In a program of your own it is called "MainProcess"; in a task of
 * a pool it stands for the pool's child.
 */
export function currentProcess(): Process {
  known.current ??= Process.inside(
    currentOrder() ?? { name: currentProcessName(), identity: [], daemon: false },
    orderedOn(),
  );
  return known.current;
}

/** The process that started this one; null in a program of your own and in a task of a pool (P13). */
export function parentProcess(): ParentProcess | null {
  const order = currentOrder();
  if (order) known.parent ??= new ParentProcess(order.parent);
  return known.parent;
}

/** An instance of a subclass takes the place of the plain one while its `run` runs. */
export function becomeCurrent(process: Process): void {
  known.current = process;
}
