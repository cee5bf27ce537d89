import { AssertionError, TimeoutError } from "../../../errors/index.ts";
import type { Patience } from "../../../session/waiting/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { identify, namedOptions, type ObjectIdentity, type ObjectRuntime, SharedObject } from "../../object/index.ts";
import {
  checkLease,
  Lock,
  type LockOptions,
  type LockState,
  readLockOfKind,
  type SuspendableLock,
} from "../lock/index.ts";
import { HeldRLock } from "./held-rlock.ts";
import { findOwnership, type Ownership, ownershipOf } from "./ownership.ts";

/** The lock that owners take from each other. */
class OwnersLock extends Lock {
  override readonly kind = "rlock";
}

/**
 * A lock that its owner may acquire again while it holds it (rules R1-R4): held until it has been released as often. The
 * owner is the running task, the main program, or what runs in `withOwner`; not the handle, and not the process.
 */
export class RLock extends SharedObject {
  override readonly kind = "rlock";
  readonly #lock: Lock;
  readonly #lease: Milliseconds;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, lease: Milliseconds = runtime.session.lease) {
    super(runtime, identity);
    this.#lock = new OwnersLock(runtime, identity, lease);
    this.#lease = lease;
  }

  /** What the calling owner holds of it, with `fence` and `signal`; undefined when it does not hold it. */
  get held(): Pick<HeldRLock, "fence" | "signal" | "isHeld" | "leaseLeft"> | undefined {
    return findOwnership(this.runtime, this.#lock)?.holding?.held;
  }

  /**
   * Acquires the lock, or once more when the caller owns it; `false` or `{ block: false }` = one try.
   * @returns whether it was acquired in time, and before the owner ended
   * @throws the signal's reason; StateLostError when Redis lost its data meanwhile; LockLostError when the caller owned it
   * and has lost it, until it has released it
   */
  async acquire(patience?: Patience): Promise<boolean> {
    return (await this.#ownership.acquire(patience)) !== undefined;
  }

  /**
   * Releases what the caller acquired last; the lock is free after as many releases as acquires.
   * @throws AssertionError when the caller does not own it (R2)
   * @throws LockLostError when its lease ended before: another holder may have the lock
   */
  async release(): Promise<void> {
    const ownership = findOwnership(this.runtime, this.#lock);
    if (!ownership?.holding) {
      throw new AssertionError(
        `the rlock "${this.name}" was released by a caller that does not own it; only the task or program that acquired it may`,
      );
    }
    await ownership.release(ownership.holding);
  }

  /** Whether it is held (L5). */
  locked(): Promise<boolean> {
    return this.#lock.locked();
  }

  /**
   * Acquires the lock for a scope: `await using held = await rlock.hold();`
   * @throws TimeoutError when it was not acquired in time; the signal's reason
   */
  async hold(patience?: Patience): Promise<HeldRLock> {
    const ownership = this.#ownership;
    const holding = await ownership.acquire(patience);
    if (holding) return new HeldRLock(ownership, holding);
    throw new TimeoutError(`the rlock "${this.name}" was not acquired in time; try again, or with a longer timeout`);
  }

  /**
   * Runs `body` while holding the lock, and always releases it. Give `held.signal` to what must stop when the
   * lock is lost. A lock lost meanwhile does not change the outcome of `body`.
   */
  async run<Value>(body: (held: HeldRLock) => Value | Promise<Value>, patience?: Patience): Promise<Value> {
    const held = await this.hold(patience);
    try {
      return await body(held);
    } finally {
      await held[Symbol.asyncDispose]();
    }
  }

  /** Who holds it, how often, and who waits, at this moment (L8). */
  inspect(): Promise<LockState> {
    return this.runtime.keepAlive.during(readRLock(this.runtime, this.name));
  }

  /** @internal */
  suspendable(): SuspendableLock | undefined {
    return findOwnership(this.runtime, this.#lock)?.suspendable();
  }

  get #ownership(): Ownership {
    return ownershipOf(this.runtime, this.#lock);
  }

  protected override get settings(): unknown {
    return { lease: this.#lease };
  }
}

/** Makes a handle for `mp.rlock()`. @throws ValueError for a bad name or lease */
export function createRLock(runtime: ObjectRuntime, options?: string | LockOptions): RLock {
  const { name, lease } = namedOptions(options);
  return new RLock(runtime, identify(runtime, name), checkLease(lease));
}

/** Reads the state of the RLock of that name. */
export function readRLock(context: Pick<ObjectRuntime, "client" | "keys">, name: string): Promise<LockState> {
  return readLockOfKind(context, { kind: "rlock", name });
}
