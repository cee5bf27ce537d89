export { announcedOptions, announcementOf } from "./announcement.ts";
export { callSiteOf } from "./caller-module.ts";
export { type CurrentTask, currentTask, findCurrentTask, runInTask, whenTaskEnds } from "./current-task.ts";
export { isLoadingTasks, whileLoadingTasks } from "./loading.ts";
export {
  type AnyTask,
  type Backoff,
  type BackoffFunction,
  checkReach,
  checkTaskName,
  checkTaskOptions,
  type DeadTask,
  defineTask,
  type FatalErrors,
  isTask,
  isTaskName,
  LONGEST_DURATION,
  type Task,
  type TaskOptions,
  type TaskResult,
  task,
} from "./task.ts";
export { findTask, listTasks } from "./task-registry.ts";
export { validateArguments } from "./validate-arguments.ts";
