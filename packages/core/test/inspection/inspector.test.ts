import { type FaultProxy, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { afterAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { CancelledError, connect, group, signature } from "../../src/index.ts";
import {
  decode,
  decodeError,
  encode,
  encodeError,
  type HostRecord,
  Inspector,
  JOB_CANCEL_FIELD,
  JOB_ERROR_FIELD,
  type JobEnvelope,
  Keys,
  OverviewReader,
  openRedis,
  PoolRegistry,
  type QueuePart,
  type RedisClient,
  type ReplyItem,
  StoredAnswers,
  submitDetached,
  type TaskRow,
  type UnitAnswer,
  unlimitedPool,
} from "../../src/internal.ts";
import { cancelTask } from "../../src/work/submission/cancel-task.ts";

const redis = useRedis();
let client: RedisClient;
let keys: Keys;
let inspector: Inspector;
const open: { close(): Promise<unknown> }[] = [];

beforeEach(async () => {
  client ??= openRedis(redis.url, { name: "inspector-test" });
  keys = new Keys(redis.namespace());
  inspector = new Inspector({ client, keys });
});

afterAll(async () => {
  for (const one of open) await one.close();
  client.disconnect();
});

function queueOf(pool: string): Queue {
  const queue = new Queue(pool, { connection: client as never, prefix: keys.queuePrefix });
  open.push(queue);
  return queue;
}

test("an id that two pools have is searched in the named pool", async () => {
  // given: foreign clients count from 1 in every queue
  for (const pool of ["aa", "bb"]) await add(pool, { args: [1] }, { jobId: "job-1" });
  const refusal =
    '2 pools have a task with the id "job-1": aa, bb; say which pool is meant: --pool aa, or { pool: "aa" } in a program';
  // then
  await expect(inspector.tasks.get("job-1")).rejects.toThrow(refusal);
  await expect(inspector.tasks.logs("job-1")).rejects.toThrow(refusal);
  await expect(inspector.tasks.retry("job-1")).rejects.toThrow(refusal);
  await expect(inspector.tasks.cancel("job-1")).rejects.toThrow(refusal);
  expect(await inspector.tasks.get("job-1", { pool: "bb" })).toMatchObject({ pool: "bb", state: "blocked" });
  expect(await inspector.tasks.cancel("job-1", { reason: "wrong one", pool: "bb" })).toEqual({
    outcome: "removed",
    pool: "bb",
  });
  expect(await inspector.tasks.state("job-1", { pool: "bb" })).toBe("cancelled");
  expect(await inspector.tasks.state("job-1", { pool: "aa" })).toBe("blocked");
});

test("an id that a task and a workflow have names neither: the task is meant with its pool", async () => {
  // given
  const queue = queueOf("aa");
  const mp = await connect({ redis: redis.url, namespace: keys.namespace });
  open.push(mp);
  const workflow = await mp.submit(group([signature("nothing", [1], { pool: "aa" })]), { jobId: "both" });
  const task = await mp.submit("nothing", [], { pool: "aa", jobId: "both" });
  const refusal =
    'a task in pool "aa" and a workflow have the id "both"; say that the task is meant: --pool aa, or { pool: "aa" } in a program; for the workflow: manyhands workflow show both, or mp.workflows.get("both")';
  const found = mp.task("both");

  // then
  for (const refused of [found.state(), found.show(), found.get(), found.cancel(), found.retry(), found.remove()]) {
    await expect(refused).rejects.toThrow(refusal);
  }
  await expect(inspector.tasks.get("both")).rejects.toThrow(refusal);
  expect(await queue.getJobCountByTypes("waiting")).toBe(2);
  expect(await found.tree()).toMatchObject({ id: "both", state: "active" });
  expect(await workflow.state()).toBe("active");
  expect(await mp.task("both.1").show()).toMatchObject({ workflow: "both" });

  // when
  await mp.task("both", { pool: "aa" }).cancel();

  // then
  expect(await task.state()).toBe("cancelled");
  expect(await workflow.state()).toBe("active");
  await mp.workflows.cancel("both");
  expect(await workflow.state()).toBe("cancelled");
});

test("a task of a job scheduler, or with any other id, is found by it", async () => {
  // given
  await inspector.pools.create({ name: "plan", size: null });
  const queue = queueOf("plan");
  await queue.upsertJobScheduler("every hour", { every: 3_600_000 }, { name: "square", data: { args: [3] } });
  const [row] = await inspector.tasks.list({ pool: "plan" });
  const id = row?.id ?? "";
  // then
  expect(id).toMatch(/^repeat:every hour:\d+$/);
  expect(await inspector.tasks.get(id)).toMatchObject({ id, name: "square", pool: "plan", args: [3] });
  expect(await inspector.tasks.logs(id)).toEqual({ lines: [], next: 0, missed: 0 });
  expect((await inspector.tasks.cancel(id)).outcome).not.toBe("unknown");
  for (const key of ["repeat", "repeat:every hour", "meta", `${id}:logs`])
    expect(await inspector.tasks.get(key)).toBeNull();
});

test("a task that is in no list is shown as lost, and a retry puts it back", async () => {
  // given
  const id = await add("lost", { args: [1] }, { jobId: "lost-1" });
  await client.del(keys.queue("lost", "wait"));
  expect(await inspector.tasks.get(id)).toMatchObject({
    state: "unknown",
    blockedBy: expect.stringContaining("manyhands task retry lost-1 --pool lost"),
  });
  // when
  expect(await inspector.tasks.retry(id)).toEqual({ outcome: "queued", pool: "lost" });
  // then
  expect(await inspector.tasks.get(id)).toMatchObject({ state: "blocked", queuePosition: 0 });
});

async function add(
  pool: string,
  data: JobEnvelope,
  options: { jobId: string; delay?: number; priority?: number; timestamp?: number },
): Promise<string> {
  await inspector.pools.create({ name: pool, size: null });
  await queueOf(pool).add("square", data, options);
  return options.jobId;
}

/** An inspector whose connection can break. */
async function behindProxy(): Promise<{ proxy: FaultProxy; behind: Inspector }> {
  const proxy = await useFaultProxy(redis.url);
  const connection = openRedis(proxy.url, { name: "inspector-test" });
  onTestFinished(() => connection.disconnect());
  return { proxy, behind: new Inspector({ client: connection, keys }) };
}

/** A live host, as its heartbeat tells. */
/** Answers what the host "host-1" is told with a new record. @returns what it was told */
async function hostThatHears(
  answer: (message: Record<string, unknown>) => Partial<HostRecord>,
): Promise<Record<string, unknown>[]> {
  const told: Record<string, unknown>[] = [];
  const listener = redis.client();
  listener.on("message", (_channel, text) => {
    const message = JSON.parse(text) as Record<string, unknown>;
    told.push(message);
    void beat(answer(message));
  });
  await listener.subscribe(keys.hostControl("host-1"));
  return told;
}

async function beat(record: Partial<HostRecord>): Promise<void> {
  const host: HostRecord = {
    id: "host-1",
    name: "web-1",
    hostname: "machine",
    pid: 1,
    slots: 2,
    state: "running",
    isolation: "process",
    pools: null,
    tasks: [{ name: "square", isolation: null }],
    running: [],
    children: [],
    version: "0",
    startedAt: Date.now(),
    beatAt: Date.now(),
    memory: 1,
    completed: 0,
    failed: 0,
    ...record,
  };
  await client.zadd(keys.hosts, Date.now() + 60_000, host.id);
  await client.set(keys.host(host.id), JSON.stringify(host), "PX", 60_000);
}

/** Lets BullMQ take one job of the pool and hands it to `work`. */
async function takeOne(pool: string, work: () => Promise<unknown>): Promise<void> {
  const connection = openRedis(redis.url, { name: "inspector-test-worker" });
  await new Promise<void>((resolve) => {
    const worker = new Worker(pool, work, {
      connection: connection as never,
      prefix: keys.queuePrefix,
      name: "web-1/1",
    });
    worker.on("error", () => {});
    const end = () => {
      resolve();
      void worker.close(true).then(() => connection.disconnect());
    };
    worker.on("completed", end);
    worker.on("failed", end);
  });
}

async function answersTo(clientId: string): Promise<{ jobId: string; answers: UnitAnswer[] }[]> {
  const entries = await client.xrangeBuffer(keys.replies(clientId), "-", "+");
  return entries.flatMap(([, fields]) =>
    (decode(fields[1] as Buffer) as ReplyItem[]).map(([jobId, bytes]) => ({
      jobId,
      answers: decode(bytes) as UnitAnswer[],
    })),
  );
}

describe("pools", () => {
  test("are listed with what waits in them and who serves them", async () => {
    await add("mail", { args: [1] }, { jobId: "a-1" });
    await add("mail", { args: [2] }, { jobId: "a-2", delay: 60_000 });
    await add("mail", { args: [3] }, { jobId: "a-3", priority: 2 });
    await inspector.pools.create({ name: "other", size: 2 });
    await beat({ pools: ["mail"] });

    const pools = await inspector.pools.list();

    expect(pools).toMatchObject([
      {
        name: "mail",
        size: null,
        waiting: 1,
        prioritized: 1,
        delayed: 1,
        active: 0,
        paused: false,
        hosts: 1,
        slots: 2,
      },
      { name: "other", size: 2, waiting: 0, oldestWaiting: null, hosts: 0, slots: 0 },
    ]);
    expect(pools[0]?.oldestWaiting).toBeGreaterThanOrEqual(0);
  });

  test("count what no host knows and what limits hold back as the oldest wait, but not what is delayed", async () => {
    // given: as hosts leave them among the delayed jobs
    const now = Date.now();
    const heldBack = async (pool: string, jobId: string, age: number) => {
      await add(pool, { args: [] }, { jobId, delay: 86_400_000, timestamp: now - age });
    };
    await heldBack("unserved", "p-1", 300_000);
    await client.zadd(keys.parkedJobs("unserved", "add"), 1, "p-1");
    await client.sadd(keys.parked, "unserved/add");
    await heldBack("limited", "l-1", 200_000);
    await heldBack("limited", "l-2", 400_000);
    await client.hset(keys.job("limited", "l-2"), "limited", `${now} |late`);
    await client.zadd(keys.limitWaiting("limited", "|"), 1, "l-1");
    await client.zadd(keys.limitWaiting("limited", "|late"), 1, "l-2");
    await client.zadd(keys.limitPart("turns", "limited"), 1, "|");
    await client.hset(keys.limits("limited"), "gated", 2);
    await heldBack("later", "d-1", 500_000);

    // when
    const ages = new Map((await inspector.pools.list()).map((pool) => [pool.name, pool]));
    const { pools } = await new OverviewReader(client, keys).read();

    // then
    const oldest = (name: string) => ages.get(name)?.oldestWaiting ?? 0;
    expect(oldest("unserved")).toBeGreaterThanOrEqual(300_000);
    expect(oldest("unserved")).toBeLessThan(400_000);
    expect(oldest("limited")).toBeGreaterThanOrEqual(400_000);
    expect(ages.get("limited")?.hindrance?.reason).toBe("noHost");
    expect(ages.get("later")?.oldestWaiting).toBe(null);
    for (const { name, oldestWaiting, oldestInLine } of pools) {
      expect(oldestWaiting ?? 0, name).toBeGreaterThanOrEqual(oldest(name));
      expect(oldestInLine, name).toBe(null);
    }
  });

  test("count ages by the server's clock, and show a key of the wrong type as an empty one", async () => {
    // given
    await add("mail", { args: [1] }, { jobId: "a-1" });
    await client.set(keys.queue("mail", "failed"), "not a set");
    // when: the clock of this program is an hour fast
    const clock = vi
      .spyOn(Date, "now")
      .mockImplementation(() => performance.timeOrigin + performance.now() + 3_600_000);
    const pool = await inspector.pools.get("mail").finally(() => clock.mockRestore());
    // then
    expect(pool).toMatchObject({ waiting: 1, failed: 0 });
    expect(pool?.oldestWaiting).toBeLessThan(60_000);
  });

  test("resize writes the limit that BullMQ keeps, pause and resume hold tasks back and release them", async () => {
    expect(await inspector.pools.create({ name: "mail", size: 4 })).toBe(true);
    expect(await inspector.pools.create({ name: "mail", size: 9 })).toBe(false);
    expect(await queueOf("mail").getGlobalConcurrency()).toBe(4);

    expect(await inspector.pools.resize("mail", 6)).toBe(true);
    expect(await queueOf("mail").getGlobalConcurrency()).toBe(6);
    expect(await inspector.pools.resize("mail", null)).toBe(true);
    expect(await queueOf("mail").getGlobalConcurrency()).toBe(null);
    expect(await inspector.pools.pause("mail")).toBe(true);
    expect(await inspector.pools.get("mail")).toMatchObject({ paused: true, size: null });
    expect(await inspector.pools.resize("mail", 2)).toBe(true);
    expect(await inspector.pools.get("mail")).toMatchObject({ paused: true, size: 2 });
    expect(await inspector.pools.resume("mail")).toBe(true);
    expect(await inspector.pools.get("mail")).toMatchObject({ paused: false });
  });

  test("what does not exist is said, what cannot be is refused", async () => {
    expect(await inspector.pools.get("mail")).toBe(null);
    expect(await inspector.pools.resize("mail", 1)).toBe(false);
    expect(await inspector.pools.pause("mail")).toBe(false);
    expect(await inspector.pools.resume("mail")).toBe(false);
    await expect(inspector.pools.create({ name: "mail", size: 0 })).rejects.toThrow(
      "the size of a pool must be a whole number from 1; got 0",
    );
    await expect(inspector.pools.create({ name: "a:b", size: 1 })).rejects.toThrow("a pool's name is 1 to 100 letters");
  });

  test("who makes a pool is told so, and it has its size, also when the answer is lost on the way", async () => {
    const { proxy, behind } = await behindProxy();
    const lost = proxy.dropReplies((command) => command.includes('"createdAt":'));

    expect(await behind.pools.create({ name: "mail", size: 4 })).toBe(true);

    await lost;
    expect(await queueOf("mail").getGlobalConcurrency()).toBe(4);
  });
});

describe("tasks", () => {
  test("one task is found without its pool, with decoded arguments and its place in line", async () => {
    await inspector.pools.create({ name: "empty", size: null });
    await add("mail", { args: [7] }, { jobId: "a-1" });
    const more = Buffer.from(encode([new Map([["k", 1n]])])).toString("base64");
    await add("mail", { encodedArgs: more, tags: ["x"], timeout: 500 }, { jobId: "a-2" });

    expect(await inspector.tasks.get("a-1")).toMatchObject({
      pool: "mail",
      state: "blocked",
      args: [7],
      queuePosition: 0,
    });
    expect(await inspector.tasks.get("a-2")).toMatchObject({
      args: [new Map([["k", 1n]])],
      tags: ["x"],
      timeout: 500,
      queuePosition: 1,
    });
    expect(await inspector.tasks.get("a-3")).toBe(null);
    expect(await inspector.tasks.get("wait")).toBe(null);
    expect(await inspector.tasks.get("meta")).toBe(null);
  });

  test("a waiting task says why no host will start it, until one serves it", async () => {
    const id = await add("mail", { args: [7] }, { jobId: "a-1" });

    expect((await inspector.tasks.get(id))?.blockedBy).toBe(
      'no live worker host serves task "square" in pool "mail": no host is running; ' +
        'start one with: manyhands worker --tasks <module that defines "square">',
    );
    await beat({ pools: ["other"] });
    expect((await inspector.tasks.get(id))?.blockedBy).toMatch(/those that know the task do not: web-1 \(serves only/);
    await beat({ pools: null });
    expect((await inspector.tasks.get(id))?.blockedBy).toBe(null);
  });

  test("a finished one shows its result, host and pid; a failed one its error with the remote stack", async () => {
    await add("mail", { args: [7] }, { jobId: "a-1" });
    await takeOne("mail", async () => ({ value: 49, host: "web-1", hostId: "host-1", pid: 12, duration: 3 }));
    await add("mail", { args: [8] }, { jobId: "a-2" });
    await takeOne("mail", async () => {
      const error = Buffer.from(encodeError(new RangeError("boom"))).toString("base64");
      await client.hset(keys.job("mail", "a-2"), JOB_ERROR_FIELD, error);
      throw new Error("boom");
    });

    expect(await inspector.tasks.get("a-1")).toMatchObject({
      state: "completed",
      result: 49,
      hasResult: true,
      host: "web-1",
      pid: 12,
      error: null,
    });
    const failed = await inspector.tasks.get("a-2");
    expect(failed).toMatchObject({ state: "failed", hasResult: false, failedReason: "boom", host: "web-1" });
    expect(failed?.error).toMatchObject({ name: "RangeError", message: "boom" });
    expect(failed?.error?.stack).toContain("inspector.test.ts");
  });

  test("one call of a job that several share has an id of its own", async () => {
    const units = Buffer.from(encode([[1], [2], [3]])).toString("base64");
    await add("mail", { kind: "calls", units, count: 3, items: 3 }, { jobId: "a-1" });
    const answers: UnitAnswer[] = [
      [0, 1, 1, 100],
      [1, 0, encodeError(new Error("two")), 2_000],
      [2, 1, 9, 100],
    ];
    await takeOne("mail", async () => ({
      answers: [Buffer.from(encode(answers)).toString("base64")],
      host: "web-1",
      hostId: "host-1",
      pid: 12,
      duration: 3,
    }));

    expect(await inspector.tasks.get("a-1")).toMatchObject({ kind: "calls", units: 3, args: [[1], [2], [3]] });
    expect((await inspector.tasks.get("a-1"))?.outcomes.map((outcome) => outcome.ok)).toEqual([true, false, true]);
    expect(await inspector.tasks.get("a-1.2")).toMatchObject({ id: "a-1.2", args: [3], result: 9, hasResult: true });
    expect(await inspector.tasks.get("a-1.1")).toMatchObject({ hasResult: false, error: { message: "two" } });
  });

  test("lists filter by pool, state, name and host, newest first, in pages", async () => {
    await add("mail", { args: [1] }, { jobId: "a-1" });
    await takeOne("mail", async () => ({ value: 1, host: "web-1", hostId: "host-1", pid: 12, duration: 3 }));
    for (let index = 2; index <= 5; index += 1) {
      await add("mail", { args: [index] }, { jobId: `a-${index}` });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await add("other", { args: [0] }, { jobId: "b-1", delay: 60_000 });

    const ids = async (filter: Parameters<Inspector["tasks"]["list"]>[0]) =>
      (await inspector.tasks.list(filter)).map((task) => task.id);
    expect(await ids({ pool: "mail", state: "blocked" })).toEqual(["a-5", "a-4", "a-3", "a-2"]);
    expect(await ids({ pool: "mail", state: "blocked", limit: 2, offset: 1 })).toEqual(["a-4", "a-3"]);
    expect(await ids({ state: "delayed" })).toEqual(["b-1"]);
    expect(await ids({ state: "completed", host: "web-1" })).toEqual(["a-1"]);
    expect(await ids({ host: "web-2" })).toEqual([]);
    // Of two hosts of one name an id means that one, and the name any of them.
    await beat({});
    await beat({ id: "host-2", pid: 2 });
    expect(await ids({ host: "host-1" })).toEqual(["a-1"]);
    expect(await ids({ host: "host-2" })).toEqual([]);
    expect(await ids({ state: "completed", host: "web-1" })).toEqual(["a-1"]);
    await expect(inspector.fleet.drain("web-1")).rejects.toThrow(
      /^2 live hosts have the name "web-1"; give the id of one/,
    );
    expect(await ids({ task: "square" })).toHaveLength(6);
    expect(await ids({ task: "cube" })).toEqual([]);
    expect(await ids({})).toEqual(["b-1", "a-5", "a-4", "a-3", "a-2", "a-1"]);
  });

  test("a late page reads no task that it does not show, and a few more where several states share it", async () => {
    // given
    const START = 1_700_000_000_000;
    const hashReads = async (): Promise<number> => {
      const stats = await (client as Redis).info("commandstats");
      return Number(/cmdstat_hmget:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const store = async (
      pool: string,
      kind: QueuePart,
      { from, count, step }: Record<"from" | "count" | "step", number>,
    ) => {
      const pipeline = client.pipeline();
      for (let index = 0; index < count; index += 1) {
        const id = `${kind}-${index}`;
        const time = START + from + index * step;
        pipeline.hset(keys.job(pool, id), "name", "t", kind === "wait" ? "timestamp" : "finishedOn", time);
        if (kind === "wait") pipeline.lpush(keys.queue(pool, kind), id);
        else pipeline.zadd(keys.queue(pool, kind), time, id);
      }
      await pipeline.exec();
    };
    for (const name of ["one", "mixed"]) await new PoolRegistry(client, keys).create(unlimitedPool(name));
    await store("one", "wait", { from: 0, count: 2_000, step: 1 });
    await store("mixed", "wait", { from: 0, count: 2_000, step: 10 });
    await store("mixed", "completed", { from: 3, count: 1_500, step: 10 });
    await store("mixed", "failed", { from: 3_006, count: 500, step: 30 });
    await store("mixed", "delayed", { from: 7_001, count: 5, step: 1 });
    const timesOf = (rows: TaskRow[]) => rows.map((row) => (row.finishedAt ?? row.createdAt) - START);
    const all = await inspector.tasks.list({ pool: "mixed", limit: 5_000 });
    expect(all).toHaveLength(4_005);
    expect(timesOf(all)).toEqual(timesOf(all).sort((left, right) => right - left));

    // when
    const before = await hashReads();
    const page = await inspector.tasks.list({ pool: "one", limit: 20, offset: 1_500 });
    const read = (await hashReads()) - before;

    // then
    expect(page.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, index) => `wait-${499 - index}`));
    expect(read).toBeLessThanOrEqual(25);
    for (const offset of [0, 1, 150, 1_999, 3_700, 3_990, 4_005, 9_000]) {
      const readBefore = await hashReads();
      const rows = await inspector.tasks.list({ pool: "mixed", limit: 20, offset });
      expect(rows, `from ${offset}`).toEqual(all.slice(offset, offset + 20));
      // The search begins with the time of now: the number of its steps is not always the same.
      expect((await hashReads()) - readBefore, `from ${offset}`).toBeLessThan(1_000);
    }
  });

  test("a detached call makes its pool, and is kept with its outcome", async () => {
    const call = { task: "square", args: [7], pool: "fresh", maxPayload: 1_000 };

    const { id, isDuplicate } = await submitDetached({ client, keys }, call);

    expect(isDuplicate).toBe(false);
    expect(await inspector.tasks.get(id)).toMatchObject({ pool: "fresh", name: "square", args: [7] });
    await expect(submitDetached({ client, keys }, { ...call, args: ["x".repeat(1_000)] })).rejects.toThrow(
      'the arguments of task "square" are 1004 bytes, at most 1000 can be sent',
    );
  });
});

describe("cancel", () => {
  test.each([
    ["waiting", {}],
    ["delayed", { delay: 60_000 }],
    ["prioritized", { priority: 3 }],
  ])("a %s task is taken out, and its caller gets a CancelledError for each unit", async (state, options) => {
    const units = Buffer.from(encode([[1], [2]])).toString("base64");
    const id = await add("mail", { kind: "calls", units, count: 2, client: "caller" }, { jobId: "a-1", ...options });
    expect(await inspector.tasks.get(id)).toMatchObject({ state: state === "delayed" ? state : "blocked" });

    expect(await inspector.tasks.cancel(id, { reason: "wrong input" })).toEqual({ outcome: "removed", pool: "mail" });

    const [reply] = await answersTo("caller");
    expect(reply?.jobId).toBe("a-1");
    expect(reply?.answers.map(([unit, ok]) => [unit, ok])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    const error = decodeError(reply?.answers[0]?.[2] as Uint8Array);
    expect(error).toBeInstanceOf(CancelledError);
    expect((error as Error).message).toBe('task "square" (a-1) was cancelled before it started: wrong input');
    expect(await inspector.tasks.get(id)).toMatchObject({ state: "cancelled", attemptsMade: 0, host: null, pid: null });
    expect(await inspector.tasks.remove(id)).toMatchObject({ outcome: "removed" });
    expect((await client.keys(`*${keys.namespace}*a-1*`)).sort()).toEqual([]);
  });

  test("a waiting one is cancelled once, also when the answer is lost on the way", async () => {
    const id = await add("mail", { args: [1], client: "caller" }, { jobId: "a-1" });
    const { proxy, behind } = await behindProxy();
    const lost = proxy.dropReplies((command) => command.includes('return "marked"'));

    expect(await behind.tasks.cancel(id, { reason: "wrong input" })).toEqual({ outcome: "removed", pool: "mail" });

    await lost;
    expect(await answersTo("caller")).toHaveLength(1);
    expect(await client.zcard(keys.cancelled("mail"))).toBe(1);
  });

  test("a running one keeps the wish in its job, and its hosts are told", async () => {
    const id = await add("mail", { args: [1], client: "caller" }, { jobId: "a-1" });
    const listener = redis.client();
    const messages: string[] = [];
    await listener.subscribe(keys.control);
    listener.on("message", (_channel, text) => messages.push(text));

    await takeOne("mail", async () => {
      await beat({ running: [{ jobId: id, task: "square", pool: "mail", pid: 12, since: Date.now() }] });
      expect(await inspector.tasks.get(id)).toMatchObject({ state: "active", host: "web-1", pid: 12 });
      expect(await inspector.tasks.cancel(id, { reason: "enough" })).toEqual({
        outcome: "stopping",
        pool: "mail",
        host: "web-1",
      });
      expect(await inspector.tasks.get(id)).toMatchObject({ cancelRequested: "enough" });
      expect(await client.hget(keys.job("mail", id), JOB_CANCEL_FIELD)).toBe("enough");
      return { value: 1, host: "web-1", hostId: "host-1", pid: 12, duration: 1 };
    });

    expect(messages.map((text) => JSON.parse(text))).toContainEqual({
      run: expect.stringMatching(/^\d+\/1$/),
      type: "cancel",
      pool: "mail",
      jobId: "a-1",
      unit: null,
      reason: "enough",
    });
    expect(await answersTo("caller")).toEqual([]);
    expect(await inspector.tasks.cancel(id)).toEqual({ outcome: "finished", pool: "mail", state: "completed" });
    expect(await inspector.tasks.get(id)).toMatchObject({ state: "completed", result: 1 });
    expect(await inspector.tasks.cancel("a-2")).toEqual({ outcome: "unknown" });
  });
});

describe("a pool that is removed", () => {
  test("takes its tasks and its record with it; their callers get a PoolTerminatedError", async () => {
    await add("mail", { args: [1], client: "caller" }, { jobId: "a-1" });
    const units = Buffer.from(encode([[1], [2]])).toString("base64");
    await add("mail", { kind: "calls", units, count: 2, client: "caller" }, { jobId: "a-2", delay: 60_000 });
    await add("mail", { args: [1] }, { jobId: "a-3", priority: 5 });
    const listener = redis.client();
    const messages: string[] = [];
    await listener.subscribe(keys.control);
    listener.on("message", (_channel, text) => messages.push(text));

    expect(await inspector.pools.remove("mail")).toEqual({ outcome: "removed", waiting: 3 });

    const replies = await answersTo("caller");
    expect(replies.map(({ jobId, answers }) => [jobId, answers.length])).toEqual([
      ["a-1", 1],
      ["a-2", 2],
    ]);
    for (const [, , error] of replies.flatMap(({ answers }) => answers)) {
      expect(decodeError(error as Uint8Array)).toMatchObject({
        name: "PoolTerminatedError",
        message: expect.stringMatching(/^pool "mail" was removed before task "square" \(job a-[12]\) had a result$/),
      });
    }
    expect(await inspector.pools.get("mail")).toBeNull();
    expect((await client.keys(`*${keys.namespace}*mail*`)).sort()).toEqual([]);
    expect(messages).toContain(JSON.stringify({ type: "pools-changed", pool: "mail" }));
    expect(await inspector.pools.remove("mail")).toEqual({ outcome: "unknown" });
  });

  test("is removed once, however many do it at once, and a new pool of its name keeps its tasks", async () => {
    await add("mail", { args: [1] }, { jobId: "a-1" });
    const removals = Array.from({ length: 4 }, () => inspector.pools.remove("mail"));
    const registry = new PoolRegistry(client, keys);
    await until(async () => (await registry.create(unlimitedPool("mail"))).created, { what: "the name is free" });
    await add("mail", { args: [2] }, { jobId: "a-2" });
    const outcomes = await Promise.all(removals);
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(["removed"]));
    expect(await inspector.pools.get("mail")).toMatchObject({ state: "running", paused: false });
    expect(await inspector.tasks.get("a-2")).toMatchObject({ state: "blocked" });
  });

  test("stays as it is while tasks of it run, unless that is agreed to; a removal that broke off can be repeated", async () => {
    await add("mail", { args: [1] }, { jobId: "a-1" });
    await takeOne("mail", async () => {
      expect(await inspector.pools.remove("mail")).toEqual({ outcome: "running", active: 1 });
      expect((await inspector.pools.get("mail"))?.state).toBe("running");
      return { value: 1 };
    });
    await client.hset(
      keys.pools,
      "mail",
      JSON.stringify({ ...(await inspector.pools.get("mail")), state: "terminated" }),
    );
    expect(await inspector.pools.remove("mail")).toMatchObject({ outcome: "removed" });
    await expect(inspector.pools.remove("default")).rejects.toThrow('the pool "default" is always there');
  });
});

describe("retry", () => {
  test("a failed one goes back with all its tries and without what is left of its failure", async () => {
    const id = await add("mail", { args: [1] }, { jobId: "a-1" });
    await takeOne("mail", async () => {
      await client.hset(keys.job("mail", id), JOB_ERROR_FIELD, "x", JOB_CANCEL_FIELD, "stop");
      throw new Error("boom");
    });

    expect(await inspector.tasks.retry(id)).toEqual({ outcome: "queued", pool: "mail" });

    expect(await inspector.tasks.get(id)).toMatchObject({
      state: "blocked",
      attemptsMade: 0,
      cancelRequested: null,
      error: null,
    });
    expect(await inspector.tasks.retry(id)).toEqual({ outcome: "not-failed", pool: "mail", state: "waiting" });
    expect(await inspector.tasks.retry("a-9")).toEqual({ outcome: "unknown" });
  });
});

describe("what was looked at a moment ago", () => {
  test("is not taken for what is there: of a job that runs again, nothing is forgotten", async () => {
    // given a job that has failed, was retried by another program, and is to be cancelled since
    const id = await add("mail", { args: [1] }, { jobId: "again" });
    const job = keys.job("mail", id);
    await client.hset(job, JOB_ERROR_FIELD, "new", JOB_CANCEL_FIELD, "stop");
    const stored = new StoredAnswers(client, keys);

    // when who saw it fail, and a host that has lost its lock, are late
    for (const token of [null, "lost"]) await stored.forget({ pool: "mail", jobId: id, token }, { isRetried: true });

    // then
    expect(await client.hmget(job, JOB_ERROR_FIELD, JOB_CANCEL_FIELD)).toEqual(["new", "stop"]);
  });

  test("keeps a job with options and a parent that BullMQ cannot read", async () => {
    // given
    const id = await add("mail", { args: [1] }, { jobId: "odd" });
    const job = keys.job("mail", id);
    await client.hset(job, { opts: "[", parent: "{", parentKey: "none" });

    // when
    const place = { pool: "mail", jobId: id, unit: null };
    expect(await cancelTask({ client, keys }, place, { reason: "stop" })).toBe("withdrawn");

    // then
    expect(await client.llen(keys.queue("mail", "active"))).toBe(0);
    expect(await client.zscore(keys.queue("mail", "failed"), id)).not.toBeNull();
    expect(await inspector.tasks.state(id)).toBe("cancelled");
  });
});

describe("hosts and logs", () => {
  test("a host is found by name and id, and told to drain on its own channel", async () => {
    await beat({});
    const told = await hostThatHears(() => ({ state: "draining", step: "quiet" }));

    expect(await inspector.fleet.get("web-1")).toMatchObject({ id: "host-1" });
    expect(await inspector.fleet.get("host-1")).toMatchObject({ name: "web-1" });
    expect(await inspector.fleet.drain("web-1", { grace: 500 })).toMatchObject({ id: "host-1", step: "quiet" });

    expect(told).toEqual([{ type: "drain", grace: 500 }]);
    expect(await inspector.fleet.drain("web-2")).toBe(null);
    // What ends already is not asked for anything else.
    await expect(inspector.fleet.resume("web-1")).rejects.toThrow(/^host "web-1" cannot be resumed: it is ending/);
    await expect(inspector.fleet.resize("web-1", 2)).rejects.toThrow(/^host "web-1" cannot be resized: it is ending/);
    expect(await inspector.fleet.quiet("web-1")).toMatchObject({ state: "draining" });
    expect(told).toHaveLength(1);
  });

  test("a host that drains is resumed as long as it says that it can be", async () => {
    await beat({ state: "draining", step: "warm", canResume: true });
    const told = await hostThatHears(() => ({ state: "running", step: null, canResume: false }));

    await expect(inspector.fleet.resize("web-1", 2)).rejects.toThrow(/it drains; resume it first$/);
    expect(await inspector.fleet.resume("web-1")).toMatchObject({ state: "running", step: null });

    expect(told).toEqual([{ type: "resume" }]);
  });

  test("a change of hosts resolves when each has said that it made it, and one that says nothing is named", async () => {
    // given a host that does what it is told
    await beat({});
    const told = await hostThatHears((message) => {
      if (message["type"] === "resize") return { slots: message["slots"] as number };
      return { state: message["type"] === "quiet" ? "quiet" : "running" };
    });

    // then
    expect(await inspector.fleet.quiet(["web-1", "web-9"])).toMatchObject([{ state: "quiet" }, null]);
    expect(await inspector.fleet.resume("host-1")).toMatchObject({ state: "running" });
    expect(await inspector.fleet.resize("web-1", 7)).toMatchObject({ slots: 7 });
    expect(told).toEqual([{ type: "quiet" }, { type: "resume" }, { type: "resize", slots: 7 }]);

    // given another one that hears nothing
    await beat({ id: "host-2", name: "web-2" });

    // then
    await expect(inspector.fleet.quiet("web-2", { timeout: 20 })).rejects.toThrow(
      /^host "web-2" \(state running, version 0\) has not said within 20 ms that it has done it/,
    );
    await expect(inspector.fleet.quiet("web-2", { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });

  test("slots and names of hosts are checked before a host is told anything", async () => {
    await beat({});
    const told = await hostThatHears(() => ({}));
    for (const slots of [0, -1, 1.5, 10_001, Number.NaN, "4", null]) {
      await expect(inspector.fleet.resize("web-1", slots as number)).rejects.toThrow(
        /^the slots of a host must be a whole number from 1 to 10000; got /,
      );
    }
    for (const hosts of [5, null, ["web-1", 5], [""]]) {
      await expect(inspector.fleet.quiet(hosts as never)).rejects.toMatchObject({ code: "ERR_VALUE" });
    }
    expect(told).toEqual([]);
  });

  test("a log is read from where one stopped", async () => {
    const id = await add("mail", { args: [1] }, { jobId: "a-1" });
    await client.rpush(keys.jobLogs("mail", id), "one", "two");

    expect(await inspector.tasks.logs(id)).toEqual({ lines: ["one", "two"], next: 2, missed: 0 });
    expect(await inspector.tasks.logs(id, { from: 1 })).toEqual({ lines: ["two"], next: 2, missed: 0 });
    expect(await inspector.tasks.logs("a-9")).toBe(null);
  });
});
