export { OTHER, TaskCounts, TaskTally, UNNAMED_POOLS } from "./task-counts.ts";
export {
  histogram,
  type MetricFamily,
  registerMetrics,
  TASK_METRICS,
  taskMetrics,
} from "./task-metrics.ts";
