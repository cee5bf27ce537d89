export { LongTimer, MAX_TIMER } from "./long-timer.ts";
export type { Milliseconds } from "./milliseconds.ts";
export { timeLimit, type WaitOptions, waitWith } from "./wait.ts";
