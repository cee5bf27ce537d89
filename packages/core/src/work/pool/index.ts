export type { ItemOutcome } from "../results/index.ts";
export {
  anyOf,
  asCompleted,
  type Completable,
  type Completed,
  type CompletedValue,
  checkResults,
} from "./as-completed.ts";
export { AsyncResult, type Callbacks } from "./async-result.ts";
export { clearPool } from "./clear-pool.ts";
export { ImapIterator } from "./imap-iterator.ts";
export { type ImapCallOptions, type ItemErrors, type Items, type MapOptions, Pool } from "./pool.ts";
export { type PoolOptions, toPoolRecord } from "./pool-options.ts";
export type { PoolRegistration } from "./pool-registration.ts";
export { assertRemovable, type PoolRemoval, removePool } from "./remove-pool.ts";
