import { type Context, connect } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

const redis = useRedis();
let namespace: string;

beforeEach(() => {
  namespace = redis.namespace();
});

async function connected(): Promise<Context> {
  const mp = await connect({ redis: redis.url, namespace, lease: 30_000 });
  onTestFinished(() => mp.close());
  return mp;
}

/** Closes a program while what it asked for is on its way, at every moment between the question and the answer. */
async function closeMeanwhile(acquire: (mp: Context) => Promise<unknown>): Promise<void> {
  for (const isFresh of [true, false]) {
    for (let turns = 0; turns < 5; turns += 1) {
      const mp = await connect({ redis: redis.url, namespace, lease: 30_000 });
      if (!isFresh) await mp.event("known").isSet();
      const acquiring = Promise.allSettled([acquire(mp)]);
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await mp.close();
      await acquiring;
    }
  }
}

describe("a context that is closed while something is on its way to it", () => {
  test("leaves no lock held", async () => {
    const other = await connected();
    await closeMeanwhile((mp) => mp.lock("door").acquire());
    expect(await other.lock("door").locked()).toBe(false);
  });

  test("leaves no leased permit and no share held by a session that has ended", async () => {
    const other = await connected();
    const semaphore = other.semaphore(100, { name: "pool" });
    expect(await semaphore.getValue()).toBe(100);
    await closeMeanwhile((mp) =>
      Promise.all([mp.semaphore(100, { name: "pool" }).hold(), mp.readWriteLock("page").readLock().acquire()]),
    );
    expect(await other.readWriteLock("page").writeLock().acquire({ timeout: 10_000 })).toBe(true);
    await until(async () => (await semaphore.getValue()) === 100, { what: "all permits are back" });
    const holdings = await redis.client().keys(`{${namespace}}/session-holdings/*`);
    expect(holdings).toEqual([`{${namespace}}/session-holdings/${other.sessionId}`]);
  });
});
