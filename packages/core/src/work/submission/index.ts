export { BackgroundJobs } from "./background-jobs.ts";
export { type CallSettings, settingsOf } from "./call-settings.ts";
export { cancelTask } from "./cancel-task.ts";
export { DetachedSubmitter } from "./detached-submitter.ts";
export { expireDueTasks, expiredError, expireTask } from "./expire-tasks.ts";
export { ExpiryWatch } from "./expiry-watch.ts";
export { findTaskPlace, SharedIdError, type TaskPlace } from "./find-task.ts";
export { JobQueue } from "./job-queue.ts";
export { DEFAULT_MAX_PAYLOAD } from "./payload-size.ts";
export type { Runtime } from "./runtime.ts";
export { type DetachedCall, submitDetached } from "./submit-detached.ts";
export type { SubmitOptions } from "./submit-options.ts";
export { toSubmitted } from "./submitted-task.ts";
export { Submitter } from "./submitter.ts";
export { TaskDurations } from "./task-durations.ts";
export { type TaskDesk, TaskHandle, unknownTask } from "./task-handle.ts";
export { type TaskUpdate, UPDATES, type UpdateOptions } from "./task-update.ts";
export {
  type CancelOutcome,
  type ChangeOutcome,
  type ErrorView,
  FINISHED_STATES,
  type HeldBack,
  type HeldBackInTurn,
  isFinished,
  type PromoteOutcome,
  type RemoveOutcome,
  type RetryOutcome,
  TASK_STATES,
  type TaskChange,
  type TaskRow,
  type TaskState,
  type TaskView,
  type TryView,
  type UnitView,
} from "./task-view.ts";
export type { Unit, UnitPlace } from "./unit-batcher.ts";
export { UnservedWatch } from "./unserved-watch.ts";
export type {
  StepCounts,
  TreeOptions,
  WorkflowCancelOutcome,
  WorkflowPart,
  WorkflowRemoveOutcome,
  WorkflowRetryOutcome,
  WorkflowRow,
  WorkflowStatus,
  WorkflowTree,
} from "./workflow-tree.ts";
