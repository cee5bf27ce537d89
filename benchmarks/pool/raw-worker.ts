import { Worker as BullWorker } from "bullmq";
import { Redis } from "ioredis";

/** The peer: a plain BullMQ worker in a process of its own, with the concurrency at which it was seen fastest. */
const connection = new Redis(process.env["MANYHANDS_REDIS_URL"] ?? "", { maxRetriesPerRequest: null });
const options = { connection, concurrency: 50 };
const single = new BullWorker("raw-single", async (job) => job.data.x, options);
const chunks = new BullWorker("raw-chunks", async (job) => job.data.items.map((x: number) => x), {
  ...options,
  concurrency: 2,
});
await Promise.all([single.waitUntilReady(), chunks.waitUntilReady()]);
process.send?.("ready");
