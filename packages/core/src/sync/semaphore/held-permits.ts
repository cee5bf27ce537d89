import { LockLostError, type ManyhandsError, StateLostError } from "../../errors/index.ts";
import type { ObjectRuntime } from "../../objects/index.ts";
import { allHeldPermits } from "./all-held-permits.ts";
import { returnHolding } from "./semaphore-scripts.ts";

/** Why leased permits are lost; `stateLost`: Redis lost its data. */
type Loss = "deadline" | "refused" | "stateLost";

/**
 * Leased permits of a semaphore while they are held.
 *
 * They have no lease of their own but live on that of their program, so any number of them costs nothing to keep. When
 * that lease may be over (by this process' own clock, with or without an answer from Redis), `signal` is aborted: from
 * then on others may have the permits.
 */
export class HeldPermits implements AsyncDisposable {
  /** How many. */
  readonly permits: number;
  /** Name of the semaphore. */
  readonly semaphore: string;
  /** "<session>|<id>" @internal */
  readonly holding: string;
  readonly #runtime: ObjectRuntime;
  readonly #lost = new AbortController();
  #state: "held" | "released" | "lost" = "held";
  #isReleasing = false;

  /** @internal */
  constructor(runtime: ObjectRuntime, held: { semaphore: string; holding: string; permits: number }) {
    this.#runtime = runtime;
    this.permits = held.permits;
    this.semaphore = held.semaphore;
    this.holding = held.holding;
    allHeldPermits(runtime).add(this);
  }

  /**
   * Aborted the moment the permits can no longer be trusted; `signal.reason` is a LockLostError or StateLostError. Work
   * that needs them must stop then.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return this.#state === "held" && this.#runtime.session.isTrusted;
  }

  /**
   * Gives the permits back; a second call does nothing.
   * @throws LockLostError when they were lost before; StateLostError when Redis lost its data
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

  /** Gives the permits back; lost ones are left as they are. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }

  /** Redis does not know of them. @internal */
  missing(): void {
    // While they are being released that is as it should be.
    if (!this.#isReleasing) this.lose("refused");
  }

  /** @internal */
  lose(loss: Loss): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.#lost.abort(this.#error(loss));
    // A session that came back in time has kept them: nobody looks after them any more.
    this.#return().catch(() => {});
  }

  #return(): Promise<number> {
    const { client, keys, session } = this.#runtime;
    const context = { client, operations: session.operations };
    return returnHolding.run(
      context,
      [keys.object("semaphore", this.semaphore)],
      [keys.prefix, this.semaphore, this.holding],
    );
  }

  #error(loss: Loss): ManyhandsError {
    if (loss === "stateLost") {
      return new StateLostError(`Redis lost its data, and with it the permits of "${this.semaphore}"`);
    }
    const why =
      loss === "deadline"
        ? "could not be kept: this program's lease may be over, and others may have them by now"
        : "were taken back: this program's lease had ended, or somebody released them or removed the semaphore";
    return new LockLostError(`${this.permits} permits of the semaphore "${this.semaphore}" ${why}`, { reason: loss });
  }

  #end(state: "released" | "lost"): void {
    this.#state = state;
    allHeldPermits(this.#runtime).delete(this);
  }
}
