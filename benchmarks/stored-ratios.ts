import { readFileSync, writeFileSync } from "node:fs";
import type { Line } from "./measure.ts";
import { compareRatios, comparisonText, ratiosOf, type StoredRun, withRows } from "./ratios.ts";

const FILE = new URL("../docs/benchmarks/ratios.json", import.meta.url);

/**
 * With `--compare`: shows each row beside the one that was written down; the exit code is 1 when one is outside its spread.
 * With `--save`: writes the rows down, in the place of those with the same name.
 */
export function compareWithStored(benchmark: string, lines: readonly Line[]): void {
  const stored = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, StoredRun>;
  const before = stored[benchmark] ?? { measured: "", rows: [] };
  const after = ratiosOf(lines);
  if (process.argv.includes("--compare")) {
    const comparisons = compareRatios(before.rows, after);
    console.error(`\nagainst ${before.measured || "nothing"}:\n${comparisonText(comparisons)}`);
    if (comparisons.some(({ verdict }) => verdict === "better" || verdict === "worse")) process.exitCode = 1;
  }
  if (process.argv.includes("--save")) {
    const measured = new Date().toISOString().slice(0, 10);
    const changed = { ...stored, [benchmark]: { measured, rows: withRows(before.rows, after) } };
    writeFileSync(FILE, `${JSON.stringify(changed, null, 2)}\n`);
    console.error(`\nwritten to docs/benchmarks/ratios.json, for docs/benchmarks.md`);
  }
}
