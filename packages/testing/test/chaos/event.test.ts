import { connect, StateLostError } from "@manyhands/core";
import { type Actor, startActor, testDistance, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { leftovers } from "./leftovers.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();

/** Waits again and again; counts how often it was told, and how often a wait that must be told was not. */
function waitOn(actor: Actor): Promise<{ told: number; missed: number }> {
  return actor.run(async ({ mp, kept }) => {
    const counts = { told: 0, missed: 0 };
    while (!kept.get("over")) {
      if (await mp.event("signal").wait({ timeout: 6_000 })) counts.told += 1;
      else counts.missed += 1;
      if (await mp.event("end").isSet()) kept.set("over", true);
    }
    return counts;
  });
}

test("E3: with killed, frozen and disconnected waiters, every live waiter sees an event that is set and cleared at once", async () => {
  const seed = chooseSeed();
  const random = seededRandom(seed);
  const namespace = redis.namespace();
  const options = { redis: redis.url, namespace, lease: LEASE };
  const proxy = await useFaultProxy(redis.url);
  const mp = await connect(options);
  onTestFinished(() => mp.close());
  const behindProxy = { ...options, redis: proxy.url };
  const [steady, frozen, cut, victim] = await Promise.all([
    startActor(options),
    startActor(options),
    startActor(behindProxy),
    startActor(options),
  ]);
  const counts = [steady, frozen, cut].map(waitOn);
  let alive = victim;
  waitOn(alive).catch(() => {});
  const event = mp.event("signal");
  const end = performance.now() + 7_000;
  for (let round = 0; performance.now() < end; round += 1) {
    if (round % 8 === 1) frozen.freeze();
    if (round % 8 === 6) frozen.thaw();
    if (round % 6 === 2) {
      alive.kill();
      alive = await startActor(options);
      waitOn(alive).catch(() => {});
    }
    if (random() < 0.3) proxy.cut();
    if (random() < 0.2) void proxy.dropReplies(1);
    // Far away a connection takes longer to make anew, and a program that has none is told of nothing.
    await new Promise((resolve) => setTimeout(resolve, 50 + 12 * testDistance() + random() * 350));
    await event.set();
    await event.clear();
  }
  frozen.thaw();
  alive.kill();
  await mp.event("end").set();
  await event.set();
  for (const { told, missed } of await Promise.all(counts)) {
    expect(told, `seed ${seed}`).toBeGreaterThan(testDistance() > 0 ? 0 : 5);
    expect(missed, `seed ${seed}`).toBe(0);
  }
  await until(async () => (await event.inspect()).waiters.length === 0, { what: "expired waiters are removed" });
  for (const actor of [steady, frozen, cut]) await actor.run(({ mp: theirs }) => theirs.close());
  const left = await until(async () => {
    const keys = await leftovers(redis.client(), namespace);
    return keys.every((key) => !/event-waiters|session-holdings/.test(key)) && keys;
  });
  expect(left.filter((key) => key.includes("/event/")).sort()).toEqual([
    `{${namespace}}/event/end`,
    `{${namespace}}/event/signal`,
  ]);
});

test("an event that is set while Redis stands still or is restarted with its data is not missed; without its data, waiters learn that", async () => {
  const namespace = redis.namespace();
  const [mp, other] = await Promise.all([
    connect({ redis: redis.url, namespace }),
    connect({ redis: redis.url, namespace }),
  ]);
  onTestFinished(async () => {
    await Promise.all([mp.close(), other.close()]);
  });
  const event = mp.event("over");
  const isWaiting = (): Promise<unknown> =>
    until(async () => (await event.inspect()).waiters.length === 1, { what: "it waits" });
  const paused = other.event("over").wait();
  await isWaiting();
  redis.pause();
  const set = event.set();
  setTimeout(() => redis.resume(), 500);
  await set;
  expect(await paused).toBe(true);
  await event.clear();

  const restarted = other.event("over").wait();
  await isWaiting();
  await redis.restart();
  await event.set();
  expect(await restarted).toBe(true);
  await event.clear();

  const lost = other
    .event("over")
    .wait()
    .catch((error: unknown) => error);
  await isWaiting();
  await redis.restart({ keepData: false });
  expect(await lost).toBeInstanceOf(StateLostError);
  await expect(event.set()).rejects.toThrow(StateLostError);
  await event.set();
  expect(await other.event("over").wait()).toBe(true);
});
