import { setMaxListeners } from "node:events";
import { type CountDownLatch, connect, StateLostError, ValueError } from "@manyhands/core";
import { inEveryWorld, startActor, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";

/** Waits until so many wait for the latch. */
async function waiting(latch: CountDownLatch, count: number): Promise<void> {
  await until(async () => (await latch.inspect()).waiters.length === count, { what: `${count} wait` });
}

inEveryWorld((world) => {
  test("D7: waits end when the count has come to 0, and so do all later ones", async () => {
    const { mp, other } = await world.open();
    const latch = mp.countDownLatch(3, { name: "ready" });
    const here = Promise.all([latch.wait(), latch.await()]);
    const there = other.run(({ mp: theirs }) => theirs.countDownLatch(3, { name: "ready" }).wait());
    await waiting(latch, 3);
    expect(await latch.countDown()).toBe(2);
    expect(await other.run(({ mp: theirs }) => theirs.countDownLatch(3, { name: "ready" }).countDown())).toBe(1);
    expect(await latch.count()).toBe(1);
    expect(await latch.wait(false)).toBe(false);
    expect(await latch.wait({ timeout: 30 })).toBe(false);
    expect(await latch.countDown()).toBe(0);
    expect(await here).toEqual([true, true]);
    expect(await there).toBe(true);
    expect(await latch.wait()).toBe(true);
    expect(await latch.wait(false)).toBe(true);
    expect(await latch.inspect()).toEqual({ name: "ready", count: 0, initial: 3, waiters: [] });
  });

  test("D7: the count never goes below 0 and is set anew only when it is 0", async () => {
    const { mp, other } = await world.open();
    const latch = mp.countDownLatch(2, { name: "ready" });
    expect(await latch.trySetCount(5)).toBe(false);
    expect(await latch.countDown(7)).toBe(0);
    expect(await latch.countDown()).toBe(0);
    expect(await other.run(({ mp: theirs }) => theirs.countDownLatch(2, { name: "ready" }).trySetCount(4))).toBe(true);
    expect(await latch.trySetCount(5)).toBe(false);
    expect(await latch.count()).toBe(4);
    expect(await latch.wait(false)).toBe(false);
  });

  test("D7: who waited when the count came to 0 goes on, also when it is set anew at once", async () => {
    const { mp, other } = await world.open();
    const latch = mp.countDownLatch(1, { name: "round" });
    for (let round = 0; round < 10; round += 1) {
      const here = latch.wait({ timeout: 10_000 });
      const there = other.run(({ mp: theirs }) =>
        theirs.countDownLatch(1, { name: "round" }).wait({ timeout: 10_000 }),
      );
      await waiting(latch, 2);
      await Promise.all([latch.countDown(), latch.trySetCount(1)]);
      expect(await Promise.all([here, there])).toEqual([true, true]);
    }
  });

  test("a name alone will do, as for other objects; anything else is refused", async () => {
    const { mp } = await world.open();
    await using manager = mp.manager();
    expect(mp.countDownLatch(1, "ready")).toMatchObject({ name: "ready", isNamed: true });
    expect(manager.countDownLatch(1, "ready").name).toBe(`:${manager.name}/ready`);
    expect(() => mp.countDownLatch(1, 7 as never)).toThrow("mp.countDownLatch() does not take 7 as argument 2");
  });

  test("a count that is negative or not whole is an error", async () => {
    const { mp } = await world.open();
    const latch = mp.countDownLatch(0);
    expect(await latch.wait(false)).toBe(true);
    for (const count of [-1, 0.5, Number.NaN, "2" as never, undefined as never]) {
      expect(() => mp.countDownLatch(count)).toThrow(ValueError);
      await expect(latch.trySetCount(count)).rejects.toThrow(ValueError);
    }
    await expect(latch.countDown(0)).rejects.toThrow(ValueError);
  });

  test("a wait ends with its signal, and leaves no waiter and no holding behind", async () => {
    const { mp, other, options } = await world.open();
    const latch = mp.countDownLatch(1);
    const abortion = new AbortController();
    const wait = latch.wait({ signal: abortion.signal });
    await waiting(latch, 1);
    abortion.abort(new Error("enough"));
    await expect(wait).rejects.toThrow("enough");
    await waiting(latch, 0);
    const there = other.run((_scope, theirs) => theirs.wait(), latch);
    await waiting(latch, 1);
    await latch.countDown();
    expect(await there).toBe(true);
    const { openRedis } = await import("@manyhands/core/internal");
    const client = openRedis(options.redis, { name: "test" });
    const session = latch.name.split("-")[0];
    expect(await client.exists(`{${options.namespace}}/session-holdings/${session}`)).toBe(0);
    await mp.close();
    expect(await client.exists(`{${options.namespace}}/count-down-latch/${latch.name}`)).toBe(0);
    client.disconnect();
  });
});

describe("a latch in trouble", () => {
  const redis = useRedis();

  test("many may give up at once: Redis does not look at all of them for each", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const latch = mp.countDownLatch(1);
    const abortion = new AbortController();
    setMaxListeners(0, abortion.signal);
    const waits = Promise.allSettled(Array.from({ length: 4_000 }, () => latch.wait({ signal: abortion.signal })));
    await waiting(latch, 4_000);
    const client = redis.client();
    const processorTime = async (): Promise<number> =>
      Number(/used_cpu_user:([\d.]+)/.exec(await client.info("cpu"))?.[1]);
    const before = await processorTime();
    abortion.abort();
    await waits;
    await waiting(latch, 0);
    // Seconds: a few tenths of one, against three and more.
    expect((await processorTime()) - before).toBeLessThan(1.5);
  });

  test("F18: a count that is lowered is lowered once, though the answer is lost", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await connect({ redis: proxy.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const latch = mp.countDownLatch(10, { name: "ready" });
    expect(await latch.countDown()).toBe(9);
    for (let count = 8; count >= 6; count -= 1) {
      const lost = proxy.dropReplies((command) => command.includes("count-down-latch"));
      expect(await latch.countDown()).toBe(count);
      await lost;
    }
    expect(await latch.count()).toBe(6);
  });

  test("waiters that are killed are forgotten, the living go on", async () => {
    const options = { redis: redis.url, namespace: redis.namespace(), lease: 1_000 };
    const mp = await connect(options);
    onTestFinished(() => mp.close());
    const latch = mp.countDownLatch(1, { name: "ready" });
    const actor = await startActor(options);
    actor.run(({ mp: theirs }) => theirs.countDownLatch(1, { name: "ready" }).wait()).catch(() => {});
    const here = latch.wait();
    await waiting(latch, 2);
    actor.kill();
    await waiting(latch, 1);
    await latch.countDown();
    expect(await here).toBe(true);
  });

  test("U11: Redis loses its data: who waits gets a StateLostError, then the latch is made anew", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const latch = mp.countDownLatch(2, { name: "ready" });
    await latch.countDown();
    const failed = expect(latch.wait()).rejects.toThrow(StateLostError);
    await waiting(latch, 1);
    await redis.restart({ keepData: false });
    await failed;
    await latch.count().catch((error: unknown) => expect(error).toBeInstanceOf(StateLostError));
    expect(await latch.count()).toBe(2);
  });
});
