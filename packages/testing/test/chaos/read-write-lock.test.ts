import { type Context, connect, LockLostError, StateLostError } from "@manyhands/core";
import { type Actor, startActor, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();
let namespace: string;

beforeEach(() => {
  namespace = redis.namespace();
});

async function connected(options: { url?: string; lease?: number } = {}): Promise<Context> {
  const mp = await connect({ redis: options.url ?? redis.url, namespace, lease: options.lease ?? LEASE });
  onTestFinished(() => mp.close());
  return mp;
}

/** What an actor writes down of each time that it held the lock; times by this machine's monotonic clock, ms. */
interface Section {
  mode: "read" | "write";
  fence: number | null;
  entered: number;
  left: number;
  /** Whether its holder could trust the lock up to the end. */
  trusted: boolean;
}

function contend(actor: Actor, milliseconds: number): Promise<Section[]> {
  return actor.run(async ({ mp }, duration: number) => {
    const clock = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
    const sections: Section[] = [];
    const lock = mp.readWriteLock("page");
    const end = clock() + duration;
    while (clock() < end) {
      const mode = Math.random() < 0.3 ? "write" : "read";
      // Some give up in the middle of a grant.
      const timeout = Math.random() < 0.2 ? Math.random() * 20 : 10_000;
      const held = await (mode === "write" ? lock.writeLock() : lock.readLock()).hold({ timeout }).catch(() => null);
      if (!held) continue;
      const entered = clock();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
      sections.push({ mode, fence: held.fence, entered, left: clock(), trusted: held.isHeld });
      await held.release().catch(() => {});
    }
    return sections;
  }, milliseconds);
}

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
    const options = { redis: redis.url, namespace, lease: LEASE };
    const lock = (await connected()).readWriteLock("page");
    const [steady, second, cut, frozen] = await Promise.all([
      startActor(options),
      startActor(options),
      startActor({ ...options, redis: proxy.url }),
      startActor(options),
    ]);
    const logs = [steady, second, cut, frozen].map((actor) => contend(actor, 7_000));
    const end = performance.now() + 6_000;
    let kills = 0;
    while (performance.now() < end || kills < 2) {
      const victim = await startActor(options);
      contend(victim, 60_000).catch(() => {});
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
      { what: `seed ${seed}: nobody holds it or waits` },
    );
    await until(async () => (await lock.writeLock().acquire(false)) === true, { what: `seed ${seed}: it is free` });
  });

  test("F5: the dead reader and the dead writer are reaped within their lease, and who waits goes on", async () => {
    const lock = (await connected()).readWriteLock("left");
    for (const mode of ["read", "write"] as const) {
      const actor = await startActor({ redis: redis.url, namespace, lease: LEASE });
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
    const lock = (await connected({ lease: 30_000 })).readWriteLock("line");
    const held = await lock.writeLock().hold();
    const options = { redis: redis.url, namespace, lease: 30_000 };
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

  test("F2: a holder that cannot reach Redis is told by its own clock, before anybody else gets in", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [cutOff, other] = [await connected({ url: proxy.url }), await connected()];
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
    const mp = await connected({ lease: 30_000 });
    const other = await connected({ lease: 30_000 });
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
    const mp = await connected({ url: proxy.url });
    proxy.freeze();
    onTestFinished(() => proxy.thaw());
    expect(await mp.readWriteLock("first").readLock().acquire({ timeout: 50 })).toBe(false);
  });

  test("no key of a killed program's unnamed lock is left while other programs run", async () => {
    const mp = await connected();
    await mp.readWriteLock("mine").readLock().acquire();
    const actor = await startActor({ redis: redis.url, namespace, lease: LEASE });
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
    await until(async () => (await left()).length === 0, { timeout: 15_000, what: "nothing is left" });
    expect(await redis.client().zrange(`{${namespace}}/objects`, "0", "-1")).toEqual(["read-write-lock/mine"]);
  });
});
