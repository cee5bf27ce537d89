import type { Waiter } from "../../../session/waiting/index.ts";
import type { HeldLock } from "./held-lock.ts";

/** A lock in the caller's hands, for a wait that lets go of it and takes it back. */
export interface Grip {
  readonly held: HeldLock;
  /**
   * The caller has it no longer, all levels of it; Redis is told otherwise, or by {@link free}.
   * @throws LockLostError, StateLostError when it was lost before
   */
  letGo(): void;
  /** Frees it in Redis. @returns whether it was still held */
  free(): Promise<boolean>;
  /** Waits until the caller has it again, as it was before. */
  takeBack(waiter: Waiter): Promise<void>;
  /** It will not be taken back: whoever believes to hold it is told why, and the waiter leaves the line. */
  giveUp(error: Error, waiter: Waiter): void;
}
