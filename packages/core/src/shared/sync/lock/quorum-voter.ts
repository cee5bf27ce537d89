import { LockLostError, RedisUnfitError, StateLostError } from "../../../errors/index.ts";
import type { RedisConfig } from "../../../redis/connection/index.ts";
import type { Keys } from "../../../redis/keys.ts";
import type { Milliseconds } from "../../../time/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { LockNode } from "./lock-node.ts";
import { extendVote, type VoteReply, voteForLock } from "./node-scripts.ts";
import { LONGEST_ANSWER, Poll } from "./poll.ts";
import { type Motion, OneTryRedlock } from "./redlock-door.ts";
import type { Ballot, BallotOutcome, LockPlace, Vote, Voter } from "./voter.ts";
import { type Turn, WaitingLine } from "./waiting-line.ts";

/** Least wait for the main Redis before the first vote, ms, and the round trips that it may take. */
const OPENING_LIMIT: Milliseconds = 1_000;
const OPENING_ROUNDS = 10;
/** Longest pause between two tries, ms; the first are shorter. */
const LONGEST_PAUSE: Milliseconds = 500;

/**
 * Votes on several independent masters, with redlock as the judge: a lock is held while a majority says so.
 *
 * The line of those who wait is on the main Redis (`WaitingLine`): whoever has the turn asks the nodes, so that they are
 * seldom asked by two at once. Fences grow over all majorities: the largest of those that voted is written back to a
 * majority before a lock counts as acquired, and any two majorities have a node in common.
 */
export class QuorumVoter implements Voter {
  readonly #keys: Keys;
  readonly #nodes: readonly LockNode[];
  readonly #majority: number;
  readonly #line: WaitingLine;
  readonly #redlock: OneTryRedlock<Poll>;
  readonly #session: string;
  /** The token with which a ballot was last sent, and whether it is still wanted. */
  readonly #ballots = new WeakMap<Ballot, { token: string; isWanted: boolean }>();
  readonly #underWay = new Set<Ballot>();
  /** What became of a wish that was granted: the wish, and the nodes that knew of no holder at the last extension. */
  readonly #granted = new WeakMap<Vote, { ballot: Ballot; lacking: ReadonlySet<LockNode> }>();
  /** Extensions on their way, by token. */
  readonly #extensions = new Map<string, { isWanted: boolean }>();
  /** Wake-ups are subscribed to at once: later the main Redis may be away, and waits need them. */
  #opening: Promise<void> | undefined;
  #tokens = 0;

  constructor(runtime: ObjectRuntime) {
    const { client, keys, session, lockNodes, room } = runtime;
    this.#keys = keys;
    this.#session = session.id;
    this.#nodes = lockNodes.map(
      (config: RedisConfig) => new LockNode(config, `manyhands:lock-node:${session.id}`, session.roundTrip),
    );
    this.#majority = Math.floor(lockNodes.length / 2) + 1;
    this.#line = new WaitingLine({ client, session: session.id });
    this.#redlock = new OneTryRedlock(this.#nodes.map((node) => (motion) => this.#respond(node, motion)));
    this.#opening = Promise.race([
      room.start().catch(() => {}),
      pause(session.roundTrip.patience(OPENING_LIMIT, OPENING_ROUNDS)),
    ]).then(() => {
      this.#opening = undefined;
    });
  }

  async acquire(ballot: Ballot): Promise<BallotOutcome> {
    const sent = { token: "", isWanted: this.#ballots.get(ballot)?.isWanted ?? true };
    this.#ballots.set(ballot, sent);
    this.#underWay.add(ballot);
    try {
      return await this.#acquire(ballot, sent);
    } finally {
      this.#underWay.delete(ballot);
    }
  }

  /** A wake-up only says whose turn it is: the nodes have to be asked. */
  claim(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async extend(place: LockPlace, vote: Vote, lease: Milliseconds): Promise<boolean> {
    const { token, fence } = vote;
    const poll = new Poll(place, lease, { fence });
    const extension = { isWanted: true };
    this.#extensions.set(token, extension);
    const isExtended = await isFor(this.#redlock.extend(poll, token, lease));
    this.#extensions.delete(token);
    if (isExtended) {
      if (extension.isWanted) this.#strengthen(place, vote, { poll, lease });
      return true;
    }
    if (poll.refusals < this.#majority) throw this.#noMajority();
    this.#withdraw(place, token);
    this.#line.leave(place, token);
    return false;
  }

  async release(place: LockPlace, token: string): Promise<boolean> {
    const extension = this.#extensions.get(token);
    if (extension) extension.isWanted = false;
    const poll = new Poll(place, Number.POSITIVE_INFINITY);
    const released = await isFor(this.#redlock.release(poll, token));
    this.#line.leave(place, token);
    // Nodes that did not answer are told later; the lock was held until now unless a majority knows of no such holder.
    return released || poll.refusals < this.#majority;
  }

  async abandon(ballot: Ballot): Promise<void> {
    const sent = this.#ballots.get(ballot);
    if (!sent) return;
    sent.isWanted = false;
    this.#withdraw(ballot.place, sent.token);
    this.#line.abandon(ballot, sent.token);
  }

  async holder(place: LockPlace): Promise<string | null> {
    const [key] = this.#nodeKeys(place);
    const asked = this.#nodes.map((node) => node.ask(LONGEST_ANSWER, (client) => client.get(key)));
    const answers = (await Promise.allSettled(asked)).flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    if (answers.length < this.#majority) throw this.#noMajority();
    const isMajority = (token: string | null): boolean =>
      answers.filter((answer) => answer === token).length >= this.#majority;
    return answers.find((token) => token !== null && isMajority(token)) ?? null;
  }

  async close(): Promise<void> {
    // Nobody would give back what they are granted, and without nodes they would be repeated for ever.
    for (const ballot of this.#underWay) this.abandon(ballot).catch(() => {});
    // What is held is released at the same time: let that be sent first.
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(this.#nodes.map((node) => node.close()));
  }

  /** Votes until it is granted, refused or no longer wanted. */
  async #acquire(ballot: Ballot, sent: { token: string; isWanted: boolean }): Promise<BallotOutcome> {
    if (this.#opening) await this.#opening;
    let turn: string | null = null;
    for (let tries = 0; sent.isWanted; tries += 1) {
      const token = this.#newToken();
      sent.token = token;
      const answer: Turn = ballot.from ? { is: "unknown" } : await this.#line.take(ballot, token, turn);
      // A turn that cannot be renewed is given up.
      if (turn !== null && answer.is !== "mine") this.#line.leave(ballot.place, turn);
      if (answer.is === "theirs") return { vote: null, dueIn: answer.dueIn };
      if (answer.is === "gone") throw makerGone(ballot.place);
      if (!sent.isWanted) break;
      turn = answer.is === "mine" ? token : null;
      const election = await this.#elect(ballot, token, sent);
      if ("fence" in election && sent.isWanted) return { vote: this.#grant(ballot, token, election) };
      if (ballot.from) throw notTakenOver(ballot.place);
      if (!ballot.waiter || "fence" in election) {
        this.#line.leave(ballot.place, token);
        return { vote: null, dueIn: "fence" in election ? 0 : election.dueIn };
      }
      // An unanswered turn is given up; one that is ours is kept for the next try.
      if (turn === null) this.#line.leave(ballot.place, token);
      await fullJitter(tries);
    }
    return { vote: null, dueIn: 0 };
  }

  /** One vote of all nodes, with the fence of the majority written back to a majority. */
  async #elect(
    ballot: Ballot,
    token: string,
    sent: { isWanted: boolean },
  ): Promise<{ fence: number; sentAt: number } | { dueIn: Milliseconds }> {
    const sentAt = performance.now();
    const poll = new Poll(ballot.place, ballot.lease, { from: ballot.from ?? "" });
    const isElected = await isFor(this.#redlock.acquire(poll, token, ballot.lease));
    poll.isOver = !(isElected && sent.isWanted);
    if (!isElected) return { dueIn: poll.dueIn };
    const { fence } = poll;
    const back = new Poll(ballot.place, ballot.lease, { fence });
    if (sent.isWanted && (await isFor(this.#redlock.extend(back, token, ballot.lease)))) {
      return { fence, sentAt };
    }
    poll.isOver = true;
    this.#withdraw(ballot.place, token);
    return { dueIn: 0 };
  }

  #grant(ballot: Ballot, token: string, election: { fence: number; sentAt: number }): Vote {
    const vote: Vote = { token, ...election };
    this.#granted.set(vote, { ballot, lacking: new Set() });
    if (ballot.from) void this.#line.take({ ...ballot, waiter: null }, token, ballot.from).catch(() => {});
    this.#line.note(ballot, { token, fence: vote.fence, lease: ballot.lease });
    return vote;
  }

  /**
   * After a majority has extended the lock: asks the nodes that lost their data for their vote, so that the next loss
   * does not end it; not before, because a majority that lost its data ends the lock. Notes the holder.
   */
  #strengthen(place: LockPlace, vote: Vote, { poll, lease }: { poll: Poll; lease: Milliseconds }): void {
    const granted = this.#granted.get(vote);
    if (!granted) return;
    const [voteKey, fenceKey] = this.#nodeKeys(place);
    for (const node of new Set([...poll.lacking, ...granted.lacking])) {
      const args = [vote.token, lease, vote.fence, 1];
      node.ask(poll.limit, (client) => extendVote.run(client, [voteKey, fenceKey], args)).catch(() => {});
    }
    granted.lacking = poll.lacking;
    this.#line.note(granted.ballot, { token: vote.token, fence: vote.fence, lease });
  }

  /** A node's part in a vote. */
  async #respond(node: LockNode, { act, request: poll, token, duration }: Motion<Poll>): Promise<number> {
    const { place, limit, facts } = poll;
    const [vote, fence] = this.#nodeKeys(place);
    switch (act) {
      case "acquire": {
        const args = [token, duration, facts.from ?? ""];
        const [answer, detail] = await node.ask(limit, (client) => {
          const voting = voteForLock.run(client, [vote, fence], args);
          // A script that the node did not know is sent twice, and the second time may come after the withdrawal.
          const takeBack = ([late]: VoteReply): unknown =>
            late === 1 && poll.isOver && node.withdraw(limit, vote, token);
          voting.then(takeBack).catch(() => {});
          return voting;
        });
        if (answer === 1) poll.voted(Number(detail));
        else poll.refused(node, Number(detail));
        return answer;
      }
      case "extend": {
        const args = [token, duration, facts.fence ?? 0, 0];
        const answer = await node.ask(limit, (client) => extendVote.run(client, [vote, fence], args));
        if (answer !== 1) poll.refused(node, 0);
        if (answer === -1) poll.lacking.add(node);
        return answer;
      }
      case "release": {
        // Redlock tidies up after a failed vote; a node that was against it has nothing to withdraw.
        if (poll.hasRefused(node)) return 0;
        const answer = await node.withdraw(limit, vote, token);
        if (answer === 0) poll.refused(node, 0);
        return answer;
      }
    }
  }

  #nodeKeys({ kind, name }: LockPlace): [vote: string, fence: string] {
    return [this.#keys.object(kind, name, "vote"), this.#keys.object(kind, name, "fence")];
  }

  #withdraw(place: LockPlace, token: string): void {
    const [key] = this.#nodeKeys(place);
    for (const node of this.#nodes) node.withdraw(LONGEST_ANSWER, key, token).catch(() => {});
  }

  #newToken(): string {
    this.#tokens += 1;
    return `${this.#session}:${this.#tokens.toString(36)}`;
  }

  #noMajority(): RedisUnfitError {
    return new RedisUnfitError(
      `fewer than ${this.#majority} of the ${this.#nodes.length} lock nodes answer; look at the servers given as lockNodes`,
    );
  }
}

/** Whether the majority was for it. */
async function isFor(judgement: Promise<unknown>): Promise<boolean> {
  try {
    await judgement;
    return true;
  } catch {
    return false;
  }
}

/** A pause of random length, so that those who failed together do not try together again (F24). */
function fullJitter(tries: number): Promise<void> {
  return pause(Math.random() * Math.min(LONGEST_PAUSE, 10 * 2 ** Math.min(tries, 10)));
}

function pause(milliseconds: Milliseconds): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}

function makerGone({ name }: LockPlace): StateLostError {
  return new StateLostError(`the program that made the lock "${name}" has ended, and the lock with it`);
}

function notTakenOver({ name }: LockPlace): LockLostError {
  return new LockLostError(`the lock "${name}" was not taken over in time: it is free or somebody else's`);
}
