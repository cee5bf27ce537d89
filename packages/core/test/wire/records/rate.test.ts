import { expect, test } from "vitest";
import { describeRule } from "../../../src/wire/records/limits.ts";
import { describeRate } from "../../../src/wire/records/rate.ts";

test.each([
  [1, "10 per 1 ms (window)"],
  [250, "10 per 250 ms (window)"],
  [1_000, "10 a second (window)"],
  [1_500, "10 per 1500 ms (window)"],
  [30_000, "10 per 30 s (window)"],
  [60_000, "10 a minute (window)"],
  [90_000, "10 per 90 s (window)"],
  [600_000, "10 per 10 min (window)"],
  [3_600_000, "10 an hour (window)"],
  [43_200_000, "10 per 12 h (window)"],
  [86_400_000, "10 a day (window)"],
  [30 * 86_400_000, "10 per 30 d (window)"],
])("a rate of ten in %i ms is said in the largest unit that fits: %s", (per, text) => {
  expect(describeRate({ max: 10, per, kind: "window" })).toBe(text);
});

test("a rule is said with all that it allows", () => {
  const rate = { max: 5, per: 60_000, kind: "bucket" } as const;
  expect(describeRule({ concurrency: 2, rate, keyed: true })).toBe("2 at once, 5 a minute (bucket) for each key");
});
