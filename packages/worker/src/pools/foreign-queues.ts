import type { Logger } from "@manyhands/core";
import {
  type Keys,
  lookForForeignQueues,
  type Milliseconds,
  type PoolRegistry,
  plural,
  type RedisClient,
  unlimitedPool,
} from "@manyhands/core/internal";

export interface ForeignQueuesOptions {
  client: RedisClient;
  keys: Keys;
  registry: PoolRegistry;
  logger: Logger;
  /** Is told at what some pools are capped in BullMQ's settings, others with each look, "" = not at all. */
  onCaps?: (caps: readonly [pool: string, cap: string][]) => Promise<void>;
  /** Time between two looks of all hosts together. @defaultValue {@link FOREIGN_QUEUES_INTERVAL} */
  interval?: Milliseconds;
  /** Shortest time between the two looks that find a queue. @defaultValue 5_000 */
  secondLook?: Milliseconds;
}

/** Time between two looks, ms. */
export const FOREIGN_QUEUES_INTERVAL: Milliseconds = 10_000;

/**
 * Makes a pool of each queue of BullMQ in the namespace that another client has filled without registering it: without
 * that no host would look at it, and its jobs would wait unseen. The pool has the default settings and no limit.
 */
export class ForeignQueues {
  readonly #options: ForeignQueuesOptions;
  readonly #interval: Milliseconds;
  #lastComplaint = "";

  constructor(options: ForeignQueuesOptions) {
    this.#options = options;
    this.#interval = options.interval ?? FOREIGN_QUEUES_INTERVAL;
  }

  /** One look at a part of the keys, for the whole fleet. Never rejects: a missing right stays missing, and is told once. */
  async look(): Promise<void> {
    let complaint = "";
    try {
      await this.#look();
    } catch (error) {
      complaint = (error as Error).message;
      if (complaint !== this.#lastComplaint) {
        this.#options.logger.warn(`looking for queues that other clients filled failed: ${complaint}`);
      }
    }
    this.#lastComplaint = complaint;
  }

  async #look(): Promise<void> {
    const { client, keys, registry, logger, secondLook = 5_000, onCaps } = this.#options;
    // Hosts look in turns; this keeps those of another version from looking beside them.
    const limits = { interval: this.#interval / 2, secondLook };
    const { queues, caps } = await lookForForeignQueues(client, keys, limits);
    await onCaps?.(caps);
    // Not worth more than a word: a pool that is registered is served all the same.
    if (queues === null) throw new Error("the user of Redis lacks the right to SCAN; register pools yourself");
    for (const { name, waiting } of queues) {
      const { created } = await registry.create(unlimitedPool(name));
      if (!created) continue;
      logger.info(
        `queue "${name}", in which another client has put ${plural(waiting, "job")}, is a pool now, without a limit; ` +
          `"manyhands pool resize ${name} <size>" sets one`,
      );
    }
  }
}
