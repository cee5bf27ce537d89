import type { Logger } from "@manyhands/core";
import type { Keys, RedisClient } from "@manyhands/core/internal";
import type { Queue } from "bullmq";
import { nudgeWorkers } from "./nudge.ts";

export interface CapKeeperOptions {
  queue: Queue;
  client: RedisClient;
  keys: Keys;
  logger: Logger;
}

/**
 * Keeps the cap of a pool in BullMQ's settings equal to the pool's size: written when the pool is opened, when its
 * size changes, and after every reconnect, because a Redis that lost its data has lost the cap too.
 */
export class CapKeeper {
  readonly #options: CapKeeperOptions;
  readonly #reassert: () => void;
  #size: number | null | undefined;

  constructor(options: CapKeeperOptions) {
    this.#options = options;
    this.#reassert = () => {
      if (this.#size !== undefined) void this.keep(this.#size);
    };
    options.client.on("ready", this.#reassert);
  }

  /** Writes the cap; null = none. Never rejects: the next reconnect or change writes it again. */
  async keep(size: number | null): Promise<void> {
    const { queue, client, keys, logger } = this.#options;
    this.#size = size;
    try {
      const before = await queue.getGlobalConcurrency();
      if (before === size || this.#size !== size) return;
      if (size === null) await queue.removeGlobalConcurrency();
      else await queue.setGlobalConcurrency(size);
      await nudgeWorkers(client, keys, queue.name);
    } catch (error) {
      logger.warn(`the cap of pool "${queue.name}" could not be written: ${(error as Error).message}`);
    }
  }

  stop(): void {
    this.#options.client.off("ready", this.#reassert);
    this.#size = undefined;
  }
}
