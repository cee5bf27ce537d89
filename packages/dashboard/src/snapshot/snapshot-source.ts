import type { Milliseconds } from "@manyhands/core/internal";
import type { Snapshot, View } from "./snapshot.ts";

/** Pause between two readings while somebody watches. */
const WATCH_INTERVAL: Milliseconds = 2_000;

/**
 * The only reader of the overview's data, shared by every tab, stream and scrape.
 *
 * - One reading at a time; who asks meanwhile gets the same answer.
 * - While somebody watches it reads every two seconds; when nobody does, it does not touch Redis.
 * - A failed reading keeps the last good one and says since when there has been no newer one.
 */
export class SnapshotSource {
  readonly #read: () => Promise<Snapshot>;
  readonly #watchers = new Set<(view: View) => void>();
  #view: View = { snapshot: null, problem: null };
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<View> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** @param read - Must settle, also when Redis does not answer. */
  constructor(read: () => Promise<Snapshot>) {
    this.#read = read;
  }

  /** What is known now. @param maxAge - A reading that is at most this old will do. */
  async view(maxAge: Milliseconds): Promise<View> {
    if (this.#stopped || performance.now() - this.#readAt <= maxAge) return this.#view;
    this.#reading ??= this.#refresh().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** Calls `watcher` with every new view until the returned function is called. */
  watch(watcher: (view: View) => void): () => void {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#schedule();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#pause();
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#watchers.clear();
    this.#pause();
  }

  #schedule(): void {
    this.#pause();
    this.#timer = setTimeout(() => void this.#tick(), WATCH_INTERVAL);
    this.#timer.unref();
  }

  #pause(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #tick(): Promise<void> {
    const view = await this.view(WATCH_INTERVAL / 2);
    for (const watcher of this.#watchers) watcher(view);
    if (this.#watchers.size > 0) this.#schedule();
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
