import { ValueError } from "../errors/index.ts";
import type { AnyTask } from "./task.ts";

/**
 * Tasks of this process by name. Kept on `globalThis`, so that a second copy of this package (another version, or one
 * nested in `node_modules`) defines its tasks for the same worker.
 */
const tasks: Map<string, AnyTask> = shared("manyhands.tasks", () => new Map<string, AnyTask>());

export function registerTask(task: AnyTask): void {
  const known = tasks.get(task.name);
  if (known && known.module !== task.module) {
    throw new ValueError(
      `task "${task.name}" is defined twice: in ${known.module} and in ${task.module}; give one of them another name`,
    );
  }
  tasks.set(task.name, task);
}

export function findTask(name: string): AnyTask | undefined {
  return tasks.get(name);
}

export function listTasks(): AnyTask[] {
  return [...tasks.values()];
}

/** One value per process under a well-known symbol, whatever the number of copies of this package. */
export function shared<Value>(name: string, create: () => Value): Value {
  const symbol = Symbol.for(name);
  const holder = globalThis as Record<symbol, unknown>;
  holder[symbol] ??= create();
  return holder[symbol] as Value;
}
