import { setTimeout as delay } from "node:timers/promises";
import { connect, type DeadTask, task } from "@manyhands/core";
import { PoolRegistry, readPoolCounts, TRIMMED_AT_ONCE, trimOnce } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { HistoryKeeper } from "../../src/pools/history-keeper.ts";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();
const silent = { info: () => {}, warn: () => {}, error: () => {} };

async function kept(space: TestNamespace, pool: string): Promise<{ completed: number; failed: number }> {
  const { counts } = await readPoolCounts(space.client as never, space.keys, [pool]);
  const { completed = -1, failed = -1, cancelled = 0 } = counts[0]?.jobs ?? {};
  return { completed, failed: failed + cancelled };
}

test("the history of a pool keeps so many finished jobs, the newest, and nothing else of the others", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.pool("short", { keep: { completed: { count: 5 }, failed: { count: 0 } } });
  await space.host({ isolation: "inline" });
  // when
  const ids: string[] = [];
  for (let x = 0; x < 12; x += 1) {
    const id = await space.submit("short", "square", [x]);
    ids.push(id);
    await space.answer(id);
    await until(async () => (await space.client.llen(space.keys.queue("short", "active"))) === 0);
  }
  const large = await space.submit("short", "large", [40_000]);
  await space.answer(large);
  const failing = await space.submit("short", "throwRange", ["no"]);
  await space.answer(failing);
  await until(async () => (await space.client.exists(space.keys.job("short", failing))) === 0);
  // then
  expect(await kept(space, "short")).toEqual({ completed: 5, failed: 0 });
  expect(await space.client.zrange(space.keys.queue("short", "completed"), 0, "-1")).toEqual([...ids.slice(-4), large]);
  for (const gone of [...ids.slice(0, 8), failing]) {
    expect(await space.client.keys(`*${gone}*`)).toEqual([]);
  }
  // when: it is made stricter while nothing finishes, also by age
  const rule = { age: 3_600_000, count: 1 };
  const context = { client: space.client as never, keys: space.keys };
  expect(await trimOnce(context, { pool: "short", set: "completed", task: "" }, rule)).toBeGreaterThan(3_500_000);
  expect(await space.client.zrange(space.keys.queue("short", "completed"), 0, "-1")).toEqual([large]);
  expect(await trimOnce(context, { pool: "short", set: "completed", task: "" }, { age: 0, count: 10 })).toBe(0);
  expect(await space.client.keys(`*${large}*`)).toEqual([]);
});

test("a lower count over many kept jobs is reached in small steps, beside jobs that finish", async () => {
  // given: as another client has left them
  const space = new TestNamespace(redis);
  await space.pool("many", { keep: { completed: { count: 10 } } });
  const pipeline = space.client.pipeline();
  for (let index = 0; index < 2_000; index += 1) {
    pipeline.zadd(space.keys.queue("many", "completed"), index + 1, `old-${index}`);
    pipeline.hset(space.keys.job("many", `old-${index}`), {
      name: "square",
      data: "{}",
      timestamp: 1,
      finishedOn: index,
    });
  }
  await pipeline.exec();
  // then
  const context = { client: space.client as never, keys: space.keys };
  const place = { pool: "many", set: "completed", task: "" } as const;
  expect(await trimOnce(context, place, { age: 1e15, count: 1_000 })).toBe(null);
  expect((await kept(space, "many")).completed).toBe(2_000 - TRIMMED_AT_ONCE);
  // when
  await space.host({ isolation: "inline" });
  for (let x = 0; x < 3; x += 1) await space.answer(await space.submit("many", "square", [x]));
  // then
  await until(async () => (await kept(space, "many")).completed <= 10);
  expect(await space.client.keys("*:many:old-*")).toEqual([]);
});

test("looks at 200 histories in which nothing happens cost few commands, and end what is too old or too many", async () => {
  // given
  const space = new TestNamespace(redis);
  const client = space.client as never;
  await Promise.all(Array.from({ length: 200 }, (_, index) => space.pool(`kept-${index}`)));
  const now = Date.now();
  const add = (pool: string, id: string, endedAt: number) =>
    space.client
      .multi()
      .zadd(space.keys.queue(pool, "completed"), endedAt, id)
      .hset(space.keys.job(pool, id), { name: "square", data: "{}", timestamp: 1, finishedOn: endedAt })
      .exec();
  for (let index = 0; index < 100; index += 1) await add(`kept-${index}`, "first", now);
  let records = (await new PoolRegistry(client, space.keys).list()).sort((left, right) =>
    left.name < right.name ? -1 : 1,
  );
  const keeper = new HistoryKeeper({
    client,
    keys: space.keys,
    keep: undefined,
    tasks: new Map(),
    pools: () => records,
  });
  await keeper.look();
  const stats = async (): Promise<number> =>
    [...(await space.client.info("commandstats")).matchAll(/calls=(\d+)/g)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  // when
  const before = await stats();
  await keeper.look();
  // then
  expect((await stats()) - before).toBeLessThan(30);
  expect((await kept(space, "kept-99")).completed).toBe(1);
  // when: a job gets into an empty history and is too old there, one rule becomes stricter, and one job comes of age
  const rule = (index: number, completed: { age?: number; count?: number }): void => {
    records = records.map((one) => (one.name === `kept-${index}` ? { ...one, keep: { completed } } : one));
  };
  await add("kept-150", "old", 1);
  rule(7, { count: 0 });
  rule(8, { age: Date.now() - now + 300 });
  await keeper.look();
  // then
  const left = async (): Promise<number[]> =>
    Promise.all([150, 7, 8].map(async (index) => (await kept(space, `kept-${index}`)).completed));
  expect(await left()).toEqual([0, 0, 1]);
  await delay(350);
  // and a key of another type keeps no other history from being trimmed
  await space.client.set(space.keys.queue("kept-0", "failed"), "text");
  await expect(keeper.look()).rejects.toThrow("WRONGTYPE");
  expect(await left()).toEqual([0, 0, 0]);
});

test("what the last jobs leave over a larger count goes soon, without a look of the fleet", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.pool("over", { keep: { completed: { count: 40 } } });
  await space.host({ isolation: "inline", slots: 8, pools: ["over"] });
  // when
  const ids = await Promise.all(Array.from({ length: 44 }, (_, x) => space.submit("over", "square", [x])));
  await Promise.all(ids.map((id) => space.answer(id)));
  // then
  await until(async () => (await kept(space, "over")).completed === 40);
});

test("a task keeps its jobs by a rule of its own, for longer or shorter than its pool", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.pool("mixed", { keep: { completed: { count: 3 } } });
  await space.host({ isolation: "inline" });
  // when
  const run = async (name: string, x: number): Promise<string> => {
    const id = await space.submit("mixed", name, [x]);
    await space.answer(id);
    await until(async () => (await space.client.llen(space.keys.queue("mixed", "active"))) === 0);
    return id;
  };
  const long: string[] = [];
  for (let x = 0; x < 6; x += 1) long.push(await run("keptLonger", x));
  const short: string[] = [];
  for (let x = 0; x < 3; x += 1) short.push(await run("keptNever", x));
  const usual: string[] = [];
  for (let x = 0; x < 6; x += 1) usual.push(await run("square", x));
  // then
  const left = await space.client.zrange(space.keys.queue("mixed", "completed"), 0, "-1");
  expect(left.sort()).toEqual([...long.slice(-5), ...usual.slice(-3)].sort());
});

test("what the namespace keeps is said by connect, what a host keeps by its options; the pool's rule comes first", async () => {
  // given
  const space = new TestNamespace(redis);
  const mp = await connect({
    redis: redis.url,
    namespace: space.name,
    keep: { completed: { count: 2 } },
    logger: silent,
  });
  onTestFinished(() => mp.close());
  await space.host({ isolation: "inline", keep: { failed: { count: 1 } } });
  const named = mp.pool(1, { name: "own", keep: { completed: { count: 4 } } });
  const usual = mp.pool(1, { name: "usual" });
  // when
  for (const pool of [named, usual]) {
    for (let x = 0; x < 6; x += 1) {
      await (await pool.submit("square", [x])).get();
      await (await pool.submit("throwRange", ["no"])).get().catch(() => {});
    }
  }
  // then
  await until(async () => (await kept(space, "own")).completed === 4 && (await kept(space, "own")).failed === 1);
  await until(async () => (await kept(space, "usual")).completed === 2 && (await kept(space, "usual")).failed === 1);
});

test("each job that has failed for good calls onDead once, with what it was; a cancelled one does not", async () => {
  // given
  const space = new TestNamespace(redis);
  const mp = await connect({ redis: redis.url, namespace: space.name, logger: silent });
  onTestFinished(() => mp.close());
  await space.host({ isolation: "inline", slots: 4 });
  const seen = async (): Promise<DeadTask[]> =>
    (await mp.manager("dead").list<DeadTask>([], { name: "dead" }).slice()) as DeadTask[];
  const pool = mp.pool(2, { name: "deadly", onDead: "noteDead" });
  // when
  const tried = await pool.submit("throwRange", ["twice"], { attempts: 2 });
  await tried.get().catch(() => {});
  const mapped = await pool.map("odd", [1, 2, 3, 4], { chunkSize: 2, errors: "throw" }).catch((error: Error) => error);
  const cancelled = await pool.submit("square", [1], { delay: 60_000 });
  await cancelled.cancel();
  const own = await mp.submit("diesLoudly", [new Date(7)]);
  await own.get().catch(() => {});
  // then
  await until(async () => (await seen()).length >= 4);
  const dead = await seen();
  expect(mapped).toBeInstanceOf(Error);
  const byTask = (name: string): DeadTask[] => dead.filter((one) => one.task === name);
  expect(byTask("throwRange")).toMatchObject([{ id: tried.id, args: ["twice"], attempts: 2 }]);
  expect(byTask("throwRange")[0]?.error).toMatchObject({ name: "RangeError", message: "twice" });
  expect(byTask("odd").map(({ args }) => args)).toEqual(expect.arrayContaining([[2], [4]]));
  expect(byTask("diesLoudly")).toMatchObject([{ id: own.id, args: [new Date(7)], attempts: 1 }]);
  expect(dead).toHaveLength(4);
  // when: the handler of dead calls dies itself
  const states = (await mp.tasks.list({ task: "noteDead" })).map(({ state }) => state);
  expect(new Set(states)).toEqual(new Set(["completed"]));
});

test("options of the history and of dead calls are checked", () => {
  const run = (): void => {};
  for (const [keep, message] of [
    [5, "keep must be { completed: { age, count }, failed: { age, count } }, ages in milliseconds; got 5"],
    [{ done: {} }, "keep must be { completed"],
    [{ completed: 5 }, "keep.completed must be { age, count }; got 5"],
    [{ failed: { ages: 5 } }, 'keep.failed must be { age, count }; got {"ages":5}'],
    [{ failed: { age: -1 } }, "keep.failed.age must be milliseconds from 0; got -1"],
    [{ failed: { count: 1.5 } }, "keep.failed.count must be a whole number from 0; got 1.5"],
  ] as const) {
    expect(() => task("history/bad", run, { keep: keep as never })).toThrow(`task "history/bad": ${message}`);
  }
  expect(() => task("history/bad", run, { onDead: "a b" })).toThrow("onDead must be a task or the name of one");
  expect(() => task("history/bad", run, { onDead: run as never })).toThrow("onDead must be a task or the name of one");
});
