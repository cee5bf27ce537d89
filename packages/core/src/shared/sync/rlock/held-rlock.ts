import { LockLostError, spareDiscarded } from "../../../errors/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import type { Holding, Ownership } from "./ownership.ts";

/** An RLock while it is held: one of the levels of its owner. Release each level once. */
export class HeldRLock implements AsyncDisposable {
  readonly #ownership: Ownership;
  readonly #holding: Holding;
  #isReleased = false;

  /** @internal */
  constructor(ownership: Ownership, holding: Holding) {
    this.#ownership = ownership;
    this.#holding = holding;
  }

  /** Grows with every acquisition by another owner; the same for all levels (R4). */
  get fence(): number {
    return this.#holding.held.fence;
  }

  /** Aborted the moment the lock can no longer be trusted; `signal.reason` is a LockLostError or StateLostError. */
  get signal(): AbortSignal {
    return this.#holding.held.signal;
  }

  get isHeld(): boolean {
    return !this.#isReleased && this.#holding.held.isHeld;
  }

  /** Time for which the lock can be trusted without another renewal, ms. */
  get leaseLeft(): Milliseconds {
    return this.#isReleased ? 0 : this.#holding.held.leaseLeft;
  }

  /**
   * Gives this level back, called by any owner; a second call does nothing.
   * @throws LockLostError when the lock was lost before: another holder may have had it since
   */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#holding.count <= 0) throw new LockLostError("this level of the lock was released before");
    await this.#ownership.release(this.#holding);
  }

  /** Gives this level back; a lost lock is left as it is. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {});
  }
}

spareDiscarded(HeldRLock.prototype);
