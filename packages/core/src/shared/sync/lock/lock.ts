import { got, LockLostError, RedisUnfitError, TimeoutError, ValueError } from "../../../errors/index.ts";
import { MAX_LEASE, trustedUntil } from "../../../session/index.ts";
import { type Attempt, type Patience, type Waiter, waitForTurn } from "../../../session/waiting/index.ts";
import { type Milliseconds, measure } from "../../../time/index.ts";
import {
  identify,
  namedOptions,
  type ObjectIdentity,
  type ObjectRuntime,
  ownLabel,
  type Participant,
  readParticipants,
  SharedObject,
} from "../../object/index.ts";
import { HeldLock, type LockTicket } from "./held-lock.ts";
import { heldLocksOf } from "./held-locks.ts";
import { type LockBackend, lockBackendOf } from "./lock-backend.ts";
import { type LockGrant, type LockKind, type LockPlace, type LockRequest, lockPlace } from "./lock-request.ts";
import { holderOfToken } from "./lock-scripts.ts";
import type { SuspendableLock } from "./suspendable-lock.ts";

/** Options of `mp.lock()`. */
export interface LockOptions {
  /** The same lock for every program that uses this name; without a name it is this program's, until it passes it on. */
  name?: string | undefined;
  /**
   * How long the lock outlives a holder that died, ms.
   * @defaultValue the context's lease (30 000)
   */
  lease?: Milliseconds | undefined;
}

/** A lock as it is at the moment. */
export interface LockState {
  name: string;
  locked: boolean;
  holder: (Participant & { since: number }) | null;
  /** Of the present or last holder; null = not used for an hour. */
  fence: number | null;
  /** ms; 0 when it is free. */
  leaseLeft: Milliseconds;
  /** The lease with which it was last renewed, ms; null when it is free or not held for a third of it yet. */
  lease: Milliseconds | null;
  /**
   * How long it was held of late, mean, ms: of the holds for which others waited, or that lasted a third of the lease; null =
   * there was none in the last hour.
   */
  usualHold: Milliseconds | null;
  /** First comes first. */
  waiters: Participant[];
  /** How often an RLock's owner holds it; 1 for a held Lock. */
  count: number;
}

/** Share of a lease that must be left when a lock is acquired. */
const LEAST_VALIDITY = 0.1;
/** After so many acquisitions that came too late, the distance to Redis is compared with the lease. */
const LATE_ACQUISITIONS = 3;
/** The same for a lock that was granted with a wake-up: there is time left for the first renewal. */
const LEAST_CLAIM = 0.6;

/**
 * A lock between processes on any number of machines (rules L1-L8). First come, first served; not reentrant; held for a
 * lease that is renewed while the holder lives.
 */
export class Lock extends SharedObject {
  override readonly kind: LockKind = "lock";
  readonly #lease: Milliseconds;
  #place: LockPlace | undefined;
  /** What {@link acquire} of this handle got. */
  #held: HeldLock | undefined;
  /** What this handle got last, in any way; kept when it is lost or given back, because it is all this handle may release. */
  #last: HeldLock | undefined;
  /** A release of this handle stood for that of a lock which this program had acquired with another one, and had lost. */
  #lostElsewhere: Error | undefined;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, lease?: Milliseconds) {
    super(runtime, identity);
    this.#lease = lease ?? runtime.session.lease;
  }

  /** What the last {@link acquire} of this handle got, until it is released. */
  get held(): HeldLock | undefined {
    return this.#held;
  }

  /**
   * Acquires the lock; `false` or `{ block: false }` = one try (L1, L3). Prefer {@link hold}, which says when the lock is lost.
   * @returns whether it was acquired in time
   * @throws the signal's reason; StateLostError when Redis lost its data meanwhile; RedisUnfitError when Redis is so far away
   * that the lease is over before an answer is there
   */
  async acquire(patience?: Patience): Promise<boolean> {
    const held = await this.take(patience);
    if (held) {
      this.#held = held;
      heldLocksOf(this.runtime).expectRelease(held);
    }
    return held !== undefined;
  }

  /**
   * Releases what this handle acquired, with any of its methods; a handle that has never acquired anything releases the
   * lock of the present holder, as in Python (L4).
   * @throws ValueError when it is not held (L2), or when this handle has given back or handed over what it acquired
   * @throws LockLostError when the lease of what was acquired ended before, by this handle or, where that was another one,
   * by this program: another holder may have the lock
   */
  async release(): Promise<void> {
    const last = this.#last;
    if (!last) return this.runtime.keepAlive.during(this.#releaseForeign());
    if (last.isReleased && this.#held === last && this.runtime.isClosed) {
      // The end of the context has released it.
      this.#held = undefined;
      return;
    }
    if (last.isReleased) return this.runtime.keepAlive.during(this.#refuseRelease());
    try {
      await last.release();
    } finally {
      // What Redis has refused to release can be tried again.
      if (this.#held === last && !last.isHeld) this.#held = undefined;
    }
  }

  /** Whether it is held (L5). */
  async locked(): Promise<boolean> {
    return (await this.runtime.keepAlive.during(this.#backend.holder(this.place))) !== null;
  }

  /**
   * Acquires the lock for a scope: `await using held = await lock.hold();`
   * @throws TimeoutError when it was not acquired in time; the signal's reason
   */
  async hold(patience?: Patience): Promise<HeldLock> {
    const held = await this.take(patience);
    if (held) return held;
    throw new TimeoutError(`the lock "${this.name}" was not acquired in time; try again, or with a longer timeout`);
  }

  /**
   * Runs `body` while holding the lock, and always releases it. Give `held.signal` to what must stop when the
   * lock is lost. A lock lost meanwhile does not change the outcome of `body`.
   */
  async run<Value>(body: (held: HeldLock) => Value | Promise<Value>, patience?: Patience): Promise<Value> {
    const held = await this.hold(patience);
    try {
      return await body(held);
    } finally {
      await held[Symbol.asyncDispose]();
    }
  }

  /**
   * Takes the lock over from the holder that gave the ticket (`held.handOver()`).
   * @throws LockLostError when the ticket was used before or its lease ended; ValueError for what is no ticket
   */
  async takeOver(ticket: LockTicket): Promise<HeldLock> {
    if (typeof ticket !== "string" || ticket === "") {
      throw new ValueError(`a lock is taken over with the ticket that held.handOver() gave; got ${got(ticket)}`);
    }
    const { session, keepAlive } = this.runtime;
    if (!session.isStarted) await keepAlive.during(session.start());
    const request = this.#request({ waiter: null, from: ticket });
    const outcome = await keepAlive.during(this.#backend.acquire(request));
    if (outcome.is === "granted") return this.#hold(outcome.grant);
    throw new LockLostError(`the lock "${this.name}" was not taken over in time`);
  }

  /** Who holds it and who waits, at this moment (L8). */
  inspect(): Promise<LockState> {
    return this.runtime.keepAlive.during(readLock(this.runtime, this.name));
  }

  /** As {@link hold}, but undefined when it was not acquired in time. @internal */
  async take(patience: Patience | undefined): Promise<HeldLock | undefined> {
    let request = this.#request({ waiter: null, from: null });
    let isOver = false;
    let wasGivenBack = false;
    const askedAt = performance.now();
    const granted = await waitForTurn<LockGrant>(
      this.runtime.room,
      {
        attempt: (waiter) => {
          request = this.#request({ waiter, from: null });
          return this.#attempt(request, {
            isWanted: () => !isOver,
            onGivenBack: () => {
              wasGivenBack = true;
            },
          });
        },
        abandon: () => {
          isOver = true;
          return this.#backend.abandon(request);
        },
        // What a wake-up granted may be what a try has found, and has given back, since.
        told: (word) => (wasGivenBack ? undefined : this.#accept(request, word)),
      },
      { patience, label: request.label },
    );
    if (granted) measure("lockWait", performance.now() - askedAt);
    return granted && this.#hold(granted.value);
  }

  /** For a condition's wait: what this program holds, acquired with this handle or another one. @internal */
  suspendable(held: HeldLock | undefined = this.#held ?? this.#heldElsewhere()): SuspendableLock | undefined {
    return (
      held && {
        held,
        suspend: () => held.suspend(),
        release: () => this.#backend.release(this.place, held.token),
        resume: async (waiter) => held.resume(await this.#acquireAgain(waiter)),
        abandon: (error, waiter) => {
          held.loseSuspended(error);
          this.#backend.abandon(this.#request({ waiter: waiter.entry, from: null })).catch(() => {});
        },
      }
    );
  }

  /** One try; a lock that came too late to be of use is given back and asked for again (F25). */
  async #attempt(
    request: LockRequest,
    { isWanted = () => true, onGivenBack }: { isWanted?: () => boolean; onGivenBack?: () => void } = {},
  ): Promise<Attempt<LockGrant>> {
    const locks = heldLocksOf(this.runtime);
    let late = 0;
    // A part of the try, so that it takes no longer than the caller waits.
    if (!this.runtime.session.isStarted) await this.runtime.session.start();
    while (isWanted()) {
      locks.assertOpen();
      const outcome = await this.#backend.acquire(request);
      if (outcome.is === "taken") return { granted: false, dueIn: outcome.dueIn };
      const { grant } = outcome;
      const left = trustedUntil(grant.sentAt, this.#lease) - performance.now();
      if (left >= this.#lease * LEAST_VALIDITY) return { granted: true, value: grant };
      onGivenBack?.();
      await this.#backend.release(request.place, grant.token);
      late += 1;
      if (late >= LATE_ACQUISITIONS) this.#assertNear();
    }
    return { granted: false, dueIn: null };
  }

  /** @throws RedisUnfitError when no answer can come before the lease is over */
  #assertNear(): void {
    const { shortest } = this.runtime.session.roundTrip;
    if (shortest < this.#lease * (1 - LEAST_VALIDITY)) return;
    throw new RedisUnfitError(
      `the lease of the lock "${this.name}", ${this.#lease} ms, is over before Redis has answered, which takes ` +
        `${Math.round(shortest)} ms; give the lock a lease of several times that`,
    );
  }

  /** What a wake-up granted, unless hardly anything of it is left. */
  async #accept(request: LockRequest, word: string): Promise<{ value: LockGrant } | undefined> {
    const grant = await this.#backend.accept(request, word);
    if (!grant) return undefined;
    const lease = grant.lease ?? this.#lease;
    return trustedUntil(grant.sentAt, lease) - performance.now() < lease * LEAST_CLAIM ? undefined : { value: grant };
  }

  /** Waits for as long as it takes. */
  async #acquireAgain(waiter: Waiter): Promise<LockGrant> {
    const request = this.#request({ waiter: waiter.entry, from: null });
    try {
      while (true) {
        const attempt = await this.#attempt(request);
        if (attempt.granted) {
          heldLocksOf(this.runtime).assertOpen();
          return attempt.value;
        }
        if (attempt.dueIn !== null) this.runtime.room.lookIn(attempt.dueIn + 1);
        await waiter.next(Number.POSITIVE_INFINITY, undefined);
      }
    } catch (error) {
      this.#backend.abandon(request).catch(() => {});
      throw error;
    }
  }

  #heldElsewhere(): HeldLock | undefined {
    // The last one: who holds an earlier one as well has lost it, and may not know that yet.
    return [...heldLocksOf(this.runtime)].findLast((held) => held.isOf(this.place));
  }

  async #releaseForeign(): Promise<void> {
    // What this program acquired with another handle comes first: when that is lost, the present holder is another one.
    const loss = heldLocksOf(this.runtime).takeLoss(this.place);
    if (loss) {
      this.#lostElsewhere = loss;
      throw loss;
    }
    const held = this.#heldElsewhere();
    if (held) return held.releaseForAnother();
    if (this.#lostElsewhere) throw this.#lostElsewhere;
    const token = await this.#backend.holder(this.place);
    if (token === null || !(await this.#backend.release(this.place, token))) throw this.#heldByNobody();
  }

  /** @throws ValueError that says who holds it */
  async #refuseRelease(): Promise<never> {
    if ((await this.#backend.holder(this.place)) === null) throw this.#heldByNobody();
    throw new ValueError(
      `the lock "${this.name}" cannot be released: this handle no longer holds it, and another holder has it`,
    );
  }

  #heldByNobody(): ValueError {
    return new ValueError(`the lock "${this.name}" cannot be released, because it is not held`);
  }

  /** @throws ClosedError when it was granted while the context was being closed */
  #hold(grant: LockGrant): HeldLock {
    const held = new HeldLock(this.runtime, this.#backend, { place: this.place, lease: this.#lease, grant });
    try {
      heldLocksOf(this.runtime).assertOpen();
    } catch (error) {
      void held[Symbol.asyncDispose]();
      throw error;
    }
    this.#last = held;
    heldLocksOf(this.runtime).forgetRelease(this.place);
    return held;
  }

  #request({ waiter, from }: Pick<LockRequest, "waiter" | "from">): LockRequest {
    return { place: this.place, waiter, from, lease: this.#lease, label: ownLabel() };
  }

  /** @internal */
  get place(): LockPlace {
    this.#place ??= lockPlace(this.runtime.keys, { kind: this.kind, name: this.name, owner: this.owner });
    return this.#place;
  }

  get #backend(): LockBackend {
    return lockBackendOf(this.runtime);
  }

  protected override get settings(): unknown {
    return { lease: this.#lease };
  }
}

/** Makes a handle for `mp.lock()`. @throws ValueError for a bad name or lease */
export function createLock(runtime: ObjectRuntime, options?: string | LockOptions): Lock {
  const { name, lease } = namedOptions(options);
  return new Lock(runtime, identify(runtime, name), checkLease(lease));
}

/** @throws ValueError unless it is absent or a whole number from 100 ms to {@link MAX_LEASE} */
export function checkLease(lease: unknown): Milliseconds | undefined {
  if (lease === undefined) return undefined;
  if (typeof lease === "number" && Number.isInteger(lease) && lease >= 100 && lease <= MAX_LEASE) return lease;
  throw new ValueError(
    `lease must be a whole number of milliseconds from 100, at most ${MAX_LEASE}; got ${String(lease)}`,
  );
}

/** Reads the state of the lock of that name. */
export function readLock(context: Pick<ObjectRuntime, "client" | "keys">, name: string): Promise<LockState> {
  return readLockOfKind(context, { kind: "lock", name });
}

/** Reads the state of a lock of either kind. */
export async function readLockOfKind(
  context: Pick<ObjectRuntime, "client" | "keys">,
  place: { kind: LockKind; name: string },
): Promise<LockState> {
  const { client, keys } = context;
  const { kind, name } = place;
  const [token, leaseLeft, record, waiting] = await Promise.all([
    client.get(keys.object(kind, name)),
    client.pttl(keys.object(kind, name)),
    client.hgetall(keys.object(kind, name, "record")),
    client.lrange(keys.object(kind, name, "waiters"), 0, -1),
  ]);
  const locked = leaseLeft > 0;
  const isNoted = record["holder"] === token;
  const holder = isNoted
    ? { session: record["session"] ?? "", label: record["label"] ?? "" }
    : holderOfToken(token ?? "");
  // What is not noted yet was acquired just now.
  const since = isNoted ? Number(record["since"]) : Date.now();
  const [first, ...waiters] = await readParticipants(context, [holder, ...waiting]);
  return {
    name,
    locked,
    holder: locked && first && holder.session !== "" ? { ...first, since } : null,
    fence: record["fence"] === undefined ? null : Number(record["fence"]),
    leaseLeft: Math.max(0, leaseLeft),
    lease: locked && isNoted && record["noted"] !== undefined ? Number(record["lease"] ?? 0) || null : null,
    usualHold: record["usual"] === undefined ? null : Number(record["usual"]),
    waiters,
    count: locked ? (isNoted ? Number(record["count"] ?? 1) : 1) : 0,
  };
}
