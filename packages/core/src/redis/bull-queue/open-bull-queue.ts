import { createRequire } from "node:module";
import type { Queue as BullQueue, Telemetry } from "bullmq";
import { bundledPackage } from "../../package/index.ts";
import { KEPT_EVENTS } from "../../wire/records/job.ts";
import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../keys.ts";
import { addInBulk } from "./add-in-bulk.ts";
import { indexTasks } from "./index-tasks.ts";

const require = createRequire(import.meta.url);

export interface OpenBullQueueOptions {
  /**
   * It writes the queue's settings as it is opened, as those do that add jobs or serve the pool. The others only look: they
   * would bring back the keys of a pool that is being removed.
   * @defaultValue false
   */
  writesSettings?: boolean;
  /** Commands fail at once while there is no connection, instead of waiting for one. @defaultValue false */
  failsFast?: boolean;
  telemetry?: Telemetry | undefined;
}

/**
 * Opens BullMQ's queue of a pool: the only place that does. Its errors are those of the connection, which has its own
 * listener.
 *
 * BullMQ is loaded with the first one: that takes as long as loading all of this package, and a program or a child that
 * uses locks, queues or shared objects and no pool starts without it.
 */
export function openBullQueue(
  { client, keys }: { client: RedisClient; keys: Keys },
  pool: string,
  { writesSettings = false, failsFast = false, telemetry }: OpenBullQueueOptions = {},
): BullQueue {
  const bullmq = loadBullMq();
  const options = {
    connection: client,
    prefix: keys.queuePrefix,
    skipWaitingForReady: failsFast,
    // BullMQ asks for Redis' version once, and fails all that follows when Redis refuses to answer at that moment.
    skipVersionCheck: true,
    ...(writesSettings ? { streams: { events: { maxLen: KEPT_EVENTS } } } : { skipMetasUpdate: true }),
    ...(telemetry ? { telemetry } : {}),
  };
  const queue = new bullmq.Queue(pool, options, (...parameters) => {
    const backend = bullmq.createRedisBackend(...parameters);
    indexTasks(backend, client);
    addInBulk(backend, client);
    return backend;
  });
  queue.on("error", () => {});
  return queue;
}

/** @throws Error that says so, where this runs from a bundle that has no package bullmq beside it */
function loadBullMq(): typeof import("bullmq") {
  try {
    return require("bullmq") as typeof import("bullmq");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") throw bundledPackage(import.meta.url, error);
    throw error;
  }
}
