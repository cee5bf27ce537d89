import type { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import {
  type Keys,
  type Milliseconds,
  openBullQueue,
  type PoolRecord,
  type RedisClient,
  SingleFlight,
} from "@manyhands/core/internal";
import type { Queue as BullQueue } from "bullmq";
import { askRedis, assertConnected } from "../snapshot/ask-redis.ts";
import type { Redaction } from "../values/redaction.ts";
import { formatJobData, formatReturnValue } from "./job-formatters.ts";
import { PoolAdapter } from "./pool-adapter.ts";

/** How long a list of pools is good enough. */
const FRESH: Milliseconds = 1_000;

export interface PoolQueuesOptions {
  client: RedisClient;
  keys: Keys;
  listPools: () => Promise<PoolRecord[]>;
  readOnly: boolean;
  redaction: Redaction;
}

/**
 * Bull Board's view of the pools, which come and go: reads the registry with each request, and costs nothing between
 * requests.
 */
export class PoolQueues {
  readonly #options: PoolQueuesOptions;
  readonly #adapters = new Map<string, { adapter: BullMQAdapter; queue: BullQueue }>();
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #readings = new SingleFlight(() => this.#read());

  constructor(options: PoolQueuesOptions) {
    this.#options = options;
    // Each queue listens to the shared connection.
    // Not 0, which says the same: each queue of BullMQ adds 3 to it.
    options.client.setMaxListeners(Number.POSITIVE_INFINITY);
  }

  /** One adapter per pool that exists now. */
  get adapters(): BullMQAdapter[] {
    return [...this.#adapters.values()].map(({ adapter }) => adapter);
  }

  /**
   * Brings `adapters` up to date.
   * @throws RedisUnfitError, TimeoutError while Redis cannot be asked
   */
  async follow(): Promise<void> {
    assertConnected(this.#options.client);
    if (performance.now() - this.#readAt <= FRESH) return;
    await this.#readings.join();
  }

  /** Closes every queue; the connection stays open. */
  stop(): void {
    for (const name of [...this.#adapters.keys()]) this.#remove(name);
  }

  async #read(): Promise<void> {
    const pools = await askRedis(this.#options.client, this.#options.listPools);
    const names = new Set(pools.map((pool) => pool.name));
    for (const name of [...this.#adapters.keys()]) if (!names.has(name)) this.#remove(name);
    for (const pool of pools) if (!this.#adapters.has(pool.name)) this.#add(pool);
    this.#readAt = performance.now();
  }

  #add(pool: PoolRecord): void {
    const queue = openBullQueue(this.#options, pool.name, { failsFast: true });
    const { redaction } = this.#options;
    const adapter = new PoolAdapter(queue, {
      redaction,
      readOnlyMode: this.#options.readOnly,
      description: pool.owner === null ? "" : "unnamed pool: ends with the program that made it",
    });
    adapter.setFormatter("data", (data) => redaction.value(formatJobData(data)));
    adapter.setFormatter("returnValue", (value) => redaction.value(formatReturnValue(value)));
    adapter.setFormatter("progress", (progress) => redaction.value(progress) as never);
    this.#adapters.set(pool.name, { adapter, queue });
  }

  #remove(name: string): void {
    const entry = this.#adapters.get(name);
    this.#adapters.delete(name);
    // It may wait for a connection that never comes back; nothing depends on its end.
    entry?.queue.close().catch(() => {});
  }
}
