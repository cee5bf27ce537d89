import { describe, expect, test } from "vitest";
import { SerializationError } from "../../../src/errors/index.ts";
import { encodeGraph } from "../../../src/wire/codec/binary.ts";
import type { Graph, Node, Slot } from "../../../src/wire/codec/graph.ts";
import { decode, encode } from "../../../src/wire/codec/index.ts";

const INHERITED = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];

function bytesOf(...nodes: Node[]): Uint8Array {
  return encodeGraph({ root: [0], nodes, failure: null } satisfies Graph);
}

function errorNode(className: string): Node {
  const slots: Slot[] = [];
  const texts = { name: "E", message: "m", stack: "s" };
  return ["error", { className, ...texts, keys: slots, values: slots, cause: [], errors: null, origin: null }];
}

describe("bytes of an attacker", () => {
  test.each([...INHERITED, "Function", "Object", "Proxy", "SharedArrayBuffer", "WebAssembly"])(
    "a view of the class %s is refused: only classes of views are made by name",
    (name) => {
      expect(() => decode(bytesOf(["view", name, new Uint8Array(8)]))).toThrow(SerializationError);
    },
  );

  test.each(INHERITED.flatMap((name) => [name, `builtin:${name}`, `manyhands:${name}`]))(
    "an error of the class %s is a plain one",
    (className) => {
      const error = decode(bytesOf(errorNode(className)));
      expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
    },
  );

  test.each(INHERITED)("a node and a live object of the kind %s are refused", (kind) => {
    expect(() => decode(bytesOf([kind] as unknown as Node))).toThrow(SerializationError);
    const reference: Graph = { root: null, nodes: [], failure: null };
    expect(() => decode(bytesOf(["transferable", kind, reference]))).toThrow(SerializationError);
  });

  test("keys such as __proto__ change no prototype, in either form", () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    for (const bytes of [encode(hostile), bytesOf(["object", ["__proto__"], [[1]]], ["object", ["polluted"], [1]])]) {
      const value = decode(bytes) as object;
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    }
  });

  test("a length without elements takes no memory, and stays the length", () => {
    const before = process.memoryUsage().rss;
    const lengths = [30_000_000, 4_294_967_295];
    const arrays = lengths.flatMap((length) =>
      Array.from({ length: 10 }, () => decode(bytesOf(["sparse", length, [5], ["x"]])) as unknown[]),
    );
    expect(arrays.map((array) => array.length)).toEqual(lengths.flatMap((length) => new Array(10).fill(length)));
    expect(arrays.every((array) => array[5] === "x" && Object.keys(array).length === 1)).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });

  test.each<[string, number[]]>([
    ["a list", [0xdd, 0x7f, 0xff, 0xff, 0xff]],
    ["lists in lists", Array.from({ length: 500 }, () => [0xdd, 0x01, 0xc9, 0xc3, 0x80]).flat()],
    ["a map", [0xdf, 0x7f, 0xff, 0xff, 0xff]],
    ["bytes", [0xc6, 0x7f, 0xff, 0xff, 0xff]],
    ["text", [0xdb, 0x7f, 0xff, 0xff, 0xff]],
    ["an extension", [0xc9, 0x7f, 0xff, 0xff, 0xff, 0x74]],
  ])("%s of a length that is not there is refused before memory is taken for it", (_what, bytes) => {
    const before = process.memoryUsage().rss;
    expect(() => decode(Uint8Array.from(bytes))).toThrow(SerializationError);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test.each([-1, 0.5, 2 ** 32, 1e300, Number.NaN])("an array of length %d is refused", (length) => {
    expect(() => decode(bytesOf(["sparse", length, [], []]))).toThrow(SerializationError);
  });
});
