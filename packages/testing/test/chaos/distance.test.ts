import { connect, RedisUnfitError } from "@manyhands/core";
import { Heart, Keys, REAPED_KINDS } from "@manyhands/core/internal";
import { until, useDelayProxy, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";

/** Milliseconds each way: what is called comes back later than the usual claim window of a second. */
const FAR = 520;
const redis = useRedis();
const nodes = [useRedis(), useRedis(), useRedis()] as const;

test("who is farther away than the shortest claim window gets what others release, and the room that others make", async () => {
  // Next to each other: both wait most of the time.
  await Promise.all([getsWhatOthersRelease(), getsTheRoomThatOthersMake()]);
});

/** Locks, permits and shares. */
async function getsWhatOthersRelease(): Promise<void> {
  // given
  const namespace = redis.namespace();
  const proxy = await useDelayProxy(redis.url, FAR);
  const [near, far] = await Promise.all([
    connect({ redis: redis.url, namespace }),
    connect({ redis: proxy.url, namespace }),
  ]);
  onTestFinished(async () => void (await Promise.all([near.close(), far.close()])));
  const held = await Promise.all([
    near.lock("far").hold(),
    near.semaphore(1, { name: "far" }).hold(),
    near.readWriteLock("far").writeLock().hold(),
  ]);

  // when
  const times = { timeout: 15_000 };
  const take = async (what: {
    hold(options: typeof times): Promise<{ isHeld: boolean; release(): Promise<void> }>;
  }) => {
    const one = await what.hold(times);
    const { isHeld } = one;
    await one.release();
    return isHeld;
  };
  const got = Promise.all(
    [1, 2].flatMap(() => [
      take(far.lock("far")),
      take(far.semaphore(1, { name: "far" })),
      take(far.readWriteLock("far").writeLock()),
    ]),
  );
  const isWaitedFor = async (): Promise<boolean> => {
    const states = [near.lock("far"), near.semaphore(1, { name: "far" }), near.readWriteLock("far")];
    return (await Promise.all(states.map((state) => state.inspect()))).every(({ waiters }) => waiters.length === 2);
  };
  await until(isWaitedFor, { what: "all of them are waited for" });
  await Promise.all(held.map((one) => one.release()));

  // then
  expect(await got).toEqual(Array(6).fill(true));
}

async function getsTheRoomThatOthersMake(): Promise<void> {
  // given
  const namespace = redis.namespace();
  const proxy = await useDelayProxy(redis.url, 600);
  const [near, ...far] = await Promise.all([
    connect({ redis: redis.url, namespace }),
    connect({ redis: proxy.url, namespace }),
    connect({ redis: proxy.url, namespace }),
  ]);
  onTestFinished(async () => void (await Promise.all([near, ...far].map((mp) => mp.close()))));
  const full = near.queue<number>({ name: "full", maxSize: 1 });
  await full.put(0);
  const times = { timeout: 20_000 };
  const put = Promise.all(far.map((mp, index) => mp.queue<number>({ name: "full", maxSize: 1 }).put(index + 1, times)));
  await until(async () => (await full.inspect()).putters.length === 2, { what: "both wait for room" });

  // when
  const heart = new Heart(redis.client(), new Keys(namespace), REAPED_KINDS);
  const looks = setInterval(() => void heart.beat(null, { interval: 5_000 }).catch(() => {}), 20);
  onTestFinished(() => clearInterval(looks));
  const taken = [await full.get(), await full.get(times), await full.get(times)];

  // then
  await put;
  expect(taken.sort()).toEqual([0, 1, 2]);
}

test("masters vote on a lock although they are farther away than a usual answer takes", async () => {
  const proxies = await Promise.all(nodes.map((node) => useDelayProxy(node.url, 170)));
  const mp = await connect({
    redis: redis.url,
    namespace: redis.namespace(),
    lockNodes: proxies.map(({ url }) => url),
    lease: 30_000,
  });
  onTestFinished(() => mp.close());
  expect(await mp.lock("voted").run(({ isHeld }) => isHeld, { timeout: 10_000 })).toBe(true);
});

test("a lock whose lease is shorter than the way to Redis says so, and is not held", async () => {
  const namespace = redis.namespace();
  const proxy = await useDelayProxy(redis.url, 60);
  const mp = await connect({ redis: proxy.url, namespace });
  onTestFinished(() => mp.close());
  const lock = mp.lock({ name: "short", lease: 100 });
  const failed = lock.acquire();
  await expect(failed).rejects.toThrow(RedisUnfitError);
  await expect(failed).rejects.toThrow(/the lease of the lock "short", 100 ms, is over before Redis has answered/);
  await until(async () => !(await lock.locked()), { what: "it is not held" });
});
