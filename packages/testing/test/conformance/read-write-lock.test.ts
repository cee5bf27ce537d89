import { type ReadWriteLock, type ReadWriteLockSide, TimeoutError, ValueError } from "@manyhands/core";
import { inEveryWorld, until } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

inEveryWorld((world) => {
  describe("a read-write lock", () => {
    test("D5: many readers at once, a writer alone", async () => {
      const { mp, other } = await world.open();
      const lock = mp.readWriteLock("page");
      const [reading, writing] = [lock.readLock(), lock.writeLock()];
      expect(await reading.acquire()).toBe(true);
      expect(await reading.acquire()).toBe(true);
      expect(await other.run(({ mp: theirs }) => theirs.readWriteLock("page").readLock().acquire(false))).toBe(true);
      expect(await writing.acquire(false)).toBe(false);
      expect(await other.run(({ mp: theirs }) => theirs.readWriteLock("page").writeLock().acquire(false))).toBe(false);
      expect(await reading.locked()).toBe(true);
      expect(await writing.locked()).toBe(false);
      expect((await lock.inspect()).readers).toHaveLength(3);
    });

    test("D5: a writer keeps out readers and writers, and its fence grows", async () => {
      const { mp, other } = await world.open();
      const lock = mp.readWriteLock("page");
      const first = await lock.writeLock().hold();
      expect(await lock.readLock().acquire(false)).toBe(false);
      expect(await lock.writeLock().acquire({ timeout: 0 })).toBe(false);
      expect(await other.run(({ mp: theirs }) => theirs.readWriteLock("page").readLock().acquire(false))).toBe(false);
      expect(await lock.writeLock().locked()).toBe(true);
      expect(await lock.readLock().locked()).toBe(false);
      await first.release();
      const fence = await other.run(({ mp: theirs }) =>
        theirs
          .readWriteLock("page")
          .writeLock()
          .run(({ fence: given }) => given),
      );
      expect(fence).toBeGreaterThan(first.fence ?? Number.POSITIVE_INFINITY);
      expect((await lock.readLock().hold()).fence).toBeNull();
    });

    test("D5: first come, first served: readers do not overtake a writer that waits, and go on together", async () => {
      const { mp, other } = await world.open();
      const lock = mp.readWriteLock("line");
      const order: string[] = [];
      const enter = async (side: ReadWriteLockSide, name: string): Promise<void> => {
        const place = (await lock.inspect()).waiters.length + 1;
        entered.push(
          side.run(async () => {
            order.push(name);
            if (name.startsWith("read")) await until(() => order.length >= 3, { what: "both readers are in" });
          }),
        );
        await until(async () => (await lock.inspect()).waiters.length === place, { what: `${place} wait` });
      };
      const entered: Promise<void>[] = [];
      const reader = await lock.readLock().hold();
      await enter(lock.writeLock(), "writer 1");
      await enter(lock.readLock(), "reader 1");
      await enter(lock.readLock(), "reader 2");
      await enter(lock.writeLock(), "writer 2");
      expect(await other.run(({ mp: theirs }) => theirs.readWriteLock("line").readLock().acquire(false))).toBe(false);
      expect((await lock.inspect()).waiters.map(({ mode }) => mode)).toEqual(["write", "read", "read", "write"]);
      await reader.release();
      await Promise.all(entered);
      expect([order[0], order.slice(1, 3).sort(), order[3]]).toEqual([
        "writer 1",
        ["reader 1", "reader 2"],
        "writer 2",
      ]);
      expect(await lock.inspect()).toMatchObject({ writer: null, readers: [], waiters: [] });
    });

    test("a wait ends at its timeout or with its signal, and leaves nothing behind", async () => {
      const { mp, other } = await world.open();
      await other.run(({ mp: theirs }) => theirs.readWriteLock("busy").writeLock().acquire());
      const lock = mp.readWriteLock("busy");
      const started = performance.now();
      expect(await lock.readLock().acquire({ timeout: 150 })).toBe(false);
      expect(performance.now() - started).toBeGreaterThanOrEqual(149);
      await expect(lock.writeLock().hold({ timeout: 20 })).rejects.toThrow(TimeoutError);
      const abortion = new AbortController();
      const waiting = lock.writeLock().acquire({ signal: abortion.signal });
      await until(async () => (await lock.inspect()).waiters.length === 1, { what: "it waits" });
      abortion.abort(new RangeError("enough"));
      await expect(waiting).rejects.toThrow("enough");
      await until(async () => (await lock.inspect()).waiters.length === 0, { what: "its place is given up" });
    });

    test("a writer that gives up lets the readers behind it go on", async () => {
      const { mp, other } = await world.open();
      const lock = mp.readWriteLock("passed");
      await other.run(({ mp: theirs }) => theirs.readWriteLock("passed").readLock().acquire());
      const writer = lock.writeLock().acquire({ timeout: 1_500 });
      await until(async () => (await lock.inspect()).waiters.length === 1, { what: "a writer waits" });
      const reader = lock.readLock().acquire({ timeout: 10_000 });
      expect(await writer).toBe(false);
      expect(await reader).toBe(true);
    });

    test("release is the acquirer's: another handle gets a ValueError, a second release too", async () => {
      const { mp } = await world.open();
      const lock = mp.readWriteLock();
      const [mine, another] = [lock.writeLock(), lock.writeLock()];
      await mine.acquire();
      await expect(another.release()).rejects.toThrow(ValueError);
      await mine.release();
      await expect(mine.release()).rejects.toThrow("does not hold it");
    });

    test("a scope gives it back, also after an error", async () => {
      const { mp } = await world.open();
      const lock = mp.readWriteLock();
      {
        await using held = await lock.readLock().hold();
        expect(held).toMatchObject({ isHeld: true, mode: "read" });
        expect(held.signal.aborted).toBe(false);
      }
      await expect(lock.writeLock().run(() => Promise.reject(new RangeError("inside")))).rejects.toThrow(RangeError);
      expect(await lock.inspect()).toMatchObject({ writer: null, readers: [] });
    });

    test("inspect tells holders, since when, the lease left, the fence and who waits", async () => {
      const { mp, other } = await world.open();
      const lock = mp.readWriteLock("watched");
      expect(await lock.inspect()).toEqual({ name: "watched", writer: null, readers: [], fence: null, waiters: [] });
      const held = await lock.writeLock().hold();
      const pid = await other.run(({ mp: theirs, kept }) => {
        kept.set("waiting", theirs.readWriteLock("watched").readLock().hold());
        return process.pid;
      });
      await until(async () => (await lock.inspect()).waiters.length === 1, { what: "there is a waiter" });
      const state = await lock.inspect();
      expect(state.writer).toMatchObject({ pid: process.pid, isAlive: true, task: null });
      expect(state.writer?.leaseLeft).toBeGreaterThan(15_000);
      expect(state).toMatchObject({ fence: held.fence, waiters: [{ pid, mode: "read" }] });
      await held.release();
      await other.run(async ({ kept }) => void (await kept.get("waiting")));
      expect((await lock.inspect()).readers).toMatchObject([{ pid }]);
    });

    test("the lock and its sides travel as arguments and arrive live", async () => {
      const { mp, other } = await world.open();
      const lock = mp.readWriteLock();
      const seen = await other.run(
        async (_, both: ReadWriteLock, writing: ReadWriteLockSide) => {
          const granted = await writing.acquire(false);
          return [granted, writing.mode, await both.readLock().acquire(false)];
        },
        lock,
        lock.writeLock(),
      );
      expect(seen).toEqual([true, "write", false]);
      expect(await lock.readLock().acquire(false)).toBe(false);
    });

    test("bad names are refused", async () => {
      const { mp } = await world.open();
      expect(() => mp.readWriteLock("")).toThrow(ValueError);
    });
  });
});
