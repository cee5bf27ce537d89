import {
  type DictProxy,
  KeyError,
  LockLostError,
  SerializationError,
  StateLostError,
  ValueError,
} from "@manyhands/core";
import { inEveryWorld } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

inEveryWorld((world) => {
  describe("a dict", () => {
    test("M1: get, set, delete, has, length, clear; what is missing is a KeyError where Python raises one", async () => {
      const { mp, other } = await world.open();
      const dict = mp.manager("shop").dict<string, number>("stock");
      await dict.set("apples", 3);
      const theirs = other.run(async ({ mp: there }) => {
        const stock = there.manager("shop").dict<string, number>("stock");
        await stock.set("pears", 5);
        return [await stock.get("apples"), await stock.at("pears"), await stock.length()];
      });
      expect(await theirs).toEqual([3, 5, 2]);
      expect([await dict.get("plums"), await dict.get("plums", 7), await dict.has("plums")]).toEqual([
        undefined,
        7,
        false,
      ]);
      await expect(dict.at("plums")).rejects.toThrow(KeyError);
      await expect(dict.at("plums")).rejects.toThrow('"plums" is not in the dict');
      expect([await dict.delete("apples"), await dict.delete("apples"), await dict.size()]).toEqual([true, false, 1]);
      await dict.clear();
      expect([await dict.length(), await dict.items()]).toEqual([0, []]);
    });

    test("M1: pop, popitem, setdefault, update, copy", async () => {
      const { mp } = await world.open();
      const dict = mp.manager().dict<string, number>({ a: 1, b: 2, c: 3 });
      expect(await dict.popitem()).toEqual(["c", 3]);
      expect([await dict.pop("a"), await dict.pop("a", 9)]).toEqual([1, 9]);
      await expect(dict.pop("a")).rejects.toThrow(KeyError);
      expect([await dict.setdefault("b", 8), await dict.setdefault("d", 4)]).toEqual([2, 4]);
      await dict.update({ e: 5, b: 6 });
      await dict.update(new Map([["f", 7]]));
      await dict.setMany([["g", 8]]);
      const copy = await dict.copy();
      expect([...copy]).toEqual([
        ["b", 6],
        ["d", 4],
        ["e", 5],
        ["f", 7],
        ["g", 8],
      ]);
      expect(await dict.getMany(["g", "nothing", "b"])).toEqual([8, undefined, 6]);
      expect(await dict.deleteMany(["g", "nothing", "b"])).toBe(2);
      await dict.clear();
      await expect(dict.popitem()).rejects.toThrow(KeyError);
      await expect(dict.update(7 as never)).rejects.toThrow(ValueError);
    });

    test("M1: keys keep the order in which they were added; 1, '1' and [1] are three keys", async () => {
      const { mp } = await world.open();
      const dict = mp.manager().dict<unknown, string>();
      const keys = ["z", 1, "1", "a", [1], true, null, 0.5, new Date(5)];
      for (const key of keys) await dict.set(key, String(key));
      expect(await dict.keys()).toEqual(keys);
      await dict.set("z", "again");
      expect((await dict.keys())[0]).toBe("z");
      await dict.delete("z");
      await dict.set("z", "new");
      expect((await dict.keys()).at(-1)).toBe("z");
      expect([await dict.get(1), await dict.get("1"), await dict.get([1])]).toEqual(["1", "1", "1"]);
      await dict.set(-0, "zero");
      expect(await dict.get(0)).toBe("zero");
    });

    test("M2: iterating fetches pages in order; what is added meanwhile does not come, what is removed neither", async () => {
      const { mp, other } = await world.open();
      const dict = mp.manager("many").dict<number, number>("numbers");
      await dict.update(Array.from({ length: 2_500 }, (_, number) => [number, number * 2] as const));
      const iterator = dict.pages(500);
      const seen: [number, number][] = [];
      for await (const entry of iterator) {
        if (seen.length === 0) {
          await other.run(async ({ mp: there }) => {
            const theirs = there.manager("many").dict<number, number>("numbers");
            await theirs.set(9_999, 1);
            await theirs.delete(2_000);
            await theirs.set(1_500, 7);
          });
        }
        seen.push(entry);
      }
      expect(seen.length).toBe(2_499);
      expect(seen[1_500]).toEqual([1_500, 7]);
      expect(seen.map(([key]) => key)).toEqual([...Array(2_500).keys()].filter((key) => key !== 2_000));
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      const keys: number[] = [];
      for await (const key of dict) keys.push(key);
      expect(keys).toEqual(await dict.keys());
    });

    test("M3: a shared object inside stays the same object; M4: what is plain is a copy", async () => {
      const { mp, other } = await world.open();
      const manager = mp.manager("nested");
      const outer = manager.dict<string, unknown>("outer");
      const inner = manager.dict<string, number>();
      await outer.set("inner", inner);
      await outer.set("deep", { list: [inner, mp.lock("a lock")] });
      await outer.set("self", outer);
      await outer.set("plain", { list: [1] });
      await other.run(async ({ mp: there }) => {
        const theirs = there.manager("nested").dict<string, unknown>("outer");
        await ((await theirs.at("inner")) as DictProxy<string, number>).set("x", 1);
        const deep = (await theirs.at("deep")) as { list: [DictProxy<string, number>, { name: string }] };
        await deep.list[0].set("y", 2);
        const plain = (await theirs.at("plain")) as { list: number[] };
        plain.list.push(2);
        await ((await theirs.at("self")) as DictProxy<string, unknown>).delete("inner");
      });
      expect(await outer.has("inner")).toBe(false);
      expect(await inner.items()).toEqual([
        ["x", 1],
        ["y", 2],
      ]);
      expect(await outer.get("plain")).toEqual({ list: [1] });
    });

    test("M9: what cannot be sent is refused at the call, with its place, and nothing changes", async () => {
      const { mp } = await world.open();
      const dict = mp.manager().dict<string, unknown>({ a: 1 });
      await expect(dict.set("b", { deep: [() => {}] })).rejects.toThrow(SerializationError);
      await expect(dict.update({ c: 1, d: { deep: [() => {}] } })).rejects.toThrow("deep[0]");
      expect(await dict.items()).toEqual([["a", 1]]);
    });

    test("V4: increment, compareAndSet and update of a key lose no change of another process", async () => {
      const { mp, other } = await world.open();
      const dict = mp.manager("sums").dict<string, number>("counts");
      const add = other.run(async ({ mp: there }) => {
        const counts = there.manager("sums").dict<string, number>("counts");
        await Promise.all(Array.from({ length: 40 }, () => counts.increment("a")));
        for (let time = 0; time < 40; time += 1) await counts.update("b", (value = 0) => value + 1);
      });
      await Promise.all(Array.from({ length: 40 }, () => dict.increment("a", 2)));
      for (let time = 0; time < 40; time += 1) await dict.update("b", async (value = 0) => value + 1);
      await add;
      expect(await dict.items()).toEqual([
        ["a", 120],
        ["b", 80],
      ]);
      expect([await dict.increment("c", 0.1), await dict.increment("c", 0.2), await dict.increment("c", -0.5)]).toEqual(
        [0.1, 0.1 + 0.2, 0.1 + 0.2 - 0.5],
      );
      expect(await dict.compareAndSet("a", { expected: 119, value: 1 })).toBe(false);
      expect(await dict.compareAndSet("a", { expected: 120, value: 1 })).toBe(true);
      expect(await dict.compareAndSet("new", { expected: undefined, value: 1 })).toBe(true);
      expect(await dict.compareAndSet("new", { expected: 1, value: undefined })).toBe(true);
      expect(await dict.update("a", () => undefined)).toBeUndefined();
      expect(await dict.keys()).toEqual(["b", "c"]);
      await dict.set("text", "no number" as never);
      await expect(dict.increment("text")).rejects.toThrow(ValueError);
      await expect(dict.increment("a", Number.NaN)).rejects.toThrow(ValueError);
    });

    test("F1: a write with the fence of a former holder is refused", async () => {
      const { mp } = await world.open();
      const dict = mp.manager().dict<string, number>();
      const lock = mp.lock();
      const first = await lock.hold();
      await dict.set("a", 1, { fence: first.fence });
      await first.release();
      const second = await lock.hold();
      await dict.set("a", 2, { fence: second.fence });
      await expect(dict.set("a", 3, { fence: first.fence })).rejects.toThrow(LockLostError);
      await expect(dict.increment("a", 1, { fence: first.fence })).rejects.toThrow(LockLostError);
      await expect(dict.update("a", () => 4, { fence: first.fence })).rejects.toThrow(LockLostError);
      await expect(dict.set("a", 3, { fence: "x" as never })).rejects.toThrow(ValueError);
      expect(await dict.get("a")).toBe(2);
      await second.release();
    });

    test("calls of one tick act in their order, however many they are", async () => {
      const { mp } = await world.open();
      const dict = mp.manager().dict<number, number>();
      const answers = await Promise.all(
        Array.from({ length: 1_200 }, (_, number) => [dict.set(1, number), dict.get(1)]).flat(),
      );
      expect(answers.filter((_, index) => index % 2 === 1)).toEqual([...Array(1_200).keys()]);
    });

    test("U11: a dict that was removed says so once, and is made anew after that", async () => {
      const { mp } = await world.open();
      const manager = mp.manager("gone");
      const dict = manager.dict<string, number>({ a: 1 }, { name: "here" });
      expect(await dict.get("a")).toBe(1);
      await manager.shutdown();
      const again = mp.manager("gone");
      await again.start();
      await expect(dict.get("a")).rejects.toThrow(StateLostError);
      expect(await dict.get("a")).toBe(1);
      await again.shutdown();
    });
  });
});
