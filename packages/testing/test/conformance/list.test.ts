import {
  AttributeError,
  IndexError,
  KeyError,
  type ListProxy,
  LockLostError,
  type NamespaceProxy,
  type SetProxy,
  ValueError,
} from "@manyhands/core";
import { inEveryWorld } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

inEveryWorld((world) => {
  test("M2: pages of a list, dict or set have a size of at least 1", async () => {
    const { mp } = await world.open();
    const manager = mp.manager();
    const lists = [manager.list([1, 2]), manager.dict([[1, 2]]), manager.set([1, 2])];
    for (const list of lists) {
      for (const size of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expect(list.pages(size).next(), `${list.kind} ${size}`).rejects.toThrow(ValueError);
      }
    }
  });

  test("M1: sort orders bigints beyond 2 ** 53, also among numbers", async () => {
    const { mp } = await world.open();
    const large = 2n ** 53n;
    const list = mp.manager().list<number | bigint | boolean>([large + 1n, large, 3, true, -large]);
    await list.sort();
    expect(await list.values()).toEqual([-large, true, 3, large, large + 1n]);
  });

  describe("a list", () => {
    test("M1: append, extend, insert, get and set by index, also from the end; IndexError outside", async () => {
      const { mp, other } = await world.open();
      const list = mp.manager("lists").list<number>("numbers");
      await list.append(1);
      await list.extend([2, 3]);
      await other.run(async ({ mp: there }) => {
        const theirs = there.manager("lists").list<number>("numbers");
        await theirs.insert(0, 0);
        await theirs.insert(2, 15);
        await theirs.insert(-1, 25);
        await theirs.insert(99, 4);
        await theirs.insert(-99, -1);
      });
      expect(await list.values()).toEqual([-1, 0, 1, 15, 2, 25, 3, 4]);
      await list.set(-1, 40);
      await list.set(0, -10);
      expect([await list.get(-1), await list.get(7), await list.get(0), await list.length()]).toEqual([40, 40, -10, 8]);
      for (const index of [8, -9]) {
        await expect(list.get(index)).rejects.toThrow(IndexError);
        await expect(list.set(index, 1)).rejects.toThrow(IndexError);
        await expect(list.pop(index)).rejects.toThrow(IndexError);
      }
      await expect(list.get(0.5)).rejects.toThrow(TypeError);
    });

    test("M1: pop, remove, index, count, contains; ValueError for what is not there", async () => {
      const { mp } = await world.open();
      const list = mp.manager().list<unknown>(["a", "b", { deep: [1] }, "a", "c", "a"]);
      expect([await list.count("a"), await list.count("z")]).toEqual([3, 0]);
      expect([await list.index("a"), await list.index("a", 1), await list.index("a", -1)]).toEqual([0, 3, 5]);
      await expect(list.index("a", 1, 3)).rejects.toThrow(ValueError);
      expect([await list.contains({ deep: [1] }), await list.includes("z")]).toEqual([true, false]);
      await list.remove("a");
      await expect(list.remove("z")).rejects.toThrow(ValueError);
      expect([await list.pop(), await list.pop(0), await list.pop(1)]).toEqual(["a", "b", "a"]);
      expect(await list.values()).toEqual([{ deep: [1] }, "c"]);
      await list.clear();
      await expect(list.pop()).rejects.toThrow(IndexError);
    });

    test("M1: slices, setSlice, concat, repeat", async () => {
      const { mp } = await world.open();
      const manager = mp.manager();
      const list = manager.list([0, 1, 2, 3, 4]);
      expect([await list.slice(1, 3), await list.slice(-2), await list.slice(undefined, -1)]).toEqual([
        [1, 2],
        [3, 4],
        [0, 1, 2, 3],
      ]);
      expect([await list.slice(0, 0), await list.slice(3, 1), await list.slice(-99, 99)]).toEqual([
        [],
        [],
        [0, 1, 2, 3, 4],
      ]);
      expect([
        await list.slice(undefined, undefined, -1),
        await list.slice(0, 4, 2),
        await list.slice(3, 0, -2),
      ]).toEqual([
        [4, 3, 2, 1, 0],
        [0, 2],
        [3, 1],
      ]);
      await list.setSlice({ start: 1, stop: 3 }, [10]);
      expect(await list.values()).toEqual([0, 10, 3, 4]);
      await list.setSlice({ start: -1 }, [40, 50]);
      expect(await list.values()).toEqual([0, 10, 3, 40, 50]);
      await list.setSlice({ start: 0, stop: 4 }, []);
      expect(await list.concat([1], manager.list([2]))).toEqual([50, 1, 2]);
      expect([await list.repeat(3), await list.repeat(0)]).toEqual([[50, 50, 50], []]);
    });

    test("M1: reverse and sort, also of many; what has no order is a TypeError and nothing changes", async () => {
      const { mp, other } = await world.open();
      const list = mp.manager("sorted").list<number>("numbers");
      const count = 5_000;
      await list.extend(Array.from({ length: count }, (_, index) => (index * 7_919) % count));
      const appended = other.run(async ({ mp: there }, from: number) => {
        for (let item = 0; item < 5; item += 1)
          await there
            .manager("sorted")
            .list<number>("numbers")
            .append(from + item);
      }, count);
      await list.sort();
      await appended;
      await list.sort();
      const sorted = [...Array(count + 5).keys()];
      expect(await list.values()).toEqual(sorted);
      await list.reverse();
      expect(await list.values()).toEqual(sorted.toReversed());
      const words = mp.manager().list(["pear", "fig", "apple"]);
      await words.sort({ key: (word) => word.length });
      expect(await words.values()).toEqual(["fig", "pear", "apple"]);
      await words.sort({ reverse: true });
      expect(await words.values()).toEqual(["pear", "fig", "apple"]);
      await words.append(1 as never);
      await expect(words.sort()).rejects.toThrow(TypeError);
      expect(await words.values()).toEqual(["pear", "fig", "apple", 1]);
    });

    test("M2: iterating sees changes by index; an exhausted iterator stays exhausted", async () => {
      const { mp } = await world.open();
      const list = mp.manager().list([1, 2, 3]);
      const iterator = list[Symbol.asyncIterator]();
      expect((await iterator.next()).value).toBe(1);
      await list.set(1, 20);
      await list.append(4);
      expect([(await iterator.next()).value, (await iterator.next()).value]).toEqual([20, 3]);
      expect([(await iterator.next()).value, (await iterator.next()).done]).toEqual([4, true]);
      await list.append(5);
      expect((await iterator.next()).done).toBe(true);
      const paged: number[] = [];
      for await (const item of list.pages(2)) paged.push(item);
      expect(paged).toEqual([1, 20, 3, 4, 5]);
    });

    test("M3: nests, also itself; the inner one outlives the outer. M4: what was read is a copy. M5: handles compare by identity", async () => {
      const { mp, other } = await world.open();
      const manager = mp.manager("nests");
      const outer = manager.list<unknown>("outer");
      const inner = manager.list(["x"]);
      await outer.extend([inner, outer, [1]]);
      await other.run(async ({ mp: there }) => {
        const theirs = there.manager("nests").list<unknown>("outer");
        const itself = (await theirs.get(1)) as ListProxy<unknown>;
        await ((await itself.get(0)) as ListProxy<string>).append("y");
        ((await itself.get(2)) as number[]).push(2);
        await itself.clear();
      });
      expect([await outer.length(), await inner.values()]).toEqual([0, ["x", "y"]]);
      await outer.append([1]);
      const read = (await outer.get(0)) as number[];
      read.push(2);
      expect(await outer.get(0)).toEqual([1]);
      await outer.append(inner);
      expect(await outer.get(1)).not.toBe(inner);
    });

    test("F1: a write with the fence of a former holder is refused", async () => {
      const { mp } = await world.open();
      const list = mp.manager().list<number>();
      await list.append(1, { fence: 7 });
      await expect(list.append(2, { fence: 6 })).rejects.toThrow(LockLostError);
      await list.append(3, { fence: 7 });
      expect(await list.values()).toEqual([1, 3]);
    });
  });

  describe("a set", () => {
    test("M1: add, discard, remove, pop, has; KeyError for what is not there", async () => {
      const { mp, other } = await world.open();
      const set = mp.manager("sets").set<number | string>("items");
      expect([await set.add(1), await set.add(1), await set.add("1")]).toEqual([true, false, true]);
      const theirs = other.run(async ({ mp: there }) => {
        const items = there.manager("sets").set<number | string>("items");
        await items.update([1, 2, 3]);
        return [await items.has(2), await items.has("2"), await items.length()];
      });
      expect(await theirs).toEqual([true, false, 4]);
      expect([await set.discard(3), await set.discard(3)]).toEqual([true, false]);
      await set.remove(2);
      await expect(set.remove(2)).rejects.toThrow(KeyError);
      expect(new Set([await set.pop(), await set.pop()])).toEqual(new Set([1, "1"]));
      await expect(set.pop()).rejects.toThrow(KeyError);
    });

    test("M1: union, intersection, difference and their in-place forms; M2: paged iteration", async () => {
      const { mp } = await world.open();
      const manager = mp.manager();
      const set = manager.set([1, 2, 3]);
      const other: SetProxy<number> = manager.set([2, 3, 4]);
      expect([await set.union(other), await set.intersection(other)]).toEqual([
        [1, 2, 3, 4],
        [2, 3],
      ]);
      expect([await set.difference([2]), await set.symmetricDifference(other)]).toEqual([
        [1, 3],
        [1, 4],
      ]);
      expect([await set.isSubsetOf([1, 2, 3, 9]), await set.isSupersetOf([9]), await set.isDisjointFrom([9])]).toEqual([
        true,
        false,
        true,
      ]);
      await set.symmetricDifferenceUpdate(other);
      expect(await set.values()).toEqual([1, 4]);
      await set.differenceUpdate([4]);
      await set.update(other);
      await set.intersectionUpdate([1, 2, 4]);
      const seen: number[] = [];
      for await (const item of set.pages(2)) seen.push(item);
      expect(seen).toEqual([1, 2, 4]);
      expect(await set.copy()).toEqual(new Set([1, 2, 4]));
    });
  });

  describe("a namespace", () => {
    test("M6: set, get and delete of attributes; AttributeError for what is missing; names with _ stay in the handle", async () => {
      const { mp, other } = await world.open();
      const shared: NamespaceProxy<{ x: number; job: string; _own: number }> = mp.manager("spaces").namespace("one");
      await shared.set("x", 1);
      await shared.set("job", "miller");
      await shared.set("_own", 5);
      await other.run(async ({ mp: there }) => {
        const theirs = there.manager("spaces").namespace<{ x: number; _own: number }>("one");
        await theirs.increment("x", 2);
        if (await theirs.has("_own")) throw new Error("a local name is shared");
      });
      expect([await shared.get("x"), await shared.get("_own"), await shared.has("job")]).toEqual([3, 5, true]);
      expect(await shared.copy()).toEqual({ x: 3, job: "miller" });
      await shared.delete("job");
      await expect(shared.get("job")).rejects.toThrow(AttributeError);
      await expect(shared.delete("job")).rejects.toThrow('has no attribute "job"');
      const made = mp.manager().namespace({ a: 1, b: [2] });
      await made.update({ a: 7 });
      expect(await made.copy()).toEqual({ a: 7, b: [2] });
    });
  });
});
