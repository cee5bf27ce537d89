/** Longest delay that a timer of Node keeps, ms: it ends a longer one after 1 ms. */
export const MAX_TIMER: number = 2 ** 31 - 1;

/**
 * `setTimeout` for every duration that comes from outside: it never ends early, also beyond some 24 days, where a timer
 * of Node ends after 1 ms. Infinity never ends.
 */
export class LongTimer {
  #timer: NodeJS.Timeout | undefined;
  #holds = true;
  readonly #endsAt: number;
  readonly #callback: () => void;

  /** @param delay - Milliseconds; negative counts as 0. */
  constructor(delay: number, callback: () => void) {
    this.#endsAt = performance.now() + delay;
    this.#callback = callback;
    this.#start(Math.max(0, delay));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  /** It does not keep the program alive. */
  unref(): this {
    this.#holds = false;
    this.#timer?.unref();
    return this;
  }

  #start(delay: number): void {
    this.#timer = setTimeout(() => this.#ring(), Math.min(delay, MAX_TIMER));
    if (!this.#holds) this.#timer.unref();
  }

  #ring(): void {
    // Node's timers count in whole milliseconds, and so may be early.
    const left = this.#endsAt - performance.now();
    if (left > 0) this.#start(left);
    else this.#callback();
  }
}
