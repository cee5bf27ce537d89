import { got, ValueError } from "../../errors/index.ts";
import type { Milliseconds } from "../../time/index.ts";

/** How many finished tasks are kept, and for how long. What is not said is said by the next wider rule. */
export interface KeepRule {
  /** Milliseconds after their end. */
  age?: Milliseconds | undefined;
  /** The newest so many; 0 = none. */
  count?: number | undefined;
}

/** How long the history keeps finished tasks; cancelled and expired ones count as failed. */
export interface Keep {
  completed?: KeepRule | undefined;
  failed?: KeepRule | undefined;
}

export type FinishedSet = keyof Keep;

/** A rule with nothing left open. */
export interface WholeRule {
  age: Milliseconds;
  count: number;
}

const DAY: Milliseconds = 86_400_000;

/** What named pools keep, each for itself, where nothing else is said. */
export const DEFAULT_KEEP: Record<FinishedSet, WholeRule> = {
  completed: { age: DAY, count: 10_000 },
  failed: { age: 30 * DAY, count: 10_000 },
};

/** The same of pools without a name, which end with their program. */
export const UNNAMED_KEEP: Record<FinishedSet, WholeRule> = {
  completed: { age: 3_600_000, count: 2_000 },
  failed: { age: DAY, count: 5_000 },
};

/** Longest age, ms: behind it there is a date. */
const LONGEST_AGE: Milliseconds = 4_320_000_000_000_000;
const LARGEST_COUNT = 4_294_967_295;

/** @throws ValueError naming what is wrong. @param whose - How the message begins: `task "report"`, "connect()" */
export function checkKeep(whose: string, keep: unknown): void {
  if (keep === undefined) return;
  const bad = (what: string, wanted: string, value: unknown): never => {
    throw new ValueError(`${whose}: ${what} must be ${wanted}; got ${got(value)}`);
  };
  const form = "{ completed: { age, count }, failed: { age, count } }, ages in milliseconds";
  if (typeof keep !== "object" || keep === null || Array.isArray(keep)) bad("keep", form, keep);
  for (const [set, rule] of Object.entries(keep as object) as [string, unknown][]) {
    if (set !== "completed" && set !== "failed") bad("keep", form, keep);
    if (rule === undefined) continue;
    if (typeof rule !== "object" || rule === null || Array.isArray(rule)) bad(`keep.${set}`, "{ age, count }", rule);
    for (const [part, value] of Object.entries(rule as object) as [string, unknown][]) {
      if (part !== "age" && part !== "count") bad(`keep.${set}`, "{ age, count }", rule);
      if (value === undefined) continue;
      if (part === "age" && !(typeof value === "number" && value >= 0 && value <= LONGEST_AGE)) {
        bad(`keep.${set}.age`, "milliseconds from 0", value);
      }
      if (
        part === "count" &&
        !(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST_COUNT)
      ) {
        bad(`keep.${set}.count`, "a whole number from 0", value);
      }
    }
  }
}

/** What was read from Redis: a rule that is none counts as not said. */
export function readableKeep(keep: unknown): Keep | undefined {
  try {
    checkKeep("", keep);
    return keep as Keep | undefined;
  } catch {
    return undefined;
  }
}

/** The rule in force: each part is said by the first that says it. @param levels - The most specific first. */
export function keepRule(
  set: FinishedSet,
  levels: readonly (Keep | null | undefined)[],
  otherwise: Record<FinishedSet, WholeRule> = DEFAULT_KEEP,
): WholeRule {
  const rules = levels.map((keep) => keep?.[set]);
  return {
    age: rules.find((rule) => rule?.age !== undefined)?.age ?? otherwise[set].age,
    count: rules.find((rule) => rule?.count !== undefined)?.count ?? otherwise[set].count,
  };
}
