export type {
  BulkChange,
  BulkOptions,
  BulkOutcome,
  BulkProgress,
  BulkRefusal,
  FindOrder,
  FindState,
  FoundTask,
  FoundTasks,
  TaskQuery,
  TaskSelection,
} from "./find/index.ts";
export type { DrainOptions, FleetInspector, HostAnswerOptions } from "./fleet-inspector.ts";
export { Inspector } from "./inspector.ts";
export type { PoolInspector } from "./pool-inspector.ts";
export type { ProcessInspector } from "./process-inspector.ts";
export type { CauseEnding, CauseStep, TaskCauses, WaitFor } from "./task-causes.ts";
export { createTaskDesk } from "./task-desk.ts";
export type { InPool, TaskInspector, TaskLog } from "./task-inspector.ts";
export type { PartsPage, WorkflowInspector, WorkflowPage, WorkflowQuery } from "./workflow-inspector.ts";
