import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Context,
  connect,
  PayloadTooLargeError,
  PoolClosedError,
  PoolTerminatedError,
  RemoteError,
  SerializationError,
  TimeoutError,
  ValueError,
  WorkerLostError,
} from "@manyhands/core";
import { startHostProcess, temporaryFolder, until, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as tasks from "./pool-tasks.ts";

const redis = useRedis();
const messages: string[] = [];
let mp: Context;

beforeAll(async () => {
  const namespace = redis.namespace();
  const module = fileURLToPath(new URL("./pool-tasks.ts", import.meta.url));
  const host = (name: string) =>
    startHostProcess({
      url: redis.url,
      namespace,
      tasks: [module],
      slots: 2,
      arguments: ["--name", name, "--max-heap", "96"],
    });
  await Promise.all([host("left"), host("right")]);
  const log = (message: string): void => void messages.push(message);
  mp = await connect({ redis: redis.url, namespace, logger: { info: log, warn: log, error: log } });
});

afterAll(() => mp.close());

function scratch(): string {
  return join(temporaryFolder(), "lines");
}

async function reason(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

describe("a pool", () => {
  test("PL1: a size below 1 or not whole is a ValueError, as is a bad maxTasksPerChild; an initializer must be a task", () => {
    for (const size of [0, -1, 1.5, "x", Number.NaN]) expect(() => mp.pool(size as number)).toThrow(ValueError);
    for (const maxTasksPerChild of [0, -1, 0.5, "12"]) {
      expect(() => mp.pool(1, { maxTasksPerChild: maxTasksPerChild as number })).toThrow(ValueError);
    }
    expect(() => mp.pool(1, { initializer: "nope" as never })).toThrow(TypeError);
    expect(() => mp.pool(0)).toThrow("the size of a pool must be a whole number from 1; got 0");
  });

  test("PL1: without a size the pool uses the slots of all hosts", async () => {
    await using pool = mp.pool();
    expect(pool.size).toBeNull();
    expect(await mp.cpuCount()).toBe(4);
    const runs = await pool.map(tasks.pid, new Array<number>(8).fill(150), { chunkSize: 1 });
    expect(new Set(runs.map((run) => run.host))).toEqual(new Set(["left", "right"]));
    expect(new Set(runs.map((run) => run.pid)).size).toBe(4);
  });

  test("PL3: apply gives the value of one call, or its error", async () => {
    await using pool = mp.pool(2);
    expect(await pool.apply(tasks.add, [2, 5])).toBe(7);
    expect(await reason(pool.apply(tasks.positive, [-1]))).toBeInstanceOf(RangeError);
  });

  test.each([1, 2, 7, 100, undefined])("PL4: map and starmap keep the order, chunk size %s", async (chunkSize) => {
    await using pool = mp.pool(3);
    const items = Array.from({ length: 100 }, (_, index) => index);
    const options = chunkSize === undefined ? {} : { chunkSize };
    expect(await pool.map(tasks.square, items, options)).toEqual(items.map((x) => x * x));
    const pairs = items.map((x): [number, number] => [x, 1]);
    expect(await pool.starmap(tasks.add, pairs, options)).toEqual(items.map((x) => x + 1));
    expect(await pool.mapAsync(tasks.square, items, options).get()).toEqual(items.map((x) => x * x));
    expect(await pool.starmapAsync(tasks.add, pairs, options).get()).toEqual(items.map((x) => x + 1));
  });

  test("PL5: a chunk size below 1 is a ValueError; an input without a length is drained first", async () => {
    await using pool = mp.pool(2);
    for (const chunkSize of [0, -1, 1.5]) {
      expect(await reason(pool.map(tasks.square, [1], { chunkSize }))).toBeInstanceOf(ValueError);
      expect(() => pool.imap(tasks.square, [1], { chunkSize })).toThrow(ValueError);
    }
    const generated = (function* () {
      yield* [3, 4];
    })();
    expect(await pool.map(tasks.square, generated)).toEqual([9, 16]);
    const arriving = (async function* () {
      yield* [5, 6];
    })();
    expect(await pool.map(tasks.square, arriving)).toEqual([25, 36]);
  });

  test("PL6: an empty input is ready at once, and its callback is not called", async () => {
    await using pool = mp.pool(2);
    let called = 0;
    const result = pool.mapAsync(tasks.square, [], { chunkSize: 3, callback: () => (called += 1) });
    expect(result.ready()).toBe(true);
    expect(await result.get()).toEqual([]);
    expect(await pool.map(tasks.square, [])).toEqual([]);
    expect(await pool.imap(tasks.square, []).next()).toEqual({ done: true, value: undefined });
    expect(called).toBe(0);
  });

  test("PL7: every chunk of a failing map runs, then the first error to arrive is thrown", async () => {
    await using pool = mp.pool(4);
    const file = scratch();
    const slow = pool.starmapAsync(
      tasks.mark,
      Array.from({ length: 8 }, (_, index): [string, string, number] => [file, `${index}`, 30]),
      { chunkSize: 1 },
    );
    await slow.get();
    expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(8);
    const failing = await reason(pool.map(tasks.failLater, [-2_000, -100, 50, 50], { chunkSize: 1 }));
    expect((failing as Error).message).toBe("failed after 100");
  });

  test("PL7: within a chunk the first failing item ends the chunk", async () => {
    await using pool = mp.pool(1);
    const file = scratch();
    const items: [string, string, number][] = ["a", "b"].map((line) => [file, line, 0]);
    const error = await reason(
      pool.starmap(tasks.mark, [items[0], [file, Symbol("never sent") as never, 0], items[1]] as never, {
        chunkSize: 3,
      }),
    );
    expect(error).toBeInstanceOf(SerializationError);
    expect(await reason(pool.map(tasks.positive, [1, -2, -3], { chunkSize: 3 }))).toMatchObject({
      message: "negative: -2",
    });
  });

  test("PL8: an input that throws fails map; imap gives the items before it first", async () => {
    await using pool = mp.pool(2);
    const broken = function* (): Generator<number> {
      yield 1;
      yield 2;
      throw new EvalError("the input broke");
    };
    expect(await reason(pool.map(tasks.square, broken()))).toBeInstanceOf(EvalError);
    for (const iterator of [pool.imap(tasks.square, broken()), pool.imapUnordered(tasks.square, broken())]) {
      const values: number[] = [];
      const error = await reason(
        (async () => {
          for await (const value of iterator) values.push(value);
        })(),
      );
      expect(error).toBeInstanceOf(EvalError);
      expect(values.every((value) => value === 1 || value === 4)).toBe(true);
    }
  });

  test("PL9: imap is ordered, imapUnordered gives what is done first; a failed item throws at its place and the rest follows", async () => {
    await using pool = mp.pool(4);
    const ordered: number[] = [];
    for await (const value of pool.imap(tasks.sleepFor, [300, 10, 20])) ordered.push(value);
    expect(ordered).toEqual([300, 10, 20]);
    const first = await pool.imapUnordered(tasks.sleepFor, [1_000, 10]).next();
    expect(first).toEqual({ done: false, value: 10 });
    const iterator = pool.imap(tasks.positive, [1, -2, 3]);
    expect((await iterator.next()).value).toBe(1);
    expect(await reason(iterator.next())).toMatchObject({ message: "negative: -2" });
    expect((await iterator.next()).value).toBe(3);
    expect((await iterator.next()).done).toBe(true);
    expect((await iterator.next()).done).toBe(true);
  });

  test("PL10: next with a timeout throws TimeoutError and the same item can be asked for again", async () => {
    await using pool = mp.pool(1);
    const iterator = pool.imap(tasks.sleepFor, [400, 1]);
    expect(await reason(iterator.next({ timeout: 20 }))).toBeInstanceOf(TimeoutError);
    expect(await iterator.next()).toEqual({ done: false, value: 400 });
    expect(await iterator.next({ timeout: 5_000 })).toEqual({ done: false, value: 1 });
  });

  test("PL11: an endless input is read no further than the buffer, and leaving the loop releases its producer", async () => {
    await using pool = mp.pool(2);
    let produced = 0;
    let released = false;
    const endless = async function* (): AsyncGenerator<number> {
      try {
        for (;;) {
          yield produced;
          produced += 1;
        }
      } finally {
        released = true;
      }
    };
    let read = 0;
    for await (const value of pool.imap(tasks.square, endless(), { bufferSize: 8 })) {
      expect(value).toBe(read * read);
      read += 1;
      expect(produced).toBeLessThanOrEqual(read + 8);
      if (read === 50) break;
    }
    expect(released).toBe(true);
    pool.close();
    await pool.join();
  });

  test("PL12: a callback runs once, before the result is ready, and only for its own outcome", async () => {
    await using pool = mp.pool(2);
    const seen: unknown[] = [];
    const good: { ready(): boolean; wait(): Promise<unknown> } = pool.applyAsync(tasks.square, [3], {
      callback: (value) => seen.push(["value", value, good.ready()]),
      errorCallback: (error) => seen.push(["error", error]),
    });
    await good.wait();
    const bad = pool.applyAsync(tasks.positive, [-1], {
      callback: (value) => seen.push(["value", value]),
      errorCallback: (error) => seen.push(["error", (error as Error).message]),
    });
    await bad.wait();
    await pool.mapAsync(tasks.square, [1, 2], { callback: (values) => seen.push(values) });
    expect(seen).toEqual([
      ["value", 9, false],
      ["error", "negative: -1"],
      [1, 4],
    ]);
  });

  test("PL13: a callback that throws is reported, and every result is still settled", async () => {
    await using pool = mp.pool(2);
    const result = pool.applyAsync(tasks.square, [4], {
      callback: () => {
        throw new Error("the callback broke");
      },
    });
    expect(await result.get({ timeout: 90_000 })).toBe(16);
    expect(await pool.apply(tasks.square, [5])).toBe(25);
    expect(messages.some((message) => message.includes("the callback broke"))).toBe(true);
  });

  test("PL14: an argument that cannot be sent is refused at the call, by path", async () => {
    await using pool = mp.pool(2);
    expect(() => pool.applyAsync(tasks.echo, [{ run: () => 1 }])).toThrow(SerializationError);
    expect(await reason(pool.apply(tasks.add, [1, { socket: () => 1 } as never]))).toMatchObject({
      path: "args[1].socket",
    });
    expect(await reason(pool.map(tasks.echo, [1, { f: Symbol("s") }]))).toMatchObject({ path: "items[1].f" });
  });

  test("PL14: results that cannot be sent fail their call, 20 in a row, and the child lives on", async () => {
    await using pool = mp.pool(1);
    const children = async (): Promise<number[]> => {
      const seen = new Set<number>();
      for (let count = 0; count < 10; count += 1) seen.add((await pool.apply(tasks.pid)).pid);
      return [...seen];
    };
    const before = await children();
    for (let count = 0; count < 20; count += 1) {
      expect(await reason(pool.apply(tasks.returnFunction))).toMatchObject({ name: "SerializationError" });
    }
    for (const child of await children()) expect(before).toContain(child);
  });

  test("PL15: an error keeps class, message, cause and remote stack, and says where it happened", async () => {
    await using pool = mp.pool(1);
    const known = (await reason(pool.apply(tasks.positive, [-5]))) as RemoteError;
    expect(known).toBeInstanceOf(RangeError);
    expect(known.message).toBe("negative: -5");
    expect(known.remoteStack).toContain("pool-tasks.ts");
    expect(["left", "right"]).toContain(known.host);
    expect(known.pid).toBeGreaterThan(0);
    const unknown = (await reason(pool.apply(tasks.throwUnknown))) as RemoteError;
    expect(unknown).toBeInstanceOf(RemoteError);
    expect(unknown).toMatchObject({ name: "UnknownHere", detail: 7 });
    expect(unknown.cause).toBeInstanceOf(TypeError);
    expect(await reason(pool.apply(tasks.throwUndefined))).toMatchObject({
      message: expect.stringContaining("threw undefined"),
    });
  });

  test("PL16: get, wait, ready and successful", async () => {
    await using pool = mp.pool(2);
    const result = pool.applyAsync(tasks.sleepy, [6, 300]);
    expect(result.ready()).toBe(false);
    expect(() => result.successful()).toThrow(ValueError);
    expect(await reason(result.get({ timeout: 20 }))).toBeInstanceOf(TimeoutError);
    expect(await reason(result.get({ timeout: 0 }))).toBeInstanceOf(TimeoutError);
    expect(await result.get()).toBe(6);
    expect(result.successful()).toBe(true);
    const failed = pool.applyAsync(tasks.positive, [-1]);
    await failed.wait();
    expect(failed.successful()).toBe(false);
    const controller = new AbortController();
    const long = pool.applyAsync(tasks.sleepy, [1, 5_000]);
    const aborted = reason(long.get({ signal: controller.signal }));
    controller.abort(new Error("enough"));
    expect(await aborted).toMatchObject({ message: "enough" });
  });

  test("PL17: close takes no more work, join waits for what is there; join needs close first; both are repeatable", async () => {
    const pool = mp.pool(2, { maxTasksPerChild: 1 });
    expect(await reason(pool.join())).toBeInstanceOf(ValueError);
    const results = Array.from({ length: 6 }, (_, index) => pool.applyAsync(tasks.sleepy, [index, 20]));
    pool.close();
    pool.close();
    expect(() => pool.applyAsync(tasks.square, [1])).toThrow(PoolClosedError);
    expect(await reason(pool.map(tasks.square, [1]))).toBeInstanceOf(PoolClosedError);
    await pool.join();
    await pool.join();
    expect(results.every((result) => result.ready())).toBe(true);
    expect(await Promise.all(results)).toEqual([0, 1, 2, 3, 4, 5]);
    await pool.terminate();
  });

  test("PL18, PL19: terminate stops 10 000 queued and running tasks at once, and every result is settled", async () => {
    const pool = mp.pool(4);
    const file = scratch();
    const running = pool.applyAsync(tasks.mark, [file, "started", 60_000]);
    await until(() => readOr(file).includes("started"), { what: "the first task runs" });
    const queued = Array.from({ length: 10_000 }, () => pool.applyAsync(tasks.sleepFor, [60_000]));
    const begin = performance.now();
    await pool.terminate();
    expect(performance.now() - begin).toBeLessThan(20_000);
    for (const result of [running, queued[0], queued.at(-1)])
      expect(await reason(result as never)).toBeInstanceOf(PoolTerminatedError);
    expect(queued.every((result) => result.ready())).toBe(true);
    expect(() => pool.applyAsync(tasks.square, [1])).toThrow(PoolClosedError);
    await pool.terminate();
    await until(async () => (await mp.hosts()).every((host) => host.running.length === 0), {
      what: "no host runs anything",
    });
    const keys = await redis.client().keys(`*${pool.name}*`);
    expect(keys).toEqual([]);
  });

  test("PL18: terminate ends a loop that never yields", async () => {
    const pool = mp.pool(1);
    const stuck = pool.applyAsync(tasks.forever);
    await until(async () => (await mp.hosts()).some((host) => host.running.some((run) => run.pool === pool.name)), {
      what: "the loop runs",
    });
    await pool.terminate();
    expect(await reason(stuck)).toBeInstanceOf(PoolTerminatedError);
    await until(async () => (await mp.hosts()).every((host) => host.running.length === 0), {
      what: "the loop is gone",
    });
  });

  test("PL20: a child that exits or runs out of memory in a task fails that task, and the pool serves on", async () => {
    await using pool = mp.pool(1);
    const left = (await reason(pool.apply(tasks.exitNow, [3]))) as Error;
    expect(left).toBeInstanceOf(WorkerLostError);
    expect(left.message).toContain("code 3");
    expect(await pool.apply(tasks.square, [2])).toBe(4);
    const hungry = (await reason(pool.apply(tasks.eatMemory))) as Error;
    expect(hungry).toBeInstanceOf(WorkerLostError);
    expect(hungry.message).toMatch(/memory/);
    expect(await pool.apply(tasks.square, [3])).toBe(9);
  });

  test("PL20: one call of a shared job that kills its child fails alone", async () => {
    await using pool = mp.pool(1);
    for (let index = 0; index < 5; index += 1) await pool.apply(tasks.echo, [index]);
    const calls = Array.from({ length: 40 }, (_, index) => pool.applyAsync(tasks.echo, [index]));
    const bad = Array.from({ length: 3 }, () => pool.applyAsync(tasks.exitNow, [1]));
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index));
    for (const result of bad) expect(await reason(result)).toBeInstanceOf(WorkerLostError);
  });

  test("PL21: the initializer runs once in each child before its first task; a child is replaced after maxTasksPerChild jobs", async () => {
    await using pool = mp.pool(1, { initializer: tasks.initialize, initArgs: [{ key: "value" }], maxTasksPerChild: 2 });
    const states = [];
    for (let index = 0; index < 6; index += 1)
      states.push(await pool.apply(tasks.incarnationState, [], { tags: ["own job"] }));
    expect(states.every((state) => JSON.stringify(state.initialized) === '[{"key":"value"}]')).toBe(true);
    const byChild = Map.groupBy(states, (state) => state.pid);
    expect(byChild.size).toBeGreaterThanOrEqual(3);
    for (const calls of byChild.values())
      expect(calls.map((state) => state.calls)).toEqual([1, 2].slice(0, calls.length));
  });

  test("PL21: an initializer that throws fails the pool, with the reason and without a loop of new children", async () => {
    const file = scratch();
    await using pool = mp.pool(2, { initializer: tasks.failToInitialize, initArgs: [file] });
    const error = (await reason(pool.apply(tasks.square, [1]))) as Error;
    expect(error).toBeInstanceOf(PoolTerminatedError);
    expect((error.cause as Error).message).toBe("no licence for this machine");
    expect(readFileSync(file, "utf8").split("\n").length).toBeLessThanOrEqual(5);
    await using other = mp.pool(1);
    expect(await other.apply(tasks.square, [9])).toBe(81);
  });

  test("PL21: a named pool that failed is used again by a handle with an initializer that works, or the same one", async () => {
    const name = "mended";
    const broken = mp.pool(1, { name, initializer: tasks.failToInitialize, initArgs: [scratch()] });
    expect(await reason(broken.apply(tasks.square, [1]))).toBeInstanceOf(PoolTerminatedError);
    const same = mp.pool(1, { name });
    expect(await reason(same.apply(tasks.square, [1]))).toBeInstanceOf(PoolTerminatedError);
    const mended = mp.pool(1, { name, initializer: tasks.initialize, initArgs: ["mended"] });
    expect(await mended.apply(tasks.incarnationState, [])).toMatchObject({ initialized: ["mended"] });
    expect(messages).toContain('pool "mended" had failed because its initializer threw; it is tried again');
    expect(await broken.apply(tasks.square, [3])).toBe(9);
    await mended.remove();
  });

  test("a named pool is removed by a program, not while its tasks run unless forced; a handle of it makes it again", async () => {
    const pool = mp.pool(1, { name: "brief" });
    const other = mp.pool(1, { name: "brief" });
    const running = other.applyAsync(tasks.sleepFor, [60_000]);
    const waiting = other.applyAsync(tasks.square, [1]);
    await until(async () => (await mp.hosts()).some((host) => host.running.some((run) => run.pool === "brief")));
    await expect(pool.remove()).rejects.toThrow(/^pool "brief" was not removed, because tasks of it run \(1\)/);
    await pool.remove({ force: true });
    expect(await reason(running)).toBeInstanceOf(PoolTerminatedError);
    expect(await reason(waiting)).toBeInstanceOf(PoolTerminatedError);
    expect(() => pool.applyAsync(tasks.square, [1])).toThrow(PoolClosedError);
    expect(await other.apply(tasks.square, [4])).toBe(16);
    await other.remove();
  });

  test("PL22: a pool cannot be sent, and delivered answers do not stay in Redis", async () => {
    await using pool = mp.pool(1);
    for (const handle of [pool, mp, pool.applyAsync(tasks.square, [1]), pool.imap(tasks.square, [1])]) {
      expect(() => pool.applyAsync(tasks.echo, [{ handle }])).toThrow(SerializationError);
    }
    const big = "x".repeat(50_000);
    for (let index = 0; index < 5; index += 1) expect(await pool.apply(tasks.echo, [big])).toBe(big);
    for (const key of await redis.client().keys("*/result/*"))
      expect(await redis.client().pttl(key)).toBeGreaterThan(0);
  });

  test("PL23: pools of different programs share the hosts, each with children and a limit of its own", async () => {
    await using first = mp.pool(1);
    await using second = mp.pool(1);
    const [one, two] = await Promise.all([first.apply(tasks.pid, [100]), second.apply(tasks.pid, [100])]);
    expect(one.pid).not.toBe(two.pid);
    const file = scratch();
    await Promise.all(
      Array.from({ length: 4 }, (_, index) => first.apply(tasks.mark, [file, `${index}`, 50], { attempts: 1 })),
    );
    expect(readFileSync(file, "utf8").trim().split("\n")).toEqual(["0", "1", "2", "3"]);
  });

  test("an argument list over maxPayload is refused at the call", async () => {
    await using pool = mp.pool(1);
    expect(() => pool.applyAsync(tasks.echo, ["x".repeat(1_100_000)])).toThrow(PayloadTooLargeError);
    expect(await reason(pool.map(tasks.echo, ["x".repeat(1_100_000)]))).toBeInstanceOf(PayloadTooLargeError);
    expect(await pool.apply(tasks.echo, ["x".repeat(900_000)])).toHaveLength(900_000);
  });

  test("a task that no live host serves is named in a warning that says how to start one", async () => {
    await using pool = mp.pool(1);
    const orphan = pool.applyAsync("conformance.nobodyKnowsIt", [1]);
    await until(() => messages.some((message) => message.includes('task "conformance.nobodyKnowsIt"')), {
      what: "the warning",
    });
    const warning = messages.find((message) => message.includes("nobodyKnowsIt"));
    expect(warning).toContain(`no live worker host serves task "conformance.nobodyKnowsIt" in pool "${pool.name}"`);
    expect(warning).toContain("manyhands worker --tasks");
    expect(await orphan.cancel("nobody will ever know it")).toBe(true);
    expect(await reason(orphan)).toMatchObject({ name: "CancelledError" });
  });

  test("arguments and results carry what structured clone carries", async () => {
    await using pool = mp.pool(1);
    const cyclic: { self?: unknown; when: Date } = { when: new Date(0) };
    cyclic.self = cyclic;
    const values = [
      undefined,
      new Map([[1, new Set(["a"])]]),
      2n ** 80n,
      new Uint8Array([1, 2]),
      -0,
      Number.NaN,
      new RangeError("as a value"),
    ];
    for (const value of values) expect(await pool.apply(tasks.echo, [value])).toEqual(value);
    const returned = (await pool.apply(tasks.echo, [cyclic])) as typeof cyclic;
    expect(returned.self).toBe(returned);
    expect(returned.when).toEqual(new Date(0));
  });
});

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
