import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { Keys } from "../../../src/redis/keys.ts";
import { readLock } from "../../../src/shared/sync/lock/lock.ts";
import { lockPlace } from "../../../src/shared/sync/lock/lock-request.ts";
import { acquireLock, releaseLock } from "../../../src/shared/sync/lock/lock-scripts.ts";

const redis = useRedis();
const SLACK = 5_000;

test("the mean of holds moves with each one that was renewed or waited for, and not with a short one", async () => {
  // given
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const place = lockPlace(keys, { kind: "lock", name: "stock", owner: "" });
  const usual = async (): Promise<number | null> => (await readLock({ client, keys }, "stock")).usualHold;
  let holds = 0;
  const hold = async (ms: number, release: readonly (string | number)[] = [1]): Promise<void> => {
    holds += 1;
    const token = `me:${holds}`;
    await acquireLock.run(client, place.keys, [token, 30_000]);
    // As if it had been acquired so long ago.
    await client.hset(place.keys[1] ?? "", "fence", String((Date.now() - ms) * 1_000));
    expect(await releaseLock.run(client, place.keys, [token, ...release])).toBe("released");
  };

  // when: not renewed, and no one waits
  await hold(900_000, []);

  // then
  expect(await usual()).toBeNull();

  // when
  await hold(100_000);
  await hold(300_000);

  // then: both count the same
  expect(Math.abs(((await usual()) ?? 0) - 200_000)).toBeLessThan(SLACK);

  // when: it was held for so long many times
  for (let round = 0; round < 100; round += 1) await hold(500_000);

  // then: what was long ago no longer counts, and the record has not grown
  expect(Math.abs(((await usual()) ?? 0) - 500_000)).toBeLessThan(SLACK);
  expect(await client.hget(place.keys[1] ?? "", "holds")).toBe("16");
  expect(await client.pttl(place.keys[1] ?? "")).toBeGreaterThan(0);
});
