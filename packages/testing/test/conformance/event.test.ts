import { connect, StateLostError, ValueError } from "@manyhands/core";
import { inEveryWorld, startActor, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";

inEveryWorld((world) => {
  test("E1: an event is not set at first; a wait is over when it is set", async () => {
    const { mp, other } = await world.open();
    const event = mp.event("ready");
    expect(await event.isSet()).toBe(false);
    expect(await event.wait(false)).toBe(false);
    expect(await event.wait({ timeout: 0 })).toBe(false);
    const before = performance.now();
    expect(await event.wait({ timeout: 60 })).toBe(false);
    expect(performance.now() - before).toBeGreaterThanOrEqual(58);
    const waiting = event.wait();
    await until(async () => (await event.inspect()).waiters.length === 1);
    await other.run(({ mp: theirs }) => theirs.event("ready").set());
    expect(await waiting).toBe(true);
    expect(await event.isSet()).toBe(true);
    expect(await event.wait(false)).toBe(true);
    expect(await event.wait()).toBe(true);
  });

  test("a bare number, which Python takes for seconds, is refused by every wait, instead of waiting without end", async () => {
    const { mp } = await world.open();
    const condition = mp.condition();
    await condition.acquire();
    const barrier = mp.barrier(2);
    for (const bare of [50, 0, "50"] as never[]) {
      const waits = [
        mp.event().wait(bare),
        mp.countDownLatch(1).wait(bare),
        mp.semaphore(0).acquire(bare),
        mp.queue().get(bare),
        barrier.wait(bare),
        condition.wait(bare),
        condition.waitFor(() => false, bare),
      ];
      for (const outcome of await Promise.allSettled(waits)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(ValueError) });
        expect(String((outcome as PromiseRejectedResult).reason)).toContain("got ");
      }
    }
    expect(await barrier.broken()).toBe(false);
    await condition.release();
  });

  test("E2: set wakes all waiters and stays; clear resets; both may be repeated", async () => {
    const { mp, other } = await world.open();
    const event = mp.event("ready");
    const here = Promise.all([event.wait(), event.wait(), mp.event("ready").wait()]);
    const there = other.run(({ mp: theirs }) =>
      Promise.all([theirs.event("ready").wait(), theirs.event("ready").wait()]),
    );
    await until(async () => (await event.inspect()).waiters.length === 5);
    await event.set();
    expect(await here).toEqual([true, true, true]);
    expect(await there).toEqual([true, true]);
    await event.set();
    expect(await other.run(({ mp: theirs }) => theirs.event("ready").isSet())).toBe(true);
    await event.clear();
    await event.clear();
    expect(await event.isSet()).toBe(false);
    expect(await event.wait({ timeout: 30 })).toBe(false);
    expect(await event.inspect()).toMatchObject({ isSet: false, generation: 1 });
    await until(async () => (await event.inspect()).waiters.length === 0, { what: "who gave up is forgotten" });
  });

  test("E3: a process that waits when the event is set sees true, even if it is cleared at once", async () => {
    const { mp, other } = await world.open();
    const event = mp.event("ready");
    for (let round = 0; round < 20; round += 1) {
      const here = event.wait({ timeout: 10_000 });
      const there = other.run(({ mp: theirs }) => theirs.event("ready").wait({ timeout: 10_000 }));
      await until(async () => (await event.inspect()).waiters.length === 2);
      await Promise.all([event.set(), event.clear()]);
      expect(await Promise.all([here, there])).toEqual([true, true]);
    }
  });

  test("E4: its state shows whether it is set and who waits", async () => {
    const { mp, other } = await world.open();
    const event = mp.event("ready");
    expect(await event.inspect()).toEqual({ name: "ready", isSet: false, generation: 0, waiters: [] });
    const there = other.run(({ mp: theirs }) => theirs.event("ready").wait());
    const { waiters } = await until(async () => {
      const state = await event.inspect();
      return state.waiters.length === 1 && state;
    });
    expect(waiters[0]).toMatchObject({ pid: await other.run(() => process.pid), task: null, isAlive: true });
    await event.set();
    await there;
    expect(await event.inspect()).toEqual({ name: "ready", isSet: true, generation: 1, waiters: [] });
  });

  test("a wait ends with its signal, and leaves no waiter behind", async () => {
    const { mp } = await world.open();
    const event = mp.event();
    const abortion = new AbortController();
    const waiting = event.wait({ signal: abortion.signal });
    await until(async () => (await event.inspect()).waiters.length === 1);
    abortion.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await until(async () => (await event.inspect()).waiters.length === 0);
    await expect(event.wait({ signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    await expect(event.wait({ timeout: Number.NaN })).rejects.toThrow(ValueError);
    expect(() => mp.event("")).toThrow(ValueError);
  });

  test("10 000 waits are woken together, with one message for each program", async () => {
    const { mp } = await world.open();
    const event = mp.event("crowd");
    const waits = Promise.all(Array.from({ length: 10_000 }, () => event.wait()));
    await until(async () => (await event.inspect()).waiters.length === 10_000, { what: "all wait" });
    await event.set();
    expect((await waits).every(Boolean)).toBe(true);
    expect((await event.inspect()).waiters).toEqual([]);
  });
});

describe("when something fails", () => {
  const redis = useRedis();

  test("a wait that is the first use of its context ends in time and with its signal, also without Redis; calls keep their order", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    redis.pause();
    try {
      expect(await mp.event().wait({ timeout: 50 })).toBe(false);
      const abortion = new AbortController();
      const wait = mp.event().wait({ signal: abortion.signal });
      abortion.abort(new RangeError("enough"));
      await expect(wait).rejects.toThrow("enough");
    } finally {
      redis.resume();
    }
    const fresh = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => fresh.close());
    for (const event of [mp.event(), fresh.event(), fresh.event()]) {
      const set = event.set();
      expect(await event.wait(false)).toBe(true);
      await set;
    }
  });

  test("a session that no longer waits keeps no note of the event, also while others wait", async () => {
    const namespace = redis.namespace();
    const [mp, other] = await Promise.all([
      connect({ redis: redis.url, namespace }),
      connect({ redis: redis.url, namespace }),
    ]);
    onTestFinished(async () => {
      await Promise.all([mp.close(), other.close()]);
    });
    const event = mp.event("long");
    const staying = other.event("long").wait();
    const longer = event.wait({ timeout: 10_000 });
    await until(async () => (await event.inspect()).waiters.length === 2);
    const held = (): Promise<string[]> => redis.client().smembers(`{${namespace}}/session-holdings/${mp.sessionId}`);
    expect(await event.wait({ timeout: 10 })).toBe(false);
    await until(async () => (await event.inspect()).waiters.length === 2, { what: "it has left" });
    expect(await held()).toEqual(["event/long"]);
    await event.set();
    expect(await Promise.all([staying, longer])).toEqual([true, true]);
    await event.clear();
    const again = other.event("long").wait();
    await until(async () => (await event.inspect()).waiters.length === 1);
    expect(await event.wait({ timeout: 10 })).toBe(false);
    await until(async () => (await event.inspect()).waiters.length === 1, { what: "it has left" });
    expect(await held()).toEqual([]);
    await event.set();
    await again;
  });

  test("an unnamed event can be sent, and vanishes with its maker", async () => {
    const options = { redis: redis.url, namespace: redis.namespace() };
    const [maker, other] = await Promise.all([connect(options), startActor(options)]);
    onTestFinished(() => maker.close());
    const event = maker.event();
    const there = other.run((_scope, event) => event.wait(), event);
    await until(async () => (await event.inspect()).waiters.length === 1);
    await event.set();
    expect(await there).toBe(true);
    await event.clear();
    const orphan = other.run((_scope, event) => event.wait(), event).catch((error: unknown) => error);
    await until(async () => (await event.inspect()).waiters.length === 1);
    await maker.close();
    expect(await orphan).toBeInstanceOf(StateLostError);
    await other.run(({ mp }) => mp.close());
    expect(await redis.client().keys(`{${options.namespace}}/event*`)).toEqual([]);
  });

  test("an event that was there and is gone says so once, and can be made anew", async () => {
    const options = { redis: redis.url, namespace: redis.namespace() };
    const mp = await connect(options);
    onTestFinished(() => mp.close());
    const event = mp.event("gone");
    await event.set();
    await redis.client().del(`{${options.namespace}}/event/gone`);
    await expect(event.isSet()).rejects.toThrow(StateLostError);
    expect(await event.isSet()).toBe(false);
    await event.set();
    await redis.client().del(`{${options.namespace}}/event/gone`);
    await expect(event.wait()).rejects.toThrow(StateLostError);
    expect(await event.wait(false)).toBe(false);
  });

  test("a waiter that dies is forgotten within its lease", async () => {
    const options = { redis: redis.url, namespace: redis.namespace(), lease: 1_000 };
    const [mp, other] = await Promise.all([connect(options), startActor(options)]);
    onTestFinished(() => mp.close());
    const event = mp.event("watched");
    other.run(({ mp: theirs }) => theirs.event("watched").wait()).catch(() => {});
    const here = event.wait();
    await until(async () => (await event.inspect()).waiters.length === 2);
    other.kill();
    await until(async () => (await event.inspect()).waiters.length === 1, { what: "the expired waiter is removed" });
    await event.set();
    expect(await here).toBe(true);
  });

  test("E3: a set whose wake-up and answer were lost is not missed", async () => {
    const proxy = await useFaultProxy(redis.url);
    const namespace = redis.namespace();
    const [mp, other] = await Promise.all([
      connect({ redis: redis.url, namespace }),
      startActor({ redis: proxy.url, namespace }),
    ]);
    onTestFinished(() => mp.close());
    const event = mp.event("ready");
    // A wait that is stored, so that the next one is stored with its first look.
    await other.run(({ mp: theirs, kept }) => {
      const stopping = new AbortController();
      kept.set("stop", stopping);
      void theirs
        .event("ready")
        .wait({ signal: stopping.signal })
        .catch(() => {});
    });
    await until(async () => (await event.inspect()).waiters.length === 1, { what: "the first waiter is stored" });
    await other.run(({ kept }) => (kept.get("stop") as AbortController).abort());
    await until(async () => (await event.inspect()).waiters.length === 0, { what: "and forgotten" });
    // Until the answer to everything before has arrived, one of these would be lost in its place.
    await other.run(({ mp: theirs }) => theirs.event("ready").isSet());
    const lost = proxy.dropReplies((command) => command.includes("event-waiters/ready"));
    const there = other.run(({ mp: theirs }) => theirs.event("ready").wait({ timeout: 10_000 }));
    await lost;
    await proxy.refuse();
    await until(async () => (await event.inspect()).waiters.length === 1, { what: "the waiter is stored" });
    await event.set();
    await event.clear();
    await proxy.accept();
    expect(await there).toBe(true);
  });
});
