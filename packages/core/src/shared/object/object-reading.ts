import type { Milliseconds } from "../../time/index.ts";
import type { Participant } from "./participant.ts";

/** A participant that holds something of an object. */
export interface Holding extends Participant {
  /** How often, or how many permits. */
  count: number;
}

/** An object as inspection shows it, read by its kind. */
export interface ObjectReading {
  /** A few words for a table. */
  summary: string;
  holders: Holding[];
  /** In the order in which they came. */
  waiters: Participant[];
  /**
   * Whose release ends a wait: that of all holders, of any one of them, or "unknown": an event can be set by any program.
   */
  waitsFor: "all" | "any" | "unknown";
  /** Until the holder's lease ends, ms; null when nothing is held on a lease of its own. */
  leaseLeft: Milliseconds | null;
  /** The lease as it was last renewed, at a third of it, ms; null when it has not been, or is that of the holder's program. */
  lease: Milliseconds | null;
  /** What the `inspect()` of its handle gives; null for an unknown kind. */
  state: object | null;
}

/** A reading of an object without holders, or whose holders are not known. */
export function withoutHolders(waiters: Participant[], rest: Pick<ObjectReading, "summary" | "state">): ObjectReading {
  return { holders: [], waiters, waitsFor: "unknown", leaseLeft: null, lease: null, ...rest };
}
