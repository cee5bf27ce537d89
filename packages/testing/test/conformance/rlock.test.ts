import { AssertionError, LockLostError, TimeoutError, withOwner } from "@manyhands/core";
import { inEveryWorld, testDistance, until } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

inEveryWorld((world) => {
  describe("an rlock", () => {
    test("R1: its owner acquires it several times at once and releases it as often; free after the last", async () => {
      const { mp, other } = await world.open();
      const rlock = mp.rlock("tree");
      const theirTry = (): Promise<boolean> =>
        other.run(async ({ mp: theirs }) => {
          const got = await theirs.rlock("tree").acquire(false);
          if (got) await theirs.rlock("tree").release();
          return got;
        });
      for (let count = 1; count <= 3; count += 1) {
        expect(await rlock.acquire()).toBe(true);
        expect((await rlock.inspect()).count).toBe(count);
      }
      for (let count = 2; count >= 0; count -= 1) {
        expect(await theirTry()).toBe(false);
        expect(await rlock.release()).toBeUndefined();
        expect((await rlock.inspect()).count).toBe(count);
      }
      expect(await rlock.locked()).toBe(false);
      expect(await theirTry()).toBe(true);
    });

    test("R2: release when it is free, or by another owner, is an AssertionError and changes nothing", async () => {
      const { mp, other } = await world.open();
      const rlock = mp.rlock("mine");
      await expect(rlock.release()).rejects.toThrow(AssertionError);
      await rlock.acquire();
      await expect(other.run(({ mp: theirs }) => theirs.rlock("mine").release())).rejects.toThrow(AssertionError);
      expect(await rlock.locked()).toBe(true);
      await rlock.release();
      await expect(rlock.release()).rejects.toThrow("does not own it");
    });

    test("R2: one try is true for the owner and false for others", async () => {
      const { mp, other } = await world.open();
      const rlock = mp.rlock("tried");
      const theirTry = (): Promise<boolean> => other.run(({ mp: theirs }) => theirs.rlock("tried").acquire(false));
      await rlock.acquire();
      expect(await rlock.acquire(false)).toBe(true);
      expect(await rlock.acquire({ timeout: 0 })).toBe(true);
      expect(await theirTry()).toBe(false);
      await expect(other.run(({ mp: theirs }) => theirs.rlock("tried").hold({ timeout: 20 }))).rejects.toThrow(
        TimeoutError,
      );
    });

    test("R3: several handles are one ownership; withOwner excludes the rest of the program, through the same handle, too", async () => {
      const { mp } = await world.open();
      const rlock = mp.rlock("whose");
      await rlock.acquire();
      expect(await mp.rlock("whose").acquire(false)).toBe(true);
      await mp.rlock("whose").release();
      await withOwner(async () => {
        expect(await rlock.acquire(false)).toBe(false);
        expect(rlock.held).toBeUndefined();
        await expect(rlock.release()).rejects.toThrow(AssertionError);
        await withOwner(async () => expect(await rlock.acquire(false)).toBe(false));
      });
      expect(rlock.held?.isHeld).toBe(true);
      await rlock.release();

      // Sub-owners take turns: no two are inside at once.
      let inside = 0;
      let most = 0;
      await Promise.all(
        Array.from({ length: 5 }, () =>
          withOwner(() =>
            rlock.run(async () => {
              inside += 1;
              most = Math.max(most, inside);
              await rlock.run(() => new Promise((resolve) => setImmediate(resolve)));
              inside -= 1;
            }),
          ),
        ),
      );
      expect(most).toBe(1);
      expect(await rlock.locked()).toBe(false);
    });

    test("R3: calls of one owner at the same time are one ownership, and do not wait for each other", async () => {
      const { mp, other } = await world.open();
      const rlock = mp.rlock("together");
      await other.run(({ mp: theirs }) => theirs.rlock("together").acquire());
      const acquired = Promise.all([
        rlock.acquire(),
        rlock.acquire({ timeout: 20_000 }),
        rlock.acquire({ timeout: 30 }),
      ]);
      await until(async () => (await rlock.inspect()).waiters.length === 1, { what: "one waiter for all three" });
      await new Promise((resolve) => setTimeout(resolve, 60));
      await other.run(({ mp: theirs }) => theirs.rlock("together").release());
      expect(await acquired).toEqual([true, true, false]);
      expect((await rlock.inspect()).count).toBe(2);
      await rlock.release();
      await rlock.release();
      expect(await rlock.locked()).toBe(false);
    });

    test("R3: what an owner still holds when it ends is released", async () => {
      const { mp } = await world.open();
      const rlock = mp.rlock("left behind");
      await withOwner(async () => {
        await rlock.acquire();
        await rlock.acquire();
      });
      expect(await rlock.locked()).toBe(false);
      expect(await rlock.acquire(false)).toBe(true);
    });

    test("R3: an owner that ends while it waits for the lock, or releases it for a condition's wait, does not get it any more", async () => {
      const { mp, other } = await world.open();
      const rlock = mp.rlock("late");
      await rlock.acquire();
      const waiting = await withOwner(async () => {
        const acquired = rlock.acquire();
        await until(async () => (await rlock.inspect()).waiters.length === 1, { what: "it waits" });
        return { acquired };
      });
      await rlock.release();
      expect(await waiting.acquired).toBe(false);
      const condition = mp.condition(rlock, "late");
      const sleeping = await withOwner(async () => {
        await condition.acquire();
        const woken = condition.wait();
        await until(async () => (await condition.inspect()).sleepers.length === 1, { what: "it waits" });
        return { woken };
      });
      await condition.acquire();
      await condition.notify();
      await condition.release();
      expect(await sleeping.woken).toBe(true);
      const taken = await other.run(({ mp: theirs }) => theirs.rlock("late").acquire({ timeout: 10_000 }));
      expect(taken).toBe(true);
    });

    test("R4: acquiring again neither shortens the lease nor issues another fence; the next owner has a larger one", async () => {
      const { mp, other } = await world.open();
      const rlock = mp.rlock("fenced");
      await using outer = await rlock.hold();
      const { leaseLeft, fence } = await rlock.inspect();
      expect(outer.fence).toBe(fence);
      {
        await using inner = await rlock.hold();
        const again = await rlock.inspect();
        expect(inner.fence).toBe(outer.fence);
        expect(again.fence).toBe(fence);
        // It only went on running; nothing set it anew, unless Redis is so far away that a renewal came between.
        expect(again.leaseLeft).toBeLessThanOrEqual(testDistance() > 0 ? 30_000 : (leaseLeft ?? 0));
        expect(again.leaseLeft).toBeGreaterThan(leaseLeft - 5_000);
        expect(inner.leaseLeft).toBeGreaterThan(20_000);
      }
      expect(outer.isHeld).toBe(true);
      await outer.release();
      await outer.release();
      const theirs = await other.run(async ({ mp: theirMp }) => (await theirMp.rlock("fenced").hold()).fence);
      expect(theirs).toBeGreaterThan(fence ?? 0);
    });

    test("L4: an owner that lost it is told at every level, and never frees its successor's lock", async () => {
      const { mp, other, options } = await world.open();
      const rlock = mp.rlock("taken away");
      await rlock.acquire();
      await rlock.acquire();
      // when another program removes it, and another owner takes it
      await other.run(async ({ mp: theirs }, namespace: string) => {
        const { client } = (
          theirs.rlock("x") as unknown as { runtime: { client: { del(key: string): Promise<number> } } }
        ).runtime;
        await client.del(`{${namespace}}/rlock/taken away`);
        await theirs.rlock("taken away").acquire();
      }, options.namespace as string);
      await expect(rlock.acquire(false)).rejects.toThrow(LockLostError);
      await expect(rlock.release()).rejects.toThrow(LockLostError);
      await expect(rlock.release()).rejects.toThrow(LockLostError);
      await expect(rlock.release()).rejects.toThrow(AssertionError);
      expect(await rlock.locked()).toBe(true);
      expect(await rlock.acquire(false)).toBe(false);
    });

    test("L5, L8: locked and inspect show every process who holds it, how often, and who waits", async () => {
      const { mp, other } = await world.open();
      const rlock = mp.rlock("shown");
      expect(await rlock.inspect()).toMatchObject({
        name: "shown",
        locked: false,
        holder: null,
        count: 0,
        fence: null,
      });
      await rlock.acquire();
      await rlock.acquire();
      const seen = await other.run(({ mp: theirs }) => theirs.rlock("shown").inspect());
      expect(seen).toMatchObject({ locked: true, count: 2, waiters: [], holder: { pid: process.pid, task: null } });
      expect(await other.run(({ mp: theirs }) => theirs.rlock("shown").locked())).toBe(true);
      // A lock of the same name is another object.
      expect(await mp.lock("shown").locked()).toBe(false);
    });

    test("L6: run releases it after an error as well", async () => {
      const { mp } = await world.open();
      const rlock = mp.rlock();
      await expect(
        rlock.run(() => {
          throw new Error("inside");
        }),
      ).rejects.toThrow("inside");
      expect(await rlock.locked()).toBe(false);
    });
  });
});
