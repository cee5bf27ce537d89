import {
  type AsyncResult,
  CancelledError,
  PayloadTooLargeError,
  SerializationError,
  type SubmitOptions,
  ValidationError,
  ValueError,
} from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { reason } from "../chaos/reason.ts";
import * as tasks from "./fixtures/bad-tasks.ts";
import { ServingHost } from "./serving-host.ts";

// The command line's own refusals are tested in packages/cli/test/usage.test.ts and redis-fitness.test.ts.
const redis = useRedis();
let host: ServingHost;
let unknown: AsyncResult<unknown>;

beforeAll(async () => {
  host = await ServingHost.start(redis);
  // It takes a while until its caller is warned; the last test asks for it.
  unknown = host.pool.applyAsync("bad.nowhere", [1]);
  unknown.wait().catch(() => {});
  await unknown.submitted();
});
afterAll(() => host.mp.close());
afterEach(() => host.serves());

/** Nothing has been submitted: the pool's queue holds the one job of the unknown task at most. */
async function submits(act: () => unknown): Promise<{ error: unknown; jobs: number }> {
  const client = redis.client();
  const jobs = async (): Promise<number> =>
    (await client.keys(`{${host.namespace}}:${host.pool.name}:*-*`)).filter(
      (key) => !/:(lock|logs|stalled-check)$/.test(key),
    ).length;
  const before = await jobs();
  const error = await reason((async () => await act())());
  return { error, jobs: (await jobs()) - before };
}

describe("arguments that do not fit the schema are refused at the call, each by its place", () => {
  test("of one call", async () => {
    const { error, jobs } = await submits(() => host.pool.apply(tasks.order, [{ id: 1.5, lines: [] }]));
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as Error).message).toBe(
      'the arguments do not fit the schema of task "bad.order": args[0].id: Invalid input: expected int, received number; ' +
        "args[0].lines: Too small: expected array to have >=1 items",
    );
    expect(jobs).toBe(0);
  });

  test("where the program knows the task by name only, the host refuses it", async () => {
    const error = await reason(host.pool.apply("bad.order", ["no"]));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.message).toBe(
      'the arguments do not fit the schema of task "bad.order": args[0]: Invalid input: expected object, received string',
    );
  });

  test("of one item of a map", async () => {
    const error = await reason(
      host.pool.map(tasks.order, [
        { id: 1, lines: ["a"] },
        { id: 1.5, lines: ["b"] },
      ]),
    );
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.message).toContain("id: Invalid input: expected int, received number");
  });
});

describe("what cannot be sent is refused at the call, with its path", () => {
  test.each<[string, () => unknown, string]>([
    [
      "args[0].a[1]",
      () => host.pool.apply(tasks.echo, [{ a: [1, () => 1] }]),
      "args[0].a[1] cannot be sent to another process: it is a function; code stays where it is: send data, or the name of a task, instead",
    ],
    [
      "items[1].s",
      () => host.pool.map(tasks.echo, [1, { s: Symbol("s") }]),
      "items[1].s cannot be sent to another process: it is a symbol; send a string instead",
    ],
    [
      "args[0]",
      () => host.pool.apply(tasks.echo, [Promise.resolve(1)]),
      "args[0] cannot be sent to another process: it is a Promise; await it first and send its value",
    ],
    [
      "initArgs[0]",
      () => host.mp.pool(1, { initializer: tasks.failToStart, initArgs: [() => 1] }),
      "initArgs[0] cannot be sent to another process: it is a function; code stays where it is: send data, or the name of a task, instead",
    ],
  ])("%s", async (path, act, message) => {
    const { error, jobs } = await submits(act);
    expect(error).toBeInstanceOf(SerializationError);
    expect(error).toMatchObject({ path, message });
    expect(jobs).toBe(0);
  });
});

describe("what is too large is refused", () => {
  test("an argument", async () => {
    const { error, jobs } = await submits(() => host.pool.apply(tasks.echo, ["x".repeat(1_100_000)]));
    expect(error).toBeInstanceOf(PayloadTooLargeError);
    expect((error as Error).message).toBe(
      'the arguments of task "bad.echo": 1100006 bytes are more than maxPayload (1048576); send less, keep it elsewhere ' +
        "and pass its address, or raise maxPayload in connect()",
    );
    expect(jobs).toBe(0);
  });

  test("a result", async () => {
    const error = await reason(host.pool.apply(tasks.giveLarge, [1_100_000]));
    expect(error).toBeInstanceOf(PayloadTooLargeError);
    expect(error.message).toBe(
      "the result takes 1100005 bytes, more than maxPayload (1048576 bytes); return a reference to it, or raise maxPayload",
    );
  });

  test("nesting without end, where it fits, is carried", async () => {
    let deep: unknown = "bottom";
    for (let level = 0; level < 10_000; level += 1) deep = [deep];
    let back = (await host.pool.apply(tasks.echo, [deep])) as unknown;
    let levels = 0;
    for (; Array.isArray(back); back = back[0]) levels += 1;
    expect([levels, back]).toEqual([10_000, "bottom"]);
  });
});

describe("options that can never be right are refused at the call", () => {
  test.each<[SubmitOptions, string]>([
    [{ priority: 0 }, "the options of a call: priority must be a whole number from 1 to 2097151; got 0"],
    [{ attempts: 0 }, "the options of a call: attempts must be a whole number from 1; got 0"],
    [{ timeout: -1 }, "the options of a call: timeout must be milliseconds above 0, at most 2147483647; got -1"],
    [
      { timeout: "5" as never },
      'the options of a call: timeout must be milliseconds above 0, at most 2147483647; got "5"',
    ],
    [{ delay: Number.NaN }, "delay must be milliseconds from 0; got NaN"],
    [{ jobId: "7" }, 'jobId must be 1 to 200 letters, digits or _ . - and not a number; got "7"'],
    [{ tags: "x" as never }, 'tags must be a list of strings; got "x"'],
    [{ backoff: "x" as never }, 'the options of a call: backoff must be milliseconds, or { type, delay }; got "x"'],
    [{ deduplication: {} as never }, 'deduplication needs an id, such as { id: "report-7" }; got {}'],
  ])("%j", async (options, message) => {
    const { error, jobs } = await submits(() => host.pool.apply(tasks.square, [2], options));
    expect(error).toBeInstanceOf(ValueError);
    expect((error as Error).message).toBe(message);
    expect(jobs).toBe(0);
  });

  test.each([
    [0, "0"],
    [-3, "-3"],
    [2.5, "2.5"],
    ["x", '"x"'],
    [null, "null"],
  ])("PL1: a pool of size %j", (size, got) => {
    expect(() => host.mp.pool(size as number)).toThrow(
      new ValueError(`the size of a pool must be a whole number from 1; got ${got}; leave it out to use all slots`),
    );
  });

  test.each(["a b", "", "a:b"])("a pool named %j", (name) => {
    expect(() => host.mp.pool(1, { name })).toThrow(
      new ValueError(`a pool's name is 1 to 100 letters, digits or _ . - ; got ${JSON.stringify(name)}`),
    );
  });

  test("what is no task, and arguments that are no list", async () => {
    const noTask = await reason(host.pool.apply((() => 1) as never, []));
    expect(noTask).toBeInstanceOf(TypeError);
    expect(noTask.message).toBe("expected a task, made with task(name, run), or its name; got function");
    const noList = await reason(host.pool.apply(tasks.echo, 7 as never));
    expect(noList).toBeInstanceOf(ValueError);
    expect(noList.message).toBe('the arguments of task "bad.echo" are a list; got number');
  });
});

test("an unknown task: a warning says what to start, and the call waits for a host that knows it", async () => {
  const warning =
    `no live worker host serves task "bad.nowhere" in pool "${host.pool.name}": the running hosts (one) do not know it; ` +
    'start one with: manyhands worker --tasks <module that defines "bad.nowhere">; the task waits until then';
  await until(() => host.warnings.includes(warning));
  expect(await unknown.wait({ timeout: 0 })).toBe(false);
  expect(await unknown.cancel("nobody came")).toBe(true);
  expect(await reason(unknown.get())).toBeInstanceOf(CancelledError);
});
