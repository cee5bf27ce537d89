import type { RedisConfig, RoundTrip } from "../../../redis/connection/index.ts";
import type { Keys } from "../../../redis/keys.ts";
import type { Milliseconds } from "../../../time/index.ts";
import type { LockNode } from "./lock-node.ts";
import type { LockGrant, LockPlace, LockRequest } from "./lock-request.ts";
import { NodeConnection } from "./node-connection.ts";
import { extendVote, type VoteReply, voteForLock } from "./node-scripts.ts";
import type { Round } from "./round.ts";

/** Longest and shortest wait for the answer of one node, ms. */
const LONGEST_ANSWER: Milliseconds = 300;
const SHORTEST_ANSWER: Milliseconds = 50;

/** One of several independent masters: it keeps its vote and the largest fence that it knows of, and nothing else. */
export class MasterNode implements LockNode {
  readonly #connection: NodeConnection;
  readonly #keys: Keys;

  /** @param options.distance - Round trip of the main Redis: the best guess before this node has answered. */
  constructor(config: RedisConfig, options: { name: string; keys: Keys; distance: RoundTrip }) {
    this.#connection = new NodeConnection(config, options.name, options.distance);
    this.#keys = options.keys;
  }

  async acquire(round: Round, token: string, lease: Milliseconds): Promise<boolean> {
    const { vote, keys } = this.#keysOf(round.place);
    const limit = answerLimit(lease);
    const reply = await this.#connection.ask(limit, (client) => {
      const voting = voteForLock.run(client, keys, [token, lease, round.subject.request?.from ?? ""]);
      // A script that the node did not know is sent twice, and the second time may come after the withdrawal.
      const takeBack = (late: VoteReply): unknown =>
        late.is === "voted" && round.isOver && this.#connection.withdraw(limit, vote, token);
      voting.then(takeBack).catch(() => {});
      return voting;
    });
    if (reply.is === "voted") round.votedFor(reply.fence);
    else round.refusals.set(this, reply);
    return reply.is === "voted";
  }

  async extend(round: Round, token: string, lease: Milliseconds): Promise<boolean> {
    const { keys } = this.#keysOf(round.place);
    const args = [token, lease, round.subject.grant?.fence ?? 0, 0];
    const reply = await this.#connection.ask(answerLimit(lease), (client) => extendVote.run(client, keys, args));
    if (reply !== "extended") round.refusals.set(this, reply === "free" ? { is: "free" } : { is: "taken", dueIn: 0 });
    return reply === "extended";
  }

  async release(round: Round, token: string): Promise<boolean> {
    // A node that was against an acquisition has nothing to withdraw.
    if (round.refusals.has(this)) return false;
    const { vote } = this.#keysOf(round.place);
    const reply = await this.#connection.withdraw(answerLimit(round.subject.request?.lease), vote, token);
    if (reply === "not held") round.refusals.set(this, { is: "taken", dueIn: 0 });
    return reply === "withdrawn";
  }

  /** Votes for a holder that a majority has confirmed, where this node has lost its data. */
  restore(place: LockPlace, { token, fence }: LockGrant, lease: Milliseconds): void {
    const { keys } = this.#keysOf(place);
    const args = [token, lease, fence, 1];
    this.#connection.ask(answerLimit(lease), (client) => extendVote.run(client, keys, args)).catch(() => {});
  }

  holder(place: LockPlace): Promise<string | null> {
    return this.#connection.ask(LONGEST_ANSWER, (client) => client.get(this.#keysOf(place).vote));
  }

  /** Not waited for: the node may be away, and is told as soon as it answers. */
  async abandon({ place }: LockRequest, token: string): Promise<void> {
    if (token !== "") this.withdraw(place, token);
  }

  /** Takes its vote back, whenever it answers. */
  withdraw(place: LockPlace, token: string): void {
    this.#connection.withdraw(LONGEST_ANSWER, this.#keysOf(place).vote, token).catch(() => {});
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #keysOf({ kind, name }: LockPlace): { vote: string; keys: string[] } {
    const vote = this.#keys.object(kind, name, "vote");
    return { vote, keys: [vote, this.#keys.object(kind, name, "fence")] };
  }
}

/** A tenth of the lease, within limits; the longest for what has no lease. */
function answerLimit(lease: Milliseconds = Number.POSITIVE_INFINITY): Milliseconds {
  return Math.max(SHORTEST_ANSWER, Math.min(LONGEST_ANSWER, lease / 10));
}
