// The ratios of the last run that was written down, in docs/benchmarks/ratios.json, and a run beside them.
import type { Line } from "./measure.ts";

/** Our figure divided by a peer's in one run. */
export interface Ratio {
  what: string;
  against: string;
  better: Line["better"];
  /** The median of the rounds. */
  ratio: number;
  /** Of the rounds; null = they are not known. */
  quartiles: readonly [lower: number, upper: number] | null;
}

export interface StoredRun {
  /** When and on what. */
  measured: string;
  rows: readonly Ratio[];
}

export interface Comparison {
  what: string;
  against: string;
  before: Ratio | null;
  after: Ratio;
  /**
   * `inside`: the quartiles of the two overlap, so the difference is no more than that between rounds; where one has none, its
   * ratio counts. `better` and `worse`: they do not. `new`: the row was not written down.
   */
  verdict: "inside" | "better" | "worse" | "new";
}

/** The rows of a run, without what is another one in each run: the name of a row may tell the round trip of that run. */
export function ratiosOf(lines: readonly Line[]): Ratio[] {
  return lines.flatMap(({ what, better, ratios }) =>
    ratios
      .filter(({ ratio }) => Number.isFinite(ratio))
      .map(({ against, ratio, quartiles }) => ({
        ...{ what: what.replace(/, round trip [\d.]+ ms/, ""), against, better },
        ...{ ratio: rounded(ratio), quartiles: quartiles && ([rounded(quartiles[0]), rounded(quartiles[1])] as const) },
      })),
  );
}

/** Every row of a run beside the one that was written down. Rows that the run left out are not compared. */
export function compareRatios(before: readonly Ratio[], after: readonly Ratio[]): Comparison[] {
  return after.map((row) => {
    const { what, against } = row;
    const old = before.find((one) => one.what === what && one.against === against) ?? null;
    return { what, against, before: old, after: row, verdict: verdictOf(old, row) };
  });
}

/** What was written down with the rows of a run in the place of their predecessors. */
export function withRows(before: readonly Ratio[], after: readonly Ratio[]): Ratio[] {
  const isSame = (one: Ratio, other: Ratio): boolean => one.what === other.what && one.against === other.against;
  const kept = before.map((old) => after.find((row) => isSame(old, row)) ?? old);
  return [...kept, ...after.filter((row) => !before.some((old) => isSame(old, row)))];
}

function verdictOf(before: Ratio | null, after: Ratio): Comparison["verdict"] {
  if (!before) return "new";
  const [oldLower, oldUpper] = rangeOf(before);
  const [lower, upper] = rangeOf(after);
  if (lower <= oldUpper && upper >= oldLower) return "inside";
  return lower > oldUpper === (after.better === "higher") ? "better" : "worse";
}

function rangeOf({ ratio, quartiles }: Ratio): readonly [number, number] {
  return quartiles ?? [ratio, ratio];
}

/** Three digits say all that a ratio has to say. */
function rounded(ratio: number): number {
  return Number(ratio.toPrecision(3));
}

/** A line for each row, the ones outside last. */
export function comparisonText(comparisons: readonly Comparison[]): string {
  const isOutside = ({ verdict }: Comparison): boolean => verdict === "better" || verdict === "worse";
  const sorted = [...comparisons.filter((one) => !isOutside(one)), ...comparisons.filter(isOutside)];
  return sorted
    .map(({ what, against, before, after, verdict }) => {
      const outside = verdict === "better" || verdict === "worse" ? `OUTSIDE, ${verdict}` : verdict;
      return `  ${what}, of ${against}\n      ${before ? shown(before) : "-"} -> ${shown(after)}  ${outside}`;
    })
    .join("\n");
}

function shown({ ratio, quartiles }: Ratio): string {
  return quartiles ? `${ratio} [${quartiles[0]} .. ${quartiles[1]}]` : `${ratio}`;
}
