import type { Milliseconds } from "../../../time/index.ts";
import type { LockNode } from "./lock-node.ts";
import type { LockGrant, LockPlace, LockRequest } from "./lock-request.ts";

/** Why a node has voted against. */
export type Refusal =
  /** Held by another holder, or not by this one. */
  | { is: "taken"; dueIn: Milliseconds }
  /** Not held: the lease ended, or the node has lost its data. */
  | { is: "free" }
  /** The maker of the unnamed lock has ended. */
  | { is: "gone" }
  /** No longer held with the token that it was to be taken over from. */
  | { is: "not handed over" };

/** What a round is about; each act needs its own part of it. */
export interface Subject {
  lease?: Milliseconds;
  /** Of an acquisition. */
  request?: LockRequest;
  /** Of an acquisition whose vote came with a wake-up. */
  handOver?: LockGrant;
  /** Of an extension. */
  grant?: LockGrant;
  /** Of a release; false = it is known that it was never extended. */
  wasExtended?: boolean;
}

/** One question to all nodes, and what they answer besides yes and no. */
export class Round {
  readonly place: LockPlace;
  readonly subject: Subject;
  readonly refusals: Map<LockNode, Refusal> = new Map<LockNode, Refusal>();
  /** Why nodes have not voted. */
  readonly failures: unknown[] = [];
  /** A vote that comes now is of no use any more. */
  isOver = false;
  /** Largest fence of those that voted for it. */
  fence = 0;

  constructor(place: LockPlace, subject: Subject = {}) {
    this.place = place;
    this.subject = subject;
  }

  votedFor(fence: number): void {
    this.fence = Math.max(this.fence, fence);
  }

  /** ms until the first lease in the way ends; Infinity = none is known. */
  get dueIn(): Milliseconds {
    const leases = [...this.refusals.values()].map((refusal) => (refusal.is === "taken" ? refusal.dueIn : 0));
    return Math.max(0, Math.min(...leases));
  }

  /** Whether one of the nodes has refused it for that reason. */
  hasRefusal(is: Refusal["is"]): boolean {
    return [...this.refusals.values()].some((refusal) => refusal.is === is);
  }
}
