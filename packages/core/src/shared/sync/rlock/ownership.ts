import { LockLostError } from "../../../errors/index.ts";
import { type Patience, toLimit } from "../../../session/waiting/index.ts";
import { waitWith } from "../../../time/index.ts";
import { type ObjectRuntime, RuntimeKey } from "../../object/index.ts";
import { type HeldLock, holderOfToken, type Lock, locksOnMainRedis, type SuspendableLock } from "../lock/index.ts";
import { currentOwner, type Owner, whenOwnerEnds } from "./owner.ts";
import { countLock } from "./rlock-scripts.ts";

/** An RLock while one owner holds it, from the first acquire to the last release. */
export interface Holding {
  readonly held: HeldLock;
  /** How often it was acquired and not yet released. */
  count: number;
}

/** Why an owner's own attempt ended: a condition's wait has acquired the lock again, or the owner has ended. */
const RESUMED = Symbol("resumed");

/** What each owner has, by the name of the lock. */
const OWNERSHIPS = new RuntimeKey<WeakMap<Owner, Map<string, Ownership>>>("RLocks of each owner");
/** All that there are, of any owner. */
const ALL = new RuntimeKey<Set<Ownership>>("RLocks in use");

/** What the calling owner has of the RLock `lock`, if anything. */
export function findOwnership(runtime: ObjectRuntime, lock: Lock): Ownership | undefined {
  return ownersOf(runtime).get(currentOwner())?.get(lock.name);
}

/** As {@link findOwnership}, made when it is not there. */
export function ownershipOf(runtime: ObjectRuntime, lock: Lock): Ownership {
  const owners = ownersOf(runtime);
  const owner = currentOwner();
  const owned = owners.get(owner) ?? new Map<string, Ownership>();
  if (!owners.has(owner)) {
    owners.set(owner, owned);
    whenOwnerEnds(() => Promise.all([...owned.values()].map((ownership) => ownership.end())));
  }
  const there = owned.get(lock.name);
  if (there) return there;
  const all = knownOf(runtime);
  const ownership = new Ownership(runtime, lock, () => {
    all.delete(ownership);
    if (owned.get(lock.name) === ownership) owned.delete(lock.name);
  });
  owned.set(lock.name, ownership);
  all.add(ownership);
  return ownership;
}

function knownOf(runtime: ObjectRuntime): Set<Ownership> {
  return runtime.of(ALL, () => {
    const made = new Set<Ownership>();
    runtime.removals.add((firstPart) => {
      for (const ownership of made) ownership.removed(firstPart);
    });
    return made;
  });
}

function ownersOf(runtime: ObjectRuntime): WeakMap<Owner, Map<string, Ownership>> {
  return runtime.of(OWNERSHIPS, () => new WeakMap());
}

/**
 * One owner's share in one RLock, the same for all handles and all asynchronous calls of that owner.
 *
 * Duties: 1. the first acquire takes the lock, later ones count; 2. calls of the same owner at the same time make one
 * attempt, not two that wait for each other; 3. the last release gives the lock back; 4. nothing is left when the owner ends.
 */
export class Ownership {
  readonly #runtime: ObjectRuntime;
  readonly #lock: Lock;
  readonly #forget: () => void;
  #holding: Holding | undefined;
  /** Calls that have released the lock for a condition's wait. */
  #suspended = 0;
  #attempt: { settled: Promise<void>; resumed: AbortController } | undefined;
  #hasEnded = false;

  constructor(runtime: ObjectRuntime, lock: Lock, forget: () => void) {
    this.#runtime = runtime;
    this.#lock = lock;
    this.#forget = forget;
  }

  get holding(): Holding | undefined {
    return this.#holding;
  }

  /** @returns undefined when it was not acquired in time, or before its owner ended. @throws the signal's reason; LockLostError */
  async acquire(patience: Patience | undefined): Promise<Holding | undefined> {
    const { limit, signal } = toLimit(patience);
    signal?.throwIfAborted();
    const deadline = performance.now() + limit;
    while (!this.#hasEnded) {
      const holding = this.#holding;
      if (holding) return this.#acquireOnceMore(holding);
      const left = deadline - performance.now();
      if (this.#attempt) {
        const { settled } = this.#attempt;
        if (left <= 0) return undefined;
        if (!(await this.#runtime.keepAlive.during(settles(settled, left, signal)))) return undefined;
        continue;
      }
      const taken = await this.#take(left, signal);
      if (taken !== RESUMED) return taken;
    }
    return undefined;
  }

  /**
   * Gives one level back; with the last one the lock is free.
   * @throws LockLostError, StateLostError when the lock was lost before
   */
  async release(holding: Holding): Promise<void> {
    holding.count -= 1;
    if (holding.count > 0) return this.#note(holding);
    this.#drop(holding);
    await holding.held.releaseForGood();
  }

  /** All levels of what the owner holds, for a condition's wait. */
  suspendable(): SuspendableLock | undefined {
    const holding = this.#holding;
    const lock = holding && this.#lock.suspendable(holding.held);
    if (!holding || !lock) return undefined;
    let isSuspended = false;
    const resume = (): void => {
      // Noting the count of a resumed lock may fail as well, and then it is abandoned.
      if (isSuspended) this.#resume(holding);
      isSuspended = false;
    };
    return {
      ...lock,
      suspend: () => {
        lock.suspend();
        this.#holding = undefined;
        this.#suspended += 1;
        isSuspended = true;
      },
      resume: async (waiter) => {
        await lock.resume(waiter);
        resume();
        if (holding.count > 1) await this.#note(holding);
      },
      abandon: (error, waiter) => {
        lock.abandon(error, waiter);
        resume();
      },
    };
  }

  /** The locks whose names begin with that part are being removed, held or not: a new one of the name is another lock. */
  removed(firstPart: string): void {
    if (this.#lock.name.startsWith(`${firstPart}/`)) this.#forget();
  }

  /** The owner has ended: no other owner may release what it holds. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    this.#attempt?.resumed.abort(RESUMED);
    const holding = this.#holding;
    if (!holding) return;
    this.#runtime.logger.warn(
      `the rlock "${this.#lock.name}" was still held when its owner ended, and is released now; release it in a finally, or use hold() or run()`,
    );
    await this.#end(holding);
  }

  async #take(left: number, signal: AbortSignal | undefined): Promise<Holding | undefined | typeof RESUMED> {
    const { promise: settled, resolve: settle } = Promise.withResolvers<void>();
    const resumed = new AbortController();
    this.#attempt = { settled, resumed };
    try {
      const signals = signal ? AbortSignal.any([signal, resumed.signal]) : resumed.signal;
      const held = await this.#lock.take({ timeout: left, signal: signals });
      if (!held) return undefined;
      if (this.#hasEnded) {
        await held[Symbol.asyncDispose]();
        return undefined;
      }
      this.#holding = { held, count: 1 };
      return this.#holding;
    } catch (error) {
      if (error === RESUMED) return RESUMED;
      throw error;
    } finally {
      this.#attempt = undefined;
      this.#forgetIfIdle();
      settle();
    }
  }

  async #acquireOnceMore(holding: Holding): Promise<Holding> {
    const { loss } = holding.held;
    if (loss) throw loss;
    holding.count += 1;
    try {
      await this.#note(holding);
      return holding;
    } catch (error) {
      holding.count -= 1;
      // The other levels were given back meanwhile: no other call can release it.
      if (holding.count === 0) await this.#end(holding);
      throw error;
    }
  }

  /** Writes the count to Redis, and makes sure that the lock is still held. */
  async #note({ held, count }: Holding): Promise<void> {
    const { client, keepAlive } = this.#runtime;
    if (held.loss) throw held.loss;
    const { name, keys } = this.#lock.place;
    const holder = holderOfToken(held.token);
    const noting = countLock.run(client, keys, [held.token, count, holder.session, holder.label]);
    if (!locksOnMainRedis(this.#runtime)) {
      // What is noted here is for people; whether it is held is for the nodes to say, and the main Redis may be away.
      noting.catch(() => {});
      return;
    }
    if ((await keepAlive.during(noting)) === "noted") return;
    held.verify(false);
    throw held.loss ?? new LockLostError(`the lock "${name}" is free or has another holder: its lease ended`);
  }

  /** Also a lost lock is the owner's until it has released it. */
  #resume(holding: Holding): void {
    this.#suspended -= 1;
    this.#holding = holding;
    if (this.#hasEnded) void this.end();
    this.#attempt?.resumed.abort(RESUMED);
  }

  async #end(holding: Holding): Promise<void> {
    this.#drop(holding);
    await holding.held[Symbol.asyncDispose]();
  }

  #drop(holding: Holding): void {
    if (this.#holding === holding) this.#holding = undefined;
    this.#forgetIfIdle();
  }

  #forgetIfIdle(): void {
    if (!this.#holding && !this.#attempt && this.#suspended === 0) this.#forget();
  }
}

function settles(settled: Promise<void>, limit: number, signal: AbortSignal | undefined): Promise<boolean> {
  return waitWith(limit, { signal }, (done) => {
    void settled.then(done);
    return () => {};
  });
}
