import { fileURLToPath } from "node:url";
import { type ConnectOptions, type Context, connect, LockLostError, TimeoutError, ValueError } from "@manyhands/core";
import {
  type Actor,
  type FaultProxy,
  startActor,
  startHostProcess,
  testDistance,
  until,
  useFaultProxy,
  useRedis,
} from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { fenceOf } from "./quorum-tasks.ts";

const LEASE = 2_000;

describe("a lock on three independent masters", () => {
  const main = useRedis();
  const nodes = [useRedis(), useRedis(), useRedis()] as const;

  /** A fresh namespace; every connection goes through a proxy of its own. */
  async function open(options: { lease?: number } = {}): Promise<World> {
    const proxies = await Promise.all(nodes.map((node) => useFaultProxy(node.url)));
    const mainProxy = await useFaultProxy(main.url);
    const place: ConnectOptions = {
      redis: mainProxy.url,
      lockNodes: proxies.map((proxy) => proxy.url),
      namespace: main.namespace(),
      lease: options.lease ?? LEASE,
    };
    const mp = await connect(place);
    onTestFinished(() => mp.close());
    return {
      mp,
      place,
      proxies: proxies as [FaultProxy, FaultProxy, FaultProxy],
      mainProxy,
      keysLeft: async () => {
        const found = await Promise.all(nodes.map((node) => node.client().keys(`{${place.namespace}}/*vote/*`)));
        return found.flat();
      },
    };
  }

  test("L1, L2, L3, L5, L6: acquire, refuse, time out, show and release as on one Redis", async () => {
    const { mp, place, keysLeft } = await open();
    const other = await startActor(place);
    const lock = mp.lock("door");
    expect(await lock.acquire()).toBe(true);
    expect(await lock.acquire(false)).toBe(false);
    expect(await other.run(({ mp: theirs }) => theirs.lock("door").acquire(false))).toBe(false);
    expect(await other.run(({ mp: theirs }) => theirs.lock("door").locked())).toBe(true);
    const started = performance.now();
    expect(await other.run(({ mp: theirs }) => theirs.lock("door").acquire({ timeout: 200 }))).toBe(false);
    expect(performance.now() - started).toBeGreaterThanOrEqual(199);
    await lock.release();
    expect(await lock.locked()).toBe(false);
    await expect(lock.release()).rejects.toThrow(ValueError);
    {
      await using held = await lock.hold();
      expect(held.isHeld).toBe(true);
      await expect(lock.hold({ timeout: 0 })).rejects.toThrow(TimeoutError);
    }
    await expect(lock.run(() => Promise.reject(new RangeError("inside")))).rejects.toThrow(RangeError);
    await until(async () => (await keysLeft()).length === 0, { what: "no vote is left" });
  });

  test("L4: another process may release it; a handle that lost it does not release its successor's", async () => {
    const { mp, place } = await open();
    const other = await startActor(place);
    const lock = mp.lock("shared");
    await lock.acquire();
    await other.run(async ({ mp: theirs }) => {
      await theirs.lock("shared").release();
      await theirs.lock("shared").acquire();
    });
    await expect(lock.release()).rejects.toThrow(LockLostError);
    expect(await lock.locked()).toBe(true);
  });

  test("L7: a holder that dies keeps it for its lease and no longer", async () => {
    const { mp, place } = await open({ lease: 1_000 });
    const other = await startActor(place);
    const fence = await other.run(async ({ mp: theirs }) => (await theirs.lock("left").hold()).fence);
    other.kill();
    const held = await mp.lock("left").hold({ timeout: 5_000 });
    expect(held.fence).toBeGreaterThan(fence);
  });

  test("L8: inspect shows the holder, its fence and who waits, in order", async () => {
    const { mp, place } = await open();
    const other = await startActor(place);
    const lock = mp.lock("watched");
    const held = await lock.hold();
    const pid = await other.run(({ mp: theirs, kept }) => {
      kept.set("waiting", theirs.lock("watched").hold());
      return process.pid;
    });
    await until(async () => (await lock.inspect()).waiters.length === 1, { what: "there is a waiter" });
    const state = await lock.inspect();
    expect(state).toMatchObject({ locked: true, fence: held.fence, holder: { pid: process.pid } });
    expect(state.waiters.map((waiter) => waiter.pid)).toEqual([pid]);
    await held.release();
    await other.run(async ({ kept }) => void (await kept.get("waiting")));
    await until(async () => (await lock.inspect()).holder?.pid === pid, { what: "the other holds it" });
  });

  test("first come, first served, and each woken by the one before", async () => {
    const { mp, place } = await open();
    const other = await startActor(place);
    const lock = mp.lock("line");
    const first = await lock.hold();
    const turns: Promise<number>[] = [];
    for (let number = 0; number < 6; number += 1) {
      const here = (): Promise<number> => mp.lock("line").run(({ fence }) => fence);
      const there = (): Promise<number> => other.run(({ mp: theirs }) => theirs.lock("line").run(({ fence }) => fence));
      turns.push(number % 2 === 0 ? here() : there());
      await until(async () => (await lock.inspect()).waiters.length === number + 1, { what: `${number + 1} wait` });
    }
    await first.release();
    const fences = [first.fence, ...(await Promise.all(turns))];
    expect(fences).toEqual([...fences].sort((left, right) => left - right));
  });

  test("U12: it is handed over to another process, which gets a larger fence", async () => {
    const { mp, place } = await open();
    const other = await startActor(place);
    const held = await mp.lock("passed").hold();
    const ticket = await held.handOver();
    const fence = await other.run(async ({ mp: theirs, kept }, given) => {
      const taken = await theirs.lock("passed").takeOver(given);
      kept.set("taken", taken);
      return taken.fence;
    }, ticket);
    expect(fence).toBeGreaterThan(held.fence);
    await expect(mp.lock("passed").takeOver(ticket)).rejects.toThrow(LockLostError);
    expect(await mp.lock("passed").acquire(false)).toBe(false);
    await other.run(({ kept }) => (kept.get("taken") as { release(): Promise<void> }).release());
    expect(await mp.lock("passed").acquire({ timeout: 1_000 })).toBe(true);
  });

  test("R1: an RLock is held by a majority, too", async () => {
    const { mp, keysLeft } = await open();
    const lock = mp.rlock("again");
    await lock.acquire();
    await lock.acquire();
    await until(async () => (await keysLeft()).length === 3, { what: "all nodes have voted" });
    await lock.release();
    expect(await lock.locked()).toBe(true);
    await lock.release();
    expect(await lock.locked()).toBe(false);
  });

  test.each([
    ["frozen", (_: number, proxy: FaultProxy) => proxy.freeze()],
    ["slow", (_: number, proxy: FaultProxy) => proxy.delay(2_000)],
    ["cut off", (_: number, proxy: FaultProxy) => proxy.refuse()],
  ])("F11: one node that is %s delays no request", async (_, harm) => {
    const { mp, proxies, keysLeft } = await open();
    const lock = mp.lock("steady");
    await lock.run(() => {});
    await harm(1, proxies[1]);
    const rounds: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const started = performance.now();
      await lock.run(({ signal }) => expect(signal.aborted).toBe(false));
      rounds.push(performance.now() - started);
    }
    // The one in the middle: a busy machine may hold up one of them.
    expect(rounds.toSorted((a, b) => a - b)[2]).toBeLessThan(200 + 10 * testDistance());
    proxies[1].thaw();
    proxies[1].delay(0);
    await proxies[1].accept();
    await until(async () => (await keysLeft()).length === 0, { what: "no vote is left" });
  });

  test("a held lock outlives the death of one node, and its rebirth without data", async () => {
    const { mp, proxies } = await open({ lease: 1_000 });
    const lock = mp.lock("kept");
    const held = await lock.hold();
    await nodes[0].killHard();
    await nodes[0].restart({ keepData: false });
    await until(async () => (await nodes[0].client().keys("*kept")).length > 0, { what: "the node votes again" });
    // With the reborn node and one other there is a majority again.
    proxies[1].freeze();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(held.isHeld).toBe(true);
    proxies[1].thaw();
    expect(await lock.acquire(false)).toBe(false);
    await held.release();
  });

  test("F8: a majority that lost its data ends the lock, and its holder is told", async () => {
    const { mp } = await open({ lease: 1_000 });
    const held = await mp.lock("gone").hold();
    const lost = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    await Promise.all([nodes[0].restart({ keepData: false }), nodes[1].restart({ keepData: false })]);
    await lost;
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    await expect(held.release()).rejects.toThrow(LockLostError);
    // Nothing of it is left in the way.
    expect(await mp.lock("gone").acquire({ timeout: 900 })).toBe(true);
  });

  test("F2: a holder that reaches no majority is told before its lease can have ended", async () => {
    const { mp, proxies } = await open({ lease: 1_000 });
    const held = await mp.lock("alone").hold();
    const since = performance.now();
    const lost = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    proxies[0].freeze();
    await proxies[1].refuse();
    await lost;
    expect(performance.now() - since).toBeLessThan(1_000);
  });

  test("F10: with two nodes away no process gets it, in bounded time, and no vote is left behind", async () => {
    const { mp, proxies, keysLeft } = await open();
    const lock = mp.lock("no majority");
    await lock.run(() => {});
    proxies[0].freeze();
    await proxies[1].refuse();
    const started = performance.now();
    expect(await lock.acquire(false)).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(await lock.acquire({ timeout: 500 })).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_000);
    proxies[0].thaw();
    await proxies[1].accept();
    await until(async () => (await keysLeft()).length === 0, { what: "no vote is left" });
    expect(await lock.acquire({ timeout: 3_000 })).toBe(true);
  });

  test("six contenders take turns without a failure, and fences grow over different majorities", async () => {
    const { mp, place, proxies } = await open();
    const actors: Actor[] = await Promise.all([1, 2].map(() => startActor(place)));
    const contend = ({ mp: theirs }: { mp: Context }): Promise<number[]> =>
      Promise.all(
        [1, 2].map(async () => {
          const fences: number[] = [];
          for (let round = 0; round < 6; round += 1) {
            await theirs.lock("contended").run(async ({ fence, signal }) => {
              await new Promise((resolve) => setTimeout(resolve, 5));
              signal.throwIfAborted();
              fences.push(fence);
            });
          }
          return fences;
        }),
      ).then((all) => all.flat());
    const running = Promise.all([contend({ mp }), ...actors.map((actor) => actor.run(contend))]);
    for (const proxy of proxies) {
      proxy.freeze();
      await new Promise((resolve) => setTimeout(resolve, 300));
      proxy.thaw();
    }
    const fences = (await running).flat();
    expect(fences).toHaveLength(36);
    expect(new Set(fences).size).toBe(36);
  });

  test("fences grow although each acquisition has another majority", async () => {
    const { mp, proxies } = await open();
    const lock = mp.lock("fenced");
    const fences: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const away = proxies[round % 3] as FaultProxy;
      away.freeze();
      fences.push(await lock.run(({ fence }) => fence, { timeout: 5_000 }));
      away.thaw();
    }
    expect(fences).toEqual([...new Set(fences)].sort((left, right) => left - right));
  });

  test.each(["--lock-nodes", "MANYHANDS_LOCK_NODES"])(
    "children of a host that has %s vote on the same nodes",
    async (how) => {
      const { mp, place } = await open();
      const urls = nodes.map((node) => node.url).join(",");
      await startHostProcess({
        url: main.url,
        namespace: mp.namespace,
        tasks: [fileURLToPath(new URL("./quorum-tasks.ts", import.meta.url))],
        slots: 1,
        ...(how === "--lock-nodes" ? { arguments: [how, urls] } : { env: { [how]: urls } }),
      });
      await using pool = mp.pool(1);
      const fence = await pool.apply(fenceOf, [mp.lock("travelling")]);
      const known = await Promise.all(
        nodes.map((node) => node.client().get(`{${place.namespace}}/lock-fence/travelling`)),
      );
      expect(known.filter((one) => Number(one) >= fence).length).toBeGreaterThanOrEqual(2);
    },
  );

  test.each([
    ["dead", (proxy: FaultProxy) => proxy.refuse()],
    ["frozen", (proxy: FaultProxy) => proxy.freeze()],
  ])("locks go on while the main Redis is %s, and with it again", async (_, harm) => {
    const { mp, place, mainProxy } = await open({ lease: 10_000 });
    const other = await startActor(place);
    const lock = mp.lock("onwards");
    await lock.run(() => {});
    await other.run(({ mp: theirs }) => theirs.lock("onwards").run(() => {}));
    await harm(mainProxy);
    const held = await lock.hold({ timeout: 3_000 });
    const waiting = other.run(({ mp: theirs }) => theirs.lock("onwards").run(({ fence }) => fence));
    expect(await other.run(({ mp: theirs }) => theirs.lock("onwards").acquire(false))).toBe(false);
    await held.release();
    expect(await waiting).toBeGreaterThan(held.fence);
    mainProxy.thaw();
    await mainProxy.accept();
    expect(await lock.run(() => "again", { timeout: 5_000 })).toBe("again");
    await until(async () => (await lock.inspect()).waiters.length === 0, { what: "no waiter is left" });
  });
});

describe("a lock on five independent masters", () => {
  const main = useRedis();
  const nodes = [1, 2, 3, 4, 5].map(() => useRedis());

  test("two may be away, whichever, a third may not; fences grow over all majorities", async () => {
    const proxies = await Promise.all(nodes.map((node) => useFaultProxy(node.url)));
    const lockNodes = proxies.map((proxy) => proxy.url);
    const place: ConnectOptions = { redis: main.url, lockNodes, namespace: main.namespace(), lease: LEASE };
    const mp = await connect(place);
    onTestFinished(() => mp.close());
    const other = await startActor(place);
    const lock = mp.lock("five");
    const fences: number[] = [];
    for (const away of [[0, 1], [2, 3], [4, 0], []]) {
      for (const node of away) await proxies[node]?.refuse();
      // Those of the round before may still be on their way back.
      const held = await lock.hold({ timeout: 10_000 });
      expect(await other.run(({ mp: theirs }) => theirs.lock("five").acquire(false))).toBe(false);
      fences.push(held.fence);
      await held.release();
      fences.push(await other.run(({ mp: theirs }) => theirs.lock("five").run(({ fence }) => fence)));
      for (const node of away) await proxies[node]?.accept();
    }
    expect(fences).toEqual([...new Set(fences)].sort((left, right) => left - right));
    for (const node of [1, 2, 3]) await proxies[node]?.refuse();
    expect(await lock.acquire(false)).toBe(false);
    await proxies[2]?.accept();
    expect(await lock.acquire({ timeout: 10_000 })).toBe(true);
  });
});

describe("the nodes of a lock", () => {
  const [redis, spare] = [useRedis(), useRedis()];

  test.each([
    [1, "at least 3"],
    [2, "at least 3"],
    [4, "odd number"],
  ])("%i nodes are refused with the reason", async (count, why) => {
    const lockNodes = Array.from({ length: count }, (_, index) => `redis://127.0.0.1:${7_000 + index}`);
    await expect(connect({ redis: redis.url, lockNodes })).rejects.toThrow(ValueError);
    await expect(connect({ redis: redis.url, lockNodes })).rejects.toThrow(why);
  });

  test("one server under two addresses is refused", async () => {
    const [one, other] = [await useFaultProxy(redis.url), await useFaultProxy(redis.url)];
    const lockNodes = [one.url, other.url, "redis://127.0.0.1:1"];
    const logger = { info() {}, warn() {}, error() {} };
    await expect(connect({ redis: redis.url, lockNodes, logger })).rejects.toThrow("are the same one");
  });

  test("a node that is away is a warning, a majority that is away an error", async () => {
    const lockNodes = [redis.url, spare.url, "redis://127.0.0.1:1"];
    const warnings: string[] = [];
    const logger = { info() {}, warn: (message: string) => void warnings.push(message), error() {} };
    const mp = await connect({ redis: redis.url, lockNodes, logger });
    await mp.close();
    expect(warnings).toEqual([expect.stringContaining("127.0.0.1:1 is not reachable")]);
    await spare.stop();
    await expect(connect({ redis: redis.url, lockNodes, logger })).rejects.toThrow("2 of the 3 lockNodes");
    await spare.restart();
  });

  test("the same server twice is refused", async () => {
    const lockNodes = ["redis://127.0.0.1:7001", "redis://127.0.0.1:7002", "redis://:secret@127.0.0.1:7001"];
    await expect(connect({ redis: redis.url, lockNodes })).rejects.toThrow("got 127.0.0.1:7001 twice");
  });
});

interface World {
  mp: Context;
  place: ConnectOptions;
  proxies: [FaultProxy, FaultProxy, FaultProxy];
  mainProxy: FaultProxy;
  /** Votes that nodes still keep. */
  keysLeft(): Promise<string[]>;
}
