import { type Milliseconds, waitWith } from "../../time/index.ts";

/** One wait for something in Redis. */
export class Waiter {
  /** How it is stored: "<session>|<number>|<its label>|<server time since when it waits, ms>". */
  readonly entry: string;
  readonly #close: () => void;
  #isDue = false;
  #word: string | undefined;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(entry: string, close: () => void) {
    this.entry = entry;
    this.#close = close;
  }

  /** What a wake-up said besides that it is worth looking again. */
  get word(): string | undefined {
    return this.#word;
  }

  /** Something may have changed. Remembered when no wait is under way at the moment. */
  notify(word?: string): void {
    this.#isDue = true;
    // The last one: what an earlier one granted may have been the next one's since.
    this.#word = word ?? this.#word;
    this.#wake?.();
  }

  /** What was waited for can no longer come. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /**
   * Waits until it is worth looking again.
   * @returns false when `limit` ms went by first
   * @throws the signal's reason, or what the wait failed with
   */
  async next(limit: Milliseconds, signal: AbortSignal | undefined): Promise<boolean> {
    const inTime =
      this.#isDue ||
      this.#failure !== undefined ||
      (await waitWith(limit, { signal }, (done) => {
        this.#wake = done;
        return () => {
          this.#wake = undefined;
        };
      }));
    this.#wake = undefined;
    if (this.#failure) throw this.#failure;
    this.#isDue = false;
    return inTime;
  }

  close(): void {
    this.#close();
  }
}
