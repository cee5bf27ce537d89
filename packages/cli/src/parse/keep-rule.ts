import type { KeepRule } from "@manyhands/core/internal";
import { UsageError } from "../failure/usage-error.ts";
import { readSpan } from "./moment.ts";

/** A parser of commander for what a history keeps: an age (`1d`), a count (`1000`), or both with a comma between. */
export function keepRule(option: string): (text: string) => KeepRule {
  return (text) => {
    const rule: KeepRule = {};
    for (const part of text.split(",").map((one) => one.trim())) {
      const age = readSpan(part);
      if (Number.isFinite(age) && rule.age === undefined) rule.age = age;
      else if (/^\d{1,10}$/.test(part) && rule.count === undefined) rule.count = Number(part);
      else throw new UsageError(`${option} must be an age, a count, or both: 7d, 1000 or 7d,1000; got "${text}"`);
    }
    return rule;
  };
}
