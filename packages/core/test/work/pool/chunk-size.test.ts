import { expect, test } from "vitest";
import { ValueError } from "../../../src/errors/index.ts";
import { checkChunkSize, defaultChunkSize } from "../../../src/work/pool/chunk-size.ts";
import { cutChunks } from "../../../src/work/pool/map-items.ts";

// Python: divmod(length, 4 * workers), plus one if there is a remainder.
test.each([
  [0, 4, 1],
  [1, 4, 1],
  [16, 4, 1],
  [17, 4, 2],
  [100, 3, 9],
  [100_000, 4, 6_250],
  [10, 0, 3],
])("PL5: %i items for %i workers go in chunks of %i", (length, workers, size) => {
  expect(defaultChunkSize(length, workers)).toBe(size);
});

test.each([0, -1, 1.5, Number.NaN, "3"])("PL5: a chunk size of %s is a ValueError", (size) => {
  expect(() => checkChunkSize(size as number)).toThrow(ValueError);
  expect(() => checkChunkSize(size as number)).toThrow(`chunkSize must be a whole number from 1; got ${size}`);
});

test("chunks cover the list in order, and none of large items outgrows the limit", () => {
  const list = Array.from({ length: 10 }, (_, index) => index);
  expect(cutChunks(list, 4, 1_000)).toEqual({
    payloads: [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ],
    offsets: [0, 4, 8],
  });
  const large = Array.from({ length: 8 }, () => "x".repeat(100));
  const cut = cutChunks(large, 8, 700);
  expect(cut.payloads.map((payload) => payload.length)).toEqual([2, 2, 2, 2]);
  expect(cut.payloads.flat()).toEqual(large);
});
