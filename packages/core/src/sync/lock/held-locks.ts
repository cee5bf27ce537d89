import { ClosedError } from "../../errors/index.ts";
import type { ObjectRuntime } from "../../objects/index.ts";
import { LongTimer } from "../../timers/index.ts";
import type { HeldLock } from "./held-lock.ts";

const heldLocks = new WeakMap<ObjectRuntime, HeldLocks>();

/** The locks that a context holds. */
export function heldLocksOf(runtime: ObjectRuntime): HeldLocks {
  let held = heldLocks.get(runtime);
  if (!held) {
    held = new HeldLocks(runtime);
    heldLocks.set(runtime, held);
  }
  return held;
}

/** What is due within this time is done together, if it may be early, ms. */
const TOGETHER = 20;

/**
 * Duties: 1. tells each lock when it is due, with one timer however many are held, so that a lock which is held for a moment
 * costs none; 2. has all of them verified after each reconnect and when Redis lost its data; 3. gives them back when the
 * context closes.
 */
export class HeldLocks {
  readonly #locks = new Set<HeldLock>();
  /** Given up for a condition's wait; several masters are told only after the condition. */
  readonly #away = new Set<HeldLock>();
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
      return Promise.allSettled([...released, ...[...this.#away].map((lock) => lock.leave())]);
    });
  }

  /** @throws ClosedError once the context closes: nobody would give back what is granted later */
  assertOpen(): void {
    if (this.#isClosed) throw new ClosedError("the context was closed while this was waited for");
  }

  [Symbol.iterator](): IterableIterator<HeldLock> {
    return this.#locks.values();
  }

  add(lock: HeldLock): void {
    this.#away.delete(lock);
    this.#locks.add(lock);
    this.expect(lock.dueAt);
  }

  /** The timer is left as it is: it looks for what is due when it rings. */
  delete(lock: HeldLock): void {
    this.#away.delete(lock);
    this.#locks.delete(lock);
  }

  /** It may come back, by `add`. */
  setAside(lock: HeldLock): void {
    this.delete(lock);
    this.#away.add(lock);
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
