import assert from "node:assert";
import { expect, test } from "vitest";
import { classify, decode, encode, encodeSeparately, isPlainJson } from "../../src/codec/index.ts";
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
    expect(isPlainJson(value), `seed ${seed}`).toBe(expected);
    expect(classify(value, "args"), `seed ${seed}`).toBe(expected ? "json" : "encoded");
  }
  // Both outcomes have been seen often.
  expect(plain).toBeGreaterThan(ROUNDS / 20);
  expect(plain).toBeLessThan(ROUNDS / 1.2);
});

test("random JSON is plain", () => {
  for (let seed = 0; seed < ROUNDS; seed += 1) {
    const value = new RandomValues(seed).json();
    expect(isPlainJson(value), `seed ${seed}`).toBe(true);
    expect(classify(value, "args"), `seed ${seed}`).toBe("json");
  }
});

function survivesJson(value: unknown): boolean {
  try {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(value)), value);
    return true;
  } catch {
    return false;
  }
}
