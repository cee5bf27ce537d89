import { expect, test } from "vitest";
import { SerializationError, ValueError } from "../../../src/errors/index.ts";
import { task } from "../../../src/tasks/index.ts";
import { decode } from "../../../src/wire/codec/index.ts";
import { type PoolOptions, toPoolRecord } from "../../../src/work/pool/index.ts";

const maker = { name: "pool-a-1", generation: "a-1", clientId: "a" };
const prepare = task("pool-options/prepare", (_: unknown) => {});

test.each([
  [0, "0"],
  [1.5, "1.5"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "Infinity"],
  ["4", '"4"'],
])("PL1: a size of %j is refused", (size, got) => {
  expect(() => toPoolRecord(size as number, {}, maker)).toThrow(
    new ValueError(`the size of a pool must be a whole number from 1; got ${got}; leave it out to use all slots`),
  );
});

test.each([
  [{ maxTasksPerChild: 0.5 }, ValueError, "maxTasksPerChild must be a whole number from 1; got 0.5"],
  [{ maxTasksPerChild: "12" }, ValueError, 'maxTasksPerChild must be a whole number from 1; got "12"'],
  [{ isolation: "fiber" }, ValueError, 'isolation must be process, thread or inline; got "fiber"'],
  [{ fence: "none" }, ValueError, 'fence must be strict or lenient; got "none"'],
  [{ initArgs: [1] }, ValueError, "initArgs are the arguments of an initializer; give { initializer } too"],
  [{ initArgs: "x" }, ValueError, "initArgs must be a list of arguments; got string"],
  [{ initializer: () => {} }, TypeError, "initializer must be a task, made with task(name, run); got function"],
  [{ name: "a b" }, ValueError, 'a pool\'s name is 1 to 100 letters, digits or _ . - ; got "a b"'],
  [{ name: "processes" }, ValueError, 'no pool can have the name "processes"; choose another name'],
  [{ name: "processes.host.a" }, ValueError, 'no pool can have the name "processes.host.a"'],
  [{ name: "processes-nightly" }, ValueError, 'no pool can have the name "processes-nightly"'],
  [{ initializer: prepare, initArgs: [() => {}] }, SerializationError, "initArgs[0]"],
])("PL1: %j is refused", (options, type, message) => {
  const make = (): unknown => toPoolRecord(1, options as PoolOptions, maker);
  expect(make).toThrow(type);
  expect(make).toThrow(message);
});

test("an unnamed pool belongs to its maker, a named one to no program", () => {
  expect(toPoolRecord(undefined, {}, maker)).toEqual({
    name: "pool-a-1",
    size: null,
    generation: "a-1",
    owner: "a",
    state: "running",
    isolation: null,
    initializer: null,
    maxTasksPerChild: null,
    fence: "strict",
    failure: null,
  });
  const named = toPoolRecord(2, { name: "reports", initializer: prepare as never, initArgs: [new Date(7)] }, maker);
  expect(named).toMatchObject({ name: "reports", owner: null, size: 2 });
  expect(named.initializer?.task).toBe("pool-options/prepare");
  expect(decode(Buffer.from(named.initializer?.args ?? "", "base64"))).toEqual([new Date(7)]);
});
