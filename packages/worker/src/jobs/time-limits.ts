import { LongTimer, type Milliseconds } from "@manyhands/core/internal";

export interface TimeLimitOptions {
  /** Hard limit of one call or item. */
  timeout: Milliseconds | undefined;
  /** Limit after which the call is asked to stop. */
  softTimeout: Milliseconds | undefined;
  onSoftTimeout: (unit: number) => void;
  onTimeout: (unit: number) => void;
}

/** Clocks of the calls and items that a child is running, one pair for each unit. */
export class TimeLimits {
  readonly #options: TimeLimitOptions;
  readonly #clocks = new Map<number, LongTimer[]>();

  constructor(options: TimeLimitOptions) {
    this.#options = options;
  }

  /** True when starts have to be reported. */
  get areSet(): boolean {
    return this.#options.timeout !== undefined || this.#options.softTimeout !== undefined;
  }

  /** A call or the next item of a unit begins: its time starts anew. */
  started(unit: number): void {
    if (!this.areSet) return;
    this.ended(unit);
    const { timeout, softTimeout, onTimeout, onSoftTimeout } = this.#options;
    const clocks: LongTimer[] = [];
    if (softTimeout !== undefined) clocks.push(new LongTimer(softTimeout, () => onSoftTimeout(unit)));
    if (timeout !== undefined) clocks.push(new LongTimer(timeout, () => onTimeout(unit)));
    this.#clocks.set(unit, clocks);
  }

  ended(unit: number): void {
    for (const clock of this.#clocks.get(unit) ?? []) clock.clear();
    this.#clocks.delete(unit);
  }

  clear(): void {
    for (const unit of [...this.#clocks.keys()]) this.ended(unit);
  }
}
