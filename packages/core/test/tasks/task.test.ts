import { expect, test } from "vitest";
import { ManyhandsError, ValueError } from "../../src/errors/index.ts";
import { defineTask, findTask, isTask, runInTask, runningTask, type TaskOptions, task } from "../../src/tasks/index.ts";
import { mostArguments } from "../../src/tasks/most-arguments.ts";
import { registerTask } from "../../src/tasks/task-registry.ts";

const run = (): void => {};

test.each([
  ["", '""'],
  ["a b", '"a b"'],
  ["x".repeat(201), `"${"x".repeat(201)}"`],
  [undefined, "undefined"],
  [5, "5"],
  [5n, "5"],
])("a name %s is refused", (name, shown) => {
  expect(() => task(name as string, run)).toThrow(
    new ValueError(`a task's name is 1 to 200 letters, digits or any of _ . : / @ - ; got ${shown}`),
  );
});

test.each([
  [{ attempts: 0 }, "attempts must be a whole number from 1; got 0"],
  [{ timeout: 0 }, "timeout must be milliseconds above 0, at most 2147483647; got 0"],
  [{ timeout: "100" }, 'timeout must be milliseconds above 0, at most 2147483647; got "100"'],
  [{ softTimeout: Number.NaN }, "softTimeout must be milliseconds above 0, at most 2147483647; got NaN"],
  [{ priority: 2_097_152 }, "priority must be a whole number from 1 to 2097151; got 2097152"],
  [{ resultTtl: -1 }, "resultTtl must be milliseconds above 0; got -1"],
  [
    { backoff: null },
    "backoff must be milliseconds, { type, delay }, or a function (attempt, error) => milliseconds; got null",
  ],
  [
    { backoff: { type: "fixed", delay: 1, max: 5 } },
    'backoff must be of type exponential where it has a max; got {"type":"fixed","delay":1,"max":5}',
  ],
  [
    { backoff: { type: "exponential", delay: 1, max: 0 } },
    "backoff must be with a max of milliseconds above 0, at most 4320000000000000; " +
      'got {"type":"exponential","delay":1,"max":0}',
  ],
  [{ fatal: TypeError }, "fatal must be a list of error classes or their names; got function"],
  [{ fatal: [""] }, 'fatal must be a list of error classes or their names; got [""]'],
  [{ fatal: [Map] }, "fatal must be a list of error classes or their names; got [null]"],
  [{ isolation: "vm" }, 'isolation must be process, thread or inline; got "vm"'],
  [{ schema: {} }, "schema must be a Standard Schema validator; got {}"],
])("options %j are refused", (options, message) => {
  expect(() => task("tasks/bad", run, options as TaskOptions<[]>)).toThrow(
    new ValueError(`task "tasks/bad": ${message}`),
  );
  expect(findTask("tasks/bad")).toBeUndefined();
});

test("what runs is a function", () => {
  expect(() => task("tasks/none", 5 as never)).toThrow(
    new ValueError('task "tasks/none" needs a function to run; got number'),
  );
});

test("a task is the function itself, with a name, and is found by it", () => {
  const add = task("tasks/add", (a: number, b: number) => a + b, { attempts: 2 });
  expect(add(1, 2)).toBe(3);
  expect(add.name).toBe("tasks/add");
  expect(add.module).toBe(import.meta.url);
  expect(add.options).toEqual({ attempts: 2 });
  expect(Object.isFrozen(add.options)).toBe(true);
  expect(findTask("tasks/add")).toBe(add);
  expect([isTask(add), isTask(run), isTask("tasks/add"), isTask(null)]).toEqual([true, false, false, false]);
});

test("a module that is evaluated again defines its tasks again; another module may not", async () => {
  // given
  const define = (): unknown => task("tasks/again", () => 1);
  define();
  // when
  const second = define();
  await new Promise((resolve) => setTimeout(resolve, 0));
  const moved = task("tasks/again", () => 2);
  // then
  expect(second).not.toBe(moved);
  expect(findTask("tasks/again")).toBe(moved);
  const foreign = Object.defineProperty(() => 3, "name", { value: "tasks/again" });
  expect(() => registerTask(Object.assign(foreign, { module: "file:///other.ts" }) as never)).toThrow(
    /task "tasks\/again" is defined twice: in .*task\.test\.ts:\d+:\d+ and in file:\/\/\/other\.ts; give one/,
  );
});

test("bundles may have a copy of a module each, and a development server may evaluate it from no file", async () => {
  // given
  const code = (): (() => number) => () => 1;
  const define = (module: string, run: () => number): unknown => defineTask("tasks/copied", run, { module });
  define("file:///bundle/first.js", code());
  // when: the same code in another bundle, then changed code that comes from no file
  const copy = define("file:///bundle/second.js", code());
  const changed = define("", () => 2);
  // then
  expect(copy).not.toBe(changed);
  expect(findTask("tasks/copied")).toBe(changed);
  const other = (): unknown => define("file:///bundle/third.js", () => 3);
  define("file:///bundle/first.js", code());
  expect(other).toThrow('task "tasks/copied" is defined twice');
});

test("two tasks of one name in one module are refused with both places; the same function is the same task", () => {
  const run = (): number => 1;
  const first = task("tasks/twice", run);
  expect(() => task("tasks/twice", () => 2)).toThrow(
    /task "tasks\/twice" is defined twice: in .*task\.test\.ts:\d+:\d+ and in .*task\.test\.ts:\d+:\d+; give one/,
  );
  expect(findTask("tasks/twice")).toBe(first);
  const again = task("tasks/twice", run);
  expect(findTask("tasks/twice")).toBe(again);
});

test("currentTask() belongs to the code that a worker runs, and follows it through awaits", async () => {
  expect(() => runningTask()).toThrow(ManyhandsError);
  expect(() => runningTask()).toThrow(
    "currentTask() was called outside a task; it works only in code that a worker runs",
  );
  const ids = ["a", "b"].map((id) =>
    runInTask({ id } as never, async () => {
      await Promise.resolve();
      return runningTask().id;
    }),
  );
  expect(await Promise.all(ids)).toEqual(["a", "b"]);
  expect(() => runningTask()).toThrow();
});

test.each<[run: (...args: never[]) => unknown, most: number | undefined]>([
  [(x: number) => x, 1],
  [async (x: number, y: number) => x + y, 2],
  [() => 0, 0],
  [({ a }: { a: number }, [b]: number[]) => [a, b], 2],
  [(x: number, y = 1) => x + y, undefined],
  [(...all: number[]) => all, undefined],
  [({ a = 1 }: { a?: number }) => a, undefined],
  [
    function any() {
      // biome-ignore lint/complexity/noArguments: it is what is looked at
      return arguments.length;
    },
    undefined,
  ],
  [((x: number) => x).bind(null), undefined],
  [Math.max, undefined],
])("how many arguments a function has names for, or that nothing is said: %s", (run, most) => {
  expect(mostArguments(run)).toBe(most);
});
