import type { ObjectRuntime } from "../../object/index.ts";
import { HeldLease, type Loss } from "../leased/index.ts";
import { returnPlace } from "./rate-limiter-scripts.ts";

/** One of the places of a limiter with a concurrency, while it is held; it lives on the lease of its program. */
export class HeldPlace extends HeldLease {
  readonly #name: string;

  /** @internal */
  constructor(runtime: ObjectRuntime, held: { name: string; holding: string }) {
    super(runtime, { kind: "rate-limiter", name: held.name, holding: held.holding, giveBack: returnPlace });
    this.#name = held.name;
  }

  /** @internal */
  protected override describe(loss: Loss): string {
    const what = `the place of the rate limiter "${this.#name}"`;
    if (loss === "stateLost") return `Redis lost its data, and with it ${what}`;
    const why =
      loss === "deadline"
        ? "could not be kept: this program's lease may be over, and others may have it by now"
        : "was taken back: this program's lease had ended, or the limiter was removed";
    return `${what} ${why}`;
  }
}

/**
 * What {@link RateLimiter.take} grants: one start. With a concurrency it also holds one of the places, until it is released.
 */
export class RateLimiterTurn implements AsyncDisposable {
  readonly #place: HeldPlace | undefined;
  readonly #never: AbortSignal = new AbortController().signal;

  /** @internal */
  constructor(place: HeldPlace | undefined) {
    this.#place = place;
  }

  /** Aborted the moment its place can no longer be trusted; never, where the limiter has no concurrency. */
  get signal(): AbortSignal {
    return this.#place?.signal ?? this.#never;
  }

  /** Whether it holds a place. */
  get isHeld(): boolean {
    return this.#place?.isHeld ?? false;
  }

  /**
   * Gives the place back; without one, and for a second time, it does nothing. The rate goes on to count the start.
   * @throws LockLostError when it was lost before; StateLostError when Redis lost its data
   */
  async release(): Promise<void> {
    await this.#place?.release();
  }

  /** Gives the place back; what is lost is left as it is. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place?.[Symbol.asyncDispose]();
  }
}
