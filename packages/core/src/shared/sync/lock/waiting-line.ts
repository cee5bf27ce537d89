import { type RedisClient, roundTripOf } from "../../../redis/connection/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { abandonLock, acquireLock, releaseLock } from "./lock-scripts.ts";
import { noteHolder } from "./note-holder.ts";
import type { Ballot, LockPlace } from "./voter.ts";

/** Least wait for the main Redis, ms, and the round trips after which its answer is late. */
const ANSWER_LIMIT: Milliseconds = 1_000;
const LATE_ROUNDS = 3;
/** After a wait in vain it is not asked for so long, ms. */
const SILENCE: Milliseconds = 5_000;

/** What the main Redis says to somebody who wants a lock. */
export type Turn =
  /** Nobody else's turn: ask the nodes. */
  | { is: "mine" }
  /** Somebody else's; stored if there was a waiter. */
  | { is: "theirs"; dueIn: Milliseconds }
  /** The maker of the unnamed lock has ended. */
  | { is: "gone" }
  /** The main Redis does not answer: ask the nodes without a turn. */
  | { is: "unknown" };

/**
 * The line before a lock that others vote on: the main Redis keeps it, wakes who comes next and shows people who holds
 * the lock. It grants turns as it would grant the lock, but what it says is only a turn: the nodes decide. So everything
 * goes on while it is away, only without order.
 */
export class WaitingLine {
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
  async take(ballot: Ballot, token: string, from: string | null): Promise<Turn> {
    const reply = await this.#answer(() =>
      acquireLock.run(this.#client, ballot.place.keys, [
        token,
        ballot.lease,
        ballot.waiter ?? "",
        ballot.label,
        ballot.place.owner,
        from ?? "",
      ]),
    );
    switch (reply?.[0]) {
      case undefined:
        return { is: "unknown" };
      case 1:
        return { is: "mine" };
      case 0:
        return { is: "theirs", dueIn: reply[1] };
      case -1:
        return { is: "gone" };
      case -2:
        // The turn has ended meanwhile.
        return this.take(ballot, token, null);
    }
  }

  /** Notes who holds the lock now. */
  note(ballot: Ballot, holder: { token: string; fence: number; lease: Milliseconds }): void {
    if (!this.#isThere) return;
    const { place, waiter, label } = ballot;
    const args = [holder.token, holder.lease, waiter ?? "", this.#session, label, place.owner, holder.fence];
    noteHolder.run(this.#client, place.keys, args).catch(() => {});
  }

  /** Ends a turn, or the note of a holder, and calls the next. */
  leave(place: LockPlace, token: string): void {
    // Also while it is silent: a turn may have been asked for and not been answered yet.
    releaseLock.run(this.#client, place.keys, [token, 1]).catch(() => {});
  }

  /** Also gives up the place in the line. */
  abandon(ballot: Ballot, token: string): void {
    abandonLock.run(this.#client, ballot.place.keys, [token, ballot.waiter ?? ""]).catch(() => {});
  }

  get #isThere(): boolean {
    return this.#client.status === "ready" && performance.now() >= this.#silentUntil;
  }

  async #answer<Reply>(ask: () => Promise<Reply>): Promise<Reply | undefined> {
    if (!this.#isThere) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<undefined>((resolve) => {
      timer = setTimeout(
        () => {
          this.#silentUntil = performance.now() + SILENCE;
          resolve(undefined);
        },
        roundTripOf(this.#client).patience(ANSWER_LIMIT, LATE_ROUNDS),
      ).unref();
    });
    try {
      return await Promise.race([ask(), silence]);
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
