import assert from "node:assert";
import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { SerializationError } from "../../../src/errors/index.ts";
import { decode, decodeFromString, encode, encodeSeparately, encodeToString } from "../../../src/wire/codec/index.ts";

const carried: [name: string, value: unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ["booleans", [true, false]],
  [
    "integers of every width",
    [
      0,
      1,
      31,
      32,
      63,
      64,
      127,
      128,
      255,
      256,
      65_535,
      65_536,
      2 ** 32 - 1,
      2 ** 32,
      -1,
      -32,
      -33,
      -128,
      -129,
      -32_769,
      -(2 ** 31),
      -(2 ** 31) - 1,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ],
  ],
  ["fractions", [0.1, -0.5, Number.MIN_VALUE, Number.MAX_VALUE, Number.EPSILON]],
  ["-0", -0],
  ["-0 inside", { list: [1, -0], map: new Map([[1, -0]]) }],
  ["NaN and the infinities", [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ["text", ["", "a", "é", "€", "😀", "\0", "x".repeat(70_000), "ü".repeat(40), "€".repeat(300), "😀".repeat(70_000)]],
  ["half a surrogate pair", ["\ud800", `${"x".repeat(100)}\udc00`, { "\ud800": 1 }]],
  ["small BigInts", [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]],
  ["large BigInts", [2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n) - 1n, -(2n ** 64n), 2n ** 127n, -(2n ** 128n)]],
  ["huge BigInts", [2n ** 2_000n, -(2n ** 65_536n) - 12_345n, 2n ** 70_000n + 1n]],
  [
    "dates",
    [
      new Date(0),
      new Date(-1),
      new Date(1_234_567_890_123),
      new Date(8.64e15),
      new Date(-8.64e15),
      new Date("1969-12-31T23:59:59.999Z"),
      new Date("2300-01-01T00:00:00.001Z"),
    ],
  ],
  ["an invalid date", new Date(Number.NaN)],
  ["regular expressions", [/a\/b/gi, /^\p{L}+$/u, /(?:)/]],
  [
    "a Map",
    new Map<unknown, unknown>([
      ["a", 1],
      [2, { b: [new Map()] }],
      [{ key: true }, undefined],
    ]),
  ],
  ["a large Map", new Map(Array.from({ length: 70_000 }, (_, index) => [index, -index]))],
  ["a Set", new Set<unknown>([1, "a", { b: new Set([[]]) }])],
  ["an object", { a: 1, b: { c: [] }, "a b": null, 7: undefined }],
  ["empty containers", [{}, [], new Map(), new Set(), { a: {} }, [[]]]],
  ["objects of many shapes", Array.from({ length: 300 }, (_, index) => ({ [`key${index}`]: index, other: true }))],
  [
    "objects of one shape",
    Array.from({ length: 300 }, (_, index) => ({ id: index, name: `item ${index}`, even: index % 2 === 0 })),
  ],
  ["an object of many keys", Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]))],
  [
    "keys that mean something elsewhere",
    { constructor: "x", hasOwnProperty: 1, toString: 2, valueOf: null, __keys__: [3], length: 4 },
  ],
  ["an own key __proto__", JSON.parse('{"__proto__": {"polluted": true}, "a": 1}')],
  ["a sparse array", Object.assign(new Array(6), { 0: 1, 2: undefined, 3: 3 })],
  ["an array of undefined", [undefined, undefined]],
  ["Int8Array", new Int8Array([-128, 127])],
  ["Uint8Array", new Uint8Array([0, 255])],
  ["Uint8ClampedArray", new Uint8ClampedArray([0, 255])],
  ["Int16Array", new Int16Array([-32_768, 32_767])],
  ["Uint16Array", new Uint16Array([65_535])],
  ["Int32Array", new Int32Array([-(2 ** 31)])],
  ["Uint32Array", new Uint32Array([2 ** 32 - 1])],
  ["Float32Array", new Float32Array([0.5, -0, Number.NaN])],
  ["Float64Array", new Float64Array([0.1, -0, Number.POSITIVE_INFINITY])],
  ["BigInt64Array", new BigInt64Array([-(2n ** 63n)])],
  ["BigUint64Array", new BigUint64Array([2n ** 64n - 1n])],
  ["an empty typed array", new Float64Array(0)],
  ["ArrayBuffer", new Uint8Array([1, 2, 3]).buffer],
  ["DataView", new DataView(new Uint8Array([1, 2, 3]).buffer)],
  ["Buffers", [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(300, 1), Buffer.alloc(70_000, 2)]],
  ["boxed primitives", [Object(1), Object("text"), Object(false), Object(5n)]],
];

describe("encode and decode carry", () => {
  test.each(carried)("%s", (_name, value) => {
    // When
    const arrived = decode(encode(value));
    // Then: the same value, type for type
    assert.deepStrictEqual(arrived, value);
    assert.deepStrictEqual(decodeFromString(encodeToString([value])), [value]);
  });

  test("a Float16Array, which msgpackr does not know", (context) => {
    const Float16 = (globalThis as Record<string, unknown>)["Float16Array"] as typeof Float32Array | undefined;
    if (!Float16) return context.skip("this Node.js has no Float16Array");
    assert.deepStrictEqual(decode(encode([new Float16([1.5, 2])])), [new Float16([1.5, 2])]);
  });

  test("a part of an array buffer, without the rest", () => {
    const whole = new Float64Array([1, 2, 3, 4]);
    const arrived = decode(encode(whole.subarray(1, 3))) as Float64Array;
    assert.deepStrictEqual(arrived, new Float64Array([2, 3]));
    expect(arrived.buffer.byteLength).toBe(16);
  });

  test("values of another realm as the ones of this", () => {
    const value: unknown = runInContext(
      "({ list: [1], map: new Map([[1, new Date(5)]]), set: new Set(['a']), error: new RangeError('far') })",
      createContext(),
    );
    const arrived = decode(encode(value)) as { list: unknown; map: unknown; set: unknown; error: Error };
    assert.deepStrictEqual(arrived.list, [1]);
    assert.deepStrictEqual(arrived.map, new Map([[1, new Date(5)]]));
    assert.deepStrictEqual(arrived.set, new Set(["a"]));
    expect(arrived.error).toBeInstanceOf(RangeError);
  });

  test("the data of class instances, as plain objects", () => {
    class Point {
      x = 1;
      #hidden = 2;
      get sum(): number {
        return this.x + this.#hidden;
      }
      toJSON(): string {
        return "not asked";
      }
    }
    class Points extends Array<number> {}
    class Bytes extends Uint8Array {}
    const value = [new Point(), Points.from([1, 2]), new Bytes([3]), Object.assign(Object.create(null), { a: 1 })];
    assert.deepStrictEqual(decode(encode(value)), [{ x: 1 }, [1, 2], new Uint8Array([3]), { a: 1 }]);
  });
});

describe("identity", () => {
  test("shared references stay shared", () => {
    // Given
    const date = new Date(5);
    const part = { list: [1] };
    // When
    const arrived = decode(encode({ a: part, b: [part, part.list], c: new Map([[part, date]]), d: date })) as {
      a: { list: number[] };
      b: unknown[];
      c: Map<unknown, unknown>;
      d: Date;
    };
    // Then
    expect(arrived.b[0]).toBe(arrived.a);
    expect(arrived.b[1]).toBe(arrived.a.list);
    expect(arrived.c.get(arrived.a)).toBe(arrived.d);
  });

  test("cycles through objects, arrays, Maps and Sets", () => {
    const object: Record<string, unknown> = { name: "loop" };
    object["self"] = object;
    const list: unknown[] = [object];
    list.push(list);
    const map = new Map<unknown, unknown>([["list", list]]);
    map.set(map, new Set([map]));
    const arrived = decode(encode({ object, list, map })) as {
      object: typeof object;
      list: typeof list;
      map: typeof map;
    };
    expect(arrived.object["self"]).toBe(arrived.object);
    expect(arrived.list[0]).toBe(arrived.object);
    expect(arrived.list[1]).toBe(arrived.list);
    expect(arrived.map.get("list")).toBe(arrived.list);
    expect((arrived.map.get(arrived.map) as Set<unknown>).has(arrived.map)).toBe(true);
  });

  test("cycles through an error, next to values that only the graph form carries", () => {
    const error: Error & { owner?: unknown } = new Error("loop");
    const owner = { error, zero: -0, list: [error] };
    error.owner = owner;
    error.cause = error;
    const arrived = decode(encode(owner)) as typeof owner;
    expect(arrived.error.owner).toBe(arrived);
    expect(arrived.error.cause).toBe(arrived.error);
    expect(arrived.list[0]).toBe(arrived.error);
    expect(Object.is(arrived.zero, -0)).toBe(true);
  });

  test("calls that travel together share nothing, and each keeps its own shape", () => {
    // Given: two calls with the same object, one of them twice
    const shared = { list: [1] };
    for (const calls of [
      [[shared], [7]],
      [[shared, shared], [shared]],
      [[shared, -0], [shared]],
    ]) {
      // When
      const arrived = decode(encodeSeparately(calls)) as (typeof shared)[][];
      // Then
      assert.deepStrictEqual(arrived, calls);
      expect(arrived[0]?.[0]).not.toBe(arrived[1]?.[0]);
      if (calls[0]?.[1] === shared) expect(arrived[0]?.[1]).toBe(arrived[0]?.[0]);
    }
    expect(() => encodeSeparately([[1], [{ callback() {} }]], "calls")).toThrow(
      /^calls\[1\]\[0\]\.callback cannot be sent/,
    );
  });

  test("a structure that shares itself over and over stays small", () => {
    let value: unknown[] = [];
    for (let level = 0; level < 60; level += 1) value = [value, value];
    const bytes = encode(value);
    expect(bytes.byteLength).toBeLessThan(2_000);
    let arrived = decode(bytes) as unknown[];
    for (let level = 0; level < 60; level += 1) {
      expect(arrived[0]).toBe(arrived[1]);
      arrived = arrived[0] as unknown[];
    }
  });
});

test("nesting of any depth arrives", () => {
  let value: unknown[] = [];
  for (let level = 0; level < 200_000; level += 1) value = [value];
  let arrived = decode(encode(value)) as unknown[];
  let depth = 0;
  while (arrived.length > 0) {
    arrived = arrived[0] as unknown[];
    depth += 1;
  }
  expect(depth).toBe(200_000);
});

describe("memory", () => {
  test("encoded bytes own their memory, small ones after large ones too", () => {
    encode("x".repeat(5_000_000));
    const bytes = encode([1, 2, 3]);
    expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
    const kept = Buffer.from(bytes);
    for (let round = 0; round < 1_000; round += 1) encode({ round, text: "y".repeat(round) });
    expect(bytes.equals(kept)).toBe(true);
    // It can be transferred without taking anything else along.
    const moved = structuredClone(bytes, { transfer: [bytes.buffer] });
    expect(decode(moved)).toEqual([1, 2, 3]);
    expect(decode(encode("after"))).toBe("after");
  });

  test("decoded binaries own their memory: what they came in may be overwritten", () => {
    const bytes = encode([Buffer.from("inner"), new Uint8Array([1, 2]), encode({ nested: true })]);
    const [buffer, array, nested] = decode(bytes) as [Buffer, Uint8Array, Buffer];
    bytes.fill(0);
    expect(buffer.toString()).toBe("inner");
    expect([...array]).toEqual([1, 2]);
    expect(decode(nested)).toEqual({ nested: true });
    for (const part of [buffer, array, nested]) expect(part.buffer.byteLength).toBe(part.byteLength);
  });

  test("bytes are read where they lie, and nothing is left on them", () => {
    const bytes = encode({ a: [1, Buffer.from("b")] });
    const slab = new Uint8Array(1_000).fill(255);
    slab.set(bytes, 100);
    const view = slab.subarray(100, 100 + bytes.byteLength);
    assert.deepStrictEqual(decode(view), { a: [1, Buffer.from("b")] });
    expect(Object.keys(view).length).toBe(view.length);
  });
});

test("damaged bytes are refused, and the next decode works", () => {
  const bytes = encode({ a: [1, "text", { b: new Date() }] });
  for (let length = 0; length < bytes.byteLength; length += 1) {
    expect(() => decode(bytes.subarray(0, length))).toThrow(SerializationError);
  }
  expect(() => decode(Buffer.from([0xc1, 0xff]))).toThrow(/cannot be decoded/);
  expect(() => decode(Buffer.concat([bytes, bytes]))).toThrow(/damaged, or not written by manyhands/);
  assert.deepStrictEqual(decode(encode([1])), [1]);
});
