import { type FleetTotals, type Milliseconds, SingleFlight } from "@manyhands/core/internal";

/** Reads what the fleet has counted of each task, when it is asked: scrapes that come together cost Redis as much as one. */
export class TotalsSource {
  readonly #readings: SingleFlight;
  #totals: FleetTotals | null = null;
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param read - Must settle, also when Redis does not answer. */
  constructor(read: () => Promise<FleetTotals>) {
    this.#readings = new SingleFlight(async () => {
      this.#totals = await read().catch(() => null);
      this.#readAt = performance.now();
    });
  }

  /** Null when Redis does not say. @param maxAge - A reading that is at most this old will do. */
  async view(maxAge: Milliseconds): Promise<FleetTotals | null> {
    if (performance.now() - this.#readAt > maxAge) await this.#readings.join();
    return this.#totals;
  }
}
