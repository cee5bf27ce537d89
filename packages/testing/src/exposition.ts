import { spawnSync } from "node:child_process";

/** Series of a page of Prometheus text: `name{labels}` -> value. */
export type Series = ReadonlyMap<string, number>;

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$/;

/**
 * Reads a page of metrics and checks its form: every sample has a type and a help text that come before it, no series comes
 * twice, counters have names that say so, and the buckets of histograms only grow.
 * @throws Error that names the line
 */
export function readExposition(text: string): Series {
  const series = new Map<string, number>();
  const types = new Map<string, string>();
  const helped = new Set<string>();
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.split("\n")) {
    const [, kind, about = "", rest = ""] = /^# (TYPE|HELP) (\S+) (.*)$/.exec(line) ?? [];
    if (line === "") continue;
    if (kind === "HELP") helped.add(about);
    else if (kind === "TYPE") {
      if (types.has(about)) throw new Error(`a second type of ${about}`);
      if (rest === "counter" && !about.endsWith("_total"))
        throw new Error(`the counter ${about} does not end with _total`);
      types.set(about, rest);
    } else {
      const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
      if (name === "") throw new Error(`not a sample: ${line}`);
      const family = types.get(name) === undefined ? name.replace(/_(bucket|sum|count)$/, "") : name;
      if (!types.has(family) || !helped.has(family)) throw new Error(`without type or help: ${line}`);
      if (series.has(name + labels)) throw new Error(`a second time: ${line}`);
      if (!/^(NaN|[+-]?Inf|-?[\d.]+(e[+-]?\d+)?)$/.test(value)) throw new Error(`not a value: ${line}`);
      series.set(name + labels, Number(value.replace("Inf", "Infinity")));
    }
  }
  checkBuckets(series);
  return series;
}

function checkBuckets(series: Series): void {
  const last = new Map<string, { le: number; value: number }>();
  for (const [key, value] of series) {
    const le = /_bucket\{.*le="([^"]+)"/.exec(key)?.[1];
    if (le === undefined) continue;
    const histogram = key.replace(/,?le="[^"]+"/, "");
    const before = last.get(histogram) ?? { le: Number.NEGATIVE_INFINITY, value: 0 };
    const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
    if (!(bound > before.le && value >= before.value)) throw new Error(`buckets are out of order: ${key}`);
    last.set(histogram, { le: bound, value });
  }
  for (const [histogram, { le, value }] of last) {
    const counted = series.get(histogram.replace("_bucket", "_count").replace("{}", ""));
    if (le !== Number.POSITIVE_INFINITY || counted !== value) throw new Error(`not complete: ${histogram}`);
  }
}

/** Why `promtool` cannot be asked; null = it can. */
export function missingPromtool(): string | null {
  const { error } = spawnSync("promtool", ["--version"]);
  return error ? `promtool cannot be run (${error.message}): apt-get install prometheus` : null;
}

/**
 * Runs `promtool` with that input.
 * @returns what it complains of; "" = nothing
 */
export function promtool(words: readonly string[], input: string = ""): string {
  const { status, stdout, stderr, error } = spawnSync("promtool", words, { input, encoding: "utf8" });
  if (error) throw error;
  const said = `${stdout}${stderr}`.trim();
  return status === 0 && !/error|should/i.test(said) ? "" : said || `it ended with ${status}`;
}
