import { until, useRedis } from "@manyhands/testing";
import { Queue } from "bullmq";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import {
  closeRedis,
  Inspector,
  Keys,
  noteChanges,
  openRedis,
  type Pulse,
  type RedisClient,
  submitDetached,
} from "../../src/internal.ts";

const redis = useRedis();
let client: RedisClient;
let keys: Keys;
let inspector: Inspector;

beforeEach(() => {
  client = openRedis(redis.url, { name: "changes-test" });
  keys = new Keys(redis.namespace());
  inspector = new Inspector({ client, keys });
  onTestFinished(async () => {
    await inspector.close();
    await closeRedis(client);
  });
});

/** What a feed has told, one list a call. */
interface Watch {
  told: string[][];
  pulses: Pulse[];
  /** Resolves when the topic was told after this call; how long that took, ms. */
  hears(topic: string): Promise<number>;
}

async function watch(): Promise<Watch> {
  const told: string[][] = [];
  const pulses: Pulse[] = [];
  const openBlocking = () => openRedis(redis.url, { name: "changes-test:blocking", blocking: true });
  const feed = inspector.changes({
    openBlocking,
    onChange: (topics) => told.push([...topics]),
    onPulse: (pulse) => pulses.push(pulse),
    logger: { warn: () => {} },
  });
  feed.start();
  onTestFinished(() => feed.stop());
  await until(() => pulses.length > 0);
  // It waits for what comes.
  await until(async () => String(await redis.client().client("LIST")).includes("cmd=xread"));
  const hears = async (topic: string): Promise<number> => {
    const begun = performance.now();
    const before = told.length;
    await until(() => told.slice(before).flat().includes(topic));
    return performance.now() - begun;
  };
  return { told, pulses, hears };
}

const submit = (pool: string): Promise<unknown> =>
  submitDetached({ client, keys }, { task: "square", args: [7], pool, maxPayload: 1_000 });

test("a change of a task is told of within half a second, with its pool and no other one", async () => {
  // given
  for (const name of ["mail", "news"]) await inspector.pools.create({ name, size: null });
  const { told, hears } = await watch();
  // when
  const heard = hears("pools/mail");
  await submit("mail");
  // then
  expect(await heard).toBeLessThan(500);
  expect(told.flat()).toEqual(expect.arrayContaining(["tasks", "overview"]));
  expect(told.flat()).not.toContain("pools/news");
});

test("each change of a schedule is told of as one of schedules", async () => {
  // given
  const { schedules } = inspector;
  const { hears } = await watch();
  const changes = {
    set: () => schedules.set("nightly", "square", [7], { cron: "0 3 * * *" }),
    pause: () => schedules.pause("nightly"),
    resume: () => schedules.resume("nightly"),
    run: () => schedules.run("nightly"),
    remove: () => schedules.remove("nightly"),
  };
  for (const change of Object.values(changes)) {
    // when
    const heard = hears("schedules");
    await change();
    // then
    await heard;
  }
  expect(await schedules.list()).toEqual([]);
});

test("many changes are told of together, about three times a second, and the last one is not lost", async () => {
  // given
  await inspector.pools.create({ name: "mail", size: null });
  const { told } = await watch();
  const queue = new Queue("mail", { connection: redis.client(), prefix: keys.queuePrefix });
  onTestFinished(() => queue.close());
  // when
  const until = performance.now() + 1_000;
  while (performance.now() < until) await queue.add("square", {});
  const calls = told.length;
  await new Promise((resolve) => setTimeout(resolve, 700));
  // then
  expect(calls).toBeGreaterThan(1);
  expect(calls).toBeLessThan(6);
  expect(told.length - calls).toBeGreaterThan(0);
  expect(told.length - calls).toBeLessThan(3);
});

test("while nothing happens Redis does next to nothing, however many pools there are", async () => {
  // given
  for (let index = 0; index < 300; index += 1) await inspector.pools.create({ name: `pool-${index}`, size: null });
  await watch();
  // when
  const commands = await commandsIn(1_600);
  // then: one or two looks, each of some commands
  expect(commands).toBeLessThan(20);
});

/** Commands that Redis does in so many ms, those of scripts too. */
async function commandsIn(milliseconds: number): Promise<number> {
  const other = redis.client();
  const count = async () => {
    const calls = (await other.info("commandstats")).matchAll(/calls=(\d+)/g);
    return [...calls].reduce((sum, [, number]) => sum + Number(number), 0);
  };
  const before = await count();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return (await count()) - before - 1;
}

test("pools that come, and what happens in them then, are told of", async () => {
  const { hears } = await watch();
  const made = hears("pools/mail");
  await inspector.pools.create({ name: "mail", size: null });
  expect(await made).toBeLessThan(500);
  const submitted = hears("tasks");
  await submit("mail");
  expect(await submitted).toBeLessThan(1_000);
  const paused = hears("pools/mail");
  await inspector.pools.pause("mail");
  await paused;
});

test("a host that is gone, and an object that was made, are told of although nothing notes them", async () => {
  // given
  const other = redis.client();
  await other.zadd(keys.hosts, Date.now() + 60_000, "oslo");
  await other.set(keys.host("oslo"), "{}");
  const { hears } = await watch();
  // when
  const gone = hears("hosts");
  await other.del(keys.host("oslo"));
  await gone;
  const made = hears("objects");
  await other.zadd(keys.objects, Date.now(), "lock/ledger");
  // then
  await made;
});

test("what programs note is told of, all of it", async () => {
  const { told, hears } = await watch();
  const heard = hears("audit");
  await noteChanges({ client, keys }, ["hosts/oslo", "processes", "audit"]);
  await heard;
  expect(told.flat()).toEqual(["hosts/oslo", "overview", "processes", "audit"]);
  expect(await redis.client().pttl(keys.changes)).toBeGreaterThan(3_000_000);
});

test("a key of another type in the place of a stream hides no other pool", async () => {
  // given
  for (const name of ["mail", "news"]) await inspector.pools.create({ name, size: null });
  const { hears } = await watch();
  // when
  await redis.client().set(keys.queue("mail", "events"), "no stream");
  const heard = hears("pools/news");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await submit("news");
  // then
  await heard;
});

test("a Redis that is gone is told of with the time, and when it is back everything may have changed", async () => {
  // given
  const { pulses, hears } = await watch();
  // when
  const began = Date.now();
  await redis.stop();
  await until(() => pulses.at(-1)?.redis !== "ok");
  // then
  const lost = pulses.at(-1)?.redis as { problem: string; since: number; retryIn: number };
  expect(lost.since).toBeGreaterThanOrEqual(began - 2_000);
  expect(pulses.at(-1)?.roundTrip).toBe(null);
  // and when it is back
  const everything = hears("*");
  await redis.restart();
  await everything;
  expect(pulses.at(-1)).toMatchObject({ redis: "ok" });
  await inspector.pools.create({ name: "later", size: null });
  const heard = hears("pools/later");
  await submit("later");
  await heard;
});
