import type { Milliseconds } from "../../../time/index.ts";
import type { LockPlace, LockRequest } from "./lock-request.ts";
import type { Round } from "./round.ts";

/**
 * A Redis that votes on locks. The first three are one vote each: true = for it. A node that votes against says why in the
 * round; one that throws has not voted, which counts as against.
 */
export interface LockNode {
  acquire(round: Round, token: string, lease: Milliseconds): Promise<boolean>;
  extend(round: Round, token: string, lease: Milliseconds): Promise<boolean>;
  /** Also asked for after a failed `acquire`: takes back a vote for it. */
  release(round: Round, token: string): Promise<boolean>;
  /** Token of the present holder, as far as this node knows. */
  holder(place: LockPlace): Promise<string | null>;
  /** Ends a request whose answer is not waited for: gives back what it was granted with the token, "" = none was sent. */
  abandon(request: LockRequest, token: string): Promise<void>;
  /** Lets what is under way end first. */
  close(): Promise<void>;
}
