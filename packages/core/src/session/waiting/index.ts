export { type BlockOptions, type Patience, toLimit, toPatience } from "../../time/index.ts";
export { readyFirst } from "./ready-first.ts";
export { type Attempt, type Turn, waitForTurn } from "./wait-for-turn.ts";
export { WaitRoom } from "./wait-room.ts";
export type { Waiter } from "./waiter.ts";
