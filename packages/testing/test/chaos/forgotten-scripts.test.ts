import { ClosedError, type Connection, type Context, connect } from "@manyhands/core";
import { type FaultProxy, useFaultProxy, useRedis } from "@manyhands/testing";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

const redis = useRedis();
let namespace: string;
let proxy: FaultProxy;
let mp: Context;

beforeEach(async () => {
  namespace = redis.namespace();
  proxy = await useFaultProxy(redis.url);
  mp = await connect({ redis: proxy.url, namespace, lease: 30_000 });
  onTestFinished(() => mp.close());
  // From now on a wait is stored with its first try.
  const semaphore = mp.semaphore(0);
  expect(await Promise.all([semaphore.acquire({ timeout: 20_000 }), semaphore.release()])).toEqual([true, undefined]);
});

/**
 * Makes a wait give up before its try is answered by a server that has restarted, or taken over, and so knows no scripts:
 * the try is sent a second time then, after what undoes it, which is sent with its text for the first time.
 */
async function giveUpEarly(acquire: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
  await redis.client().script("FLUSH");
  proxy.freeze();
  const abortion = new AbortController();
  const given = expect(acquire(abortion.signal)).rejects.toThrow("enough");
  // The try is on its way.
  await new Promise((resolve) => setImmediate(resolve));
  abortion.abort(new RangeError("enough"));
  await given;
  proxy.thaw();
}

describe("a wait that gives up while the server has forgotten its script", () => {
  test("leaves no permit taken", async () => {
    const semaphore = mp.semaphore(2, { name: "permits" });
    await semaphore.acquire();
    await giveUpEarly((signal) => semaphore.acquire({ signal }));
    for (let answers = 0; answers < 5; answers += 1) await semaphore.getValue();
    expect(await semaphore.getValue()).toBe(1);
    expect((await semaphore.inspect()).waiters).toEqual([]);
  });

  test("leaves no leased permit taken", async () => {
    const semaphore = mp.semaphore(2, { name: "leased" });
    await semaphore.acquire();
    await giveUpEarly((signal) => semaphore.hold({ signal }).then(() => true));
    for (let answers = 0; answers < 5; answers += 1) await semaphore.getValue();
    expect((await semaphore.inspect()).holders).toEqual([]);
    expect(await semaphore.getValue()).toBe(1);
  });

  test("leaves no lock taken", async () => {
    const lock = mp.lock("free");
    await lock.acquire();
    await lock.release();
    await giveUpEarly((signal) => lock.acquire({ signal }));
    for (let answers = 0; answers < 5; answers += 1) await lock.locked();
    expect(await lock.locked()).toBe(false);
  });

  test("leaves no ghost in the line before a lock", async () => {
    const lock = mp.lock("taken");
    await lock.acquire();
    await giveUpEarly((signal) => mp.lock("taken").acquire({ signal }));
    for (let answers = 0; answers < 5; answers += 1) await lock.locked();
    expect((await lock.inspect()).waiters).toEqual([]);
  });

  test("leaves no share taken", async () => {
    const lock = mp.readWriteLock("page").writeLock();
    await lock.acquire();
    await lock.release();
    await giveUpEarly((signal) => lock.acquire({ signal }));
    for (let answers = 0; answers < 5; answers += 1) await lock.locked();
    expect(await lock.locked()).toBe(false);
  });

  test("leaves no waiter in a queue that gets what others wait for", async () => {
    const queue = mp.queue<string>({ name: "line" });
    await queue.put("first");
    expect(await queue.get()).toBe("first");
    await giveUpEarly((signal) => queue.get({ signal }).then(() => true));
    for (let answers = 0; answers < 5; answers += 1) await queue.qsize();
    expect((await queue.inspect()).getters).toEqual([]);
  });

  test("leaves no party in a barrier, which is broken", async () => {
    const barrier = mp.barrier(3, "parties");
    // So that Redis and its client know the script.
    expect(await barrier.wait(false).catch((error: Error) => error.name)).toBe("BrokenBarrierError");
    await barrier.reset();
    await giveUpEarly((signal) => barrier.wait({ signal }).then(() => true));
    for (let answers = 0; answers < 5; answers += 1) await barrier.broken();
    expect(await barrier.inspect()).toMatchObject({
      nWaiting: 0,
      waiters: [],
      broken: "one of its parties gave up waiting",
    });
  });

  test("breaks also a barrier that its arrival was to make", async () => {
    // So that Redis and its client know the script.
    expect(
      await mp
        .barrier(3, "known")
        .wait(false)
        .catch((error: Error) => error.name),
    ).toBe("BrokenBarrierError");
    const barrier = mp.barrier(3, "first");
    await giveUpEarly((signal) => barrier.wait({ signal }).then(() => true));
    for (let answers = 0; answers < 5; answers += 1) await mp.barrier(3, "known").broken();
    expect(await barrier.inspect()).toMatchObject({ nWaiting: 0, broken: "one of its parties gave up waiting" });
  });

  test("breaks a barrier no second time that was reset meanwhile", async () => {
    const barrier = mp.barrier(3, "again");
    expect(await barrier.wait(false).catch((error: Error) => error.name)).toBe("BrokenBarrierError");
    await barrier.reset();
    const reset = Promise.withResolvers<void>();
    await giveUpEarly((signal) => {
      const waiting = barrier.wait({ signal }).then(() => true);
      // Follows what gives the wait up, and comes before the answer to its try.
      signal.addEventListener("abort", () =>
        queueMicrotask(() => setImmediate(() => barrier.reset().then(reset.resolve, reset.reject))),
      );
      return waiting;
    });
    await reset.promise;
    for (let answers = 0; answers < 5; answers += 1) await barrier.broken();
    expect(await barrier.inspect()).toMatchObject({ nWaiting: 0, waiters: [], broken: null });
  });

  test("leaves no waiter of an event or a latch", async () => {
    const event = mp.event("bell");
    await event.wait({ timeout: 1 });
    await giveUpEarly((signal) => event.wait({ signal }));
    for (let answers = 0; answers < 5; answers += 1) await event.isSet();
    expect((await event.inspect()).waiters).toEqual([]);
    const latch = mp.countDownLatch(1, "gate");
    await latch.await({ timeout: 1 });
    await giveUpEarly((signal) => latch.await({ signal }));
    for (let answers = 0; answers < 5; answers += 1) await latch.count();
    expect((await latch.inspect()).waiters).toEqual([]);
  });
});

test("a pipe that is closed while the server has forgotten how to open it has no holder", async () => {
  const [known] = mp.pipe<string>();
  await known.send("how to open a pipe has been sent with its text");
  await redis.client().script("FLUSH");
  const [here, there] = mp.pipe<string>();
  const polled = here.poll().catch((error: unknown) => error);
  await Promise.all([here.close(), there.close()]);
  expect(await polled).toBeInstanceOf(ClosedError);
  expect((await here.inspect()).ends.map(({ open, holders }) => [open, holders])).toEqual([
    [false, []],
    [false, []],
  ]);
});

test("an end that is sent away while the server has forgotten how to open its pipe arrives", async () => {
  const [known] = mp.pipe<string>();
  await known.send("how to open a pipe has been sent with its text");
  const way = mp.queue<Connection<string>>("way");
  expect(await way.empty()).toBe(true);
  await redis.client().script("FLUSH");
  const [here, there] = mp.pipe<string>();
  const put = way.put(there);
  await there.close();
  await put;
  const arrived = await way.get();
  await here.send("hello");
  expect(await arrived.recv()).toBe("hello");
});
