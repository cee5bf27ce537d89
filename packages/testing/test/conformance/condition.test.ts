import {
  AssertionError,
  type Condition,
  type Context,
  connect,
  LockLostError,
  ValueError,
  withOwner,
} from "@manyhands/core";
import { type Elsewhere, inEveryWorld, testDistance, until, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";

/** Has another process hold the lock of the condition "shared", wait in it, and say how that ended. */
function sleepElsewhere(other: Elsewhere, timeout: number | null = null): Promise<string> {
  return other.run(async ({ mp, core }, limit: number | null) => {
    const condition = mp.condition(null, "shared");
    return core.withOwner(async () => {
      await condition.acquire();
      const outcome = await condition.wait(limit === null ? true : { timeout: limit });
      const isBack = condition.lock.held?.isHeld === true;
      await condition.release();
      return `${outcome} ${isBack ? "with" : "without"} the lock`;
    });
  }, timeout);
}

async function untilAsleep(condition: Condition, count: number): Promise<void> {
  await until(async () => (await condition.inspect()).sleepers.length === count, { what: `${count} waiting` });
}

async function notifying(condition: Condition, count: number | "all" = 1): Promise<void> {
  await condition.acquire();
  await (count === "all" ? condition.notifyAll() : condition.notify(count));
  await condition.release();
}

/** Everything of the condition but what stays for an hour in case it is used again. */
async function leftovers(mp: Context, name: string): Promise<unknown> {
  const { sleepers, notified } = await mp.condition(null, name).inspect();
  const lock = await mp.condition(null, name).lock.inspect();
  return { sleepers, notified, locked: lock.locked, waiters: lock.waiters };
}

const NOTHING = { sleepers: [], notified: 0, locked: false, waiters: [] };

inEveryWorld((world) => {
  describe("a condition", () => {
    test("C1: its lock is an RLock; wait releases all levels and has the same depth again", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      await condition.acquire();
      await condition.acquire();
      await condition.acquire();
      const fence = condition.lock.held?.fence ?? 0;
      const waiting = condition.wait();
      await other.run(async ({ mp: theirs }) => {
        const same = theirs.condition(null, "shared");
        await same.acquire();
        await same.notify();
        await same.release();
      });
      expect(await waiting).toBe(true);
      expect((await condition.lock.inspect()).count).toBe(3);
      expect(condition.lock.held?.fence).toBeGreaterThan(fence);
      for (let level = 0; level < 3; level += 1) await condition.release();
      await expect(condition.release()).rejects.toThrow(AssertionError);
      expect(await leftovers(mp, "shared")).toEqual(NOTHING);
    });

    test("C1: a given Lock or RLock is used as it is, and a held scope survives the wait", async () => {
      const { mp, other } = await world.open();
      for (const lock of [mp.lock("given"), mp.rlock("given")]) {
        const condition = mp.condition(lock, `of a ${lock.kind}`);
        expect(condition.lock).toBe(lock);
        await using held = await lock.hold();
        const fence = held.fence;
        const waiting = condition.wait();
        await untilAsleep(condition, 1);
        await other.run(async (_scope, theirs: Condition) => {
          await theirs.run(() => theirs.notify());
        }, condition);
        expect(await waiting).toBe(true);
        expect(held.isHeld).toBe(true);
        expect(held.signal.aborted).toBe(false);
        expect(held.fence).toBeGreaterThan(fence);
        await held.release();
        expect(await lock.locked()).toBe(false);
      }
      expect(() => mp.condition("given" as never)).toThrow(ValueError);
    });

    test("C2: wait, waitFor, notify and notifyAll without the lock are AssertionErrors", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      const all = (): Promise<unknown>[] => [
        condition.wait(),
        condition.waitFor(() => true),
        condition.notify(),
        condition.notifyAll(),
      ];
      for (const call of all()) await expect(call).rejects.toThrow(AssertionError);
      await other.run(({ mp: theirs }) => theirs.condition(null, "shared").acquire());
      for (const call of all()) await expect(call).rejects.toThrow("without holding its lock");
      // Nor is it enough that another part of this program holds it.
      await other.run(({ mp: theirs }) => theirs.condition(null, "shared").release());
      await condition.acquire();
      await withOwner(async () => {
        for (const call of all()) await expect(call).rejects.toThrow(AssertionError);
      });
    });

    test("C3: notify wakes one, notify(n) at most n, notifyAll all, first come, first served; none before", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      const done: number[] = [];
      const waiters: Promise<unknown>[] = [];
      for (let number = 0; number < 7; number += 1) {
        const outcome = number % 2 === 0 ? sleepElsewhere(other) : sleepHere(condition);
        waiters.push(outcome.then((what) => what === "true with the lock" && done.push(number)));
        await untilAsleep(condition, number + 1);
      }
      expect(done).toEqual([]);
      await notifying(condition);
      await until(() => done.length === 1);
      await notifying(condition, 3);
      await until(() => done.length === 4);
      await untilAsleep(condition, 3);
      expect([...done].sort()).toEqual([0, 1, 2, 3]);
      await notifying(condition, "all");
      await Promise.all(waiters);
      expect(done.length).toBe(7);
      expect(await leftovers(mp, "shared")).toEqual(NOTHING);
    });

    test("C3: a notified waiter goes on only when it has the lock", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      let isAwake = false;
      const waiter = sleepElsewhere(other).then(() => {
        isAwake = true;
      });
      await untilAsleep(condition, 1);
      await condition.acquire();
      await condition.notify();
      // It stands in the lock's line now, woken only when it is its turn.
      expect((await condition.lock.inspect()).waiters.length).toBe(1);
      expect((await condition.inspect()).notified).toBe(1);
      expect(isAwake).toBe(false);
      await condition.release();
      await waiter;
      expect(isAwake).toBe(true);
    });

    test("C4: notifying more than sleep is harmless and is not remembered", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      const waiter = sleepElsewhere(other);
      await untilAsleep(condition, 1);
      await notifying(condition, 5);
      await notifying(condition, "all");
      expect(await waiter).toBe("true with the lock");
      expect(await sleepElsewhere(other, 50)).toBe("false with the lock");
      await condition.acquire();
      for (const bad of [-1, 0.5, "one" as never]) await expect(condition.notify(bad)).rejects.toThrow(ValueError);
    });

    test("C5: wait is false when the time is over, and who timed out eats no later notify", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      for (const timeout of [0, -1, 100]) {
        const started = performance.now();
        expect(await sleepElsewhere(other, timeout)).toBe("false with the lock");
        expect(performance.now() - started).toBeGreaterThanOrEqual(timeout - 1);
      }
      await condition.run(async () => expect(await condition.wait(false)).toBe(false));
      expect(await leftovers(mp, "shared")).toEqual(NOTHING);
      // given one that times out before another one that stays
      const short = sleepElsewhere(other, 150 + 20 * testDistance());
      await untilAsleep(condition, 1);
      const patient = sleepHere(condition);
      await untilAsleep(condition, 2);
      expect(await short).toBe("false with the lock");
      await notifying(condition);
      expect(await patient).toBe("true with the lock");
    });

    test("C5: notified in time and given the lock late is true", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      const limit = 700 + 50 * testDistance();
      const waiter = sleepElsewhere(other, limit);
      await untilAsleep(condition, 1);
      await condition.acquire();
      await condition.notify();
      await new Promise((resolve) => setTimeout(resolve, limit + 100));
      await condition.release();
      expect(await waiter).toBe("true with the lock");
    });

    test("C6: waitFor looks with the lock held and gives the last value; one time limit for all of it", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      const state = mp.event("state");
      await condition.acquire();
      expect(await condition.waitFor(() => "at once", { timeout: 0 })).toBe("at once");
      const started = performance.now();
      // when others notify again and again, but nothing is true
      const limit = 600 + 30 * testDistance();
      const nagging = other.run(async ({ mp: theirs }, time) => {
        const same = theirs.condition(null, "shared");
        const end = performance.now() + time;
        while (performance.now() < end) {
          await same.run(() => same.notify());
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }, limit + 300);
      let looks = 0;
      const look = (): Promise<false> => {
        looks += 1;
        expect(condition.lock.held?.isHeld).toBe(true);
        return Promise.resolve(false);
      };
      expect(await condition.waitFor(look, { timeout: limit })).toBe(false);
      expect(performance.now() - started).toBeGreaterThanOrEqual(limit - 1);
      expect(looks).toBeGreaterThan(2);
      await condition.release();
      await nagging;
      // when it becomes true
      await condition.acquire();
      const waiting = condition.waitFor(async () => (await state.isSet()) && "it is set");
      await other.run(async ({ mp: theirs }) => {
        const same = theirs.condition(null, "shared");
        await same.acquire();
        await theirs.event("state").set();
        await same.notify();
        await same.release();
      });
      expect(await waiting).toBe("it is set");
    });

    test("C7: a signal ends the wait with its reason and the lock held; a notify that came before is not lost", async () => {
      const { mp } = await world.open();
      const condition = mp.condition(null, "shared");
      const cause = new Error("enough");
      await condition.acquire();
      await condition.acquire();
      await expect(condition.wait({ signal: AbortSignal.abort(cause) })).rejects.toBe(cause);
      const controller = new AbortController();
      const waiting = condition.wait({ signal: controller.signal });
      await untilAsleep(mp.condition(null, "shared"), 1);
      controller.abort(cause);
      await expect(waiting).rejects.toBe(cause);
      expect((await condition.lock.inspect()).count).toBe(2);
      await condition.release();
      await condition.release();
      expect(await leftovers(mp, "shared")).toEqual(NOTHING);
      // when it is interrupted after it was notified, but before it has the lock
      const second = new AbortController();
      const late = withOwner(() => condition.run(() => condition.wait({ signal: second.signal })));
      await untilAsleep(condition, 1);
      await condition.acquire();
      await condition.notify();
      second.abort(cause);
      await condition.release();
      expect(await late).toBe(true);
    });

    test("C8: who notifies does not wait for who is notified", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition(null, "shared");
      const waiter = sleepElsewhere(other);
      await untilAsleep(condition, 1);
      await condition.acquire();
      await condition.notifyAll();
      expect((await condition.inspect()).notified).toBe(1);
      expect(condition.lock.held?.isHeld).toBe(true);
      await condition.release();
      await waiter;
    });

    test("a lock lost before the wait is a LockLostError, and no waiter is left", async () => {
      const { mp } = await world.open();
      const lock = mp.lock("lost");
      const condition = mp.condition(lock, "shared");
      await lock.acquire();
      await mp.lock("lost").release();
      await expect(condition.notify()).rejects.toThrow(LockLostError);
      await expect(condition.wait()).rejects.toThrow(LockLostError);
      await expect(lock.release()).rejects.toThrow(LockLostError);
      expect((await condition.inspect()).sleepers).toEqual([]);
    });

    test("an unnamed condition travels with its lock, and both vanish with their maker", async () => {
      const { mp, other } = await world.open();
      const condition = mp.condition();
      const woken = other.run(async (_scope, theirs: Condition) => {
        await theirs.acquire();
        return theirs.wait();
      }, condition);
      await untilAsleep(condition, 1);
      await notifying(condition);
      expect(await woken).toBe(true);
      await mp.close();
      const left = await other.run(async ({ mp: theirs }, name: string) => {
        const { lock, sleepers } = await theirs.condition(null, name).inspect();
        return { lock, sleepers };
      }, condition.name);
      expect(left).toEqual({ lock: null, sleepers: [] });
    });
  });
});

describe("on a Redis of its own", () => {
  const redis = useRedis();

  test("a condition is not forgotten while a notified waiter waits for the lock, however long", async () => {
    const namespace = redis.namespace();
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    const condition = mp.condition(null, "shared");
    const sleeping = sleepHere(condition);
    await untilAsleep(condition, 1);
    await condition.acquire();
    await condition.notify();
    const key = `{${namespace}}/condition/shared`;
    expect(await redis.client().pttl(key)).toBe(-1);
    await condition.release();
    expect(await sleeping).toBe("true with the lock");
    expect(await redis.client().pttl(key)).toBeGreaterThan(3_500_000);
    const keys = await redis.client().keys(`{${namespace}}/condition-*`);
    expect(keys).toEqual([]);
  });

  test("C7: a signal ends the first wait of a context with the lock held, also when Redis is away", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const condition = mp.condition();
    await condition.acquire();
    redis.pause();
    try {
      const abortion = new AbortController();
      const wait = condition.wait({ signal: abortion.signal });
      abortion.abort(new RangeError("enough"));
      await expect(wait).rejects.toThrow("enough");
    } finally {
      redis.resume();
    }
    expect(condition.lock.held?.isHeld).toBe(true);
    await condition.release();
  });

  test("a lock of another namespace is refused before it is used", async () => {
    const open = async (namespace: string): Promise<Context> => {
      const context = await connect({ redis: redis.url, namespace });
      onTestFinished(() => context.close());
      return context;
    };
    const [mp, again, other] = await Promise.all([open("here"), open("here"), open("there")]);
    const refusal = new ValueError(
      'the lock "far" is of the namespace "there", the condition of "here"; make both in the same context',
    );
    for (const lock of [other.lock("far"), other.rlock("far")]) {
      expect(() => mp.condition(lock)).toThrow(refusal);
    }
    const condition = mp.condition(again.lock("near"));
    await condition.acquire();
    expect(await condition.wait({ timeout: 10 })).toBe(false);
    await condition.release();
  });
});

function sleepHere(condition: Condition): Promise<string> {
  return withOwner(() =>
    condition.run(async () => {
      const outcome = await condition.wait();
      return `${outcome} ${condition.lock.held?.isHeld ? "with" : "without"} the lock`;
    }),
  );
}
