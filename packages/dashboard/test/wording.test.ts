import { expect, test } from "vitest";
import { readable } from "../src/bull-board/readable.ts";
import { bytes, duration } from "../src/pages/wording.ts";

test.each([
  [-5, "0.0 s"],
  [0, "0.0 s"],
  [449, "0.4 s"],
  [9_999, "9.9 s"],
  [10_000, "10 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [185_000, "3 min 5 s"],
  [7_800_000, "2 h 10 min"],
  [90_000_000, "1 d 1 h"],
])("a duration of %d ms is %s", (milliseconds, words) => {
  expect(duration(milliseconds)).toBe(words);
});

test.each([
  [0, "0 B"],
  [1_023, "1,023 B"],
  [1_536, "1.5 KiB"],
  [83_886_080, "80 MiB"],
  [3 * 1024 ** 4, "3.0 TiB"],
])("%d bytes are %s", (value, words) => {
  expect(bytes(value)).toBe(words);
});

test("a value of any size and shape becomes a small JSON picture", () => {
  // given
  const loop: Record<string, unknown> = { name: "loop" };
  loop["self"] = loop;
  const deep = Array.from({ length: 20 }).reduce<unknown>((inner) => [inner], "bottom");
  const twice = { shared: true };

  // when
  const picture = (value: unknown) => JSON.parse(JSON.stringify(readable(value))) as unknown;

  // then
  expect(picture(loop)).toEqual({ name: "loop", self: "(circular)" });
  expect(picture([twice, twice])).toEqual([{ shared: true }, { shared: true }]);
  expect(JSON.stringify(picture(deep))).toContain("nested too deep");
  expect(picture(Array.from({ length: 150 }, () => 0))).toHaveLength(101);
  const wide = Array.from({ length: 90 }, () => Array.from({ length: 90 }, () => [1, 2, 3]));
  expect(JSON.stringify(picture(wide)).length).toBeLessThan(200_000);
  expect(JSON.stringify(picture(wide))).toContain("too much to show");
  expect(picture("x".repeat(3_000))).toMatch(/^x{2000}… 1000 more characters$/);
  expect(picture([NaN, -0, new Uint8Array(9), /a/g, new Set([1]), null])).toEqual([
    "(number) NaN",
    0,
    "(Uint8Array) 9 bytes",
    "(RegExp) /a/g",
    { Set: [1] },
    null,
  ]);
});
