import { LockLostError, type LockLostReason, type ManyhandsError, StateLostError } from "../../errors/index.ts";
import type { ObjectRuntime } from "../../objects/index.ts";
import { allHeldShares } from "./all-held-shares.ts";
import { type ReadWriteMode, releaseShare } from "./read-write-lock-scripts.ts";

/** Why it is lost; `stateLost`: Redis lost its data. */
type Loss = LockLostReason | "stateLost";

/**
 * A read or write lock while it is held.
 *
 * It has no lease of its own but lives on that of its program. When that may be over (by this process' own clock, with or
 * without an answer from Redis), `signal` is aborted: from then on others may have the lock.
 */
export class HeldShare implements AsyncDisposable {
  /** "read": with other readers; "write": alone. */
  readonly mode: ReadWriteMode;
  /** Of a writer: a number that grows with every writer, so that a resource can refuse stale ones. Null for readers. */
  readonly fence: number | null;
  /** Name of the read-write lock. */
  readonly name: string;
  /** "<session>|<id>" @internal */
  readonly holding: string;
  readonly #runtime: ObjectRuntime;
  readonly #lost = new AbortController();
  #state: "held" | "released" | "lost" = "held";
  #isReleasing = false;

  /** @internal */
  constructor(
    runtime: ObjectRuntime,
    held: { name: string; mode: ReadWriteMode; holding: string; fence: number | null },
  ) {
    this.#runtime = runtime;
    this.name = held.name;
    this.mode = held.mode;
    this.holding = held.holding;
    this.fence = held.fence;
    allHeldShares(runtime).add(this);
  }

  /**
   * Aborted the moment the lock can no longer be trusted; `signal.reason` is a LockLostError or StateLostError. Work that
   * needs it must stop then.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return this.#state === "held" && this.#runtime.session.isTrusted;
  }

  /**
   * Gives it back; a second call does nothing.
   * @throws LockLostError when it was lost before; StateLostError when Redis lost its data
   */
  async release(): Promise<void> {
    if (this.#state === "released") return;
    this.#lost.signal.throwIfAborted();
    const lostMeanwhile = new Promise<0>((resolve) => {
      this.#lost.signal.addEventListener("abort", () => resolve(0), { once: true });
    });
    this.#isReleasing = true;
    try {
      const returned = await this.#runtime.keepAlive.during(Promise.race([this.#return(), lostMeanwhile]));
      if (returned === 0) this.lose("refused");
    } finally {
      this.#isReleasing = false;
    }
    this.#lost.signal.throwIfAborted();
    this.#end("released");
  }

  /** Gives it back; a lost one is left as it is. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }

  /** Redis does not know of it. @internal */
  missing(): void {
    // While it is being released that is as it should be.
    if (!this.#isReleasing) this.lose("refused");
  }

  /** @internal */
  lose(loss: Loss): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.#lost.abort(this.#error(loss));
    // A session that came back in time has kept it: nobody looks after it any more.
    this.#return().catch(() => {});
  }

  #return(): Promise<number> {
    const { client, keys, session } = this.#runtime;
    const context = { client, operations: session.operations };
    return releaseShare.run(
      context,
      [keys.object("read-write-lock", this.name)],
      [keys.prefix, this.name, this.holding],
    );
  }

  #error(loss: Loss): ManyhandsError {
    const what = `the ${this.mode} lock of "${this.name}"`;
    if (loss === "stateLost") return new StateLostError(`Redis lost its data, and with it ${what}`);
    const why =
      loss === "deadline"
        ? "could not be kept: this program's lease may be over, and others may have it by now"
        : "was taken back: this program's lease had ended, or somebody removed the lock";
    return new LockLostError(`${what} ${why}`, { reason: loss });
  }

  #end(state: "released" | "lost"): void {
    this.#state = state;
    allHeldShares(this.#runtime).delete(this);
  }
}
