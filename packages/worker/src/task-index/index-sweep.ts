import type { Logger } from "@manyhands/core";
import { type Keys, type Milliseconds, type RedisClient, sweepIndex } from "@manyhands/core/internal";

export interface IndexSweepOptions {
  client: RedisClient;
  keys: Keys;
  logger: Pick<Logger, "warn">;
}

/** Time between two looks of the fleet, ms. */
export const INDEX_INTERVAL: Milliseconds = 30_000;
/** Time of Redis that one look may take, ms: 1 % of the interval. */
const BUDGET: Milliseconds = INDEX_INTERVAL / 100;
/** Part of the time for which Redis may be busy while a look goes on. */
const LOAD = 0.1;

/** Looks after the index of tasks for the fleet, in the background: a look may last longer than the other duties can wait. */
export class IndexSweep {
  readonly #options: IndexSweepOptions;
  readonly #stopped = new AbortController();
  #look: Promise<void> | undefined;

  constructor(options: IndexSweepOptions) {
    this.#options = options;
  }

  /** Begins a look, unless one is under way. */
  async begin(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#look ??= this.#sweep().finally(() => {
      this.#look = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#look;
  }

  async #sweep(): Promise<void> {
    const { client, keys, logger } = this.#options;
    const { signal } = this.#stopped;
    try {
      await sweepIndex(client, keys, { budget: BUDGET, load: LOAD, signal });
    } catch (error) {
      if (!signal.aborted)
        logger.warn(`looking after the index of tasks failed, trying again: ${(error as Error).message}`);
    }
  }
}
