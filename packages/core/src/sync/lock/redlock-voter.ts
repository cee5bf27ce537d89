import type { RedisClient } from "../../connection/index.ts";
import { LockLostError, StateLostError } from "../../errors/index.ts";
import type { Keys } from "../../protocol/keys.ts";
import type { Milliseconds } from "../../protocol/records.ts";
import {
  type AcquireReply,
  abandonLock,
  acquireLock,
  extendLock,
  GRANT_LEASE,
  GRANTED,
  releaseLock,
} from "./lock-scripts.ts";
import { ExecutionError, type Motion, OneTryRedlock } from "./redlock-door.ts";
import { type Ballot, type BallotOutcome, type LockPlace, lockKeys, nameOf, type Vote, type Voter } from "./voter.ts";

/**
 * Votes on one Redis, with redlock as the judge.
 *
 * What redlock hands to its client are the parameters of a vote; the client below sends our script in its place, keeps
 * what the script says besides (the fence, the lease in the way), and gives redlock the plain vote. So the try, the
 * fence and the place in the line are one round trip.
 */
export class RedlockVoter implements Voter {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #session: string;
  readonly #localTime: (serverTime: number) => number | undefined;
  readonly #redlock: OneTryRedlock;
  /** Requests on their way, by the name that redlock knows them by. */
  readonly #requests = new Map<string, Request>();
  /** Token with which a ballot was sent last. */
  readonly #tokens = new WeakMap<Ballot, string>();
  readonly #onBreak = (): void => {
    this.#breaks += 1;
  };
  #count = 0;
  #tokenCount = 0;
  /** How often the connection broke. */
  #breaks = 0;

  /** @param options.localTime - This process' monotonic clock at a server time, at the earliest; see `Session`. */
  constructor(options: {
    client: RedisClient;
    keys: Keys;
    session: string;
    localTime: (serverTime: number) => number | undefined;
  }) {
    this.#client = options.client;
    this.#keys = options.keys;
    this.#session = options.session;
    this.#localTime = options.localTime;
    this.#client.on("close", this.#onBreak);
    this.#redlock = new OneTryRedlock([(motion) => this.#respond(motion)], () => {
      // Unique without asking the system for random numbers each time.
      this.#tokenCount += 1;
      return `${options.session}:${this.#tokenCount.toString(36)}`;
    });
  }

  async acquire(ballot: Ballot): Promise<BallotOutcome> {
    const request: Request = { place: ballot, ballot, reply: undefined, error: undefined };
    const sentAt = performance.now();
    return this.#asked(request, async (name) => {
      try {
        const token = await this.#redlock.acquire(name, ballot.lease);
        return { vote: { token, fence: Number(request.reply?.[1]), sentAt } };
      } catch (error) {
        return refusal(request, error);
      }
    });
  }

  /** Redis has granted it to the waiter already: redlock judges that vote as any other, only that nothing has to be sent. */
  async claim(ballot: Ballot, word: string): Promise<Vote | undefined> {
    const [fence, grantedAt] = word.split("@");
    const sentAt = this.#localTime(Number(grantedAt));
    if (ballot.waiter === null || fence === undefined || sentAt === undefined) return undefined;
    const request: Request = { place: ballot, ballot: null, reply: [1, fence], error: undefined };
    return this.#asked(request, async (name) => {
      await this.#redlock.acquire(name, ballot.lease);
      return { token: GRANTED + ballot.waiter, fence: Number(fence), sentAt, lease: GRANT_LEASE };
    });
  }

  extend(place: LockPlace, vote: Vote, lease: Milliseconds): Promise<boolean> {
    const heldFor = Math.round(performance.now() - vote.sentAt);
    return this.#decide(place, (name) => this.#redlock.extend(name, vote.token, lease), heldFor);
  }

  async release(place: LockPlace, token: string): Promise<boolean> {
    const breaks = this.#breaks;
    const released = await this.#decide(place, (name) => this.#redlock.release(name, token));
    // A connection that broke makes the client send a release again, which by then may have been done long ago.
    return released || breaks !== this.#breaks;
  }

  async abandon(ballot: Ballot): Promise<void> {
    const token = this.#tokens.get(ballot) ?? "";
    await abandonLock.run(this.#client, lockKeys(this.#keys, ballot), [
      this.#keys.prefix,
      nameOf(ballot),
      token,
      ballot.waiter ?? "",
    ]);
  }

  holder({ kind, name }: LockPlace): Promise<string | null> {
    return this.#client.get(this.#keys.object(kind, name));
  }

  async close(): Promise<void> {
    this.#client.off("close", this.#onBreak);
  }

  /** @returns the majority's answer, which of one Redis is its answer. @throws what kept it from answering */
  async #decide(place: LockPlace, ask: (name: string) => Promise<void>, heldFor: Milliseconds = 0): Promise<boolean> {
    const request: Request = { place, ballot: null, reply: undefined, error: undefined, heldFor };
    return this.#asked(request, async (name) => {
      try {
        await ask(name);
        return true;
      } catch (error) {
        if (request.error !== undefined) throw request.error;
        if (error instanceof ExecutionError) return false;
        throw error;
      }
    });
  }

  async #asked<Outcome>(request: Request, ask: (name: string) => Promise<Outcome>): Promise<Outcome> {
    this.#count += 1;
    const name = this.#count.toString(36);
    this.#requests.set(name, request);
    try {
      return await ask(name);
    } finally {
      this.#requests.delete(name);
    }
  }

  #request(name: string): Request {
    const request = this.#requests.get(name);
    if (!request) throw new Error(`redlock asked for the unknown request "${name}"`);
    return request;
  }

  async #respond({ act, request: name, token, duration }: Motion): Promise<number> {
    const request = this.#request(name);
    const { place } = request;
    try {
      switch (act) {
        case "acquire":
          return await this.#sendBallot(request, token);
        case "extend":
          return await extendLock.run(this.#client, lockKeys(this.#keys, place), [
            this.#keys.prefix,
            nameOf(place),
            token,
            duration,
            this.#session,
            request.heldFor ?? 0,
          ]);
        case "release":
          // Redlock tidies up after a failed try; a try that was refused has left nothing but its place in the line.
          if (request.reply !== undefined && request.reply[0] !== 1) return 0;
          return await releaseLock.run(this.#client, lockKeys(this.#keys, place), [
            this.#keys.prefix,
            nameOf(place),
            token,
          ]);
      }
    } catch (error) {
      request.error = error;
      throw error;
    }
  }

  async #sendBallot(request: Request, token: string): Promise<number> {
    const { ballot } = request;
    if (!ballot) return 1;
    this.#tokens.set(ballot, token);
    request.reply = await acquireLock.run(this.#client, lockKeys(this.#keys, ballot), [
      this.#keys.prefix,
      nameOf(ballot),
      token,
      ballot.lease,
      ballot.waiter ?? "",
      this.#session,
      // How often it is held is noted of an RLock from the start.
      ...(ballot.kind === "rlock"
        ? [ballot.label, ballot.owner, ballot.from ?? ""]
        : withoutEmptyEnd([ballot.label, ballot.owner, ballot.from ?? ""])),
    ]);
    return request.reply[0] === 1 ? 1 : 0;
  }
}

function withoutEmptyEnd(texts: string[]): string[] {
  return texts.slice(0, texts.findLastIndex((text) => text !== "") + 1);
}

interface Request {
  place: LockPlace;
  /** null = nothing to ask Redis for. */
  ballot: Ballot | null;
  reply: AcquireReply | undefined;
  error: unknown;
  /** ms; of an extension. */
  heldFor?: Milliseconds;
}

function refusal({ place, reply, error: failure }: Request, error: unknown): BallotOutcome {
  switch (reply?.[0]) {
    case 0:
      return { vote: null, dueIn: reply[1] };
    case -1:
      throw new StateLostError(`the program that made the lock "${place.name}" has ended, and the lock with it`);
    case -2:
      throw new LockLostError(`the lock "${place.name}" was not taken over in time: it is free or somebody else's`);
    default:
      throw failure ?? error;
  }
}
