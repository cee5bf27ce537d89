import type { Queue as BullQueue } from "bullmq";
import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../keys.ts";
import { openBullQueue } from "./open-bull-queue.ts";

/** BullMQ's view of the pools of a namespace, opened when first needed, all over one shared connection. */
export class BullQueues {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #queues = new Map<string, BullQueue>();

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  get(pool: string): BullQueue {
    const known = this.#queues.get(pool);
    if (known) return known;
    const queue = openBullQueue({ client: this.#client, keys: this.#keys }, pool);
    this.#queues.set(pool, queue);
    return queue;
  }

  /** Closes the queues; the shared connection stays open. */
  async close(): Promise<void> {
    const queues = [...this.#queues.values()];
    this.#queues.clear();
    await Promise.all(queues.map((queue) => queue.close().catch(() => {})));
  }
}
