export { resolveWorkerOptions, type WorkerOptions } from "./host/options.ts";
export { startWorker, type WorkerHost } from "./host/worker-host.ts";
