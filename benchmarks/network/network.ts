import type { Distance } from "./control.ts";

/** What is measured at one distance. */
export interface Network {
  distance: Distance;
  /** Milliseconds in each direction, as asked for. */
  delay: number;
  /** One PING as it was measured, ms. */
  roundTrip: number;
  /** About how long one turn of a contender may take, ms. */
  budget: number;
  rounds: number;
  /** Whether the row was asked for. */
  wanted(what: string): boolean;
}

/** How many things one after another fit into a turn, when each takes so many round trips and no less than half a ms. */
export function fitting({ budget, roundTrip }: Network, roundTrips: number): number {
  return Math.max(20, Math.round(budget / (0.3 + roundTrips * roundTrip)));
}

/** The title of a row. */
export function at({ delay, roundTrip }: Network, what: string): string {
  return `${what} (${delay} ms each way, round trip ${roundTrip.toFixed(2)} ms)`;
}
