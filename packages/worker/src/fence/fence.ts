import type { Milliseconds } from "@manyhands/core/internal";

/** Share of the lock's life in which it is trusted; the rest is the margin for clocks and for killing the child. */
const TRUSTED_SHARE = 0.7;

/** One run's hold on a job. An id may be used again while an earlier run of it still ends here; tokens of locks differ. */
export function holdOf(jobId: string, token: string | undefined): string {
  return `${token ?? ""} ${jobId}`;
}

export interface FenceOptions {
  lockDuration: Milliseconds;
  /** Monotonic clock in ms; tests bring their own. */
  now?: () => number;
}

/**
 * How long the locks of running jobs (`holdOf`) can be trusted, by this host's own monotonic clock.
 *
 * A lock counts from the moment its acquisition or renewal was *sent*, because Redis cannot have granted it earlier
 * and the answer may have been on its way for long. Redis being away, or this process having been frozen, therefore
 * ends the trust without any message: what watches a job is told before another host can have taken the job
 * (unless the process was stopped for longer than that, then as soon as it runs again).
 */
export class Fence {
  readonly #lockDuration: Milliseconds;
  readonly #trusted: Milliseconds;
  readonly #now: () => number;
  readonly #sentAt = new Map<string, number>();
  readonly #watchers = new Map<string, () => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FenceOptions) {
    this.#lockDuration = options.lockDuration;
    this.#trusted = options.lockDuration * TRUSTED_SHARE;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The lock was granted or renewed by a command sent at `sentAt`, for the whole duration of locks or for a shorter one. */
  granted(hold: string, sentAt: number, duration: Milliseconds = this.#lockDuration): void {
    this.#sentAt.set(hold, sentAt - (this.#lockDuration - duration) * TRUSTED_SHARE);
  }

  /** Redis said that the lock is no longer ours. */
  lost(hold: string): void {
    if (!this.#sentAt.has(hold)) return;
    this.#sentAt.set(hold, Number.NEGATIVE_INFINITY);
    this.#tell(hold);
  }

  /** Time since the lock was granted or renewed last, ms; undefined when it is not held. */
  heldFor(hold: string): Milliseconds | undefined {
    const sentAt = this.#sentAt.get(hold);
    return sentAt === undefined || sentAt === Number.NEGATIVE_INFINITY ? undefined : this.#now() - sentAt;
  }

  isTrusted(hold: string): boolean {
    const sentAt = this.#sentAt.get(hold);
    return sentAt !== undefined && this.#now() - sentAt < this.#trusted;
  }

  /** Calls `onLost` once when the lock of the job can no longer be trusted. */
  watch(hold: string, onLost: () => void): void {
    this.#watchers.set(hold, onLost);
    // Not a Duty: what ends work in time must not depend on what other looks share, and it is one comparison for each job.
    this.#timer ??= setInterval(() => this.check(), Math.max(20, this.#trusted / 20)).unref();
  }

  /** The job is over. */
  forget(hold: string): void {
    this.#sentAt.delete(hold);
    this.#watchers.delete(hold);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Tells the watchers of locks that have run out. Called by a timer; tests call it themselves. */
  check(): void {
    for (const hold of [...this.#watchers.keys()]) if (!this.isTrusted(hold)) this.#tell(hold);
  }

  #tell(hold: string): void {
    const watcher = this.#watchers.get(hold);
    this.#watchers.delete(hold);
    watcher?.();
  }
}
