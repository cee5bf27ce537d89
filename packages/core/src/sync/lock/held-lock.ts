import { LockLostError, type ManyhandsError, StateLostError } from "../../errors/index.ts";
import type { ObjectRuntime } from "../../objects/index.ts";
import type { Milliseconds } from "../../protocol/records.ts";
import { trustedUntil } from "../../session/index.ts";
import type { LockPlace, Vote, Voter } from "./voter.ts";

/** Lets another process take a held lock over; plain text, so it can be sent anywhere. */
export type LockTicket = string & { readonly "manyhands.ticket"?: never };

/**
 * A lock while it is held.
 *
 * Duties: 1. renew the lease at a third of it, and at once after a reconnect; 2. abort `signal` by this process' own
 * monotonic clock before the lease can have ended in Redis, with or without an answer from there (F2, F4); 3. take a
 * refused renewal as final (F3); 4. give the lock back once.
 */
export class HeldLock implements AsyncDisposable {
  /** A number that grows with every acquisition of the lock: a resource that refuses smaller ones refuses stale holders. */
  readonly fence: number;
  readonly #runtime: ObjectRuntime;
  readonly #voter: Voter;
  readonly #place: LockPlace;
  readonly #lease: Milliseconds;
  readonly #vote: Vote;
  readonly #lost = new AbortController();
  readonly #stopListening: (() => void)[];
  readonly #onClosing = (): Promise<unknown> => this.release().catch(() => {});
  #trustedUntil = 0;
  #state: "held" | "released" | "lost" = "held";
  #renewal: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #isRenewing = false;
  #wasStateLost = false;

  /** @internal */
  constructor(runtime: ObjectRuntime, voter: Voter, held: { place: LockPlace; lease: Milliseconds; vote: Vote }) {
    this.#runtime = runtime;
    this.#voter = voter;
    this.#place = held.place;
    this.#lease = held.lease;
    this.#vote = held.vote;
    this.fence = held.vote.fence;
    const { session, closing } = runtime;
    this.#stopListening = [
      session.on("reconnected", () => void this.#renew()),
      session.on("stateLost", () => {
        this.#wasStateLost = true;
        void this.#renew();
      }),
      () => closing.delete(this.#onClosing),
    ];
    closing.add(this.#onClosing);
    this.#trust(held.vote.sentAt);
    this.#renewLater(this.#lease / 3);
  }

  /**
   * Aborted the moment the lock can no longer be trusted; `signal.reason` is a LockLostError or StateLostError. Work that
   * only the holder may do must stop then.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return this.#state === "held" && performance.now() < this.#trustedUntil;
  }

  /** Time for which the lock can be trusted without another renewal, ms. */
  get leaseLeft(): Milliseconds {
    return this.#state === "held" ? Math.max(0, this.#trustedUntil - performance.now()) : 0;
  }

  /**
   * Gives the lock back; a second call does nothing.
   * @throws LockLostError when it was lost before: somebody else may have held it since
   */
  async release(): Promise<void> {
    if (this.#state === "released") return;
    this.#assertHeld();
    const lostMeanwhile = new Promise<false>((resolve) => {
      this.#lost.signal.addEventListener("abort", () => resolve(false), { once: true });
    });
    clearTimeout(this.#renewal);
    const released = await this.#runtime.keepAlive.during(
      Promise.race([this.#voter.release(this.#place, this.#vote.token), lostMeanwhile]),
    );
    if (!released && this.#state === "held") this.#lose("refused");
    this.#assertHeld();
    this.#end("released");
  }

  /**
   * Gives the lock to whoever takes it over with the ticket (`lock.takeOver(ticket)`), in any process: nobody can come
   * in between. The taker gets a new fence. A ticket that nobody uses ends with the lease.
   * @throws LockLostError when it was lost before
   */
  async handOver(): Promise<LockTicket> {
    this.#assertHeld();
    clearTimeout(this.#renewal);
    // With a whole lease before it the taker has time to come.
    await this.#renew();
    this.#assertHeld();
    this.#end("released");
    return this.#vote.token;
  }

  /** Gives the lock back; a lost one is left as it is. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }

  async #renew(): Promise<void> {
    if (this.#state !== "held" || this.#isRenewing) return;
    // The timer came too late: somebody else may have been granted the lock, so it must not be extended (F4).
    if (performance.now() >= this.#trustedUntil) return this.#lose("deadline");
    this.#isRenewing = true;
    clearTimeout(this.#renewal);
    const sentAt = performance.now();
    let held: boolean | undefined;
    try {
      held = await this.#voter.extend(this.#place, this.#vote, this.#lease);
    } catch {
      // No answer is no refusal: tried again until the deadline.
    }
    this.#isRenewing = false;
    const state = this.#currentState();
    if (state !== "held") {
      // It was extended after it had been given up: nobody looks after it any more.
      if (held && state === "lost") this.#voter.release(this.#place, this.#vote.token).catch(() => {});
      return;
    }
    if (held === false) return this.#lose("refused");
    if (held) this.#trust(sentAt);
    this.#renewLater(held ? this.#lease / 3 : Math.min(this.#lease / 10, 1_000));
  }

  #currentState(): "held" | "released" | "lost" {
    return this.#state;
  }

  #trust(sentAt: number): void {
    this.#trustedUntil = trustedUntil(sentAt, this.#lease);
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#lose("deadline"), this.#trustedUntil - performance.now());
    this.#deadline.unref();
  }

  #renewLater(milliseconds: Milliseconds): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => void this.#renew(), milliseconds);
    this.#renewal.unref();
  }

  #lose(reason: "deadline" | "refused"): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.#lost.abort(this.#lossError(reason));
  }

  #lossError(reason: "deadline" | "refused"): ManyhandsError {
    const { name } = this.#place;
    if (this.#wasStateLost) return new StateLostError(`Redis lost its data, and with it the lock "${name}"`);
    const why =
      reason === "deadline"
        ? `could not be renewed for ${this.#lease} ms: somebody else may hold it by now`
        : "is free or somebody else's: it was released, or its lease ended";
    return new LockLostError(`the lock "${name}" ${why}`, { reason });
  }

  #end(state: "released" | "lost"): void {
    this.#state = state;
    clearTimeout(this.#renewal);
    clearTimeout(this.#deadline);
    for (const stop of this.#stopListening) stop();
  }

  #assertHeld(): void {
    if (this.#state === "lost") throw this.#lost.signal.reason;
    if (this.#state === "released") throw new LockLostError(`the lock "${this.#place.name}" was released before`);
  }
}
