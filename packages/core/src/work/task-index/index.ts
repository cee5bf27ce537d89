export { indexJobs } from "./index-jobs.ts";
export { type RebuildOptions, rebuildIndex } from "./rebuild-index.ts";
export { type SweepOptions, type SweepReport, sweepIndex } from "./sweep-index.ts";
