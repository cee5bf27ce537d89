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
  /** Bars to pass: ours divided by the peer's figure. */
  ratios: { against: string; ratio: number; bar: number | null; passed: boolean | null }[];
}

export interface Bar {
  against: string;
  bar: number;
}

/** Runs every contender once per round, in turn and in alternating direction, and compares the medians. */
export async function compare(
  what: string,
  contenders: Contender[],
  options: { unit: string; better: "higher" | "lower"; rounds: number; bars: Bar[] },
): Promise<Line> {
  const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round += 1) {
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const { name, run } of order) samples.get(name)?.push(await run());
  }
  const figures = contenders.map(({ name }) => summary(name, samples.get(name) ?? []));
  const [ours] = figures;
  const ratios = figures.slice(1).map((peer) => {
    const ratio = (ours?.median ?? Number.NaN) / peer.median;
    const bar = options.bars.find(({ against }) => against === peer.name)?.bar ?? null;
    const passed = bar === null ? null : options.better === "higher" ? ratio >= bar : ratio <= bar;
    return { against: peer.name, ratio, bar, passed };
  });
  const line = { what, unit: options.unit, better: options.better, figures, ratios };
  print(line);
  return line;
}

function summary(name: string, samples: number[]): Line["figures"][number] {
  const sorted = [...samples].sort((left, right) => left - right);
  return { name, median: quantile(sorted, 0.5), least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

export function quantile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function print(line: Line): void {
  const peers = line.ratios
    .map(({ against, ratio, bar, passed }) => {
      const verdict =
        passed === null ? "" : ` (bar ${line.better === "higher" ? ">=" : "<="} ${bar}: ${passed ? "met" : "MISSED"})`;
      return `      ${ratio.toFixed(2)}x of ${against}${verdict}`;
    })
    .join("\n");
  const width = Math.max(...line.figures.map(({ name }) => name.length));
  const figures = line.figures
    .map(
      ({ name, median, least, most }) =>
        `    ${name.padEnd(width)}  ${amount(median)} ${line.unit}  (${amount(least)} .. ${amount(most)})`,
    )
    .join("\n");
  console.error(`\n  ${line.what}\n${figures}\n${peers}`);
}

function amount(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 10_000) return `${(value / 1e3).toFixed(1)} k`;
  return value >= 100 ? value.toFixed(0) : value.toFixed(3);
}
