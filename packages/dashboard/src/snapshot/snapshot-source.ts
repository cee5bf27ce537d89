import type { Logger } from "@manyhands/core";
import { Duty, type Milliseconds, SingleFlight } from "@manyhands/core/internal";
import type { Snapshot, View } from "./snapshot.ts";

/** Time between two readings while a page is open. */
const WATCH_INTERVAL: Milliseconds = 2_000;

/**
 * The only reader of the overview's data, shared by every tab, stream and scrape.
 *
 * - One reading at a time; a request meanwhile gets the same answer.
 * - While a page is open it reads every two seconds; otherwise it does not touch Redis.
 * - A failed reading keeps the last good one and says since when there has been no newer one.
 */
export class SnapshotSource {
  readonly #read: () => Promise<Snapshot>;
  readonly #watchers = new Set<(view: View) => void>();
  #view: View = { snapshot: null, problem: null };
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #readings = new SingleFlight(() => this.#refresh());
  readonly #duty: Duty;
  #stopped = false;

  /** @param read - Must settle, also when Redis does not answer. */
  constructor(read: () => Promise<Snapshot>, logger: Pick<Logger, "warn">) {
    this.#read = read;
    const what = "passing the overview on";
    this.#duty = new Duty({ what, interval: WATCH_INTERVAL, jitter: 0, logger, look: () => this.#tick() });
  }

  /** What is known now. @param maxAge - A reading that is at most this old will do. */
  async view(maxAge: Milliseconds): Promise<View> {
    if (this.#stopped || performance.now() - this.#readAt <= maxAge) return this.#view;
    return this.#readings.join();
  }

  /** Calls `watcher` with every new view until the returned function is called. */
  watch(watcher: (view: View) => void): () => void {
    this.#watchers.add(watcher);
    if (!this.#stopped) this.#duty.start();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) void this.#duty.stop();
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#watchers.clear();
    void this.#duty.stop();
  }

  async #tick(): Promise<void> {
    const view = await this.view(WATCH_INTERVAL / 2);
    for (const watcher of this.#watchers) watcher(view);
  }

  async #refresh(): Promise<View> {
    try {
      this.#view = { snapshot: await this.#read(), problem: null };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const since = this.#view.problem?.since ?? new Date();
      this.#view = { snapshot: this.#view.snapshot, problem: { message, since } };
    }
    this.#readAt = performance.now();
    return this.#view;
  }
}
