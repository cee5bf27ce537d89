export { changeTask, checkChange } from "./change-task.ts";
export { describeFailure, viewError } from "./error-view.ts";
export { type HostGlance, type Overview, OverviewReader, type PoolGlance, type RecentFailure } from "./overview.ts";
export { type JobCounts, readPoolCounts } from "./pool-counts.ts";
export type { PoolHindrance } from "./pool-hindrance.ts";
export { type NewPool, Pools, type PoolView, poolNames } from "./pools.ts";
export { type RawJob, type RelatedJob, type RelatedJobs, readChildren, readRawJob } from "./raw-job.ts";
export {
  LINE_LEVELS,
  type LineLevel,
  type LinesQuery,
  readLines,
  type TaskLine,
  type TaskLines,
} from "./read-lines.ts";
export { type JobCourse, readCourse } from "./read-log.ts";
export { readTask } from "./read-task.ts";
export { retryTask } from "./retry-task.ts";
export { type RowDetails, readRowDetails } from "./row-details.ts";
export { listTaskRows, type TaskFilter } from "./task-list.ts";
export {
  type DurationFigures,
  type PoolCourse,
  type PoolRates,
  type RatesQuery,
  readPoolCourses,
  readPoolRows,
  readRates,
  readRows,
  type TaskFigures,
  type TaskRateRow,
  type TaskRates,
} from "./task-rates.ts";
export { showWaiting } from "./waiting-steps.ts";
export { mayBeBlocked, shownState, type Whereabouts, whereIs } from "./where-is.ts";
