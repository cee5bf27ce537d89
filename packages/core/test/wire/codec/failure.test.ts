import assert from "node:assert";
import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, test } from "vitest";
import * as ours from "../../../src/errors/errors.ts";
import { registerError } from "../../../src/errors/index.ts";
import { decode, decodeError, encode, encodeError } from "../../../src/wire/codec/index.ts";
import { OutOfStockError, UnknownShopError } from "./fixtures/shop-errors.ts";

const { RemoteError, SerializationError, TimeoutError } = ours;
const origin = { host: "host-a", pid: 42, taskId: "task-9" };
const send = (error: unknown): Error & Record<string, unknown> => decodeError(encodeError(error, origin)) as never;

describe("an error from another process", () => {
  let registered: OutOfStockError & Record<string, unknown>;
  let pid: number;
  let thrownUndefined: Error & Record<string, unknown>;

  beforeAll(() => {
    // Given: a child that throws a class of the user, caused by one that is not registered
    registerError(OutOfStockError);
    const child = new URL("./fixtures/throwing-child.ts", import.meta.url).pathname;
    const [first, second] = execFileSync(process.execPath, [child], { encoding: "utf8" }).trim().split("\n");
    registered = decodeError(Buffer.from(first ?? "", "base64")) as never;
    thrownUndefined = decodeError(Buffer.from(second ?? "", "base64")) as never;
    pid = registered["pid"] as number;
  });

  test("PL15: keeps its registered class and its fields; the constructor does not run here", () => {
    expect(registered).toBeInstanceOf(OutOfStockError);
    expect(registered.message).toBe("pencil is out of stock");
    expect(registered.label).toBe("[pencil]");
    expect(registered.missing).toEqual(new Map([["pencil", 2]]));
    expect(OutOfStockError.constructed).toBe(0);
  });

  test("PL15: says where it was thrown, and has the stack of that process", () => {
    expect(registered).toMatchObject({ host: "host-b", taskId: "task-1" });
    expect(pid).toBeGreaterThan(0);
    expect(pid).not.toBe(process.pid);
    expect(registered["remoteStack"]).toMatch(/at takeFromShelf \(.*throwing-child\.ts/);
    expect(registered.stack).toContain(registered["remoteStack"] as string);
    expect(registered.stack).toContain(`thrown on host-b, pid ${pid}, task task-1`);
  });

  test("PL15: is a RemoteError with the name of a class that is not known here", () => {
    const cause = registered.cause as InstanceType<typeof RemoteError> & Record<string, unknown>;
    expect(cause).toBeInstanceOf(RemoteError);
    expect(cause).not.toBeInstanceOf(RangeError);
    expect(cause).toMatchObject({ name: "UnknownShopError", message: "shelf 7 is empty", shelf: 7, code: "E_SHOP" });
    expect(cause).toMatchObject({ host: "host-b", pid });
    expect(cause.remoteStack).toContain("shelf 7 is empty");
  });

  test("stands for a thrown undefined", () => {
    expect(thrownUndefined).toBeInstanceOf(RemoteError);
    expect(thrownUndefined.message).toBe("the task threw undefined, which is not an Error");
    expect(thrownUndefined).toMatchObject({ host: "host-b", pid, code: "ERR_REMOTE" });
    expect("thrown" in thrownUndefined).toBe(true);
    expect(thrownUndefined["thrown"]).toBe(undefined);
  });

  test("goes on to a third process with its first origin, and its class comes back", () => {
    class Passing extends Error {}
    const there = decodeError(encodeError(new Passing("first hop"), { host: "far", pid: 1 }));
    expect(there).toBeInstanceOf(RemoteError);
    registerError(Passing);
    const here = send(there);
    expect(here).toBeInstanceOf(Passing);
    expect(here).toMatchObject({ host: "far", pid: 1 });
    expect(here.stack).toContain("thrown on far, pid 1");
  });
});

test.each([
  new Error("a"),
  new EvalError("a"),
  new RangeError("a"),
  new ReferenceError("a"),
  new SyntaxError("a"),
  new TypeError("a"),
  new URIError("a"),
  new assert.AssertionError({ message: "a", actual: 1, expected: 2, operator: "strictEqual" }),
])("the built-in $constructor.name keeps its class and properties", (error) => {
  const arrived = send(error);
  expect(arrived.constructor).toBe(error.constructor);
  expect(Object.prototype.toString.call(arrived)).toBe("[object Error]");
  expect(arrived.message).toBe(error.message);
  expect(Object.fromEntries(Object.entries(arrived))).toEqual(Object.fromEntries(Object.entries(error)));
  expect(arrived["remoteStack"]).toBe(error.stack);
});

const ownClasses = Object.entries(ours).filter(
  (entry): entry is [string, typeof TimeoutError] => typeof entry[1] === "function" && entry[0] !== "RemoteError",
);

test.each(ownClasses)("%s keeps its class, code and fields", (name, OwnError) => {
  const error = new OwnError("why", { path: "args[0]", cause: new Error("inner") } as never);
  const arrived = send(error);
  expect(arrived).toBeInstanceOf(OwnError);
  expect(arrived.constructor).toBe(OwnError);
  expect(arrived).toMatchObject({ name, message: "why", code: error.code });
  expect((arrived.cause as Error).message).toBe("inner");
  if (error instanceof SerializationError) expect(arrived["path"]).toBe("args[0]");
});

test("an AggregateError keeps its errors", () => {
  const arrived = send(new AggregateError([new RangeError("one"), "two", () => {}, new AggregateError([1])], "all"));
  expect(arrived).toBeInstanceOf(AggregateError);
  const { errors } = arrived as unknown as AggregateError;
  expect(errors[0]).toBeInstanceOf(RangeError);
  expect(errors[1]).toBe("two");
  expect((errors[2] as AggregateError).errors).toEqual([1]);
  expect(arrived.stack).toContain("(not sent: error.errors[2] cannot be sent");
});

test.runIf(typeof SuppressedError === "function")(
  "a SuppressedError keeps both errors, on a second way, too",
  async () => {
    const error: unknown = await (async () => {
      await using _resource = { [Symbol.asyncDispose]: () => Promise.reject(new TypeError("not closed")) };
      throw new RangeError("the work failed");
    })().catch((reason: unknown) => reason);
    for (const arrived of [send(error), send(send(error)), decode(encode(error)) as ReturnType<typeof send>]) {
      expect(arrived).toBeInstanceOf(SuppressedError);
      expect(arrived["error"]).toBeInstanceOf(TypeError);
      expect(arrived["suppressed"]).toBeInstanceOf(RangeError);
      expect(arrived["suppressed"]).toMatchObject({ message: "the work failed" });
    }
  },
);

test("a DOMException, such as an AbortError, stays one", () => {
  const arrived = send(AbortSignal.abort().reason);
  expect(arrived).toBeInstanceOf(DOMException);
  expect(arrived.name).toBe("AbortError");
  expect(arrived["code"]).toBe(20);
});

test("a class of the user with the name of one of ours is not taken for it", () => {
  class TimeoutError extends Error {}
  expect(send(new TimeoutError("mine"))).toBeInstanceOf(RemoteError);
  registerError(TimeoutError);
  expect(send(new TimeoutError("mine"))).toBeInstanceOf(TimeoutError);
  expect(send(new ours.TimeoutError("ours"))).toBeInstanceOf(ours.TimeoutError);
});

test("properties that say where an error comes from are ours, in a value they are the error's own", () => {
  const error = Object.assign(new Error("refused"), { host: "db.example", port: 5432 });
  expect(send(error)).toMatchObject({ host: "host-a", port: 5432 });
  expect(decode(encode(error))).toMatchObject({ host: "db.example", port: 5432 });
});

test("a thrown value is still there after a second hop", () => {
  expect(send(send({ code: 1 }))).toMatchObject({ name: "RemoteError", thrown: { code: 1 }, host: "host-a" });
});

test("what cannot be sent of an error is left out with a note", () => {
  const error = Object.assign(new Error("request failed"), {
    code: "ECONNRESET",
    response: { body: "text", stream: () => {} },
    at: new Date(5),
  });
  const arrived = send(error);
  expect(arrived).toMatchObject({ code: "ECONNRESET", at: new Date(5) });
  expect("response" in arrived).toBe(false);
  expect(arrived.stack).toContain(
    "(not sent: error.response.stream cannot be sent to another process: it is a function",
  );
});

test("what cannot be read of an error is left out with a note, too", () => {
  const getter = {
    enumerable: true,
    get(): never {
      throw new Error("no connection any more");
    },
  };
  const error = Object.defineProperties(Object.assign(new RangeError("too far"), { code: "E_FAR" }), {
    cause: { ...getter, enumerable: false },
    response: getter,
  });
  for (const arrived of [send(error), decode(encode(error)) as ReturnType<typeof send>]) {
    expect(arrived).toBeInstanceOf(RangeError);
    expect(arrived).toMatchObject({ message: "too far", code: "E_FAR" });
    expect("response" in arrived || "cause" in arrived).toBe(false);
    for (const key of ["cause", "response"]) {
      expect(arrived.stack).toMatch(
        new RegExp(
          `\\(not sent: (error|value)\\.${key} cannot be sent to another process: it is a property whose getter throws`,
        ),
      );
    }
  }
  const all = Object.defineProperty(new AggregateError([1], "many"), "errors", getter);
  expect(send(all)).toBeInstanceOf(AggregateError);
});

test("a chain of causes is bounded, a cycle of them stays a cycle", () => {
  let chain = new Error("innermost");
  for (let level = 0; level < 10_000; level += 1) chain = new Error(`level ${level}`, { cause: chain });
  let depth = 0;
  for (let at: unknown = send(chain); at instanceof Error; at = at.cause) depth += 1;
  expect(depth).toBe(32);

  const first = new Error("first");
  const second = new TypeError("second", { cause: first });
  first.cause = second;
  const arrived = send(first);
  expect(arrived.cause).toBeInstanceOf(TypeError);
  expect((arrived.cause as Error).cause).toBe(arrived);
});

test.each([
  [undefined, "undefined"],
  [null, "null"],
  ["text", 'the string "text"'],
  [5, "5"],
  [5n, "5n"],
  [{ code: 1 }, 'the object {"code":1}'],
  [new Map([[1, 2]]), "an object"],
])("a thrown %s arrives as RemoteError.thrown", (thrown, described) => {
  const arrived = send(thrown);
  expect(arrived).toBeInstanceOf(RemoteError);
  expect(arrived.message).toBe(`the task threw ${described}, which is not an Error`);
  expect(arrived["thrown"]).toEqual(thrown);
  expect(arrived).toMatchObject(origin);
});

test("a thrown value that cannot be sent is described", () => {
  for (const thrown of [() => {}, Symbol("s"), { socket: () => {} }, Promise.resolve()]) {
    const arrived = send(thrown);
    expect(arrived.message).toMatch(/^the task threw .*, which is not an Error$/);
    expect("thrown" in arrived).toBe(false);
  }
});

test("an error that resists being read is still sent", () => {
  const hostile = new Error("fine");
  for (const key of ["message", "stack", "name"]) {
    Object.defineProperty(hostile, key, {
      get() {
        throw new Error("no");
      },
    });
  }
  Object.defineProperty(hostile, "field", { enumerable: true, get: () => hostile.message });
  const arrived = send(hostile);
  expect(arrived).toBeInstanceOf(Error);
  expect(arrived).toMatchObject(origin);
});

describe("errors as values", () => {
  test("keep class, cause, errors and properties, without an origin", () => {
    const error = Object.assign(new RangeError("a", { cause: new TypeError("b") }), { extra: [1] });
    const arrived = decode(encode([error])) as [RangeError & { extra: number[] }];
    expect(arrived[0].constructor).toBe(RangeError);
    expect(arrived[0].cause).toBeInstanceOf(TypeError);
    expect(arrived[0].extra).toEqual([1]);
    expect(arrived[0].stack).toBe(error.stack);
    expect("host" in arrived[0]).toBe(false);
  });

  test("of a class that is not known are Errors of that name", () => {
    const [arrived] = decode(encode([new UnknownShopError("shelf")])) as [Error];
    expect(arrived.constructor).toBe(Error);
    expect(arrived.name).toBe("UnknownShopError");
  });

  test("with a name of their own keep it", () => {
    const error = new Error("a");
    error.name = "Renamed";
    expect((decode(encode(error)) as Error).name).toBe("Renamed");
  });
});

test("bytes that are no error are refused", () => {
  expect(() => decodeError(encode([1]))).toThrow(/hold a value of type object instead of an error/);
  expect(() => decodeError(Buffer.from("text"))).toThrow(SerializationError);
});
