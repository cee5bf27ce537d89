import { parseArgs } from "node:util";

/** The benchmark that was asked for. */
export function benchmarkName(): string {
  const [, , name = "-"] = process.argv;
  return name.startsWith("-") ? "pool" : name;
}

/** What a benchmark was asked for on the command line, or in the environment. */
export interface Settings<Extra extends string, Flag extends string = never> {
  /** Rows whose title has the word. */
  only: string | undefined;
  rounds: number;
  /** Everything smaller and fewer rounds: to see that it runs, and about where the figures are. */
  short: boolean;
  extra: Partial<Record<Extra, string>>;
  flags: Record<Flag, boolean>;
}

/** Reads `--only`, `--rounds`, `--short` and what else the benchmark has; ends the process when something else is given. */
export function readSettings<Extra extends string, Flag extends string = never>(
  extra: readonly Extra[],
  defaultRounds: number,
  flags: readonly Flag[] = [],
): Settings<Extra, Flag> {
  try {
    const { values } = parseArgs({
      args: process.argv.slice(3),
      options: {
        only: { type: "string" },
        rounds: { type: "string" },
        short: { type: "boolean", default: false },
        output: { type: "string", short: "o" },
        compare: { type: "boolean" },
        save: { type: "boolean" },
        ...Object.fromEntries(extra.map((name) => [name, { type: "string" as const }])),
        ...Object.fromEntries(flags.map((name) => [name, { type: "boolean" as const }])),
      },
    });
    const given = values as Record<string, string | boolean | undefined>;
    const text = given["rounds"] ?? process.env["BENCH_ROUNDS"];
    const short = given["short"] === true;
    return {
      only: (given["only"] as string | undefined) ?? process.env["BENCH_ONLY"],
      rounds: text === undefined ? Math.ceil(defaultRounds / (short ? 2 : 1)) : positive("--rounds", text),
      short,
      extra: Object.fromEntries(extra.map((name) => [name, given[name]])) as Partial<Record<Extra, string>>,
      flags: Object.fromEntries(flags.map((name) => [name, given[name] === true])) as Record<Flag, boolean>,
    };
  } catch (error) {
    console.error((error as Error).message);
    return process.exit(2);
  }
}

/** Numbers with commas between them. */
export function numbers(option: string, text: string): number[] {
  return text.split(",").map((part) => positive(option, part));
}

function positive(option: string, text: string | boolean): number {
  const number = Number(text);
  if (typeof text === "string" && text.trim() !== "" && number >= 0) return number;
  console.error(`${option} must be numbers such as 3, from 0 on; got "${text}"`);
  return process.exit(2);
}
