import { LongTimer, type Milliseconds, pause } from "@manyhands/core/internal";
import type { Quiet } from "../trouble/quiet.ts";

export interface AskedDrainOptions {
  quiet: Quiet;
  /** Resolves when nothing more is on its way to the host that it would still take. */
  settled: () => Promise<void>;
  /** Jobs and processes that run here. */
  busy: () => number;
  /** Nothing runs any more, or the grace time is over: the host ends, which is final. @param grace - What is left of it, ms */
  onOver: (grace: Milliseconds) => void;
}

/** Time between two looks at what still runs, ms. */
const LOOK_AGAIN: Milliseconds = 50;

/**
 * The part of a drain that can be taken back: one that was asked for from outside only keeps the host from taking work, until
 * what runs has ended or may run no longer. Then the host stops as it always does.
 */
export class AskedDrain {
  readonly #options: AskedDrainOptions;
  #waiting: AbortController | undefined;
  #timer: LongTimer | undefined;
  /** When the grace time is over, by the monotonic clock. */
  #overAt = Number.POSITIVE_INFINITY;

  constructor(options: AskedDrainOptions) {
    this.#options = options;
  }

  /** It is under way, and can be taken back. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Begins it, or gives one that is under way another grace time. */
  begin(grace: Milliseconds): void {
    this.#overAt = performance.now() + grace;
    this.#timer?.clear();
    this.#timer = new LongTimer(grace, () => this.#over());
    if (this.#waiting) return;
    this.#waiting = new AbortController();
    this.#options.quiet.begin();
    void this.#untilIdle(this.#waiting.signal);
  }

  /** Takes it back, or leaves the rest to the stop of the host. The host stays quiet. @returns whether there was one */
  end(): boolean {
    if (!this.#waiting) return false;
    this.#waiting.abort();
    this.#waiting = undefined;
    this.#timer?.clear();
    return true;
  }

  async #untilIdle(signal: AbortSignal): Promise<void> {
    await this.#options.settled();
    while (!signal.aborted && this.#options.busy() > 0) {
      await pause(LOOK_AGAIN, { signal, ref: false }).catch(() => {});
    }
    if (!signal.aborted) this.#over();
  }

  #over(): void {
    if (this.end()) this.#options.onOver(Math.max(0, this.#overAt - performance.now()));
  }
}
