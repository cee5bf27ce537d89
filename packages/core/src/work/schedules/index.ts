export { ScheduleRunner } from "./schedule-runner.ts";
export type { Missed, Overlap, ScheduleOptions, ScheduleRun, ScheduleView } from "./schedule-view.ts";
export { Schedules } from "./schedules.ts";
