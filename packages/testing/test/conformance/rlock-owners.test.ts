import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import { startActor, startHostProcess, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { forget, holdTwice, tryToAcquire } from "./rlock-tasks.ts";

const TASKS = fileURLToPath(new URL("./rlock-tasks.ts", import.meta.url));

describe("tasks own rlocks", () => {
  const redis = useRedis();

  test.each(["process", "inline"] as const)(
    "R2, R3: two tasks of one host exclude each other, each %s is an owner of its own",
    async (isolation) => {
      const namespace = redis.namespace();
      await startHostProcess({ url: redis.url, namespace, tasks: [TASKS], slots: 4 });
      const mp = await connect({ redis: redis.url, namespace });
      onTestFinished(() => mp.close());
      const pool = mp.pool(4, { isolation });
      const rlock = mp.rlock();
      const holding = pool.applyAsync(holdTwice, [rlock, "first"]);
      await mp.event("first holds").wait();
      expect(await rlock.inspect()).toMatchObject({ count: 2, holder: { task: { name: "rlock.holdTwice" } } });
      expect(await pool.apply(tryToAcquire, [rlock])).toEqual({ got: false, error: "AssertionError" });
      expect(await rlock.acquire(false)).toBe(false);
      await mp.event("first may go").set();
      expect(await holding).toBe(2);
      expect(await pool.apply(tryToAcquire, [rlock])).toEqual({ got: true, error: null });
      // What a task leaves behind no other owner could release.
      await pool.apply(forget, [rlock]);
      expect(await rlock.acquire({ timeout: 10_000 })).toBe(true);
      await rlock.release();
    },
  );
});

describe("an rlock and a condition on three independent masters", () => {
  const main = useRedis();
  const nodes = [useRedis(), useRedis(), useRedis()] as const;

  test("R1, R2, C1, C3, C5, C9: as on one Redis, also with one of them frozen", async () => {
    const frozen = await useFaultProxy(nodes[0].url);
    const place = {
      redis: main.url,
      lockNodes: [frozen.url, nodes[1].url, nodes[2].url],
      namespace: main.namespace(),
      lease: 2_000,
    };
    const mp = await connect(place);
    onTestFinished(() => mp.close());
    const condition = mp.condition(null, "spread");
    const rlock = condition.lock;
    const actor = await startActor(place);
    const theirTry = (): Promise<boolean> =>
      actor.run(async ({ mp: theirs }) => {
        const got = await theirs.condition(null, "spread").acquire(false);
        if (got) await theirs.condition(null, "spread").release();
        return got;
      });
    const sleepElsewhere = async (timeout?: number): Promise<boolean> =>
      actor.run(async ({ mp: theirs }, limit: number | undefined) => {
        const same = theirs.condition(null, "spread");
        await same.acquire();
        await same.acquire();
        const notified = await same.wait(limit === undefined ? true : { timeout: limit });
        await same.release();
        await same.release();
        return notified;
      }, timeout);
    for (const isFrozen of [false, true]) {
      if (isFrozen) frozen.freeze();
      await rlock.acquire();
      await rlock.acquire();
      await until(async () => (await rlock.inspect()).count === 2, { what: "the count is shown" });
      expect(await theirTry()).toBe(false);
      await rlock.release();
      expect(await theirTry()).toBe(false);
      await rlock.release();
      await until(theirTry, { what: "it is free" });

      expect(await sleepElsewhere(100)).toBe(false);
      const waiter = sleepElsewhere();
      await until(async () => (await condition.inspect()).sleepers.length === 1, { what: "a waiter is stored" });
      await condition.acquire({ timeout: 10_000 });
      await condition.notify();
      await condition.release();
      expect(await waiter).toBe(true);
      expect(await condition.inspect()).toMatchObject({ sleepers: [], notified: 0 });
    }
    frozen.thaw();
  });
});
