import { connect, StateLostError } from "@manyhands/core";
import { type Actor, startActor, testDistance, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { chooseSeed, seededRandom } from "./random.ts";

const LEASE = 1_000;
const redis = useRedis();

/** What an actor writes down of each time that it held the lock; times by this machine's monotonic clock, ms. */
interface Section {
  fence: number;
  entered: number;
  left: number;
  /** Whether its holder could trust the lock up to the end. */
  trusted: boolean;
  /** Whether all levels had the same fence. */
  sameFence: boolean;
}

function contend(actor: Actor, milliseconds: number): Promise<Section[]> {
  return actor.run(async ({ mp, core }, time: number) => {
    const clock = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
    const sections: Section[] = [];
    const rlock = mp.rlock("deep");
    const enter = async (levels: number, fences: number[]): Promise<void> => {
      const timeout = Math.random() < 0.2 ? Math.random() * 20 : 10_000;
      const held = await rlock.hold({ timeout });
      const entered = clock();
      fences.push(held.fence);
      try {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        if (levels > 1) await enter(levels - 1, fences);
        const sameFence = fences.every((fence) => fence === held.fence);
        sections.push({ fence: held.fence, entered, left: clock(), trusted: held.isHeld, sameFence });
      } finally {
        await held.release().catch(() => {});
      }
    };
    const contender = async (): Promise<void> => {
      for (const end = clock() + time; clock() < end; ) {
        await enter(1 + Math.floor(Math.random() * 3), []).catch(() => {});
      }
    };
    // Two owners in each program.
    await Promise.all([core.withOwner(contender), contender()]);
    return sections;
  }, milliseconds);
}

/** Trusted sections of different owners that overlap: none has the fence of another. */
function overlaps(sections: Section[]): number {
  const trusted = sections.filter((section) => section.trusted).sort((one, other) => one.entered - other.entered);
  return trusted.filter((section, index) =>
    trusted.slice(0, index).some((before) => before.fence !== section.fence && section.entered < before.left),
  ).length;
}

describe("an rlock in trouble", () => {
  test("guarantees 5 and 6: with owners killed, frozen and disconnected at any depth, one owner at a time and no stuck waiter", async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const namespace = redis.namespace();
    const options = { redis: redis.url, namespace, lease: LEASE };
    const proxy = await useFaultProxy(redis.url);
    const mp = await connect(options);
    onTestFinished(() => mp.close());
    const actors = await Promise.all([
      startActor(options),
      startActor({ ...options, redis: proxy.url }),
      startActor(options),
    ]);
    const frozen = actors[2] as Actor;
    const logs = actors.map((actor) => contend(actor, 5_000));
    let round = 0;
    for (const end = performance.now() + 4_500; performance.now() < end; ) {
      const victim = await startActor(options);
      contend(victim, 60_000).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 200));
      victim.kill();
      round += 1;
      if (round % 4 === 1) {
        frozen.freeze();
        setTimeout(() => frozen.thaw(), LEASE * 1.4);
      }
      if (random() < 0.4) proxy.cut();
      if (random() < 0.5) void proxy.dropReplies((command) => command.includes("rlock/deep"));
    }
    frozen.thaw();
    const sections = (await Promise.all(logs)).flat();
    expect(sections.filter(({ trusted }) => trusted).length, `seed ${seed}`).toBeGreaterThan(
      testDistance() > 0 ? 10 : 50,
    );
    expect(overlaps(sections), `seed ${seed}: owners at the same time`).toBe(0);
    expect(
      sections.every(({ sameFence }) => sameFence),
      `seed ${seed}: R4`,
    ).toBe(true);
    const rlock = mp.rlock("deep");
    expect(await rlock.acquire({ timeout: 10_000 }), `seed ${seed}`).toBe(true);
    await rlock.release();
    expect(await rlock.inspect(), `seed ${seed}`).toMatchObject({ locked: false, count: 0, waiters: [] });
    const left = (await redis.client().keys(`{${namespace}}/rlock*`)).map((key) => key.split("/")[1]);
    expect(left, `seed ${seed}`).toEqual(["rlock-record"]);
  });

  test("F18: levels whose answers are lost count once", async () => {
    const proxy = await useFaultProxy(redis.url);
    const mp = await connect({ redis: proxy.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const rlock = mp.rlock("echo");
    const losing = async (act: () => Promise<unknown>): Promise<void> => {
      const lost = proxy.dropReplies((command) => command.includes("rlock/echo"));
      await act();
      await lost;
    };
    await rlock.acquire();
    await losing(() => rlock.acquire());
    expect((await rlock.inspect()).count).toBe(2);
    await losing(() => rlock.release());
    expect((await rlock.inspect()).count).toBe(1);
    await losing(() => rlock.release());
    expect(await rlock.locked()).toBe(false);
  });

  test("F8, U11: an owner whose Redis lost its data is told at every level", async () => {
    const mp = await connect({ redis: redis.url, namespace: redis.namespace() });
    onTestFinished(() => mp.close());
    const rlock = mp.rlock("forgotten");
    await rlock.acquire();
    await rlock.acquire();
    const signal = rlock.held?.signal;
    await redis.restart({ keepData: false });
    await until(() => signal?.aborted, { what: "the owner is told" });
    expect(signal?.reason).toBeInstanceOf(StateLostError);
    await expect(rlock.acquire()).rejects.toThrow(StateLostError);
    await expect(rlock.release()).rejects.toThrow(StateLostError);
    await expect(rlock.release()).rejects.toThrow(StateLostError);
    expect(await rlock.acquire({ timeout: 5_000 })).toBe(true);
    await rlock.release();
  });

  test("F3: an owner that gave its last level back while one more was refused owns it no longer", async () => {
    const namespace = redis.namespace();
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    const rlock = mp.rlock("taken");
    const held = await rlock.hold();
    await redis.client().del(`{${namespace}}/rlock/taken`);
    // The second level is counted before the first one is given back, and refused after it.
    const [entered, left] = await Promise.allSettled([rlock.acquire(), held.release()]);
    expect([entered.status, left.status]).toEqual(["rejected", "rejected"]);
    expect(await rlock.acquire({ timeout: 5_000 })).toBe(true);
    await rlock.release();
    expect(await rlock.locked()).toBe(false);
  });
});
