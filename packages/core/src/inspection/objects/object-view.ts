import type { ObjectReading, Participant } from "../../shared/object/index.ts";
import type { Milliseconds } from "../../time/index.ts";

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
