export { AsyncResult, type Callbacks, type WaitOptions } from "./async-result.ts";
export { ImapIterator } from "./imap-iterator.ts";
export { type ImapCallOptions, type Items, type MapOptions, Pool } from "./pool.ts";
export type { PoolOptions } from "./pool-options.ts";
