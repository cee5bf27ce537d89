// Figures of a page that come from the code. Behind a figure stands a comment, which no reader of the page sees, with the
// constant's name and its file below packages/: `30 s<!-- =DEFAULT_LEASE core/src/session/lease.ts -->`.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.ts";

const WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");
const UNIT = "ms|s|seconds?|minutes?|hours?|KiB|MiB|%";
/** A figure before such a comment: "30 s", "1 000", "`64 KiB`", "two seconds", "70 %"; and the comment. */
const QUOTE = new RegExp(
  `((?:\\d[\\d ]*(?:\\.\\d+)?|\\b(?:${WORDS.join("|")}))(?: (?:${UNIT}))?)\`?<!-- =([\\w.]+) (\\S+) -->`,
  "gi",
);
/** Any comment that means to be one. */
export const MARK: RegExp = /<!-- =[^>]*-->/g;

/** What a unit is in the unit of the code: ms, bytes, or a plain number. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1_000, second: 1_000, minute: 60_000, hour: 3_600_000 },
  ...{ kib: 1_024, mib: 1_024 * 1_024, "%": 0.01 },
};

/** What is wrong with the quoted figures of a page, each with the place of its comment in the text. */
export function quoteComplaints(text: string, constant: (name: string, file: string) => number | string): Complaint[] {
  const quotes = [...text.matchAll(QUOTE)];
  const ends = new Set(quotes.map((quote) => quote.index + quote[0].length));
  const loose = [...text.matchAll(MARK)].filter((mark) => !ends.has(mark.index + mark[0].length));
  return [
    ...loose.map((mark) => ({ index: mark.index, what: `no figure stands before ${mark[0]}` })),
    ...quotes.flatMap((quote) => {
      const [, figure = "", name = "", file = ""] = quote;
      const value = constant(name, file);
      const quoted = valueOfFigure(figure);
      const index = quote.index;
      if (typeof value === "string") return [{ index, what: value }];
      return quoted === value ? [] : [{ index, what: `says "${figure.trim()}", but ${name} in ${file} is ${value}` }];
    }),
  ];
}

export interface Complaint {
  index: number;
  what: string;
}

/** In ms, bytes or as it is; undefined where it is no figure. */
function valueOfFigure(figure: string): number | undefined {
  const [, digits = "", unit = ""] = /^([\d .]+|[a-z]+)(?: ([a-z%]+))?$/i.exec(figure.trim()) ?? [];
  const word = WORDS.indexOf(digits.toLowerCase());
  const count = word >= 0 ? word : Number(digits.replaceAll(" ", "") || Number.NaN);
  const factor = unit === "" ? 1 : UNITS[unit.toLowerCase().replace(/(?<=[dter])s$/, "")];
  if (Number.isNaN(count) || factor === undefined) return undefined;
  return Number((count * factor).toPrecision(12));
}

/** The value of a constant of the sources, or what is wrong. It may be made of numbers and of constants of its file. */
export function constantOf(name: string, file: string): number | string {
  const path = join(ROOT, "packages", file);
  if (!existsSync(path)) return `there is no packages/${file}`;
  return valueIn(readFileSync(path, "utf8"), name) ?? `packages/${file} has no constant ${name} that is a number`;
}

/** @param name - Of a constant, or of a number in one: `KEPT.count`. */
function valueIn(source: string, name: string): number | undefined {
  const [constant = "", field] = name.split(".");
  const text = new RegExp(`^(?:export )?const ${constant}(?:: \\w+)? = ([^;]+);`, "m").exec(source)?.[1];
  const part = field === undefined ? text : new RegExp(`\\b${field}: ([^,}]+)`).exec(text ?? "")?.[1];
  return part === undefined ? undefined : product(part.trim(), source);
}

/** `64 * 1024`, `2 * MINUTE` */
function product(text: string, source: string): number | undefined {
  const factors = text.split(" * ").map((factor) => {
    if (/^[\d_.]+$/.test(factor)) return Number(factor.replaceAll("_", ""));
    return /^\w+$/.test(factor) ? valueIn(source, factor) : undefined;
  });
  return factors.reduce((left, right) => (left === undefined || right === undefined ? undefined : left * right), 1);
}
