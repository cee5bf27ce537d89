export { LongTimer, MAX_TIMER } from "./long-timer.ts";
