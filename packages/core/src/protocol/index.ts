export { isProcessEnding, readControlMessage } from "./control-message.ts";
export * from "./job.ts";
export { Keys } from "./keys.ts";
export { assertPoolName, isReservedPoolName } from "./pool-name.ts";
export * from "./process.ts";
export * from "./process-queues.ts";
export type * from "./records.ts";
export { unitCount } from "./unit-count.ts";
export { hostOf, workerName } from "./worker-name.ts";
