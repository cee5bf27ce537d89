import { type Context, connect, type Pool } from "@manyhands/core";
import { type FaultProxy, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import * as tasks from "./fixtures/chaos-tasks.ts";
import { Scratch } from "./scratch.ts";

const redis = useRedis();
let proxy: FaultProxy;
let mp: Context;
let pool: Pool;

beforeEach(async () => {
  const namespace = redis.namespace();
  proxy = await useFaultProxy(redis.url);
  await ChaosHost.start({ name: "steady", namespace, redis: redis.url, slots: 4 });
  mp = await connect({ redis: proxy.url, namespace, logger: { info() {}, warn() {}, error() {} } });
  onTestFinished(() => mp.close());
  pool = mp.pool(4);
});

test("a client whose connections are cut in the middle of answers gets every answer once", async () => {
  const delivered: number[] = [];
  const results = Array.from({ length: 600 }, (_, x) =>
    pool.applyAsync(tasks.derive, [x], { attempts: 2, callback: () => delivered.push(x) }),
  );
  for (const many of [50, 200, 350, 500]) {
    await until(() => delivered.length >= many);
    proxy.cut();
  }
  const values = await Promise.all(results);
  expect(values).toEqual(values.map((_, x) => tasks.derived(x)));
  expect(delivered.toSorted((a, b) => a - b)).toEqual(values.map((_, x) => x));
});

test("a submission whose reply is lost is sent again and runs once", async () => {
  const file = new Scratch();
  await pool.apply(tasks.count, [file.path, "warm-up"]);
  for (let x = 0; x < 10; x += 1) {
    // The script that adds a job names its key and holds our line.
    const lost = proxy.dropReplies((command) => command.includes(`call-${x}.`) && /evalsha/i.test(command));
    const result = pool.applyAsync(tasks.count, [file.path, `call-${x}.`], x % 2 === 0 ? { attempts: 1 } : {});
    await lost;
    expect(await result.get({ timeout: 20_000 })).toBe(`call-${x}.`);
  }
  // Many calls at once share a pipeline.
  const lost = proxy.dropReplies((command) => command.includes("bulk-0."));
  const bulk = Array.from({ length: 100 }, (_, x) =>
    pool.applyAsync(tasks.count, [file.path, `bulk-${x}.`], { attempts: 1 }),
  );
  await lost;
  await Promise.all(bulk);
  const runs = Map.groupBy(file.lines(), (line) => line);
  expect(runs.size).toBe(111);
  expect([...runs].filter(([, lines]) => lines.length !== 1)).toEqual([]);
});

test("a client whose event loop is blocked for four seconds during many answers gets all of them", async () => {
  let delivered = 0;
  const results = Array.from({ length: 2_000 }, (_, x) =>
    pool.applyAsync(tasks.fill, [x % 500], { callback: () => (delivered += 1) }),
  );
  await until(() => delivered > 10);
  const end = performance.now() + 4_000;
  while (performance.now() < end);
  const values = await Promise.all(results);
  expect(values.map((value) => value.length)).toEqual(values.map((_, x) => x % 500));
  expect(delivered).toBe(2_000);
});

test("a Redis that forgets its scripts all the time, as in a restart, costs nothing", async () => {
  const client = redis.client();
  const forgetting = setInterval(() => client.script("FLUSH").catch(() => {}), 20);
  onTestFinished(() => clearInterval(forgetting));
  const values = await Promise.all(Array.from({ length: 600 }, (_, x) => pool.applyAsync(tasks.derive, [x])));
  expect(values).toEqual(values.map((_, x) => tasks.derived(x)));
});
