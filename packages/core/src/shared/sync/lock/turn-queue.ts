import { type RedisClient, roundTripOf } from "../../../redis/connection/index.ts";
import { type Milliseconds, within } from "../../../time/index.ts";
import type { LockGrant, LockPlace, LockRequest } from "./lock-request.ts";
import { abandonLock, acquireLock, releaseLock } from "./lock-scripts.ts";
import { noteHolder } from "./note-holder.ts";

/** Least wait for the main Redis, ms, and the round trips after which its answer is late. */
const ANSWER_LIMIT: Milliseconds = 1_000;
const LATE_ROUNDS = 3;
/** After a wait without an answer it is not asked for so long, ms. */
const SILENCE: Milliseconds = 5_000;

/** What the main Redis says to a process that wants a lock. */
export type Turn =
  /** The caller's: ask the nodes. */
  | { is: "mine" }
  /** Another one's; the request's waiter is stored. */
  | { is: "taken"; dueIn: Milliseconds }
  /** The maker of the unnamed lock has ended. */
  | { is: "gone" }
  /** The main Redis does not answer: ask the nodes without a turn. */
  | { is: "unknown" };

/**
 * The queue of those who wait for a lock that several nodes vote on. The main Redis keeps it, wakes who comes next and shows
 * people who holds the lock. It grants turns as it would grant the lock, but a turn is no lock: the nodes decide. So locks
 * go on while it is away, only without order.
 */
export class TurnQueue {
  readonly #client: RedisClient;
  readonly #session: string;
  #silentUntil = 0;

  constructor(options: { client: RedisClient; session: string }) {
    this.#client = options.client;
    this.#session = options.session;
  }

  /**
   * Asks for the turn with a new token.
   * @param from - The token with which the turn is already the caller's; null = it is not.
   */
  async take(request: LockRequest, token: string, from: string | null): Promise<Turn> {
    const { place, lease, waiter, label } = request;
    const args = [token, lease, waiter ?? "", label, place.owner, from ?? ""];
    const reply = await this.#answer(() => acquireLock.run(this.#client, place.keys, args));
    if (!reply) return { is: "unknown" };
    switch (reply.is) {
      case "acquired":
        return { is: "mine" };
      case "not handed over":
        // The turn has ended meanwhile.
        return this.take(request, token, null);
      default:
        return reply;
    }
  }

  /** Notes who holds the lock now. */
  note({ place, waiter, label }: LockRequest, { token, fence }: LockGrant, lease: Milliseconds): void {
    if (!this.#isThere) return;
    const args = [token, lease, waiter ?? "", this.#session, label, place.owner, fence];
    noteHolder.run(this.#client, place.keys, args).catch(() => {});
  }

  /** Ends a turn, or the note of a holder, and wakes the next waiter. */
  leave(place: LockPlace, token: string): void {
    // Also while it is silent: a turn may have been asked for and not been answered yet.
    releaseLock.run(this.#client, place.keys, [token, 1]).catch(() => {});
  }

  /** Also removes the request's waiter. */
  abandon({ place, waiter }: LockRequest, token: string): void {
    abandonLock.run(this.#client, place.keys, [token, waiter ?? ""]).catch(() => {});
  }

  get #isThere(): boolean {
    return this.#client.status === "ready" && performance.now() >= this.#silentUntil;
  }

  async #answer<Reply>(ask: () => Promise<Reply>): Promise<Reply | undefined> {
    if (!this.#isThere) return undefined;
    const limit = roundTripOf(this.#client).patience(ANSWER_LIMIT, LATE_ROUNDS);
    try {
      const answer = await within(ask(), limit, { ref: false });
      if (!answer) this.#silentUntil = performance.now() + SILENCE;
      return answer?.value;
    } catch {
      return undefined;
    }
  }
}
