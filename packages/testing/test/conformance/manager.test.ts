import {
  AttributeError,
  type Context,
  type DictProxy,
  type Event,
  type Lock,
  LockLostError,
  type Manager,
  ManagerClosedError,
  ManyhandsError,
  type Queue,
  QueueEmptyError,
  type RegisteredProxy,
  registerType,
  ValueError,
} from "@manyhands/core";
import { findOrphanKeys, Keys, ObjectInspector, openRedis } from "@manyhands/core/internal";
import { type Elsewhere, inEveryWorld, testDistance, until } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

class Counter {
  count: number;
  log: string[] = [];

  constructor(count = 0) {
    this.count = count;
  }

  add(by = 1): number {
    this.count += by;
    return this.count;
  }

  async slowly(milliseconds: number): Promise<number> {
    const before = this.count;
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.count = before + 1;
    return this.count;
  }

  fail(): void {
    this.count = -1;
    throw new RangeError("as it should");
  }

  note(text: string): string[] {
    this.log.push(text);
    return this.log;
  }

  *upTo(): Generator<number> {
    for (let number = 0; number < this.count; number += 1) yield number;
  }

  self(): this {
    return this;
  }

  _hidden(): void {}
}

/** The same class in the other participant, which may be this process. */
async function registerThere(other: Elsewhere): Promise<void> {
  await other.run(({ core }) => {
    class Counter {
      count = 0;
      add(by = 1): number {
        this.count += by;
        return this.count;
      }
    }
    core.registerType("There", Counter);
  });
}

inEveryWorld((world) => {
  describe("a manager", () => {
    test("M8: start runs the initializer, an initializer that is no function is a TypeError; shutdown is repeatable, the name free at once", async () => {
      const { mp } = await world.open();
      const seen: unknown[] = [];
      const manager = mp.manager("shop");
      await manager.start((...args) => seen.push(...args), 1, "two");
      expect(seen).toEqual([1, "two"]);
      await expect(mp.manager().start(7 as never)).rejects.toThrow(TypeError);
      const dict = manager.dict("stock");
      await dict.set("a", 1);
      await manager.shutdown();
      await manager.shutdown();
      await expect(manager.start()).rejects.toThrow(ManagerClosedError);
      expect(() => manager.list()).toThrow(ManagerClosedError);
      for (let round = 0; round < 3; round += 1) {
        const next = mp.manager("shop");
        expect(await next.dict("stock").length()).toBe(0);
        await next.dict("stock").set("a", 1);
        await next.shutdown();
      }
      expect(() => mp.manager("")).toThrow(ValueError);
    });

    test("names put together from parts are never names that a user gives, of any kind", async () => {
      const { mp } = await world.open();
      const box = mp.manager("box");
      const makers: [string, (place: Context | Manager, name: string) => { name: string }][] = [
        ["lock", (place, name) => place.lock(name)],
        ["rlock", (place, name) => place.rlock(name)],
        ["readWriteLock", (place, name) => place.readWriteLock(name)],
        ["condition", (place, name) => place.condition(null, name)],
        ["lock of a condition", (place, name) => place.condition(null, name).lock],
        ["event", (place, name) => place.event(name)],
        ["semaphore", (place, name) => place.semaphore(1, name)],
        ["countDownLatch", (place, name) => place.countDownLatch(1, name)],
        ["barrier", (place, name) => place.barrier(2, name)],
        ["queue", (place, name) => place.queue(name)],
        ["simpleQueue", (place, name) => place.simpleQueue(name)],
        ["joinableQueue", (place, name) => place.joinableQueue(name)],
        ["value", (place, name) => place.value("i", 1, { name })],
        ["lock of a value", (place, name) => place.value("i", 1, { name }).getLock()],
        ["array", (place, name) => place.array("i", 1, { name })],
      ];
      for (const [what, make] of makers) {
        const names = [make(box, "orders").name, make(mp, "box/orders").name, make(mp, "box%2Forders").name];
        names.push(make(mp.manager("box/orders"), "x").name, make(box, "orders/x").name, make(mp, "box/orders/x").name);
        expect([what, new Set(names).size]).toEqual([what, names.length]);
      }
      for (const name of [":box/orders", ":condition/x"]) {
        expect(() => mp.queue(name)).toThrow("is a name that manyhands makes itself");
        expect(() => box.lock(name)).toThrow("is a name that manyhands makes itself");
      }
      await box.queue("orders").put("theirs");
      await mp.queue("box/orders").put("ours");
      expect([await box.queue("orders").get(), await mp.queue("box/orders").get()]).toEqual(["theirs", "ours"]);
      await box.shutdown();
      expect(await mp.queue("box/orders").empty()).toBe(true);
    });

    test("M8: a name with a slash is no name of another manager's object", async () => {
      const { mp } = await world.open();
      const [outer, inner] = [mp.manager("a"), mp.manager("a/b")];
      await outer.dict<string, number>("b/c").set("x", 1);
      await inner.dict<string, number>("c").set("x", 2);
      expect(await outer.dict("b/c").get("x")).toBe(1);
      await outer.shutdown();
      expect(await inner.dict("c").get("x")).toBe(2);
      await inner.shutdown();
    });

    test("M8: a named manager that another process shut down can be opened again", async () => {
      const { mp, other } = await world.open();
      const before = mp.manager("shop").dict<string, number>("stock");
      await before.set("a", 1);
      await other.run(({ mp: theirs }) => theirs.manager("shop").shutdown());
      await expect(before.get("a")).rejects.toThrow(ManagerClosedError);
      const again = mp.manager("shop");
      expect(await again.dict("stock").length()).toBe(0);
      await again.queue("orders").put(1);
      await other.run(({ mp: theirs }) => theirs.manager("shop").shutdown());
      await mp.manager("shop").dict<string, number>("stock").set("a", 2);
      expect(await other.run(({ mp: theirs }) => theirs.manager("shop").dict("stock").get("a"))).toBe(2);
      await mp.manager("shop").shutdown();
    });

    test("M8: what a named manager made is as new when it was shut down, here or elsewhere, and made again", async () => {
      const { mp, other } = await world.open();
      // What each gives when it is used for the first time, held, taken or filled, and left so.
      const uses: ((manager: Manager) => Promise<unknown>)[] = [
        async (manager) => {
          const queue = manager.queue<number>("queue");
          await queue.putMany([1, 2]);
          return [await queue.get(), await queue.qsize()];
        },
        async (manager) => {
          const queue = manager.joinableQueue<number>("joinable");
          await queue.putMany([1, 2]);
          await queue.get();
          return (await queue.inspect()).unfinished;
        },
        async (manager) => {
          const queue = manager.simpleQueue<number>("simple");
          const wasEmpty = await queue.empty();
          await queue.put(1);
          return wasEmpty;
        },
        async (manager) => manager.lock("lock").acquire({ timeout: 5_000 }),
        async (manager) => manager.semaphore(1, "semaphore").acquire({ timeout: 5_000 }),
        async (manager) => manager.barrier(1, { name: "barrier" }).wait(),
        async (manager) => {
          const event = manager.event("event");
          const wasSet = await event.isSet();
          await event.set();
          return wasSet;
        },
        async (manager) => {
          const list = manager.list<number>("list");
          await list.append(1);
          return list.length();
        },
      ];
      const use = (manager: Manager): Promise<unknown[]> => Promise.all(uses.map((one) => one(manager)));
      const expected = [[1, 1], 2, true, true, true, 0, false, 1];
      expect(await use(mp.manager("box"))).toEqual(expected);
      await mp.manager("box").shutdown();
      // An RLock belongs to its program and not to a handle: until it is shut down here, it has to be released.
      expect(await mp.manager("box").rlock("rlock").acquire()).toBe(true);
      expect(await use(mp.manager("box"))).toEqual(expected);
      await mp.manager("box").shutdown();
      expect(await mp.manager("box").rlock("rlock").acquire({ timeout: 5_000 })).toBe(true);
      expect(await use(mp.manager("box"))).toEqual(expected);
      await other.run(async ({ mp: theirs }) => {
        await theirs.manager("box").shutdown();
        await theirs.manager("box").start();
      });
      expect(await use(mp.manager("box"))).toEqual(expected);
      await mp.manager("box").shutdown();
    });

    test("M9: all that open the same name see the same objects; an object without a name is known by its handle", async () => {
      const { mp, other } = await world.open();
      const manager = mp.manager("office");
      const unnamed = manager.list(["x"]);
      await manager.dict<string, unknown>("desk").set("list", unnamed);
      await manager.event("bell").set();
      await manager.queue<number>({ name: "letters", maxSize: 3 }).put(7);
      await manager.value("i", 5, { name: "floor" }).get();
      const theirs = other.run(async ({ mp: there }) => {
        const office = there.manager("office");
        const list = (await office.dict<string, { values(): Promise<unknown> }>("desk").at("list")) as never;
        return [
          await (list as { values(): Promise<unknown> }).values(),
          await office.event("bell").isSet(),
          await office.queue<number>({ name: "letters", maxSize: 3 }).get(),
          await office.value("i", 9, { name: "floor" }).get(),
          await there.event("bell").isSet(),
        ];
      });
      expect(await theirs).toEqual([["x"], true, 7, 5, false]);
    });

    test("M9: what was not used yet can be passed on, and is used elsewhere first", async () => {
      const { mp, other } = await world.open();
      const post = mp.queue<unknown>("post");
      await post.put(mp.manager().list<string>());
      await post.put(mp.manager().event());
      const theirs = other.run(async ({ mp: there }) => {
        const list = (await there.queue("post").get()) as { append(item: string): Promise<void> };
        await list.append("x");
        const event = (await there.queue("post").get()) as { set(): Promise<void>; isSet(): Promise<boolean> };
        await event.set();
        return event.isSet();
      });
      expect(await theirs).toBe(true);
    });

    test("M11: after shutdown every call of what it made fails with ManagerClosedError, in every process", async () => {
      const { mp, other } = await world.open();
      const manager = mp.manager("closing");
      const [dict, lock, event, queue] = [manager.dict(), manager.lock(), manager.event(), manager.queue()];
      const list = manager.list([1]);
      const condition = manager.condition();
      await dict.set("list", list);
      await lock.acquire();
      await event.set();
      await queue.put(1);
      const handles: [DictProxy, Lock, Event, Queue] = [dict, lock, event, queue];
      await other.run(async ({ kept }, theirs) => {
        kept.set("handles", theirs);
        await theirs[0].length();
        await theirs[2].isSet();
      }, handles);
      const waiting = manager.lock("waited for");
      await waiting.acquire();
      const waits = waiting.acquire().catch((error: unknown) => error);
      await until(async () => (await waiting.inspect()).waiters.length === 1, { what: "it waits" });
      await manager.shutdown();
      expect(await waits).toBeInstanceOf(ManagerClosedError);
      const calls = [
        () => dict.get("list"),
        () => dict.set("a", 1),
        () => list.append(2),
        () => lock.acquire(),
        () => lock.locked(),
        () => event.isSet(),
        () => event.wait(),
        () => queue.put(2),
        () => queue.get(),
        () => queue.qsize(),
        () => condition.acquire(),
        () => condition.lock.acquire(),
        () => condition.lock.locked(),
      ];
      for (const call of calls) await expect(call(), String(call)).rejects.toThrow(ManagerClosedError);
      const names = await other.run(async ({ kept }) => {
        const [theirDict, theirLock, theirEvent, theirQueue] = kept.get("handles") as [DictProxy, Lock, Event, Queue];
        const theirCalls = [
          () => theirDict.get("list"),
          () => theirLock.acquire(),
          () => theirEvent.isSet(),
          () => theirQueue.get(),
          () => theirQueue.put(1),
        ];
        const thrown: string[] = [];
        for (const call of theirCalls)
          thrown.push(
            await call().then(
              () => "nothing",
              (error: Error) => error.name,
            ),
          );
        return thrown;
      });
      expect(names).toEqual(Array(5).fill("ManagerClosedError"));
    });

    test("M11: a queue of a manager that was not used yet is used by its every method", async () => {
      const { mp } = await world.open();
      const manager = (): Manager => mp.manager();
      const queue = manager().queue<number>();
      await queue.putMany([1, 2]);
      expect(await queue.getMany(2)).toEqual([1, 2]);
      expect(await manager().queue().poll()).toBe(false);
      expect(await mp.wait([manager().queue()], 0)).toEqual([]);
      await expect(manager().queue().getMany(1, false)).rejects.toThrow(QueueEmptyError);
    });

    test("M11: who waits for many items, or iterates, hears of the shutdown", async () => {
      const { mp } = await world.open();
      const manager = mp.manager();
      const queue = manager.queue();
      const waits = [queue.getMany(2), queue[Symbol.asyncIterator]().next(), queue.poll({})];
      const ends = waits.map((wait) => expect(wait).rejects.toThrow(ManagerClosedError));
      await until(async () => (await queue.inspect()).getters.length === 2, { what: "both wait" });
      await manager.shutdown();
      await Promise.all(ends);
    });

    test("M12: its locks, semaphores, conditions, barriers, events, queues keep their own rules", async () => {
      const { mp, other } = await world.open();
      const manager = mp.manager();
      await expect(manager.lock().release()).rejects.toThrow(ValueError);
      const bounded = manager.boundedSemaphore(1);
      await expect(bounded.release()).rejects.toThrow(ValueError);
      const semaphore = manager.semaphore(2);
      expect([await semaphore.acquire(), await semaphore.acquire(), await semaphore.acquire(false)]).toEqual([
        true,
        true,
        false,
      ]);
      const rlock = manager.rlock();
      expect([await rlock.acquire(), await rlock.acquire()]).toEqual([true, true]);
      await rlock.release();
      await rlock.release();
      const condition = manager.condition();
      await condition.acquire();
      const notified = condition.wait();
      await other.run(async ({ core }, theirs: typeof condition) => {
        await core.withOwner(async () => {
          await theirs.acquire();
          await theirs.notify();
          await theirs.release();
        });
      }, condition);
      expect(await notified).toBe(true);
      await condition.release();
      expect(await manager.barrier(1).wait()).toBe(0);
      const joinable = manager.joinableQueue<number>();
      await joinable.put(1);
      expect(await joinable.get()).toBe(1);
      await joinable.taskDone();
      expect(await joinable.join({ timeout: 2_000 })).toBe(true);
      const latch = manager.countDownLatch(1);
      await latch.countDown();
      expect(await latch.wait()).toBe(true);
      await using _write = await manager.readWriteLock().writeLock().hold();
    });

    test("M12, B3: the action of a manager's barrier runs", async () => {
      const { mp } = await world.open();
      const cycles: string[] = [];
      const barrier = mp.manager().barrier(2, { name: "gate", action: () => void cycles.push("action") });
      const passed = await Promise.all([barrier.wait(), barrier.wait()]);
      expect([passed.sort(), cycles]).toEqual([[0, 1], ["action"]]);
    });

    test("an unnamed manager ends with its maker, a named one stays until it is shut down; nothing is left of either", async () => {
      const { mp, options, other } = await world.open();
      const { connect } = await import("@manyhands/core");
      const maker: Context = await connect(options);
      // Handles that arrive in this process belong to the context that was opened last.
      await using _later = await connect(options);
      const [unnamed, named] = [maker.manager(), maker.manager("stays")];
      const dict = unnamed.dict({ a: 1 });
      await unnamed.lock().acquire();
      const kept = named.dict({ a: 1 }, { name: "kept" });
      expect([await dict.length(), await kept.length()]).toEqual([1, 1]);
      expect(await named.objects()).toEqual(["dict/:stays/kept"]);
      await named.dict<string, unknown>("handles").set("dict", dict);
      await other.run(async ({ kept: store, mp: there }) => {
        const theirs = await there.manager("stays").dict<string, DictProxy>("handles").at("dict");
        store.set("dict", theirs);
        await theirs.length();
      });
      await maker.close();
      const gone = other.run(async ({ kept: store }) => {
        return (store.get("dict") as DictProxy).length().then(
          () => "nothing",
          (error: Error) => error.name,
        );
      });
      expect(await gone).toBe("ManagerClosedError");
      const again = mp.manager("stays");
      expect(await again.dict("kept").get("a")).toBe(1);
      await again.close();
      expect(() => again.dict()).toThrow(ManagerClosedError);
      expect(await mp.manager("stays").dict("kept").get("a")).toBe(1);
      await mp.manager("stays").shutdown();
      await using scoped = mp.manager();
      await scoped.list([1]).length();
    });

    test("objects of a manager are listed with their sizes, and removed by name or with the manager", async () => {
      const { mp, options } = await world.open();
      const manager = mp.manager("listed");
      await manager.dict({ a: 1, b: 2 }, { name: "d" }).length();
      await manager.list([1, 2, 3], { name: "l" }).length();
      await manager.set([1], { name: "s" }).length();
      await manager.namespace({ x: 1 }, { name: "n" }).has("x");
      await manager.value("i", 7, { name: "v" }).get();
      await manager.array("d", 4, { name: "a" }).length();
      registerType("Listed", Counter);
      await manager.create<Counter>("Listed", [3], { name: "r" }).add();
      expect((await manager.inspect()).size).toBe(8);
      const redis = openRedis(options.redis, { name: "test" });
      const keys = new Keys(options.namespace ?? "");
      const inspector = new ObjectInspector({ client: redis, keys });
      const seen = (await inspector.list()).map(({ kind, name, summary }) => `${kind} ${name}: ${summary}`);
      expect(seen.filter((line) => !line.startsWith("lock"))).toEqual([
        "array :listed/a: 4 items of type d",
        "dict :listed/d: 2 keys",
        "list :listed/l: 3 items",
        "manager listed: 8 objects",
        "namespace :listed/n: 1 attribute",
        "registered :listed/r: of type Listed",
        "set :listed/s: 1 item",
        "value :listed/v: 7, of type i",
      ]);
      expect(await inspector.remove({ kind: "dict", name: ":listed/d" })).toBe(true);
      expect(await inspector.get({ kind: "dict", name: ":listed/d" })).toBeNull();
      expect((await findOrphanKeys({ client: redis, keys })).orphans).toEqual([]);
      expect(await inspector.remove({ kind: "manager", name: "listed" })).toBe(true);
      expect(await inspector.list()).toEqual([]);
      await expect(manager.list("l").length()).rejects.toThrow(ManagerClosedError);
      await mp.close();
      const left = await redis.keys(`${keys.prefix}*`);
      expect(left.filter((key) => !/\/(session|epoch|watched|deadlines)/.test(key))).toEqual([]);
      redis.disconnect();
    });

    test("M7: objects of a registered class keep their state in Redis; only exposed methods can be called; errors are the method's own", async () => {
      const { mp, other } = await world.open();
      const manager = mp.manager("classes");
      const make = manager.register("Counter", Counter);
      const counter = make(5);
      expect([await counter.add(), await counter.add(4)]).toEqual([6, 10]);
      await expect(counter.fail()).rejects.toThrow(new RangeError("as it should"));
      expect(await counter.add(0)).toBe(10);
      const log = await counter.note("a");
      log.push("changed here");
      expect(await counter.note("b")).toEqual(["a", "b"]);
      expect(await counter.upTo()).toEqual([...Array(10).keys()]);
      expect(await counter.self()).toBeUndefined();
      await expect(counter.call("_hidden")).rejects.toThrow(AttributeError);
      expect("_hidden" in counter).toBe(false);
      registerType("Narrow", Counter, { exposed: ["note"] });
      await expect(manager.create<Counter>("Narrow").call("add")).rejects.toThrow(AttributeError);
      const plain = manager.register("Plain", (start: number) => ({ n: start, next: () => start }), {
        exposed: ["next"],
      });
      expect(await plain(3).next()).toBe(3);
      expect(() => manager.create("Nobody")).toThrow(AttributeError);
      expect(() => manager.register("Bad", 7 as never)).toThrow(TypeError);
      expect(() => manager.register("Bad", () => ({}))).toThrow(ValueError);
      expect(() => registerType("Bad", Counter, { exposed: ["then"] })).toThrow(ValueError);
      await registerThere(other);
      registerType("There", Counter);
      const shared = manager.create<Counter>("There", [], { name: "shared" });
      await manager.dict<string, unknown>("holder").set("counter", shared);
      await other.run(async ({ mp: there }) => {
        const holder = there.manager("classes").dict<string, RegisteredProxy<{ add(by?: number): number }>>("holder");
        await (await holder.at("counter")).add(3);
      });
      expect((await shared.inspect()).value).toMatchObject({ count: 3 });
      await manager.shutdown();
      await expect(shared.add()).rejects.toThrow(ManagerClosedError);
    });

    test("M7: a name that is exposed and no method is an AttributeError that says so", async () => {
      const { mp } = await world.open();
      const make = mp.manager().register("Misspelt", Counter, { exposed: ["ad", "count"] });
      const counter = make();
      await expect(counter.call("ad")).rejects.toThrow(/^the type "Misspelt" exposes "ad"/);
      await expect(counter.call("count")).rejects.toThrow(AttributeError);
    });

    test("M7: a method with a name that every handle needs itself is refused when its class is registered", () => {
      for (const name of ["owner", "runtime", "settings", "typeid"]) {
        class Taken {}
        Object.defineProperty(Taken.prototype, name, { value: () => 1 });
        expect(() => registerType("Bad", Taken)).toThrow(
          new ValueError(`a method "${name}" of the type "Bad" cannot be exposed: every handle has that name already`),
        );
      }
    });

    test("M7: the result of a method of methodToTypeid is a live object of that type, and the manager's", async () => {
      const { mp, other } = await world.open();
      class Order {
        parts: string[];
        constructor(parts: string[]) {
          this.parts = parts;
        }
        size(): number {
          return this.parts.length;
        }
        add(part: string): void {
          this.parts.push(part);
        }
      }
      class Shop {
        cart = ["pen"];
        _checkout(): string[] {
          return this.cart.splice(0);
        }
        left(): number {
          return this.cart.length;
        }
      }
      registerType("Order", Order);
      await other.run(({ core }) => {
        class Theirs {
          parts: string[] = [];
          add(part: string): void {
            this.parts.push(part);
          }
        }
        core.registerType("Order", Theirs);
      });
      registerType("Order", Order);
      const manager = mp.manager("sho/p");
      const shop = manager.register("Shop", Shop, { methodToTypeid: { _checkout: "Order" } })();
      const order = (await shop._checkout()) as unknown as RegisteredProxy<Order>;
      expect([order.typeid, await order.size(), await shop.left()]).toEqual(["Order", 1, 0]);
      await other.run((_, theirs: RegisteredProxy<Order>) => theirs.call("add", "ink"), order);
      expect(await order.size()).toBe(2);
      expect(await manager.objects()).toContain(`registered/${order.name}`);

      const broken = manager.register("Broken", Shop, { methodToTypeid: { _checkout: "Nowhere" } })();
      await expect(broken._checkout()).rejects.toThrow(/no type "Nowhere" is registered/);
      expect(await broken.left()).toBe(1);
      expect(() => registerType("Bad", Shop, { methodToTypeid: { left: "" } })).toThrow(TypeError);
      expect(() => registerType("Bad", Shop, { methodToTypeid: { then: "Order" } })).toThrow(ValueError);
      await manager.shutdown();
      await expect(order.size()).rejects.toThrow(ManagerClosedError);
    });

    test("M7: calls of several processes run one after another, asynchronous ones too, and lose nothing", async () => {
      const { mp, other } = await world.open();
      registerType("There", Counter);
      await registerThere(other);
      registerType("There", Counter);
      const counter = mp.manager("calls").create<Counter>("There", [], { name: "one" });
      const theirs = other.run(async ({ mp: there }) => {
        const one = there.manager("calls").create<{ add(by?: number): number }>("There", [], { name: "one" });
        await Promise.all(Array.from({ length: 50 }, () => one.add()));
      });
      await Promise.all(Array.from({ length: 20 }, () => counter.slowly(1)));
      await Promise.all(Array.from({ length: 50 }, () => counter.add()));
      await theirs;
      expect(await counter.add(0)).toBe(120);
    });

    test("M7: a call whose lock was lost writes nothing, and says so", async () => {
      const { mp, options } = await world.open({ lease: 1_000 });
      registerType("There", Counter);
      const counter = mp.manager("overtaken").create<Counter>("There", [], { name: "one" });
      await counter.add();
      // It lasts longer than taking its lock away, which takes some round trips.
      const slow = counter.slowly(400 + 40 * testDistance()).catch((error: unknown) => error);
      const { connect } = await import("@manyhands/core");
      const rival = await connect(options);
      const place = { kind: "lock", name: ":registered/:overtaken/one", namespace: rival.namespace, owner: null };
      const lock = rival.openObject({ ...place, settings: {} }) as Lock;
      await until(() => lock.locked(), { what: "the slow call runs" });
      const held = await until(
        async () => {
          await lock.release();
          return lock.hold(false).catch(() => undefined);
        },
        { what: "the lock is taken away" },
      );
      await held.release();
      expect(await rival.manager("overtaken").create<Counter>("There", [], { name: "one" }).add()).toBe(2);
      expect(await slow).toBeInstanceOf(LockLostError);
      expect(await counter.add()).toBe(3);
      await rival.close();
      expect(new ManagerClosedError("x")).toBeInstanceOf(ManyhandsError);
    });
  });
});
