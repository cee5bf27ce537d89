export { readyFirst } from "./ready-first.ts";
export {
  type Attempt,
  type BlockOptions,
  type Patience,
  type Turn,
  toLimit,
  toPatience,
  waitForTurn,
} from "./wait-for-turn.ts";
export { WaitRoom } from "./wait-room.ts";
export type { Waiter } from "./waiter.ts";
