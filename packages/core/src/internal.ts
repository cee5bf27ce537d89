/**
 * What the packages of manyhands share with each other. Not part of the public API: it changes without notice.
 */

export { assertLogger, assertOptions, optionsOf } from "./checks/index.ts";
export * from "./context/index.ts";
export {
  addAwaitSite,
  failureSummary,
  nearNames,
  originOf,
  plural,
  type RedisUnfitError,
  thrownMessage,
} from "./errors/index.ts";
export * from "./inspection/attention/index.ts";
export * from "./inspection/changes/index.ts";
export * from "./inspection/find/index.ts";
export * from "./inspection/index.ts";
export * from "./inspection/objects/index.ts";
export * from "./inspection/work/index.ts";
export {
  codeFolder,
  environmentSetting,
  packageFile,
  packageVersion,
  RareWarnings,
  settingIn,
  shared,
  trimSetting,
  visibleJson,
  visibleLine,
  visibleLines,
  withoutByteOrderMark,
} from "./package/index.ts";
export {
  BULL_SCRIPTS,
  BullQueues,
  type BullScript,
  bullFunction,
  bullScriptHash,
  indexTasks,
  MOVE_KEYS,
  MOVE_TO_ACTIVE_KEYS,
  openBullQueue,
  packArgument,
  readTaken,
  repeatedBullFunction,
  type TakenJob,
} from "./redis/bull-queue/index.ts";
export * from "./redis/connection/index.ts";
export { Keys, type QueuePart } from "./redis/keys.ts";
export { NOTE_CHANGE, noteChanges, RATE, READ_MICROS, Script, SERVER_TIME, SET_ASIDE } from "./redis/script/index.ts";
export * from "./redis/task-index/index.ts";
export { INDEX_RESTATE } from "./redis/task-index/index.ts";
export { Heart } from "./session/index.ts";
export { findKind, KIND_NAMES, REAPED_KINDS } from "./shared/kinds.ts";
export * from "./tasks/index.ts";
export {
  type BackOff,
  type BinsMessage,
  backOff,
  type Confirm,
  DurationBins,
  Duty,
  LongTimer,
  MEASURES,
  type Measure,
  type Milliseconds,
  measure,
  onMeasured,
  pause,
  retry,
  SingleFlight,
  settledWithin,
  takeMeasured,
  unlessAborted,
  within,
} from "./time/index.ts";
export { type OpenSpan, readCarrier, startConsumerSpan, type TraceCarrier } from "./tracing/index.ts";
export * from "./wire/codec/index.ts";
export * from "./wire/records/index.ts";
export * from "./wire/views/index.ts";
export * from "./work/audit/index.ts";
export * from "./work/fleet/index.ts";
export * from "./work/history/index.ts";
export * from "./work/limits/index.ts";
export { assertRemovable, clearPool, type PoolRemoval, removePool } from "./work/pool/index.ts";
export * from "./work/process/index.ts";
export * from "./work/registry/index.ts";
export { postAnswers } from "./work/results/post-answers.ts";
export { type OutcomePlace, StoredAnswers, type StoredError } from "./work/results/stored-answers.ts";
export { bringJobBack, findUnlistedJobs, type JobPlace } from "./work/results/unlisted-jobs.ts";
export * from "./work/rollups/index.ts";
export {
  assertFileName,
  type FileOutcome,
  followFile,
  LATE_SCHEDULE,
  MISSED,
  type Missed,
  OVERLAPS,
  type Overlap,
  readScheduleFile,
  type ScheduleFile,
  ScheduleRunner,
} from "./work/schedules/index.ts";
export * from "./work/server/index.ts";
export {
  type CancelOutcome,
  cancelTask,
  DEFAULT_MAX_PAYLOAD,
  type DetachedCall,
  type ErrorView,
  expireDueTasks,
  expiredError,
  findTaskPlace,
  isFinished,
  type RetryOutcome,
  SharedIdError,
  submitDetached,
  TASK_STATES,
  type TaskPlace,
  type TaskRow,
  type TaskState,
  type TaskView,
  type UnitView,
  type WorkflowPart,
  type WorkflowRow,
  type WorkflowStatus,
  type WorkflowTree,
} from "./work/submission/index.ts";
export * from "./work/task-index/index.ts";
export * from "./work/workflows/index.ts";
