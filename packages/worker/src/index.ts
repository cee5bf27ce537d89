export { resolveWorkerOptions, type WorkerOptions } from "./host/options.ts";
export { startWorker } from "./host/start-worker.ts";
export type { WorkerHost } from "./host/worker-host.ts";
export type { LogLevel } from "./log/host-log.ts";
export { type LogFormat, stderrLog } from "./log/stderr-log.ts";
