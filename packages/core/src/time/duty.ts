import { LongTimer } from "./long-timer.ts";
import type { Milliseconds } from "./milliseconds.ts";

/**
 * Notes what a look has found.
 * @returns true when the look before found the same: what may be only late, or not there yet, is given up after two looks
 */
export type Confirm = (finding: string) => boolean;

export interface DutyOptions {
  /** For messages: "looking for lost jobs". */
  what: string;
  /** Longest time between two looks. */
  interval: Milliseconds;
  /** One look. A number that it returns says after how many ms it is to be called again, instead of the usual time. */
  look: (confirm: Confirm) => unknown;
  /** Hears of looks that fail. */
  logger: { warn(message: string): void };
  /** Connection that looks need: one that is due while it is not ready is left out. */
  client?: { readonly status: string };
  /**
   * Part of the interval that is left to chance, 0 to 1, so that the programs of a fleet spread.
   * @defaultValue 0.1
   */
  jitter?: number;
  /** A look that is asked for with {@link Duty.soon} begins so much later, with all that is asked for until then. @defaultValue 20 */
  collect?: Milliseconds;
}

/**
 * Something that is done regularly.
 *
 * - Two looks never overlap.
 * - One that fails is logged, and the next one comes at its usual time.
 * - Its timers do not keep the program alive.
 * - After {@link stop} no look begins, until it is started again.
 * - What two looks in a row have to find is forgotten when a look fails or is left out: a Redis that has just come back may
 *   not have what is missed yet.
 */
export class Duty {
  readonly #options: DutyOptions;
  #timer: LongTimer | undefined;
  #soon: LongTimer | undefined;
  #isLooking = false;
  /** The look under way, unless it is over at once. */
  #looking: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  #isStopped = false;
  /** What the last look found, and what the one under way has found. */
  #found = new Set<string>();
  #finding = new Set<string>();

  constructor(options: DutyOptions) {
    this.#options = options;
  }

  /** The first look comes after an interval; {@link soon} asks for an earlier one. Once started, another call does nothing. */
  start(): void {
    this.#isStopped = false;
    if (!this.#timer) this.#next(this.#usualPause());
  }

  /** Begins no further look. Resolves when the one under way is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.clear();
    this.#timer = undefined;
    this.#soon?.clear();
    this.#soon = undefined;
    this.#found.clear();
    await this.#looking;
  }

  /** A look is to begin shortly, with all others that are asked for until then. */
  soon(): void {
    if (this.#isStopped) return;
    this.#soon ??= new LongTimer(this.#options.collect ?? 20, () => {
      this.#soon = undefined;
      void this.again();
    }).unref();
  }

  /** One look at once, or the rest of the one that is under way. Never rejects. */
  async pass(): Promise<void> {
    if (this.#isStopped) return;
    if (!this.#isLooking) this.#look();
    await this.#looking;
  }

  /** One look at once, or after the one that is under way, which may not have seen what has changed. Never rejects. */
  async again(): Promise<void> {
    if (!this.#isLooking) return this.pass();
    this.#following ??= Promise.resolve()
      .then(() => this.#looking)
      .then(() => {
        this.#following = undefined;
        return this.pass();
      });
    await this.#following;
  }

  #look(): void {
    const { look, client } = this.#options;
    if (client && client.status !== "ready") return this.#found.clear();
    this.#isLooking = true;
    this.#finding = new Set();
    try {
      const outcome = look((finding) => {
        this.#finding.add(finding);
        return this.#found.has(finding);
      });
      if (!(outcome instanceof Promise)) return this.#ended(outcome);
      this.#looking = outcome.then(
        (pause) => this.#ended(pause),
        (error: unknown) => this.#failed(error),
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  #ended(pause: unknown): void {
    this.#over();
    this.#found = this.#isStopped ? new Set() : this.#finding;
    if (typeof pause === "number") this.#next(pause);
  }

  #failed(error: unknown): void {
    this.#over();
    this.#found.clear();
    const { logger, what } = this.#options;
    logger.warn(`${what} failed, trying again: ${error instanceof Error ? error.message : String(error)}`);
  }

  #over(): void {
    this.#isLooking = false;
    this.#looking = undefined;
  }

  #next(pause: Milliseconds): void {
    if (this.#isStopped) return;
    this.#timer?.clear();
    this.#timer = new LongTimer(pause, () => {
      this.#next(this.#usualPause());
      void this.pass();
    }).unref();
  }

  #usualPause(): Milliseconds {
    const { interval, jitter = 0.1 } = this.#options;
    return interval * (1 - jitter * Math.random());
  }
}
