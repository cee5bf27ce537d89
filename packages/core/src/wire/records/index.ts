export { isProcessEnding, isSlots, MOST_SLOTS, readControlMessage } from "./control-message.ts";
export * from "./job.ts";
export {
  checkKeep,
  DEFAULT_KEEP,
  type FinishedSet,
  type Keep,
  type KeepRule,
  keepRule,
  readableKeep,
  UNNAMED_KEEP,
  type WholeRule,
} from "./keep.ts";
export {
  checkLimitRule,
  describeRule,
  type LimitRule,
  type Limits,
  limitKeyOf,
  readLimitRule,
  toLimitRule,
} from "./limits.ts";
export { assertPoolName, isReservedPoolName } from "./pool-name.ts";
export * from "./process.ts";
export * from "./process-queues.ts";
export type * from "./records.ts";
export * from "./slot-offers.ts";
export * from "./stored-record.ts";
export { unitCount } from "./unit-count.ts";
export { hostOf, workerName } from "./worker-name.ts";
