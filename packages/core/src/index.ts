export * from "./errors/index.ts";
export {
  type AnyTask,
  type Backoff,
  type CurrentTask,
  currentTask,
  type Task,
  type TaskOptions,
  type TaskResult,
  task,
} from "./tasks/index.ts";
