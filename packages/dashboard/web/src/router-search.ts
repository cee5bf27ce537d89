// What stands in the addresses of pages behind the question mark.

export const RANGES = ["15m", "1h", "3h", "24h", "7d"] as const;
export type Range = (typeof RANGES)[number];

export const FAILURE_RANGES = ["1h", "24h", "7d", "30d"] as const;
export type FailureRange = (typeof FAILURE_RANGES)[number];

/** The choices of the page of failures. */
export interface FailureSearch {
  range?: FailureRange;
  /** Words that a group has to contain. */
  q?: string;
  pool?: string;
  /** The group that is open. */
  group?: string;
}

export function overviewSearch(search: Record<string, unknown>): { range?: Range } {
  const range = RANGES.find((one) => one === search["range"]);
  return range ? { range } : {};
}

export function failureSearch(search: Record<string, unknown>): FailureSearch {
  const range = FAILURE_RANGES.find((one) => one === search["range"]);
  const text = (name: "q" | "pool" | "group") =>
    search[name] === undefined || search[name] === null || search[name] === "" ? {} : { [name]: String(search[name]) };
  return { ...(range && { range }), ...text("q"), ...text("pool"), ...text("group") };
}
