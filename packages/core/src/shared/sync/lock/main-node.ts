import { type RedisClient, whenBroken } from "../../../redis/connection/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import type { LockNode } from "./lock-node.ts";
import type { LockGrant, LockPlace, LockRequest } from "./lock-request.ts";
import {
  type AcquireReply,
  abandonLock,
  acquireLock,
  extendLock,
  GRANTED,
  holderOfToken,
  releaseLock,
} from "./lock-scripts.ts";
import type { Round } from "./round.ts";

/**
 * The context's own Redis as the only node. Its scripts vote, keep the queue of waiters and make the fence in one round
 * trip, and a release hands the lock over to the next waiter.
 */
export class MainNode implements LockNode {
  readonly #client: RedisClient;
  readonly #session: string;
  readonly #localTime: (serverTime: number) => number | undefined;
  readonly #stopListening: () => void;
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

  /**
   * The vote that a wake-up carries: the script that released the lock has granted it to the waiter.
   * @returns undefined when it carries none
   */
  handOver({ waiter }: LockRequest, word: string): LockGrant | undefined {
    const [fence, grantedAt, lease] = word.split("@");
    const sentAt = this.#localTime(Number(grantedAt));
    if (waiter === null || fence === undefined || lease === undefined || sentAt === undefined) return undefined;
    return { token: GRANTED + waiter, fence: Number(fence), sentAt, lease: Number(lease) };
  }

  async acquire(round: Round, token: string, lease: Milliseconds): Promise<boolean> {
    const { request, handOver } = round.subject;
    if (handOver) {
      round.votedFor(handOver.fence);
      return true;
    }
    const reply = await this.#sendRequest(round.place, token, { lease, ...request });
    if (reply.is === "acquired") round.votedFor(reply.fence);
    else round.refusals.set(this, reply);
    return reply.is === "acquired";
  }

  async extend(round: Round, token: string, lease: Milliseconds): Promise<boolean> {
    const { fence, sentAt } = round.subject.grant ?? { fence: 0, sentAt: performance.now() };
    const heldFor = Math.round(performance.now() - sentAt);
    const args = [token, lease, this.#session, heldFor, holderOfToken(token).label, fence];
    const reply = await extendLock.run(this.#client, round.place.keys, args);
    if (reply === "not held") round.refusals.set(this, { is: "taken", dueIn: 0 });
    return reply === "extended";
  }

  async release(round: Round, token: string): Promise<boolean> {
    // A request that was refused has left nothing but its waiter.
    if (round.refusals.has(this)) return false;
    const breaks = this.#breaks;
    const args = round.subject.wasExtended === false ? [token] : [token, 1];
    const reply = await releaseLock.run(this.#client, round.place.keys, args);
    // A connection that broke makes the client send a release again, which by then may have been done long ago.
    return reply === "released" || breaks !== this.#breaks;
  }

  holder({ keys }: LockPlace): Promise<string | null> {
    return this.#client.get(keys[0] ?? "");
  }

  async abandon({ place, waiter }: LockRequest, token: string): Promise<void> {
    await abandonLock.run(this.#client, place.keys, [token, waiter ?? ""]);
  }

  async close(): Promise<void> {
    this.#stopListening();
  }

  #sendRequest(
    { kind, owner, keys }: LockPlace,
    token: string,
    request: Partial<LockRequest> & { lease: Milliseconds },
  ): Promise<AcquireReply> {
    const args = [token, request.lease, request.waiter ?? "", request.label ?? "", owner, request.from ?? ""];
    // How often it is held is noted of an RLock from the start.
    return acquireLock.run(this.#client, keys, kind === "rlock" ? args : withoutEmptyEnd(args));
  }
}

function withoutEmptyEnd(args: (string | number)[]): (string | number)[] {
  while (args.at(-1) === "") args.pop();
  return args;
}
