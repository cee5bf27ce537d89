import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { SerializationError } from "../../../src/errors/index.ts";
import { assertSendable, classify, encode } from "../../../src/wire/codec/index.ts";

class Job {
  callback = (): void => {};
}
class Holder {
  inner = { list: [new Job()] };
}
class Vault {
  #secret = 1;
  open(): number {
    return this.#secret;
  }
}
class Query {
  table = "t";
}
Reflect.set(Query.prototype, "then", () => {});
const detached = new ArrayBuffer(8);
const detachedView = new Uint8Array(detached);
structuredClone(detached, { transfer: [detached] });

const refused: [path: string, what: RegExp, args: unknown[]][] = [
  ["args[0]", /a function named "work"/, [function work() {}]],
  ["args[0]", /a function;/, [(() => () => {})()]],
  ["args[0]", /a function named "Job"/, [Job]],
  ["args[1].socket", /a live Socket/, [1, { socket: new Socket() }]],
  ['args[0].items[3]["a b"]', /a function/, [{ items: [0, 1, 2, { "a b": () => {} }] }]],
  ['args[0].get("key")', /a symbol/, [new Map([["key", Symbol("s")]])]],
  ["args[0].get(5).deep", /a symbol/, [new Map([[5, { deep: Symbol("s") }]])]],
  [
    "args[0].values()[1]",
    /a function/,
    [
      new Map<unknown, unknown>([
        [{}, 1],
        [{}, () => {}],
      ]),
    ],
  ],
  ["args[0].keys()[0]", /a symbol/, [new Map([[Symbol("k"), 1]])]],
  ["args[0].values()[1]", /a Promise/, [new Set([1, Promise.resolve()])]],
  ["args[0]", /an instance of Job that holds a function named "callback" at args\[0\]\.callback/, [new Job()]],
  ["args[0].inner.list[0]", /an instance of Job that holds a function/, [new Holder()]],
  ["args[0]", /an instance of Vault whose state is private/, [new Vault()]],
  ["args[0]", /an instance of URL whose state is private/, [new URL("http://localhost")]],
  ["args[0]", /an instance of AbortController|an instance of AbortSignal/, [new AbortController().signal]],
  ["args[0]", /a live Readable/, [Readable.from([1])]],
  ["args[0]", /a live EventEmitter/, [new EventEmitter()]],
  ["args[0]", /an instance of ReadableStream/, [new ReadableStream()]],
  ["args[0]", /a WeakMap/, [new WeakMap()]],
  ["args[0]", /a WeakSet/, [new WeakSet()]],
  ["args[0]", /a WeakRef/, [new WeakRef({})]],
  ["args[0]", /a Proxy/, [new Proxy({ a: 1 }, {})]],
  ["args[0][0]", /a Proxy/, [[new Proxy([1], {})]]],
  ["args[0]", /a generator/, [(function* () {})()]],
  ["args[0]", /a promise-like/, [new Query()]],
  ["args[0]", /a SharedArrayBuffer/, [new SharedArrayBuffer(8)]],
  ["args[0]", /a Int32Array over a SharedArrayBuffer/, [new Int32Array(new SharedArrayBuffer(8))]],
  ["args[0]", /a detached ArrayBuffer/, [detached]],
  ["args[0]", /a detached ArrayBuffer/, [detachedView]],
  ["args[0]", /a symbol/, [Object(Symbol("boxed"))]],
  [
    "args[0].broken",
    /a property whose getter throws/,
    [
      {
        get broken() {
          throw new Error("no");
        },
      },
    ],
  ],
];

describe("what cannot be sent is refused where it is", () => {
  test.each(refused)("%s: %s", (path, what, args) => {
    for (const call of [assertSendable, classify]) {
      // When
      const error = thrownBy(() => call(args, "args"));
      // Then: place, reason, and what to do
      expect(error).toBeInstanceOf(SerializationError);
      expect(error).toMatchObject({ path, code: "ERR_SERIALIZATION" });
      expect(error.message.startsWith(`${path} cannot be sent to another process: it is `)).toBe(true);
      expect(error.message).toMatch(what);
      expect(error.message).toMatch(/; .*(send|await|collect|see)/);
    }
  });

  test("a getter that throws is the cause", () => {
    const reason = new Error("no");
    const error = thrownBy(() =>
      assertSendable(
        {
          get broken(): never {
            throw reason;
          },
        },
        "args",
      ),
    );
    expect(error.cause).toBe(reason);
  });

  test("deep nesting gets a path that can be read", () => {
    let value: unknown = () => {};
    for (let level = 0; level < 100_000; level += 1) value = { value };
    const error = thrownBy(() => assertSendable(value, "args"));
    expect(error).toBeInstanceOf(SerializationError);
    expect(error.message.length).toBeLessThan(2_000);
    expect((error as SerializationError).path).toMatch(/^args\.value.*99971 levels.*\.value$/);
  });

  test("the first of two is reported", () => {
    const items = Array.from({ length: 200_000 }, (_, index) => (index % 1_000 === 7 ? { callback() {} } : { index }));
    expect(thrownBy(() => classify([items, { socket: new Socket() }], "args"))).toMatchObject({
      path: "args[0][7].callback",
    });
  });

  test("a cycle does not hide what is behind it", () => {
    const value: Record<string, unknown> = { list: [] };
    value["self"] = value;
    (value["list"] as unknown[]).push(value, () => {});
    expect(thrownBy(() => classify([value], "args"))).toMatchObject({ path: "args[0].list[1]" });
  });
});

test("PL14: a result that cannot be sent is refused, 20 in a row, and the next one is encoded", () => {
  for (let round = 0; round < 20; round += 1) {
    const error = thrownBy(() => encode({ rows: [1, () => {}] }, "result"));
    expect(error).toBeInstanceOf(SerializationError);
    expect(error).toMatchObject({ path: "result.rows[1]" });
  }
  expect(encode({ rows: [1] }, "result").byteLength).toBeGreaterThan(0);
});

function thrownBy(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
