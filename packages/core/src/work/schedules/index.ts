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
