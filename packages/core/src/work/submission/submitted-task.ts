import { got } from "../../errors/index.ts";
import { type AnyTask, checkTaskName, findTask, isTask } from "../../tasks/index.ts";

/**
 * The task that a call is of. A name stands for the task that this program has defined under it, if it has, so that its
 * options hold also then.
 * @throws TypeError for what is neither a task nor a name; ValueError for a name that no task can have: it would wait without end
 */
export function toSubmitted(task: AnyTask | string): { task: string; definition: AnyTask | undefined } {
  if (typeof task === "string") {
    checkTaskName(task);
    return { task, definition: findTask(task) };
  }
  if (isTask(task)) return { task: task.name, definition: task };
  throw new TypeError(`expected a task, made with task(name, run), or its name; got ${got(task)}`);
}
