import { expect, test } from "vitest";
import { compareRatios, comparisonText, type Ratio, ratiosOf, withRows } from "../../../../benchmarks/ratios.ts";

const row = (ratio: number, quartiles: Ratio["quartiles"], better: Ratio["better"] = "higher"): Ratio => ({
  ...{ what: "map", against: "BullMQ", better, ratio, quartiles },
});

test.each([
  ["overlapping quartiles", row(2, [1.8, 2.2]), row(2.4, [2.1, 2.6]), "inside"],
  ["a lower rate", row(2, [1.8, 2.2]), row(1.5, [1.4, 1.7]), "worse"],
  ["a higher rate", row(2, [1.8, 2.2]), row(2.5, [2.3, 2.6]), "better"],
  ["a longer time", row(2, [1.8, 2.2], "lower"), row(2.5, [2.3, 2.6], "lower"), "worse"],
  ["one round before, within the rounds now", row(2, null), row(2.1, [1.9, 2.3]), "inside"],
  ["one round before, beside the rounds now", row(2, null), row(2.4, [2.1, 2.6]), "better"],
] as const)("%s", (_, before, after, verdict) => {
  expect(compareRatios([before], [after])).toMatchObject([{ verdict }]);
});

test("a row that was not written down is new, and those outside come last", () => {
  // given
  const other = { ...row(1, null), against: "Python" };

  // when
  const text = comparisonText(compareRatios([row(2, [1.8, 2.2])], [row(1.5, [1.4, 1.7]), other]));

  // then
  expect(text).toBe(
    "  map, of Python\n      - -> 1  new\n  map, of BullMQ\n      2 [1.8 .. 2.2] -> 1.5 [1.4 .. 1.7]  OUTSIDE, worse",
  );
});

test("what a run writes down replaces the same rows alone, under a name without the round trip of the run", () => {
  // given
  const line = {
    ...{ what: "map (1 ms each way, round trip 2.34 ms)", unit: "1/s", better: "higher" as const, figures: [] },
    ratios: [{ against: "BullMQ", ratio: 2.34567, quartiles: [2, 3] as [number, number], bar: null, passed: null }],
    limit: null,
  };
  const before = [row(2, null), { ...row(1, null), what: "map (1 ms each way)" }];

  // when
  const after = withRows(before, ratiosOf([line]));

  // then
  expect(after).toEqual([row(2, null), { ...row(2.35, [2, 3]), what: "map (1 ms each way)" }]);
});
