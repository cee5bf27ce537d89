import type { Waiter } from "../../../session/waiting/index.ts";
import type { HeldLock } from "./held-lock.ts";

/** A held lock for a condition's wait, which releases it and acquires it again. */
export interface SuspendableLock {
  readonly held: HeldLock;
  /**
   * The caller no longer has it, at any level. It is released in Redis by the caller's script, or by {@link release}.
   * @throws LockLostError, StateLostError when it was lost before
   */
  suspend(): void;
  /** Releases it in Redis. @returns whether it was still held */
  release(): Promise<boolean>;
  /** Waits until the caller has it again, as it was before. */
  resume(waiter: Waiter): Promise<void>;
  /** It will not be acquired again: its holder is told why, and the waiter leaves the queue. */
  abandon(error: Error, waiter: Waiter): void;
}
