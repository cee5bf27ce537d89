import type { Logger } from "@manyhands/core";
import {
  clearPool,
  type Keys,
  type Milliseconds,
  openBullQueue,
  type PoolRecord,
  type PoolRegistry,
  type RedisClient,
} from "@manyhands/core/internal";
import { within } from "../deadline/within.ts";

export interface OrphanPoolsOptions {
  client: RedisClient;
  keys: Keys;
  registry: PoolRegistry;
  logger: Logger;
  /** Time between two looks. @defaultValue 5_000 */
  interval?: Milliseconds;
}

/**
 * Removes the unnamed pools of clients that are gone, and named ones whose removal was broken off: terminates them, so
 * that hosts kill what still runs, and removes their BullMQ queue and their entry. Every host looks; doing it twice does no harm. A pool is given up only when its
 * owner was missed in two looks, because a Redis that has just come back may not have its owner's next beat yet.
 */
export class OrphanPools {
  readonly #options: OrphanPoolsOptions;
  #suspects = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: OrphanPoolsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.look()
        .catch((error: Error) => this.#options.logger.warn(`looking for orphan pools failed: ${error.message}`))
        .finally(() => {
          this.#looking = undefined;
        });
    }, this.#options.interval ?? 5_000).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look at all pools. */
  async look(): Promise<void> {
    const { client, keys, registry } = this.#options;
    if (client.status !== "ready") return;
    const pools = (await registry.list()).filter((pool) => pool.owner !== null || pool.state === "terminated");
    const suspects = new Set<string>();
    for (const pool of pools) {
      // A named pool that stays terminated: its removal was broken off.
      if (pool.state !== "terminated" && (await client.exists(keys.session(pool.owner ?? ""))) === 1) continue;
      if (this.#suspects.has(pool.generation)) await this.#remove(pool);
      else suspects.add(pool.generation);
    }
    this.#suspects = suspects;
  }

  async #remove(pool: PoolRecord): Promise<void> {
    const { client, keys, registry, logger } = this.#options;
    // Its owner may have come back, or somebody else have removed it, since it was looked at.
    const owner = pool.state === "terminated" || pool.owner === null ? {} : { unlessAlive: pool.owner };
    if (!(await registry.terminate(pool.name, pool.generation, owner))) return;
    const queue = openBullQueue(pool.name, { connection: client, prefix: keys.queuePrefix, skipMetasUpdate: true });
    try {
      if (!(await clearPool({ client, keys, queue }, pool, { waits: false }))) return;
      const why = pool.owner === null ? "its removal was not finished" : "the program that made it is gone";
      logger.info(`removed pool "${pool.name}": ${why}`);
    } finally {
      await within(queue.close(), 500);
    }
  }
}
