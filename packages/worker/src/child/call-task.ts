import { type AnyTask, validateArguments } from "@manyhands/core/child";

/** Checks the arguments against the task's schema and calls it; a promise only where one of the two is asynchronous. */
export function callTask(task: AnyTask, args: unknown[]): unknown {
  if (!task.options.schema) return task.run(...args);
  const valid = validateArguments(task, args);
  return valid instanceof Promise ? valid.then((list) => task.run(...list)) : task.run(...valid);
}

/** The same with an only argument, without a list around it where no schema asks for one. */
export function callTaskWithItem(task: AnyTask, item: unknown): unknown {
  return task.options.schema ? callTask(task, [item]) : task.run(item);
}
