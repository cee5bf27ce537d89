import { backOff, type Milliseconds } from "@manyhands/core/internal";

export interface TroubleOptions {
  /** Tries what failed. @throws when it fails again */
  tryAgain: () => Promise<void>;
  /** It began, with the time until the next try, or it is over: then `reason` is null. */
  onChange: (reason: string | null, nextTry: Milliseconds) => void;
  /** @defaultValue 30_000 */
  longestPause?: Milliseconds;
}

/** Pauses before new tries, ms. */
const RETRIES = { first: 250, longest: 30_000, jitter: 0.2 };
/** A trouble that comes back within this time goes on with the pause it had, ms. */
const RELAPSE: Milliseconds = 60_000;

/**
 * Something that this host cannot do at present. It is tried again by itself, after a pause that grows with every
 * failure, and the reason stands until a try succeeds.
 */
export class Trouble {
  readonly #options: TroubleOptions;
  readonly #listeners = new Set<() => void>();
  #reason: string | null = null;
  #since = 0;
  #failures = 0;
  #overAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isTrying = false;
  #stopped = false;

  constructor(options: TroubleOptions) {
    this.#options = options;
  }

  /** What is wrong; null = nothing. */
  get reason(): string | null {
    return this.#reason;
  }

  /** When it began, by the wall clock. */
  get since(): number {
    return this.#since;
  }

  /** Calls `listener` at each beginning and end. @returns removes it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** It failed. Several failures before the next try count as one. */
  met(error: unknown): void {
    if (this.#stopped) return;
    const isNew = this.#reason === null;
    this.#reason = error instanceof Error ? error.message : String(error);
    if (isNew) this.#since = Date.now();
    if (this.#timer !== undefined || this.#isTrying) return;
    if (isNew && performance.now() - this.#overAt > RELAPSE) this.#failures = 0;
    this.#failures += 1;
    const { first, longest, jitter } = RETRIES;
    const pause = backOff(this.#failures, { first, longest: this.#options.longestPause ?? longest });
    this.#timer = setTimeout(() => void this.#try(), pause * (1 - jitter * Math.random())).unref();
    this.#tell(pause);
  }

  /** Tries at once what is tried again later anyway: what caused it may be gone. */
  tryNow(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    void this.#try();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  async #try(): Promise<void> {
    this.#timer = undefined;
    this.#isTrying = true;
    const failure = await this.#options.tryAgain().then(
      () => null,
      (error: unknown) => ({ error }),
    );
    this.#isTrying = false;
    if (this.#stopped) return;
    if (failure) return this.met(failure.error);
    this.#reason = null;
    this.#overAt = performance.now();
    this.#tell(0);
  }

  #tell(nextTry: Milliseconds): void {
    this.#options.onChange(this.#reason, nextTry);
    for (const listener of this.#listeners) listener();
  }
}
