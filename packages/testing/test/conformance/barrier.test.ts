import { BrokenBarrierError, connect, StateLostError, ValueError } from "@manyhands/core";
import { Keys, ObjectInspector } from "@manyhands/core/internal";
import { inEveryWorld, startActor, testDistance, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";

/** What a promise fails with. */
async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => new Error(`it did not fail: ${String(value)}`),
    (error: unknown) => error,
  );
}

inEveryWorld((world) => {
  test("B1: parties leave together, in lockstep over 10 cycles without overtaking", async () => {
    const { mp, other } = await world.open();
    // Python's multipass(): what each party has seen before and after the barrier is counted where all can see it.
    const passes = async (barrier: ReturnType<typeof mp.barrier>, lists: [number[], number[]]): Promise<void> => {
      for (let cycle = 0; cycle < 10; cycle += 1) {
        lists[0].push(1);
        expect(lists[1].length).toBe(cycle * 3);
        await barrier.wait();
        lists[1].push(1);
        expect(lists[0].length).toBe((cycle + 1) * 3);
        await barrier.wait();
      }
    };
    const lists: [number[], number[]] = [[], []];
    await Promise.all([1, 2, 3].map(() => passes(mp.barrier(3, "local"), lists)));
    expect(await mp.barrier(3, "local").nWaiting()).toBe(0);

    const there = other.run(async ({ mp: theirs }) => {
      const seen: number[] = [];
      for (let cycle = 0; cycle < 10; cycle += 1) {
        await theirs.barrier(2, "both").wait();
        seen.push((await theirs.barrier(2, "count").inspect()).cycle);
        await theirs.barrier(2, "both").wait();
      }
      return seen;
    });
    for (let cycle = 0; cycle < 10; cycle += 1) {
      await mp.barrier(2, "count").abort();
      await mp.barrier(2, "count").reset();
      await mp.barrier(2, "both").wait();
      await mp.barrier(2, "both").wait();
    }
    expect(await there).toEqual(Array.from({ length: 10 }, (_, cycle) => cycle + 1));
  });

  test("B1: 1 000 cycles", async () => {
    const { mp, other } = await world.open();
    // A cycle takes two round trips: near by a millisecond.
    const cycles = testDistance() > 0 ? 200 : 1_000;
    const pass = async (barrier: ReturnType<typeof mp.barrier>): Promise<number> => {
      let sum = 0;
      for (let cycle = 0; cycle < cycles; cycle += 1) sum += await barrier.wait();
      return sum;
    };
    const there = other.run(async ({ mp: theirs }, cycles) => {
      const barrier = theirs.barrier(2, "often");
      let sum = 0;
      for (let cycle = 0; cycle < cycles; cycle += 1) sum += await barrier.wait();
      return sum;
    }, cycles);
    const here = await pass(mp.barrier(2, "often"));
    expect(here + (await there)).toBe(cycles);
    expect(await mp.barrier(2, "often").inspect()).toMatchObject({ cycle: cycles, broken: null, nWaiting: 0 });
  });

  test("B2: wait returns each index from 0 to parties - 1 once", async () => {
    const { mp, other } = await world.open();
    for (let cycle = 0; cycle < 5; cycle += 1) {
      const there = other.run(({ mp: theirs }) => {
        const barrier = theirs.barrier(5, "seats");
        return Promise.all([barrier.wait(), barrier.wait()]);
      });
      const barrier = mp.barrier(5, "seats");
      const indexes = await Promise.all([barrier.wait(), barrier.wait(), barrier.wait(), there]);
      expect(indexes.flat().sort()).toEqual([0, 1, 2, 3, 4]);
    }
  });

  test("B3: the action runs once in each cycle, in the party that came last, before any party goes on", async () => {
    const { mp, other } = await world.open();
    const log: string[] = [];
    const barrier = mp.barrier(2, {
      name: "acted",
      action: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        log.push("action");
      },
    });
    for (let cycle = 0; cycle < 3; cycle += 1) {
      const there = other.run(({ mp: theirs }) => theirs.barrier(2, "acted").wait()).then(() => log.push("released"));
      await until(async () => (await barrier.nWaiting()) === 1);
      expect(await barrier.wait()).toBe(1);
      await there;
    }
    expect(log).toEqual(["action", "released", "action", "released", "action", "released"]);
    // The last one's own handle decides.
    const here = barrier.wait();
    await until(async () => (await barrier.nWaiting()) === 1);
    await other.run(({ mp: theirs }) => theirs.barrier(2, "acted").wait());
    expect(await here).toBe(0);
    expect(log.length).toBe(6);
  });

  test("B3: an action that throws fails its caller with that error and breaks the barrier for the others", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(2, {
      name: "failing",
      action: () => {
        throw new RangeError("no");
      },
    });
    const there = failure(other.run(({ mp: theirs }) => theirs.barrier(2, "failing").wait()));
    await until(async () => (await barrier.nWaiting()) === 1);
    await expect(barrier.wait()).rejects.toThrow(RangeError);
    expect(await there).toBeInstanceOf(BrokenBarrierError);
    expect(String(await there)).toContain("its action threw RangeError: no");
    expect(await barrier.broken()).toBe(true);
    await expect(barrier.wait()).rejects.toThrow(BrokenBarrierError);
  });

  test("B4: abort breaks it for those who wait and for all later ones", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(3, "aborted");
    const there = failure(other.run(({ mp: theirs }) => theirs.barrier(3, "aborted").wait()));
    const here = failure(barrier.wait());
    await until(async () => (await barrier.nWaiting()) === 2);
    await barrier.abort();
    expect(await here).toBeInstanceOf(BrokenBarrierError);
    expect(await there).toBeInstanceOf(BrokenBarrierError);
    expect(await barrier.broken()).toBe(true);
    expect(await barrier.nWaiting()).toBe(0);
    await expect(barrier.wait()).rejects.toThrow("it was aborted");
    expect(await failure(other.run(({ mp: theirs }) => theirs.barrier(3, "aborted").wait()))).toBeInstanceOf(
      BrokenBarrierError,
    );
  });

  test("B5: reset fails those who wait, and the barrier is usable afterwards; also after it was broken", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(2, "reset");
    const there = failure(other.run(({ mp: theirs }) => theirs.barrier(2, "reset").wait()));
    await until(async () => (await barrier.nWaiting()) === 1);
    await barrier.reset();
    expect(await there).toBeInstanceOf(BrokenBarrierError);
    expect(await barrier.broken()).toBe(false);
    for (let round = 0; round < 2; round += 1) {
      const both = Promise.all([barrier.wait(), other.run(({ mp: theirs }) => theirs.barrier(2, "reset").wait())]);
      expect((await both).sort()).toEqual([0, 1]);
      await barrier.abort();
      expect(await barrier.broken()).toBe(true);
      await barrier.reset();
      expect(await barrier.broken()).toBe(false);
    }
  });

  test("B5: a waiter of a cycle that was reset does not pass with the next one", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(2, "again");
    // So that Redis knows the script, and runs the two commands below in the order in which they are sent.
    await barrier.reset();
    for (let round = 0; round < 10; round += 1) {
      const old = failure(barrier.wait());
      await until(async () => (await barrier.nWaiting()) === 1);
      const reset = barrier.reset();
      const next = barrier.wait();
      await reset;
      expect(await other.run(({ mp: theirs }) => theirs.barrier(2, "again").wait())).toBe(1);
      expect(await next).toBe(0);
      expect(await old).toBeInstanceOf(BrokenBarrierError);
    }
  });

  test("B6: a wait that times out breaks the barrier for all; the constructor's timeout is the default", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(3, { name: "timed", timeout: 80 });
    const there = failure(other.run(({ mp: theirs }) => theirs.barrier(3, "timed").wait()));
    await until(async () => (await barrier.nWaiting()) === 1);
    const before = performance.now();
    await expect(barrier.wait()).rejects.toThrow(BrokenBarrierError);
    expect(performance.now() - before).toBeGreaterThanOrEqual(78);
    expect(String(await there)).toContain("waited longer than 80 ms");
    await barrier.reset();
    await expect(mp.barrier(3, "timed").wait({ timeout: 30 })).rejects.toThrow("waited longer than 30 ms");
    await barrier.reset();
    await expect(barrier.wait(false)).rejects.toThrow(BrokenBarrierError);
    expect(await barrier.broken()).toBe(true);
    await barrier.reset();
    const two = Promise.all([barrier.wait({ timeout: 5_000 }), barrier.wait({ timeout: 5_000 })]);
    await until(async () => (await barrier.nWaiting()) === 2);
    expect(await barrier.wait(false)).toBe(2);
    expect(await two).toEqual([0, 1]);
  });

  test("B6: an aborted signal breaks it too, and rejects with the reason", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(3, "given up");
    const there = failure(other.run(({ mp: theirs }) => theirs.barrier(3, "given up").wait()));
    const abortion = new AbortController();
    const here = barrier.wait({ signal: abortion.signal });
    await until(async () => (await barrier.nWaiting()) === 2);
    abortion.abort(new RangeError("enough"));
    await expect(here).rejects.toThrow("enough");
    expect(String(await there)).toContain("one of its parties gave up waiting");
    await barrier.reset();
    await expect(barrier.wait({ signal: AbortSignal.abort(new RangeError("before")) })).rejects.toThrow("before");
    await until(() => barrier.broken(), { what: "one that never comes breaks it" });
  });

  test("B7: one party never waits", async () => {
    const { mp } = await world.open();
    let acted = 0;
    const barrier = mp.barrier(1, {
      action: () => {
        acted += 1;
      },
    });
    expect(await barrier.wait()).toBe(0);
    expect(await barrier.wait(false)).toBe(0);
    expect(await mp.barrier(1).wait()).toBe(0);
    expect(acted).toBe(2);
  });

  test("B7: who comes while a full cycle is not over is in the next one, and is not counted until then", async () => {
    const { mp, other } = await world.open();
    let finish = (): void => {};
    const barrier = mp.barrier(2, {
      name: "full",
      action: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    });
    const first = other.run(({ mp: theirs }) => theirs.barrier(2, "full").wait());
    await until(async () => (await barrier.nWaiting()) === 1);
    const second = barrier.wait();
    await until(async () => (await barrier.inspect()).acting !== null);
    const nextParty = other.run(({ mp: theirs }) => theirs.barrier(2, "full").wait());
    await other.run(({ mp: theirs }) => theirs.barrier(2, "full").broken());
    expect(await barrier.inspect()).toMatchObject({ nWaiting: 0, waiters: [{}, {}], cycle: 0 });
    finish();
    expect(await Promise.all([first, second])).toEqual([0, 1]);
    await until(async () => (await barrier.nWaiting()) === 1, { what: "the late party is in the next cycle" });
    const last = mp.barrier(2, "full").wait();
    expect(await Promise.all([nextParty, last])).toEqual([0, 1]);
  });

  test("B7: a party of the next cycle that gives up while the action runs breaks only the next cycle", async () => {
    const { mp, other } = await world.open();
    let finish = (): void => {};
    const barrier = mp.barrier(2, {
      name: "busy",
      action: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    });
    const first = other.run(({ mp: theirs }) => theirs.barrier(2, "busy").wait());
    await until(async () => (await barrier.nWaiting()) === 1);
    const second = barrier.wait();
    await until(async () => (await barrier.inspect()).acting !== null);
    await expect(mp.barrier(2, "busy").wait({ timeout: 40 })).rejects.toThrow(BrokenBarrierError);
    finish();
    expect(await Promise.all([first, second])).toEqual([0, 1]);
    expect(await barrier.broken()).toBe(true);
  });

  test("B4: abort while the action runs breaks the cycle, for the party that runs it too", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(2, { name: "late", action: () => mp.barrier(2, "late").abort() });
    const first = failure(other.run(({ mp: theirs }) => theirs.barrier(2, "late").wait()));
    await until(async () => (await barrier.nWaiting()) === 1);
    await expect(barrier.wait()).rejects.toThrow(BrokenBarrierError);
    expect(await first).toBeInstanceOf(BrokenBarrierError);
  });

  test("B8: parties, nWaiting and broken are seen from every process; a wrong number of parties is refused", async () => {
    const { mp, other } = await world.open();
    const barrier = mp.barrier(3, "seen");
    expect(await other.run(({ mp: theirs }) => theirs.barrier(3, "seen").nWaiting())).toBe(0);
    const waiting = failure(barrier.wait());
    await until(async () => (await barrier.nWaiting()) === 1);
    expect(await other.run(({ mp: theirs }) => theirs.barrier(3, "seen").nWaiting())).toBe(1);
    expect(await other.run(({ mp: theirs }) => theirs.barrier(3, "seen").broken())).toBe(false);
    const state = await other.run(({ mp: theirs }) => theirs.barrier(3, "seen").inspect());
    expect(state).toMatchObject({ parties: 3, nWaiting: 1, broken: null, waiters: [{ pid: process.pid }] });
    const wrong = await failure(other.run(({ mp: theirs }) => theirs.barrier(2, "seen").wait()));
    expect(wrong).toBeInstanceOf(ValueError);
    expect(String(wrong)).toMatch(/3 parties.*for 2/);
    await expect(mp.barrier(4, "seen").nWaiting()).rejects.toThrow(ValueError);
    await expect(mp.barrier(4, "seen").abort()).rejects.toThrow(ValueError);
    await other.run(({ mp: theirs }) => theirs.barrier(3, "seen").abort());
    expect(await waiting).toBeInstanceOf(BrokenBarrierError);
    expect(await barrier.broken()).toBe(true);
    expect(barrier.parties).toBe(3);
    for (const parties of [0, -1, 1.5, Number.NaN, "2" as never]) expect(() => mp.barrier(parties)).toThrow(ValueError);
    expect(() => mp.barrier(2, { action: 7 as never })).toThrow(ValueError);
    expect(() => mp.barrier(2, { timeout: "soon" as never })).toThrow(ValueError);
  });
});

describe("when something fails", () => {
  const redis = useRedis();

  test("B6: a wait that is the first use of its context ends in time and with its signal, also without Redis", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const barrier = mp.barrier(2, "dark");
    redis.pause();
    try {
      await expect(mp.barrier(2, "dark").wait({ timeout: 50 })).rejects.toThrow("waited longer than 50 ms");
      const abortion = new AbortController();
      const wait = barrier.wait({ signal: abortion.signal });
      abortion.abort(new RangeError("enough"));
      await expect(wait).rejects.toThrow("enough");
    } finally {
      redis.resume();
    }
    await until(() => barrier.broken(), { what: "both have broken it" });
    await barrier.reset();
    const first = mp.barrier(2, "dark").wait();
    await until(async () => (await barrier.nWaiting()) === 1);
    expect(await barrier.wait(false)).toBe(1);
    expect(await first).toBe(0);
  });

  test("B9: a party whose program is killed while it waits breaks the barrier within its lease", async () => {
    const options = { redis: redis.url, namespace: redis.namespace(), lease: 1_000 };
    const [mp, other] = await Promise.all([connect(options), startActor(options)]);
    onTestFinished(() => mp.close());
    const barrier = mp.barrier(3, "deadly");
    other.run(({ mp: theirs }) => theirs.barrier(3, "deadly").wait()).catch(() => {});
    await until(async () => (await barrier.nWaiting()) === 1);
    const here = failure(barrier.wait());
    other.kill();
    const before = performance.now();
    expect(await here).toBeInstanceOf(BrokenBarrierError);
    // The lease, the next beat of another program, and what a busy machine adds.
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(String(await here)).toContain("ended or stopped answering");
    expect(await barrier.broken()).toBe(true);
    await barrier.reset();
    expect(await barrier.broken()).toBe(false);
  });

  test("B9: a party that is frozen for longer than its lease breaks the barrier, and learns that when it resumes", async () => {
    const options = { redis: redis.url, namespace: redis.namespace(), lease: 1_000 };
    const [mp, other] = await Promise.all([connect(options), startActor(options)]);
    onTestFinished(() => mp.close());
    const barrier = mp.barrier(2, "frozen");
    await barrier.reset();
    const there = failure(other.run(({ mp: theirs }) => theirs.barrier(2, "frozen").wait()));
    await until(async () => (await barrier.nWaiting()) === 1);
    other.freeze();
    await until(() => barrier.broken(), { what: "the barrier breaks" });
    await barrier.reset();
    const here = barrier.wait();
    await until(async () => (await barrier.nWaiting()) === 1);
    other.thaw();
    expect(await there).toBeInstanceOf(BrokenBarrierError);
    expect(await other.run(({ mp: theirs }) => theirs.barrier(2, "frozen").wait())).toBe(1);
    expect(await here).toBe(0);
  });

  test("B9: a program that dies in the action breaks the barrier", async () => {
    const options = { redis: redis.url, namespace: redis.namespace(), lease: 1_000 };
    const [mp, other] = await Promise.all([connect(options), startActor(options)]);
    onTestFinished(() => mp.close());
    const barrier = mp.barrier(2, "acted");
    const here = failure(barrier.wait());
    await until(async () => (await barrier.nWaiting()) === 1);
    other
      .run(({ mp: theirs }) => theirs.barrier(2, { name: "acted", action: () => new Promise(() => {}) }).wait())
      .catch(() => {});
    await until(async () => (await barrier.inspect()).acting !== null);
    other.kill();
    expect(await here).toBeInstanceOf(BrokenBarrierError);
  });

  test("B9: a context that is closed while it waits breaks the barrier at once", async () => {
    const options = { redis: redis.url, namespace: redis.namespace() };
    const [mp, leaver] = await Promise.all([connect(options), connect(options)]);
    onTestFinished(() => mp.close());
    const here = failure(mp.barrier(3, "left").wait());
    const there = failure(leaver.barrier(3, "left").wait());
    await until(async () => (await mp.barrier(3, "left").nWaiting()) === 2);
    await leaver.close();
    expect(await there).toMatchObject({ code: "ERR_CLOSED" });
    expect(await here).toBeInstanceOf(BrokenBarrierError);
  });

  test("B6: a party of the next cycle that gives up before it hears that the action is over breaks the next cycle", async () => {
    const proxy = await useFaultProxy(redis.url);
    const namespace = redis.namespace();
    const [mp, late] = await Promise.all([
      connect({ redis: redis.url, namespace }),
      connect({ redis: proxy.url, namespace }),
    ]);
    onTestFinished(async () => {
      await Promise.all([mp.close(), late.close()]);
    });
    for (const hasHeard of [true, false]) {
      const { promise: action, resolve: finish } = Promise.withResolvers<void>();
      const barrier = mp.barrier(2, { name: "deaf", action: () => action });
      const first = mp.barrier(2, "deaf").wait();
      await until(async () => (await barrier.nWaiting()) === 1);
      const second = barrier.wait();
      await until(async () => (await barrier.inspect()).acting !== null);
      const abortion = new AbortController();
      if (!hasHeard) proxy.delay(1_000);
      const nextParty = failure(late.barrier(2, "deaf").wait({ signal: abortion.signal }));
      const waiting = `{${namespace}}/barrier-newcomers/deaf`;
      await until(async () => (await redis.client().llen(waiting)) === 1, {
        what: "the party of the next cycle has come",
      });
      // Its answer has arrived, too.
      if (hasHeard) await late.barrier(2, "deaf").broken();
      proxy.freeze();
      finish();
      expect(await Promise.all([first, second])).toEqual([0, 1]);
      abortion.abort(new RangeError("enough"));
      expect(String(await nextParty)).toContain("enough");
      proxy.delay(0);
      proxy.thaw();
      await until(() => barrier.broken(), { what: "the next cycle breaks" });
      await barrier.reset();
    }
  });

  test("a party that Redis did not answer in time does not keep the others in the action that it will not run", async () => {
    const proxy = await useFaultProxy(redis.url);
    const namespace = redis.namespace();
    const [mp, cut] = await Promise.all([
      connect({ redis: redis.url, namespace }),
      connect({ redis: proxy.url, namespace }),
    ]);
    onTestFinished(async () => {
      vi.useRealTimers();
      await Promise.all([mp.close(), cut.close()]);
    });
    const last = cut.barrier(2, { name: "unheard", action: () => {} });
    await last.reset();
    const first = failure(mp.barrier(2, "unheard").wait());
    await until(async () => (await last.nWaiting()) === 1);
    proxy.freeze();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const wait = failure(last.wait(false));
    await vi.advanceTimersByTimeAsync(11_000);
    vi.useRealTimers();
    expect(String(await wait)).toContain("Redis did not answer within 10000 ms");
    proxy.thaw();
    expect(await first).toBeInstanceOf(BrokenBarrierError);
  });

  test("who waits at a barrier that was removed learns it, also when it was made anew before", async () => {
    const proxy = await useFaultProxy(redis.url);
    const namespace = redis.namespace();
    const [mp, slow] = await Promise.all([
      connect({ redis: redis.url, namespace }),
      connect({ redis: proxy.url, namespace }),
    ]);
    onTestFinished(async () => {
      await Promise.all([mp.close(), slow.close()]);
    });
    const waiting = failure(slow.barrier(3, "anew").wait());
    await until(async () => (await mp.barrier(3, "anew").nWaiting()) === 1);
    proxy.freeze();
    const inspector = new ObjectInspector({ client: redis.client(), keys: new Keys(namespace) });
    expect(await inspector.remove({ kind: "barrier", name: "anew" })).toBe(true);
    await mp.barrier(3, "anew").reset();
    proxy.thaw();
    expect(await waiting).toBeInstanceOf(StateLostError);
  });

  test("B2: an arrival whose answer was lost counts once", async () => {
    const proxy = await useFaultProxy(redis.url);
    const namespace = redis.namespace();
    const [mp, other] = await Promise.all([
      connect({ redis: redis.url, namespace }),
      startActor({ redis: proxy.url, namespace }),
    ]);
    onTestFinished(() => mp.close());
    const barrier = mp.barrier(2, "lost");
    const cycle = Promise.all([barrier.wait(), other.run(({ mp: theirs }) => theirs.barrier(2, "lost").wait())]);
    expect((await cycle).sort()).toEqual([0, 1]);
    for (let round = 0; round < 4; round += 1) {
      const isLast = round % 2 === 1;
      const first = isLast ? barrier.wait() : undefined;
      if (isLast) await until(async () => (await barrier.nWaiting()) === 1);
      const lost = proxy.dropReplies((command) => command.includes("barrier-members/lost"));
      const there = other.run(({ mp: theirs }) => theirs.barrier(2, "lost").wait());
      await lost;
      expect(await (first ?? barrier.wait())).toBe(isLast ? 0 : 1);
      expect(await there).toBe(isLast ? 1 : 0);
    }
    expect(await barrier.inspect()).toMatchObject({ cycle: 5, nWaiting: 0, waiters: [] });
  });

  test("it can be sent without its action, and vanishes with its maker", async () => {
    const options = { redis: redis.url, namespace: redis.namespace() };
    const [maker, other] = await Promise.all([connect(options), startActor(options)]);
    onTestFinished(() => maker.close());
    let acted = 0;
    const barrier = maker.barrier(2, {
      timeout: 20_000,
      action: () => {
        acted += 1;
      },
    });
    const here = barrier.wait();
    await until(async () => (await barrier.nWaiting()) === 1);
    expect(await other.run((_scope, barrier) => barrier.wait(), barrier)).toBe(1);
    expect(await here).toBe(0);
    expect(acted).toBe(0);
    const orphan = failure(other.run((_scope, barrier) => barrier.wait(), barrier));
    await until(async () => (await barrier.nWaiting()) === 1);
    await maker.close();
    expect(await orphan).toBeInstanceOf(StateLostError);
    await other.run(({ mp }) => mp.close());
    expect(await redis.client().keys(`{${options.namespace}}/*barrier*`)).toEqual([]);
  });

  test("a barrier that was there and is gone says so once, and can be made anew", async () => {
    const options = { redis: redis.url, namespace: redis.namespace() };
    const mp = await connect(options);
    onTestFinished(() => mp.close());
    const barrier = mp.barrier(1, "gone");
    await barrier.wait();
    for (const use of [() => barrier.wait(), () => barrier.nWaiting(), () => barrier.reset()]) {
      await redis.client().del(`{${options.namespace}}/barrier/gone`);
      await expect(use()).rejects.toThrow(StateLostError);
      expect(await barrier.wait()).toBe(0);
    }
  });
});
