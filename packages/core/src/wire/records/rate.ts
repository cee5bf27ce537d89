import { assertOptions, optionsOf } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import type { Milliseconds } from "../../time/index.ts";

/**
 * How starts are counted:
 * - `window`: no window of `per` ms, wherever it begins, has more than `max` starts. For a limit that another system sets.
 * - `bucket`: up to `max` starts at once, then one each `per / max` ms. It needs one number, however large `max` is.
 */
export type RateKind = "window" | "bucket";

/** At most so many starts in a time. */
export interface Rate {
  /** Starts, from 1. */
  max: number;
  /** Milliseconds, from 1 to 30 days. */
  per: Milliseconds;
  /** @defaultValue "window" up to a `max` of 1 000, "bucket" above it: a window keeps the time of each start */
  kind?: RateKind | undefined;
}

/** Largest `max` for which a window is the default. */
export const LARGEST_WINDOW = 1_000;
/** Largest `max`. */
const MOST_STARTS = 1_000_000;
/** Longest `per`, ms: what is counted is kept as long. */
const LONGEST_PER: Milliseconds = 30 * 86_400_000;

const RATE_OPTIONS = optionsOf<Rate>({ max: true, per: true, kind: true });

/**
 * A rate with all that it leaves open.
 * @param whose - How the message begins.
 * @throws ValueError for what is none
 */
export function checkRate(whose: string, rate: unknown): Required<Rate> {
  if (typeof rate !== "object" || rate === null || Array.isArray(rate)) {
    throw new ValueError(`${whose} must be { max, per, kind }; got ${got(rate)}`);
  }
  assertOptions(whose, rate, RATE_OPTIONS);
  const { max, per, kind } = rate as Partial<Rate>;
  const startsAre = `${whose}: max must be a whole number from 1 to ${MOST_STARTS}`;
  if (!isWhole(max, 1, MOST_STARTS)) throw new ValueError(`${startsAre}; got ${got(max)}`);
  if (!isWhole(per, 1, LONGEST_PER)) {
    throw new ValueError(`${whose}: per must be whole milliseconds from 1 to ${LONGEST_PER}; got ${got(per)}`);
  }
  if (kind !== undefined && kind !== null && kind !== "window" && kind !== "bucket") {
    throw new ValueError(`${whose}: kind must be "window" or "bucket"; got ${got(kind)}`);
  }
  return { max, per, kind: kind ?? (max > LARGEST_WINDOW ? "bucket" : "window") };
}

/** Units of a time in words, the largest first: one of it, and how several are written. */
const UNITS: readonly (readonly [unit: Milliseconds, one: string, several: string])[] = [
  [86_400_000, "a day", "d"],
  [3_600_000, "an hour", "h"],
  [60_000, "a minute", "min"],
  [1_000, "a second", "s"],
];

/** A rate in words: `10 a minute (window)`, `5 per 30 s (bucket)`, `7 per 250 ms (window)`. */
export function describeRate({ max, per, kind }: Readonly<Record<keyof Rate, unknown>>): string {
  const time = Number(per);
  const [unit, one, several] = UNITS.find(([unit]) => time % unit === 0) ?? [1, "", "ms"];
  const many = time / unit;
  return `${max} ${many === 1 && one !== "" ? one : `per ${many} ${several}`} (${kind})`;
}

/** @throws ValueError unless it is a whole number from 1 */
export function checkConcurrency(whose: string, concurrency: unknown): number {
  if (isWhole(concurrency, 1, Number.MAX_SAFE_INTEGER)) return concurrency;
  throw new ValueError(`${whose}: concurrency must be a whole number from 1; got ${got(concurrency)}`);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
}
