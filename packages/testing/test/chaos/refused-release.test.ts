import { useNamespace, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

const redis = useRedis();
const namespace = useNamespace(redis, { lease: 1_000 });

/** Runs `act` while Redis refuses to write, as it does with a full disk, or without its replicas. */
async function whileRefusing<Value>(act: () => Promise<Value>): Promise<Value> {
  const client = redis.client();
  await client.config("SET", "min-replicas-to-write", "1");
  try {
    return await act();
  } finally {
    await client.config("SET", "min-replicas-to-write", "0");
  }
}

describe("a release that Redis refuses", () => {
  test("of a lock at the end of its scope: it is renewed no longer", async () => {
    const [mp, other] = [await namespace.connect({ lease: 30_000 }), await namespace.connect({ lease: 30_000 })];
    const held = await mp.lock({ name: "scope", lease: 500 }).hold();
    await whileRefusing(() => held[Symbol.asyncDispose]());
    expect(held.isHeld).toBe(false);
    expect(await other.lock("scope").acquire({ timeout: 5_000 })).toBe(true);
  });

  test("of a lock that is held on: it can be tried again", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const held = await mp.lock("again").hold();
    await whileRefusing(() => expect(held.release()).rejects.toThrow("NOREPLICAS"));
    expect(held.isHeld).toBe(true);
    await held.release();
    expect(await mp.lock("again").locked()).toBe(false);
  });

  test("of an rlock's last level: it is renewed no longer", async () => {
    const [mp, other] = [await namespace.connect({ lease: 30_000 }), await namespace.connect({ lease: 30_000 })];
    const rlock = mp.rlock({ name: "level", lease: 500 });
    await rlock.acquire();
    await whileRefusing(() => expect(rlock.release()).rejects.toThrow("NOREPLICAS"));
    expect(await other.rlock("level").acquire({ timeout: 5_000 })).toBe(true);
    expect(await rlock.acquire(false)).toBe(false);
  });

  test("of leased permits and of a share at the end of their scope: they are given back with a later beat", async () => {
    const [mp, other] = [await namespace.connect({ lease: 1_000 }), await namespace.connect({ lease: 30_000 })];
    const permits = await mp.semaphore(1, { name: "scope" }).hold();
    const share = await mp.readWriteLock("scope").writeLock().hold();
    await whileRefusing(() => Promise.all([permits[Symbol.asyncDispose](), share[Symbol.asyncDispose]()]));
    expect(await other.semaphore(1, { name: "scope" }).acquire({ timeout: 5_000 })).toBe(true);
    expect(await other.readWriteLock("scope").readLock().acquire({ timeout: 5_000 })).toBe(true);
  });

  test("of a handle's share: it can be tried again", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const lock = mp.readWriteLock("again").writeLock();
    await lock.acquire();
    await whileRefusing(() => expect(lock.release()).rejects.toThrow("NOREPLICAS"));
    await lock.release();
    expect(await lock.locked()).toBe(false);
  });
});
