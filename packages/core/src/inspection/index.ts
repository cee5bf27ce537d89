export { BullQueues } from "./bull-queues.ts";
export { cancelTask } from "./cancel-task.ts";
export { clearPool } from "./clear-pool.ts";
export { describeFailure, viewError } from "./error-view.ts";
export { findTaskPlace, type TaskPlace } from "./find-task.ts";
export { type NewPool, Pools, type PoolView, poolNames } from "./pools.ts";
export { readTask } from "./read-task.ts";
export { assertRemovable, type PoolRemoval, removePool } from "./remove-pool.ts";
export { retryTask } from "./retry-task.ts";
export { listTaskRows, type TaskFilter } from "./task-list.ts";
export {
  type CancelOutcome,
  type ErrorView,
  type RetryOutcome,
  TASK_STATES,
  type TaskRow,
  type TaskState,
  type TaskView,
  type UnitView,
} from "./task-view.ts";
