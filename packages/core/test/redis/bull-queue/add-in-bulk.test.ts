// What adding in bulk relies on of BullMQ's inside: an upgrade that moves it fails here.
import { useRedis } from "@manyhands/testing";
import { type JobsOptions, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { openBullQueue } from "../../../src/redis/bull-queue/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { JobQueue, type Submission } from "../../../src/work/submission/job-queue.ts";

const redis = useRedis();
const TIME = 1_700_000_000_000;

interface Sample {
  name: string;
  data: unknown;
  opts: JobsOptions;
}

function open(make: typeof openBullQueue | "plain"): { queue: Queue; client: Redis; key: (kind: string) => string } {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const prefix = keys.queuePrefix;
  const options = { connection: client, prefix, skipVersionCheck: true, streams: { events: { maxLen: 1_000 } } };
  const queue =
    make === "plain" ? new Queue("q", options as never) : make({ client, keys }, "q", { writesSettings: true });
  onTestFinished(async () => queue.close());
  return { queue, client, key: (kind) => `${prefix}:q:${kind}` };
}

/** Everything of the queue, without its name and the times that Redis gives. */
async function contents({ client, key }: ReturnType<typeof open>): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of (await client.keys(`${key("")}*`)).sort()) {
    const kind = name.slice(key("").length);
    const type = await client.type(name);
    // Its number in the index of tasks.
    if (type === "hash") found[kind] = { ...(await client.hgetall(name)), n: undefined };
    else if (type === "list") found[kind] = await client.lrange(name, 0, -1);
    else if (type === "zset") found[kind] = await client.zrange(name, 0, "-1", "WITHSCORES");
    else if (type === "stream") found[kind] = (await client.xrange(name, "-", "+")).map(([, fields]) => fields);
    else found[kind] = await client.get(name);
  }
  return found;
}

/** Calls of scripts that the server has counted. */
async function scriptCalls(client: Redis): Promise<number> {
  const text = await client.info("commandstats");
  const calls = [...text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, count]) => Number(count));
  return calls.reduce((sum, count) => sum + count, 0);
}

function standard(count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    name: "t",
    data: { args: [index, "naïve 漢字 🙂"] },
    opts: { jobId: `a-${index}`, timestamp: TIME },
  }));
}

test("jobs that are added in bulk are those that BullMQ adds one by one", async () => {
  // given
  const delayed: Sample = { name: "t", data: {}, opts: { jobId: "later", delay: 60_000, timestamp: TIME } };
  const jobs: Sample[] = [
    ...standard(60),
    { name: "other", data: { text: "x".repeat(300_000) }, opts: { jobId: "large", timestamp: TIME } },
    { name: "t", data: {}, opts: { jobId: "first", lifo: true, timestamp: TIME } },
    { name: "t", data: {}, opts: { jobId: "p-2", priority: 2, attempts: 3, backoff: 100, timestamp: TIME } },
    { name: "t", data: {}, opts: { jobId: "p-1", priority: 1, removeOnComplete: true, timestamp: TIME } },
    delayed,
    { name: "t", data: {}, opts: { jobId: "a-3", timestamp: TIME } },
    { name: "t", data: {}, opts: { jobId: "d-1", deduplication: { id: "d" }, timestamp: TIME } },
    { name: "t", data: {}, opts: { jobId: "d-2", deduplication: { id: "d" }, timestamp: TIME } },
    { name: "t", data: null, opts: { jobId: "last", timestamp: TIME } },
  ];
  const plain = open("plain");
  const ours = open(openBullQueue);

  // when
  const expected = await plain.queue.addBulk(jobs);
  const before = await scriptCalls(ours.client);
  const added = await ours.queue.addBulk(jobs);
  const calls = (await scriptCalls(ours.client)) - before;

  // then
  expect(added.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
  expect(added.at(-2)?.id).toBe("d-1");
  expect(await contents(ours)).toEqual(await contents(plain));
  // 50; 12 of the same kind; 2 with a priority; a delayed one; 4.
  expect(calls).toBe(5);
});

test("250 jobs take five scripts, also from a server that has forgotten them", async () => {
  // given
  const { queue, client, key } = open(openBullQueue);
  await queue.addBulk(standard(2));
  await client.script("FLUSH");
  const before = await scriptCalls(client);

  // when
  const added = await queue.addBulk(standard(252).slice(2));

  // then
  expect(added.map(({ id }) => id)).toEqual(Array.from({ length: 250 }, (_, index) => `a-${index + 2}`));
  expect((await client.lrange(key("wait"), 0, -1)).reverse()).toEqual(standard(252).map(({ opts }) => opts.jobId));
  // Each is sent by its hash and then as a text, and calls of the first kind fail.
  expect((await scriptCalls(client)) - before).toBeLessThanOrEqual(10);
});

test("jobs of a pool, which may be assigned to hosts, are added in bulk as well", async () => {
  const client = redis.client();
  const jobs = new JobQueue("q", { client, keys: new Keys(redis.namespace()) });
  onTestFinished(() => jobs.close());
  const batch = (): Submission[] =>
    Array.from({ length: 250 }, () => ({ name: "t", data: { args: [1] }, opts: {} }) as unknown as Submission);
  await jobs.add(batch());
  const before = await scriptCalls(client);
  await jobs.add(batch());
  expect((await scriptCalls(client)) - before).toBe(5);
});

test("jobs are added one by one where the text of BullMQ's script is not to be had", async () => {
  // given
  const { queue, client, key } = open(openBullQueue);
  await queue.waitUntilReady();
  const { scriptsSet } = client as unknown as { scriptsSet: Record<string, { lua?: string }> };
  for (const [name, script] of Object.entries(scriptsSet)) {
    if (name === "manyhands:addStandardJob") scriptsSet[name] = new Proxy(script, { get: hideText });
  }
  const before = await scriptCalls(client);

  // when
  const added = await queue.addBulk(standard(60));

  // then
  expect(added).toHaveLength(60);
  expect((await scriptCalls(client)) - before).toBe(60);
  expect(await client.llen(key("wait"))).toBe(60);
});

function hideText(script: object, name: string): unknown {
  return name === "lua" ? undefined : Reflect.get(script, name, script);
}
