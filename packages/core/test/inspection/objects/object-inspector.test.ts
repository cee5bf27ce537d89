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
