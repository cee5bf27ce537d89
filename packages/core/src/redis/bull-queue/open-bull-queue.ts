import { createRequire } from "node:module";
import type { Queue as BullQueue, QueueOptions as BullQueueOptions } from "bullmq";
import type { RedisClient } from "../connection/index.ts";
import { addInBulk } from "./add-in-bulk.ts";

const require = createRequire(import.meta.url);

/**
 * Opens a queue of BullMQ; its errors are the caller's connection's, who listens there.
 *
 * BullMQ is loaded with the first one: that takes as long as loading all of this package, and a program or a child that
 * uses locks, queues or shared objects and no pool starts without it.
 */
export function openBullQueue(name: string, options: BullQueueOptions & { connection: RedisClient }): BullQueue {
  const bullmq = require("bullmq") as typeof import("bullmq");
  // BullMQ asks for Redis' version once, and fails all that follows when Redis refuses to answer at that moment.
  const queue = new bullmq.Queue(name, { ...options, skipVersionCheck: true }, (...parameters) => {
    const backend = bullmq.createRedisBackend(...parameters);
    addInBulk(backend, options.connection);
    return backend;
  });
  queue.on("error", () => {});
  return queue;
}
