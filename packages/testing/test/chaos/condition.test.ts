import { type Condition, StateLostError } from "@manyhands/core";
import { Keys, ObjectInspector } from "@manyhands/core/internal";
import { type Actor, startActor, testDistance, until, useFaultProxy, useNamespace, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();
const namespace = useNamespace(redis, { lease: LEASE });

/** What an actor writes down of each look at the stock; times by this machine's monotonic clock, ms. */
interface Section {
  entered: number;
  left: number;
  /** Whether it could trust the lock up to the end. */
  trusted: boolean;
}

/** Takes from the stock, and sleeps while there is none, until `kept` says stop. */
function consume(actor: Actor): Promise<Section[]> {
  return actor.run(async ({ mp, kept }) => {
    const clock = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
    const sections: Section[] = [];
    const condition = mp.condition(null, "shop");
    const stock = mp.semaphore(0, { name: "stock" });
    while (!kept.has("stop")) {
      const held = await condition.hold().catch(() => null);
      if (!held) continue;
      const look = async (): Promise<boolean> => {
        const entered = clock();
        const taken = await stock.acquire(false);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
        sections.push({ entered, left: clock(), trusted: held.isHeld });
        return taken || kept.has("stop");
      };
      // Some give up in the middle of being notified.
      const timeout = Math.random() < 0.3 ? Math.random() * 20 : undefined;
      await condition.waitFor(look, timeout === undefined ? true : { timeout }).catch(() => {});
      await held.release().catch(() => {});
    }
    return sections;
  });
}

/** Puts things into the stock for so long; none is put there without a notify. */
function produce(actor: Actor, milliseconds: number): Promise<void> {
  return actor.run(async ({ mp }, time: number) => {
    const condition = mp.condition(null, "shop");
    const stock = mp.semaphore(0, { name: "stock" });
    const end = performance.now() + time;
    while (performance.now() < end) {
      await condition.run(async () => {
        await stock.release();
        await condition.notify();
      });
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    }
  }, milliseconds);
}

async function stopAll(actors: Actor[], condition: Condition): Promise<void> {
  await Promise.all(actors.map((actor) => actor.run(({ kept }) => void kept.set("stop", true))));
  await condition.run(() => condition.notifyAll());
}

function overlaps(sections: Section[]): number {
  const trusted = sections.filter((section) => section.trusted).sort((one, other) => one.entered - other.entered);
  return trusted.filter((section, index) => section.entered < (trusted[index - 1]?.left ?? 0)).length;
}

/** Starts a wait for the condition of that name in another process. */
async function sleepIn(actor: Actor, condition: Condition): Promise<{ outcome: Promise<unknown> }> {
  const { sleepers } = await condition.inspect();
  const outcome = actor.run(async ({ mp }, name: string) => {
    const same = mp.condition(null, name);
    return same.run(async (held) => [await same.wait(), held.isHeld]);
  }, condition.name);
  outcome.catch(() => {});
  await until(async () => (await condition.inspect()).sleepers.length === sleepers.length + 1, {
    what: "the waiter is stored",
  });
  return { outcome };
}

describe("a condition in trouble", () => {
  test("guarantees 2 and 6: with frozen and disconnected waiters, no notification is lost and every wait ends", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxy = await useFaultProxy(redis.url);
    const options = namespace.options;
    const mp = await namespace.connect();
    const condition = mp.condition(null, "shop");
    const stock = mp.semaphore(0, { name: "stock" });
    const consumers = await Promise.all([
      startActor(options),
      startActor({ ...options, redis: proxy.url }),
      startActor(options),
    ]);
    const frozen = consumers[2] as Actor;
    const producer = await startActor(options);
    const logs = consumers.map(consume);
    const producing = produce(producer, 4_000);
    const end = performance.now() + 3_500;
    let round = 0;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 200));
      round += 1;
      if (round % 6 === 1) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.3);
      }
      if (random() < 0.4) proxy.cut();
      if (random() < 0.5) void proxy.dropReplies((command) => command.includes("condition"));
    }
    frozen.thaw();
    await producing;
    // then each notify has reached a waiter that looked
    await until(async () => (await stock.getValue()) === 0, { what: `seed ${seed}: the stock is sold out` });
    await stopAll(consumers, condition);
    const sections = (await Promise.all(logs)).flat();
    expect(sections.length, `seed ${seed}`).toBeGreaterThan(testDistance() > 0 ? 5 : 50);
    expect(overlaps(sections), `seed ${seed}: two at once with a lock they could trust`).toBe(0);
    expect(await condition.inspect(), `seed ${seed}`).toMatchObject({ sleepers: [], notified: 0 });
    expect(await condition.lock.inspect(), `seed ${seed}`).toMatchObject({ locked: false, waiters: [] });
    const left = (await redis.client().keys("*")).filter((key) => /(condition|rlock)/.test(key));
    expect(left.sort(), `seed ${seed}`).toEqual(
      [`{${namespace.name}}/condition/shop`, `{${namespace.name}}/rlock-record/:condition/shop`].sort(),
    );
  });

  test("guarantee 6: waiters are killed at any instruction, and live waiters continue", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const options = namespace.options;
    const mp = await namespace.connect();
    const condition = mp.condition(null, "shop");
    const stock = mp.semaphore(0, { name: "stock" });
    const [steady, producer] = await Promise.all([startActor(options), startActor(options)]);
    const log = consume(steady);
    const producing = produce(producer, 3_000);
    for (const end = performance.now() + 2_500; performance.now() < end; ) {
      const victim = await startActor(options);
      consume(victim).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 50 + random() * 200));
      victim.kill();
    }
    await producing;
    // A process that died after it woke up took the notify along: the next one reaches a living one.
    await condition.run(() => condition.notifyAll());
    await until(async () => (await stock.getValue()) === 0, { what: `seed ${seed}: the stock is sold out` });
    await until(async () => (await condition.inspect()).sleepers.every((waiter) => waiter.isAlive), {
      what: `seed ${seed}: expired waiters are removed`,
    });
    await stopAll([steady], condition);
    await log;
    await until(async () => (await condition.inspect()).notified === 0, {
      what: `seed ${seed}: no notified waiter is left`,
    });
    expect(await condition.lock.inspect(), `seed ${seed}`).toMatchObject({ locked: false, waiters: [] });
  });

  test("C9: notify skips waiters whose session has ended, and removes them", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const condition = mp.condition(null, "mixed");
    const actors = await Promise.all([1, 2, 3].map(() => startActor({ ...namespace.options, lease: 30_000 })));
    const [dead, alive, last] = actors as [Actor, Actor, Actor];
    await sleepIn(dead, condition);
    const woken = await sleepIn(alive, condition);
    await sleepIn(last, condition);
    const [first] = (await condition.inspect()).sleepers;
    dead.kill();
    // What is left when the lease of its session is over, and no reaper has looked yet.
    await redis.client().del(`{${namespace.name}}/session/${first?.session}`);
    await condition.run(() => condition.notify());
    expect(await woken.outcome).toEqual([true, true]);
    expect((await condition.inspect()).sleepers.map(({ pid }) => pid)).toEqual([last.pid]);
    expect(await redis.client().hkeys(`{${namespace.name}}/condition-sessions/mixed`)).toHaveLength(1);
  });

  test("C9: if a notified waiter dies before it resumes, the notification passes to the next waiter", async () => {
    const mp = await namespace.connect();
    const condition = mp.condition(null, "heirs");
    const options = namespace.options;
    const [killed, heir] = (await Promise.all([startActor(options), startActor(options)])) as [Actor, Actor];
    await sleepIn(killed, condition);
    const inherited = await sleepIn(heir, condition);
    killed.freeze();
    await condition.run(() => condition.notify());
    expect((await condition.inspect()).notified).toBe(1);
    killed.kill();
    expect(await inherited.outcome).toEqual([true, true]);
    expect(await condition.inspect()).toMatchObject({ sleepers: [], notified: 0 });
  });

  test("C9, F1: a waiter frozen for longer than its lease wakes up, because it may have missed a notification", async () => {
    const mp = await namespace.connect();
    const condition = mp.condition(null, "numb");
    // Another process has to beat, which releases what expired sessions held.
    await condition.run(() => condition.notify());
    const actor = await startActor(namespace.options);
    const { outcome } = await sleepIn(actor, condition);
    actor.freeze();
    await until(async () => (await condition.inspect()).sleepers.length === 0, { what: "its session has expired" });
    await condition.run(() => condition.notifyAll());
    actor.thaw();
    expect(await outcome).toEqual([true, true]);
  });

  test("F18: waits and notifies whose answers are lost act once", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ lease: 30_000 });
    const faulty = (await namespace.connect({ redis: proxy.url, lease: 30_000 })).condition(null, "echo");
    const condition = mp.condition(null, "echo");
    await faulty.acquire();
    await faulty.acquire();
    let lost = proxy.dropReplies((command) => command.includes("condition-sleepers/echo"));
    const waiting = faulty.wait();
    await lost;
    await until(async () => (await condition.inspect()).sleepers.length === 1);
    expect((await condition.lock.inspect()).locked).toBe(false);
    // when being notified is answered into the void, too
    lost = proxy.dropReplies((command) => command.includes("condition-sleepers/echo"));
    await condition.run(() => condition.notify());
    expect(await waiting).toBe(true);
    await lost;
    expect((await condition.lock.inspect()).count).toBe(2);
    await faulty.release();
    await faulty.release();
    // given three that sleep, and one notify that is sent twice
    const actors = await Promise.all([1, 2, 3].map(() => startActor({ ...namespace.options, lease: 30_000 })));
    for (const actor of actors) await sleepIn(actor, condition);
    await faulty.acquire();
    lost = proxy.dropReplies((command) => command.includes("condition-sleepers/echo"));
    await faulty.notify();
    await lost;
    expect((await condition.inspect()).sleepers).toHaveLength(2);
    await faulty.release();
  });

  test("F8: Redis restarts with its data: who sleeps sleeps on and can be notified", async () => {
    const [mp, other] = [await namespace.connect({ lease: 30_000 }), await namespace.connect({ lease: 30_000 })];
    const condition = mp.condition(null, "kept");
    const same = other.condition(null, "kept");
    const waiting = same.run(() => same.wait());
    await until(async () => (await condition.inspect()).sleepers.length === 1);
    await redis.restart();
    await until(async () => (await condition.inspect()).sleepers.length === 1);
    await condition.run(() => condition.notify());
    expect(await waiting).toBe(true);
  });

  test("F8, U11: Redis restarts without its data: waiters get a StateLostError without the lock, and the next wait works", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const condition = mp.condition(null, "forgotten");
    const held = await condition.hold();
    const failed = expect(condition.wait()).rejects.toThrow(StateLostError);
    await until(async () => (await condition.inspect()).sleepers.length === 1);
    await redis.restart({ keepData: false });
    await failed;
    expect(held.signal.reason).toBeInstanceOf(StateLostError);
    await expect(held.release()).rejects.toThrow(StateLostError);
    expect(await condition.acquire({ timeout: 5_000 })).toBe(true);
    expect(await condition.wait({ timeout: 20 })).toBe(false);
    await condition.release();
  });

  test("U11: a condition that is removed fails waiters and notified ones, and leaves no waiter at the lock", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const condition = mp.condition(null, "removed");
    const actors = (await Promise.all([1, 2].map(() => startActor({ ...namespace.options, lease: 30_000 })))) as [
      Actor,
      Actor,
    ];
    const waits: Promise<unknown>[] = [];
    for (const actor of actors) waits.push((await sleepIn(actor, condition)).outcome);
    await condition.acquire();
    await condition.notify();
    const inspector = new ObjectInspector({ client: redis.client(), keys: new Keys(namespace.name) });
    expect(await inspector.remove({ kind: "condition", name: "removed" })).toBe(true);
    await condition.release();
    for (const outcome of waits) await expect(outcome).rejects.toThrow(StateLostError);
    await until(async () => (await condition.lock.inspect()).waiters.length === 0, { what: "no waiter is left" });
    expect(await condition.acquire(false)).toBe(true);
  });

  test("no key of a killed program's unnamed condition is left while other programs run", async () => {
    const mp = await namespace.connect();
    await mp.event("mine").set();
    const actor = await startActor(namespace.options);
    const name = await actor.run(async ({ mp: theirs, core }) => {
      const condition = theirs.condition();
      void core.withOwner(() => condition.run(() => condition.wait()));
      void core.withOwner(() => condition.run(() => condition.wait()));
      await new Promise((resolve) => setTimeout(resolve, 100));
      await condition.run(() => condition.notify());
      await condition.acquire();
      return condition.name;
    });
    const left = async (): Promise<string[]> =>
      (await redis.client().keys("*")).filter((key) => key.includes(name.split("-")[0] ?? name));
    expect((await left()).some((key) => key.includes("condition"))).toBe(true);
    actor.kill();
    await until(async () => (await left()).length === 0, { what: "nothing is left" });
    expect(await redis.client().zrange(`{${namespace.name}}/objects`, "0", "-1")).toEqual(["event/mine"]);
  });
});
