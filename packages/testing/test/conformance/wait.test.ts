import { fileURLToPath } from "node:url";
import {
  BrokenBarrierError,
  ClosedError,
  type Connection,
  type ConnectOptions,
  type Context,
  connect,
  EndOfFileError,
  type Process,
  QueueEmptyError,
  QueueFullError,
  TimeoutError,
  ValueError,
  withOwner,
} from "@manyhands/core";
import { openRedis } from "@manyhands/core/internal";
import { inEveryWorld, startHostProcess, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import * as tasks from "./pipe-tasks.ts";

inEveryWorld((world) => {
  describe("wait", () => {
    test("N7: gives the connections that can receive, in their order; none after the timeout, negative = one look", async () => {
      const { mp } = await world.open();
      const [first, second, third] = [mp.pipe(), mp.pipe(), mp.pipe()];
      const ends = [first[0], second[0], third[0]];
      expect(await mp.wait(ends, 0)).toEqual([]);
      expect(await mp.wait(ends, -1)).toEqual([]);
      const started = performance.now();
      expect(await mp.wait(ends, 120)).toEqual([]);
      expect(performance.now() - started).toBeGreaterThanOrEqual(119);
      await third[1].send("x");
      await first[1].send("y");
      const ready = await mp.wait(ends);
      expect(ready.map((end) => ends.indexOf(end))).toEqual([0, 2]);
      expect([await first[0].recv(), await third[0].recv()]).toEqual(["y", "x"]);
      expect(await mp.wait([], 0)).toEqual([]);
    });

    test("N7: is woken by a message and by the end of the file, and leaves nothing behind", async () => {
      const { mp, other, options } = await world.open();
      const pairs = [mp.pipe<string>(), mp.pipe<string>()] as const;
      await mp.queue("ends").put([pairs[0][1], pairs[1][1]]);
      for (const [, theirs] of pairs) await theirs.close();
      await other.run(async ({ mp: theirs, kept }) => {
        kept.set("ends", await theirs.queue("ends").get());
      });
      const ends = pairs.map(([ours]) => ours);
      const waiting = mp.wait(ends);
      await until(async () => (await waiters(options)) === 2, { what: "it waits for both" });
      await other.run(({ kept }) => (kept.get("ends") as Connection[])[1]?.send("hello"));
      expect(await waiting).toEqual([ends[1]]);
      expect(await ends[1]?.recv()).toBe("hello");
      const atEnd = mp.wait(ends, 10_000);
      await other.run(({ kept }) => (kept.get("ends") as Connection[])[0]?.close());
      expect(await atEnd).toEqual([ends[0]]);
      await expect(ends[0]?.recv()).rejects.toThrow(EndOfFileError);
      await until(async () => (await waiters(options)) === 0, { what: "no waiter is left" });
    });

    test("queues can be waited for beside connections; the signal ends the wait; a closed connection is refused", async () => {
      const { mp, other, options } = await world.open();
      const queue = mp.queue<number>("line");
      const [left, right] = mp.pipe();
      const both = [queue, left];
      const waiting = mp.wait(both);
      await until(async () => (await waiters(options)) === 2, { what: "it waits for both" });
      await other.run(({ mp: theirs }) => theirs.queue("line").put(1));
      expect(await waiting).toEqual([queue]);
      expect(await queue.get()).toBe(1);
      const stop = new AbortController();
      const stopped = expect(mp.wait(both, { signal: stop.signal })).rejects.toThrow("enough");
      stop.abort(new Error("enough"));
      await stopped;
      await right.close();
      expect(await mp.wait(both)).toEqual([left]);
      await left.close();
      await expect(mp.wait(both)).rejects.toThrow(ClosedError);
      for (const bad of [1, null, {}, Promise.resolve()])
        await expect(mp.wait([bad as never])).rejects.toThrow(ValueError);
      await expect(mp.wait([queue], "soon" as never)).rejects.toThrow(ValueError);
    });
  });
});

/** How many waits for connections and queues are stored. */
async function waiters(options: ConnectOptions): Promise<number> {
  const client = openRedis(options.redis, { name: "test" });
  await client.ping();
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  const keys = (await Promise.all(nodes.map((node) => node.keys(`{${options.namespace}}/*-pollers/*`)))).flat();
  const sizes = await Promise.all(keys.map((key) => client.llen(key)));
  client.disconnect();
  return sizes.reduce((sum, size) => sum + size, 0);
}

const sharedRedis = useRedis();

describe("while Redis does not answer", () => {
  const redis = useRedis();

  test("N7: a wait ends with its signal, and soon after its time", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await connect({ redis: proxy.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close({ timeout: 0 }));
    const queue = mp.queue();
    await queue.put(1);
    expect(await mp.wait([queue], 0)).toEqual([queue]);
    proxy.freeze();
    const abortion = new AbortController();
    const aborted = expect(mp.wait([queue], { signal: abortion.signal })).rejects.toThrow("enough");
    const late = mp.wait([queue], 1_100);
    abortion.abort(new RangeError("enough"));
    await aborted;
    expect(await late).toEqual([]);
    proxy.thaw();
    expect(await mp.wait([queue], 0)).toEqual([queue]);
  }, 8_000);
});

test("N7: what becomes ready during a look is found, also by a later wait for the same", async () => {
  const mp = await connect({ redis: sharedRedis.url, namespace: sharedRedis.namespace() });
  onTestFinished(() => mp.close());
  const queue = mp.queue();
  const { promise: whenReady, resolve } = Promise.withResolvers<void>();
  const sentinel = { ready: false, whenReady };
  expect(await mp.wait([sentinel], 20)).toEqual([]);
  const found = mp.wait([sentinel, queue], 5_000);
  sentinel.ready = true;
  resolve();
  expect(await found).toEqual([sentinel]);
});

test("N7: what became ready in time is told, also when the look at it ends after the time", async () => {
  const mp = await connect({ redis: sharedRedis.url, namespace: sharedRedis.namespace() });
  onTestFinished(() => mp.close());
  const startedAt = performance.now();
  let looks = 0;
  const slow = {
    poll: async ({ timeout }: { timeout?: number }) => {
      if (timeout === 0) {
        looks += 1;
        if (looks > 1) await new Promise((resolve) => setTimeout(resolve, 20));
        return looks > 1;
      }
      // The program was busy until the time was over.
      while (performance.now() - startedAt < 1_200);
      return true;
    },
  };
  expect(await mp.wait([slow], 1_100)).toEqual([slow]);
});

describe("every wait", () => {
  type HowToWait = boolean | { block?: boolean; timeout?: number; signal?: AbortSignal };
  type Wait = (how: HowToWait | undefined) => Promise<unknown>;

  /** Nothing of this ever comes, for there are no hosts and nobody else takes part. `over`: what tells that the time is over. */
  const WAITS: Record<string, { over: unknown; make: (mp: Context) => Wait | Promise<Wait> }> = {
    "lock.acquire": { over: false, make: async (mp) => waitFor(await heldBefore(mp.lock()), "acquire") },
    "lock.hold": { over: TimeoutError, make: async (mp) => waitFor(await heldBefore(mp.lock()), "hold") },
    "rlock.acquire": {
      over: false,
      make: async (mp) => {
        const lock = await heldBefore(mp.rlock());
        return (how) => withOwner(() => lock.acquire(how));
      },
    },
    "readLock.acquire": {
      over: false,
      make: async (mp) => {
        const lock = mp.readWriteLock();
        await lock.writeLock().acquire();
        return (how) => withOwner(() => lock.readLock().acquire(how));
      },
    },
    "semaphore.acquire": { over: false, make: (mp) => waitFor(mp.semaphore(0), "acquire") },
    "semaphore.hold": { over: TimeoutError, make: (mp) => waitFor(mp.semaphore(0), "hold") },
    "limiter.take": {
      over: TimeoutError,
      make: async (mp) => {
        const limiter = mp.rateLimiter("taken", { concurrency: 1 });
        await limiter.take();
        return waitFor(limiter, "take");
      },
    },
    "event.wait": { over: false, make: (mp) => waitFor(mp.event(), "wait") },
    "condition.wait": { over: false, make: async (mp) => waitFor(await heldBefore(mp.condition()), "wait") },
    "condition.waitFor": {
      over: false,
      make: async (mp) => {
        const condition = await heldBefore(mp.condition());
        return (how) => condition.waitFor(() => false, how);
      },
    },
    "barrier.wait": { over: BrokenBarrierError, make: (mp) => (how) => mp.barrier(2).wait(how) },
    "latch.wait": { over: false, make: (mp) => waitFor(mp.countDownLatch(1), "wait") },
    "latch.await": { over: false, make: (mp) => waitFor(mp.countDownLatch(1), "await") },
    "queue.get": { over: QueueEmptyError, make: (mp) => waitFor(mp.queue(), "get") },
    "queue.getMany": {
      over: QueueEmptyError,
      make: (mp) => {
        const queue = mp.queue();
        return (how) => queue.getMany(2, how);
      },
    },
    "queue.put": {
      over: QueueFullError,
      make: async (mp) => {
        const queue = mp.queue<number>({ maxSize: 1 });
        await queue.put(1);
        return (how) => queue.put(2, how);
      },
    },
    "queue.poll": { over: false, make: (mp) => waitFor(mp.queue(), "poll") },
    "queue.join": {
      over: false,
      make: async (mp) => {
        const queue = mp.joinableQueue<number>();
        await queue.put(1);
        return (how) => queue.join(how);
      },
    },
    "connection.recv": { over: TimeoutError, make: (mp) => waitFor(mp.pipe()[0], "recv") },
    "connection.poll": { over: false, make: (mp) => waitFor(mp.pipe()[0], "poll") },
    "mp.wait": {
      over: [],
      make: (mp) => {
        const objects = [mp.queue(), mp.pipe()[0]];
        return (how) => mp.wait(objects, how);
      },
    },
    "result.get": { over: TimeoutError, make: (mp) => waitFor(mp.pool(1).applyAsync("nobody", []), "get") },
    "result.wait": { over: false, make: (mp) => waitFor(mp.pool(1).applyAsync("nobody", []), "wait") },
    "imap.next": { over: TimeoutError, make: (mp) => waitFor(mp.pool(1).imap("nobody", [1]), "next") },
    "pool.join": {
      over: false,
      make: (mp) => {
        const pool = mp.pool(1);
        void pool.applyAsync("nobody", []).wait();
        pool.close();
        return (how) => pool.join(how);
      },
    },
    "process.started": { over: false, make: async (mp) => waitFor(await started(mp), "started") },
    // As in Python, it gives nothing (P4).
    "process.join": { over: undefined, make: async (mp) => waitFor(await started(mp), "join") },
  };

  /** The method of the object that waits. */
  function waitFor<Name extends string>(
    object: { [Key in Name]: (how?: HowToWait) => Promise<unknown> },
    method: Name,
  ): Wait {
    return (how) => object[method](how);
  }

  async function heldBefore<Held extends { acquire(): Promise<boolean> }>(lock: Held): Promise<Held> {
    expect(await lock.acquire()).toBe(true);
    return lock;
  }

  async function started(mp: Context): Promise<Process> {
    const process = mp.process("nobody", { daemon: true });
    await process.start();
    return process;
  }

  let mp: Context;

  beforeAll(async () => {
    const logger = { info() {}, warn() {}, error() {} };
    mp = await connect({ redis: sharedRedis.url, namespace: sharedRedis.namespace(), logger });
  });

  afterAll(() => mp.close({ timeout: 0 }));

  test.each(Object.entries(WAITS))("%s", async (_name, { over, make }) => {
    const wait = await make(mp);
    const expectOver = async (how: HowToWait): Promise<void> => {
      if (typeof over === "function") await expect(wait(how)).rejects.toBeInstanceOf(over);
      else expect(await wait(how)).toEqual(over);
    };
    // It says in its own way that the time is over, not before, and at once when it was to look only.
    const startedAt = performance.now();
    await expectOver({ timeout: 60 });
    // A timer counts whole milliseconds, from the one in which its turn of the event loop began.
    expect(performance.now() - startedAt).toBeGreaterThan(58);
    for (const how of [false, { block: false, timeout: 60_000 }, { timeout: 0 }, { timeout: -1 }])
      await expectOver(how);
    // It ends with the reason of the signal, also with one that was aborted before.
    const enough = new AbortController();
    const aborted = expect(wait({ timeout: 60_000, signal: enough.signal })).rejects.toThrow("enough");
    setTimeout(() => enough.abort(new RangeError("enough")), 10);
    await aborted;
    await expect(wait({ signal: enough.signal })).rejects.toThrow("enough");
    // It refuses what it does not take.
    for (const how of ["soon", { timeout: "soon" }, { timeout: Number.NaN }, { timeuot: 5 }, { signal: {} }]) {
      await expect((async () => wait(how as HowToWait))(), JSON.stringify(how)).rejects.toBeInstanceOf(ValueError);
    }
  });
});

describe("with hosts", () => {
  const redis = useRedis();
  let mp: Context;

  beforeAll(async () => {
    const namespace = redis.namespace();
    const module = fileURLToPath(new URL("./pipe-tasks.ts", import.meta.url));
    await startHostProcess({ url: redis.url, namespace, tasks: [module], slots: 2 });
    mp = await connect({ redis: redis.url, namespace });
  });

  afterAll(() => mp.close());

  test("N7, P14: results, sentinels and connections are waited for together", async () => {
    await using pool = mp.pool(2);
    const slow = pool.applyAsync(tasks.double, [1, 60_000]);
    const quick = pool.applyAsync(tasks.double, [2, 50]);
    const [left, right] = mp.pipe();
    const process = mp.process(tasks.double, { args: [3] });
    await process.start();
    const { sentinel } = process;
    const pending = new Set<unknown>([quick, sentinel]);
    while (pending.size > 0) {
      for (const one of await mp.wait([slow, quick, left, sentinel], 20_000)) {
        pending.delete(one);
        expect([quick, sentinel]).toContain(one);
      }
    }
    expect([quick.ready(), process.exitcode]).toEqual([true, 0]);
    await right.send("now");
    expect(await mp.wait([slow, left])).toEqual([left]);
    await pool.terminate();
    expect(await mp.wait([slow])).toEqual([slow]);
  });

  test("N6: the program closes its copy right after the start, and the process talks through it", async () => {
    const [here, there] = mp.pipe<number>();
    const process = mp.process(tasks.echo, { args: [there] });
    await process.start();
    await there.close();
    for (const number of [1, 2, 3]) {
      await here.send(number);
      expect(await here.recv()).toBe(number);
    }
    await here.close();
    await process.join();
    expect(process.exitcode).toBe(0);
  });

  test("N4: a process that ends, or is killed, without closing its end ends the file within seconds", async () => {
    for (const how of ["ends", "is killed"]) {
      const [here, there] = mp.pipe();
      const process = mp.process(tasks.holdFor, { args: [there, how === "ends" ? 500 : 60_000] });
      await process.start();
      await there.close();
      expect(await here.poll(), how).toBe(false);
      if (how === "is killed") {
        await until(async () => (await here.inspect()).ends[1].holders.length === 1, { what: "the process has it" });
        await process.kill();
      }
      await expect(here.recv({ timeout: 10_000 }), how).rejects.toThrow(EndOfFileError);
      await process.join();
    }
  });

  test("N6: an end is an argument of a pool's call as well, also of one that waits in its queue", async () => {
    await using pool = mp.pool(1);
    const first = pool.applyAsync(tasks.double, [1, 500]);
    const [here, there] = mp.pipe<string>();
    const echoed = pool.applyAsync(tasks.echo, [there]);
    await there.close();
    await here.send("waits for its turn");
    expect(await here.recv()).toBe("waits for its turn");
    await here.close();
    await Promise.all([first, echoed]);
  });
});
