import { type Context, connect, registerType } from "@manyhands/core";
import { Keys, openRedis, type RedisConfig } from "@manyhands/core/internal";
import { startActor, until, useCluster, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { findDeadSessions, findOrphanKeys, ObjectInspector } from "../../../src/inspection/objects/index.ts";

let namespaces = 0;

/** A context, and a look at its namespace from outside. */
async function open(redis: RedisConfig) {
  namespaces += 1;
  const namespace = `inspected-${process.pid}-${namespaces}`;
  const mp = await connect({ redis, namespace });
  const client = openRedis(redis, { name: "object-inspector-test" });
  onTestFinished(async () => {
    await mp.close();
    client.disconnect();
  });
  const place = { client, keys: new Keys(namespace) };
  return { mp, namespace, place, inspector: new ObjectInspector(place) };
}

describe("on one server", () => {
  const redis = useRedis();
  suite(() => redis.url);

  test("an object whose keys have expired is forgotten when it is looked at", async () => {
    const { mp, place, inspector } = await open(redis.url);
    await mp.lock("old").run(() => 1);
    await mp.lock("new").run(() => 1);
    await place.client.del(place.keys.object("lock", "old", "record"));

    expect((await inspector.list()).map(({ name }) => name)).toEqual(["new"]);
    expect(await place.client.zrange(place.keys.objects, 0, "-1")).toEqual(["lock/new"]);
    expect(await place.client.zscore(place.keys.deadlines, "lock/old")).toBeNull();
  });

  test("an object of an unknown kind is listed, and an unreadable one hides no others", async () => {
    const { mp, place, inspector } = await open(redis.url);
    await mp.event("ready").set();
    await place.client.zadd(place.keys.objects, 1, "tuba/low/brass", 2, "event/broken");
    await place.client.set(place.keys.object("event", "broken"), "x");
    await place.client.rpush(place.keys.object("tuba", "low/brass", "waiters"), "gone|1|blow#7");

    const objects = await inspector.list();

    expect(objects.map(({ kind, name, summary }) => [kind, name, summary])).toEqual([
      ["event", "broken", "cannot be read: a key of it has the wrong type"],
      ["event", "ready", "set"],
      ["tuba", "low/brass", ""],
    ]);
    expect(objects[2]).toMatchObject({ state: null, waiters: [{ isAlive: false, task: { name: "blow", id: "7" } }] });
    expect(await inspector.remove({ kind: "tuba", name: "low/brass" })).toBe(false);
  });

  test("objects are given in pages, with how many there are of each kind", async () => {
    const { mp, inspector } = await open(redis.url);
    for (const name of ["Berlin", "lyon", "oslo"]) await mp.event(`stock/${name}`).clear();
    await mp.semaphore(2, { name: "stock/permits" }).getValue();
    await mp.lock("ledger").acquire();

    const first = await inspector.page({ text: "STOCK", limit: 2 });
    const second = await inspector.page({ text: "STOCK", limit: 2, cursor: first.cursor });

    expect(first).toMatchObject({ total: 4, counts: { event: 3, semaphore: 1 } });
    expect([...first.objects, ...second.objects].map(({ name }) => name)).toEqual([
      "stock/Berlin",
      "stock/lyon",
      "stock/oslo",
      "stock/permits",
    ]);
    expect(second.cursor).toBeUndefined();
    const locks = await inspector.page({ kind: "lock" });
    expect(locks).toMatchObject({
      total: 1,
      counts: { event: 3, lock: 1, semaphore: 1 },
      objects: [{ name: "ledger" }],
    });
  });

  test("the wait graph says since when who waits", async () => {
    const { mp, namespace, inspector } = await open(redis.url);
    await mp.lock("ledger").acquire();
    const actor = await startActor({ redis: redis.url, namespace });
    const begun = Date.now();
    const waiting = actor.run(async ({ mp: other }) => {
      await other.lock("ledger").acquire();
      return true;
    });
    await until(async () => (await inspector.waitGraph()).total === 1);

    const { objects, waits, holds, causes } = await inspector.waitGraph();

    expect(objects).toMatchObject([{ id: "lock/ledger", waiting: 1 }]);
    expect(waits).toMatchObject([{ object: "lock/ledger", place: 1 }]);
    expect(Math.abs((waits[0]?.since ?? 0) - begun)).toBeLessThan(10_000);
    expect(holds).toHaveLength(1);
    expect(causes).toMatchObject([{ why: "runs", waits: 1 }]);
    // and the one that gets it by a wake-up is named as before
    await mp.lock("ledger").release();
    expect(await waiting).toBe(true);
    const lock = await inspector.get({ kind: "lock", name: "ledger" });
    expect(lock?.holders).toMatchObject([{ pid: actor.pid, task: null }]);
  });

  test("what objects hold is read in pages, and nothing is taken out", async () => {
    const { mp, place, inspector } = await open(redis.url);
    const manager = mp.manager("shop");
    const prices = manager.dict<string, unknown>("prices");
    await prices.update(Array.from({ length: 7 }, (_, index): [string, unknown] => [`sku-${index}`, { cents: index }]));
    await prices.set("since", new Date(0));
    await prices.set("large", "x".repeat(300_000));
    const log = manager.list<unknown>("log");
    await log.extend(["a", "b", new Map([["c", 1n]])]);
    const queue = mp.queue<unknown>({ name: "exports" });
    await queue.putMany(Array.from({ length: 300 }, (_, index) => `item ${index}`));
    await queue.put(new Set([1]));
    const [left, right] = mp.pipe();
    await left.send({ from: "left" });
    await left.sendBytes(Buffer.from("raw"));
    const contents = (kind: string, name: string, query = {}) => inspector.contents({ kind, name }, query);

    // then: a dict in its order, with what is too large left out
    const first = await contents("dict", prices.name, { limit: 5 });
    const rest = await contents("dict", prices.name, { limit: 5, cursor: first?.cursor });
    expect(first).toMatchObject({ total: 9, entries: [{ key: "sku-0", value: { cents: 0 } }, {}, {}, {}, {}] });
    expect(rest?.entries.map(({ key, value, fault }) => [key, value, fault])).toEqual([
      ["sku-5", { cents: 5 }, undefined],
      ["sku-6", { cents: 6 }, undefined],
      ["since", new Date(0), undefined],
      ["large", undefined, "large"],
    ]);
    expect(rest?.cursor).toBeUndefined();
    expect((await contents("dict", prices.name, { search: "SKU" }))?.entries).toEqual([]);
    const found = await contents("dict", prices.name, { search: "sku-3" });
    expect(found).toMatchObject({ total: 9, entries: [{ key: "sku-3", value: { cents: 3 } }] });
    // a list by position
    expect(await contents("list", log.name, { from: 2 })).toMatchObject({
      total: 3,
      entries: [{ index: 2, value: new Map([["c", 1n]]) }],
    });
    // a queue, of which many items are stored as one
    const queued = await contents("queue", "exports", { limit: 500 });
    expect(queued?.entries).toHaveLength(301);
    expect(queued).toMatchObject({ total: 301 });
    expect(queued?.entries[299]).toMatchObject({ index: 299, value: "item 299" });
    expect(queued?.entries[300]).toMatchObject({ index: 300, value: new Set([1]) });
    expect(await queue.qsize()).toBe(301);
    // a pipe, by its ends
    await until(async () => (await contents("pipe", right.name, { end: 1 }))?.total === 2);
    const messages = await contents("pipe", right.name, { end: 1 });
    expect(messages?.entries.map(({ value }) => value)).toEqual([{ from: "left" }, Buffer.from("raw")]);
    expect(await contents("pipe", right.name, { end: 0 })).toMatchObject({ total: 0, entries: [] });
    // what cannot be decoded, a wrong cursor, and a kind that holds nothing
    await place.client.hset(place.keys.object("dict", prices.name, "items"), '"sku-0"', "{");
    expect((await contents("dict", prices.name, { limit: 1 }))?.entries).toMatchObject([{ fault: "unreadable" }]);
    await expect(contents("dict", prices.name, { cursor: "x" })).rejects.toThrow(/cursor "x" is of no page/);
    await mp.event("ready").set();
    expect(await contents("event", "ready")).toBeNull();
    expect(await contents("dict", "none")).toBeNull();
    await left.close();
    await right.close();
  });

  test("items of a queue that were put with options are read with these, in the order in which they are taken", async () => {
    // given
    const { mp, inspector } = await open(redis.url);
    const queue = mp.queue<unknown>({ name: "orders" });
    const soon = Date.now() + 3_600_000;
    await queue.put("last", { delay: 3_600_000, priority: 2 });
    await queue.put("low", { priority: -1 });
    await queue.putMany(["plain", "another"]);
    await queue.put("high", { priority: 5, unique: "o-7" });
    await queue.put("higher", { priority: 9 });
    const contents = (query = {}) => inspector.contents({ kind: "queue", name: "orders" }, query);

    // when
    const all = await contents();

    // then
    const dueAt = all?.entries.at(-1)?.dueAt ?? 0;
    expect(all?.entries.map(({ bytes: _bytes, ...entry }) => entry)).toEqual([
      { index: 0, value: "higher", priority: 9 },
      { index: 1, value: "high", priority: 5, unique: "o-7" },
      { index: 2, value: "plain" },
      { index: 3, value: "another" },
      { index: 4, value: "low", priority: -1 },
      { index: 5, value: "last", priority: 2, dueAt },
    ]);
    expect(all).toMatchObject({ total: 6 });
    expect(all?.cursor).toBeUndefined();
    expect(dueAt).toBeGreaterThan(soon - 1_000);

    // when it is read in parts
    const read: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await contents({ limit: 1, cursor });
      read.push(...(page?.entries.map(({ index, value }) => [index, value]) ?? []));
      cursor = page?.cursor;
    } while (cursor !== undefined);

    // then
    expect(read).toEqual(all?.entries.map(({ index, value }) => [index, value]));
    for (const from of [1, 3, 4, 5]) {
      expect((await contents({ from }))?.entries).toEqual(all?.entries.slice(from));
    }
    expect((await contents({ from: 6 }))?.entries).toEqual([]);
    await expect(contents({ cursor: "9,0,0" })).rejects.toThrow(/cursor "9,0,0" is of no page/);
    expect(await queue.get()).toBe("higher");
  });

  test("every kind says in a few words how it is", async () => {
    // given
    const { mp, namespace, place, inspector } = await open(redis.url);
    const actor = await startActor({ redis: redis.url, namespace });
    await mp.rlock("rlock").acquire();
    await mp.rlock("rlock").acquire();
    await mp.countDownLatch(3, { name: "latch" }).countDown();
    const queue = mp.joinableQueue<number>({ name: "queue", maxSize: 5 });
    for (const item of [1, 2]) await queue.put(item);
    await queue.get();
    await mp.readWriteLock("read-write").readLock().acquire();
    const waits = actor
      .run(async ({ mp: other }) => {
        const condition = other.condition(null, "condition");
        await condition.acquire();
        await Promise.all([condition.wait(), other.barrier(2, { name: "barrier" }).wait()]);
      })
      .catch(() => {});
    await until(async () => (await inspector.list()).filter(({ waiters: { length } }) => length === 1).length === 2);
    // when
    const objects = await inspector.list();
    // then
    expect(objects.map(({ kind, summary }) => `${kind}: ${summary.replace(/\d{10,}/, "n")}`)).toEqual([
      "barrier: 1 of 2 waiting",
      "condition: 1 waiting, under rlock/:condition/condition",
      "count-down-latch: 2 of 3 to go",
      "joinable-queue: 1 of 5 items, 2 not done",
      "read-write-lock: held by 1 reader",
      "rlock: free",
      "rlock: held 2 times, fence n",
    ]);
    expect(objects[0]?.waiters).toMatchObject([{ pid: actor.pid }]);
    expect(await findOrphanKeys(place)).toMatchObject({ orphans: [] });
    actor.kill();
    await waits;
  });

  test("an object of a registered class that holds shared objects can be looked at, also by who cannot open these", async () => {
    const { mp, namespace, place, inspector } = await open(redis.url);
    class Shelf {
      parts: unknown[] = [];
      put(part: unknown): void {
        this.parts.push(part);
      }
    }
    registerType("Shelf", Shelf);
    const maker = await connect({ redis: redis.url, namespace });
    const [end] = maker.pipe();
    const shelf = maker.manager("office").create<Shelf>("Shelf", [], { name: "shelf" });
    await shelf.put([end, maker.queue("orders")]);
    await maker.close();
    await mp.close();

    const [found] = await inspector.list(await inspector.places({ kind: "registered" }));

    expect(found).toMatchObject({ summary: "of type Shelf" });
    expect(found?.state).toMatchObject({
      value: {
        parts: [
          [
            { kind: "pipe", name: end.name },
            { kind: "queue", name: "orders" },
          ],
        ],
      },
    });
    expect(await place.client.hlen(place.keys.object("pipe", end.name, "holders"))).toBe(0);
  });

  test("the locks of a session whose process has ended are taken back, its neighbours' are not", async () => {
    const { mp, namespace, inspector } = await open(redis.url);
    const actor = await startActor({ redis: redis.url, namespace });
    const session = await actor.run(async ({ mp: other }) => {
      await other.lock("dead").acquire();
      await other.rlock("dead").acquire();
      return (await other.lock("dead").inspect()).holder?.session ?? "";
    });
    await mp.lock("living").acquire();
    actor.kill();
    await actor.exited;

    await inspector.releaseLocksOf(session);

    expect(
      (await inspector.list()).map(({ kind, name, summary }) => `${kind} ${name} ${summary.split(",")[0]}`),
    ).toEqual(["lock dead free", "lock living held", "rlock dead free"]);
  });
});

describe("on a Redis Cluster", () => {
  const cluster = useCluster();
  suite(() => cluster.config);
});

function suite(redis: () => RedisConfig): void {
  test("objects are read, taken back and removed, and nothing is left", async () => {
    const { mp, namespace, place, inspector } = await open(redis());
    const actor = await startActor({ redis: redis(), namespace });
    await mp.lock("stock").acquire();
    const gets = actor.run(async ({ mp: other }) => {
      await other.lock("stock").acquire();
      await other.semaphore(2, { name: "doors" }).hold({ permits: 2 });
    });
    await waiters(mp, 1);

    // when
    const [lock] = await inspector.list();
    // then
    expect(lock).toMatchObject({ kind: "lock", named: true, owner: null, holders: [{ pid: process.pid }] });
    expect(lock?.waiters).toMatchObject([{ pid: actor.pid, isAlive: true }]);

    // when
    expect(await inspector.release({ kind: "lock", name: "stock" })).toMatchObject([{ pid: process.pid }]);
    await gets;
    // then
    expect(await inspector.list()).toMatchObject([
      { kind: "lock", holders: [{ pid: actor.pid }], waiters: [] },
      { kind: "semaphore", holders: [{ pid: actor.pid, count: 2 }], summary: "0 of 2 free", waitsFor: "any" },
    ]);
    expect(await findOrphanKeys(place)).toMatchObject({ orphans: [] });
    expect(await findDeadSessions(place)).toEqual([]);

    // when
    for (const object of await inspector.places()) expect(await inspector.remove(object)).toBe(true);
    // then
    expect(await inspector.list()).toEqual([]);
    expect(await inspector.get({ kind: "lock", name: "stock" })).toBeNull();
    expect(await findOrphanKeys(place)).toMatchObject({ orphans: [] });
  });

  test("the manager of an object is known also where names have slashes, and forgets what is removed", async () => {
    const { mp, inspector } = await open(redis());
    const manager = mp.manager("a/b%2F");
    await manager.dict({ tea: 3 }, { name: "c/d" }).length();
    const value = manager.value("i", 0, { name: "e" });
    await value.getLock().run(() => value.set(1));
    const objects = (await inspector.list()).filter(({ kind }) => kind !== "manager");
    expect(objects).toMatchObject(
      ["dict", "rlock", "value"].map((kind) => ({ kind, named: false, owner: null, manager: "a/b%2F" })),
    );
    for (const object of objects) expect(await inspector.remove(object)).toBe(true);
    expect(await manager.objects()).toEqual([]);
  });

  test("an object says with what it vanishes: its maker, its manager, its last end, or nothing", async () => {
    const { mp, inspector } = await open(redis());
    const condition = mp.condition();
    await condition.acquire();
    await mp.manager("shop").dict({ tea: 3 }).length();
    const [end] = mp.pipe();
    await end.send("hello");
    await mp.lock("stock").acquire();
    const owner = { pid: process.pid };
    expect(await inspector.list()).toMatchObject([
      { kind: "dict", named: false, owner: null, manager: "shop" },
      { kind: "lock", named: true, owner: null, manager: null },
      { kind: "manager", name: "shop", named: true, owner: null, manager: null },
      { kind: "pipe", named: false, owner: null, manager: null },
      { kind: "rlock", named: false, owner, manager: null },
    ]);
  });
}

async function waiters(mp: Context, count: number): Promise<void> {
  await until(async () => (await mp.lock("stock").inspect()).waiters.length === count);
}
