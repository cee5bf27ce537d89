import { announcedOptions, type TaskAnnouncement } from "@manyhands/core/internal";

/** Those of the tasks that have a priority, as JSON: name -> priority; "" = none has one. */
export function prioritiesOf(tasks: Iterable<TaskAnnouncement>): string {
  const priorities: [string, number][] = [];
  for (const task of tasks) {
    const priority = task.options === undefined ? undefined : announcedOptions(task).priority;
    if (priority !== undefined) priorities.push([task.name, priority]);
  }
  return priorities.length === 0 ? "" : JSON.stringify(Object.fromEntries(priorities));
}
