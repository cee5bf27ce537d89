import { ClosedError, type ConnectOptions, type Context } from "@manyhands/core";
import { until, useFaultProxy, useNamespace, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

const redis = useRedis();
const namespace = useNamespace(redis, { lease: 30_000 });

/** Closes a program while what it asked for is on its way, at every moment between the question and the answer. */
async function closeMeanwhile(acquire: (mp: Context) => Promise<unknown>, options: ConnectOptions = {}): Promise<void> {
  // The answers of several masters take longer.
  const most = options.lockNodes ? 12 : 5;
  for (const isFresh of [true, false]) {
    for (let turns = 0; turns < most; turns += 1) {
      const mp = await namespace.connect(options);
      if (!isFresh) await (options.lockNodes ? mp.lock("known").run(() => {}) : mp.event("known").isSet());
      const acquiring = Promise.allSettled([acquire(mp)]);
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await mp.close();
      await acquiring;
    }
  }
}

describe("a context that is closed while something is on its way to it", () => {
  test("leaves no lock held", async () => {
    const other = await namespace.connect();
    await closeMeanwhile((mp) => mp.lock("door").acquire());
    expect(await other.lock("door").locked()).toBe(false);
  });

  test("leaves no leased permit and no share held by a session that has ended", async () => {
    const other = await namespace.connect();
    const semaphore = other.semaphore(100, { name: "pool" });
    expect(await semaphore.getValue()).toBe(100);
    await closeMeanwhile((mp) =>
      Promise.all([mp.semaphore(100, { name: "pool" }).hold(), mp.readWriteLock("page").readLock().acquire()]),
    );
    expect(await other.readWriteLock("page").writeLock().acquire({ timeout: 10_000 })).toBe(true);
    await until(async () => (await semaphore.getValue()) === 100, { what: "all permits are back" });
    const holdings = await redis.client().keys(`{${namespace.name}}/session-holdings/*`);
    expect(holdings).toEqual([`{${namespace.name}}/session-holdings/${other.sessionId}`]);
  });

  test.each([
    ["lock", (mp: Context) => mp.lock("door")],
    ["permit", (mp: Context) => mp.semaphore(100, "pool")],
    ["share", (mp: Context) => mp.readWriteLock("page").readLock()],
  ])("gets no %s that counts as held", async (_, open) => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url });
    const object = open(mp);
    await (await object.hold()).release();
    proxy.freeze();
    const holding = object.hold().catch((error: unknown) => error);
    const closing = mp.close();
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    proxy.thaw();
    await closing;
    expect(await holding).toBeInstanceOf(ClosedError);
  });

  test("gets no lock back from a condition", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url });
    const condition = mp.condition(mp.lock("door"), "bell");
    const held = await condition.hold();
    expect(await condition.wait({ timeout: 1 })).toBe(false);
    const asked = Promise.withResolvers<void>();
    void proxy.dropReplies((command) => {
      if (command.includes("lock-record/door")) asked.resolve();
      return false;
    });
    const waiting = condition.wait({ timeout: 1 }).catch((error: unknown) => error);
    await asked.promise;
    proxy.freeze();
    const closing = mp.close();
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    proxy.thaw();
    await closing;
    expect(await waiting).toBeInstanceOf(ClosedError);
    expect(held.isHeld).toBe(false);
    expect(held.signal.aborted).toBe(true);
  });
});

describe("a context with three masters that is closed while a lock is on its way to it", () => {
  const nodes = [useRedis(), useRedis(), useRedis()];

  test("leaves no lock held and no vote given, and ends the wait", async () => {
    const lockNodes = nodes.map(({ url }) => url);
    const other = await namespace.connect({ lockNodes });
    await closeMeanwhile((mp) => mp.lock("door").acquire(), { lockNodes });
    expect(await other.lock("door").locked()).toBe(false);
    const votes = await Promise.all(nodes.map((node) => node.client().keys(`{${namespace.name}}/lock-vote/*`)));
    expect(votes.flat()).toEqual([]);
    expect(await other.lock("door").inspect()).toMatchObject({ locked: false, waiters: [] });
  });

  test.each([
    ["Lock", (mp: Context) => mp.condition(mp.lock("door"), "bell")],
    ["RLock", (mp: Context) => mp.condition(null, "bell")],
  ])("leaves no %s held that a wait for a condition has released", async (_, open) => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url, lockNodes: nodes.map(({ url }) => url) });
    const condition = open(mp);
    await condition.acquire();
    expect(await condition.wait({ timeout: 1 })).toBe(false);
    proxy.freeze();
    const waiting = condition.wait().catch((error: unknown) => error);
    const closing = mp.close();
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    proxy.thaw();
    await closing;
    expect(await waiting).toBeInstanceOf(Error);
    const votes = await Promise.all(nodes.map((node) => node.client().keys(`{${namespace.name}}/*-vote/*`)));
    expect(votes.flat()).toEqual([]);
  });
});
