import type { Participant } from "../../shared/object/index.ts";
import type { Milliseconds } from "../../time/index.ts";

/** Somebody who holds something of an object. */
export interface Holding extends Participant {
  /** How often, or how many permits. */
  count: number;
  /** Server time of the acquisition, ms; null where that is not kept. */
  since: Milliseconds | null;
}

/** What a kind of object says of itself. */
export interface ObjectReading {
  /** A few words for a table. */
  summary: string;
  holders: Holding[];
  /** In the order in which they have come. */
  waiters: Participant[];
  /**
   * Whose release ends a wait: all holders', that of any one of them, or nobody's who is known (an event is set by
   * whoever likes).
   */
  waitsFor: "all" | "any" | "unknown";
  /** Until the holder's lease ends, ms; null when nothing is held on a lease of its own. */
  leaseLeft: Milliseconds | null;
  /** Everything the kind knows, as its `inspect()` gives it; null for an unknown kind. */
  state: object | null;
}

/** A shared object as it is at the moment. */
export interface ObjectView extends ObjectReading {
  kind: string;
  name: string;
  /**
   * Whether it stays until it is removed, or, as a lock or a condition, has not been used for an hour; otherwise it vanishes
   * with its maker, its manager, or its last end.
   */
  named: boolean;
  /** Maker of an unnamed object. */
  owner: Participant | null;
  /** Name of the manager with which it vanishes. */
  manager: string | null;
  /** Server time, ms. */
  createdAt: Milliseconds;
}

/** Names an object for people and in Redis: "<kind>/<name>". */
export function memberOf(object: { kind: string; name: string }): string {
  return `${object.kind}/${object.name}`;
}
