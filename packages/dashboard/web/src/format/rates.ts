import type { Words } from "../words/index.ts";
import { count } from "./numbers.ts";

export type TimeUnit = "millisecond" | "second" | "minute" | "hour" | "day";

const UNITS: readonly (readonly [ms: number, unit: TimeUnit])[] = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1_000, "second"],
];

/** So many in a time of ms: `10 a minute`, `5 per 30 s`, `7 per 250 ms`. */
export function ratePer(max: number, per: number, { units, perOne, perTime }: Words["common"]): string {
  const [ms, unit] = UNITS.find(([ms]) => per % ms === 0) ?? [1, "millisecond"];
  if (per === ms && unit !== "millisecond") return perOne(count(max), unit);
  return perTime(count(max), `${count(per / ms)} ${units[unit]}`);
}
