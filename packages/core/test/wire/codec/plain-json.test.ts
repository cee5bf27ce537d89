import { describe, expect, test } from "vitest";
import { classify, decodeUnits, encodeToString, isPlainJson, unitsToJson } from "../../../src/wire/codec/index.ts";

const shared = { a: 1 };
const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;

const plain: [name: string, value: unknown][] = [
  ["numbers", [0, 1, -1, 0.1, Number.MAX_VALUE]],
  ["text", ["", "é", "\ud800"]],
  ["a nested object", { a: { b: [{ c: null }, true] } }],
  ["shared references", [shared, { shared }]],
  ["an object without prototype", Object.assign(Object.create(null), { a: 1 })],
  ["a property named toJSON that is no function", { toJSON: 1 }],
];

const notPlain: [name: string, value: unknown][] = [
  ["undefined", undefined],
  ["undefined in an object", { a: undefined }],
  ["undefined in an array", [undefined]],
  ["a hole", Object.assign(new Array(3), { 0: 1, 2: 2 })],
  ["NaN", [Number.NaN]],
  ["-0", -0],
  ["-0 inside", [{ a: -0 }]],
  ["Infinity", { a: Number.POSITIVE_INFINITY }],
  ["BigInt", [1n]],
  ["Date", [new Date()]],
  ["RegExp", /a/],
  ["Map", new Map()],
  ["Set", new Set()],
  ["Buffer", Buffer.from("a")],
  ["Error", new Error("a")],
  [
    "a class instance",
    new (class Point {
      x = 1;
    })(),
  ],
  ["a subclass of Array", new (class Points extends Array {})()],
  ["a boxed primitive", [Object(1)]],
  ["a cycle", cycle],
  ["a symbol key", { [Symbol("key")]: 1 }],
  ["an own key __proto__", JSON.parse('{"__proto__": 1}')],
];

describe("isPlainJson", () => {
  test.each(plain)("true: %s", (_name, value) => {
    expect(isPlainJson(value)).toBe(true);
    expect(classify(value, "args")).toBe("json");
  });

  test.each(notPlain)("false: %s", (name, value) => {
    expect(isPlainJson(value)).toBe(false);
    // Structured clone drops symbol keys as JSON does, so they decide nothing.
    if (name !== "a symbol key") expect(classify(value, "args")).toBe("encoded");
  });

  test("false for functions, symbols and own toJSON methods, which cannot be sent at all", () => {
    expect(isPlainJson(() => 1)).toBe(false);
    expect(isPlainJson({ toJSON: () => 1 })).toBe(false);
    expect(isPlainJson(Symbol("a"))).toBe(false);
  });

  test("a small value that would be written out without end is not plain", () => {
    // Given: 60 levels, each twice the one before; JSON.stringify would not come back
    let value: unknown[] = [];
    for (let level = 0; level < 60; level += 1) value = [value, value];
    expect(isPlainJson(value)).toBe(false);
    expect(classify(value, "args")).toBe("encoded");
  });

  test("a large tree is plain", () => {
    const items = Array.from({ length: 150_000 }, (_, id) => ({ id }));
    expect(isPlainJson(items)).toBe(true);
    expect(classify([items, items], "args")).toBe("json");
    expect(isPlainJson([items, undefined])).toBe(false);
  });

  test("deep nesting ends in an answer, not in a stack overflow", () => {
    let value: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) value = { value };
    expect(isPlainJson(value)).toBe(false);
    expect(classify(value, "args")).toBe("encoded");
  });
});

describe("units of a job", () => {
  const shared = { a: 1 };

  test.each<[unknown[], string]>([
    [[[1, 2], [3]], "[[1,2],[3]]"],
    [[["ada", { urgent: true, to: null }]], '[["ada",{"urgent":true,"to":null}]]'],
    [[[{ price: 1.5 }]], '[[{"price":1.5}]]'],
    [[[shared], [shared]], '[[{"a":1}],[{"a":1}]]'],
  ])("%j are text that people read", (units, text) => {
    expect(unitsToJson(units)).toBe(text);
    expect(decodeUnits(text)).toEqual(units);
  });

  test.each<[string, unknown[]]>([
    ["what JSON cannot say", [[new Date(0)]]],
    ["a negative zero", [[-0]]],
    ["an object that is used twice", [[shared, shared]]],
    ["fractions, which are slow as digits", [[0.5]]],
    ["many values", [Array.from({ length: 9_000 }, (_, index) => index)]],
    ["long text", [["x".repeat(17_000)]]],
  ])("%s stays encoded", (_, units) => {
    expect(unitsToJson(units)).toBeUndefined();
    expect(decodeUnits(encodeToString(units))).toEqual(units);
  });
});
