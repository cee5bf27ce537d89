export { announcedLimits, announcedOptions, announcementOf } from "./announcement.ts";
export { callSiteOf } from "./caller-module.ts";
export {
  type AnyCanvas,
  type AnyInput,
  type Canvas,
  type CanvasInput,
  type CanvasResult,
  canvasSize,
  describeCanvas,
  isCanvas,
} from "./canvas.ts";
export { isLoadingTasks, whileLoadingTasks } from "./loading.ts";
export { findCurrentTask, type RunningTask, runInTask, runningTask, whenTaskEnds } from "./running-task.ts";
export { STEP_OPTIONS, signature } from "./signature.ts";
export type { GivenArgs, InputFor, Signature, StepOptions } from "./step.ts";
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
