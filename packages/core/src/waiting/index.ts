export { timeLimit, type WaitOptions, waitWith } from "./wait.ts";
export { type Attempt, type BlockOptions, type Patience, type Turn, waitForTurn } from "./wait-for-turn.ts";
export { WaitRoom } from "./wait-room.ts";
