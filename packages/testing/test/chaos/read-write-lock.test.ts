import { LockLostError, StateLostError } from "@manyhands/core";
import { startActor, until, useFaultProxy, useNamespace, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Contended, contend, type Section } from "./contend.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();
const namespace = useNamespace(redis, { lease: LEASE });

const PAGE: Contended = { readWriteLock: "page", givesUp: true };

/** Pairs of sections that overlap although one of them wrote. */
function clashes(sections: Section[]): [Section, Section][] {
  const found: [Section, Section][] = [];
  const byStart = [...sections].sort((one, other) => one.entered - other.entered);
  for (const [index, one] of byStart.entries()) {
    for (const other of byStart.slice(index + 1)) {
      if (other.entered >= one.left) break;
      if (one.mode === "write" || other.mode === "write") found.push([one, other]);
    }
  }
  return found;
}

describe("a read-write lock in trouble", () => {
  test("guarantees 5 and 6: with killed, frozen and disconnected holders, a writer that trusts its lock is alone", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxy = await useFaultProxy(redis.url);
    const options = namespace.options;
    const lock = (await namespace.connect()).readWriteLock("page");
    const [steady, second, cut, frozen] = await Promise.all([
      startActor(options),
      startActor(options),
      startActor({ ...options, redis: proxy.url }),
      startActor(options),
    ]);
    const logs = [steady, second, cut, frozen].map((actor) => contend(actor, PAGE, 7_000));
    const end = performance.now() + 6_000;
    let kills = 0;
    while (performance.now() < end || kills < 2) {
      const victim = await startActor(options);
      contend(victim, PAGE, 60_000).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 300));
      victim.kill();
      kills += 1;
      if (kills % 4 === 1) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.6);
      }
      if (random() < 0.5) proxy.cut();
      if (random() < 0.5) void proxy.dropReplies((command) => command.includes("page"));
    }
    frozen.thaw();
    const sections = (await Promise.all(logs)).flat();
    const trusted = sections.filter((section) => section.trusted);
    expect(trusted.length, `seed ${seed}`).toBeGreaterThan(10);
    expect(clashes(trusted), `seed ${seed}: a writer was not alone`).toEqual([]);
    const fences = trusted
      .filter(({ mode }) => mode === "write")
      .sort((one, other) => one.entered - other.entered)
      .map(({ fence }) => fence);
    expect(fences.length, `seed ${seed}`).toBeGreaterThan(2);
    expect(fences, `seed ${seed}: fences grow`).toEqual([...fences].sort((one, other) => Number(one) - Number(other)));
    expect(kills).toBeGreaterThan(1);
    await until(
      async () => {
        const { writer, readers, waiters } = await lock.inspect();
        return writer === null && readers.length === 0 && waiters.length === 0;
      },
      { what: `seed ${seed}: it has no holders and no waiters` },
    );
    await until(async () => (await lock.writeLock().acquire(false)) === true, { what: `seed ${seed}: it is free` });
  });

  test("F5: a killed reader and a killed writer lose the lock within their lease, and waiters go on", async () => {
    const lock = (await namespace.connect()).readWriteLock("left");
    for (const mode of ["read", "write"] as const) {
      const actor = await startActor(namespace.options);
      await actor.run(async ({ mp }, how) => {
        const theirs = mp.readWriteLock("left");
        await (how === "write" ? theirs.writeLock() : theirs.readLock()).hold();
      }, mode);
      const waiting = lock.writeLock().hold({ timeout: 20_000 });
      const started = performance.now();
      actor.kill();
      await (await waiting).release();
      expect(performance.now() - started).toBeLessThan(LEASE + 1_500);
    }
  });

  test("F16: dead and frozen waiters are skipped", async () => {
    const lock = (await namespace.connect({ lease: 30_000 })).readWriteLock("line");
    const held = await lock.writeLock().hold();
    const options = { ...namespace.options, lease: 30_000 };
    for (const harm of ["kill", "freeze"] as const) {
      const actor = await startActor(options);
      const place = (await lock.inspect()).waiters.length + 1;
      actor.run(({ mp }) => mp.readWriteLock("line").writeLock().acquire()).catch(() => {});
      await until(async () => (await lock.inspect()).waiters.length === place, { what: `${place} wait` });
      actor[harm]();
    }
    const waiting = lock.readLock().acquire({ timeout: 10_000 });
    await until(async () => (await lock.inspect()).waiters.length === 3, { what: "three wait" });
    await held.release();
    expect(await waiting).toBe(true);
  });

  test("F2: a holder that cannot reach Redis is told by its own clock, before another process gets in", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [cutOff, other] = [await namespace.connect({ redis: proxy.url }), await namespace.connect()];
    const held = await cutOff.readWriteLock("far").readLock().hold();
    const waiting = other.readWriteLock("far").writeLock().hold();
    await until(async () => (await other.readWriteLock("far").inspect()).waiters.length === 1);
    proxy.freeze();
    const told = new Promise<number>((resolve) => {
      held.signal.addEventListener("abort", () => resolve(performance.now()));
    });
    const granted = waiting.then(() => performance.now());
    expect(await told).toBeLessThanOrEqual(await granted);
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    await expect(held.release()).rejects.toThrow(LockLostError);
    proxy.thaw();
    expect((await waiting).isHeld).toBe(true);
  });

  test("F8: Redis restarts without its data: holders and waiters get a StateLostError, then all is well", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const other = await namespace.connect({ lease: 30_000 });
    const held = await mp.readWriteLock("forgotten").writeLock().hold();
    const failed = expect(other.readWriteLock("forgotten").readLock().acquire()).rejects.toThrow(StateLostError);
    await until(async () => (await mp.readWriteLock("forgotten").inspect()).waiters.length === 1, { what: "it waits" });
    await redis.restart({ keepData: false });
    await failed;
    await until(() => held.signal.aborted, { what: "the holder is told" });
    expect(held.signal.reason).toBeInstanceOf(StateLostError);
    expect(
      await other
        .readWriteLock("forgotten")
        .writeLock()
        .run(({ fence }) => fence),
    ).toBeGreaterThan(held.fence ?? Number.POSITIVE_INFINITY);
  });

  test("the first use of a program whose Redis is silent ends in time, too", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url });
    proxy.freeze();
    onTestFinished(() => proxy.thaw());
    expect(await mp.readWriteLock("first").readLock().acquire({ timeout: 50 })).toBe(false);
  });

  test("no key of a killed program's unnamed lock is left while other programs run", async () => {
    const mp = await namespace.connect();
    await mp.readWriteLock("mine").readLock().acquire();
    const actor = await startActor(namespace.options);
    const name = await actor.run(async ({ mp: theirs }) => {
      const lock = theirs.readWriteLock();
      await lock.readLock().hold();
      void lock.writeLock().acquire();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return lock.name;
    });
    actor.kill();
    const left = async (): Promise<string[]> =>
      (await redis.client().keys("*")).filter((key) => key.includes(name.split("-")[0] ?? name));
    expect(await left()).not.toEqual([]);
    await until(async () => (await left()).length === 0, { what: "nothing is left" });
    expect(await redis.client().zrange(`{${namespace.name}}/objects`, "0", "-1")).toEqual(["read-write-lock/mine"]);
  });
});
