import { LockLostError, StateLostError } from "../../../errors/index.ts";
import { type RedisClient, whenBroken } from "../../../redis/connection/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import {
  type AcquireReply,
  abandonLock,
  acquireLock,
  extendLock,
  GRANTED,
  holderOfToken,
  releaseLock,
} from "./lock-scripts.ts";
import { ExecutionError, type Motion, OneTryRedlock } from "./redlock-door.ts";
import type { Ballot, BallotOutcome, LockPlace, Vote, Voter } from "./voter.ts";

/**
 * Votes on one Redis, with redlock as the judge.
 *
 * A vote is one script of ours: the try, the fence and the place in the line are one round trip. It is sent first, because
 * others wait for what it does, and redlock is asked meanwhile: what it would send to its client is answered with the vote
 * that is on its way.
 */
export class RedlockVoter implements Voter {
  readonly #client: RedisClient;
  readonly #session: string;
  readonly #localTime: (serverTime: number) => number | undefined;
  readonly #redlock = new OneTryRedlock<Request>([
    ({ act, request }) => (act === request.act ? request.vote : request.undo()),
  ]);
  /** Token with which a ballot was sent last. */
  readonly #tokens = new WeakMap<Ballot, string>();
  readonly #underWay = new Set<Ballot>();
  readonly #stopListening: () => void;
  #tokenCount = 0;
  /** How often the connection broke. */
  #breaks = 0;

  /** @param options.localTime - This process' monotonic clock at a server time, at the earliest; see `Session`. */
  constructor(options: {
    client: RedisClient;
    session: string;
    localTime: (serverTime: number) => number | undefined;
  }) {
    this.#client = options.client;
    this.#session = options.session;
    this.#localTime = options.localTime;
    this.#stopListening = whenBroken(options.client, () => {
      this.#breaks += 1;
    });
  }

  async acquire(ballot: Ballot): Promise<BallotOutcome> {
    // Unique without asking the system for random numbers each time.
    this.#tokenCount += 1;
    const token = `${this.#session}:${this.#tokenCount.toString(36)}`;
    this.#tokens.set(ballot, token);
    this.#underWay.add(ballot);
    const sentAt = performance.now();
    let reply: AcquireReply | undefined;
    const vote = this.#sendBallot(ballot, token).then((answer) => {
      reply = answer;
      if (answer[0] !== 1) throw REFUSED;
      return 1;
    });
    // A try that was refused has left nothing but its place in the line.
    const undo = async (): Promise<number> => (reply === undefined ? this.#sendRelease(ballot.place, token) : 1);
    try {
      await this.#redlock.acquire({ act: "acquire", vote, undo }, token, ballot.lease);
      return { vote: { token, fence: Number(reply?.[1]), sentAt } };
    } catch (error) {
      // Of a vote without an answer redlock says no more than that there is no majority.
      if (reply === undefined) await vote;
      return refusal(ballot.place, reply, error);
    } finally {
      this.#underWay.delete(ballot);
    }
  }

  /** Redis has granted it to the waiter already: redlock judges that vote as any other, only that nothing has to be sent. */
  async claim(ballot: Ballot, word: string): Promise<Vote | undefined> {
    const [fence, grantedAt, lease] = word.split("@");
    const sentAt = this.#localTime(Number(grantedAt));
    if (ballot.waiter === null || fence === undefined || lease === undefined || sentAt === undefined) return undefined;
    const token = GRANTED + ballot.waiter;
    await this.#redlock.acquire({ act: "acquire", vote: FOR, undo: () => FOR }, token, ballot.lease);
    return { token, fence: Number(fence), sentAt, lease: Number(lease) };
  }

  async extend(place: LockPlace, { token, fence, sentAt }: Vote, lease: Milliseconds): Promise<boolean> {
    const heldFor = Math.round(performance.now() - sentAt);
    const { label } = holderOfToken(token);
    const vote = extendLock.run(this.#client, place.keys, [token, lease, this.#session, heldFor, label, fence]);
    return this.#decide(vote, this.#redlock.extend({ act: "extend", vote, undo: () => FOR }, token, lease));
  }

  async release(place: LockPlace, token: string, options?: { wasExtended: boolean }): Promise<boolean> {
    const vote = this.#sendRelease(place, token, options);
    const breaks = this.#breaks;
    const released = await this.#decide(vote, this.#redlock.release({ act: "release", vote, undo: () => FOR }, token));
    // A connection that broke makes the client send a release again, which by then may have been done long ago.
    return released || breaks !== this.#breaks;
  }

  async abandon(ballot: Ballot): Promise<void> {
    const token = this.#tokens.get(ballot) ?? "";
    await abandonLock.run(this.#client, ballot.place.keys, [token, ballot.waiter ?? ""]);
  }

  holder({ keys }: LockPlace): Promise<string | null> {
    return this.#client.get(keys[0] ?? "");
  }

  async close(): Promise<void> {
    // Sent after the ballots and before the end of the session: nobody would give back what they are granted.
    for (const ballot of this.#underWay) this.abandon(ballot).catch(() => {});
    this.#stopListening();
  }

  /** @returns the majority's answer, which of one Redis is its answer. @throws what kept it from answering */
  async #decide(vote: Promise<number>, judgement: Promise<unknown>): Promise<boolean> {
    try {
      await judgement;
      return true;
    } catch (error) {
      // As above.
      await vote;
      if (error instanceof ExecutionError) return false;
      throw error;
    }
  }

  #sendBallot({ place, lease, waiter, label, from }: Ballot, token: string): Promise<AcquireReply> {
    const wish = [token, lease, waiter ?? "", label, place.owner, from ?? ""];
    // How often it is held is noted of an RLock from the start.
    return acquireLock.run(this.#client, place.keys, place.kind === "rlock" ? wish : withoutEmptyEnd(wish));
  }

  #sendRelease(place: LockPlace, token: string, options?: { wasExtended: boolean }): Promise<number> {
    return releaseLock.run(this.#client, place.keys, options?.wasExtended === false ? [token] : [token, 1]);
  }
}

const FOR = Promise.resolve(1);

/** A vote against, as redlock takes it; the same one each time, because making an error takes longer than a vote. */
const REFUSED = new Error("refused");

function withoutEmptyEnd(words: (string | number)[]): (string | number)[] {
  while (words.at(-1) === "") words.pop();
  return words;
}

/** What redlock is asked to judge. */
interface Request {
  act: Motion<unknown>["act"];
  /** On its way: 1 = for it. */
  vote: Promise<number>;
  /** Takes back what the vote may have done. */
  undo: () => Promise<number>;
}

function refusal(place: LockPlace, reply: AcquireReply | undefined, error: unknown): BallotOutcome {
  switch (reply?.[0]) {
    case 0:
      return { vote: null, dueIn: reply[1] };
    case -1:
      throw new StateLostError(`the program that made the lock "${place.name}" has ended, and the lock with it`);
    case -2:
      throw new LockLostError(`the lock "${place.name}" was not taken over in time: it is free or somebody else's`);
    default:
      throw error;
  }
}
