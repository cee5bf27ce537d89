/** The tasks of every demo, for worker hosts: `manyhands worker --tasks examples/tasks.ts`. */
export * from "./cpu-vs-io/tasks.ts";
export * from "./event-traffic-light/tasks.ts";
export { greet } from "./lock-print/tasks.ts";
export * from "./lock-sync/tasks.ts";
export * from "./pool-apply/tasks.ts";
export * from "./pool-apply-async/tasks.ts";
export * from "./pool-limit/tasks.ts";
export * from "./pool-map/tasks.ts";
export * from "./pool-results/tasks.ts";
export * from "./semaphore-ktv/tasks.ts";
export * from "./square/tasks.ts";
export * from "./ticket-grab/tasks.ts";
export * from "./word-count/tasks.ts";
