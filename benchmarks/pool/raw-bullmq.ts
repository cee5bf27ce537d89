import { Queue as BullQueue, type Job, QueueEvents } from "bullmq";
import { Redis } from "ioredis";
import { perSecond } from "./calls.ts";

/** What one would write with BullMQ alone: add + waitUntilFinished. Rates are items per second. */
export interface RawBullMQ {
  /** Resolves to the argument. */
  call(x: unknown): Promise<unknown>;
  /** A job for each item. */
  perItem(items: readonly number[]): Promise<number>;
  /** Eight jobs in all. */
  chunked(items: readonly number[]): Promise<number>;
  /** Adds jobs by the thousand to a queue without a worker. */
  enqueue(items: readonly number[]): Promise<number>;
  close(): Promise<void>;
}

const CHUNKS = 8;

/** The queues of `raw-worker.ts`. */
export async function rawBullMQ(url: string): Promise<RawBullMQ> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const options = { connection, defaultJobOptions: { removeOnComplete: { count: 1_000 } } };
  const single = new BullQueue("raw-single", options);
  const chunks = new BullQueue("raw-chunks", options);
  const idle = new BullQueue("raw-idle", options);
  const events = new QueueEvents("raw-single", { connection, lastEventId: "0-0" });
  const chunkEvents = new QueueEvents("raw-chunks", { connection, lastEventId: "0-0" });
  for (const one of [events, chunkEvents, single, chunks]) one.setMaxListeners(0);
  await Promise.all([events.waitUntilReady(), chunkEvents.waitUntilReady()]);
  const collect = (jobs: Job[], from: QueueEvents): Promise<unknown[]> =>
    Promise.all(jobs.map((job) => job.waitUntilFinished(from)));
  return {
    call: async (x) => (await single.add("noop", { x })).waitUntilFinished(events),
    perItem: (items) =>
      perSecond(items.length, async () => {
        const waits: Promise<unknown>[] = [];
        for (let from = 0; from < items.length; from += 1_000) {
          const jobs = await single.addBulk(
            items.slice(from, from + 1_000).map((x) => ({ name: "noop", data: { x } })),
          );
          waits.push(collect(jobs, events));
        }
        await Promise.all(waits);
      }),
    chunked: (items) =>
      perSecond(items.length, async () => {
        const size = Math.ceil(items.length / CHUNKS);
        const parts = Array.from({ length: CHUNKS }, (_, index) => items.slice(index * size, (index + 1) * size));
        const jobs = await chunks.addBulk(parts.map((part) => ({ name: "chunk", data: { items: part } })));
        (await collect(jobs, chunkEvents)).flat();
      }),
    enqueue: async (items) => {
      const jobs = items.map((x) => ({ name: "noop", data: { x } }));
      const rate = await perSecond(jobs.length, async () => {
        for (let from = 0; from < jobs.length; from += 1_000) await idle.addBulk(jobs.slice(from, from + 1_000));
      });
      await idle.obliterate({ force: true });
      return rate;
    },
    close: async () => {
      await Promise.all([events.close(), chunkEvents.close(), single.close(), chunks.close(), idle.close()]);
      connection.disconnect();
    },
  };
}
