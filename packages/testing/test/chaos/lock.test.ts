import { LockLostError, StateLostError } from "@manyhands/core";
import { type Actor, startActor, until, useFaultProxy, useNamespace, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Contended, contend, type Section } from "./contend.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();
const namespace = useNamespace(redis, { lease: LEASE });

const PRIZE: Contended = { lock: "prize", givesUp: false };

describe("a lock in trouble", () => {
  test("guarantee 5: with killed, frozen and disconnected holders, trusted sections never overlap and fences grow", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxy = await useFaultProxy(redis.url);
    const options = namespace.options;
    const behindProxy = { ...options, redis: proxy.url };
    const steady = await Promise.all([1, 2].map(() => startActor(options)));
    const cut = await startActor(behindProxy);
    const frozen = await startActor(options);
    const logs: Promise<Section[]>[] = [...steady, cut, frozen].map((actor) => contend(actor, PRIZE, 7_000));
    const end = performance.now() + 6_000;
    let kills = 0;
    while (performance.now() < end || kills <= 2) {
      const victim = await startActor(options);
      contend(victim, PRIZE, 60_000).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 300));
      victim.kill();
      kills += 1;
      if (kills % 4 === 1) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.6);
      }
      if (random() < 0.5) proxy.cut();
    }
    frozen.thaw();
    const sections = (await Promise.all(logs)).flat();
    const trusted = sections.filter((section) => section.trusted).sort((left, right) => left.entered - right.entered);
    expect(trusted.length, `seed ${seed}`).toBeGreaterThan(20);
    for (const [index, section] of trusted.entries()) {
      const before = trusted[index - 1];
      if (!before) continue;
      expect(section.entered, `seed ${seed}: overlap`).toBeGreaterThanOrEqual(before.left);
      expect(section.fence, `seed ${seed}: fences`).toBeGreaterThan(Number(before.fence));
    }
    expect(kills).toBeGreaterThan(2);
  });

  test("F2, guarantee 5: a holder that cannot reach Redis stops by its own clock before another process gets the lock", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [cutOff, other] = [await namespace.connect({ redis: proxy.url }), await namespace.connect()];
    const held = await cutOff.lock("far").hold();
    const waiting = other.lock("far").hold();
    await until(async () => (await other.lock("far").inspect()).waiters.length === 1, { what: "there is a waiter" });
    proxy.freeze();
    const told = new Promise<number>((resolve) => {
      held.signal.addEventListener("abort", () => resolve(performance.now()));
    });
    const granted = waiting.then(() => performance.now());
    expect(await told).toBeLessThanOrEqual(await granted);
    expect(held.isHeld).toBe(false);
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    expect(held.signal.reason.reason).toBe("deadline");
    await expect(held.release()).rejects.toThrow(LockLostError);
    proxy.thaw();
    expect((await waiting).isHeld).toBe(true);
  });

  test("F3: a lock that was taken away is lost with the next renewal, and its release takes no other holder's", async () => {
    const [mp, other] = [await namespace.connect(), await namespace.connect()];
    const held = await mp.lock("taken").hold();
    await other.lock("taken").release();
    const theirs = await other.lock("taken").hold();
    await until(() => held.signal.aborted, { what: "the loss is noticed" });
    expect(held.signal.reason.reason).toBe("refused");
    await expect(held.release()).rejects.toThrow(LockLostError);
    expect(theirs.isHeld).toBe(true);
    await theirs.release();
  });

  test("F1, F4: a holder frozen for longer than its lease finds the lock lost, and the next one has a larger fence", async () => {
    const mp = await namespace.connect();
    const actor = await startActor(namespace.options);
    const fence = await actor.run(async ({ mp: theirs, kept }) => {
      const held = await theirs.lock("slow").hold();
      kept.set("held", held);
      return held.fence;
    });
    actor.freeze();
    const held = await mp.lock("slow").hold({ timeout: 10_000 });
    expect(held.fence).toBeGreaterThan(fence);
    actor.thaw();
    const outcome = await actor.run(async ({ kept }) => {
      const { signal, isHeld, release } = kept.get("held") as never as {
        signal: AbortSignal;
        isHeld: boolean;
        release: () => Promise<void>;
      };
      const released = await release.call(kept.get("held")).then(
        () => "released",
        (error: Error) => error.name,
      );
      return { isHeld, released, aborted: signal.aborted };
    });
    expect(outcome).toEqual({ isHeld: false, released: "LockLostError", aborted: true });
    expect(held.isHeld).toBe(true);
  });

  test("F5, F14, guarantee 6: a killed holder keeps the lock for no longer than its lease", async () => {
    const mp = await namespace.connect();
    const actor = await startActor(namespace.options);
    await actor.run(({ mp: theirs }) => theirs.lock("orphan").acquire());
    const waiting = mp.lock("orphan").acquire({ timeout: 20_000 });
    const started = performance.now();
    actor.kill();
    expect(await waiting).toBe(true);
    expect(performance.now() - started).toBeLessThan(LEASE + 1_000);
  });

  test("F16: dead and frozen waiters are skipped, live waiters keep their order", async () => {
    const mp = await namespace.connect();
    const lock = mp.lock("line");
    await lock.acquire();
    const wait = async (actor: Actor, place: number): Promise<{ fence: Promise<number> }> => {
      const fence = actor.run(({ mp: theirs }) => theirs.lock("line").run((held) => held.fence));
      fence.catch(() => {});
      await until(async () => (await lock.inspect()).waiters.length === place, { what: `${place} wait` });
      return { fence };
    };
    const options = { ...namespace.options, lease: 30_000 };
    const [killed, frozen, first, second] = await Promise.all([1, 2, 3, 4].map(() => startActor(options)));
    if (!killed || !frozen || !first || !second) throw new Error("no actors");
    await wait(killed, 1);
    const late = await wait(frozen, 2);
    const firstFence = await wait(first, 3);
    const secondFence = await wait(second, 4);
    killed.kill();
    frozen.freeze();
    await lock.release();
    const fences = [await firstFence.fence, await secondFence.fence];
    expect(fences[1]).toBeGreaterThan(fences[0] ?? 0);
    frozen.thaw();
    expect(await late.fence).toBeGreaterThan(fences[1] ?? 0);
    expect((await lock.inspect()).waiters).toEqual([]);
  });

  test("F18: an acquire and a release whose answers are lost act once", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url, lease: 30_000 });
    const lock = mp.lock("echo");
    await lock.acquire();
    await lock.release();
    const lost = proxy.dropReplies((command) => command.includes("lock-record"));
    expect(await lock.acquire({ timeout: 10_000 })).toBe(true);
    await lost;
    const fence = lock.held?.fence;
    expect((await lock.inspect()).fence).toBe(fence);
    const lostAgain = proxy.dropReplies((command) => command.includes("lock-record"));
    await lock.release();
    await lostAgain;
    expect(await lock.locked()).toBe(false);
  });

  test("F13: a wake-up that is lost with its connection costs a moment, not a hang", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [mp, behind] = [await namespace.connect(), await namespace.connect({ redis: proxy.url, lease: 30_000 })];
    const lock = mp.lock("whisper");
    await lock.acquire();
    const waiting = behind.lock("whisper").acquire({ timeout: 20_000 });
    await until(async () => (await lock.inspect()).waiters.length === 1, { what: "it waits" });
    proxy.freeze();
    await lock.release();
    proxy.cut();
    proxy.thaw();
    expect(await waiting).toBe(true);
  });

  test("F19: a timeout that meets the grant leaves nothing behind", async () => {
    const mp = await namespace.connect();
    const lock = mp.lock("race");
    for (let round = 0; round < 40; round += 1) {
      await lock.acquire();
      const waiting = mp.lock("race").acquire({ timeout: 6 });
      setTimeout(() => void lock.release(), 5);
      const granted = await waiting;
      await until(async () => (await lock.locked()) === granted, { what: "released or granted" });
      if (granted) await mp.lock("race").release();
      expect((await lock.inspect()).waiters).toEqual([]);
    }
  });

  test("F8: Redis restarts with its data: the holder still holds, the waiter still waits", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const other = await namespace.connect({ lease: 30_000 });
    const held = await mp.lock("kept").hold();
    const waiting = other.lock("kept").acquire({ timeout: 20_000 });
    await until(async () => (await mp.lock("kept").inspect()).waiters.length === 1, { what: "there is a waiter" });
    await redis.restart();
    expect(await mp.lock("kept").locked()).toBe(true);
    expect(held.isHeld).toBe(true);
    await held.release();
    expect(await waiting).toBe(true);
  });

  test("F8, U11: Redis restarts without its data: holders and waiters get a StateLostError, then all is well", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const other = await namespace.connect({ lease: 30_000 });
    const held = await mp.lock("forgotten").hold();
    const waiting = other.lock("forgotten").acquire();
    const failed = expect(waiting).rejects.toThrow(StateLostError);
    await until(async () => (await mp.lock("forgotten").inspect()).waiters.length === 1, { what: "there is a waiter" });
    await redis.restart({ keepData: false });
    await failed;
    await until(() => held.signal.aborted, { what: "the holder is told" });
    expect(held.signal.reason).toBeInstanceOf(StateLostError);
    const fence = await other.lock("forgotten").run((next) => next.fence);
    expect(fence).toBeGreaterThan(held.fence);
  });

  test("a Redis that does not answer for longer than the lease: the holder is told, and later the lock works again", async () => {
    const mp = await namespace.connect();
    const held = await mp.lock("paused").hold();
    redis.pause();
    const told = performance.now();
    await until(() => held.signal.aborted, { what: "the holder is told while Redis is away" });
    expect(performance.now() - told).toBeLessThan(LEASE + 100);
    expect(await mp.lock("paused").acquire({ timeout: 50 })).toBe(false);
    redis.resume();
    expect(await mp.lock("paused").acquire({ timeout: 10_000 })).toBe(true);
  });

  test("F19, F25: a grant that comes too late for its lease and for its caller is not asked for again", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [mp, other] = [await namespace.connect({ redis: proxy.url, lease: 30_000 }), await namespace.connect()];
    await other.lock("taken").acquire();
    // From now on a wait is stored with its first try.
    expect(await mp.lock("taken").acquire({ timeout: 50 })).toBe(false);
    const lock = mp.lock({ name: "late", lease: 300 });
    const sentAt = performance.now();
    proxy.freeze();
    expect(await lock.acquire({ timeout: 100 })).toBe(false);
    await until(() => performance.now() - sentAt > 300, { what: "a lease granted at once would be over" });
    proxy.thaw();
    // Each answer comes after those to what was sent before it: the grant, its release, and what would follow.
    for (let answers = 0; answers < 5; answers += 1) await lock.locked();
    expect(await other.lock("late").locked()).toBe(false);
  });

  test("a lock whose record expires while it is held and waited for: fences grow all the same", async () => {
    const [mp, other] = [await namespace.connect({ lease: 30_000 }), await namespace.connect({ lease: 30_000 })];
    const record = `{${namespace.name}}/lock-record/busy`;
    const client = redis.client();
    const held = await mp.lock("busy").hold();
    const waiting = other.lock("busy").hold();
    await until(async () => (await mp.lock("busy").inspect()).waiters.length === 1, { what: "there is a waiter" });
    // A lock that is busy for an hour, but never held for long enough to be renewed, outlives its record.
    expect(await client.pexpire(record, 0)).toBe(1);
    await held.release();
    const next = await waiting;
    expect(next.fence).toBeGreaterThan(held.fence);
    expect(await client.pttl(record)).toBeGreaterThan(0);
    await next.release();
    expect((await mp.lock("busy").hold()).fence).toBeGreaterThan(next.fence);
  });

  test("guarantee 5: fences grow and never repeat when Redis loses the last writes of the lock's record", async () => {
    const [mp, other] = [await namespace.connect({ lease: 30_000 }), await namespace.connect({ lease: 30_000 })];
    const client = redis.client();
    const lock = mp.lock("restored");
    const ways: Record<string, { record: string; fence(): Promise<number | null> }> = {
      "a free lock": { record: "lock-record/restored", fence: () => lock.run((held) => held.fence) },
      "a lock that is granted with a wake-up": {
        record: "lock-record/granted",
        async fence() {
          const held = await mp.lock("granted").hold();
          const waiting = other.lock("granted").hold();
          await until(async () => (await mp.lock("granted").inspect()).waiters.length === 1, {
            what: "there is a waiter",
          });
          await held.release();
          const next = await waiting;
          await next.release();
          return next.fence > held.fence ? next.fence : 0;
        },
      },
      "a lock that is taken over": {
        record: "lock-record/over",
        async fence() {
          const held = await mp.lock("over").hold();
          const taken = await other.lock("over").takeOver(await held.handOver());
          await taken.release();
          return taken.fence > held.fence ? taken.fence : 0;
        },
      },
      "an rlock": { record: "rlock-record/restored", fence: () => mp.rlock("restored").run((held) => held.fence) },
      "a writer": {
        record: "read-write-lock/restored",
        fence: () =>
          mp
            .readWriteLock("restored")
            .writeLock()
            .run((held) => held.fence),
      },
    };
    for (const [what, { record, fence }] of Object.entries(ways)) {
      const key = `{${namespace.name}}/${record}`;
      const fences = [await fence()];
      const old = await client.dumpBuffer(key);
      for (let times = 0; times < 100; times += 1) {
        await client.call("RESTORE", key, 0, old as Buffer, "REPLACE");
        fences.push(await fence());
      }
      expect(fences, what).toEqual([...new Set(fences)].sort((one, another) => Number(one) - Number(another)));
      expect(fences.every(Number.isSafeInteger), what).toBe(true);
    }
  });

  test("guarantee 5: a renewal stores a fence that Redis lost, so that the next fence is larger by any clock", async () => {
    const [mp, client] = [await namespace.connect({ lease: 30_000 }), redis.client()];
    const record = `{${namespace.name}}/lock-record/behind`;
    await mp.lock("behind").run(() => {});
    const held = await mp.lock("behind").hold();
    // As on a replica that has not heard of it.
    await client.hset(record, "fence", 7);
    await until(async () => Number(await client.hget(record, "fence")) === held.fence, { what: "it is noted again" });
  });

  test("the first use of a program whose Redis is silent ends in time, too, and by its signal", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url });
    proxy.freeze();
    onTestFinished(() => proxy.thaw());
    expect(await mp.lock("first").acquire({ timeout: 50 })).toBe(false);
    expect(await mp.rlock("first").acquire({ timeout: 50 })).toBe(false);
    const signal = AbortSignal.timeout(50);
    await expect(mp.lock("first").acquire({ signal })).rejects.toThrow("aborted due to timeout");
  });

  test("no key of a killed program's unnamed lock is left while other programs run", async () => {
    const mp = await namespace.connect();
    await mp.lock("mine").acquire();
    const actor = await startActor(namespace.options);
    const name = await actor.run(async ({ mp: theirs, kept }) => {
      const lock = theirs.lock();
      kept.set("lock", lock);
      await lock.acquire();
      return lock.name;
    });
    actor.kill();
    const client = redis.client();
    const left = async (): Promise<string[]> =>
      (await client.keys("*")).filter((key) => key.includes(name) || key.includes(name.split("-")[0] ?? name));
    expect(await left()).not.toEqual([]);
    await until(async () => (await left()).length === 0, { what: "nothing is left" });
    expect(await client.zrange(`{${namespace.name}}/objects`, "0", "-1")).toEqual(["lock/mine"]);
  });
});
