import { LongTimer } from "./long-timer.ts";
import type { Milliseconds } from "./milliseconds.ts";
import { SingleFlight } from "./single-flight.ts";

/**
 * Notes what a look has found.
 * @returns true when the look before found the same: what may be only late, or not there yet, is given up after two looks
 */
export type Confirm = (finding: string) => boolean;

/** A look that is asked for begins so much later, ms. */
const COLLECT: Milliseconds = 20;
/** Part of an interval that is left to chance. */
const JITTER = 0.1;

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
  readonly #looks = new SingleFlight(() => this.#look());
  #timer: LongTimer | undefined;
  #soon: LongTimer | undefined;
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
    await this.#looks.idle();
  }

  /** A look is to begin shortly, with all others that are asked for until then. */
  soon(): void {
    if (this.#isStopped) return;
    this.#soon ??= new LongTimer(this.#options.collect ?? COLLECT, () => {
      this.#soon = undefined;
      void this.again();
    }).unref();
  }

  /** One look at once, or the rest of the one that is under way. Never rejects. */
  async pass(): Promise<void> {
    await this.#looks.join();
  }

  /** One look at once, or after the one that is under way, which may not have seen what has changed. Never rejects. */
  async again(): Promise<void> {
    await this.#looks.again();
  }

  #look(): void | Promise<void> {
    if (this.#isStopped) return;
    const { look, client } = this.#options;
    if (client && client.status !== "ready") return this.#found.clear();
    this.#finding = new Set();
    try {
      const outcome = look((finding) => {
        this.#finding.add(finding);
        return this.#found.has(finding);
      });
      if (!(outcome instanceof Promise)) return this.#ended(outcome);
      return outcome.then(
        (pause) => this.#ended(pause),
        (error: unknown) => this.#failed(error),
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  #ended(pause: unknown): void {
    if (this.#isStopped) return;
    this.#found = this.#finding;
    if (typeof pause === "number") this.#next(pause);
  }

  #failed(error: unknown): void {
    this.#found.clear();
    // It is not tried again, and what it needed may have been closed.
    if (this.#isStopped) return;
    const { logger, what } = this.#options;
    logger.warn(`${what} failed, trying again: ${error instanceof Error ? error.message : String(error)}`);
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
    const { interval, jitter = JITTER } = this.#options;
    return interval * (1 - jitter * Math.random());
  }
}
