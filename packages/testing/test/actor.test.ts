import { inEveryWorld, processIsAlive, startActor, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

describe("an actor", () => {
  const redis = useRedis();

  test("runs functions with arguments in a process of its own, and fails as they fail", async () => {
    const actor = await startActor({ redis: redis.url, namespace: redis.namespace() });
    expect(await actor.run((_scope, a: number, b: bigint) => [process.pid, a + Number(b)], 2, 3n)).toEqual([
      actor.pid,
      5,
    ]);
    await expect(
      actor.run(({ core }) => {
        throw new core.ValueError("no");
      }),
    ).rejects.toThrow("no");
    actor.kill();
    await actor.exited;
    expect(processIsAlive(actor.pid)).toBe(false);
  });
});

inEveryWorld((world) => {
  test("two participants meet in a namespace of their own", async () => {
    const { mp, other } = await world.open();
    expect(await other.run(({ mp: theirs }) => theirs.namespace)).toBe(mp.namespace);
    await mp.lock("meeting").acquire();
    expect(await other.run(({ mp: theirs }) => theirs.lock("meeting").acquire(false))).toBe(false);
  });
});
