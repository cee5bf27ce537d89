// What the fetcher relies on of BullMQ's inside: see docs/decisions/one-fetcher.md. An upgrade that moves it fails here.
import { type JobEnvelope, type JobReturn, Keys, MOVE_TO_ACTIVE_KEYS, readTaken } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { Worker as BullWorker, DelayedError, type Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { Fence } from "../../src/fence/fence.ts";
import { Fetcher } from "../../src/fetcher/fetcher.ts";
import { QueueWorker } from "../../src/queue/queue-worker.ts";
import { HostSlots } from "../../src/slots/host-slots.ts";

const redis = useRedis();
const HOUR = 3_600_000;
const NOTHING = undefined as unknown as Job;

/** BullMQ's worker without a loop, and a door to what it keeps to itself. */
class OpenWorker extends BullWorker {
  /** The protected methods that BullMQ has called, with their parameters. */
  readonly calls: [method: string, parameters: unknown[]][] = [];
  process: (job: Job) => Promise<unknown> = async () => "done";

  get locks(): BullWorker["lockManager"] {
    return this.lockManager;
  }

  get fields(): { limitUntil: unknown; blockUntil: unknown; mainLoopRunning: unknown } {
    return this as never;
  }

  /** Scripts that go through `execCommand`, with what they get. */
  get commands(): [script: string, args: unknown[]][] {
    const { backend } = this as unknown as { backend: { execCommand: (...all: unknown[]) => unknown } };
    const execCommand = backend.execCommand.bind(backend);
    const seen: [string, unknown[]][] = [];
    backend.execCommand = (runner, script, args) => {
      seen.push([script as string, args as unknown[]]);
      return execCommand(runner, script, args);
    };
    return seen;
  }

  jobOf(fields: string[], id: string, token: string): Promise<Job> {
    return this.nextJobFromJobData(readTaken([fields, id, 0, 0]).json ?? undefined, id, token);
  }

  take(token: string): Promise<Job | undefined> {
    return this.moveToActive(token, "host/1");
  }

  async putBack(id: string, token: string): Promise<void> {
    await this.backend.moveJobFromActiveToWait(id, token);
  }

  checkStalled(): Promise<string[]> {
    return this.backend.moveStalledJobsToWait();
  }

  /** As our worker does it: no connection that blocks. */
  protected override createBackend(): void {
    this.backend = this.backendFactory(this.name, this.opts, { withBlockingConnection: false });
  }

  protected override callProcessJob(...parameters: Parameters<BullWorker["callProcessJob"]>): Promise<unknown> {
    this.calls.push(["callProcessJob", parameters]);
    return this.process(parameters[0]);
  }

  protected override handleCompleted(...parameters: Parameters<BullWorker["handleCompleted"]>): Promise<Job> {
    this.calls.push(["handleCompleted", parameters]);
    return super.handleCompleted(...parameters);
  }

  protected override handleFailed(...parameters: Parameters<BullWorker["handleFailed"]>): Promise<Job> {
    this.calls.push(["handleFailed", parameters]);
    return super.handleFailed(...parameters);
  }
}

interface Bench {
  client: Redis;
  keys: Keys;
  queue: Queue;
  worker: OpenWorker;
  key: (kind: string) => string;
  markers: () => Promise<string[]>;
}

function bench(options: { stalledInterval?: number; lockDuration?: number } = {}): Bench {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const connection = { connection: client as never, prefix: keys.queuePrefix };
  const queue = new Queue("jobs", connection);
  const worker = new OpenWorker("jobs", async () => undefined, { ...connection, ...options, autorun: false });
  worker.on("error", () => {});
  onTestFinished(async () => {
    await worker.close(true);
    await queue.close();
  });
  const key = (kind: string): string => `${keys.jobs("jobs")}${kind}`;
  return { client, keys, queue, worker, key, markers: () => client.zrange(key("marker"), 0, "-1", "WITHSCORES") };
}

test("a job that is added writes the marker 0 with the score 0", async () => {
  const { queue, markers } = bench();
  await queue.add("plain", {});
  expect(await markers()).toEqual(["0", "0"]);
});

test("a prioritized job writes the same marker", async () => {
  const { queue, markers } = bench();
  await queue.add("first", {}, { priority: 3 });
  expect(await markers()).toEqual(["0", "0"]);
});

test("a delayed job writes the marker 1 with the time at which it is due, in ms", async () => {
  const { client, queue, key, markers } = bench();
  const later = await queue.add("later", {}, { delay: 2 * HOUR });
  const sooner = await queue.add("sooner", {}, { delay: HOUR });
  const due = sooner.timestamp + HOUR;
  expect(await markers()).toEqual(["1", String(due)]);
  // and the set of delayed jobs orders them by ms x 4096 + n
  expect(await client.zscore(key("delayed"), sooner.id ?? "")).toBe(String(due * 4_096));
  expect(await client.zscore(key("delayed"), later.id ?? "")).toBe(String((later.timestamp + 2 * HOUR) * 4_096));
});

test("a take from a queue whose next job is delayed leaves its time in blockUntil", async () => {
  const { queue, worker } = bench();
  const job = await queue.add("later", {}, { delay: HOUR });
  expect(worker.fields).toMatchObject({ limitUntil: 0, blockUntil: 0 });
  expect(await worker.take("token:1")).toBeUndefined();
  expect(worker.fields).toMatchObject({ limitUntil: 0, blockUntil: job.timestamp + HOUR });
});

test("once the limit of the queue's rate is used up, a take leaves the end of the limit in limitUntil", async () => {
  const { queue, worker } = bench();
  await queue.setGlobalRateLimit(1, HOUR);
  await queue.addBulk([
    { name: "one", data: {} },
    { name: "two", data: {} },
  ]);
  expect((await worker.take("token:1"))?.name).toBe("one");
  expect(worker.fields).toMatchObject({ limitUntil: 0 });
  const askedAt = Date.now();
  expect(await worker.take("token:2")).toBeUndefined();
  const until = Number(worker.fields.limitUntil);
  expect(until).toBeGreaterThan(askedAt + HOUR / 2);
  expect(until).toBeLessThanOrEqual(Date.now() + HOUR);
});

test("a take writes the marker again, for the next worker", async () => {
  const { client, queue, worker, key, markers } = bench();
  await queue.addBulk([
    { name: "one", data: {} },
    { name: "two", data: {} },
  ]);
  await client.zpopmin(key("marker"));
  expect(await markers()).toEqual([]);
  expect(await worker.take("token:1")).toMatchObject({ name: "one", token: "token:1", processedBy: "host/1" });
  expect(await markers()).toEqual(["0", "0"]);
});

test("a take promotes what is due, also while the queue is at its limit, and then writes no marker", async () => {
  const { client, queue, worker, key, markers } = bench();
  await queue.setGlobalConcurrency(1);
  await queue.add("runs", {});
  await worker.take("token:1");
  const job = await queue.add("later", {}, { delay: HOUR });
  await client.zadd(key("delayed"), (Date.now() - 1) * 4_096, job.id ?? "");
  await client.del(key("marker"));
  expect(await worker.take("token:2")).toBeUndefined();
  expect(await client.lrange(key("wait"), 0, "-1")).toEqual([job.id]);
  expect(await markers()).toEqual([]);
});

test("a take from a queue with the field paused puts in line what is due, and takes nothing", async () => {
  const { client, queue, worker, key, markers } = bench();
  const job = await queue.add("later", {}, { delay: HOUR });
  const first = await queue.add("first", {}, { delay: HOUR, priority: 2 });
  for (const { id = "" } of [job, first]) await client.zadd(key("delayed"), (Date.now() - 1) * 4_096, id);
  await client.del(key("marker"));
  await client.hset(key("meta"), "paused", 1);
  expect(await worker.take("token:1")).toBeUndefined();
  expect(await client.lrange(key("wait"), 0, "-1")).toEqual([job.id]);
  expect(await client.zrange(key("prioritized"), 0, "-1")).toEqual([first.id]);
  expect(await markers()).toEqual([]);
});

test("what a worker sends to take, and to finish, a job goes through execCommand, and says whether to fetch", async () => {
  // given
  const { queue, worker } = bench();
  const sent = worker.commands;
  for (const name of ["ends", "fails"]) await queue.add(name, {});
  await queue.add("retried", {}, { attempts: 2, backoff: HOUR });
  worker.process = async ({ name }) => {
    if (name !== "ends") throw new Error(name);
  };
  // when
  let job = await worker.take("token:1");
  for (let turn = 0; turn < 3; turn += 1) {
    job = (await worker.processJob(job ?? NOTHING, "token:1", () => true)) as Job | undefined;
  }
  // then
  const taking = sent.filter(([name]) => /^moveTo/.test(name));
  expect(taking.map(([name, parameters]) => [name, parameters[14 + 5], parameters[11 + 7]])).toEqual([
    ["moveToActive", undefined, undefined],
    ["moveToFinished", 1, expect.anything()],
    ["moveToFinished", 1, expect.anything()],
    ["moveToDelayed", expect.anything(), 1],
  ]);
});

test("at its global concurrency a queue writes no marker for a job that is added", async () => {
  const { client, queue, worker, key, markers } = bench();
  await queue.setGlobalConcurrency(1);
  expect(await client.hget(key("meta"), "concurrency")).toBe("1");
  await queue.add("runs", {});
  const running = await worker.take("token:1");
  await client.del(key("marker"));
  await queue.add("waits", {});
  expect(await markers()).toEqual([]);
  expect(await worker.take("token:2")).toBeUndefined();
  // and nothing is written when the job ends without a look for the next one: who finishes it has to look, or to tell
  expect(await worker.processJob(running ?? NOTHING, "token:1", () => false)).toBeUndefined();
  expect(await markers()).toEqual([]);
});

test("pause removes the marker and writes none; resume writes it while jobs wait, or the time of a delayed one", async () => {
  const { client, queue, worker, key, markers } = bench();
  await queue.add("one", {});
  await queue.pause();
  expect(await client.hget(key("meta"), "paused")).toBe("1");
  await queue.add("two", {});
  expect(await markers()).toEqual([]);
  expect(await worker.take("token:1")).toBeUndefined();
  await queue.resume();
  expect(await client.hexists(key("meta"), "paused")).toBe(0);
  expect(await markers()).toEqual(["0", "0"]);
  // when only a delayed one is left
  await queue.drain();
  const job = await queue.add("later", {}, { delay: HOUR });
  await queue.pause();
  await queue.resume();
  expect(await markers()).toEqual(["1", String(job.timestamp + HOUR)]);
});

test("of jobs that are active without a lock, the second pass puts them back in line and writes the marker", async () => {
  const { client, queue, worker, key, markers } = bench({ stalledInterval: 1, lockDuration: HOUR });
  const lost = await queue.add("lost", {});
  await worker.take("token:1");
  const held = await queue.add("held", {});
  await worker.take("token:2");
  await client.del(`${key(lost.id ?? "")}:lock`, key("marker"));
  expect(await worker.checkStalled()).toEqual([]);
  expect((await client.smembers(key("stalled"))).sort()).toEqual([lost.id, held.id].sort());
  // the fleet checks once per interval, however many ask
  await client.del(key("stalled-check"));
  expect(await worker.checkStalled()).toEqual([lost.id]);
  expect(await lost.getState()).toBe("waiting");
  expect(await held.getState()).toBe("active");
  expect(await markers()).toEqual(["0", "0"]);
});

test("an active job is put back as the next one by the token of its lock, and by no other", async () => {
  const { client, queue, worker, key, markers } = bench({ lockDuration: HOUR });
  const lost = await queue.add("lost", {});
  await worker.take("token:1");
  await queue.add("later", {});
  expect(await client.get(`${key(lost.id ?? "")}:lock`)).toBe("token:1");
  await expect(worker.putBack(lost.id ?? "", "token:2")).rejects.toThrow("Lock mismatch");
  await client.del(key("marker"));
  await worker.putBack(lost.id ?? "", "token:1");
  expect(await markers()).toEqual(["0", "0"]);
  expect((await worker.take("token:3"))?.id).toBe(lost.id);
});

test("one pass of an interval is enough for the fleet", async () => {
  const { client, queue, worker, key } = bench({ stalledInterval: HOUR });
  const lost = await queue.add("lost", {});
  await worker.take("token:1");
  await client.del(`${key(lost.id ?? "")}:lock`);
  expect(await worker.checkStalled()).toEqual([]);
  expect(await worker.checkStalled()).toEqual([]);
  expect(await lost.getState()).toBe("active");
  expect(await client.pttl(key("stalled-check"))).toBeGreaterThan(HOUR / 2);
});

test("processJob runs callProcessJob, then handleCompleted, whose script fetches the next job if it may", async () => {
  const { queue, worker } = bench();
  for (const name of ["one", "two", "three"]) await queue.add(name, {});
  const job = await worker.take("token:1");
  const next = await worker.processJob(job ?? NOTHING, "token:1", () => true);
  expect(next).toMatchObject({ name: "two", token: "token:1" });
  expect(worker.calls.map(([method]) => method)).toEqual(["callProcessJob", "handleCompleted"]);
  expect(worker.calls[0]?.[1].slice(0, 2)).toEqual([job, "token:1"]);
  expect(worker.calls[1]?.[1].slice(0, 3)).toEqual(["done", job, "token:1"]);
  expect(await worker.processJob(next as Job, "token:1", () => false)).toBeUndefined();
  expect(await queue.getWaitingCount()).toBe(1);
});

test("the script that finishes a job leaves the time of the next delayed one in blockUntil", async () => {
  const { queue, worker } = bench();
  await queue.add("one", {});
  const job = await worker.take("token:1");
  const later = await queue.add("later", {}, { delay: HOUR });
  expect(await worker.processJob(job ?? NOTHING, "token:1", () => true)).toBeUndefined();
  expect(worker.fields).toMatchObject({ limitUntil: 0, blockUntil: later.timestamp + HOUR });
});

test("handleFailed gets the error, the job, the token and whether to fetch, also of a job that was put back", async () => {
  const { queue, worker } = bench();
  for (const name of ["fails", "delays", "third"]) await queue.add(name, {});
  worker.process = async (job) => {
    if (job.name === "fails") throw new RangeError("too far");
    await job.moveToDelayed(Date.now() + HOUR, job.token);
    throw new DelayedError();
  };
  const job = await worker.take("token:1");
  const next = await worker.processJob(job ?? NOTHING, "token:1", () => true);
  expect(next).toMatchObject({ name: "delays", token: "token:1" });
  expect(await worker.processJob(next as Job, "token:1", () => false)).toBeUndefined();
  const handled = worker.calls.filter(([method]) => method === "handleFailed").map(([, parameters]) => parameters);
  expect(handled.map(([error]) => (error as Error).name)).toEqual(["RangeError", "DelayedError"]);
  expect(handled[0]?.slice(1, 3)).toEqual([job, "token:1"]);
  expect(handled[1]?.[3]).toBeTypeOf("function");
  expect(await queue.getWaitingCount()).toBe(1);
});

test("a take goes through execCommand, with the keys in their order and then three arguments", async () => {
  const { keys, queue, worker } = bench();
  await queue.add("one", {});
  const { commands } = worker;
  expect(await worker.take("token:1")).toMatchObject({ name: "one" });
  const [[script, args = []] = []] = commands;
  expect(script).toBe("moveToActive");
  expect(args.slice(0, 11)).toEqual(MOVE_TO_ACTIVE_KEYS.map((part) => keys.queue("jobs", part)));
  expect(args).toHaveLength(14);
  expect(args[11]).toBe(keys.jobs("jobs"));
});

test("nextJobFromJobData makes the job of a take from its fields, and processJob runs and finishes it", async () => {
  const { client, queue, worker, key } = bench();
  const { id = "" } = await queue.add("one", { x: 1 });
  await worker.take("token:1");
  const fields = Object.entries(await client.hgetall(key(id))).flat();
  const job = await worker.jobOf(fields, id, "token:1");
  expect(job).toMatchObject({ id, name: "one", data: { x: 1 }, token: "token:1", attemptsStarted: 1 });
  await worker.processJob(job, "token:1", () => false);
  expect(await queue.getJobCounts("completed")).toEqual({ completed: 1 });
});

test("the lock manager renews a job by the time that it was given last", async () => {
  const { queue, worker } = bench({ lockDuration: 400 });
  const { id = "" } = await queue.add("one", {});
  await worker.take("token:1");
  const renewed = new Promise<string[]>((resolve) => worker.on("locksRenewed", ({ jobIds }) => resolve(jobIds)));
  worker.locks.trackJob(id, "token:1", Date.now() + HOUR);
  worker.locks.trackJob(id, "token:1", Date.now());
  worker.locks.start();
  expect(await renewed).toEqual([id]);
});

test("the lock manager renews what processJob runs, and is started and ended by hand", async () => {
  const { queue, worker } = bench();
  await queue.add("one", {});
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  worker.process = () => {
    begun.resolve();
    return end.promise;
  };
  expect(worker.locks.isRunning()).toBe(false);
  worker.locks.start();
  expect(worker.locks.isRunning()).toBe(true);
  const job = await worker.take("token:1");
  const processed = worker.processJob(job ?? NOTHING, "token:1", () => false);
  await begun.promise;
  expect(worker.locks.getTrackedJobIds()).toEqual([job?.id]);
  end.resolve();
  await processed;
  expect(worker.locks.getTrackedJobIds()).toEqual([]);
  // and its timer can be stopped and started again
  const manager = worker.locks as unknown as { lockRenewalTimer: NodeJS.Timeout | undefined };
  expect(manager.lockRenewalTimer).toBeDefined();
  clearTimeout(manager.lockRenewalTimer);
  manager.lockRenewalTimer = undefined;
  expect(worker.locks.isRunning()).toBe(false);
  worker.locks.start();
  expect(worker.locks.isRunning()).toBe(true);
  await worker.locks.close();
  expect(worker.locks.isRunning()).toBe(false);
});

test("close waits for the promise in mainLoopRunning, and closes no shared connection", async () => {
  const { client, worker } = bench();
  const errors: Error[] = [];
  worker.on("error", (error) => errors.push(error));
  await worker.waitUntilReady();
  expect(worker.fields.mainLoopRunning).toBeNull();
  const loop = Promise.withResolvers<void>();
  worker.fields.mainLoopRunning = loop.promise;
  let isClosed = false;
  const closed = worker.close().then(() => {
    isClosed = true;
  });
  for (let round = 0; round < 3; round += 1) await client.ping();
  expect(isClosed).toBe(false);
  loop.resolve();
  await closed;
  expect(errors).toEqual([]);
  expect(await client.ping()).toBe("PONG");
});

test("our worker opens no connection, where one of BullMQ opens one that blocks", async () => {
  // given
  const { client, keys, queue } = bench();
  const connections = async (): Promise<number> =>
    String(await client.client("LIST"))
      .trim()
      .split("\n").length;
  await queue.waitUntilReady();
  const before = await connections();
  const wait = { next: async () => null, wake: () => {}, close: () => {} };
  // when
  const worker = new QueueWorker({
    queue: "jobs",
    name: "host/1",
    client: client as never,
    keys,
    concurrency: 1,
    lockDuration: 30_000,
    stalledInterval: 30_000,
    slots: new HostSlots(1),
    fence: new Fence({ lockDuration: 30_000 }),
    fetcher: new Fetcher({ client: client as never, wait }),
    isReady: () => true,
    whenServed: async () => {},
    run: async () => ({ value: 1 }) as unknown as JobReturn,
    onUnreadable: async () => {},
  });
  await worker.waitUntilReady();
  expect(await worker.fetch()).toEqual({ took: false, lookAt: Number.POSITIVE_INFINITY });
  // then
  expect(await connections()).toBe(before);
  // and it serves a job and closes all the same
  const job = await (queue as Queue<JobEnvelope, JobReturn>).add("one", {} as JobEnvelope);
  expect(await worker.fetch()).toMatchObject({ took: true });
  await worker.close();
  expect(await job.getState()).toBe("completed");
  expect(await connections()).toBe(before);
  // and BullMQ's own worker opens one, so that this counts what it means to
  const own = new BullWorker("jobs", async () => 1, {
    connection: client as never,
    prefix: keys.queuePrefix,
    autorun: false,
  });
  await own.waitUntilReady();
  expect(await connections()).toBe(before + 1);
  await own.close();
});
