import type { Keys } from "../../../redis/keys.ts";
import type { Milliseconds } from "../../../time/index.ts";

/** First part of a lock's keys. */
export type LockKind = "lock" | "rlock";

/** A lock as voters know it. */
export interface LockPlace {
  readonly kind: LockKind;
  readonly name: string;
  /** Session of the maker of an unnamed lock; "" for a named one. */
  readonly owner: string;
  /** Its keys, in the order in which its scripts take them: the lock, its record, its waiters. */
  readonly keys: string[];
}

/** A wish to have a lock. */
export interface Ballot {
  readonly place: LockPlace;
  lease: Milliseconds;
  /** Waiter to store if it is not free; null = none. */
  waiter: string | null;
  /** What the caller says of itself. */
  label: string;
  /** Token to take the lock over from; null = none. */
  from: string | null;
}

/** A lock that was granted. */
export interface Vote {
  readonly token: string;
  /** Grows with every acquisition of the lock. */
  readonly fence: number;
  /** The caller's monotonic clock (`performance.now()`) when the request was sent, or no later than the grant, ms. */
  readonly sentAt: number;
  /** Lease that was granted, where it is not the one that was asked for, ms. */
  readonly lease?: Milliseconds;
}

/** Outcome of a ballot. `dueIn`: ms until the lease in the way ends. */
export type BallotOutcome = { vote: Vote } | { vote: null; dueIn: Milliseconds };

/**
 * Decides who holds a lock. Each method is one try; waiting and renewing are the lock's own.
 */
export interface Voter {
  /** @throws StateLostError when the maker of an unnamed lock is gone; LockLostError when there is nothing to take over */
  acquire(ballot: Ballot): Promise<BallotOutcome>;
  /**
   * A wake-up of the ballot's waiter came with a word that may say that it holds the lock now.
   * @returns undefined when it has to ask
   */
  claim(ballot: Ballot, word: string): Promise<Vote | undefined>;
  /** @returns whether it is still held with this vote */
  extend(place: LockPlace, vote: Vote, lease: Milliseconds): Promise<boolean>;
  /**
   * Sends the release before it returns.
   * @param options.wasExtended - false = it is known that it was never extended
   * @returns whether it was held with this vote
   */
  release(place: LockPlace, token: string, options?: { wasExtended: boolean }): Promise<boolean>;
  /** Ends a ballot whose answer is not waited for, and gives back what it was granted. */
  abandon(ballot: Ballot): Promise<void>;
  /** Token of the present holder, whoever it is. */
  holder(place: LockPlace): Promise<string | null>;
  close(): Promise<void>;
}

export function lockPlace(keys: Keys, { kind, name, owner }: Omit<LockPlace, "keys">): LockPlace {
  return {
    kind,
    name,
    owner,
    keys: [keys.object(kind, name), keys.object(kind, name, "record"), keys.object(kind, name, "waiters")],
  };
}
