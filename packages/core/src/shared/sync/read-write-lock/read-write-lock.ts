import { randomBytes } from "node:crypto";
import { TimeoutError, ValueError } from "../../../errors/index.ts";
import { type Patience, waitForTurn } from "../../../session/waiting/index.ts";
import { measure } from "../../../time/index.ts";
import {
  identify,
  namedOptions,
  type ObjectIdentity,
  type ObjectRuntime,
  ownLabel,
  SharedObject,
} from "../../object/index.ts";
import { allHeldLeases } from "../leased/index.ts";
import { HeldShare } from "./held-share.ts";
import type { ReadWriteMode } from "./read-write-lock-scripts.ts";
import { type ReadWriteLockState, readReadWriteLock } from "./read-write-lock-state.ts";
import { ShareTurn } from "./share-turn.ts";

/** Options of `mp.readWriteLock()`. */
export interface ReadWriteLockOptions {
  /** The same lock for every program that uses this name; without a name it is this program's, until it passes it on. */
  name?: string | undefined;
}

/** What tells the handles of one kind apart when they travel. */
export interface ReadWriteLockSettings {
  mode: ReadWriteMode | null;
}

/**
 * A lock for many readers or one writer, on any number of machines. First come, first served: readers that stand together
 * that wait next to each other get it together, and none of them overtakes a writer that waits, so writers do not
 * starve. Not reentrant: who holds one side and waits for either waits for itself as soon as a writer stands between.
 *
 * What it grants lives on the lease of the program that holds it, so what expired holders had is released.
 */
export class ReadWriteLock extends SharedObject {
  override readonly kind: string = "read-write-lock";

  /** A handle for those who only read. */
  readLock(): ReadWriteLockSide {
    return new ReadWriteLockSide(this.runtime, this.#identity, "read");
  }

  /** A handle for those who change something. */
  writeLock(): ReadWriteLockSide {
    return new ReadWriteLockSide(this.runtime, this.#identity, "write");
  }

  /** Who holds it and who waits, at this moment. */
  inspect(): Promise<ReadWriteLockState> {
    return this.runtime.keepAlive.during(readReadWriteLock(this.runtime, this.name));
  }

  get #identity(): ObjectIdentity {
    return { name: this.name, owner: this.owner === "" ? null : this.owner };
  }

  protected override get settings(): ReadWriteLockSettings {
    return { mode: null };
  }
}

/** One side of a read-write lock: its `readLock()` or its `writeLock()`. */
export class ReadWriteLockSide extends SharedObject {
  override readonly kind: string = "read-write-lock";
  readonly mode: ReadWriteMode;
  /** What {@link acquire} of this handle got, last one last. */
  readonly #held: HeldShare[] = [];

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, mode: ReadWriteMode) {
    super(runtime, identity);
    this.mode = mode;
  }

  /**
   * Acquires it; `false` or `{ block: false }` = one try. Prefer {@link hold}, which says when it is lost.
   * @returns whether it was acquired in time
   * @throws the signal's reason; StateLostError when Redis lost its data meanwhile
   */
  async acquire(patience?: Patience): Promise<boolean> {
    const held = await this.#acquire(patience);
    if (held) this.#held.push(held);
    return held !== undefined;
  }

  /**
   * Releases what this handle acquired last.
   * @throws ValueError when this handle has acquired nothing
   * @throws LockLostError when this program's lease ended before: others may have had it since
   */
  async release(): Promise<void> {
    const held = this.#held.pop();
    if (!held) {
      throw new ValueError(
        `the ${this.mode} lock of "${this.name}" was released by a handle that does not hold it; only the handle that acquired it can`,
      );
    }
    try {
      await held.release();
    } catch (error) {
      // Redis refused it: it can be tried again.
      if (held.isHeld) this.#held.push(held);
      throw error;
    }
  }

  /** Whether this side is held: the read lock is held by any reader, the write lock by a writer. */
  async locked(): Promise<boolean> {
    const { client, keys, keepAlive } = this.runtime;
    const field = this.mode === "read" ? "readers" : "writer";
    const value = await keepAlive.during(client.hget(keys.object(this.kind, this.name), field));
    return value !== null && value !== "0";
  }

  /**
   * Acquires it for a scope: `await using held = await lock.readLock().hold();`
   * @throws TimeoutError when it was not acquired in time; otherwise as {@link acquire}
   */
  async hold(patience?: Patience): Promise<HeldShare> {
    const held = await this.#acquire(patience);
    if (held) return held;
    throw new TimeoutError(
      `the ${this.mode} lock of "${this.name}" was not acquired in time; try again, or with a longer timeout`,
    );
  }

  /** Runs `body` while holding it, and always releases it. One that is lost meanwhile does not change the outcome. */
  async run<Value>(body: (held: HeldShare) => Value | Promise<Value>, patience?: Patience): Promise<Value> {
    const held = await this.hold(patience);
    try {
      return await body(held);
    } finally {
      await held[Symbol.asyncDispose]();
    }
  }

  /** Who holds either side and who waits, at this moment. */
  inspect(): Promise<ReadWriteLockState> {
    return this.runtime.keepAlive.during(readReadWriteLock(this.runtime, this.name));
  }

  async #acquire(patience: Patience | undefined): Promise<HeldShare | undefined> {
    const { session, room } = this.runtime;
    const { name, mode, owner } = this;
    // From now on it is released when the context closes.
    allHeldLeases(this.runtime);
    const holding = `${session.id}|${randomBytes(8).toString("hex")}`;
    const label = ownLabel();
    const turn = new ShareTurn(this.runtime, { name, owner, mode, holding, label });
    const askedAt = performance.now();
    const got = await waitForTurn(room, turn, { patience, label });
    if (got) measure("lockWait", performance.now() - askedAt);
    return (
      got && new HeldShare(this.runtime, { name, mode, holding, fence: mode === "write" ? got.value : null }).kept()
    );
  }

  protected override get settings(): ReadWriteLockSettings {
    return { mode: this.mode };
  }
}

/** Makes a handle for `mp.readWriteLock()`. @throws ValueError for a bad name */
export function createReadWriteLock(runtime: ObjectRuntime, options?: string | ReadWriteLockOptions): ReadWriteLock {
  return new ReadWriteLock(runtime, identify(runtime, namedOptions(options).name));
}

/** Makes the handle that a reference stands for. */
export function openReadWriteLock(
  runtime: ObjectRuntime,
  identity: ObjectIdentity,
  { mode }: ReadWriteLockSettings,
): ReadWriteLock | ReadWriteLockSide {
  return mode ? new ReadWriteLockSide(runtime, identity, mode) : new ReadWriteLock(runtime, identity);
}
