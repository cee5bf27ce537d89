import { type Milliseconds, SingleFlight } from "@manyhands/core/internal";
import type { Snapshot, View } from "./snapshot.ts";

/**
 * Reads what the metrics tell, when they are asked: scrapes that come together cost Redis as much as one. A failed reading
 * keeps the last good one and says since when there has been no newer one.
 */
export class SnapshotSource {
  readonly #read: () => Promise<Snapshot>;
  #view: View = { snapshot: null, problem: null };
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #readings = new SingleFlight(() => this.#refresh());

  /** @param read - Must settle, also when Redis does not answer. */
  constructor(read: () => Promise<Snapshot>) {
    this.#read = read;
  }

  /** What is known now. @param maxAge - A reading that is at most this old will do. */
  async view(maxAge: Milliseconds): Promise<View> {
    if (performance.now() - this.#readAt <= maxAge) return this.#view;
    return this.#readings.join();
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
