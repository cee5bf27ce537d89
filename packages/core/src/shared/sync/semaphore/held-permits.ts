import { plural } from "../../../errors/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { HeldLease, type Loss } from "../leased/index.ts";
import { returnHolding } from "./semaphore-scripts.ts";

/**
 * Leased permits of a semaphore while they are held.
 *
 * They have no lease of their own but live on that of their program, so any number of them costs nothing to keep. When
 * that lease may be over (by this process' own clock, with or without an answer from Redis), `signal` is aborted: from
 * then on others may have the permits.
 */
export class HeldPermits extends HeldLease {
  /** How many. */
  readonly permits: number;
  /** Name of the semaphore. */
  readonly semaphore: string;

  /** @internal */
  constructor(runtime: ObjectRuntime, held: { semaphore: string; holding: string; permits: number }) {
    super(runtime, { kind: "semaphore", name: held.semaphore, holding: held.holding, giveBack: returnHolding });
    this.permits = held.permits;
    this.semaphore = held.semaphore;
  }

  /** @internal */
  protected override describe(loss: Loss): string {
    if (loss === "stateLost") return `Redis lost its data, and with it the permits of "${this.semaphore}"`;
    const why =
      loss === "deadline"
        ? "could not be kept: this program's lease may be over, and others may have them by now"
        : `${this.permits === 1 ? "was" : "were"} taken back: this program's lease had ended, or they were released or the semaphore was removed`;
    return `${plural(this.permits, "permit")} of the semaphore "${this.semaphore}" ${why}`;
  }
}
