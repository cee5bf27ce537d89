import { randomUUID } from "node:crypto";
import type { JobReturn } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { UnrecoverableError } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import { Fence } from "../../src/fence/fence.ts";
import { Fetcher } from "../../src/fetcher/fetcher.ts";
import { MarkerWait } from "../../src/fetcher/marker-wait.ts";
import { QueueWorker } from "../../src/queue/queue-worker.ts";
import { TaskAnnouncer } from "../../src/routing/task-announcer.ts";
import { HostSlots } from "../../src/slots/host-slots.ts";
import { TestNamespace } from "../host/namespace.ts";

const redis = useRedis();
const HOUR = 3_600_000;
const POOL = "jobs";

interface TakerOptions {
  tasks: string[];
  pool?: string;
  queues?: string[];
  initializer?: string;
  /** How long the others count with it, ms. */
  life?: number;
  /** Of its tasks, as JSON. */
  priorities?: string;
  /** How long jobs stay in line when their last host has gone, ms. */
  awayGrace?: number;
  /** What a job does; by default it ends at once. */
  run?: (name: string) => Promise<unknown>;
}

/** A host's way from Redis to a slot, without children and heartbeats. */
class Taker {
  readonly id: string = randomUUID();
  /** Labels of the jobs that it has begun. */
  readonly ran: string[] = [];
  readonly announcer: TaskAnnouncer;
  readonly worker: QueueWorker;
  readonly fetcher: Fetcher;
  readonly #wait: MarkerWait;

  constructor(space: TestNamespace, options: TakerOptions) {
    const { client, keys } = space;
    const {
      tasks,
      pool = POOL,
      queues = ["*"],
      initializer = null,
      life = HOUR,
      priorities = "",
      awayGrace = 0,
      run = async () => 0,
    } = options;
    const logger = { info: () => {}, warn: (text: string) => void space.logs.push(text), error: () => {} };
    this.announcer = new TaskAnnouncer({
      ...{ client, keys, logger, hostId: this.id },
      timeToLive: life,
      tasks: () => tasks,
      queues: () => queues,
    });
    this.#wait = new MarkerWait({
      open: () => redis.client(),
      onReady: () => {},
      onLost: () => {},
      onMessage: () => false,
      client,
      wakeKey: keys.hostWake(this.id),
    });
    this.fetcher = new Fetcher({ client, wait: this.#wait });
    this.worker = new QueueWorker({
      queue: pool,
      name: "host/1",
      ...{ client, keys },
      concurrency: 100,
      lockDuration: 30_000,
      stalledInterval: 30_000,
      slots: new HostSlots(1),
      fence: new Fence({ lockDuration: 30_000 }),
      fetcher: this.fetcher,
      routing: {
        hostId: this.id,
        initializer: () => initializer,
        knows: (task) => tasks.includes(task),
        priorities: () => priorities,
        awayGrace,
        announce: () => this.announcer.announce(),
      },
      isReady: () => true,
      whenServed: async () => {},
      run: async (job) => {
        this.ran.push(label(job.data));
        return (await run(job.name)) as JobReturn;
      },
      onUnreadable: async () => {},
    });
    this.worker.on("error", (error) => space.logs.push(error.message));
    onTestFinished(async () => {
      await this.fetcher.stop();
      await this.worker.close(true);
    });
  }

  /** Takes from now on what it hears of. */
  serve(): void {
    this.fetcher.start();
    this.fetcher.add(this.worker);
  }

  /** Looks for one job and lets it run. @returns its label; null = it took none */
  async take(): Promise<string | null> {
    const before = this.ran.length;
    const { took } = await this.worker.fetch();
    return took ? (this.ran[before] ?? null) : null;
  }

  /** Takes until there is nothing more. */
  async takeAll(): Promise<string[]> {
    const taken: string[] = [];
    while (true) {
      const next = await this.take();
      if (next === null) return taken;
      taken.push(next);
    }
  }
}

function label(data: unknown): string {
  return (data as { args: [string] }).args[0];
}

async function taker(space: TestNamespace, options: TakerOptions): Promise<Taker> {
  await space.client.ping();
  const made = new Taker(space, options);
  await made.announcer.announce();
  return made;
}

/** Adds jobs of a task, labelled `<task>1`, `<task>2`, ... */
async function add(space: TestNamespace, task: string, count: number, options: object = {}): Promise<string[]> {
  const jobs = await space.queue(POOL).addBulk(
    Array.from({ length: count }, (_, index) => ({
      name: task,
      data: { args: [`${task}${index + 1}`] },
      opts: { jobId: randomUUID(), ...options },
    })),
  );
  return jobs.map(({ id }) => id ?? "");
}

/** How often each state was entered by some job, as BullMQ's events tell. */
async function moves(space: TestNamespace): Promise<Record<string, number>> {
  const entries = await space.client.xrange(space.keys.queue(POOL, "events"), "-", "+");
  const counts: Record<string, number> = {};
  for (const [, fields] of entries) {
    const event = fields[fields.indexOf("event") + 1] ?? "";
    counts[event] = (counts[event] ?? 0) + 1;
  }
  return counts;
}

function parkedIds(space: TestNamespace, task: string): Promise<string[]> {
  return space.client.zrange(space.keys.parkedJobs(POOL, task), 0, "-1");
}

function wakeUps(space: TestNamespace, host: Taker): Promise<string[]> {
  return space.client.zrange(space.keys.hostWake(host.id), 0, "-1");
}

test("a host takes only tasks that it knows, also from behind others, and wakes a host that knows a skipped one", async () => {
  // given
  const space = new TestNamespace(redis);
  const [left, right] = [await taker(space, { tasks: ["a"] }), await taker(space, { tasks: ["b"] })];
  await add(space, "a", 3);
  await add(space, "b", 2);
  // when
  expect(await right.takeAll()).toEqual(["b1", "b2"]);
  // then
  expect(await wakeUps(space, left)).toEqual([space.keys.queue(POOL, "marker")]);
  expect(await wakeUps(space, right)).toEqual([]);
  expect(await left.takeAll()).toEqual(["a1", "a2", "a3"]);
  // and no job was moved but by the take
  expect(await moves(space)).toMatchObject({ active: 5, completed: 5 });
  expect(await moves(space)).not.toHaveProperty("delayed");
});

test("a job is found behind more jobs for other hosts than one look sees, and those of its task come in order", async () => {
  // given
  const space = new TestNamespace(redis);
  const left = await taker(space, { tasks: ["a"] });
  const right = await taker(space, { tasks: ["b"] });
  const before = await add(space, "a", 1_500);
  await add(space, "b", 30);
  // when
  right.serve();
  right.fetcher.want(right.worker);
  // then
  await until(() => right.ran.length === 30, { what: `30 jobs run; so far ${right.ran}` });
  expect(right.ran).toEqual(Array.from({ length: 30 }, (_, index) => `b${index + 1}`));
  expect(await space.client.lrange(space.keys.queue(POOL, "wait"), 0, "-1")).toEqual(before.reverse());
  expect(await left.take()).toBe("a1");
});

test("a job is found in a long line also when that has moved between two parts of the look", async () => {
  // given a job that is just beyond the first part
  const space = new TestNamespace(redis);
  const left = await taker(space, { tasks: ["a"] });
  const right = await taker(space, { tasks: ["b"] });
  await add(space, "a", 1_060);
  await add(space, "b", 1);
  await add(space, "a", 60);
  expect(await right.take()).toBeNull();
  // when it comes nearer
  for (let turn = 0; turn < 20; turn += 1) await left.take();
  // then the look goes on behind the last job that it saw
  const lookedAgain = async (): Promise<string | null> => right.take();
  expect(await until(lookedAgain)).toBe("b1");
  expect(await space.queue(POOL).getWaitingCount()).toBe(1_100);
});

test("priorities and lifo keep their order among the tasks that a host knows", async () => {
  const space = new TestNamespace(redis);
  await taker(space, { tasks: ["other"] });
  const host = await taker(space, { tasks: ["plain", "low", "high", "last"] });
  await add(space, "other", 2, { priority: 1 });
  await add(space, "low", 2, { priority: 5 });
  await add(space, "high", 2, { priority: 2 });
  await add(space, "other", 2);
  await add(space, "plain", 2);
  await add(space, "last", 2, { lifo: true });
  await add(space, "other", 1, { lifo: true });
  expect(await host.takeAll()).toEqual(["last2", "last1", "plain1", "plain2", "high1", "high2", "low1", "low2"]);
  expect(await space.queue(POOL).getJobCounts("waiting", "prioritized")).toEqual({ waiting: 3, prioritized: 2 });
});

test("a job that was added without the priority of its task runs in the order that it gives", async () => {
  // given
  const space = new TestNamespace(redis);
  await taker(space, { tasks: ["other"] });
  const host = await taker(space, { tasks: ["plain", "low", "high"], priorities: JSON.stringify({ low: 9, high: 2 }) });
  await add(space, "low", 300);
  await add(space, "other", 2);
  await add(space, "high", 2);
  await add(space, "low", 1, { priority: 1 });
  await add(space, "plain", 2);
  const [moved = ""] = await add(space, "high", 1);
  // when
  const taken = [await host.take(), await host.take()];
  // then those that have none come first, then the one whose caller gave it another, then those of the tasks
  expect(taken).toEqual(["plain1", "plain2"]);
  expect([await host.take(), await host.take(), await host.take(), await host.take()]).toEqual([
    ...["low1", "high1", "high2", "high1"],
  ]);
  expect(await host.take()).toBe("low1");
  expect((await space.job(POOL, moved))?.priority).toBe(2);
  // and what a tool makes of a priority stays
  await (await space.job(POOL, (await space.queue(POOL).getPrioritized(298))[0]?.id ?? ""))?.changePriority({
    priority: 0,
  });
  expect(await host.take()).toBe("low300");
  expect(await space.queue(POOL).getJobCounts("waiting")).toEqual({ waiting: 2 });
  expect(await moves(space)).toMatchObject({ added: 308, waiting: 308, active: 8, completed: 8 });
});

test("what no live host knows is parked once, visible as delayed, and blocks nothing", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  const ids = await add(space, "unheard", 600);
  await add(space, "known", 1);
  // when
  expect(await host.takeAll()).toEqual(["known1"]);
  // then
  const queue = space.queue(POOL);
  expect(await queue.getJobCounts("waiting", "delayed")).toEqual({ waiting: 0, delayed: 600 });
  expect(await parkedIds(space, "unheard")).toEqual(ids);
  expect(await moves(space)).toMatchObject({ delayed: 600, active: 1 });
  // and nothing touches them again
  await host.take();
  expect(await moves(space)).toMatchObject({ delayed: 600, active: 1 });
  // and what is kept about them ends by itself
  for (const key of [space.keys.parked, space.keys.parkedJobs(POOL, "unheard")]) {
    expect(await space.client.pttl(key)).toBeGreaterThan(24 * HOUR);
    expect(await space.client.pttl(key)).toBeLessThan(25 * HOUR);
  }
});

test("parked jobs come back in front, in their order, when a host announces their task", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  await add(space, "x", 2);
  await add(space, "y", 1);
  await add(space, "x", 2, { priority: 3 });
  await add(space, "y", 2, { priority: 2 });
  expect(await host.take()).toBeNull();
  await add(space, "x", 3, { delay: 1 });
  await add(space, "known", 1);
  await add(space, "known", 1, { priority: 2 });
  await until(async () => {
    await host.take();
    return (await parkedIds(space, "x")).length === 7;
  });
  // when
  const late = await taker(space, { tasks: ["x", "y"] });
  // then
  expect(await late.takeAll()).toEqual(["x1", "x2", "y1", "x1", "x2", "x3", "y1", "y2", "x1", "x2"]);
  expect(await space.client.exists(space.keys.parkedJobs(POOL, "x"), space.keys.parkedJobs(POOL, "y"))).toBe(0);
  expect(await space.queue(POOL).getDelayedCount()).toBe(0);
  await late.announcer.bringBack();
  expect(await space.client.exists(space.keys.parked)).toBe(0);
});

test("a parked job that a tool promotes is parked again, in its place", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  const [first = "", second = ""] = await add(space, "x", 2);
  await host.take();
  // when
  await (await space.job(POOL, first))?.promote();
  expect(await space.queue(POOL).getJobState(first)).toBe("waiting");
  await host.take();
  // then
  expect(await space.queue(POOL).getJobState(first)).toBe("delayed");
  expect(await parkedIds(space, "x")).toEqual([first, second]);
});

test("jobs stay in line while their host restarts, and nothing of them is moved", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"], awayGrace: 500 });
  const restarting = await taker(space, { tasks: ["x"] });
  await restarting.announcer.withdraw();
  const [first = ""] = await add(space, "x", 2);
  await add(space, "x", 1, { priority: 2 });
  await add(space, "known", 1);
  // when
  expect(await host.take()).toBe("known1");
  // then
  expect(await space.queue(POOL).getJobCounts("waiting", "prioritized", "delayed")).toEqual({
    ...{ waiting: 2, prioritized: 1, delayed: 0 },
  });
  const back = await taker(space, { tasks: ["x"] });
  expect(await back.take()).toBe("x1");
  await until(async () => (await space.queue(POOL).getCompletedCount()) === 2);
  expect(await moves(space)).toEqual({ added: 4, waiting: 4, active: 2, completed: 2 });
  expect((await space.job(POOL, first))?.delay).toBe(0);
  // and when it stays away, they leave the line
  await back.announcer.withdraw();
  const isParked = async (): Promise<boolean> => {
    await host.take();
    return (await space.queue(POOL).getDelayedCount()) === 2;
  };
  await until(isParked);
  expect(await space.queue(POOL).getJobCounts("waiting", "prioritized")).toEqual({ waiting: 0, prioritized: 0 });
});

test("a parked job is never given up, however long no host knows its task", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  const [id = ""] = await add(space, "x", 1, { timestamp: 1 });
  await host.take();
  const due = async (): Promise<number> =>
    Math.floor(Number(await space.client.zscore(space.keys.queue(POOL, "delayed"), id)) / 4_096);
  expect(await due()).toBeGreaterThan(Date.now() + 23 * HOUR);
  // when, a day and more later, it comes due
  await space.client.hset(space.keys.job(POOL, id), "unservedSince", `${Date.now() - 30 * HOUR}  x`);
  await space.client.zadd(space.keys.queue(POOL, "delayed"), (Date.now() - 1) * 4_096, id);
  // then it is parked for another one
  expect(await host.take()).toBeNull();
  expect(await due()).toBeGreaterThan(Date.now() + 23 * HOUR);
  const late = await taker(space, { tasks: ["x"] });
  expect(await late.take()).toBe("x1");
});

test("a job that expires is parked until then at once, and taken by any host to end", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"], awayGrace: HOUR });
  const expiring = { args: ["expiring"], expires: 60_000 };
  const { id = "" } = await space.queue(POOL).add("x", expiring, { jobId: "expiring" });
  await host.take();
  const due = Number(await space.client.zscore(space.keys.queue(POOL, "delayed"), id)) / 4_096;
  expect(due).toBeGreaterThan(Date.now() + 50_000);
  expect(due).toBeLessThan(Date.now() + 61_000);
  // when
  await space.queue(POOL).add("x", expiring, { jobId: "expired", timestamp: Date.now() - 60_001 });
  // then
  expect(await host.take()).toBe("expiring");
  expect((await space.job(POOL, "expired"))?.attemptsStarted).toBe(1);
  // and what has been started once does not expire
  await space.queue(POOL).add("x", expiring, { jobId: "retried", timestamp: Date.now() - 60_001 });
  await space.client.hset(space.keys.job(POOL, "retried"), "ats", 1);
  expect(await host.take()).toBeNull();
});

test("many jobs that are only to end delay no job that can run, and end all the same", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  const ids = await add(space, "x", 100);
  await add(space, "known", 40);
  const late = await add(space, "x", 60);
  for (const id of [...ids, ...late]) await space.client.hset(space.keys.job(POOL, id), "cancelRequested", "test");
  // when
  const taken = await host.takeAll();
  // then a few of them come between the others, and the rest afterwards
  const known = taken.filter((name) => name.startsWith("known"));
  expect(known).toEqual(Array.from({ length: 40 }, (_, index) => `known${index + 1}`));
  expect(taken.indexOf("known40")).toBeLessThan(60);
  expect(taken).toHaveLength(200);
});

test("a host of whom nothing is heard any more counts with no task", async () => {
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  const dead = await taker(space, { tasks: ["x"], life: 50 });
  await add(space, "x", 1);
  await until(async () => (await space.client.exists(space.keys.hostQueues(dead.id))) === 0);
  expect(await host.take()).toBeNull();
  expect(await space.queue(POOL).getDelayedCount()).toBe(1);
  expect(await space.client.smembers(space.keys.taskHosts("x"))).toEqual([]);
});

test("a host that serves other pools, or has trouble with this one, counts with no task here", async () => {
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  await taker(space, { tasks: ["x"], queues: ["elsewhere"] });
  const troubled = await taker(space, { tasks: ["y"], queues: ["*", `!${POOL}`] });
  await add(space, "x", 1);
  await add(space, "y", 1);
  expect(await host.take()).toBeNull();
  expect(await space.queue(POOL).getDelayedCount()).toBe(2);
  expect(await wakeUps(space, troubled)).toEqual([]);
});

test("a host that stops is counted with no more, and takes nothing by itself", async () => {
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  const stopping = await taker(space, { tasks: ["x"] });
  await stopping.announcer.withdraw();
  await add(space, "x", 1);
  expect(await host.take()).toBeNull();
  expect(await space.queue(POOL).getDelayedCount()).toBe(1);
  expect(await space.client.exists(space.keys.taskHosts("x"), space.keys.hostQueues(stopping.id))).toBe(0);
});

test("a host whose announcement is lost announces itself before it parks anything", async () => {
  const space = new TestNamespace(redis);
  const host = await taker(space, { tasks: ["known"] });
  await space.client.del(space.keys.hostQueues(host.id), space.keys.taskHosts("known"));
  await add(space, "known", 2);
  expect(await host.takeAll()).toEqual(["known1", "known2"]);
  expect(await moves(space)).not.toHaveProperty("delayed");
});

test("a pool's initializer counts as known to a host or not, as its task does", async () => {
  // given
  const space = new TestNamespace(redis);
  const without = await taker(space, { tasks: ["x"], initializer: "prepare" });
  await add(space, "x", 1);
  expect(await without.take()).toBeNull();
  expect(await parkedIds(space, "prepare")).toHaveLength(1);
  // when
  const able = await taker(space, { tasks: ["x", "prepare"], initializer: "prepare" });
  expect(await without.take()).toBeNull();
  // then
  expect(await wakeUps(space, able)).toHaveLength(1);
  expect(await able.take()).toBe("x1");
});

test("where BullMQ refuses, because of a pause, a cap or a limit, the line stays as it was", async () => {
  const space = new TestNamespace(redis);
  await taker(space, { tasks: ["other"] });
  const ends = Promise.withResolvers<void>();
  const host = await taker(space, { tasks: ["known"], run: () => ends.promise });
  onTestFinished(() => ends.resolve());
  const queue = space.queue(POOL);
  await add(space, "known", 1);
  await add(space, "other", 2);
  await add(space, "known", 2);
  await add(space, "other", 1, { priority: 1 });
  await add(space, "known", 1, { priority: 2 });
  const line = async (): Promise<string[][]> => [
    await space.client.lrange(space.keys.queue(POOL, "wait"), 0, "-1"),
    await space.client.zrange(space.keys.queue(POOL, "prioritized"), 0, "-1", "WITHSCORES"),
  ];
  // when paused
  await queue.pause();
  let before = await line();
  expect(await host.take()).toBeNull();
  expect(await line()).toEqual(before);
  await queue.resume();
  expect(await host.take()).toBe("known1");
  // when capped
  await queue.setGlobalConcurrency(1);
  before = await line();
  expect(await host.take()).toBeNull();
  expect(await line()).toEqual(before);
  await queue.removeGlobalConcurrency();
  // when limited, once with the known one among the plain jobs and once among the prioritized
  await queue.setGlobalRateLimit(1, HOUR);
  await space.client.set(space.keys.queue(POOL, "limiter"), 1, "PX", HOUR);
  before = await line();
  expect(await host.take()).toBeNull();
  expect(await line()).toEqual(before);
  await space.client.del(space.keys.queue(POOL, "limiter"));
  await queue.removeGlobalRateLimit();
  expect([await host.take(), await host.take()]).toEqual(["known1", "known2"]);
  await queue.setGlobalRateLimit(1, HOUR);
  await space.client.set(space.keys.queue(POOL, "limiter"), 1, "PX", HOUR);
  before = await line();
  expect(await host.take()).toBeNull();
  expect(await line()).toEqual(before);
});

test("what comes due is put in line, and taken or parked, also where nothing waits that a host knows", async () => {
  const space = new TestNamespace(redis);
  await taker(space, { tasks: ["other"] });
  const host = await taker(space, { tasks: ["known"] });
  await add(space, "other", 1);
  const ids = [
    ...(await add(space, "unheard", 1, { delay: HOUR })),
    ...(await add(space, "known", 1, { delay: HOUR })),
  ];
  const due = (Date.now() - 1) * 4_096;
  for (const [index, id] of ids.entries()) await space.client.zadd(space.keys.queue(POOL, "delayed"), due + index, id);
  expect(await host.take()).toBe("known1");
  expect(await space.queue(POOL).isPaused()).toBe(false);
  expect(await space.queue(POOL).getJobState(ids[0] ?? "")).toBe("delayed");
  expect(await parkedIds(space, "unheard")).toEqual([ids[0]]);
});

test("a job that ends is followed at once by a known one, and not by one of another host", async () => {
  // given
  const space = new TestNamespace(redis);
  await taker(space, { tasks: ["other"] });
  const host = await taker(space, { tasks: ["known", "fails", "retries"], run: outcomeOf });
  await add(space, "known", 2);
  await add(space, "other", 1);
  await add(space, "fails", 1);
  await add(space, "other", 1);
  await add(space, "retries", 1, { attempts: 2, backoff: HOUR });
  await add(space, "other", 1);
  await add(space, "known", 1);
  // when
  host.serve();
  host.fetcher.want(host.worker);
  // then
  await until(() => host.ran.length === 5, { what: `five jobs run; so far ${host.ran}; ${space.logs}` });
  expect(host.ran).toEqual(["known1", "known2", "fails1", "retries1", "known1"]);
  const counts = { waiting: 3, delayed: 1, completed: 3, failed: 1, active: 0 };
  await until(async () => (await space.queue(POOL).getJobCounts("active")).active === 0);
  expect(await space.queue(POOL).getJobCounts(...(Object.keys(counts) as "waiting"[]))).toEqual(counts);
  expect(await moves(space)).toMatchObject({ active: 5, delayed: 1 });
});

async function outcomeOf(name: string): Promise<number> {
  if (name === "fails") throw new UnrecoverableError("it fails");
  if (name === "retries") throw new Error("once more");
  return 0;
}

test("in a mixed fleet each job goes to a host that knows it, at once, and no job is moved twice", async () => {
  // given
  const space = new TestNamespace(redis);
  const hosts = [
    await taker(space, { tasks: ["a", "c"] }),
    await taker(space, { tasks: ["b", "c"] }),
    await taker(space, { tasks: ["b", "d"] }),
  ];
  for (const host of hosts) host.serve();
  // when calls come one by one, each after the end of the one before
  for (let round = 0; round < 40; round += 1) {
    const [id = ""] = await add(space, ["a", "b", "c", "d"][round % 4] ?? "", 1);
    await until(async () => (await space.queue(POOL).getJobState(id)) === "completed");
  }
  // and all at once
  for (const task of ["d", "a", "c", "b", "a", "d"]) await add(space, task, 20);
  await until(async () => (await space.queue(POOL).getCompletedCount()) === 160);
  // then
  const known = [/^[ac]/, /^[bc]/, /^[bd]/];
  for (const [index, host] of hosts.entries()) {
    expect(host.ran.filter((name) => !known[index]?.test(name))).toEqual([]);
  }
  expect(await moves(space)).toEqual({
    added: 160,
    waiting: 160,
    active: 160,
    completed: 160,
    drained: expect.anything(),
  });
});
