export * from "./job.ts";
export { Keys } from "./keys.ts";
export type * from "./records.ts";
