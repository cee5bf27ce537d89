import { setTimeout as delay } from "node:timers/promises";
import { type Context, connect, type Pool, StateLostError } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import * as tasks from "./fixtures/chaos-tasks.ts";
import { reason } from "./reason.ts";

const redis = useRedis();
let namespace: string;
let mp: Context;
let pool: Pool;

beforeEach(async () => {
  namespace = redis.namespace();
  await Promise.all(["left", "right"].map((name) => ChaosHost.start({ name, namespace, redis: redis.url, slots: 2 })));
  mp = await connect({ redis: redis.url, namespace, logger: { info() {}, warn() {}, error() {} } });
  onTestFinished(() => mp.close());
  pool = mp.pool(4);
});

test("Redis killed and restarted with its data in the middle of 1 000 calls: all come home, each once", async () => {
  const delivered: number[] = [];
  const results = Array.from({ length: 1_000 }, (_, x) =>
    pool.applyAsync(tasks.derive, [x], { attempts: 3, callback: () => delivered.push(x) }),
  );
  await until(() => delivered.length > 100);
  // All of it is in the file: what was acknowledged within the last second before a kill may be lost otherwise.
  await redis.client().config("SET", "appendfsync", "always");
  await redis.killHard();
  await redis.restart();
  const values = await Promise.all(results);
  expect(values).toEqual(values.map((_, x) => tasks.derived(x)));
  expect(delivered.toSorted((a, b) => a - b)).toEqual(values.map((_, x) => x));
});

test("Redis restarted without its data: what was pending fails with StateLostError, new work works in old and new pools", async () => {
  await pool.apply(tasks.rest, [1]);
  const idle = mp.pool(2, { name: "idle-before" });
  await idle.apply(tasks.rest, [1]);
  const waiting = Array.from({ length: 20 }, () => pool.applyAsync(tasks.rest, [60_000]));
  await until(async () => (await mp.hosts()).some((host) => host.running.length > 0));
  await redis.restart({ keepData: false });
  for (const result of waiting) expect(await reason(result.get({ timeout: 20_000 }))).toBeInstanceOf(StateLostError);
  await until(async () => (await mp.hosts()).length === 2, {
    timeout: 15_000,
    what: "the hosts have registered again",
  });
  const fresh = mp.pool(1);
  expect(await fresh.applyAsync(tasks.rest, [2]).get({ timeout: 15_000 })).toBe(2);
  expect(await idle.applyAsync(tasks.rest, [3]).get({ timeout: 15_000 })).toBe(3);
  expect(await pool.applyAsync(tasks.rest, [4]).get({ timeout: 15_000 })).toBe(4);
  // An unnamed pool is its program's: it must not be taken for an orphan later.
  await delay(12_000);
  expect(await fresh.applyAsync(tasks.rest, [5]).get({ timeout: 15_000 })).toBe(5);
  expect(await pool.applyAsync(tasks.rest, [6]).get({ timeout: 15_000 })).toBe(6);
  for (const [name, size] of [
    [pool.name, 4],
    [fresh.name, 1],
    [idle.name, 2],
  ]) {
    expect(await redis.client().hget(`{${namespace}}:${name}:meta`, "concurrency")).toBe(String(size));
  }
});

test("Redis frozen for three seconds: nothing is lost, nothing comes twice", async () => {
  const delivered: number[] = [];
  const results = Array.from({ length: 200 }, (_, x) =>
    pool.applyAsync(tasks.derive, [x], { callback: () => delivered.push(x) }),
  );
  await until(() => delivered.length > 20);
  redis.pause();
  onTestFinished(() => redis.resume());
  const more = Array.from({ length: 50 }, (_, x) =>
    pool.applyAsync(tasks.derive, [200 + x], { callback: () => delivered.push(200 + x) }),
  );
  await delay(3_000);
  redis.resume();
  const values = await Promise.all([...results, ...more]);
  expect(values).toEqual(values.map((_, x) => tasks.derived(x)));
  expect(delivered).toHaveLength(250);
});
