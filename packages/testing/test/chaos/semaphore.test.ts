import { type Context, type CountDownLatch, LockLostError, type Semaphore, StateLostError } from "@manyhands/core";
import { Keys, ObjectInspector } from "@manyhands/core/internal";
import { type Actor, startActor, until, useFaultProxy, useNamespace, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { type Contended, contend, type Section } from "./contend.ts";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const PERMITS = 3;
const redis = useRedis();
const namespace = useNamespace(redis, { lease: LEASE });

const ROOMS: Contended = { semaphore: { name: "rooms", permits: PERMITS }, givesUp: true };

/** The most permits that were in use at once. */
function mostAtOnce(sections: Section[]): number {
  const changes = sections.flatMap(({ permits, entered, left }) => [
    { at: entered, by: permits },
    { at: left, by: -permits },
  ]);
  changes.sort((one, other) => one.at - other.at || one.by - other.by);
  let [now, most] = [0, 0];
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

/** Keys of the semaphore of that name. */
async function keysOf(name: string): Promise<string[]> {
  const keys = await redis.client().keys(`{${namespace.name}}/semaphore*`);
  return keys.filter((key) => key.endsWith(`/${name}`)).map((key) => key.split("/")[1] ?? key);
}

describe("a semaphore in trouble", () => {
  test("guarantees 5 and 6: with killed, frozen and disconnected holders, never more permits are trusted than exist, and all are returned", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const proxy = await useFaultProxy(redis.url);
    const options = namespace.options;
    const semaphore = (await namespace.connect()).boundedSemaphore(PERMITS, { name: "rooms" });
    const [steady, second, cut, frozen] = await Promise.all([
      startActor(options),
      startActor(options),
      startActor({ ...options, redis: proxy.url }),
      startActor(options),
    ]);
    const logs = [steady, second, cut, frozen].map((actor) => contend(actor, ROOMS, 5_000));
    const end = performance.now() + 4_000;
    let kills = 0;
    while (performance.now() < end || kills < 2) {
      const victim = await startActor(options);
      contend(victim, ROOMS, 60_000).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 300));
      victim.kill();
      kills += 1;
      if (kills % 4 === 1) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.6);
      }
      if (random() < 0.5) proxy.cut();
      if (random() < 0.5) void proxy.dropReplies((command) => command.includes("rooms"));
    }
    frozen.thaw();
    const sections = (await Promise.all(logs)).flat();
    const trusted = sections.filter((section) => section.trusted);
    expect(trusted.length, `seed ${seed}`).toBeGreaterThan(20);
    expect(mostAtOnce(trusted), `seed ${seed}: most permits in use at once`).toBe(PERMITS);
    expect(kills).toBeGreaterThan(1);
    // The last one that was killed may have been waiting: its place in the line is there until its lease is over.
    await until(async () => (await semaphore.inspect()).waiters.length === 0, {
      what: `seed ${seed}: the line is empty`,
    });
    await until(async () => (await semaphore.getValue()) === PERMITS, { what: `seed ${seed}: all permits are back` });
    expect(await semaphore.inspect(), `seed ${seed}`).toMatchObject({ holders: [], waiters: [] });
    expect(await keysOf("rooms"), `seed ${seed}`).toEqual(["semaphore"]);
    expect(await redis.client().hmget(`{${namespace.name}}/semaphore/rooms`, "reserved", "leased")).toEqual(["0", "0"]);
  });

  test("F5, guarantee 6: leased permits of a killed holder are returned within its lease; anonymous ones stay taken", async () => {
    const mp = await namespace.connect();
    const semaphore = mp.semaphore(3, { name: "orphans" });
    const actor = await startActor(namespace.options);
    await actor.run(async ({ mp: theirs }) => {
      await theirs.semaphore(3, { name: "orphans" }).acquire();
      await theirs.semaphore(3, { name: "orphans" }).hold({ permits: 2 });
    });
    const waiting = semaphore.acquire({ permits: 2, timeout: 20_000 });
    const started = performance.now();
    actor.kill();
    expect(await waiting).toBe(true);
    expect(performance.now() - started).toBeLessThan(LEASE + 1_000);
    expect(await semaphore.getValue()).toBe(0);
    expect(await semaphore.acquire({ timeout: 100 })).toBe(false);
  });

  test("F1, F4: a holder frozen for longer than its lease finds its permits lost, and its release takes no other holder's permits", async () => {
    const mp = await namespace.connect();
    const semaphore = mp.boundedSemaphore(1, { name: "slow" });
    const actor = await startActor(namespace.options);
    await actor.run(async ({ mp: theirs, kept }) => {
      kept.set("held", await theirs.boundedSemaphore(1, { name: "slow" }).hold());
    });
    actor.freeze();
    const held = await semaphore.hold({ timeout: 10_000 });
    actor.thaw();
    const outcome = await actor.run(async ({ kept }) => {
      const theirs = kept.get("held") as { signal: AbortSignal; isHeld: boolean; release(): Promise<void> };
      const { isHeld } = theirs;
      const released = await theirs.release().then(
        () => "released",
        (error: Error) => error.name,
      );
      return { isHeld, released, aborted: theirs.signal.aborted };
    });
    expect(outcome).toEqual({ isHeld: false, released: "LockLostError", aborted: true });
    expect(held.isHeld).toBe(true);
    expect(await semaphore.inspect()).toMatchObject({ value: 0, holders: [{ pid: process.pid }] });
    await held.release();
    expect(await semaphore.getValue()).toBe(1);
  });

  test("F2: a holder that cannot reach Redis is told by its own clock, before another process gets its permits", async () => {
    const proxy = await useFaultProxy(redis.url);
    const [cutOff, other] = [await namespace.connect({ redis: proxy.url }), await namespace.connect()];
    const held = await cutOff.semaphore(1, { name: "far" }).hold();
    const waiting = other.semaphore(1, { name: "far" }).hold();
    await until(async () => (await other.semaphore(1, { name: "far" }).inspect()).waiters.length === 1);
    proxy.freeze();
    const told = new Promise<number>((resolve) => {
      held.signal.addEventListener("abort", () => resolve(performance.now()));
    });
    const granted = waiting.then(() => performance.now());
    expect(await told).toBeLessThanOrEqual(await granted);
    expect(held.isHeld).toBe(false);
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    expect(held.signal.reason.reason).toBe("deadline");
    await expect(held.release()).rejects.toThrow(LockLostError);
    proxy.thaw();
    expect((await waiting).isHeld).toBe(true);
  });

  test("F3: permits that are taken back from outside are lost soon, and their release takes no other holder's", async () => {
    const mp = await namespace.connect();
    const semaphore = mp.semaphore(1, { name: "taken" });
    const [kept, held] = [await mp.semaphore(1, { name: "kept" }).hold(), await semaphore.hold()];
    const inspector = new ObjectInspector({ client: redis.client(), keys: new Keys(namespace.name) });
    const waiting = semaphore.acquire({ timeout: 5_000 });
    await until(async () => (await semaphore.inspect()).waiters.length === 1, { what: "the holder itself waits, too" });
    expect(await inspector.release({ kind: "semaphore", name: "taken" })).toHaveLength(1);
    expect(await waiting).toBe(true);
    await until(() => held.signal.aborted, { timeout: LEASE, what: "the loss is noticed" });
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    await expect(held.release()).rejects.toThrow(LockLostError);
    expect(await semaphore.getValue()).toBe(0);
    expect(kept.isHeld).toBe(true);
    await kept.release();
  });

  test("F16: dead and frozen waiters are skipped, live waiters keep their order", async () => {
    const mp = await namespace.connect();
    const semaphore = mp.semaphore(0, { name: "line" });
    const order: string[] = [];
    const options = { ...namespace.options, lease: 30_000 };
    const [killed, frozen, first, second] = await Promise.all([1, 2, 3, 4].map(() => startActor(options)));
    if (!killed || !frozen || !first || !second) throw new Error("no actors");
    const wait = async (actor: Actor, name: string): Promise<void> => {
      const place = (await semaphore.inspect()).waiters.length + 1;
      actor
        .run(({ mp: theirs }) => theirs.semaphore(0, { name: "line" }).acquire())
        .then(
          () => order.push(name),
          () => {},
        );
      await until(async () => (await semaphore.inspect()).waiters.length === place, { what: `${place} wait` });
    };
    await wait(killed, "killed");
    await wait(frozen, "frozen");
    await wait(first, "first");
    await wait(second, "second");
    killed.kill();
    frozen.freeze();
    await semaphore.release();
    await until(() => order.length === 1, { what: "the first of the living goes on" });
    await semaphore.release();
    await until(() => order.length === 2, { what: "the second of the living goes on" });
    frozen.thaw();
    await semaphore.release();
    await until(() => order.length === 3, { what: "the one that was frozen goes on" });
    expect(order).toEqual(["first", "second", "frozen"]);
  });

  test("F18: acquires, releases and held permits whose answers are lost count once", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await namespace.connect({ redis: proxy.url, lease: 30_000 });
    const semaphore = mp.semaphore(10, { name: "echo" });
    expect(await semaphore.getValue()).toBe(10);
    const losing = async <Value>(act: () => Promise<Value>): Promise<Value> => {
      const lost = proxy.dropReplies((command) => command.includes("semaphore/echo"));
      const value = await act();
      await lost;
      return value;
    };
    expect(await losing(() => semaphore.acquire({ permits: 3 }))).toBe(true);
    expect(await semaphore.getValue()).toBe(7);
    await losing(() => semaphore.release(2));
    expect(await semaphore.getValue()).toBe(9);
    const held = await losing(() => semaphore.hold({ permits: 4 }));
    expect(await semaphore.getValue()).toBe(5);
    await losing(() => held.release());
    expect(await semaphore.getValue()).toBe(9);
  });

  test("F19: a timeout that meets the grant loses no permit", async () => {
    const mp = await namespace.connect();
    const semaphore = mp.semaphore(0);
    for (let round = 0; round < 40; round += 1) {
      const waiting = semaphore.acquire({ timeout: 6 });
      setTimeout(() => void semaphore.release(), 5);
      const granted = await waiting;
      await until(async () => (await semaphore.getValue()) === (granted ? 0 : 1), { what: "granted or left" });
      if (!granted) expect(await semaphore.acquire({ timeout: 1_000 })).toBe(true);
    }
    expect(await semaphore.inspect()).toMatchObject({ value: 0, waiters: [] });
  });

  test("F8: Redis restarts with its data: who holds still holds, who waits still waits", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const other = await namespace.connect({ lease: 30_000 });
    const held = await mp.semaphore(1, { name: "kept" }).hold();
    const waiting = other.semaphore(1, { name: "kept" }).acquire({ timeout: 20_000 });
    await until(async () => (await mp.semaphore(1, { name: "kept" }).inspect()).waiters.length === 1);
    await redis.restart();
    expect(await mp.semaphore(1, { name: "kept" }).getValue()).toBe(0);
    expect(held.isHeld).toBe(true);
    await held.release();
    expect(await waiting).toBe(true);
  });

  test("F8, U11: Redis restarts without its data: holders and waiters get a StateLostError, then all is well", async () => {
    const mp = await namespace.connect({ lease: 30_000 });
    const other = await namespace.connect({ lease: 30_000 });
    const semaphore = other.semaphore(1, { name: "forgotten" });
    const held = await mp.semaphore(1, { name: "forgotten" }).hold();
    const failed = expect(semaphore.acquire()).rejects.toThrow(StateLostError);
    await until(async () => (await semaphore.inspect()).waiters.length === 1, { what: "there is a waiter" });
    await redis.restart({ keepData: false });
    await failed;
    await until(() => held.signal.aborted, { what: "the holder is told" });
    expect(held.signal.reason).toBeInstanceOf(StateLostError);
    await expect(held.release()).rejects.toThrow(StateLostError);
    // It met the semaphore that is gone: that is said once.
    await expect(semaphore.release()).rejects.toThrow(StateLostError);
    expect(await semaphore.acquire()).toBe(true);
    expect(await semaphore.getValue()).toBe(0);
  });

  test("F9: a permit whose release a failover lost comes back while its holder lives", async () => {
    // given
    const proxy = await useFaultProxy(redis.url);
    const [mp, there] = await Promise.all([
      namespace.connect({ redis: proxy.url, lease: 30_000 }),
      namespace.connect(),
    ]);
    const held = await mp.semaphore(1, "one").hold();
    const client = redis.client();
    const keys = await client.keys(`{${namespace.name}}/*semaphore*`);
    const before = await Promise.all(keys.map(async (key) => [key, await client.dumpBuffer(key)] as const));

    // when: the replica did not hear of the release
    await held.release();
    for (const [key, value] of before) if (value) await client.restore(key, 0, value, "REPLACE");
    proxy.cut();

    // then
    expect(await there.semaphore(1, "one").acquire({ timeout: 20_000 })).toBe(true);
  });

  test("no key of a killed program's unnamed semaphore is left while other programs run", async () => {
    const mp = await namespace.connect();
    await mp.semaphore(1, { name: "mine" }).acquire();
    const actor = await startActor(namespace.options);
    const name = await actor.run(async ({ mp: theirs }) => {
      const semaphore = theirs.semaphore(2);
      await semaphore.acquire();
      await semaphore.hold();
      void semaphore.acquire();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return semaphore.name;
    });
    actor.kill();
    const left = async (): Promise<string[]> =>
      (await redis.client().keys("*")).filter((key) => key.includes(name.split("-")[0] ?? name));
    expect(await left()).not.toEqual([]);
    await until(async () => (await left()).length === 0, { what: "nothing is left" });
    expect(await redis.client().zrange(`{${namespace.name}}/objects`, "0", "-1")).toEqual(["semaphore/mine"]);
  });
});

describe("a change whose answer is lost, and that is sent again after its session has ended, acts once", () => {
  const semaphoreOf = (mp: Context): Semaphore => mp.semaphore(5, "count");
  const latchOf = (mp: Context): CountDownLatch => mp.countDownLatch(5, "count");

  test.each<[string, (mp: Context) => Promise<unknown>, (mp: Context) => Promise<number>, number]>([
    ["release of a permit", (mp) => semaphoreOf(mp).release(), (mp) => semaphoreOf(mp).getValue(), 6],
    ["acquire of a permit", (mp) => semaphoreOf(mp).acquire(), (mp) => semaphoreOf(mp).getValue(), 4],
    ["count down of a latch", (mp) => latchOf(mp).countDown(), (mp) => latchOf(mp).count(), 4],
  ])("F18: %s", async (_, change, value, expected) => {
    const proxy = await useFaultProxy(redis.url);
    const [cutOff, watcher] = await Promise.all([namespace.connect({ redis: proxy.url }), namespace.connect()]);
    expect(await value(watcher)).toBe(5);
    // Its session is there.
    await cutOff.event("known").set();
    const answerIsLost = proxy.dropReplies((command) => command.includes("/session-"));
    const changing = change(cutOff);
    await answerIsLost;
    await proxy.refuse();
    const sessions = async (): Promise<string[]> =>
      (await redis.client().zrange(`{${namespace.name}}/deadlines`, "0", "-1")).filter((due) =>
        due.startsWith("session/"),
      );
    await until(async () => (await sessions()).length === 1, { what: "only the session of the watcher is left" });
    await proxy.accept();
    await changing;
    expect(await value(watcher)).toBe(expected);
  });
});
