export { errorGroupOf, type GroupedError, literalPart } from "./error-group.ts";
export { type ErrorGroup, readErrorGroups } from "./read-errors.ts";
export {
  type FleetTotals,
  lastSpan,
  numberOf,
  type RollupSpan,
  readBuckets,
  readPairs,
  readTotals,
} from "./read-rollups.ts";
export { DAY, GROUPS_KEPT, HOUR, HOURS_KEPT, MINUTE, MINUTES_KEPT, MOST_GROUPS } from "./rollup-scripts.ts";
export { RollupWriter, rollupsOf } from "./rollup-writer.ts";
export { sumHours } from "./sum-hours.ts";
export { OTHER, poolLabel, TaskCounts, TaskTally, UNNAMED_POOLS } from "./task-counts.ts";
export {
  histogram,
  type MetricFamily,
  registerMetrics,
  TASK_METRICS,
  taskMetrics,
} from "./task-metrics.ts";
