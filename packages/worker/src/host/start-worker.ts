import { loadRedisModule } from "../child/redis-module.ts";
import { Host } from "./host.ts";
import { importModule } from "./import-module.ts";
import { resolveWorkerOptions, type WorkerOptions } from "./options.ts";
import type { WorkerHost } from "./worker-host.ts";

/**
 * Starts a worker host: loads the task modules in a first child, announces the tasks and serves the pools.
 *
 * @throws ValueError for a wrong option; RedisUnfitError when Redis cannot be used; the error of a task module that
 * throws while it is loaded
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerHost> {
  const resolved = resolveWorkerOptions(options);
  const { redisModule } = resolved;
  for (const module of resolved.import) await importModule(module);
  const host = new Host(redisModule === null ? resolved : { ...resolved, redis: await loadRedisModule(redisModule) });
  await host.start();
  return host;
}
