// The index of tasks follows every script of BullMQ that changes the state of a job.
import { createRequire } from "node:module";
import { useRedis } from "@manyhands/testing";
import { Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { Inspector } from "../../../src/inspection/index.ts";
import {
  INDEXED_SCRIPTS,
  indexTasks,
  isRelayScript,
  openBullQueue,
  UNCHANGED_SCRIPTS,
} from "../../../src/redis/bull-queue/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { assignAtOnce } from "../../../src/work/submission/assigning-queue.ts";
import { rebuildIndex, sweepIndex } from "../../../src/work/task-index/index.ts";
import { type IndexedTask, readWholeIndex, scanJobs } from "./read-whole-index.ts";

const redis = useRedis();

interface Pool {
  queue: ReturnType<typeof openBullQueue>;
  worker: Worker;
}

function bench(): { client: Redis; keys: Keys; open: (pool: string) => Pool } {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const open = (pool: string): Pool => {
    const queue = openBullQueue({ client, keys }, pool, { writesSettings: true });
    assignAtOnce(queue, { client, keys });
    const worker = new Worker(pool, null, {
      connection: client as never,
      prefix: keys.queuePrefix,
      autorun: false,
      name: `host%20${pool}/17`,
    });
    indexTasks((worker as unknown as { backend: object }).backend, client);
    onTestFinished(async () => {
      await worker.close(true);
      await queue.close();
    });
    return { queue, worker };
  };
  return { client, keys, open };
}

/** What the index says of tasks that are not gone must be what a look at all jobs finds. */
async function expectAgreement(client: Redis, keys: Keys, pools: string[]): Promise<Map<number, IndexedTask>> {
  const index = await readWholeIndex(client, keys);
  const jobs = await scanJobs(client, keys, pools);
  const left = [...index].filter(([, { states }]) => !states.includes("gone"));
  const byNumber = (one: [number, unknown], other: [number, unknown]): number => one[0] - other[0];
  // A task that ran before and waits again keeps the host that ran it.
  const plain = ([n, task]: [number, IndexedTask]): [number, IndexedTask] => [
    n,
    jobs.get(n)?.host ? task : { ...task, host: null },
  ];
  expect(left.map(plain).sort(byNumber)).toEqual([...jobs].sort(byNumber));
  expect(await client.hget(keys.taskIndex, "dirty")).toBeNull();
  return index;
}

test("every script of BullMQ has been judged: what it changes in the index, or that it changes nothing", () => {
  const scripts = createRequire(import.meta.url)("bullmq/dist/cjs/scripts") as Record<string, unknown>;
  const judged = new Set([...Object.keys(INDEXED_SCRIPTS), ...UNCHANGED_SCRIPTS]);
  const names = Object.keys(scripts).filter((name) => !isRelayScript(name));
  expect(names.filter((name) => !judged.has(name))).toEqual([]);
  expect([...judged].filter((name) => !names.includes(name))).toEqual([]);
});

test("a task gets a number and a record as it is added, and its values when its bucket is full", async () => {
  // Given tasks with and without tags
  const { client, keys, open } = bench();
  const { queue } = open("p");
  const tags = ["night]ly", 'quo"te', "naïve"];
  await queue.add("tagged", { tags, args: [] }, { jobId: "tagged" });
  await queue.add("later", {}, { jobId: "later", delay: 60_000 });
  await queue.add("last", {}, { jobId: "last", priority: 7 });
  await queue.add("again", {}, { jobId: "last" });

  // Then the open bucket has their records
  const open3 = await expectAgreement(client, keys, ["p"]);
  expect(open3.get(0)).toEqual({ pool: "p", id: "tagged", task: "tagged", tags, states: [], host: null });
  expect([...open3.values()].map(({ states }) => states)).toEqual([[], ["delayed"], ["prioritized"]]);
  expect(await client.keys(`${keys.prefix}index-values/*`)).toEqual([]);

  // When it is full, and so often that containers become bitmaps
  await queue.addBulk(
    Array.from({ length: 640 }, (_, at) => ({ name: "many", data: { tags: [`t${at % 3}`], args: [at] } })),
  );
  await expectAgreement(client, keys, ["p"]);
  expect(await client.type(keys.indexContainer(0, "p=p"))).toBe("string");
  expect(await client.type(keys.indexContainer(0, "g=t1"))).toBe("set");
  expect(await client.object("ENCODING", keys.indexContainer(0, "g=t1"))).toBe("intset");
  expect(await client.hget(keys.indexValues(0), "g=naïve")).toBe("1");
});

test("an error in the index fails no submission and no finish, and is noted", async () => {
  const { client, keys, open } = bench();
  const { queue, worker } = open("p");
  await queue.add("first", {}, { jobId: "first" });
  await client.del(keys.indexTasks(0));
  await client.set(keys.indexTasks(0), "something else");
  await client.set(keys.indexContainer(0, "s=completed"), "");
  await client.del(keys.indexContainer(0, "s=completed"));
  await client.lpush(keys.indexContainer(0, "s=completed"), "something else");
  await queue.add("second", {}, { jobId: "second" });
  expect(await client.hget(keys.taskIndex, "dirty")).toMatch(/WRONGTYPE/);
  const job = await worker.getNextJob("token");
  await job?.moveToCompleted("done", "token", false);
  expect(await queue.getJobCounts("completed", "waiting")).toEqual({ completed: 1, waiting: 1 });
});

test("a task that waits for its next try, at once or later, is found by the host of the last one", async () => {
  // given
  const { client, keys, open } = bench();
  const { queue, worker } = open("p");
  await sweepIndex(client, keys);
  for (const [jobId, backoff] of [["later", 60_000] as const, ["soon", 0] as const]) {
    await queue.add("fails", {}, { jobId, attempts: 3, backoff });
    const job = await worker.getNextJob("token");
    await job?.moveToFailed(new Error("not yet"), "token", false);
  }
  // Of tasks whose bucket is not full all are read.
  await queue.addBulk(Array.from({ length: 130 }, () => ({ name: "new", data: {} })));
  expect(await queue.getJobCounts("delayed", "waiting")).toEqual({ delayed: 1, waiting: 131 });
  // when
  const find = (state?: "delayed") =>
    new Inspector({ client, keys }).tasks.find({ host: "host p", ...(state && { state }) });
  // then
  expect((await find()).tasks.map(({ id, state }) => `${id} ${state}`)).toEqual(["soon blocked", "later delayed"]);
  expect((await find("delayed")).tasks.map(({ id }) => id)).toEqual(["later"]);
  await expectAgreement(client, keys, ["p"]);
});

test("jobs that live at random are in the index as they are in BullMQ", async () => {
  // Given three pools and random lives
  const { client, keys, open } = bench();
  const names = ["a", "b", "c"];
  const pools = names.map(open);
  let seed = 20_261_129;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const pick = <Of>(list: readonly Of[]): Of => list[random(list.length)] as Of;
  const ids: string[] = [];
  const anyJob = async (queue: Pool["queue"]) => (ids.length > 0 ? queue.getJob(pick(ids)) : undefined);
  const quietly = (work: Promise<unknown> | undefined) => work?.catch(() => {});
  for (let step = 0; step < 240; step += 1) {
    const { queue, worker } = pick(pools);
    const action = random(20);
    if (action < 7) {
      const jobs = Array.from({ length: 3 }, (_, at) => {
        const tags = Array.from({ length: random(3) }, () => pick(["nightly", "x", "y", "z"]));
        const opts = {
          jobId: `j${step}-${at}`,
          ...pick([{}, {}, { delay: 1 + random(50) }, { delay: 1e6 }, { priority: 3 }, { priority: 2, delay: 20 }]),
          ...pick([{}, { attempts: 3 }, { attempts: 3, backoff: 5 }, { removeOnComplete: true }]),
          ...pick([{}, {}, {}, { deduplication: { id: "d", replace: true } }]),
        };
        ids.push(opts.jobId);
        const data = tags.length > 0 ? { tags: [...new Set(tags)], args: [step] } : { args: [step] };
        return { name: pick(["resize", "mail"]), data, opts };
      });
      await queue.addBulk(jobs);
    } else if (action < 12) {
      const job = await worker.getNextJob("token");
      if (!job) continue;
      const follow = random(4) === 0;
      const next =
        random(3) > 0 ? job.moveToCompleted("ok", "token", follow) : job.moveToFailed(new Error("no"), "token", follow);
      await quietly(next);
    } else if (action < 14) {
      await quietly((await anyJob(queue))?.remove());
    } else if (action === 14) {
      await quietly((await anyJob(queue))?.retry(pick(["failed", "completed"])));
    } else if (action === 15) {
      await quietly((await anyJob(queue))?.promote());
    } else if (action === 16) {
      await quietly((await anyJob(queue))?.changePriority({ priority: random(3) }));
    } else if (action === 17) {
      await quietly((await anyJob(queue))?.changeDelay(pick([5, 1e6])));
    } else if (action === 18 && random(4) === 0) {
      await queue.clean(0, 5, pick(["completed", "failed", "delayed", "prioritized", "wait"]));
    } else if (action === 19 && random(20) === 0) {
      await queue.drain(random(2) === 0);
    } else if (action === 19 && random(5) === 0) {
      await queue.retryJobs({ state: pick(["completed", "failed"]), count: 5 });
    }
    if (step === 120) await expectAgreement(client, keys, names);
  }

  // Then both agree at every look, and buckets were sealed on the way
  const index = await expectAgreement(client, keys, names);
  expect(index.size).toBeGreaterThan(128);

  // When a queue is obliterated, its tasks are gone
  await pools[0]?.queue.obliterate({ force: true });
  await expectAgreement(client, keys, names);
});

test("jobs of other clients, and what they change, get into the index with a look at it", async () => {
  // Given an index that is complete, and another client of BullMQ
  const { client, keys, open } = bench();
  const { queue } = open("p");
  await client.hset(keys.pools, "p", "{}");
  await queue.addBulk(Array.from({ length: 140 }, (_, at) => ({ name: "ours", data: {}, opts: { jobId: `o${at}` } })));
  expect(await sweepIndex(client, keys)).toMatchObject({ rebuilt: null });
  const foreign = new Queue("p", { connection: client as never, prefix: keys.queuePrefix });
  onTestFinished(() => foreign.close());

  // When that adds jobs, removes some, and delays one
  await foreign.add("theirs", { args: [], tags: ["a", "b"] }, { jobId: "t1" });
  await foreign.add("theirs", { text: '"tags"' }, { jobId: "t2", delay: 60_000 });
  for (let at = 0; at < 128; at += 1) await foreign.remove(`o${at}`);
  const report = await sweepIndex(client, keys);

  // Then a look finds it all
  expect(report).toMatchObject({ gone: 128, rebuilt: null });
  const index = await expectAgreement(client, keys, ["p"]);
  expect([...index.values()].find(({ id }) => id === "t1")).toMatchObject({ task: "theirs", tags: ["a", "b"] });
  // and the bucket without a task is gone
  expect(await client.exists(keys.indexTasks(0))).toBe(0);
  expect(await sweepIndex(client, keys)).toEqual({ rebuilt: null, repaired: 0, gone: 0, dropped: 0 });

  // When an error has left one out
  await client.hdel(keys.job("p", "o130"), "n");
  await client.hset(keys.taskIndex, "dirty", "something");
  await sweepIndex(client, keys);
  await sweepIndex(client, keys);
  await expectAgreement(client, keys, ["p"]);
});

test("the index is made anew, also of jobs that it never had, while jobs are added and end", async () => {
  // Given jobs of an older version, in several states
  const { client, keys, open } = bench();
  const old = new Queue("p", { connection: client as never, prefix: keys.queuePrefix });
  onTestFinished(() => old.close());
  await client.hset(keys.pools, "p", "{}");
  await old.addBulk(
    Array.from({ length: 300 }, (_, at) => ({
      name: at % 2 === 0 ? "even" : "odd",
      data: at % 3 === 0 ? { tags: ["third"] } : {},
      opts: { jobId: `o${at}`, timestamp: 1_000 + at, ...(at === 299 ? { delay: 1e9 } : {}) },
    })),
  );
  const { queue, worker } = open("p");
  for (let at = 0; at < 10; at += 1) {
    const job = await worker.getNextJob("token");
    await job?.moveToCompleted("ok", "token", false);
  }

  // When it is made while new jobs come and old ones end
  const rebuilt = sweepIndex(client, keys, { load: 0.5 });
  const added = queue.addBulk(
    Array.from({ length: 200 }, (_, at) => ({ name: "new", data: {}, opts: { jobId: `n${at}` } })),
  );
  for (let at = 0; at < 10; at += 1) {
    const job = await worker.getNextJob("token");
    await job?.moveToFailed(new Error("no"), "token", false);
  }
  await added;

  // Then all of them are in it, old ones in the order of their submission
  expect((await rebuilt).rebuilt).toBeGreaterThanOrEqual(280);
  const index = await expectAgreement(client, keys, ["p"]);
  const living = [...index].filter(([, { states }]) => !states.includes("gone")).sort(([one], [other]) => one - other);
  expect(living).toHaveLength(500);
  const waiting = living
    .filter(([, { id, states }]) => id.startsWith("o") && states.length === 0)
    .map(([, { id }]) => id);
  expect(waiting).toEqual([...waiting].sort((one, other) => Number(one.slice(1)) - Number(other.slice(1))));
  expect(await client.hget(keys.taskIndex, "built")).toMatch(/^\d+$/);

  // When it is made once more, nothing is left of what was there before
  expect(await rebuildIndex(client, keys)).toBe(500);
  await expectAgreement(client, keys, ["p"]);
  const first = Number(await client.hget(keys.taskIndex, "first"));
  const chunks = (await client.keys(`${keys.prefix}index/*`)).map((key) => Number(key.split("/")[2]));
  expect(Math.min(...chunks)).toBe(Math.floor(first / 65_536));
});

test("chunks whose tasks are gone are removed, and those of which few are left become small again", async () => {
  // Given two chunks that look full: the counter is moved on
  const { client, keys, open } = bench();
  const { queue } = open("p");
  await client.hset(keys.pools, "p", "{}");
  await client.hset(keys.taskIndex, "built", 1, "format", 1);
  const add = (from: number, count: number) =>
    queue.addBulk(
      Array.from({ length: count }, (_, at) => ({ name: "t", data: {}, opts: { jobId: `j${from + at}` } })),
    );
  await add(0, 640);
  await client.hset(keys.taskIndex, "next", 65_536);
  await add(1_000, 640);
  await client.hset(keys.taskIndex, "next", 2 * 65_536);
  await add(2_000, 10);
  expect(await client.type(keys.indexContainer(1, "p=p"))).toBe("string");

  // When the jobs of the first are gone, and most of the second
  for (let at = 0; at < 640; at += 1) {
    await queue.remove(`j${at}`);
    if (at >= 40) await queue.remove(`j${1_000 + at}`);
  }
  // as many as make a look worth while
  await client.setrange(keys.indexContainer(1, "s=gone"), 2_000, "\xff".repeat(2_100));
  const report = await sweepIndex(client, keys);

  // Then nothing is left of the first, and the values of the second are sets again
  expect(report.dropped).toBe(1);
  expect(await client.keys(`${keys.prefix}index*/0*`)).toEqual([]);
  expect(await client.hget(keys.taskIndex, "first")).toBe("65536");
  expect(await client.object("ENCODING", keys.indexContainer(1, "p=p"))).toBe("intset");
  expect(await client.scard(keys.indexContainer(1, "p=p"))).toBe(40);
  expect(await client.hget(keys.indexValues(1), "t=t")).toBe("40");
});
