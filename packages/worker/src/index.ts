export { resolveWorkerOptions, type WorkerOptions } from "./host/options.ts";
export { startWorker } from "./host/start-worker.ts";
export type { WorkerHost } from "./host/worker-host.ts";
