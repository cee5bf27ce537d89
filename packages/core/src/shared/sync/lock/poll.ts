import type { Milliseconds } from "../../../time/index.ts";
import type { LockNode } from "./lock-node.ts";
import type { LockPlace } from "./voter.ts";

/** Longest and shortest wait for the answer of one node, ms. */
export const LONGEST_ANSWER: Milliseconds = 300;
const SHORTEST_ANSWER: Milliseconds = 50;
/** After so long it is worth asking again, whatever leases are in the way, ms. */
const LATEST_LOOK: Milliseconds = 500;

/** One question to all nodes, and what they say besides for and against. */
export class Poll {
  readonly place: LockPlace;
  readonly limit: Milliseconds;
  readonly facts: { from?: string; fence?: number };
  /** Nodes that know of no holder. */
  readonly lacking: Set<LockNode> = new Set<LockNode>();
  /** A vote that comes now is of no use any more. */
  isOver: boolean = false;
  readonly #refusals = new Map<LockNode, Milliseconds>();
  /** Largest fence of those that voted for it. */
  fence: number = 0;

  constructor(place: LockPlace, lease: Milliseconds, facts: Poll["facts"] = {}) {
    this.place = place;
    this.limit = Math.max(SHORTEST_ANSWER, Math.min(LONGEST_ANSWER, lease / 10));
    this.facts = facts;
  }

  get refusals(): number {
    return this.#refusals.size;
  }

  /** ms until the first lease in the way ends. */
  get dueIn(): Milliseconds {
    return Math.max(0, Math.min(LATEST_LOOK, ...this.#refusals.values()));
  }

  voted(fence: number): void {
    this.fence = Math.max(this.fence, fence);
  }

  refused(node: LockNode, leaseLeft: Milliseconds): void {
    this.#refusals.set(node, leaseLeft);
  }

  hasRefused(node: LockNode): boolean {
    return this.#refusals.has(node);
  }
}
