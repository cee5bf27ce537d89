export { type ForeignQueue, findForeignQueues, lookForForeignQueues } from "./foreign-queues.ts";
export { type PoolPatch, PoolRegistry } from "./pool-registry.ts";
export { DEFAULT_POOL, unlimitedPool } from "./unlimited-pool.ts";
