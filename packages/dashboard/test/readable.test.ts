import { expect, test } from "vitest";
import { readable } from "../src/bull-board/readable.ts";

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
