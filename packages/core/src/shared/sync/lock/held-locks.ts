import { closedWhileWaiting } from "../../../errors/index.ts";
import { LongTimer } from "../../../time/index.ts";
import { type ObjectRuntime, RuntimeKey } from "../../object/index.ts";
import type { HeldLock } from "./held-lock.ts";
import type { LockPlace } from "./lock-request.ts";

const HELD_LOCKS = new RuntimeKey<HeldLocks>("held locks");

/** The locks that a context holds. */
export function heldLocksOf(runtime: ObjectRuntime): HeldLocks {
  return runtime.of(HELD_LOCKS, () => new HeldLocks(runtime));
}

/** What is due within this time is done together, if it may be early, ms. */
const TOGETHER = 20;

/** With more acquired locks than that, those of them that are lost are forgotten. */
const MOST_EXPECTED = 1_000;

/**
 * Duties: 1. tells each lock when it is due, with one timer however many are held, so that a lock which is held for a moment
 * costs none; 2. has all of them verified after each reconnect and when Redis lost its data; 3. gives them back when the
 * context closes; 4. remembers what was acquired and lost, until a release of it has been answered with that.
 */
export class HeldLocks {
  readonly #locks = new Set<HeldLock>();
  /** Released for a condition's wait; several masters are told only after the condition. */
  readonly #suspended = new Set<HeldLock>();
  /** To be released with any handle of the lock: what was acquired last, by kind and name, also when it is lost. */
  readonly #toBeReleased = new Map<string, HeldLock>();
  #timer: LongTimer | undefined;
  /** When it rings, by this process' monotonic clock, ms. */
  #ringsAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor({ session, closing }: ObjectRuntime) {
    const verify = (wasStateLost: boolean) => (): void => {
      for (const lock of [...this.#locks]) lock.verify(wasStateLost);
    };
    session.on("reconnected", verify(false));
    session.on("stateLost", verify(true));
    closing.add(() => {
      this.#isClosed = true;
      const released = [...this.#locks].map((lock) => lock.release());
      return Promise.allSettled([...released, ...[...this.#suspended].map((lock) => lock.releaseSuspended())]);
    });
  }

  /** @throws ClosedError once the context closes: what is granted later would never be given back */
  assertOpen(): void {
    if (this.#isClosed) throw closedWhileWaiting();
  }

  [Symbol.iterator](): IterableIterator<HeldLock> {
    return this.#locks.values();
  }

  add(lock: HeldLock): void {
    this.#suspended.delete(lock);
    this.#locks.add(lock);
    this.expect(lock.dueAt);
  }

  /** It was acquired without a scope, so some handle's `release` is to follow; one that this program had before is lost. */
  expectRelease(lock: HeldLock): void {
    const key = whole(lock.place);
    this.#toBeReleased.delete(key);
    this.#toBeReleased.set(key, lock);
    if (this.#toBeReleased.size <= MOST_EXPECTED) return;
    for (const [other, { loss }] of this.#toBeReleased) if (loss) this.#toBeReleased.delete(other);
  }

  /** No release of what was acquired before is to follow any more, or none of `lock`, where that is given. */
  forgetRelease(place: LockPlace, lock?: HeldLock): void {
    const key = whole(place);
    if (!lock || this.#toBeReleased.get(key) === lock) this.#toBeReleased.delete(key);
  }

  /** Why the lock was lost of which a release is to follow; with that it is forgotten. */
  takeLoss(place: LockPlace): Error | undefined {
    const key = whole(place);
    const loss = this.#toBeReleased.get(key)?.loss;
    if (loss) this.#toBeReleased.delete(key);
    return loss;
  }

  /** The timer is left as it is: it looks for what is due when it rings. */
  delete(lock: HeldLock): void {
    this.#suspended.delete(lock);
    this.#locks.delete(lock);
  }

  /** It may be acquired again, by `add`. */
  suspend(lock: HeldLock): void {
    this.delete(lock);
    this.#suspended.add(lock);
  }

  /** One of them is due then, and not before. */
  expect(dueAt: number): void {
    if (dueAt >= this.#ringsAt) return;
    this.#timer?.clear();
    this.#ringsAt = dueAt;
    this.#timer = new LongTimer(Math.max(1, Math.ceil(dueAt - performance.now())), () => this.#ring()).unref();
  }

  #ring(): void {
    this.#ringsAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const lock of [...this.#locks]) {
      if (lock.dueAt <= (lock.mayBeEarly ? now + TOGETHER : now)) lock.whenDue();
      else this.expect(lock.dueAt);
    }
  }
}

function whole({ kind, name }: LockPlace): string {
  return `${kind}/${name}`;
}
