import { useRedis } from "@manyhands/testing";
import { Queue } from "bullmq";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { type HostRecord, Keys, OverviewReader, openRedis, Pools, type RedisClient } from "../../src/internal.ts";
import { BullQueues } from "../../src/redis/bull-queue/bull-queues.ts";

const redis = useRedis();
let client: RedisClient;
let keys: Keys;
let reader: OverviewReader;

beforeEach(() => {
  client = openRedis(redis.url, { name: "overview-test" });
  onTestFinished(() => client.disconnect());
  keys = new Keys(redis.namespace());
  reader = new OverviewReader(client, keys);
});

test("tells pools with their load and rates, hosts with what they run, and the newest failures", async () => {
  // given
  await createPools("mail", "news");
  const queue = queueOf("mail");
  const now = Date.now();
  await queue.add("send", {}, { jobId: "waits", timestamp: now - 60_000 });
  await queue.add("send", {}, { jobId: "later", delay: 1_000_000 });
  const ended = client.pipeline();
  for (let index = 0; index < 20; index += 1) ended.zadd(keys.queue("mail", "completed"), now - 1_000, `done-${index}`);
  ended.zadd(keys.queue("mail", "completed"), now - 3_600_000, "long-ago");
  for (const [id, more] of [
    ["broken", {}],
    ["withdrawn", { ended: "cancelled" }],
  ] as const) {
    ended.zadd(keys.queue("mail", "failed"), now - 500, id);
    ended.hset(keys.job("mail", id), {
      name: "send",
      failedReason: "no such mailbox",
      pb: "web-1:17",
      atm: 3,
      ...more,
    });
  }
  ended.zadd(keys.cancelled("mail"), now - 500, "withdrawn");
  await ended.exec();
  await putHost({ id: "one", name: "web-1", completed: 100, beatAt: now });
  // when
  const first = await reader.read();
  await putHost({ id: "one", name: "web-1", completed: 140, beatAt: now + 2_000 });
  const second = await reader.read();
  // then
  expect(first.pools.map(({ name }) => name)).toEqual(["mail", "news"]);
  expect(first.pools[0]).toMatchObject({
    jobs: { waiting: 1, delayed: 1, completed: 21, failed: 1, cancelled: 1 },
    completedPerSecond: 4,
    failedPerSecond: 0.2,
    hosts: 1,
    slots: 4,
  });
  expect(first.pools[0]?.oldestWaiting).toBeGreaterThan(55_000);
  expect(first.failures).toEqual([
    expect.objectContaining({ id: "broken", task: "send", pool: "mail", reason: "no such mailbox", attemptsMade: 3 }),
  ]);
  expect(first.hosts[0]?.finishedPerSecond).toBe(null);
  expect(second.hosts[0]?.finishedPerSecond).toBe(20);
});

test("a look costs at most two round trips, and a bounded number of commands, however many pools and hosts there are", async () => {
  // given
  const names = Array.from({ length: 300 }, (_, index) => `pool-${String(index).padStart(3, "0")}`);
  await createPools(...names);
  const hosts = Array.from({ length: 130 }, (_, index) => `host-${index}`);
  for (const id of hosts) await putHost({ id, name: id, completed: 0, beatAt: Date.now() });
  await queueOf("pool-299").add("send", {});
  // when: the first look has to learn what there is
  const looks = [await reader.read(), await reader.read(), await reader.read()];
  // then
  expect(looks.map(({ cost }) => cost.roundTrips)).toEqual([2, 2, 1]);
  for (const { cost } of looks) expect(cost.commands).toBeLessThan(5_200);
  // Of very many each look counts a part, in turn; all are listed.
  expect(looks[0]?.pools).toHaveLength(300);
  expect(looks[0]?.hosts).toHaveLength(100);
  expect(looks[1]?.hosts).toHaveLength(130);
  expect(looks[0]?.pools.at(-1)?.jobs.waiting).toBe(0);
  expect(looks[1]?.pools.at(-1)?.jobs.waiting).toBe(1);
});

test("a pool and a host that are gone are gone in the next look, and a key of the wrong type hides nothing", async () => {
  await createPools("mail", "news");
  await putHost({ id: "one", name: "web-1", completed: 0, beatAt: Date.now() });
  await reader.read();
  await client.hdel(keys.pools, "news");
  await client.del(keys.host("one"));
  await client.set(keys.queue("mail", "wait"), "text");
  await queueOf("mail").add("send", {}, { priority: 1 });

  const { pools, hosts } = await reader.read();

  expect(pools).toMatchObject([{ name: "mail", jobs: { waiting: 0, prioritized: 1 } }]);
  expect(hosts).toEqual([]);
});

async function createPools(...names: string[]): Promise<void> {
  const queues = new BullQueues(client, keys);
  const pools = new Pools(client, keys, queues);
  await Promise.all(names.map((name) => pools.create({ name, size: null })));
  await queues.close();
}

function queueOf(pool: string): Queue {
  const queue = new Queue(pool, { connection: client as never, prefix: keys.queuePrefix });
  onTestFinished(() => queue.close());
  return queue;
}

async function putHost(given: Pick<HostRecord, "id" | "name" | "completed" | "beatAt">): Promise<void> {
  const record: HostRecord = {
    ...{
      hostname: "vm",
      pid: 17,
      slots: 4,
      state: "running",
      isolation: "process",
      pools: null,
      tasks: [],
      running: [],
    },
    ...{ children: [], version: "0.1.0", startedAt: 1, memory: 1, failed: 0 },
    ...given,
  };
  await client.zadd(keys.hosts, Date.now() + 60_000, given.id);
  await client.set(keys.host(given.id), JSON.stringify(record));
}
