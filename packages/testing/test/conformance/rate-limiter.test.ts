import {
  type Context,
  LockLostError,
  type RateLimiter,
  StateLostError,
  TimeoutError,
  ValueError,
} from "@manyhands/core";
import { Keys, ObjectInspector } from "@manyhands/core/internal";
import { inEveryWorld, startActor, testDistance, until, useNamespace, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

/** Waits until so many wait for the limiter. */
async function waiting(limiter: RateLimiter, count: number): Promise<void> {
  await until(async () => (await limiter.inspect()).waiters.length === count, { what: `${count} wait` });
}

/** Takes one after the other; for each when it was asked for, and when it was granted, ms. */
async function takeMany({ mp }: { mp: Context }, count: number): Promise<{ asked: number; got: number }[]> {
  const limiter = mp.rateLimiter("api", { max: 8, per: 200 });
  const starts: { asked: number; got: number }[] = [];
  for (let index = 0; index < count; index += 1) {
    const asked = Date.now();
    await limiter.take();
    starts.push({ asked, got: Date.now() });
  }
  return starts;
}

inEveryWorld((world) => {
  test("no window has more starts than its maximum, over all programs, and what it allows is used", async () => {
    const { mp, other } = await world.open();
    const begin = Date.now();
    const starts = (await Promise.all([takeMany({ mp }, 20), other.run(takeMany, 20)])).flat();
    const took = Date.now() - begin;
    starts.sort((one, next) => one.got - next.got);
    for (let index = 0; index + 8 < starts.length; index += 1) {
      const window = starts.slice(index, index + 9);
      const longest = Math.max(...window.map(({ got }) => got)) - Math.min(...window.map(({ asked }) => asked));
      expect(longest, `starts ${index} to ${index + 8}`).toBeGreaterThanOrEqual(198);
    }
    // 40 starts are five windows: the last one begins after four.
    expect(took).toBeGreaterThanOrEqual(798);
    expect(took).toBeLessThan(6_000 + 30 * testDistance());
    expect(await mp.rateLimiter("api", { max: 8, per: 200 }).inspect()).toMatchObject({
      ...{ name: "api", max: 8, per: 200, kind: "window", concurrency: null, used: 8, holders: [], waiters: [] },
    });
  });

  test("a bucket allows a burst, and then one start after the other", async () => {
    const { mp } = await world.open();
    const limiter = mp.rateLimiter("bucket", { max: 4, per: 200, kind: "bucket" });
    const begin = performance.now();
    for (let index = 0; index < 4; index += 1) await limiter.take({ timeout: 5_000 });
    const burst = await limiter.inspect();
    expect(burst).toMatchObject({ kind: "bucket", max: 4 });
    for (let index = 0; index < 4; index += 1) await limiter.take({ timeout: 5_000 });
    expect(performance.now() - begin).toBeGreaterThanOrEqual(198);
    await expect(limiter.take(false)).rejects.toThrow(TimeoutError);
  });

  test("so many run at once as the concurrency says, in the order in which they came", async () => {
    const { mp, other } = await world.open();
    const limiter = mp.rateLimiter("doors", { concurrency: 2 });
    const [first, second] = [await limiter.take(), await limiter.take()];
    await expect(limiter.take({ timeout: 30 })).rejects.toThrow(TimeoutError);
    const order: string[] = [];
    const third = limiter.take().then((turn) => {
      order.push("here");
      return turn;
    });
    await waiting(limiter, 1);
    const fourth = other
      .run(async ({ mp: theirs }) => theirs.rateLimiter("doors", { concurrency: 2 }).run((turn) => turn.isHeld))
      .then((isHeld) => {
        order.push("there");
        return isHeld;
      });
    await waiting(limiter, 2);
    expect((await limiter.inspect()).holders).toHaveLength(2);
    await second.release();
    await second.release();
    const turn = await third;
    expect(turn.isHeld).toBe(true);
    await turn.release();
    expect(await fourth).toBe(true);
    expect(order).toEqual(["here", "there"]);
    await first[Symbol.asyncDispose]();
    await until(async () => (await limiter.inspect()).holders.length === 0, { what: "all places are free" });
  });
});

describe("a rate limiter", () => {
  const redis = useRedis();
  const namespace = useNamespace(redis, { lease: 1_000 });

  test("a wait that is given up takes no start, and the next one in the line goes on", async () => {
    const mp = await namespace.connect();
    const limiter = mp.rateLimiter("api", { max: 1, per: 300, concurrency: 1 });
    await (await limiter.take()).release();
    const abort = new AbortController();
    const given = limiter.take({ signal: abort.signal });
    await waiting(limiter, 1);
    const next = limiter.take();
    await waiting(limiter, 2);
    abort.abort(new Error("no longer"));
    await expect(given).rejects.toThrow("no longer");
    await using turn = await next;
    expect(turn.isHeld).toBe(true);
    expect(turn.signal.aborted).toBe(false);
  });

  test("what it allows changes while programs wait", async () => {
    const mp = await namespace.connect();
    const limiter = mp.rateLimiter("changed", { max: 1, per: 60_000 });
    await limiter.take();
    const waits = [limiter.take(), limiter.take()];
    await waiting(limiter, 2);
    await limiter.change({ max: 3, per: 60_000 });
    await Promise.all(waits);
    await expect(limiter.take(false)).rejects.toThrow("allowed no start in time");
    await limiter.change({ concurrency: 1 });
    expect(await limiter.inspect()).toMatchObject({ max: null, kind: null, concurrency: 1 });
    expect((await limiter.take(false)).isHeld).toBe(true);
  });

  test("the places of a dead program come back, and its waiters stand in no way", async () => {
    const actor = await startActor(namespace.options);
    const mp = await namespace.connect();
    const limiter = mp.rateLimiter("doors", { concurrency: 1, max: 100, per: 100 });
    await actor.run(async ({ mp: theirs }) => {
      const doors = theirs.rateLimiter("doors", { concurrency: 1, max: 100, per: 100 });
      await doors.take();
      void doors.take().catch(() => {});
    });
    await waiting(limiter, 1);
    const taken = limiter.take({ timeout: 20_000 });
    await waiting(limiter, 2);
    actor.kill();
    expect((await taken).isHeld).toBe(true);
    await (await taken).release();
    await until(async () => (await limiter.inspect()).waiters.length === 0, { what: "no waiter is left" });
    expect(await redis.client().hmget(`{${namespace.name}}/rate-limiter/doors`, "running", "reserved")).toEqual([
      "0",
      "0",
    ]);
  });

  test("one that is removed while it is held loses the place, and says so", async () => {
    const mp = await namespace.connect();
    const limiter = mp.rateLimiter("doors", { concurrency: 1 });
    const turn = await limiter.take();
    const inspector = new ObjectInspector({ client: redis.client(), keys: new Keys(namespace.name) });
    expect(await inspector.remove({ kind: "rate-limiter", name: "doors" })).toBe(true);
    await expect(turn.release()).rejects.toThrow(LockLostError);
    await expect(limiter.take()).rejects.toThrow(StateLostError);
    expect((await limiter.take()).isHeld).toBe(true);
  });

  test("a rate or concurrency that is none is refused", async () => {
    const mp = await namespace.connect();
    const refused: [unknown, string][] = [
      [{}, "needs a rate, { max, per }, or { concurrency }, or both"],
      [undefined, "needs a rate"],
      [{ max: 0, per: 10 }, "max must be a whole number from 1 to 1000000; got 0"],
      [{ max: 1 }, "per must be whole milliseconds from 1 to 2592000000; got undefined"],
      [{ max: 1, per: 0.5 }, "per must be whole milliseconds from 1"],
      [{ max: 1, per: 10, kind: "leaky" }, 'kind must be "window" or "bucket"; got "leaky"'],
      [{ concurrency: 0 }, "concurrency must be a whole number from 1; got 0"],
      [{ concurrency: "2" }, 'concurrency must be a whole number from 1; got "2"'],
      [{ limit: 2 }, "limit"],
    ];
    for (const [settings, message] of refused) {
      const make = (): unknown => mp.rateLimiter("api", settings as never);
      expect(make, JSON.stringify(settings)).toThrow(ValueError);
      expect(make, JSON.stringify(settings)).toThrow(message);
    }
    expect(() => mp.rateLimiter("", { concurrency: 1 })).toThrow(ValueError);
    await expect(mp.rateLimiter("api", { concurrency: 1 }).change({})).rejects.toThrow(ValueError);
  });
});
