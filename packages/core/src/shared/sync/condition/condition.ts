import { AssertionError, LockLostError, ValueError } from "../../../errors/index.ts";
import { type Patience, toLimit } from "../../../session/waiting/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import {
  assertSameNamespace,
  identify,
  namePart,
  type ObjectIdentity,
  type ObjectRuntime,
  type Participant,
  readParticipants,
  SharedObject,
} from "../../object/index.ts";
import { checkLease, type HeldLock, Lock, locksOnMainRedis, type SuspendableLock } from "../lock/index.ts";
import { type HeldRLock, RLock } from "../rlock/index.ts";
import { notifyWaiters } from "./condition-scripts.ts";
import { type ConditionPlace, keysOf, operations, waitUntilNotified } from "./condition-wait.ts";

/** Options of `mp.condition()`. */
export interface ConditionOptions {
  /**
   * The same condition for every program that uses this name; without a name it is this program's, until it passes it
   * on.
   */
  name?: string | undefined;
  /**
   * Lease of the lock that the condition makes for itself, ms.
   * @defaultValue the context's lease (30 000)
   */
  lease?: Milliseconds | undefined;
}

/** A condition as it is at the moment. */
export interface ConditionState {
  name: string;
  /** Its lock; null = no process has waited for an hour. */
  lock: { kind: string; name: string } | null;
  /** Who waits to be notified; first comes first. */
  sleepers: Participant[];
  /** Number of those who were notified and have not noticed yet. */
  notified: number;
}

/**
 * Waits for a state that others bring about under the same lock (rules C1-C9). All that use a condition of that name
 * must give it the same lock.
 */
export class Condition extends SharedObject {
  override readonly kind = "condition";
  /** The lock given to it, or its own. */
  readonly lock: Lock | RLock;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, lock: Lock | RLock) {
    super(runtime, identity);
    this.lock = lock;
  }

  /** Acquires the lock. @returns whether it was acquired in time */
  acquire(patience?: Patience): Promise<boolean> {
    return this.lock.acquire(patience);
  }

  /** Releases the lock. */
  release(): Promise<void> {
    return this.lock.release();
  }

  /**
   * Acquires the lock for a scope: `await using held = await condition.hold();`
   * @throws TimeoutError when it was not acquired in time; the signal's reason
   */
  hold(patience?: Patience): Promise<HeldLock | HeldRLock> {
    return this.lock.hold(patience);
  }

  /** Runs `body` while holding the lock, and always releases it. */
  run<Value>(body: (held: HeldLock | HeldRLock) => Value | Promise<Value>, patience?: Patience): Promise<Value> {
    return this.lock.run(body, patience);
  }

  /**
   * Releases the lock (an RLock at all levels), waits until it is notified, and has the lock again at the same depth when
   * it returns or throws (C1). The time limit is for being notified; the lock is then waited for as long as it takes. Look
   * at the state again afterwards: another process may have changed it first.
   *
   * A participant that was frozen for longer than its session's lease wakes up as if notified, because it may have missed it.
   *
   * @returns true when notified, false when the time was over first (C5)
   * @throws AssertionError when the caller does not hold the lock (C2); the signal's reason (C7)
   * @throws LockLostError when the lock was lost before, and StateLostError, ClosedError: then the lock is not held
   */
  async wait(patience?: Patience): Promise<boolean> {
    return waitUntilNotified(this.#placeOf("waited for"), patience);
  }

  /**
   * Waits until `predicate` gives something truthy; it is called while the lock is held.
   * @param patience - One limit for all of it (C6).
   * @returns its last value, falsy when the time was over first
   * @throws as {@link wait}, and what `predicate` throws
   */
  async waitFor<Value>(predicate: () => Value | Promise<Value>, patience?: Patience): Promise<Value> {
    const { limit, signal } = toLimit(patience);
    const deadline = performance.now() + limit;
    this.#placeOf("waited for");
    let value = await predicate();
    let left = limit;
    for (let isFirst = true; !value && (isFirst || left > 0); isFirst = false) {
      await this.wait({ timeout: left, ...(signal && { signal }) });
      value = await predicate();
      left = deadline - performance.now();
    }
    return value;
  }

  /**
   * Wakes up to `count` of those who wait, the first ones first; each goes on when it has the lock. Without
   * waiters it does nothing, and is not remembered (C3, C4).
   * @throws AssertionError when the caller does not hold the lock (C2)
   * @throws LockLostError, StateLostError when the lock was lost before: no waiter was notified
   */
  async notify(count = 1): Promise<void> {
    if (!Number.isInteger(count) || count < 0) {
      throw new ValueError(`notify takes a whole number from 0; got ${String(count)}`);
    }
    await this.#notify(count);
  }

  /** Wakes all who wait, as {@link notify}. */
  async notifyAll(): Promise<void> {
    await this.#notify(Number.MAX_SAFE_INTEGER);
  }

  /** Who waits, at this moment. The lock has its own `lock.inspect()`. */
  inspect(): Promise<ConditionState> {
    return this.runtime.keepAlive.during(readCondition(this.runtime, this.name));
  }

  async #notify(count: number): Promise<void> {
    const place = this.#placeOf("notified");
    const { runtime, name, lock, hold } = place;
    const { held } = hold;
    if (held.loss) throw held.loss;
    const token = locksOnMainRedis(runtime) ? held.token : "";
    const notified = await runtime.keepAlive.during(
      notifyWaiters.run(operations(runtime), keysOf(place), [runtime.keys.prefix, name, count, lock, token]),
    );
    if (notified !== "not held") return;
    held.verify(false);
    throw held.loss ?? new LockLostError(`the lock of the condition "${name}" is free or has another holder`);
  }

  #placeOf(what: string): ConditionPlace {
    const hold: SuspendableLock | undefined = this.lock.suspendable();
    if (!hold) {
      throw new AssertionError(
        `the condition "${this.name}" was ${what} without holding its lock; acquire it first, in the same task or program`,
      );
    }
    const { kind, name } = this.lock;
    return { runtime: this.runtime, name: this.name, owner: this.owner, lock: `${kind}/${name}`, hold };
  }

  protected override get settings(): unknown {
    return { lock: this.lock.toReference() };
  }
}

/**
 * Makes a handle for `mp.condition()`.
 * @throws ValueError for a bad name or lease, or for something else than a lock of the same namespace
 */
export function createCondition(
  runtime: ObjectRuntime,
  lock: Lock | RLock | null | undefined,
  options: string | ConditionOptions = {},
): Condition {
  const { name, lease } = typeof options === "string" ? { name: options, lease: undefined } : options;
  const identity = identify(runtime, name);
  if (lock instanceof Lock || lock instanceof RLock) {
    assertSameNamespace(runtime, lock, "condition");
    return new Condition(runtime, identity, lock);
  }
  if (lock !== undefined && lock !== null) {
    throw new ValueError("the lock of a condition is a Lock or an RLock; give the name as { name } after it");
  }
  const own = { name: `${namePart("condition")}/${identity.name}`, owner: identity.owner };
  return new Condition(runtime, identity, new RLock(runtime, own, checkLease(lease)));
}

/** Reads the state of the condition of that name. */
export async function readCondition(
  context: Pick<ObjectRuntime, "client" | "keys">,
  name: string,
): Promise<ConditionState> {
  const { client, keys } = context;
  const [lock, sleepers, notified] = await Promise.all([
    client.hget(keys.object("condition", name), "lock"),
    client.lrange(keys.object("condition", name, "sleepers"), 0, -1),
    client.scard(keys.object("condition", name, "notified")),
  ]);
  const [kind = "", ...rest] = lock?.split("/") ?? [];
  return {
    name,
    lock: lock === null ? null : { kind, name: rest.join("/") },
    sleepers: await readParticipants(context, sleepers),
    notified,
  };
}
