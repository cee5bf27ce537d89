import { LockLostError, type Semaphore, StateLostError, TimeoutError, ValueError } from "@manyhands/core";
import { inEveryWorld, until } from "@manyhands/testing";
import { expect, test } from "vitest";

/** Waits until so many are in the line. */
async function inLine(semaphore: Semaphore, count: number): Promise<void> {
  await until(async () => (await semaphore.inspect()).waiters.length === count, { what: `${count} wait` });
}

inEveryWorld((world) => {
  test("S1: so many acquires succeed, the next does not; the value counts down and up", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.semaphore(2, { name: "rooms" });
    expect(await semaphore.getValue()).toBe(2);
    expect(await semaphore.acquire()).toBe(true);
    expect(await other.run(({ mp: theirs }) => theirs.semaphore(2, { name: "rooms" }).acquire())).toBe(true);
    expect(await semaphore.getValue()).toBe(0);
    expect(await semaphore.acquire(false)).toBe(false);
    expect(await other.run(({ mp: theirs }) => theirs.semaphore(2, { name: "rooms" }).acquire(false))).toBe(false);
    await semaphore.release();
    expect(await other.run(({ mp: theirs }) => theirs.semaphore(2, { name: "rooms" }).getValue())).toBe(1);
    await semaphore.release();
    expect(await semaphore.getValue()).toBe(2);
  });

  test("S2: a semaphore may be released above its initial value", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.semaphore(1, { name: "rooms" });
    await semaphore.release();
    await other.run(({ mp: theirs }) => theirs.semaphore(1, { name: "rooms" }).release(3));
    expect(await semaphore.getValue()).toBe(5);
    expect(await semaphore.acquire({ permits: 5, block: false })).toBe(true);
    expect(await semaphore.acquire(false)).toBe(false);
  });

  test("S3: a bounded semaphore refuses to be released above its initial value, and keeps its value", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.boundedSemaphore(2, { name: "rooms" });
    await expect(semaphore.release()).rejects.toThrow(ValueError);
    await semaphore.acquire();
    await expect(semaphore.release(2)).rejects.toThrow("would rise above 2");
    const refused = other.run(({ mp: theirs }) => theirs.boundedSemaphore(2, { name: "rooms" }).release(2));
    await expect(refused).rejects.toThrow("would rise above 2");
    expect(await semaphore.getValue()).toBe(1);
    await semaphore.release();
    expect(await semaphore.getValue()).toBe(2);
    // Leased permits will come back: no process may release in their place.
    const held = await semaphore.hold();
    await expect(semaphore.release()).rejects.toThrow(ValueError);
    await held.release();
    expect(await semaphore.getValue()).toBe(2);
    await expect(semaphore.acquire({ permits: 3 })).rejects.toThrow(ValueError);
  });

  test("S4: one try does not wait, a timeout is kept", async () => {
    const { mp } = await world.open();
    const semaphore = mp.semaphore(0);
    await semaphore.getValue();
    const before = performance.now();
    expect(await semaphore.acquire({ block: false, timeout: 60_000 })).toBe(false);
    expect(await semaphore.acquire({ timeout: -1 })).toBe(false);
    // A wait would last for a minute.
    expect(performance.now() - before).toBeLessThan(10_000);
    const started = performance.now();
    expect(await semaphore.acquire({ timeout: 60 })).toBe(false);
    expect(performance.now() - started).toBeGreaterThanOrEqual(58);
    await expect(semaphore.hold({ timeout: 20 })).rejects.toThrow(TimeoutError);
    await until(async () => (await semaphore.inspect()).waiters.length === 0, { what: "who gave up is forgotten" });
    await semaphore.release();
    expect(await semaphore.acquire(false)).toBe(true);
  });

  test("S5: the value 0 is a signal; a value that is negative or not whole is an error", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.semaphore(0, { name: "signal" });
    const waiting = semaphore.acquire();
    await inLine(semaphore, 1);
    await other.run(({ mp: theirs }) => theirs.semaphore(0, { name: "signal" }).release());
    expect(await waiting).toBe(true);
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "2" as never]) {
      expect(() => mp.semaphore(value)).toThrow(ValueError);
      expect(() => mp.boundedSemaphore(value)).toThrow(ValueError);
      await expect(semaphore.release(value)).rejects.toThrow(ValueError);
    }
    await expect(semaphore.release(0)).rejects.toThrow(ValueError);
    await expect(semaphore.acquire({ permits: 0 })).rejects.toThrow(ValueError);
  });

  test("a name alone will do, as for other objects; anything else is refused", async () => {
    const { mp } = await world.open();
    await using manager = mp.manager();
    expect(mp.semaphore(1, "rooms")).toMatchObject({ name: "rooms", isNamed: true });
    expect(mp.boundedSemaphore(1, "tables").name).toBe("tables");
    for (const made of [manager.semaphore(1, "rooms"), manager.boundedSemaphore(1, "rooms")]) {
      expect(made.name).toBe(`:${manager.name}/rooms`);
    }
    expect(() => mp.semaphore(1, 7 as never)).toThrow("mp.semaphore() does not take 7 as argument 2: mp.semaphore(");
  });

  test("S6: a process that never acquired may release", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.semaphore(1, { name: "rooms" });
    await semaphore.acquire();
    const waiting = mp.semaphore(1, { name: "rooms" }).acquire();
    await inLine(semaphore, 1);
    await other.run(({ mp: theirs }) => theirs.semaphore(1, { name: "rooms" }).release());
    expect(await waiting).toBe(true);
    expect(await semaphore.getValue()).toBe(0);
  });

  test("S7: first come, first served, also for a large request, which is not overtaken", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.semaphore(2, { name: "rooms" });
    const order: string[] = [];
    await semaphore.acquire({ permits: 2 });
    const large = semaphore.acquire({ permits: 2 }).then(() => order.push("large"));
    await inLine(semaphore, 1);
    const small = other
      .run(({ mp: theirs }) => theirs.semaphore(2, { name: "rooms" }).acquire())
      .then(() => order.push("small"));
    await inLine(semaphore, 2);
    await semaphore.release();
    expect(await semaphore.getValue()).toBe(1);
    // One permit is free, but the first in the line wants two.
    expect(await semaphore.acquire(false)).toBe(false);
    expect(await semaphore.acquire({ timeout: 30 })).toBe(false);
    expect(order).toEqual([]);
    await inLine(semaphore, 2);
    expect((await semaphore.inspect()).waiters.map(({ permits }) => permits)).toEqual([2, 1]);
    await semaphore.release();
    await large;
    expect(order).toEqual(["large"]);
    await semaphore.release();
    await small;
    expect(order).toEqual(["large", "small"]);
  });

  test("S7: one release of several permits lets as many go on as it is enough for, in their order", async () => {
    const { mp } = await world.open();
    const semaphore = mp.semaphore(0);
    const granted: number[] = [];
    const wants = [1, 2, 1, 3, 1];
    const waits = wants.map(async (permits, index) => {
      await until(async () => (await semaphore.inspect()).waiters.length === index);
      await semaphore.acquire({ permits });
      granted.push(index);
    });
    await inLine(semaphore, 5);
    await semaphore.release(6);
    await Promise.all(waits.slice(0, 3));
    expect(granted.toSorted()).toEqual([0, 1, 2]);
    expect(await semaphore.getValue()).toBe(2);
    expect((await semaphore.inspect()).waiters.map(({ permits }) => permits)).toEqual([3, 1]);
    await semaphore.release(2);
    await Promise.all(waits);
    expect(await semaphore.getValue()).toBe(0);
  });

  test("D6: all free permits can be taken at once, and there is no limit to how many are added", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.semaphore(5, { name: "rooms" });
    await semaphore.acquire({ permits: 2 });
    expect(await other.run(({ mp: theirs }) => theirs.semaphore(5, { name: "rooms" }).drain())).toBe(3);
    expect(await semaphore.drain()).toBe(0);
    const waiting = semaphore.acquire({ permits: 4 });
    await inLine(semaphore, 1);
    await semaphore.release(3);
    expect(await semaphore.getValue()).toBe(3);
    await semaphore.release(7);
    expect(await waiting).toBe(true);
    expect(await semaphore.drain()).toBe(6);
    expect(await semaphore.getValue()).toBe(0);
  });

  test("S6: permits taken with hold are leased, come back with the scope, and are shown with their holder", async () => {
    const { mp, other } = await world.open();
    const semaphore = mp.semaphore(3, { name: "rooms" });
    const held = await semaphore.hold({ permits: 2 });
    expect(held).toMatchObject({ permits: 2, isHeld: true });
    expect(held.signal.aborted).toBe(false);
    expect(await semaphore.acquire({ permits: 2, block: false })).toBe(false);
    const state = await other.run(({ mp: theirs }) => theirs.semaphore(3, { name: "rooms" }).inspect());
    expect(state).toMatchObject({ name: "rooms", value: 1, initial: 3, bounded: false, waiters: [] });
    expect(state.holders).toMatchObject([{ pid: process.pid, permits: 2, isAlive: true, task: null }]);
    expect(state.holders[0]?.leaseLeft).toBeGreaterThan(10_000);
    await held.release();
    await held.release();
    expect(held.isHeld).toBe(false);
    expect(await semaphore.getValue()).toBe(3);
    {
      await using _scope = await semaphore.hold({ permits: 3 });
      expect(await semaphore.getValue()).toBe(0);
    }
    expect(await semaphore.getValue()).toBe(3);
    const failing = semaphore.run(() => {
      throw new TypeError("inside");
    });
    await expect(failing).rejects.toThrow("inside");
    expect(await semaphore.run((own) => own.isHeld, { permits: 3, timeout: 1_000 })).toBe(true);
    expect(await semaphore.inspect()).toMatchObject({ value: 3, holders: [] });
  });

  test("a second program with another value uses the semaphore that is there, and is warned once", async () => {
    const { mp, options } = await world.open();
    await mp.semaphore(3, { name: "rooms" }).acquire();
    const { connect } = await import("@manyhands/core");
    const warnings: string[] = [];
    const logger = { info() {}, warn: (text: string) => void warnings.push(text), error() {} };
    await using second = await connect({ ...options, logger });
    expect(await second.semaphore(5, { name: "rooms" }).getValue()).toBe(2);
    expect(await second.semaphore(7, { name: "rooms" }).getValue()).toBe(2);
    expect(await second.boundedSemaphore(3, { name: "rooms" }).getValue()).toBe(2);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('"rooms" exists already');
    expect(await second.semaphore(3, { name: "others" }).getValue()).toBe(3);
    expect(warnings).toHaveLength(1);
  });

  test("a handle that is sent elsewhere is the same semaphore, bounded or not", async () => {
    const { mp, other } = await world.open();
    const [plain, bounded] = [mp.semaphore(1), mp.boundedSemaphore(2)];
    // Who makes unnamed objects is known to be alive before a task or a message is sent; here only this test sees to it.
    await mp.semaphore(1, { name: "first" }).getValue();
    const names = await other.run(
      async (_scope, one, two) => {
        await one.acquire();
        await two.acquire({ permits: 2 });
        return [one.constructor.name, two.constructor.name];
      },
      plain,
      bounded,
    );
    expect(names).toEqual(["Semaphore", "BoundedSemaphore"]);
    expect(await plain.getValue()).toBe(0);
    expect(await plain.acquire(false)).toBe(false);
    await bounded.release(2);
    await expect(bounded.release()).rejects.toThrow(ValueError);
  });

  test("a wait ends with its signal and leaves no waiter behind, and the one behind it goes on", async () => {
    const { mp } = await world.open();
    const semaphore = mp.semaphore(1);
    const abortion = new AbortController();
    const large = semaphore.acquire({ permits: 2, signal: abortion.signal });
    await inLine(semaphore, 1);
    const small = semaphore.acquire();
    await inLine(semaphore, 2);
    abortion.abort(new Error("enough"));
    await expect(large).rejects.toThrow("enough");
    expect(await small).toBe(true);
    await inLine(semaphore, 0);
    expect(await semaphore.getValue()).toBe(0);
  });

  test("U11: a handle whose semaphore was removed says so once, then makes it anew", async () => {
    const { mp, options } = await world.open();
    const semaphore = mp.semaphore(2, { name: "rooms" });
    const held = await semaphore.hold();
    const { openRedis } = await import("@manyhands/core/internal");
    const client = openRedis(options.redis, { name: "test" });
    const keys = ["", "-holders", "-sessions"].map((part) => `{${options.namespace}}/semaphore${part}/rooms`);
    expect(await client.del(...keys)).toBe(3);
    client.disconnect();
    await expect(semaphore.acquire(false)).rejects.toThrow(StateLostError);
    await expect(held.release()).rejects.toThrow(LockLostError);
    expect(held.signal.aborted).toBe(true);
    expect(await semaphore.getValue()).toBe(2);
  });

  test("an unnamed semaphore is gone with its maker, to the last key", async () => {
    const { mp, other, options } = await world.open();
    const name = await other.run(async ({ core, mp: theirs }, settings) => {
      const maker = await core.connect(settings);
      const semaphore = maker.semaphore(3);
      await semaphore.acquire();
      await semaphore.hold();
      await maker.close();
      void theirs;
      return semaphore.name;
    }, options);
    const { openRedis } = await import("@manyhands/core/internal");
    const client = openRedis(options.redis, { name: "test" });
    const kept = mp.semaphore(1);
    await kept.acquire();
    for (const part of ["", "-holders", "-waiters", "-requests", "-called", "-sessions"]) {
      expect(await client.exists(`{${options.namespace}}/semaphore${part}/${name}`)).toBe(0);
    }
    expect(await client.zrange(`{${options.namespace}}/objects`, "0", "-1")).toEqual([`semaphore/${kept.name}`]);
    client.disconnect();
  });
});
