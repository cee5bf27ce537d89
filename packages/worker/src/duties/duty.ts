import type { Logger } from "@manyhands/core";
import type { Milliseconds, RedisClient } from "@manyhands/core/internal";

export interface DutyOptions {
  client: RedisClient;
  logger: Logger;
  /** For messages: "looking for lost jobs". */
  what: string;
  /** Longest time between two looks. */
  interval: Milliseconds;
  /** One look. A number that it returns says after how many ms it is to be called again, instead of the usual time. */
  look: () => Promise<unknown>;
}

/** A look that is asked for begins so much later, with all that is asked for until then, ms. */
const COLLECT: Milliseconds = 20;
/** The hosts of a fleet spread: each waits for this part of the interval at least, and for the whole at most. */
const LEAST_PART = 0.9;

/**
 * Something that a host does regularly while it is connected. Two looks never overlap; one that fails is logged, and the
 * next one comes at its usual time. A look that is due while Redis is away is left out.
 */
export class Duty {
  readonly #options: DutyOptions;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: DutyOptions) {
    this.#options = options;
  }

  /** The first look comes after an interval; {@link soon} asks for an earlier one. */
  start(): void {
    this.#next(this.#usualPause());
  }

  /** Begins no further look. Resolves when the one under way is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
    await this.#looking;
  }

  /** Looks without waiting for the next time. */
  soon(): void {
    if (this.#isStopped) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.pass();
    }, COLLECT).unref();
  }

  /** One look, or the rest of the one that is under way. Never rejects. */
  async pass(): Promise<void> {
    if (this.#isStopped || this.#options.client.status !== "ready") return;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { look, logger, what } = this.#options;
    try {
      const pause = await look();
      if (typeof pause === "number") this.#next(pause);
    } catch (error) {
      logger.warn(`${what} failed, trying again: ${(error as Error).message}`);
    }
  }

  #next(pause: Milliseconds): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#next(this.#usualPause());
      void this.pass();
    }, pause).unref();
  }

  #usualPause(): Milliseconds {
    return this.#options.interval * (LEAST_PART + Math.random() * (1 - LEAST_PART));
  }
}
