export { AsyncResult, type Callbacks } from "./async-result.ts";
export { ImapIterator } from "./imap-iterator.ts";
export type { ItemOutcome } from "./item-outcome.ts";
export { type ImapCallOptions, type ItemErrors, type Items, type MapOptions, Pool } from "./pool.ts";
export { type PoolOptions, toPoolRecord } from "./pool-options.ts";
export type { PoolRemains } from "./pool-remains.ts";
