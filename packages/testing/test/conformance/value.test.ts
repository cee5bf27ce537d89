import { AttributeError, IndexError, LockLostError, type TypeCode, ValueError, type ValueProxy } from "@manyhands/core";
import { inEveryWorld } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

inEveryWorld((world) => {
  describe("a value", () => {
    test("V1: typed by its code, 0 at first; what another process writes is seen", async () => {
      const { mp, other } = await world.open();
      const initial = { i: 4343, d: 3.625, h: -232, q: 2n ** 33n, c: "x" } as const;
      for (const type of Object.keys(initial) as (keyof typeof initial)[]) {
        const value = mp.value(type, initial[type] as never) as unknown as ValueProxy;
        expect(await value.get()).toBe(initial[type]);
        const written = { i: 24234, d: -4.25, h: 234, q: 2n ** 34n, c: "y" }[type];
        await other.run(async (_scope, theirs: ValueProxy, next: never) => theirs.set(next), value, written as never);
        expect(await value.get()).toBe(written);
      }
      expect([await mp.value("i").get(), await mp.value("Q").get(), await mp.value("d").get()]).toEqual([0, 0n, 0]);
    });

    test("V2: an unknown type and a value of another type are TypeErrors; integers wrap as in C", async () => {
      const { mp } = await world.open();
      expect(() => mp.value("x" as TypeCode)).toThrow(TypeError);
      for (const [type, wrong] of [
        ["i", 1.5],
        ["i", "1"],
        ["d", 1n],
        ["c", "xy"],
        ["q", 0.5],
      ] as const) {
        expect(() => mp.value(type, wrong as never)).toThrow(TypeError);
        await expect(mp.value<TypeCode>(type).set(wrong as never)).rejects.toThrow(TypeError);
      }
      const wrapped = [
        ["i", 2 ** 31, -(2 ** 31)],
        ["B", -1, 255],
        ["h", 40_000, -25_536],
        ["I", -1, 2 ** 32 - 1],
      ] as const;
      for (const [type, given, kept] of wrapped) expect(await mp.value(type, given).get()).toBe(kept);
      expect(await mp.value("q", 2n ** 63n).get()).toBe(-(2n ** 63n));
      expect(await mp.value("Q", -1n).get()).toBe(2n ** 64n - 1n);
      expect(await mp.value("f", 0.1).get()).toBe(Math.fround(0.1));
      expect(await mp.value("d", Number.NEGATIVE_INFINITY).get()).toBe(Number.NEGATIVE_INFINITY);
    });

    test("V3: its lock is an RLock of its own, the one that was given, or none; what is no lock is refused", async () => {
      const { mp, other } = await world.open();
      const value = mp.value("i", 7);
      expect(value.getLock().kind).toBe("rlock");
      await using held = await value.getLock().hold();
      const isFree = other.run(
        ({ core }, theirs: ValueProxy) => core.withOwner(() => theirs.getLock().acquire(false)),
        value,
      );
      expect([await isFree, held.isHeld, await value.getObj().get()]).toEqual([false, true, 7]);
      const lock = mp.lock();
      expect(mp.value("i", 7, { lock }).getLock()).toBe(lock);
      const raw = mp.value("i", 7, { lock: false });
      expect(() => raw.getLock()).toThrow(AttributeError);
      expect(() => raw.getObj()).toThrow(AttributeError);
      expect(() => mp.value("i", 7, { lock: "naptime" as never })).toThrow(AttributeError);
      expect(() => mp.array("i", 7, { lock: 5 as never })).toThrow(AttributeError);
    });

    test("V3: a lock of another namespace is refused: a process that gets the value would use another one", async () => {
      const { mp, options } = await world.open();
      const { mp: away, options: others } = await world.open();
      for (const lock of [away.lock("far"), away.rlock("far")]) {
        const refusal = new ValueError(
          `the lock "far" is of the namespace "${others.namespace}", the value of "${options.namespace}"; make both in the same context`,
        );
        expect(() => mp.value("i", 7, { lock })).toThrow(refusal);
        expect(() => mp.array("i", 7, { lock })).toThrow(ValueError);
        expect(() => mp.manager().value("i", 7, { lock })).toThrow(refusal);
      }
    });

    test("V4: add and compareAndSet lose nothing; a read and a write under the lock neither", async () => {
      const { mp, other } = await world.open();
      const [sum, locked] = [mp.value("i"), mp.value("i")];
      const theirs = other.run(
        // An owner of its own: in one process both sides would be the main program, and its RLock is its own.
        ({ core }, [added, guarded]: [ValueProxy<"i">, ValueProxy<"i">]) =>
          core.withOwner(async () => {
            await Promise.all(Array.from({ length: 50 }, () => added.add(1)));
            for (let time = 0; time < 10; time += 1) {
              const held = await guarded.getLock().hold();
              await guarded.set((await guarded.get()) + 1);
              await held.release();
            }
          }),
        [sum, locked] as [ValueProxy<"i">, ValueProxy<"i">],
      );
      await Promise.all(Array.from({ length: 50 }, () => sum.add(2)));
      for (let time = 0; time < 10; time += 1) {
        await using _held = await locked.getLock().hold();
        await locked.set((await locked.get()) + 1);
      }
      await theirs;
      expect([await sum.get(), await locked.get()]).toEqual([150, 20]);
      const checks = [
        await sum.compareAndSet({ expected: 149, value: 1 }),
        await sum.compareAndSet({ expected: 150, value: 1 }),
      ];
      expect([...checks, await sum.get()]).toEqual([false, true, 1]);
      await sum.set(2 ** 31 - 1);
      expect(await sum.add(1)).toBe(-(2 ** 31));
      const byte = mp.value("B", 250);
      expect([await byte.add(10), await byte.add(-5)]).toEqual([4, 255]);
      const large = mp.value("Q", 2n ** 60n);
      expect(await Promise.all([large.add(1n), large.add(1n)])).toEqual(
        expect.arrayContaining([2n ** 60n + 1n, 2n ** 60n + 2n]),
      );
      expect(await large.add(-(2n ** 60n) - 3n)).toBe(2n ** 64n - 1n);
      const fraction = mp.value("d", 0.1);
      expect(await fraction.add(0.2)).toBe(0.1 + 0.2);
      expect(await mp.value("f", 0.5).add(0.1)).toBe(Math.fround(0.5 + Math.fround(0.1)));
      await expect(mp.value("c").add("x" as never)).rejects.toThrow(TypeError);
    });

    test("V5: a name is the same value for every program, with its first type; F1: stale fences are refused", async () => {
      const { mp, other } = await world.open();
      const value = mp.value("i", 5, { name: "level" });
      expect(await value.get()).toBe(5);
      const theirs = other.run(async ({ mp: there }) => there.value("i", 9, { name: "level" }).get());
      expect(await theirs).toBe(5);
      await expect(mp.value("d", 1, { name: "level" }).get()).rejects.toThrow(ValueError);
      await value.set(6, { fence: 3 });
      await expect(value.set(7, { fence: 2 })).rejects.toThrow(LockLostError);
      expect(await value.get()).toBe(6);
    });
  });

  describe("an array", () => {
    test("A1: zeros of a length, or a copy of a sequence; get and set by index, IndexError outside", async () => {
      const { mp, other } = await world.open();
      const zeros = mp.array("i", 3);
      expect([await zeros.values(), await zeros.length()]).toEqual([[0, 0, 0], 3]);
      const array = mp.array("i", [1, 2, 3, 4]);
      await other.run((_scope, theirs: typeof array) => theirs.set(-1, 40), array);
      expect([await array.get(3), await array.get(-4)]).toEqual([40, 1]);
      for (const index of [4, -5]) {
        await expect(array.get(index)).rejects.toThrow(IndexError);
        await expect(array.set(index, 1)).rejects.toThrow(IndexError);
        await expect(array.add(index, 1)).rejects.toThrow(IndexError);
      }
      for (const wrong of [-1, 1.5, 4_000_001]) expect(() => mp.array("i", wrong)).toThrow(ValueError);
      expect(() => mp.array("i", null as never)).toThrow(TypeError);
    });

    test("A1: many values at once are taken, and more than a million refused", async () => {
      const { mp } = await world.open();
      const many = Array.from({ length: 150_000 }, (_, index) => index);
      const array = mp.array("i", many);
      expect(await array.length()).toBe(many.length);
      await array.setSlice({ start: 0 }, many.toReversed());
      expect([await array.get(0), await array.get(-1)]).toEqual([149_999, 0]);
      const million = Array<number>(1_000_001).fill(1);
      expect(() => mp.array("i", million)).toThrow(ValueError);
      await expect(array.setSlice({}, million)).rejects.toThrow(/at most 1000000 values at once; got 1000001/);
    });

    test("A1: slices; a part takes as many values as it has; the length is fixed", async () => {
      const { mp } = await world.open();
      const array = mp.array(
        "h",
        Array.from({ length: 200 }, (_, index) => index),
      );
      expect([await array.slice(1, 4), await array.slice(-2), await array.slice(0, 10, 4)]).toEqual([
        [1, 2, 3],
        [198, 199],
        [0, 4, 8],
      ]);
      await array.setSlice({ start: 0, stop: 2 }, [-1, -2]);
      await array.setSlice(
        { start: 50, stop: 150 },
        Array.from({ length: 100 }, () => 7),
      );
      expect([
        await array.slice(0, 3),
        await array.slice(49, 52),
        await array.slice(149, 151),
        await array.length(),
      ]).toEqual([[-1, -2, 2], [49, 7, 7], [7, 150], 200]);
      await expect(array.setSlice({ start: 0, stop: 2 }, [1])).rejects.toThrow(ValueError);
      await expect(array.setSlice({ start: 198 }, [1, 2, 3])).rejects.toThrow("fixed");
    });

    test("A1: snapshot as a typed array, text of characters, iteration; add and compareAndSet of one", async () => {
      const { mp } = await world.open();
      const large = mp.array("d", 10_000);
      await large.set(9_999, 0.5);
      const snapshot = await large.snapshot();
      expect([snapshot.constructor, snapshot.length, snapshot[9_999]]).toEqual([Float64Array, 10_000, 0.5]);
      expect(await mp.array("q", [1n, 2n]).snapshot()).toEqual(BigInt64Array.of(1n, 2n));
      const text = mp.array("c", "hello");
      await text.set(0, "j");
      expect([await text.text(), await text.get(1)]).toEqual(["jello", "e"]);
      const array = mp.array("b", [100, 0]);
      expect([await array.add(0, 28), await array.add(-1, 1)]).toEqual([-128, 1]);
      expect(await array.compareAndSet(1, { expected: 1, value: 5 })).toBe(true);
      const seen: number[] = [];
      for await (const value of array) seen.push(value);
      expect(seen).toEqual([-128, 5]);
    });
  });
});
