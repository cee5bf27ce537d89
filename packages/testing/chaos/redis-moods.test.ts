import { setTimeout as delay } from "node:timers/promises";
import { type AsyncResult, type Context, connect, type Pool, StateLostError } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "../test/chaos/chaos-host.ts";
import * as tasks from "../test/chaos/fixtures/chaos-tasks.ts";

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

/** Calls of which some have been answered, and many have not. */
async function underWay(calls: number): Promise<AsyncResult<string>[]> {
  const results = Array.from({ length: calls }, (_, x) => pool.applyAsync(tasks.derive, [x]));
  await until(() => results.filter((result) => result.ready()).length > 50);
  return results;
}

async function expectAllRight(results: AsyncResult<string>[]): Promise<void> {
  const values = await Promise.all(results);
  expect(values).toEqual(values.map((_, x) => tasks.derived(x)));
  expect(await pool.apply(tasks.derive, [3])).toBe(tasks.derived(3));
}

test.each([
  ["maxmemory", "out of memory"],
  ["min-replicas-to-write", "without enough replicas"],
])(
  "Redis refuses to write for three seconds (%s: %s): all calls come home",
  async (setting) => {
    const client = redis.client();
    const results = await underWay(400);
    onTestFinished(async () => void (await client.config("SET", setting, "0")));
    await client.config("SET", setting, "1");
    await delay(3_000);
    await client.config("SET", setting, "0");
    await expectAllRight(results);
  },
  60_000,
);

test("connections that Redis itself ends, six times a second: all calls come home", async () => {
  const client = redis.client();
  const results = await underWay(600);
  const ending = setInterval(
    () => client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").catch(() => {}),
    150,
  );
  onTestFinished(() => clearInterval(ending));
  await expectAllRight(results);
}, 60_000);

test("FLUSHALL without a restart: what was pending fails with StateLostError, the pool and its limit are made again", async () => {
  const results = await underWay(400);
  await redis.client().flushall();
  // Those that ran at that moment may still have answered.
  const outcomes = await Promise.allSettled(results);
  const lost = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(lost.length).toBeGreaterThan(100);
  for (const { reason } of lost) expect(reason).toBeInstanceOf(StateLostError);
  expect(await pool.applyAsync(tasks.derive, [3]).get({ timeout: 20_000 })).toBe(tasks.derived(3));
  expect(await redis.client().hget(`{${namespace}}:${pool.name}:meta`, "concurrency")).toBe("4");
}, 60_000);
