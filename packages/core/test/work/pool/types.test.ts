import { expectTypeOf, test } from "vitest";
import { type AsyncResult, type ImapIterator, type ItemOutcome, type Pool, task } from "../../../src/index.ts";

const square = task("types/square", async (x: number) => x * x);
const join = task("types/join", (text: string, count: number, mark?: string) => text.repeat(count) + mark);
const nothing = task("types/nothing", () => {});

/** Checked by `pnpm check` and never run. */
function calls(pool: Pool): void {
  expectTypeOf(pool.apply(square, [1])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.applyAsync(join, ["a", 2])).toEqualTypeOf<AsyncResult<string>>();
  expectTypeOf(pool.applyAsync(join, ["a", 2, "!"]).get()).toEqualTypeOf<Promise<string>>();
  expectTypeOf(pool.apply(nothing)).toEqualTypeOf<Promise<void>>();
  expectTypeOf(pool.map(square, [1])).toEqualTypeOf<Promise<number[]>>();
  expectTypeOf(pool.map(square, new Set([1]))).toEqualTypeOf<Promise<number[]>>();
  expectTypeOf(pool.mapAsync(square, [1])).toEqualTypeOf<AsyncResult<number[]>>();
  expectTypeOf(pool.starmap(join, [["a", 1]])).toEqualTypeOf<Promise<string[]>>();
  expectTypeOf(pool.imap(square, [1])).toEqualTypeOf<ImapIterator<number>>();
  expectTypeOf(pool.imapUnordered(square, [1]).next()).toEqualTypeOf<Promise<IteratorResult<number, undefined>>>();
  expectTypeOf(pool.map(square, [1], { errors: "return" })).toEqualTypeOf<Promise<ItemOutcome<number>[]>>();
  expectTypeOf(pool.starmapAsync(join, [["a", 1]], { errors: "return" })).toEqualTypeOf<
    AsyncResult<ItemOutcome<string>[]>
  >();
  expectTypeOf(pool.imap(square, [1], { errors: "return" })).toEqualTypeOf<ImapIterator<ItemOutcome<number>>>();
  expectTypeOf(pool.map(square, [1], { errors: "throw" })).toEqualTypeOf<Promise<number[]>>();
  expectTypeOf(pool.apply("by name", [1, "x"])).toEqualTypeOf<Promise<unknown>>();
  expectTypeOf(pool.map("by name", [1, "x"])).toEqualTypeOf<Promise<unknown[]>>();
  pool.applyAsync(square, [1], { callback: (value) => expectTypeOf(value).toEqualTypeOf<number>() });
  pool.mapAsync(square, [1], { callback: (values) => expectTypeOf(values).toEqualTypeOf<number[]>() });

  // @ts-expect-error an argument of the wrong type
  void pool.apply(square, ["1"]);
  // @ts-expect-error too many arguments
  void pool.apply(square, [1, 2]);
  // @ts-expect-error too few arguments
  void pool.applyAsync(join, ["a"]);
  // @ts-expect-error items of the wrong type
  void pool.map(square, ["1"]);
  // @ts-expect-error an argument list of the wrong shape
  void pool.starmap(join, [["a", "b"]]);
  // @ts-expect-error a task of two arguments has no map
  void pool.map(join, ["a"]);
  // @ts-expect-error a function that is no task
  void pool.apply((x: number) => x, [1]);
  // @ts-expect-error an option that does not exist
  void pool.apply(square, [1], { timout: 5 });
}

test("calls are typed by their task", () => {
  expectTypeOf(calls).toBeFunction();
  expectTypeOf(square(3)).toEqualTypeOf<Promise<number>>();
});
