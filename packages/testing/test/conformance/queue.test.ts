import {
  ClosedError,
  ManagerClosedError,
  PayloadTooLargeError,
  QueueClosedError,
  QueueEmptyError,
  QueueFullError,
  SerializationError,
  ValueError,
} from "@manyhands/core";
import { Keys, ObjectInspector, openRedis } from "@manyhands/core/internal";
import { inEveryWorld, startActor, until } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

inEveryWorld((world) => {
  describe("a queue", () => {
    test("Q1: a fresh queue is empty and not full; its size follows each put and get", async () => {
      const { mp } = await world.open();
      const queue = mp.queue({ maxSize: 2 });
      expect([await queue.empty(), await queue.full(), await queue.qsize()]).toEqual([true, false, 0]);
      await queue.put("a");
      expect([await queue.empty(), await queue.full(), await queue.qsize()]).toEqual([false, false, 1]);
      await queue.put("b");
      expect([await queue.empty(), await queue.full(), await queue.qsize()]).toEqual([false, true, 2]);
      await queue.get();
      expect([await queue.full(), await queue.qsize()]).toEqual([false, 1]);
    });

    test("Q1: the size is right as well while a consumer takes so fast that many travel together", async () => {
      const { mp } = await world.open();
      const queue = mp.queue<number>();
      await Promise.all(Array.from({ length: 600 }, (_, item) => queue.put(item)));
      for (let taken = 0; taken < 400; taken += 1) await queue.get();
      for (let left = 199; left > 190; left -= 1) {
        await queue.get();
        expect(await queue.qsize()).toBe(left);
      }
    });

    test("Q2: a full queue refuses at once, or after the timeout; without block a timeout is ignored", async () => {
      const { mp } = await world.open();
      const queue = mp.queue<number>(1);
      await queue.put(1);
      await expect(queue.putNowait(2)).rejects.toThrow(QueueFullError);
      await expect(queue.put(2, { block: false, timeout: 60_000 })).rejects.toThrow(QueueFullError);
      const started = performance.now();
      await expect(queue.put(2, { timeout: 150 })).rejects.toThrow(QueueFullError);
      expect(performance.now() - started).toBeGreaterThanOrEqual(149);
      expect(await queue.qsize()).toBe(1);
    });

    test("Q3: first in, first out; an empty queue refuses at once, or after the timeout", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<number>({ name: "line" });
      for (const item of [1, 2, 3]) await queue.put(item);
      const there = (): Promise<unknown> => other.run(({ mp: theirs }) => theirs.queue("line").get());
      expect([await there(), await queue.get(), await there()]).toEqual([1, 2, 3]);
      await expect(queue.getNowait()).rejects.toThrow(QueueEmptyError);
      const started = performance.now();
      await expect(queue.get({ timeout: 150 })).rejects.toThrow(QueueEmptyError);
      expect(performance.now() - started).toBeGreaterThanOrEqual(149);
    });

    test("Q4: a blocked put goes on when there is room, a blocked get when there is an item", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<string>({ name: "door", maxSize: 1 });
      await queue.put("first");
      const blocked = queue.put("second");
      await until(async () => (await queue.inspect()).putters.length === 1, { what: "it waits for room" });
      expect(await other.run(({ mp: theirs }) => theirs.queue({ name: "door", maxSize: 1 }).get())).toBe("first");
      await blocked;
      expect(await queue.get()).toBe("second");
      const waiting = queue.get();
      await until(async () => (await queue.inspect()).getters.length === 1, { what: "it waits for an item" });
      await other.run(({ mp: theirs }) => theirs.queue({ name: "door", maxSize: 1 }).put("third"));
      expect(await waiting).toBe("third");
    });

    test("Q5: a size of 0 or less is no limit; one that is not whole is refused", async () => {
      const { mp } = await world.open();
      const queue = mp.queue<number>({ maxSize: -1 });
      await Promise.all(Array.from({ length: 2_500 }, (_, item) => queue.put(item)));
      expect([await queue.full(), await queue.qsize()]).toEqual([false, 2_500]);
      for (const maxSize of [1.5, "x", Number.NaN]) {
        expect(() => mp.queue({ maxSize: maxSize as number })).toThrow(ValueError);
      }
    });

    test("Q6: the items of a producer keep their order, through batches and prefetching, and none is lost or doubled", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<[string, number]>({ name: "mixed" });
      const count = 3_000;
      const theirs = other.run(async ({ mp: there }, many: number) => {
        const puts: Promise<boolean>[] = [];
        for (let item = 0; item < many; item += 1) puts.push(there.queue("mixed").put(["there", item]));
        await Promise.all(puts);
      }, count);
      const puts = Array.from({ length: count }, (_, item) => queue.put(["here", item]));
      const seen: Record<string, number[]> = { here: [], there: [] };
      for (let item = 0; item < 2 * count; item += 1) {
        const [from, number] = await queue.get();
        seen[from]?.push(number);
      }
      await Promise.all([theirs, ...puts]);
      const all = Array.from({ length: count }, (_, item) => item);
      expect(seen).toEqual({ here: all, there: all });
      expect(await queue.empty()).toBe(true);
    });

    test("Q7: a put that has resolved is seen by every process; the feeder thread's methods are there and do nothing", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue({ name: "visible" });
      for (let item = 0; item < 20; item += 1) {
        await queue.put(item);
        expect(await other.run(({ mp: theirs }) => theirs.queue("visible").getNowait())).toBe(item);
      }
      expect(await queue.joinThread()).toBeUndefined();
      expect(queue.cancelJoinThread()).toBeUndefined();
    });

    test("Q8: what cannot be sent is refused by put, with its place, and nothing is put", async () => {
      const { mp } = await world.open();
      const queue = mp.queue<unknown>();
      await queue.put(1);
      await expect(queue.put({ deep: [() => {}] })).rejects.toThrow(SerializationError);
      await expect(queue.put({ deep: [() => {}] })).rejects.toThrow("deep[0]");
      expect(await queue.qsize()).toBe(1);
    });

    test("Q9: a closed handle puts and gets nothing, others go on; close is repeatable", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue({ name: "shared" });
      await queue.put(1);
      await queue.close();
      await queue.close();
      await expect(queue.put(2)).rejects.toThrow(ClosedError);
      await expect(queue.get()).rejects.toThrow(ClosedError);
      await expect(queue.empty()).rejects.toThrow(ClosedError);
      expect(await other.run(({ mp: theirs }) => theirs.queue("shared").get())).toBe(1);
      const unused = mp.queue();
      await unused.close();
      expect(await unused.empty()).toBe(true);
    });

    test("Q10: a queue travels inside other values and through another queue", async () => {
      const { mp, other } = await world.open();
      const inner = mp.queue<string>();
      const outer = mp.queue<unknown>({ name: "outer" });
      await outer.put({ list: [inner, new Map([["again", inner]])] });
      await other.run(async ({ mp: theirs }) => {
        type Inner = { put(item: string): Promise<void> };
        const { list } = (await theirs.queue("outer").get()) as { list: [Inner, Map<string, Inner>] };
        await list[0].put("through the list");
        await list[1].get("again")?.put("through the map");
      });
      expect([await inner.get(), await inner.get()]).toEqual(["through the list", "through the map"]);
    });

    test("Q11: shutdown refuses puts, lets what is left be taken, then refuses gets, and wakes who waits", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<number>({ name: "closing", maxSize: 2 });
      await queue.put(1);
      await queue.put(2);
      const blocked = expect(queue.put(3)).rejects.toThrow(QueueClosedError);
      await until(async () => (await queue.inspect()).putters.length === 1, { what: "it waits for room" });
      await other.run(({ mp: theirs }) => theirs.queue({ name: "closing", maxSize: 2 }).shutdown());
      await blocked;
      await expect(queue.put(4)).rejects.toThrow(QueueClosedError);
      expect([await queue.get(), await queue.get()]).toEqual([1, 2]);
      await expect(queue.get()).rejects.toThrow(QueueClosedError);
    });

    test("Q11: a loop that takes items ends with the shutdown", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<number>({ name: "loop" });
      const seen: number[] = [];
      const loop = (async () => {
        for await (const item of queue) seen.push(item);
      })();
      await other.run(async ({ mp: theirs }) => {
        for (const item of [1, 2, 3]) await theirs.queue("loop").put(item);
        await theirs.queue("loop").shutdown();
      });
      await loop;
      expect(seen).toEqual([1, 2, 3]);
    });

    test("Q12: an immediate shutdown drops what is left, and joiners need only what was taken", async () => {
      const { mp } = await world.open();
      const queue = mp.joinableQueue<number>();
      for (const item of [1, 2, 3]) await queue.put(item);
      expect(await queue.get()).toBe(1);
      await queue.shutdown(true);
      expect(await queue.qsize()).toBe(0);
      await expect(queue.get()).rejects.toThrow(QueueClosedError);
      expect(await queue.join(false)).toBe(false);
      await queue.taskDone();
      expect(await queue.join()).toBe(true);
      await expect(queue.taskDone()).rejects.toThrow(ValueError);
    });

    test("what was prefetched and not asked for goes back, and others get it, each item once", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<number>({ name: "greedy" });
      const count = 500;
      await Promise.all(Array.from({ length: count }, (_, item) => queue.put(item)));
      const first: number[] = [];
      for (let item = 0; item < 100; item += 1) first.push(await queue.get());
      const rest = await other.run(async ({ mp: theirs }, many: number) => {
        const taken: unknown[] = [];
        for (let item = 0; item < many; item += 1) taken.push(await theirs.queue("greedy").get({ timeout: 5_000 }));
        return taken;
      }, count - 100);
      const all = [...first, ...rest].map(Number).sort((left, right) => left - right);
      expect(all).toEqual(Array.from({ length: count }, (_, item) => item));
    });
  });

  describe("a queue of items with options", () => {
    test("the highest priority comes first, equals as they were put, in a queue of plain items as well", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<string>({ name: "ranked" });
      const puts = [queue.put("a"), queue.put("last", { priority: -1 }), queue.put("b", { unique: "b" })];
      await Promise.all([
        ...puts,
        queue.put("high", { priority: 5 }),
        queue.put("c"),
        queue.put("higher", { priority: 10 }),
      ]);
      await queue.put("high too", { priority: 5 });
      expect(await other.run(({ mp: theirs }) => theirs.queue("ranked").get())).toBe("higher");
      expect(await queue.getMany(2)).toEqual(["high", "high too"]);
      const left: string[] = [];
      while (!(await queue.empty())) left.push(await queue.get());
      expect(left).toEqual(["a", "b", "c", "last"]);
    });

    test("a delayed item comes to a reader that waits when it is due, and not before", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<string>({ name: "later" });
      const waiting = other.run(({ mp: theirs }) => theirs.queue("later").get({ timeout: 10_000 }));
      await until(async () => (await queue.inspect()).getters.length === 1, { what: "it waits" });
      const started = performance.now();
      const delays = [queue.put("late", { delay: 5_000 }), queue.put("soon", { delay: 300 })];
      await Promise.all(delays);
      expect([await queue.empty(), await queue.qsize(), (await queue.inspect()).delayed]).toEqual([true, 2, 2]);
      expect(await queue.poll()).toBe(false);
      await expect(queue.getNowait()).rejects.toThrow(QueueEmptyError);
      expect(await waiting).toBe("soon");
      expect(performance.now() - started).toBeGreaterThanOrEqual(299);
      expect(performance.now() - started).toBeLessThan(4_000);
      await queue.shutdown(true);
      await expect(queue.get()).rejects.toThrow(QueueClosedError);
    });

    test("after a shutdown readers wait for what is delayed, then the queue ends", async () => {
      const { mp } = await world.open();
      const queue = mp.queue<string>();
      await queue.put("late", { delay: 200, priority: 1 });
      await queue.shutdown();
      expect([await queue.poll(), await queue.poll(10_000)]).toEqual([false, true]);
      const items: string[] = [];
      for await (const item of queue) items.push(item);
      expect(items).toEqual(["late"]);
    });

    test("an item whose unique key is in the queue is dropped, the key is free when the item is taken", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<number>({ name: "unique", maxSize: 2 });
      expect(await queue.put(1, { unique: "k" })).toBe(true);
      expect(await queue.put(2, { delay: 60_000, unique: "late" })).toBe(true);
      // Also while it is full; and what is delayed takes room.
      expect(await queue.put(3, { unique: "k" })).toBe(false);
      expect(await other.run(({ mp: theirs }) => theirs.queue<number>("unique").put(4, { unique: "late" }))).toBe(
        false,
      );
      expect(await queue.full()).toBe(true);
      await expect(queue.put(5, { block: false, unique: "new" })).rejects.toThrow(QueueFullError);
      const waiting = queue.put(6, { unique: "k", priority: 1 });
      expect(await waiting).toBe(false);
      expect(await queue.get()).toBe(1);
      expect(await queue.put(7, { unique: "k" })).toBe(true);
      expect(await queue.get()).toBe(7);
    });

    test.runIf(world.name === "across processes")(
      "an item of a joinable queue keeps its unique key until it is done, and goes back in front of its priority when its reader is killed",
      async () => {
        const { mp, options } = await world.open({ lease: 1_000 });
        const other = await startActor(options);
        const queue = mp.joinableQueue<string>({ name: "leased" });
        await queue.put("low", { priority: 1 });
        await queue.put("high", { priority: 2, unique: "high" });
        await queue.put("high too", { priority: 2 });
        expect(await other.run(({ mp: theirs }) => theirs.joinableQueue("leased").get())).toBe("high");
        expect(await queue.put("again", { unique: "high" })).toBe(false);
        other.kill();
        await until(async () => (await queue.qsize()) === 3, { what: "it is back" });
        expect([await queue.get(), await queue.get(), await queue.get()]).toEqual(["high", "high too", "low"]);
        await queue.taskDone();
        expect(await queue.put("again", { unique: "high" })).toBe(true);
        expect((await queue.inspect()).unfinished).toBe(3);
      },
    );

    test("a bad option is refused with what it takes, and nothing is put", async () => {
      const { mp } = await world.open();
      const queue = mp.queue<number>();
      const bad: [object, string][] = [
        [{ delay: -1 }, "delay must be a number of ms from 0"],
        [{ delay: "5" }, 'got "5"'],
        [{ priority: 1.5 }, "priority must be a whole number, higher ones are taken first; got 1.5"],
        [{ unique: "" }, "unique must be a text of 1 to 1024 characters"],
        [{ priorty: 1 }, "did you mean priority?"],
      ];
      for (const [options, message] of bad) await expect(queue.put(1, options)).rejects.toThrow(message);
      expect(await queue.qsize()).toBe(0);
    });
  });

  describe("a queue of large items", () => {
    const large = (item: number): [number, string] => [item, "ä".repeat(300)];
    const count = 400;

    test("Q1, Q6: what was put together is counted and taken in its order, one by one and many at once, by several", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<[number, string]>("blocks");
      await queue.put([-1, "small"]);
      await queue.putMany(Array.from({ length: count }, (_, item) => large(item)));
      await queue.put([count, "small"]);
      expect(await queue.qsize()).toBe(count + 2);
      const seen: unknown[] = [await queue.get(), await queue.get()];
      expect(await queue.qsize()).toBe(count);
      await until(async () => (await queue.inspect()).size === count, { what: "what was taken in advance is back" });
      seen.push(await other.run(({ mp: theirs }) => theirs.queue("blocks").get()));
      seen.push(...(await queue.getMany(200)));
      await until(async () => (await queue.inspect()).size === count + 2 - seen.length, { what: "the rest is back" });
      const rest = other.run(async ({ mp: theirs }) => {
        const taken: unknown[] = [];
        while (!(await theirs.queue("blocks").empty())) taken.push(...(await theirs.queue("blocks").getMany(1_000)));
        return taken;
      });
      seen.push(...(await rest));
      expect(seen).toEqual([
        [-1, "small"],
        ...Array.from({ length: count }, (_, item) => large(item)),
        [count, "small"],
      ]);
      expect(await queue.empty()).toBe(true);
    });

    test("what is left of a loop that ends early goes back in its order, and nothing of a dropped queue stays", async () => {
      const { mp, options } = await world.open();
      const queue = mp.queue<[number, string]>("left");
      await queue.putMany(Array.from({ length: count }, (_, item) => large(item)));
      let taken = 0;
      for await (const [item] of queue) {
        expect(item).toBe(taken);
        taken += 1;
        if (taken === 150) break;
      }
      await until(async () => (await queue.inspect()).size === count - 150, { what: "the rest is back" });
      expect((await queue.get())[0]).toBe(150);
      await queue.putMany(Array.from({ length: 50 }, (_, item) => large(item)));
      await queue.shutdown(true);
      expect(await queue.qsize()).toBe(0);
      const client = openRedis(options.redis, { name: "test" });
      const inspector = new ObjectInspector({ client, keys: new Keys(options.namespace ?? "") });
      expect(await inspector.remove({ kind: "queue", name: "left" })).toBe(true);
      const keys = new Keys(options.namespace ?? "");
      for (const part of ["items", "puts", "consumers"])
        expect(await client.exists(keys.object("queue", "left", part))).toBe(0);
      for (let number = 0; number < 9; number += 1) {
        expect(await client.exists(keys.object("queue", `${number}/left`, "block"))).toBe(0);
      }
      client.disconnect();
    });

    test("an item of 16 MiB passes, one above the limit is refused; a waiting get of a closed handle ends", async () => {
      const { mp } = await world.open();
      const queue = mp.queue<string>();
      const text = "x".repeat(16 * 1024 * 1024);
      await queue.putMany([text, "small"]);
      expect((await queue.get()).length).toBe(text.length);
      expect(await queue.get()).toBe("small");
      await expect(queue.put("x".repeat(65 * 1024 * 1024))).rejects.toThrow(PayloadTooLargeError);
      const failed = expect(queue.get()).rejects.toThrow(ClosedError);
      await queue.close();
      await failed;
    });

    test("Q2: a put with a signal that was aborted before, or a bad timeout, puts nothing, with a limit and without", async () => {
      const { mp } = await world.open();
      for (const queue of [mp.queue<string>(), mp.queue<string>(5)]) {
        await queue.put("first");
        const signal = AbortSignal.abort(new RangeError("enough"));
        await expect(queue.put("second", { signal })).rejects.toThrow("enough");
        await expect(queue.put("x".repeat(1_000), { signal })).rejects.toThrow("enough");
        await expect(queue.put("third", { timeout: Number.NaN })).rejects.toThrow(ValueError);
        expect(await queue.qsize()).toBe(1);
      }
    });

    test("Q2: a handle that does not know of a queue's limit keeps it", async () => {
      const { mp, other } = await world.open();
      const queue = mp.queue<number>({ name: "limited", maxSize: 2 });
      expect(await queue.full()).toBe(false);
      await queue.put(0);
      const puts = other.run(async ({ mp: theirs }) => {
        await Promise.all([1, 2, 3].map((item) => theirs.queue("limited").put(item)));
      });
      await until(async () => (await queue.inspect()).putters.length === 2, { what: "two wait for room" });
      const seen: number[] = [];
      for (let item = 0; item < 4; item += 1) seen.push(await queue.get());
      await puts;
      expect(seen).toEqual([0, 1, 2, 3]);
    });
  });

  describe("a simple queue", () => {
    test("SQ1: put, get, empty and close, and nothing after close", async () => {
      const { mp, other } = await world.open();
      const queue = mp.simpleQueue<string>("simple");
      expect(await queue.empty()).toBe(true);
      await queue.put("x");
      expect(await queue.empty()).toBe(false);
      expect(await other.run(({ mp: theirs }) => theirs.simpleQueue("simple").get())).toBe("x");
      await queue.close();
      await queue.close();
      await expect(queue.get()).rejects.toThrow(ClosedError);
      expect("qsize" in queue).toBe(false);
    });
  });

  describe("a joinable queue", () => {
    test("J1, J4: each put adds one unfinished item, each taskDone in any process removes one, the last one wakes joiners", async () => {
      const { mp, other } = await world.open();
      const queue = mp.joinableQueue<number>({ name: "work" });
      for (const item of [1, 2, 3]) await queue.put(item);
      const joined = queue.join();
      await queue.get();
      await queue.taskDone();
      expect((await queue.inspect()).unfinished).toBe(2);
      await other.run(async ({ mp: theirs, kept }) => {
        const there = theirs.joinableQueue("work");
        kept.set("queue", there);
        await there.get();
        await there.taskDone();
        await there.get();
      });
      expect(await queue.join({ timeout: 50 })).toBe(false);
      await other.run(({ kept }) => (kept.get("queue") as { taskDone(): Promise<void> }).taskDone());
      expect(await joined).toBe(true);
    });

    test("J2: join of a queue that was never used returns at once", async () => {
      const { mp } = await world.open();
      expect(await mp.joinableQueue().join()).toBe(true);
    });

    test("J2: join of a queue that is removed with what was not done does not say that all is done", async () => {
      const { mp } = await world.open();
      const manager = mp.manager();
      const queue = manager.joinableQueue<number>();
      await queue.put(1);
      const failed = expect(queue.join()).rejects.toThrow(ManagerClosedError);
      await until(async () => (await queue.inspect()).joiners.length === 1, { what: "it joins" });
      await manager.shutdown();
      await failed;
    });

    test("J3: taskDone more often than items were put is a ValueError, also of a queue that was never used", async () => {
      const { mp } = await world.open();
      const queue = mp.joinableQueue<number>();
      await expect(queue.taskDone()).rejects.toThrow(ValueError);
      await queue.put(1);
      await queue.get();
      await queue.taskDone();
      await expect(queue.taskDone()).rejects.toThrow(ValueError);
    });

    test("J5: a join that missed the moment at which nothing was unfinished still returns", async () => {
      const { mp, other } = await world.open();
      const queue = mp.joinableQueue<number>({ name: "moment" });
      await queue.put(1);
      const joined = queue.join();
      await until(async () => (await queue.inspect()).joiners.length === 1, { what: "it joins" });
      await other.run(async ({ mp: theirs }) => {
        const there = theirs.joinableQueue("moment");
        await there.get();
        await there.taskDone();
        await there.put(2);
      });
      expect(await joined).toBe(true);
    });

    test("J6, Q13: unfinished items of a consumer that closes go to another consumer, and the count stays right", async () => {
      const { mp, other } = await world.open({ lease: 1_000 });
      const queue = mp.joinableQueue<string>({ name: "inherited" });
      for (const item of ["a", "b"]) await queue.put(item);
      await other.run(async ({ mp: theirs }) => {
        await theirs.joinableQueue("inherited").get();
        await theirs.close();
      });
      expect([await queue.get({ timeout: 5_000 }), await queue.get({ timeout: 5_000 })]).toEqual(["a", "b"]);
      expect((await queue.inspect()).unfinished).toBe(2);
      await queue.taskDone();
      await queue.taskDone();
      expect(await queue.join()).toBe(true);
    });
  });
});
