import type { Logger } from "@manyhands/core";
import {
  type Confirm,
  clearPool,
  Duty,
  type Keys,
  type Milliseconds,
  openBullQueue,
  type PoolRecord,
  type PoolRegistry,
  type RedisClient,
  settledWithin,
} from "@manyhands/core/internal";

export interface OrphanPoolsOptions {
  client: RedisClient;
  keys: Keys;
  registry: PoolRegistry;
  logger: Logger;
  /** Records of all pools as they were lately. @defaultValue they are read from the registry */
  pools?: () => readonly PoolRecord[];
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
  readonly #duty: Duty;

  constructor(options: OrphanPoolsOptions) {
    this.#options = options;
    const { client, logger, interval = 5_000 } = options;
    this.#duty = new Duty({
      client,
      logger,
      what: "looking for orphan pools",
      interval,
      look: (confirm) => this.#look(confirm),
    });
  }

  start(): void {
    this.#duty.start();
  }

  /** Begins no further look. */
  stop(): void {
    void this.#duty.stop();
  }

  /** One look at all pools. */
  async pass(): Promise<void> {
    await this.#duty.pass();
  }

  async #look(confirm: Confirm): Promise<void> {
    const { client, keys, registry } = this.#options;
    const records = this.#options.pools?.() ?? (await registry.list());
    const pools = records.filter((pool) => pool.owner !== null || pool.state === "terminated");
    for (const pool of pools) {
      // A named pool that stays terminated: its removal was broken off.
      if (pool.state !== "terminated" && (await client.exists(keys.session(pool.owner ?? ""))) === 1) continue;
      if (confirm(pool.generation)) await this.#remove(pool);
    }
  }

  async #remove(pool: PoolRecord): Promise<void> {
    const { client, keys, registry, logger } = this.#options;
    // Since the look its owner may have come back, or another host may have removed it.
    const owner = pool.state === "terminated" || pool.owner === null ? {} : { unlessAlive: pool.owner };
    if (!(await registry.terminate(pool.name, pool.generation, owner))) return;
    const queue = openBullQueue({ client, keys }, pool.name);
    try {
      if (!(await clearPool({ client, keys, queue }, pool, { waits: false }))) return;
      const why = pool.owner === null ? "its removal was not finished" : "the program that made it is gone";
      logger.info(`removed pool "${pool.name}": ${why}`);
    } finally {
      await settledWithin(queue.close(), 500);
    }
  }
}
