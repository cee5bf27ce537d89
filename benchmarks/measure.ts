import { benchmarkName } from "./settings.ts";
import { compareWithStored } from "./stored-ratios.ts";

/** One thing to measure: how it is called, and one repetition that returns its figure. */
export interface Contender {
  name: string;
  run: () => Promise<number>;
}

export interface Line {
  what: string;
  unit: string;
  /** `higher` = more is better. */
  better: "higher" | "lower";
  figures: { name: string; median: number; least: number; most: number }[];
  /**
   * Bars to pass: ours divided by the peer's figure. `ratio` is the median of the rounds, with their quartiles; where one
   * had fewer rounds than the other, it is that of the medians.
   */
  ratios: {
    against: string;
    ratio: number;
    quartiles: [lower: number, upper: number] | null;
    bar: number | null;
    passed: boolean | null;
  }[];
  /** A bar for our own figure in every round, whatever the peers reach. */
  limit: { bar: number; passed: boolean } | null;
}

export interface Bar {
  against: string;
  bar: number;
}

/** The repetitions of one contender. */
export interface Samples {
  name: string;
  figures: number[];
}

export interface Judging {
  unit: string;
  better: "higher" | "lower";
  bars: Bar[];
  /** What our own figure must reach in every round. */
  limit?: number;
}

/** Runs every contender once per round, in turn and in alternating direction, and compares them. */
export async function compare(
  what: string,
  contenders: Contender[],
  options: { unit: string; better: "higher" | "lower"; rounds: number; bars: Bar[] },
): Promise<Line> {
  const samples = await sample(contenders, options.rounds);
  return judge(what, samples, options);
}

/** Runs every contender once per round, in turn and in alternating direction. */
export async function sample<Figures>(
  contenders: readonly { name: string; run: () => Promise<Figures> }[],
  rounds: number,
): Promise<{ name: string; figures: Figures[] }[]> {
  const samples = contenders.map(({ name, run }) => ({ name, run, figures: [] as Figures[] }));
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? samples : [...samples].reverse();
    for (const { run, figures } of order) figures.push(await run());
  }
  return samples.map(({ name, figures }) => ({ name, figures }));
}

/** Compares them round by round: the first of the samples is ours. */
export function judge(what: string, samples: readonly Samples[], options: Judging): Line {
  const { unit, better, bars } = options;
  const figures = samples.map((one) => summary(one.name, one.figures));
  const ours = figures[0]?.median ?? Number.NaN;
  const passes = (value: number, bar: number): boolean => (better === "higher" ? value >= bar : value <= bar);
  const ratios = figures.slice(1).map((peer, index) => {
    const ratios = ratiosOf(samples[0]?.figures ?? [], samples[index + 1]?.figures ?? []);
    const ratio = ratios ? middle(ratios) : ours / peer.median;
    const quartiles: [number, number] | null = ratios && [quantile(ratios, 0.25), quantile(ratios, 0.75)];
    const bar = bars.find(({ against }) => against === peer.name)?.bar ?? null;
    return { against: peer.name, ratio, quartiles, bar, passed: bar === null ? null : passes(ratio, bar) };
  });
  const bound = options.limit;
  // An error in one round of three is an error.
  const within = samples[0]?.figures.every((figure) => passes(figure, bound ?? figure)) ?? false;
  const limit = bound === undefined ? null : { bar: bound, passed: within };
  const line = { what, unit, better, figures, ratios, limit };
  print(line);
  return line;
}

/** Bars that were missed, of all lines of a run; and the run beside the last one, where that is asked for. */
export function conclude(lines: readonly Line[]): void {
  if (process.argv.includes("json")) console.log(JSON.stringify(lines, null, 2));
  const all = lines.flatMap(missed);
  console.error(all.length === 0 ? "\nevery bar is met" : `\nmissed: ${all.join("; ")}`);
  compareWithStored(benchmarkName(), lines);
}

/** What of a line did not pass. */
function missed({ what, ratios, limit }: Line): string[] {
  const against = ratios.filter(({ passed }) => passed === false).map((ratio) => `${what} against ${ratio.against}`);
  return limit?.passed === false ? [what, ...against] : against;
}

/** Of each round, in growing order; null when the two did not run side by side. */
function ratiosOf(ours: readonly number[], theirs: readonly number[]): number[] | null {
  if (ours.length !== theirs.length || ours.length < 2) return null;
  return ours.map((figure, round) => figure / (theirs[round] ?? Number.NaN)).sort((one, other) => one - other);
}

/** The median; of an even number of figures that between the two in the middle. */
function middle(sorted: readonly number[]): number {
  const half = sorted.length / 2;
  const [lower = Number.NaN, upper = lower] = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1);
  return (lower + upper) / 2;
}

function summary(name: string, samples: number[]): Line["figures"][number] {
  const sorted = [...samples].sort((left, right) => left - right);
  return { name, median: middle(sorted), least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

export function quantile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function print(line: Line): void {
  const verdict = (bar: number | null, passed: boolean | null): string =>
    passed === null ? "" : ` (bar ${line.better === "higher" ? ">=" : "<="} ${bar}: ${passed ? "met" : "MISSED"})`;
  const peers = line.ratios
    .filter(({ ratio }) => Number.isFinite(ratio))
    .map(({ against, ratio, quartiles, bar, passed }) => {
      const spread = quartiles ? ` [${quartiles.map((one) => one.toFixed(2)).join(" .. ")}]` : "";
      return `      ${ratio.toFixed(2)}x${spread} of ${against}${verdict(bar, passed)}`;
    });
  if (line.limit) peers.unshift(`      ours${verdict(line.limit.bar, line.limit.passed)}`);
  const width = Math.max(...line.figures.map(({ name }) => name.length));
  const figures = line.figures
    .map(
      ({ name, median, least, most }) =>
        `    ${name.padEnd(width)}  ${amount(median)} ${line.unit}  (${amount(least)} .. ${amount(most)})`,
    )
    .join("\n");
  console.error([`\n  ${line.what}`, figures, ...peers].join("\n"));
}

function amount(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 10_000) return `${(value / 1e3).toFixed(1)} k`;
  return value >= 100 ? value.toFixed(0) : value.toFixed(3);
}
