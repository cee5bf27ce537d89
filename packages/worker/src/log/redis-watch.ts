import { describeDuration } from "./describe-duration.ts";
import type { HostLog } from "./host-log.ts";

/** Says once that Redis is away, and once that it is back. */
export class RedisWatch {
  readonly #log: HostLog;
  readonly #isThere: () => boolean;
  #awaySince: number | null = null;
  #stopped = false;

  constructor(log: HostLog, isThere: () => boolean) {
    this.#log = log;
    this.#isThere = isThere;
  }

  /** Looks whether that has changed. */
  look(): void {
    if (this.#stopped || this.#isThere() === (this.#awaySince === null)) return;
    const now = performance.now();
    if (this.#awaySince === null) {
      this.#awaySince = now;
      this.#log.warn("Redis is lost: it closed the connection or does not answer; nothing is taken until it is back");
    } else {
      const away = now - this.#awaySince;
      this.#awaySince = null;
      this.#log.warn(`Redis is back after ${describeDuration(away)}`, { duration: Math.round(away) });
    }
  }

  /** The host closes its connections itself. */
  stop(): void {
    this.#stopped = true;
  }
}
