import {
  AssertionError,
  LockLostError,
  type LockLostReason,
  type ManyhandsError,
  StateLostError,
  spareDiscarded,
} from "../../../errors/index.ts";
import { trustedUntil } from "../../../session/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { heldLocksOf } from "./held-locks.ts";
import type { LockBackend } from "./lock-backend.ts";
import type { LockGrant, LockPlace } from "./lock-request.ts";

/** Lets another process take a held lock over; plain text, so it can be sent anywhere. */
export type LockTicket = string & { readonly "manyhands.ticket"?: never };

/** The first renewal is soon, ms: it notes the lock with the session, so that it is free as soon as a killed holder's host says so. */
const FIRST_RENEWAL: Milliseconds = 250;
/** The same where the first lease is a short one, ms: a holder that was granted the lock has its whole lease soon. */
const FIRST_RENEWAL_OF_GRANT: Milliseconds = 50;

/** `suspended`: released while its holder waits for a condition. */
type HeldState = "held" | "suspended" | "released" | "lost";

/**
 * A lock while it is held.
 *
 * Duties: 1. renew the lease at a third of it, and at once after a reconnect; 2. abort `signal` by this process' own
 * monotonic clock before the lease can have ended in Redis, with or without an answer from there (F2, F4); 3. take a
 * refused renewal as final (F3); 4. give the lock back once.
 */
export class HeldLock implements AsyncDisposable {
  readonly #runtime: ObjectRuntime;
  readonly #backend: LockBackend;
  readonly #place: LockPlace;
  readonly #lease: Milliseconds;
  #grant: LockGrant;
  /** Made when the signal is read. */
  #abortion: AbortController | undefined;
  #trustedUntil: number;
  #state: HeldState = "held";
  #loss: Error | undefined;
  /** Next comes a renewal; while one is under way the deadline. */
  #next: "renewal" | "deadline" = "renewal";
  #dueAt: number;
  #isRenewing = false;
  #releasing: Promise<void> | undefined;
  #wasExtended = false;
  #wasStateLost = false;
  #onLost: (() => void) | undefined;

  /** @internal */
  constructor(
    runtime: ObjectRuntime,
    backend: LockBackend,
    held: { place: LockPlace; lease: Milliseconds; grant: LockGrant },
  ) {
    this.#runtime = runtime;
    this.#backend = backend;
    this.#place = held.place;
    this.#lease = held.lease;
    this.#grant = held.grant;
    this.#trustedUntil = trustedUntil(held.grant.sentAt, held.grant.lease ?? held.lease);
    this.#dueAt = performance.now() + this.#firstRenewal;
    heldLocksOf(runtime).add(this);
  }

  /**
   * A number that grows with every acquisition of the lock: a resource that refuses smaller ones refuses stale holders.
   * A new one after each wait for a condition.
   */
  get fence(): number {
    return this.#grant.fence;
  }

  /**
   * Aborted the moment the lock can no longer be trusted; `signal.reason` is a LockLostError or StateLostError. Work that
   * only the holder may do must stop then.
   */
  get signal(): AbortSignal {
    if (!this.#abortion) {
      this.#abortion = new AbortController();
      if (this.#loss) this.#abortion.abort(this.#loss);
    }
    return this.#abortion.signal;
  }

  /** When {@link whenDue} is to be called, by this process' monotonic clock, ms. @internal */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Whether a little earlier is as good. @internal */
  get mayBeEarly(): boolean {
    return this.#next === "renewal";
  }

  /** @internal */
  whenDue(): void {
    if (this.#next === "renewal") void this.#renew();
    else this.#lose("deadline");
  }

  /** Proves to Redis who holds it. @internal */
  get token(): string {
    return this.#grant.token;
  }

  /** Why it can no longer be trusted; undefined = it can. @internal */
  get loss(): Error | undefined {
    if (this.#state === "held" && performance.now() >= this.#trustedUntil) this.#lose("deadline");
    return this.#loss;
  }

  /** Given back, or handed over. @internal */
  get isReleased(): boolean {
    return this.#state === "released";
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
   * @throws LockLostError when it was lost before: another holder may have had it since
   */
  async release(): Promise<void> {
    if (this.#state === "released") return;
    try {
      if (!this.#releasing) {
        this.#assertHeld();
        this.#releasing = this.#release();
      }
      await this.#releasing;
    } finally {
      if (this.#state !== "held") heldLocksOf(this.#runtime).forgetRelease(this.#place, this);
    }
  }

  /**
   * Gives the lock to the caller of `lock.takeOver(ticket)`, in any process: no other request can come
   * in between. The taker gets a new fence. A ticket that is not used ends with the lease.
   * @throws LockLostError when it was lost before
   */
  async handOver(): Promise<LockTicket> {
    this.#assertHeld();
    // With a whole lease before it the taker has time to come.
    await this.#runtime.keepAlive.during(this.#renew());
    this.#assertHeld();
    this.#end("released");
    return this.#grant.token;
  }

  /** Gives the lock back; a lost one is left as it is, and one whose release Redis refuses to its lease. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.releaseForGood().catch(() => {});
  }

  /**
   * As {@link release}, for a caller that cannot call it again: where it fails the lock is renewed no longer. @internal
   */
  async releaseForGood(): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      if (this.#state === "held") {
        const { name } = this.#place;
        this.#endLost(
          new LockLostError(`the lock "${name}" could not be released, and ends with its lease`, { cause: error }),
        );
      }
      throw error;
    }
  }

  /** As {@link release}, by a handle that did not acquire it: for the one that did, the lock is lost. @internal */
  async releaseForAnother(): Promise<void> {
    await this.release();
    const { name } = this.#place;
    this.#endLost(
      new LockLostError(`the lock "${name}" was released with another handle of this program`, { reason: "refused" }),
    );
  }

  /** Something happened to the connection or to Redis: asks whether the lock is still held. @internal */
  verify(wasStateLost: boolean): void {
    this.#wasStateLost ||= wasStateLost;
    void this.#renew();
  }

  /** @internal */
  get place(): LockPlace {
    return this.#place;
  }

  /** Whether it is that lock. @internal */
  isOf({ kind, name }: LockPlace): boolean {
    return this.#place.kind === kind && this.#place.name === name;
  }

  /** It is released in Redis, to be acquired again later. @throws LockLostError @internal */
  suspend(): void {
    this.#assertHeld();
    this.#end("suspended");
    heldLocksOf(this.#runtime).suspend(this);
  }

  /** It is suspended, and may not be released in Redis yet. @internal */
  releaseSuspended(): Promise<boolean> {
    return this.#backend.release(this.#place, this.#grant.token);
  }

  /** It was acquired anew after {@link suspend}. @internal */
  resume(grant: LockGrant): void {
    this.#grant = grant;
    this.#state = "held";
    this.#isRenewing = false;
    this.#wasStateLost = false;
    this.#trustedUntil = trustedUntil(grant.sentAt, this.#lease);
    this.#next = "renewal";
    this.#dueAt = performance.now() + this.#firstRenewal;
    heldLocksOf(this.#runtime).add(this);
  }

  /** It will not be acquired again after {@link suspend}. @internal */
  loseSuspended(loss: Error): void {
    if (this.#state === "suspended") this.#endLost(loss);
  }

  async #release(): Promise<void> {
    // Sent before anything else is done here: the next one waits for it.
    const answer = this.#backend.release(this.#place, this.#grant.token, { wasExtended: this.#wasExtended });
    const { keepAlive } = this.#runtime;
    keepAlive.hold();
    try {
      // Without an answer the deadline decides.
      this.#watchDeadline();
      const released = await new Promise<boolean>((resolve, reject) => {
        this.#onLost = () => resolve(false);
        answer.then(resolve, reject);
      });
      if (!released) this.#lose("refused");
      this.#assertHeld();
      this.#end("released");
    } finally {
      this.#releasing = undefined;
      if (this.#state === "held") void this.#renew();
      keepAlive.release();
    }
  }

  async #renew(): Promise<void> {
    if (this.#state !== "held" || this.#isRenewing || this.#releasing) return;
    // The timer came too late: another holder may have been granted the lock, so it must not be extended (F4).
    if (performance.now() >= this.#trustedUntil) return this.#lose("deadline");
    this.#isRenewing = true;
    this.#watchDeadline();
    const sentAt = performance.now();
    const grant = this.#grant;
    let held: boolean | undefined;
    this.#wasExtended = true;
    try {
      held = await this.#backend.extend(this.#place, grant, this.#lease);
      // The beat tells whether Redis lost all it had: then that is the reason.
      if (held === false) await this.#runtime.session.beat();
    } catch {
      // No answer is no refusal: tried again until the deadline.
    }
    if (grant !== this.#grant) return;
    this.#isRenewing = false;
    const state = this.#currentState();
    if (state !== "held") {
      // It was extended after it had been lost: nothing renews or releases it any more.
      if (held && state === "lost") this.#backend.release(this.#place, this.#grant.token).catch(() => {});
      return;
    }
    // A renewal that was sent before a release may be answered after it.
    if (this.#releasing) return;
    if (held === false) return this.#lose("refused");
    if (held) this.#trustedUntil = trustedUntil(sentAt, this.#lease);
    const now = performance.now();
    const pause = held ? this.#lease / 3 : Math.min(this.#lease / 10, 1_000, this.#trustedUntil - now);
    this.#expect("renewal", now + pause);
  }

  get #firstRenewal(): Milliseconds {
    return Math.min(this.#lease / 3, this.#grant.lease === undefined ? FIRST_RENEWAL : FIRST_RENEWAL_OF_GRANT);
  }

  #currentState(): HeldState {
    return this.#state;
  }

  /** From now on it is the deadline that is waited for. */
  #watchDeadline(): void {
    this.#expect("deadline", this.#trustedUntil);
  }

  #expect(next: "renewal" | "deadline", dueAt: number): void {
    this.#next = next;
    this.#dueAt = dueAt;
    heldLocksOf(this.#runtime).expect(dueAt);
  }

  #lose(reason: LockLostReason): void {
    if (this.#state !== "held") return;
    this.#endLost(this.#lossError(reason));
  }

  #endLost(loss: Error): void {
    this.#end("lost");
    this.#loss = loss;
    this.#abortion?.abort(loss);
    this.#onLost?.();
  }

  #lossError(reason: LockLostReason): ManyhandsError {
    const { name } = this.#place;
    if (this.#wasStateLost) return new StateLostError(`Redis lost its data, and with it the lock "${name}"`);
    const why =
      reason === "deadline"
        ? `could not be renewed for ${this.#lease} ms: another holder may have it by now`
        : "is free or has another holder: it was released, or its lease ended";
    return new LockLostError(`the lock "${name}" ${why}`, { reason });
  }

  #end(state: Exclude<HeldState, "held">): void {
    this.#state = state;
    heldLocksOf(this.#runtime).delete(this);
  }

  #assertHeld(): void {
    if (this.#loss) throw this.#loss;
    const { name } = this.#place;
    if (this.#state === "released") throw new LockLostError(`the lock "${name}" was released before`);
    if (this.#state === "suspended") throw new AssertionError(`the lock "${name}" is released for a condition's wait`);
  }
}

spareDiscarded(HeldLock.prototype);
