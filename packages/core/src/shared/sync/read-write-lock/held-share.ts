import type { ObjectRuntime } from "../../object/index.ts";
import { HeldLease, type Loss } from "../leased/index.ts";
import { type ReadWriteMode, releaseShare } from "./read-write-lock-scripts.ts";

/**
 * A read or write lock while it is held.
 *
 * It has no lease of its own but lives on that of its program. When that may be over (by this process' own clock, with or
 * without an answer from Redis), `signal` is aborted: from then on others may have the lock.
 */
export class HeldShare extends HeldLease {
  /** "read": with other readers; "write": alone. */
  readonly mode: ReadWriteMode;
  /** Of a writer: a number that grows with every writer, so that a resource can refuse stale ones. Null for readers. */
  readonly fence: number | null;
  /** Name of the read-write lock. */
  readonly name: string;

  /** @internal */
  constructor(
    runtime: ObjectRuntime,
    held: { name: string; mode: ReadWriteMode; holding: string; fence: number | null },
  ) {
    super(runtime, { kind: "read-write-lock", name: held.name, holding: held.holding, giveBack: releaseShare });
    this.name = held.name;
    this.mode = held.mode;
    this.fence = held.fence;
  }

  /** @internal */
  protected override describe(loss: Loss): string {
    const what = `the ${this.mode} lock of "${this.name}"`;
    if (loss === "stateLost") return `Redis lost its data, and with it ${what}`;
    const why =
      loss === "deadline"
        ? "could not be kept: this program's lease may be over, and others may have it by now"
        : "was taken back: this program's lease had ended, or the lock was removed";
    return `${what} ${why}`;
  }
}
