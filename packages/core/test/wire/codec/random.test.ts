import assert from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { classify, decode, encode, encodeSeparately, isPlainJson } from "../../../src/wire/codec/index.ts";
import { RandomValues } from "./random-values.ts";

const ROUNDS = 4_000;

test("random values arrive as they were sent", () => {
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const value = new RandomValues(seed).value();
    assert.deepStrictEqual(decode(encode(value)), value, `seed ${seed}`);
    assert.deepStrictEqual(decode(encodeSeparately([value, value])), [value, value], `seed ${seed}, separately`);
  }
});

test("a random value is plain exactly when JSON gives it back", () => {
  let plain = 0;
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const value = new RandomValues(seed).value();
    const expected = survivesJson(value);
    if (expected) plain += 1;
    assert.strictEqual(isPlainJson(value), expected, `seed ${seed}`);
    assert.strictEqual(classify(value, "args"), expected ? "json" : "encoded", `seed ${seed}`);
  }
  // Both outcomes have been seen often.
  expect(plain).toBeGreaterThan(ROUNDS / 20);
  expect(plain).toBeLessThan(ROUNDS / 1.2);
});

test("random JSON is plain", () => {
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const value = new RandomValues(seed).json();
    assert.strictEqual(isPlainJson(value), true, `seed ${seed}`);
    assert.strictEqual(classify(value, "args"), "json", `seed ${seed}`);
  }
});

function survivesJson(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false;
  }
}
