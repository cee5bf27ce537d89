import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { LongTimer, type Milliseconds } from "../../time/index.ts";
import { expireDueTasks } from "./expire-tasks.ts";

/** After an expiry that hosts may see to as well, and before the next try, ms. */
const AFTER: Milliseconds = 20;
const TRY_AGAIN: Milliseconds = 1_000;

/**
 * Has the tasks that this program waits for expire in time, also when no host is alive: it asks Redis, which decides, when the
 * first of them is due.
 */
export class ExpiryWatch {
  readonly #context: { client: RedisClient; keys: Keys; isWaiting: () => boolean };
  #timer: LongTimer | undefined;
  #at: number = Number.POSITIVE_INFINITY;
  #isStopped = false;

  /** @param context.isWaiting - This program waits for any task. */
  constructor(context: { client: RedisClient; keys: Keys; isWaiting: () => boolean }) {
    this.#context = context;
  }

  /** A task that is waited for expires after so many ms. */
  note(after: Milliseconds): void {
    const at = performance.now() + Math.max(0, after) + AFTER;
    if (this.#isStopped || at >= this.#at) return;
    this.#timer?.clear();
    this.#at = at;
    this.#timer = new LongTimer(at - performance.now(), () => void this.#look()).unref();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.clear();
  }

  async #look(): Promise<void> {
    this.#at = Number.POSITIVE_INFINITY;
    if (!this.#context.isWaiting()) return;
    // While Redis cannot be asked, nothing is known of the task.
    const next = await expireDueTasks(this.#context).catch(() => TRY_AGAIN);
    if (next !== null && this.#context.isWaiting()) this.note(next);
  }
}
