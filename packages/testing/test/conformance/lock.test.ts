import { type Lock, LockLostError, TimeoutError, ValueError } from "@manyhands/core";
import { inEveryWorld, until } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

inEveryWorld((world) => {
  describe("a lock", () => {
    test("L1: acquire is true, one more try false without waiting, also for the holder; release returns nothing", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock("door");
      expect(await lock.acquire()).toBe(true);
      expect(await lock.acquire(false)).toBe(false);
      expect(await lock.acquire({ block: false, timeout: 60_000 })).toBe(false);
      expect(await other.run(({ mp: theirs }) => theirs.lock("door").acquire(false))).toBe(false);
      expect(await lock.release()).toBeUndefined();
      expect(await other.run(({ mp: theirs }) => theirs.lock("door").acquire(false))).toBe(true);
    });

    test("L2: release of a lock that is not held is a ValueError", async () => {
      const { mp } = await world.open();
      const lock = mp.lock();
      await expect(lock.release()).rejects.toThrow(ValueError);
      await lock.acquire();
      await lock.release();
      await expect(lock.release()).rejects.toThrow("cannot be released, because it is not held");
    });

    test("L3: acquire with a timeout is false after it and not before; 0 and less mean one try", async () => {
      const { mp, other } = await world.open();
      await other.run(({ mp: theirs }) => theirs.lock("taken").acquire());
      const lock = mp.lock("taken");
      const started = performance.now();
      expect(await lock.acquire({ timeout: 250 })).toBe(false);
      expect(performance.now() - started).toBeGreaterThanOrEqual(249);
      for (const timeout of [0, -1]) expect(await lock.acquire({ timeout })).toBe(false);
      await expect(lock.acquire({ timeout: "soon" as never })).rejects.toThrow(ValueError);
      expect((await lock.inspect()).waiters).toEqual([]);
    });

    test("L4: a process that acquired nothing may release the present holder's lock", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock("shared");
      await lock.acquire();
      await other.run(({ mp: theirs }) => theirs.lock("shared").release());
      expect(await lock.locked()).toBe(false);
    });

    test("L4: a handle that acquired releases only its own: a lost lock is never taken from its successor", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock("passed on");
      await lock.acquire();
      await other.run(async ({ mp: theirs }) => {
        await theirs.lock("passed on").release();
        await theirs.lock("passed on").acquire();
      });
      await expect(lock.release()).rejects.toThrow(LockLostError);
      expect(await lock.locked()).toBe(true);
    });

    test("L4: a handle that lost what it acquired, or has released it, never frees the lock of another holder", async () => {
      const { mp, other } = await world.open();
      const passOn = (name: string): Promise<boolean> =>
        other.run(({ mp: theirs }, lost: string) => theirs.lock(lost).release(), name).then(() => takenThere(name));
      const takenThere = (name: string): Promise<boolean> =>
        other.run(({ mp: theirs }, theirName: string) => theirs.lock(theirName).acquire(), name);
      const ways = {
        acquire: (lock: Lock) => lock.acquire(),
        hold: (lock: Lock) => lock.hold(),
        takeOver: async (lock: Lock) => lock.takeOver(await (await mp.lock(lock.name).hold()).handOver()),
      };
      for (const [name, way] of Object.entries(ways)) {
        const lock = mp.lock(name);
        await way(lock);
        await passOn(name);
        for (let times = 0; times < 3; times += 1) await expect(lock.release(), name).rejects.toThrow(LockLostError);
        expect(await lock.locked(), name).toBe(true);
      }
      const done = mp.lock("done");
      await done.acquire();
      await done.release();
      await takenThere("done");
      await expect(done.release()).rejects.toThrow("this handle no longer holds it");
      expect(await done.locked()).toBe(true);
      const given = mp.lock("given");
      const held = await given.hold();
      await other.run(
        async ({ mp: theirs }, ticket) => void (await theirs.lock("given").takeOver(ticket)),
        await held.handOver(),
      );
      await expect(given.release()).rejects.toThrow(ValueError);
      expect(await given.locked()).toBe(true);
    });

    test("L4: release gives back what hold of the same handle got", async () => {
      const { mp } = await world.open();
      const lock = mp.lock("own");
      {
        await using held = await lock.hold();
        const { signal } = held;
        await lock.release();
        expect([held.isHeld, signal.aborted]).toEqual([false, false]);
      }
      expect(await lock.locked()).toBe(false);
    });

    test("L4: a program that lost a lock does not free the lock of another holder with a new handle", async () => {
      const { mp, other } = await world.open();
      const passOn = (name: string): Promise<void> =>
        other.run(async ({ mp: theirs }, lost) => {
          await theirs.lock(lost).release();
          await theirs.lock(lost).acquire();
        }, name);
      // Found by the release itself.
      await mp.lock("found").acquire();
      await passOn("found");
      await expect(mp.lock("found").release()).rejects.toThrow(LockLostError);
      expect(await mp.lock("found").locked()).toBe(true);
      // Found by a renewal before.
      const acquirer = mp.lock("renewed");
      await acquirer.acquire();
      await passOn("renewed");
      await until(() => acquirer.held?.isHeld === false, { what: "the loss is noticed" });
      const standIn = mp.lock("renewed");
      for (let times = 0; times < 2; times += 1) await expect(standIn.release()).rejects.toThrow(LockLostError);
      expect(await mp.lock("renewed").locked()).toBe(true);
      // That is settled now: another handle that has acquired nothing releases any lock.
      await mp.lock("renewed").release();
      expect(await mp.lock("renewed").locked()).toBe(false);
    });

    test("L4: what a program acquired after a loss is released, also with a new handle", async () => {
      const { mp, other } = await world.open();
      await mp.lock("again").acquire();
      await other.run(({ mp: theirs }) => theirs.lock("again").release());
      await mp.lock("again").acquire();
      await mp.lock("again").release();
      expect(await mp.lock("again").locked()).toBe(false);
    });

    test("L4: a holder learns at once that its program has released the lock with another handle", async () => {
      const { mp } = await world.open();
      const held = await mp.lock("both").hold();
      const { signal } = held;
      await mp.lock("both").release();
      expect([held.isHeld, signal.aborted]).toEqual([false, true]);
      expect(signal.reason).toBeInstanceOf(LockLostError);
      expect(await mp.lock("both").locked()).toBe(false);
    });

    test("L5: locked is seen from every process", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock("seen");
      const seen = (): Promise<boolean> => other.run(({ mp: theirs }) => theirs.lock("seen").locked());
      expect(await seen()).toBe(false);
      await lock.acquire();
      expect(await seen()).toBe(true);
      await lock.release();
      expect(await seen()).toBe(false);
    });

    test("L6: a scope holds the lock and gives it back, also after an error", async () => {
      const { mp } = await world.open();
      const lock = mp.lock();
      {
        await using held = await lock.hold();
        expect(held.isHeld).toBe(true);
        expect(held.signal.aborted).toBe(false);
        expect(await lock.locked()).toBe(true);
      }
      expect(await lock.locked()).toBe(false);
      await expect(
        lock.run(async ({ fence }) => {
          expect(fence).toBeGreaterThan(0);
          throw new RangeError("inside");
        }),
      ).rejects.toThrow(RangeError);
      expect(await lock.locked()).toBe(false);
      expect(await lock.run(() => 42)).toBe(42);
    });

    test("hold that is not granted in time throws a TimeoutError; a signal ends the wait with its reason", async () => {
      const { mp, other } = await world.open();
      await other.run(({ mp: theirs }) => theirs.lock("busy").acquire());
      const lock = mp.lock("busy");
      await expect(lock.hold({ timeout: 50 })).rejects.toThrow(TimeoutError);
      const abortion = new AbortController();
      const waiting = lock.acquire({ signal: abortion.signal });
      await until(async () => (await lock.inspect()).waiters.length === 1, { what: "it waits" });
      abortion.abort(new RangeError("enough"));
      await expect(waiting).rejects.toThrow("enough");
      await until(async () => (await lock.inspect()).waiters.length === 0, { what: "its place is given up" });
      await expect(lock.acquire({ signal: AbortSignal.abort(new RangeError("before")) })).rejects.toThrow("before");
    });

    test("L8: inspect tells the holder, the fence, the lease left and the waiters in order", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock("watched");
      const before = { locked: false, holder: null, leaseLeft: 0, usualHold: null, waiters: [] };
      expect(await lock.inspect()).toMatchObject(before);
      const heldAt = performance.now();
      const held = await lock.hold();
      const pid = await other.run(({ mp: theirs, kept }) => {
        kept.set("waiting", theirs.lock("watched").hold());
        return process.pid;
      });
      await until(async () => (await lock.inspect()).waiters.length === 1, { what: "there is a waiter" });
      const state = await lock.inspect();
      expect(state).toMatchObject({ locked: true, fence: held.fence, count: 1, name: "watched" });
      expect(state.holder).toMatchObject({ pid: process.pid, host: null, task: null, isAlive: true });
      expect(state.leaseLeft).toBeGreaterThan(20_000);
      expect(state.waiters.map((waiter) => waiter.pid)).toEqual([pid]);
      await held.release();
      const longest = performance.now() - heldAt;
      await other.run(async ({ kept }) => void (await kept.get("waiting")));
      const next = await lock.inspect();
      expect(next.holder?.pid).toBe(pid);
      expect(next.usualHold).toBeGreaterThanOrEqual(0);
      expect(next.usualHold).toBeLessThanOrEqual(Math.ceil(longest) + 5);
    });

    test("fences grow with every acquisition, by any process", async () => {
      const { mp, other } = await world.open();
      const fences: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        fences.push(await mp.lock("counted").run(({ fence }) => fence));
        fences.push(await other.run(({ mp: theirs }) => theirs.lock("counted").run(({ fence }) => fence)));
      }
      expect(fences).toEqual([...new Set(fences)].sort((left, right) => left - right));
    });

    test("first come, first served", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock("line");
      await lock.acquire();
      const turns: Promise<number>[] = [];
      for (let place = 0; place < 6; place += 1) {
        const take = (): Promise<number> => mp.lock("line").run(({ fence }) => fence);
        const takeThere = (): Promise<number> =>
          other.run(({ mp: theirs }) => theirs.lock("line").run(({ fence }) => fence));
        turns.push(place % 2 === 0 ? take() : takeThere());
        await until(async () => (await lock.inspect()).waiters.length === place + 1, { what: `${place + 1} wait` });
      }
      await lock.release();
      const fences = await Promise.all(turns);
      expect(fences).toEqual([...fences].sort((left, right) => left - right));
    });

    test("a held lock is handed over: no other process gets it in between, the taker has a larger fence", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock("relay");
      const held = await lock.hold();
      const waiting = lock.acquire();
      const ticket = await held.handOver();
      const fence = await other.run(async ({ mp: theirs, kept }, given: string) => {
        const taken = await theirs.lock("relay").takeOver(given);
        kept.set("taken", taken);
        return taken.fence;
      }, ticket);
      expect(fence).toBeGreaterThan(held.fence);
      expect((await lock.inspect()).fence).toBe(fence);
      await expect(lock.takeOver(ticket)).rejects.toThrow(LockLostError);
      await other.run(({ kept }) => (kept.get("taken") as { release(): Promise<void> }).release());
      expect(await waiting).toBe(true);
    });

    test("an unnamed lock travels as an argument and vanishes with its maker", async () => {
      const { mp, other } = await world.open();
      const lock = mp.lock();
      expect(await other.run((_scope, theirs: { acquire(): Promise<boolean> }) => theirs.acquire(), lock)).toBe(true);
      expect(await lock.acquire(false)).toBe(false);
      await mp.close();
      const left = (): Promise<boolean> =>
        other.run(({ mp: theirs }, name: string) => theirs.lock(name).locked(), lock.name);
      expect(await left()).toBe(false);
    });

    test("a lock that is released twice at the same time is released once, and not lost", async () => {
      const { mp } = await world.open();
      const held = await mp.lock("twice").hold();
      const { signal } = held;
      expect(await Promise.all([held.release(), held.release()])).toEqual([undefined, undefined]);
      expect(signal.aborted).toBe(false);
      expect(await mp.lock("twice").locked()).toBe(false);
    });

    test("what is no ticket takes over nothing, also when the lock is free", async () => {
      const { mp } = await world.open();
      const lock = mp.lock("free");
      for (const ticket of ["", undefined, null, 7]) {
        await expect(lock.takeOver(ticket as never), String(ticket)).rejects.toThrow(ValueError);
      }
      expect(await lock.locked()).toBe(false);
    });

    test("bad names and leases are refused", async () => {
      const { mp } = await world.open();
      for (const name of ["", "two\nlines", 7, "x".repeat(201)]) {
        expect(() => mp.lock(name as string)).toThrow(ValueError);
      }
      for (const lease of [0, 99, 1.5, "x", 2 ** 31, 1e300]) {
        expect(() => mp.lock({ lease: lease as number })).toThrow(ValueError);
      }
    });
  });
});
