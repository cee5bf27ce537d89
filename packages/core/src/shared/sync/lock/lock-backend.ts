import { LockLostError, RedisUnfitError, StateLostError } from "../../../errors/index.ts";
import { backOff, type Milliseconds, pause, settledWithin } from "../../../time/index.ts";
import { type ObjectRuntime, RuntimeKey } from "../../object/index.ts";
import type { LockNode } from "./lock-node.ts";
import type { LockGrant, LockOutcome, LockPlace, LockRequest } from "./lock-request.ts";
import { MainNode } from "./main-node.ts";
import { MasterNode } from "./master-node.ts";
import { OneTryRedlock } from "./one-try-redlock.ts";
import { Round } from "./round.ts";
import { type Turn, TurnQueue } from "./turn-queue.ts";

/** Least wait for the main Redis before the first vote, ms, and the round trips that it may take. */
const OPENING_LIMIT: Milliseconds = 1_000;
const OPENING_ROUNDS = 10;
/** Pauses between two tries, ms, of random length, so that those who failed together do not try together again (F24). */
const RETRIES = { first: 10, longest: 500, jitter: 1 };
/** After so long it is worth asking again, also while leases are in the way, ms. */
const LATEST_LOOK: Milliseconds = 500;

const BACKEND = new RuntimeKey<LockBackend>("lock backend");

/** The backend of a context: one for all of its locks. */
export function lockBackendOf(runtime: ObjectRuntime): LockBackend {
  return runtime.of(BACKEND, () => {
    const backend = new LockBackend(runtime);
    runtime.closing.add(() => backend.close());
    return backend;
  });
}

/** A request on its way: the token with which it was sent last, and whether its answer is still waited for. */
interface Sent {
  token: string;
  isWanted: boolean;
}

/**
 * Decides who holds a lock: `redlock` asks all nodes, and the majority of their votes counts. The node is the context's own
 * Redis, or, with `lockNodes`, each of several independent masters. Each method is one try; waiting and renewing are the
 * lock's own.
 *
 * Several masters need more around the vote. The order of those who wait is on the main Redis (`TurnQueue`): one asks the
 * nodes when it has the turn, so that they are seldom asked by two at once. Fences grow over all majorities: the largest of
 * those that voted is written back to a majority before a lock counts as acquired, and any two majorities have a node in
 * common.
 */
export class LockBackend {
  readonly #session: string;
  readonly #main: MainNode | undefined;
  /** Empty where the main Redis votes. */
  readonly #masters: readonly MasterNode[];
  readonly #nodes: readonly LockNode[];
  readonly #majority: number;
  readonly #redlock: OneTryRedlock;
  /** The main Redis keeps the order itself where it votes. */
  readonly #turns: TurnQueue | undefined;
  readonly #sent = new WeakMap<LockRequest, Sent>();
  readonly #underWay = new Set<LockRequest>();
  /** What several masters have granted: the request, and the nodes that knew of no holder at the last extension. */
  readonly #granted = new WeakMap<LockGrant, { request: LockRequest; lacking: readonly LockNode[] }>();
  /** Extensions on their way, by token. */
  readonly #extensions = new Map<string, { isWanted: boolean }>();
  /** Wake-ups are subscribed to at once: later the main Redis may be away, and waits need them. */
  #opening: Promise<void> | undefined;
  #tokens = 0;

  constructor(runtime: ObjectRuntime) {
    const { client, keys, session, lockNodes } = runtime;
    const { id, roundTrip } = session;
    this.#session = id;
    this.#masters = lockNodes.map(
      (config) => new MasterNode(config, { name: `manyhands:lock-node:${id}`, keys, distance: roundTrip }),
    );
    if (this.#masters.length === 0) {
      this.#main = new MainNode({ client, session: id, localTime: (time) => session.localTime(time) });
    } else {
      this.#turns = new TurnQueue({ client, session: id });
      this.#opening = this.#open(runtime);
    }
    this.#nodes = this.#main ? [this.#main] : this.#masters;
    this.#majority = Math.floor(this.#nodes.length / 2) + 1;
    this.#redlock = new OneTryRedlock(this.#nodes);
  }

  /** @throws StateLostError when the maker of an unnamed lock is gone; LockLostError when there is nothing to take over */
  async acquire(request: LockRequest): Promise<LockOutcome> {
    const sent = { token: "", isWanted: this.#sent.get(request)?.isWanted ?? true };
    this.#sent.set(request, sent);
    this.#underWay.add(request);
    try {
      return await (this.#turns ? this.#acquireInTurn(request, sent, this.#turns) : this.#acquireAtOnce(request, sent));
    } finally {
      this.#underWay.delete(request);
    }
  }

  /**
   * A wake-up of the request's waiter came with a word that may say that it holds the lock now.
   * @returns undefined when it has to ask; with several masters always, because a wake-up says only whose turn it is
   */
  async accept(request: LockRequest, word: string): Promise<LockGrant | undefined> {
    const handOver = this.#main?.handOver(request, word);
    if (!handOver) return undefined;
    const round = new Round(request.place, { handOver });
    return (await this.#redlock.acquire(round, handOver.token, request.lease)) ? handOver : undefined;
  }

  /** @returns whether it is still held */
  async extend(place: LockPlace, grant: LockGrant, lease: Milliseconds): Promise<boolean> {
    const { token } = grant;
    const round = new Round(place, { grant });
    const extension = { isWanted: true };
    if (this.#turns) this.#extensions.set(token, extension);
    const isExtended = await this.#redlock.extend(round, token, lease);
    this.#extensions.delete(token);
    if (isExtended) {
      if (extension.isWanted) this.#restore(round, grant, lease);
      return true;
    }
    if (round.refusals.size < this.#majority) throw this.#noMajority(round);
    for (const node of this.#masters) node.withdraw(place, token);
    this.#turns?.leave(place, token);
    return false;
  }

  /**
   * Sends the release before it returns.
   * @param options.wasExtended - false = it is known that it was never extended
   * @returns whether it was held with this token
   */
  async release(place: LockPlace, token: string, options?: { wasExtended: boolean }): Promise<boolean> {
    const extension = this.#extensions.get(token);
    if (extension) extension.isWanted = false;
    const round = new Round(place, { ...options });
    const isReleased = await this.#redlock.release(round, token);
    if (!this.#turns) {
      if (round.failures.length > 0) throw this.#noMajority(round);
      return isReleased;
    }
    this.#turns.leave(place, token);
    // Nodes that did not answer are told later; the lock was held until now unless a majority knows of no such holder.
    return isReleased || round.refusals.size < this.#majority;
  }

  /** Ends a request whose answer is not waited for, and gives back what it was granted. */
  async abandon(request: LockRequest): Promise<void> {
    const sent = this.#sent.get(request);
    if (sent) sent.isWanted = false;
    const token = sent?.token ?? "";
    this.#turns?.abandon(request, token);
    await Promise.all(this.#nodes.map((node) => node.abandon(request, token)));
  }

  /** Token of the present holder, in this program or another one. */
  async holder(place: LockPlace): Promise<string | null> {
    const answers = await Promise.allSettled(this.#nodes.map((node) => node.holder(place)));
    const tokens = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    if (tokens.length < this.#majority) {
      throw this.#noMajority({ failures: answers.flatMap((one) => (one.status === "rejected" ? [one.reason] : [])) });
    }
    const isMajority = (token: string | null): boolean =>
      tokens.filter((other) => other === token).length >= this.#majority;
    return tokens.find((token) => token !== null && isMajority(token)) ?? null;
  }

  async close(): Promise<void> {
    // Sent after the requests and before the end of the session: what they are granted later has no other owner.
    for (const request of this.#underWay) this.abandon(request).catch(() => {});
    // What is held is released at the same time: let that be sent first.
    if (this.#turns) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(this.#nodes.map((node) => node.close()));
  }

  /** The main Redis votes and stores the waiter in one script. */
  async #acquireAtOnce(request: LockRequest, sent: Sent): Promise<LockOutcome> {
    sent.token = this.#newToken();
    const round = new Round(request.place, { request });
    const grant = await this.#vote(round, sent.token, request.lease);
    if (grant) return { is: "granted", grant };
    if (round.failures.length > 0) throw this.#noMajority(round);
    if (round.hasRefusal("gone")) throw makerGone(request.place);
    if (round.hasRefusal("not handed over")) throw notHandedOver(request.place);
    return { is: "taken", dueIn: round.dueIn };
  }

  /** Takes the turn and has the masters vote, until it is granted, refused or no longer wanted. */
  async #acquireInTurn(request: LockRequest, sent: Sent, turns: TurnQueue): Promise<LockOutcome> {
    const { place } = request;
    if (this.#opening) await this.#opening;
    let turn: string | null = null;
    for (let tries = 0; sent.isWanted; tries += 1) {
      const token = this.#newToken();
      sent.token = token;
      const answer: Turn = request.from ? { is: "unknown" } : await turns.take(request, token, turn);
      // A turn that cannot be renewed is given up.
      if (turn !== null && answer.is !== "mine") turns.leave(place, turn);
      if (answer.is === "taken") return answer;
      if (answer.is === "gone") throw makerGone(place);
      if (!sent.isWanted) break;
      turn = answer.is === "mine" ? token : null;
      const election = await this.#elect(request, sent);
      if (election.is === "granted" && sent.isWanted) {
        this.#noteGrant(request, election.grant, turns);
        return election;
      }
      if (request.from) throw notHandedOver(place);
      if (!request.waiter || election.is === "granted") {
        turns.leave(place, token);
        return { is: "taken", dueIn: election.is === "taken" ? election.dueIn : 0 };
      }
      // A turn that was not answered is given up; one that is ours is kept for the next try.
      if (turn === null) turns.leave(place, token);
      await fullJitter(tries);
    }
    return { is: "taken", dueIn: 0 };
  }

  /** One vote of all masters, with the largest fence of the majority written back to a majority. */
  async #elect(request: LockRequest, sent: Sent): Promise<LockOutcome> {
    const { place, lease } = request;
    const { token } = sent;
    const round = new Round(place, { request });
    const grant = await this.#vote(round, token, lease);
    round.isOver = !(grant && sent.isWanted);
    if (!grant) return { is: "taken", dueIn: Math.min(LATEST_LOOK, round.dueIn) };
    if (sent.isWanted && (await this.#redlock.extend(new Round(place, { grant }), token, lease))) {
      return { is: "granted", grant };
    }
    round.isOver = true;
    for (const node of this.#masters) node.withdraw(place, token);
    return { is: "taken", dueIn: 0 };
  }

  async #vote(round: Round, token: string, lease: Milliseconds): Promise<LockGrant | undefined> {
    const sentAt = performance.now();
    if (!(await this.#redlock.acquire(round, token, lease))) return undefined;
    return { token, fence: round.fence, sentAt };
  }

  #noteGrant(request: LockRequest, grant: LockGrant, turns: TurnQueue): void {
    this.#granted.set(grant, { request, lacking: [] });
    if (request.from) void turns.take({ ...request, waiter: null }, grant.token, request.from).catch(() => {});
    turns.note(request, grant, request.lease);
  }

  /**
   * After a majority of masters has extended the lock: asks those that lost their data for their vote, so that the next loss
   * does not end it; not before, because a majority that lost its data ends the lock. Notes the holder.
   */
  #restore(round: Round, grant: LockGrant, lease: Milliseconds): void {
    const granted = this.#granted.get(grant);
    if (!granted || !this.#turns) return;
    const lacking = this.#masters.filter((node) => round.refusals.get(node)?.is === "free");
    for (const node of this.#masters) {
      if (lacking.includes(node) || granted.lacking.includes(node)) node.restore(round.place, grant, lease);
    }
    granted.lacking = lacking;
    this.#turns.note(granted.request, grant, lease);
  }

  async #open({ room, session }: ObjectRuntime): Promise<void> {
    const limit = session.roundTrip.patience(OPENING_LIMIT, OPENING_ROUNDS);
    await settledWithin(room.start(), limit, { ref: false });
    this.#opening = undefined;
  }

  #newToken(): string {
    // Unique without asking the system for random numbers each time.
    this.#tokens += 1;
    return `${this.#session}:${this.#tokens.toString(36)}`;
  }

  /** Of a single Redis, what kept it from answering. */
  #noMajority({ failures }: Pick<Round, "failures">): unknown {
    if (this.#main) return failures[0];
    return new RedisUnfitError(
      `fewer than ${this.#majority} of the ${this.#nodes.length} lock nodes answer; look at the servers given as lockNodes`,
    );
  }
}

function fullJitter(tries: number): Promise<void> {
  return pause(backOff(tries + 1, RETRIES), { ref: false });
}

function makerGone({ name }: LockPlace): StateLostError {
  return new StateLostError(`the program that made the lock "${name}" has ended, and the lock with it`);
}

function notHandedOver({ name }: LockPlace): LockLostError {
  return new LockLostError(`the lock "${name}" was not taken over in time: it is free or held by another holder`);
}
