import { setTimeout as sleep } from "node:timers/promises";
import { until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import {
  CancelledError,
  type PoolOptions,
  PoolTerminatedError,
  StateLostError,
  type Task,
  task,
  ValidationError,
  ValueError,
} from "../../../src/index.ts";
import { HandHost } from "./hand-host.ts";

const redis = useRedis();
const double = task("pool/double", (x: number) => x * 2);
const pause = task("pool/pause", async (milliseconds: number) => {
  await sleep(milliseconds);
  return milliseconds;
});

async function reason(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const list: Value[] = [];
  for await (const value of values) list.push(value);
  return list;
}

describe("what a pool has in Redis", () => {
  test("a pool that is never used has nothing there", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pools = [mp.pool(1), mp.pool(2, { name: "named" }), mp.pool()];
    for (const pool of pools) pool.close();
    await Promise.all(pools.map((pool) => pool.join()));
    await mp.close();
    expect(await host.client.keys(`{${host.namespace}}*`)).toEqual([]);
  });

  test("a named pool without a size is taken as it is; with another size it is changed, and that is said", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const limit = (): Promise<string | null> => host.client.hget(host.keys.queue("shared", "meta"), "concurrency");
    // Far away, that no host runs is said in between.
    const said = (): string[] => host.logs.filter((line) => !line.startsWith("no live worker host"));
    const submit = async (size?: number): Promise<void> => {
      const result = mp.pool(size, { name: "shared" }).applyAsync(double, [1]);
      const isWaiting = async (): Promise<boolean> =>
        (await host.keysOf("shared")).some((key) => key.startsWith("wait"));
      await until(isWaiting, { what: "a job" });
      await result.cancel();
      await result.wait();
      // The caller hears of it first.
      await until(async () => !(await isWaiting()), { what: "the job is gone" });
    };
    await submit(2);
    expect(await limit()).toBe("2");
    await submit();
    expect(await limit()).toBe("2");
    expect(said()).toEqual([]);
    await submit(3);
    expect(await limit()).toBe("3");
    expect(said()).toEqual(['pool "shared" had size 2; it is 3 now']);
  });

  test("a named pool takes the options that nothing has given it yet, and keeps those that it has, which is said", async () => {
    // given a pool that a submission has made
    const host = new HandHost(redis);
    const mp = await host.connect();
    await mp.submit(double, [1], { pool: "later" });
    const wait = host.keys.queue("later", "wait");
    const record = async () => JSON.parse((await host.client.hget(host.keys.pools, "later")) ?? "{}");
    const said = (): string[] => host.logs.filter((line) => line.includes("exists already"));
    const open = async (options: PoolOptions): Promise<void> => {
      const result = mp.pool(undefined, { name: "later", ...options }).applyAsync(double, [1]);
      await until(async () => (await host.client.llen(wait)) === 2, { what: "a second job waits" });
      await result.cancel();
      await until(async () => (await host.client.llen(wait)) === 1, { what: "it is gone" });
      await result.wait();
    };
    // when
    const first = { limits: { concurrency: 1 }, keep: { failed: { count: 5 } }, onDead: "mourn", maxTasksPerChild: 7 };
    await open(first);
    // then
    expect(await record()).toMatchObject({ ...first, isolation: null, fence: "strict" });
    expect(said()).toEqual([]);
    // when
    await open(first);
    await open({ limits: { concurrency: 2 }, onDead: "mourn", isolation: "thread", fence: "lenient" });
    // then
    await until(() => said().length > 0);
    expect(said()).toEqual([
      'pool "later" exists already with limits {"concurrency":1}, isolation none, fence strict; it keeps that, and ' +
        '{"concurrency":2}, thread, lenient of this handle is not used; ' +
        "to change limits: pool.limit(), or manyhands pool limit later",
    ]);
    expect(await record()).toMatchObject(first);
    // when the limits were taken away, no handle brings them back
    await mp.pool(undefined, { name: "later" }).limit(null);
    await open(first);
    await until(() => said().length > 1);
    expect(said()[1]).toContain("with limits none; it keeps that");
  });

  test("an opening that fails fails its calls, and the next call opens the pool", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    await host.client.hset(host.keys.pools, pool.name, "in the way");
    expect(String(await reason(pool.apply(double, [1])))).toContain("cannot be used");
    expect(String(await reason(pool.map(double, [1])))).toContain("cannot be used");
    await host.client.del(host.keys.pools);
    host.serve(pool.name);
    expect(await pool.apply(double, [4])).toBe(8);
  });
});

describe("PL17: close and join", () => {
  test("wait for a map that was made before the pool was open", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(2);
    host.serve(pool.name);
    const result = pool.mapAsync(double, [1, 2, 3]);
    pool.close();
    await pool.join();
    expect(result.ready()).toBe(true);
    expect(await result).toEqual([2, 4, 6]);
    await until(async () => (await host.client.hlen(host.keys.pools)) === 0, { what: "the pool is gone" });
  });

  test("wait for inputs that are still being read, and for arguments that are still being checked", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(2);
    host.serve(pool.name);
    const slowly = async function* (): AsyncGenerator<number> {
      for (const x of [1, 2]) {
        await sleep(20);
        yield x;
      }
    };
    const mapped = pool.mapAsync(double, slowly());
    const checked = pool.applyAsync(checkedLate, [5]);
    pool.close();
    await pool.join();
    expect([mapped.ready(), checked.ready()]).toEqual([true, true]);
    expect(await mapped).toEqual([2, 4]);
    expect(await checked).toBe(5);
  });

  test("PL11: read an imap over a list to its end", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(2);
    host.serve(pool.name);
    const iterator = pool.imap(double, [1, 2, 3, 4, 5], { bufferSize: 2 });
    pool.close();
    await pool.join();
    const values: number[] = [];
    for await (const value of iterator) values.push(value);
    expect(values).toEqual([2, 4, 6, 8, 10]);
  });
});

describe("PL19: terminate fails at once", () => {
  test("an input that never ends, arguments that are checked, a map before the pool is open", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const never = (async function* (): AsyncGenerator<number> {
      await new Promise(() => {});
      yield 1;
    })();
    for (const start of [
      (pool: Pool) => pool.mapAsync(double, never),
      (pool: Pool) => pool.applyAsync(checkedNever, [1]),
      (pool: Pool) => pool.mapAsync(double, [1, 2]),
      (pool: Pool) => pool.applyAsync(double, [1]),
      (pool: Pool) => pool.applyAsync(double, [1], { tags: ["alone"] }),
    ]) {
      const pool = mp.pool(1);
      const result = start(pool);
      await pool.terminate();
      expect(result.ready()).toBe(true);
      expect(await reason(result)).toBeInstanceOf(PoolTerminatedError);
      expect(await host.keysOf(pool.name)).toEqual([]);
    }
    expect(await host.client.hlen(host.keys.pools)).toBe(0);
  });

  test("no job is added behind the end of the pool", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    const results = Array.from({ length: 2_000 }, (_, index) => pool.applyAsync(double, [index], { tags: ["x"] }));
    await pool.terminate();
    expect(results.every((result) => result.ready())).toBe(true);
    await mp.close();
    // What has a time to live: its reply stream, and the notes of changes for dashboards.
    const left = await host.client.keys(`{${host.namespace}}*`);
    expect(left.filter((key) => !/\/(replies\/|changes$)/.test(key))).toEqual([]);
    expect(await host.client.pttl(host.keys.changes)).toBeGreaterThan(0);
  });

  test("also after close and in the middle of a join, which then ends too", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    const result = pool.applyAsync(double, [1]);
    pool.close();
    const joined = pool.join();
    await pool.terminate();
    await joined;
    await pool.join();
    expect(await reason(result)).toBeInstanceOf(PoolTerminatedError);
  });
});

describe("cancel", () => {
  test("before anything was sent: the call fails at once and never runs", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    const calls = [
      pool.applyAsync(double, [1]),
      pool.applyAsync(double, [1], { tags: ["alone"] }),
      pool.mapAsync(double, [1, 2, 3]),
      pool.applyAsync(checkedNever, [1]),
    ];
    expect(await Promise.all(calls.map((call) => call.cancel("changed my mind")))).toEqual([true, true, true, true]);
    for (const call of calls) {
      const error = await reason(call);
      expect(error).toBeInstanceOf(CancelledError);
      expect((error as Error).message).toMatch(
        /^task "pool\/[\w-]+" was cancelled before it started: changed my mind$/,
      );
      expect(await call.cancel()).toBe(false);
    }
    host.serve(pool.name);
    expect(await pool.apply(double, [4])).toBe(8);
    expect(host.taken).toHaveLength(1);
  });

  test("while it waits for the first answer to its task: only this call is taken back", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    const [first, second, third] = [1, 2, 3].map((x) => pool.applyAsync(double, [x]));
    await Promise.resolve();
    expect(await second?.cancel()).toBe(true);
    host.serve(pool.name);
    expect(await reason(second as PromiseLike<unknown>)).toBeInstanceOf(CancelledError);
    expect([await first, await third]).toEqual([2, 6]);
    expect(host.taken.flatMap((job) => job.data.args)).toEqual([1, 3]);
  });

  test("while Redis is away: the call fails at once, and is cancelled there when Redis is back", async () => {
    const host = new HandHost(redis);
    const proxy = await useFaultProxy(redis.url);
    const mp = await host.connect(proxy.url);
    const pool = mp.pool(1, { name: "away" });
    const opener = pool.applyAsync(double, [0]);
    await until(async () => (await host.keysOf("away")).length > 0, { what: "the pool is open" });
    await opener.cancel();
    await opener.wait();
    proxy.freeze();
    const call = pool.applyAsync(double, [1], { jobId: "on-its-way" });
    // Cancelled before it is sent it would never come to Redis; nothing tells that it waits in the socket.
    await sleep(500);
    expect(await call.cancel()).toBe(true);
    expect(await reason(call)).toBeInstanceOf(CancelledError);
    proxy.thaw();
    await until(async () => (await host.client.llen(host.keys.queue("away", "wait"))) === 0, { what: "nothing waits" });
    await until(async () => (await host.client.hget(host.keys.job("away", "on-its-way"), "ended")) === "cancelled", {
      what: "the job is cancelled",
    });
  });

  test("in Redis: the job leaves its queue", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    const call = pool.applyAsync(double, [1]);
    await until(async () => (await host.keysOf(pool.name)).includes("wait"), { what: "the job waits" });
    expect(await call.cancel()).toBe(true);
    expect(await reason(call)).toBeInstanceOf(CancelledError);
    // Far from Redis the answer to its submission may still be on its way: then it is removed after that.
    await until(async () => !(await host.keysOf(pool.name)).includes("wait"), { what: "the job is gone" });
  });
});

describe("a call that stands for the same job as another", () => {
  test("deduplication: each gets the outcome of the one that was added", async () => {
    const host = new HandHost(redis);
    const [one, other] = [await host.connect(), await host.connect()];
    const options = { deduplication: { id: "report" } };
    const calls = [one, one, other].map((mp) => mp.pool(1, { name: "reports" }).applyAsync(pause, [100], options));
    await Promise.all(calls.map((call) => call.submitted()));
    host.serve("reports");
    expect(await Promise.all(calls)).toEqual([100, 100, 100]);
    expect(host.taken).toHaveLength(1);
  });

  test("jobId: each gets the outcome of the one that was added", async () => {
    const host = new HandHost(redis);
    const [one, other] = [await host.connect(), await host.connect()];
    const calls = [one, one, other].map((mp) =>
      mp.pool(1, { name: "ids" }).applyAsync(double, [4], { jobId: "report-4" }),
    );
    host.serve("ids");
    expect(await Promise.all(calls)).toEqual([8, 8, 8]);
    expect(host.taken).toHaveLength(1);
    const late = other.pool(1, { name: "ids" });
    expect(await late.apply(double, [5], { jobId: "report-4" })).toBe(8);
  });

  test("a duplicate that is cancelled leaves the other alone, and one whose job vanishes is told", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1, { name: "vanishing" });
    const options = { deduplication: { id: "x" } };
    const [original, cancelled, left] = [0, 1, 2].map(() => pool.applyAsync(double, [1], options));
    await Promise.all([original, cancelled, left].map((call) => call?.submitted()));
    expect(await cancelled?.cancel()).toBe(true);
    expect(await reason(cancelled as PromiseLike<unknown>)).toBeInstanceOf(CancelledError);
    expect([original?.ready(), left?.ready()]).toEqual([false, false]);
    const keys = await host.client.keys(`{${host.namespace}}:vanishing:*`);
    await host.client.del(keys);
    expect(await reason(left as PromiseLike<unknown>)).toBeInstanceOf(StateLostError);
    expect(await reason(original as PromiseLike<unknown>)).toBeInstanceOf(StateLostError);
  });

  test("terminate and cancel leave the job of another submission of its id alone", async () => {
    // given
    const host = new HandHost(redis);
    const [one, other] = [await host.connect(), await host.connect()];
    const pools = [one, other].map((mp) => mp.pool(1, { name: "shared" }));
    const own = pools[0]?.applyAsync(double, [1], { jobId: "both" });
    await until(async () => (await host.client.llen(host.keys.queue("shared", "wait"))) === 1, { what: "it waits" });
    const same = pools[1]?.applyAsync(double, [1], { jobId: "both" });
    await same?.submitted();
    // when
    await pools[1]?.terminate();
    // then
    expect(await reason(same as PromiseLike<unknown>)).toBeInstanceOf(PoolTerminatedError);
    expect(own?.ready()).toBe(false);
    // when the id is used again
    await host.client.del(host.keys.job("shared", "both"), host.keys.queue("shared", "wait"));
    const later = one.pool(1, { name: "shared" }).applyAsync(double, [4], { jobId: "both" });
    await until(async () => (await host.client.llen(host.keys.queue("shared", "wait"))) === 1, {
      what: "it waits again",
    });
    expect(await own?.cancel()).toBe(false);
    host.serve("shared");
    // then
    expect(await later).toBe(8);
    expect(await reason(own as PromiseLike<unknown>)).toBeInstanceOf(StateLostError);
  });

  test("a job that is in no list: another submission of its id has it run, a cancellation ends it", async () => {
    // given: a tool has overwritten the list of what waits
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1, { name: "unlisted" });
    const first = pool.applyAsync(double, [1], { jobId: "runs" });
    const second = pool.applyAsync(double, [1], { jobId: "ends" });
    const line = host.keys.queue("unlisted", "wait");
    await until(async () => (await host.client.llen(line)) === 2, { what: "both wait" });
    await host.client.del(line);
    // when
    expect(await second.cancel()).toBe(true);
    const again = pool.apply(double, [1], { jobId: "runs" });
    host.serve("unlisted");
    // then
    expect(await reason(second)).toBeInstanceOf(CancelledError);
    expect([await first, await again]).toEqual([2, 2]);
    expect(host.taken).toHaveLength(1);
  });

  test("a limit of the queue that is no number is replaced by the pool's size, and the call runs", async () => {
    // given
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(2, { name: "limited" });
    host.serve("limited");
    expect(await pool.apply(double, [1])).toBe(2);
    await host.client.hset(host.keys.queue("limited", "meta"), "concurrency", "abc");
    // when
    const results = await Promise.all([pool.apply(double, [2]), pool.apply(double, [3], { priority: 1 })]);
    // then
    expect(results).toEqual([4, 6]);
    expect(await host.client.hget(host.keys.queue("limited", "meta"), "concurrency")).toBe("2");
  });

  test("where several jobs are made, an option that stands for one is refused", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    const options = { jobId: "one" };
    const refusal = "jobId stands for one job, and a map or imap makes several; leave it out, or use apply()";
    expect(() => pool.mapAsync(double, [1, 2], options)).toThrow(new ValueError(refusal));
    expect(() => pool.imap(double, [1, 2], options)).toThrow(new ValueError(refusal));
    expect(() => pool.mapAsync(double, [1], { deduplication: { id: "x" } })).toThrow(
      "deduplication stands for one job",
    );
  });
});

test("a delay counts from the server's time, also if the clock of the program is wrong", async () => {
  // given: a clock that is an hour ahead
  const host = new HandHost(redis);
  const mp = await host.connect();
  const now = Date.now;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + 3_600_000);
  onTestFinished(() => clock.mockRestore());
  // when
  const pool = mp.pool(1, { name: "late" });
  pool.applyAsync(double, [1], { delay: 60_000 });
  const scores = (): Promise<string[]> => host.client.zrange(host.keys.queue("late", "delayed"), 0, "0", "WITHSCORES");
  const [, score] = await until(async () => ((await scores()).length === 2 ? scores() : undefined));
  // then
  const [seconds = 0] = (await host.client.time()).map(Number);
  expect(Math.abs(Number(score) / 4_096 - seconds * 1_000 - 60_000)).toBeLessThan(30_000);
});

describe("a task's schema", () => {
  test("what it makes of the arguments is what is sent, by every method", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    host.serve(pool.name);
    const call = lenient as unknown as Task<[unknown, unknown?], string>;
    expect(await pool.apply(call, ["2"])).toBe("number 2, number 10");
    expect(await pool.map(call as never, ["1", 2])).toEqual(["number 1, number 10", "number 2, number 10"]);
    expect(await pool.starmap(call, [["1", "5"]])).toEqual(["number 1, number 5"]);
    const [first] = await all(pool.imap(call as never, ["7"]));
    expect(first).toBe("number 7, number 10");
    expect(await pool.map(checkedLate, [1, 2])).toEqual([1, 2]);
    expect(await all(pool.imapUnordered(checkedLate, [3]))).toEqual([3]);
  });

  test("names the item that does not fit", async () => {
    const host = new HandHost(redis);
    const mp = await host.connect();
    const pool = mp.pool(1);
    const call = lenient as unknown as Task<[unknown, unknown?], string>;
    const message = (place: string): RegExp =>
      new RegExp(`^the arguments do not fit the schema of task "pool/lenient": ${place}: `);
    const mapped = await reason(pool.map(call as never, [1, "x"]));
    expect(mapped).toBeInstanceOf(ValidationError);
    expect((mapped as Error).message).toMatch(message("items\\[1\\]"));
    const starred = (await reason(pool.starmap(call, [[1], [1, "x"]]))) as Error;
    expect(starred.message).toMatch(message("items\\[1\\]\\[1\\]"));
    const iterated = (await reason(pool.imap(call as never, ["x"]).next())) as Error;
    expect(iterated.message).toMatch(message("items\\[0\\]"));
    const single = (await reason(pool.map(checkedLate, [1, "x" as never]))) as Error;
    expect(single.message).toMatch(/task "pool\/checked-late": items\[1\]: /);
  });
});

test("bufferSize below chunkSize is a ValueError", async () => {
  const host = new HandHost(redis);
  const mp = await host.connect();
  expect(() => mp.pool(1).imap(double, [1], { chunkSize: 8, bufferSize: 4 })).toThrow(
    new ValueError("bufferSize must be at least chunkSize (8); got 4"),
  );
});

type Pool = ReturnType<Awaited<ReturnType<HandHost["connect"]>>["pool"]>;

const lenient = task("pool/lenient", (a: number, b: number) => `${typeof a} ${a}, ${typeof b} ${b}`, {
  schema: z.tuple([z.coerce.number(), z.coerce.number().default(10)]) as never,
});
const later = z.number().refine(async () => {
  await sleep(20);
  return true;
});
const checkedLate = task("pool/checked-late", (x: number) => x, { schema: { ...standard(later) } });
const checkedNever = task("pool/checked-never", (x: number) => x, {
  schema: standard(z.number().refine(() => new Promise<boolean>(() => {}))),
});

/** Asynchronous for any value. */
function standard(schema: z.ZodType<number>): z.ZodType<number> {
  const { validate, ...rest } = schema["~standard"];
  return { "~standard": { ...rest, validate: async (value: unknown) => validate(value) } } as never;
}
