import { Queue as BullQueue, type JobsOptions, type Telemetry } from "bullmq";
import type { RedisClient } from "../connection/index.ts";
import type { JobEnvelope } from "../protocol/job.ts";
import type { Keys } from "../protocol/keys.ts";

/** One job on its way to BullMQ. */
export interface Submission {
  name: string;
  data: JobEnvelope;
  opts: JobsOptions;
}

/** Jobs in one pipeline, and pipelines under way at the same time: the fastest that BullMQ was seen to take. */
const BULK = 250;
const OVERLAP = 4;
/** Length of BullMQ's event stream per pool; the dashboard reads it, results do not need it. */
const EVENTS = 1_000;

/**
 * The door to BullMQ on the side of producers: one pool's queue.
 *
 * Every job carries an id of its own, so sending it twice adds it once: whatever the connection does, a submission
 * is repeated until Redis has acknowledged it.
 */
export class JobQueue {
  readonly queue: BullQueue;
  #closed = false;

  constructor(pool: string, options: { client: RedisClient; keys: Keys; telemetry?: Telemetry | undefined }) {
    this.queue = new BullQueue(pool, {
      connection: options.client,
      prefix: options.keys.queuePrefix,
      skipVersionCheck: true,
      streams: { events: { maxLen: EVENTS } },
      ...(options.telemetry ? { telemetry: options.telemetry } : {}),
    });
    this.queue.on("error", () => {});
  }

  /** Adds jobs in order. @returns for each the id of the job that now stands for it (another's, if deduplicated) */
  async add(submissions: Submission[]): Promise<string[]> {
    const [only] = submissions;
    if (submissions.length === 1 && only) {
      const job = await this.#persist(() => this.queue.add(only.name, only.data, only.opts));
      return [job.id ?? ""];
    }
    const parts: Submission[][] = [];
    for (let from = 0; from < submissions.length; from += BULK) parts.push(submissions.slice(from, from + BULK));
    const ids: string[][] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < parts.length) {
        const index = next;
        next += 1;
        const jobs = await this.#persist(() => this.queue.addBulk(parts[index] ?? []));
        ids[index] = jobs.map((job) => job.id ?? "");
      }
    };
    await Promise.all(Array.from({ length: Math.min(OVERLAP, parts.length) }, lane));
    return ids.flat();
  }

  /** Limits how many jobs of this pool run at once over all hosts; null = no limit. */
  async limit(size: number | null): Promise<void> {
    if (size === null) await this.queue.removeGlobalConcurrency();
    else await this.queue.setGlobalConcurrency(size);
  }

  /** Removes everything the pool has in Redis, running jobs included. */
  async obliterate(): Promise<void> {
    await this.queue.obliterate({ force: true });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.queue.close().catch(() => {});
  }

  async #persist<Value>(send: () => Promise<Value>): Promise<Value> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send();
      } catch (error) {
        if (this.#closed || !isPassing(error) || attempt >= 60) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(1_000, 50 * attempt)));
      }
    }
  }
}

/** Errors of a failover or a broken connection, after which the same submission can be sent again. */
function isPassing(error: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return /READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|Too many Cluster redirections|ECONNRESET|EPIPE|ECONNREFUSED|Connection is closed|Command timed out/.test(
    message,
  );
}
