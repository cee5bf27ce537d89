export * from "./job.ts";
export { Keys } from "./keys.ts";
export * from "./process.ts";
export * from "./process-queues.ts";
export type * from "./records.ts";
