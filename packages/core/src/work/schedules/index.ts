export { assertFileName, type DefinedSchedules, defineSchedules, type ScheduleEntry } from "./define-schedules.ts";
export { LATE_SCHEDULE } from "./due-plan.ts";
export { type FileOutcome, followFile, readScheduleFile, type ScheduleFile } from "./schedule-file.ts";
export { ScheduleRunner } from "./schedule-runner.ts";
export {
  MISSED,
  type Missed,
  OVERLAPS,
  type Overlap,
  type ScheduleOptions,
  type ScheduleRun,
  type ScheduleView,
} from "./schedule-view.ts";
export { Schedules } from "./schedules.ts";
export { firstDue, moveToClock } from "./test-times.ts";
