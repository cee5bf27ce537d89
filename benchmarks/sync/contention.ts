import { quantile } from "../measure.ts";
import type { LockKind } from "./locks.ts";

/** What a contender is asked. Times are milliseconds, points in time those of CLOCK_MONOTONIC. */
export type Request =
  | { do: "open"; kind: LockKind; url: string; name: string }
  | { do: "pairs"; milliseconds: number }
  | { do: "contend"; startAt: number; warmUp: number; milliseconds: number; section: number }
  | { do: "close" };

export type Answer = { value: Contention | number } | { failure: string };

/** What one contender saw. Times are milliseconds, points in time those of CLOCK_MONOTONIC. */
export interface Contention {
  /** From asking for the lock to having it, or to an error. */
  waits: number[];
  /** From having the lock to just before letting go of it. */
  sections: [from: number, to: number][];
  /** The fencing token of each section; empty for locks that have none. */
  fences: number[];
  errors: string[];
}

/** What all contenders saw together; times are milliseconds. */
export interface ContentionFigures {
  perSecond: number;
  waitMedian: number;
  wait99: number;
  longestWait: number;
  /** From the end of a section to the begin of the next one, median. */
  handOff: number;
  /** Sections of the process that had fewest, divided by those of the one that had most. */
  share: number;
  errors: number;
  /** Sections that began before the one before them had ended, or whose fencing token did not grow. */
  violations: number;
}

/** Puts together what the contenders saw in `milliseconds`. */
export function contentionFigures(seen: readonly Contention[], milliseconds: number): ContentionFigures {
  const waits = ascending(seen.flatMap((one) => one.waits));
  const counts = seen.map((one) => one.sections.length);
  const sections = inOrder(seen);
  return {
    perSecond: sections.length / (milliseconds / 1_000),
    waitMedian: quantile(waits, 0.5),
    wait99: quantile(waits, 0.99),
    longestWait: waits.at(-1) ?? Number.NaN,
    handOff: quantile(ascending(gaps(sections)), 0.5),
    share: Math.min(...counts) / Math.max(...counts),
    errors: seen.reduce((sum, one) => sum + one.errors.length, 0),
    violations: violations(sections),
  };
}

interface Section {
  from: number;
  to: number;
  fence: number | undefined;
}

function inOrder(seen: readonly Contention[]): Section[] {
  return seen
    .flatMap((one) => one.sections.map(([from, to], index) => ({ from, to, fence: one.fences[index] })))
    .sort((left, right) => left.from - right.from);
}

function gaps(sections: readonly Section[]): number[] {
  return sections.slice(1).map(({ from }, index) => from - (sections[index]?.to ?? from));
}

function violations(sections: readonly Section[]): number {
  let before = { to: Number.NEGATIVE_INFINITY, fence: Number.NEGATIVE_INFINITY };
  let count = 0;
  for (const { from, to, fence } of sections) {
    const grows = fence === undefined || fence > before.fence;
    if (from < before.to || !grows) count += 1;
    before = { to: Math.max(to, before.to), fence: fence ?? before.fence };
  }
  return count;
}

function ascending(numbers: number[]): number[] {
  return numbers.sort((left, right) => left - right);
}
