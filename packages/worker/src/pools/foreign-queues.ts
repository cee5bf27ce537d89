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
  /** Time between two looks of all hosts together. @defaultValue 10_000 */
  interval?: Milliseconds;
  /** Shortest time between the two looks that find a queue. @defaultValue 5_000 */
  secondLook?: Milliseconds;
}

/**
 * Makes a pool of each queue of BullMQ in the namespace that another client has filled without registering it: without
 * that no host would look at it, and its jobs would wait unseen. The pool has the default settings and no limit.
 */
export class ForeignQueues {
  readonly #options: ForeignQueuesOptions;
  readonly #interval: Milliseconds;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #lastComplaint = "";

  constructor(options: ForeignQueuesOptions) {
    this.#options = options;
    this.#interval = options.interval ?? 10_000;
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), this.#interval).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.#looking ??= this.look()
      .then(() => {
        this.#lastComplaint = "";
      })
      .catch((error: Error) => this.#complain(error.message))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** A missing right stays missing: it is told once. */
  #complain(reason: string): void {
    if (reason !== this.#lastComplaint) {
      this.#options.logger.warn(`looking for queues that other clients filled failed: ${reason}`);
    }
    this.#lastComplaint = reason;
  }

  /** One look at a part of the keys. */
  async look(): Promise<void> {
    const { client, keys, registry, logger, secondLook = 5_000 } = this.#options;
    // A little less than the time between two timers, which do not come to the millisecond.
    const limits = { interval: this.#interval * 0.9, secondLook };
    if (client.status !== "ready") return;
    const queues = await lookForForeignQueues(client, keys, limits);
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
