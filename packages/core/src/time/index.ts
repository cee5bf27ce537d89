export { DurationBins, LARGEST_BIN, LEAST_BIN } from "./duration-bins.ts";
export { type Confirm, Duty } from "./duty.ts";
export { LongTimer, MAX_TIMER } from "./long-timer.ts";
export {
  type BinsMessage,
  MEASURES,
  type Measure,
  measure,
  onMeasured,
  takeMeasured,
  toBinsMessage,
} from "./measured.ts";
export type { Milliseconds } from "./milliseconds.ts";
export { type BlockOptions, PATIENCE, type Patience, toLimit, toPatience, toTimedLimit } from "./patience.ts";
export { pause } from "./pause.ts";
export { type BackOff, backOff, pauseBeforeRetry, retry } from "./retry.ts";
export { SingleFlight } from "./single-flight.ts";
export { timeLimit, type WaitOptions, waitWith } from "./wait.ts";
export { settledWithin, unlessAborted, within } from "./within.ts";
