export { BullQueues } from "./bull-queues.ts";
export { clearPool } from "./clear-pool.ts";
export { describeFailure, viewError } from "./error-view.ts";
export { Inspector, type TaskLog } from "./inspector.ts";
export type { NewPool, PoolView } from "./pools.ts";
export { assertRemovable, type PoolRemoval, removePool } from "./remove-pool.ts";
export type { TaskFilter } from "./task-list.ts";
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
