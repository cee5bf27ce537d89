import { BrokenBarrierError, connect, StateLostError } from "@manyhands/core";
import { type Actor, startActor, testDistance, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { leftovers } from "./leftovers.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();

/** What a party went through: its index in each cycle that it passed, and how often the barrier was broken. */
interface Story {
  passed: number[];
  broken: number;
}

/** So often each party that lives must have passed: on a busy machine that takes longer. */
const PASSES = 6;

/**
 * Goes through the barrier until the event "end" is set; a party that finds it broken resets it. The event "<name> passed" is set
 * when it has passed often enough.
 */
function takePart(actor: Actor, name = "victim"): Promise<Story> {
  return actor.run(
    async ({ mp, core }, party: string, passes: number): Promise<Story> => {
      const story: Story = { passed: [], broken: 0 };
      const action = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
      const barrier = mp.barrier(3, { name: "line", timeout: 4_000, action });
      while (!(await mp.event("end").isSet())) {
        try {
          story.passed.push(await barrier.wait());
          if (story.passed.length === passes) await mp.event(`${party} passed`).set();
        } catch (error) {
          if (!(error instanceof core.BrokenBarrierError)) throw error;
          story.broken += 1;
          if (await barrier.broken()) await barrier.reset();
        }
      }
      await barrier.abort();
      return story;
    },
    name,
    PASSES,
  );
}

test("B9: with killed, frozen and disconnected parties, every wait ends and live parties continue", async () => {
  const seed = chooseSeed();
  const random = seededRandom(seed);
  const namespace = redis.namespace();
  const options = { redis: redis.url, namespace, lease: LEASE };
  const proxy = await useFaultProxy(redis.url);
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  const [steady, cut, frozen] = await Promise.all([
    startActor(options),
    startActor({ ...options, redis: proxy.url }),
    startActor(options),
  ]);
  const parties = { steady, cut, frozen };
  const stories = Object.entries(parties).map(([name, actor]) => takePart(actor, name));
  const allPassed = async (): Promise<boolean> => {
    const passed = await Promise.all(Object.keys(parties).map((name) => mp.event(`${name} passed`).isSet()));
    return passed.every(Boolean);
  };
  const end = performance.now() + 7_000;
  let round = 0;
  for (; performance.now() < end || (round < 100 && !(await allPassed())); round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * 400));
    if (round % 6 === 1) frozen.freeze();
    if (round % 6 === 5) frozen.thaw();
    if (random() < 0.4) proxy.cut();
    if (random() < 0.3) void proxy.dropReplies(1);
    if (round % 5 === 2) {
      // One too many, that comes and dies.
      const victim = await startActor(options);
      takePart(victim).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, random() * 200));
      victim.kill();
    }
  }
  // In addition to what chance did before: one dies while it waits with another for two that are frozen.
  for (const actor of [steady, frozen]) actor.freeze();
  const victim = await startActor(options);
  takePart(victim).catch(() => {});
  const waiting = async (): Promise<(number | null)[]> =>
    (await mp.barrier(3, "line").inspect()).waiters.map(({ pid }) => pid);
  const both = [victim.pid, cut.pid].sort();
  await until(async () => String((await waiting()).sort()) === String(both), { what: "two wait" });
  victim.kill();
  await until(async () => !(await waiting()).includes(victim.pid), { what: "its wait is over" });
  for (const actor of [steady, frozen]) actor.thaw();
  await mp.event("end").set();
  const told = await Promise.all(stories);
  for (const { passed } of told) {
    expect(passed.length, `seed ${seed}`).toBeGreaterThanOrEqual(PASSES);
  }
  expect([...new Set(told.flatMap(({ passed }) => passed))].sort(), `seed ${seed}`).toEqual([0, 1, 2]);
  expect(
    told.reduce((sum, { broken }) => sum + broken, 0),
    `seed ${seed}: it was broken at times`,
  ).toBeGreaterThan(0);
  await until(async () => (await mp.barrier(3, "line").inspect()).waiters.length === 0, { what: "no waiter is left" });
  for (const actor of [steady, cut, frozen]) await actor.run(({ mp: theirs }) => theirs.close());
  const left = await until(async () => {
    const keys = await leftovers(redis.client(), namespace);
    return keys.every((key) => !/barrier-(members|newcomers)|session-holdings/.test(key)) && keys;
  });
  expect(left).toContain(`{${namespace}}/barrier/line`);
});

test("B1, B2: connections that are cut and answers that are lost neither lose nor double an arrival", async () => {
  const seed = chooseSeed();
  const random = seededRandom(seed);
  const namespace = redis.namespace();
  const proxy = await useFaultProxy(redis.url);
  const actors = await Promise.all([
    startActor({ redis: proxy.url, namespace }),
    startActor({ redis: proxy.url, namespace }),
    startActor({ redis: redis.url, namespace }),
  ]);
  // Far away each cycle takes some round trips, and each cut a connection anew.
  const cycles = testDistance() > 0 ? 40 : 150;
  let isOver = false;
  const all = Promise.all(
    actors.map((actor) =>
      actor.run(async ({ mp }, cycles) => {
        const indexes: number[] = [];
        for (let cycle = 0; cycle < cycles; cycle += 1) {
          // Slow enough for a few cuts.
          await new Promise((resolve) => setTimeout(resolve, 10));
          indexes.push(await mp.barrier(3, "exact").wait());
        }
        return indexes;
      }, cycles),
    ),
  ).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 20 + 16 * testDistance() + random() * 150));
    if (random() < 0.5) proxy.cut();
    else void proxy.dropReplies(1);
  }
  const [first = [], second = [], third = []] = await all;
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    expect([first[cycle], second[cycle], third[cycle]].sort(), `seed ${seed}, cycle ${cycle}`).toEqual([0, 1, 2]);
  }
});

test("a barrier survives a Redis that stands still or is restarted with its data; without its data, parties learn that", async () => {
  const namespace = redis.namespace();
  const [mp, other] = await Promise.all([
    connect({ redis: redis.url, namespace }),
    connect({ redis: redis.url, namespace }),
  ]);
  onTestFinished(async () => {
    await Promise.all([mp.close(), other.close()]);
  });
  const barrier = mp.barrier(2, "over");
  const isWaiting = (): Promise<unknown> => until(async () => (await barrier.nWaiting()) === 1);
  const first = other.barrier(2, "over").wait();
  await isWaiting();
  redis.pause();
  const second = barrier.wait();
  setTimeout(() => redis.resume(), 500);
  expect(await Promise.all([first, second])).toEqual([0, 1]);

  const third = other.barrier(2, "over").wait();
  await isWaiting();
  await redis.restart();
  expect(await barrier.wait()).toBe(1);
  expect(await third).toBe(0);

  const lost = other
    .barrier(2, "over")
    .wait()
    .catch((error: unknown) => error);
  await isWaiting();
  await redis.restart({ keepData: false });
  expect(await lost).toBeInstanceOf(StateLostError);
  await expect(barrier.wait({ timeout: 5_000 })).rejects.toThrow(StateLostError);
  await expect(barrier.wait({ timeout: 100 })).rejects.toThrow(BrokenBarrierError);
});
