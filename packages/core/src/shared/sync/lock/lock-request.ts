import type { Keys } from "../../../redis/keys.ts";
import type { Milliseconds } from "../../../time/index.ts";

/** First part of a lock's keys. */
export type LockKind = "lock" | "rlock";

/** Which lock, and where it is stored. */
export interface LockPlace {
  readonly kind: LockKind;
  readonly name: string;
  /** Session of the maker of an unnamed lock; "" for a named one. */
  readonly owner: string;
  /** Its keys, in the order in which its scripts take them: the lock, its record, its waiters. */
  readonly keys: string[];
}

/** A request to acquire a lock. */
export interface LockRequest {
  readonly place: LockPlace;
  readonly lease: Milliseconds;
  /** Waiter to store if it is not free; null = none. */
  readonly waiter: string | null;
  /** Label of the caller. */
  readonly label: string;
  /** Token to take the lock over from; null = none. */
  readonly from: string | null;
}

/** What the holder of a lock was given. */
export interface LockGrant {
  /** Proves who holds it. */
  readonly token: string;
  /** Grows with every acquisition of the lock. */
  readonly fence: number;
  /** The caller's monotonic clock (`performance.now()`) when the request was sent, or no later than the grant, ms. */
  readonly sentAt: number;
  /** Lease that was granted, where it is not the one that was asked for, ms. */
  readonly lease?: Milliseconds;
}

/** Outcome of one request. `dueIn`: ms until the lease in the way ends. */
export type LockOutcome = { is: "granted"; grant: LockGrant } | { is: "taken"; dueIn: Milliseconds };

export function lockPlace(keys: Keys, { kind, name, owner }: Omit<LockPlace, "keys">): LockPlace {
  return {
    kind,
    name,
    owner,
    keys: [keys.object(kind, name), keys.object(kind, name, "record"), keys.object(kind, name, "waiters")],
  };
}
