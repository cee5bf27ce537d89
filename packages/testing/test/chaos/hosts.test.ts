import { writeFileSync } from "node:fs";
import { type Context, connect, type Pool } from "@manyhands/core";
import { processIsAlive, startHostProcess, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChaosHost, TASKS } from "./chaos-host.ts";
import * as tasks from "./fixtures/chaos-tasks.ts";
import { notes } from "./notes.ts";
import { Rampage } from "./rampage.ts";
import { chooseSeed, seededRandom } from "./random.ts";
import { Scratch } from "./scratch.ts";

const redis = useRedis();
let namespace: string;
let mp: Context;

beforeEach(async () => {
  namespace = redis.namespace();

  mp = await connect({ redis: redis.url, namespace });
  onTestFinished(() => mp.close());
});

/** Milliseconds during which two processes ran at once. */
function overlap(file: Scratch): number {
  const byProcess = [...Map.groupBy(notes(file), (note) => note.pid).values()];
  const spans = byProcess.map((own) => ({ from: own[0]?.at ?? 0, to: own.at(-1)?.at ?? 0 }));
  spans.sort((a, b) => a.from - b.from);
  return spans.slice(1).reduce((sum, span, index) => sum + Math.max(0, (spans[index]?.to ?? 0) - span.from), 0);
}

test("a host frozen for longer than its lock: cap 1 holds again at once when it thaws, the result comes once", async () => {
  // given
  const file = new Scratch();
  const locks = { lockDuration: 2_000, stalledInterval: 400 };
  const frozen = await ChaosHost.start({ name: "frozen", namespace, redis: redis.url, slots: 1, ...locks });
  const pool = mp.pool(1);
  let delivered = 0;
  const result = pool.applyAsync(tasks.noteAndSpin, [file.path, 30_000, 3_000], { callback: () => (delivered += 1) });
  await until(() => notes(file).length > 0);
  await ChaosHost.start({ name: "other", namespace, redis: redis.url, slots: 1, ...locks });
  // when
  const [child = 0] = notes(file).map((note) => note.pid);
  frozen.freeze();
  await until(() => notes(file).some((note) => note.pid !== child), {
    timeout: 10_000,
    what: "the job runs elsewhere",
  });
  frozen.thaw();
  const thawedAt = Date.now();
  // then
  await until(() => !processIsAlive(child), { what: "the first child is gone" });
  expect(Date.now() - thawedAt).toBeLessThan(1_000);
  expect(await result).not.toBe(child);
  expect(delivered).toBe(1);
  // The first child could only be ended by its own host: until then two ran, afterwards never again.
  const later = notes(file).filter((note) => note.at > thawedAt + 1_000);
  expect(new Set(later.map((note) => note.pid)).size).toBe(1);
  // Both hosts serve.
  const both = mp.pool(2);
  await until(async () => {
    const runs = await both.map(tasks.restAndTell, [60, 60, 60, 60], { chunkSize: 1 });
    return new Set(runs.map((run) => run.host)).size === 2;
  });
});

test("a host cut off from Redis kills its child before the lock expires, and serves again without a restart", async () => {
  // given
  const file = new Scratch();
  const lockDuration = 5_000;
  const proxy = await useFaultProxy(redis.url);
  const cutOff = await ChaosHost.start({
    name: "cut-off",
    namespace,
    redis: proxy.url,
    slots: 1,
    lockDuration,
    stalledInterval: 400,
  });
  const pool = mp.pool(1);
  let delivered = 0;
  const result = pool.applyAsync(tasks.noteAndSpin, [file.path, 30_000, 500], { callback: () => (delivered += 1) });
  await until(() => notes(file).length > 0);
  await ChaosHost.start({ name: "other", namespace, redis: redis.url, slots: 1, lockDuration, stalledInterval: 400 });
  // when
  const [first] = notes(file);
  const cutAt = Date.now();
  await proxy.refuse();
  // then
  await until(() => !processIsAlive(first?.pid ?? 0), { timeout: lockDuration, what: "the child is killed" });
  expect(Date.now() - cutAt).toBeLessThan(lockDuration);
  await result;
  expect(delivered).toBe(1);
  expect(overlap(file)).toBe(0);
  await proxy.accept();
  const both = mp.pool(2);
  await until(
    async () => {
      const runs = await both.map(tasks.restAndTell, [60, 60, 60, 60], { chunkSize: 1 });
      return runs.some((run) => run.host === "cut-off");
    },
    { what: "the host that was cut off serves again" },
  );
  expect(processIsAlive(cutOff.pid)).toBe(true);
});

test.for([
  ["a pool", 1],
  ["300 pools", 300],
] as const)(
  "the only host of %s is killed: one started in its place finishes its jobs within 15 seconds",
  async ([, count]) => {
    // given: pools that have been used, and two of them that are
    const start = () => startHostProcess({ url: redis.url, namespace, tasks: [TASKS], slots: 2 });
    const first = await start();
    const pools = Array.from({ length: count }, () => mp.pool(2, { isolation: "inline" }));
    const used = pools.map((pool, index) => pool.apply(tasks.derive, [index]));
    expect(await Promise.all(used)).toEqual(pools.map((_, index) => tasks.derived(index)));
    const [one, other] = [pools[0], pools.at(-1)] as [Pool, Pool];
    const { path } = new Scratch();
    const results = [one, other, one, other].map((pool) => pool.applyAsync(tasks.restOnceThereIs, [path, 400]));
    await until(async () => (await mp.hosts()).some((host) => host.running.length === 2));
    // when
    first.kill("SIGKILL");
    writeFileSync(path, "");
    await start();
    const readyAt = performance.now();
    // then
    expect(await Promise.all(results)).toEqual([400, 400, 400, 400]);
    expect(performance.now() - readyAt).toBeLessThan(15_000);
  },
);

test("the calls of 50 pools over three hosts, of which some are killed, are all answered once", async () => {
  // given: six slots, and in each pool more calls than it may run at once
  const seed = chooseSeed();
  const rampage = new Rampage({
    ...{ url: redis.url, namespace, random: seededRandom(seed) },
    ...{ hosts: 3, slots: 2, lockDuration: 3_000, stalledInterval: 500 },
    ...{ childKillEvery: 400, hostKillEvery: 800 },
  });
  await rampage.start();
  const pools = Array.from({ length: 50 }, () => mp.pool(2, { isolation: "inline" }));
  // when
  rampage.begin();
  const seen: string[] = [];
  const wanted: string[] = [];
  do {
    const from = wanted.length;
    const calls = pools.flatMap((pool, index) =>
      Array.from({ length: 6 }, (_, call) => [pool, from + index * 6 + call] as const),
    );
    wanted.push(...calls.map(([, x]) => tasks.derived(x)));
    const results = calls.map(([pool, x]) =>
      pool.applyAsync(tasks.derive, [x], { callback: (value) => void seen.push(value) }),
    );
    await Promise.all(results);
  } while (rampage.hostKills < 3);
  await rampage.calm();
  // then
  expect(seen.sort(), `seed ${seed}`).toEqual(wanted.sort());
});
