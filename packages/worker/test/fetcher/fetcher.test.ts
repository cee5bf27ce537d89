import { setTimeout as delay } from "node:timers/promises";
import { Keys } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { type Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { FleetDuties } from "../../src/duties/fleet-duties.ts";
import { Fence } from "../../src/fence/fence.ts";
import { type Fetched, type FetchedQueue, Fetcher } from "../../src/fetcher/fetcher.ts";
import type { Marker } from "../../src/fetcher/marker-wait.ts";
import type { WorkerHost } from "../../src/index.ts";
import { ServedQueue } from "../../src/queue/served-queue.ts";
import { HostSlots } from "../../src/slots/host-slots.ts";
import { Quiet } from "../../src/trouble/quiet.ts";
import { Trouble } from "../../src/trouble/trouble.ts";
import { TestNamespace } from "../host/namespace.ts";

const redis = useRedis();
/** No sweep comes within a test that says so. */
const NO_SWEEP = 60_000;

/** Ends a call that runs until it is cancelled. */
async function cancel(space: TestNamespace, pool: string, jobId: string): Promise<void> {
  const message = { type: "cancel", pool, jobId, unit: null, reason: "enough" };
  await space.client.publish(space.keys.control, JSON.stringify(message));
}

function markers(space: TestNamespace, pool: string): Promise<string[]> {
  return space.client.zrange(space.keys.queue(pool, "marker"), 0, "-1", "WITHSCORES");
}

/** Starts a call that keeps a slot until it is cancelled. */
async function occupy(space: TestNamespace, pool: string): Promise<string> {
  const jobId = await space.submit(pool, "untilAborted", []);
  await space.untilState(pool, jobId, "active");
  return jobId;
}

async function runsOn(space: TestNamespace, host: WorkerHost, jobId: string): Promise<void> {
  await until(() => host.record().running.some((run) => run.jobId === jobId), {
    what: `${jobId} runs on ${host.name}; the hosts said: ${space.logs.join(" / ")}`,
  });
}

test("a host without a free slot leaves the marker of a new job for others", async () => {
  // given
  const space = new TestNamespace(redis);
  for (const name of ["busy", "other"]) await space.pool(name);
  const full = await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP, name: "full" });
  await occupy(space, "busy");
  // when
  const same = await space.submit("busy", "square", [2]);
  const other = await space.submit("other", "square", [3]);
  // then the wait that was under way has ended, and none has begun: nothing has read the markers
  await until(async () => (await blockedReads(space.client)) === 0);
  expect(await markers(space, "other")).toEqual(["0", "0"]);
  expect(await markers(space, "busy")).toEqual(["0", "0"]);
  // and a host with slots finds them
  await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP, name: "free" });
  expect(await space.answer(same)).toMatchObject({ value: 4, host: "free" });
  expect(await space.answer(other)).toMatchObject({ value: 9, host: "free" });
  expect(full.record().running).toHaveLength(1);
});

test("a plain worker of BullMQ shares a pool with a host: each job runs once, and neither keeps the other from work", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.pool("shared");
  await space.host({ slots: 1, processes: 0, isolation: "inline", stalledInterval: NO_SWEEP, name: "ours" });
  const ran: string[] = [];
  const work = async ({ id }: Job): Promise<void> => {
    await delay(5);
    ran.push(id as string);
  };
  const plain = new Worker("shared", work, {
    connection: { port: redis.port, password: redis.password, maxRetriesPerRequest: null },
    prefix: space.keys.queuePrefix,
    name: "plain",
  });
  plain.on("error", () => {});
  onTestFinished(() => plain.close());
  await plain.waitUntilReady();
  const queue = space.queue("shared");
  const settled = async (count: number): Promise<void> => {
    await until(async () => (await queue.getJobCounts("completed"))["completed"] === count, {
      what: `${count} are done`,
    });
  };
  // when jobs come in a crowd, and then one by one
  const jobs = await queue.addBulk(Array.from({ length: 60 }, () => ({ name: "sleep", data: { args: [5] } })));
  await settled(60);
  for (let call = 1; call <= 10; call += 1) {
    jobs.push(await queue.add("sleep", { args: [5] }));
    await settled(60 + call);
  }
  // then
  const done = await queue.getCompleted(0, -1);
  expect(done.map(({ id }) => id).sort()).toEqual(jobs.map(({ id }) => id).sort());
  const byWorker = Map.groupBy(done, ({ processedBy }) => (processedBy?.startsWith("ours") ? "ours" : "plain"));
  expect([...byWorker.keys()].sort()).toEqual(["ours", "plain"]);
  expect(ran.sort()).toEqual(
    byWorker
      .get("plain")
      ?.map(({ id }) => id)
      .sort(),
  );
  expect(done.map(({ attemptsMade, attemptsStarted }) => [attemptsMade, attemptsStarted])).toEqual(
    done.map(() => [1, 1]),
  );
  // and a host serves a pool whose plain worker has left
  await plain.close();
  await queue.add("sleep", { args: [5] });
  await settled(71);
});

test("a lone call beside a pool with many waiting jobs starts after at most two of its tasks", async () => {
  // given
  const space = new TestNamespace(redis);
  for (const name of ["crowd", "lone"]) await space.pool(name);
  await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP });
  const jobs = await space
    .queue("crowd")
    .addBulk(Array.from({ length: 60 }, () => ({ name: "sleep", data: { args: [30], client: space.clientId } })));
  await until(async () => (await finished(space, "crowd")) >= 3);
  for (let round = 0; round < 5; round += 1) {
    // when
    const before = await finished(space, "crowd");
    const jobId = await space.submit("lone", "square", [round]);
    await space.answer(jobId);
    // then one task that ran, and one that was fetched before the call was there; one more ends while this looks
    expect((await finished(space, "crowd")) - before).toBeLessThanOrEqual(3);
  }
  expect(await finished(space, "crowd")).toBeLessThan(jobs.length);
});

test("a queue whose marker key holds another type keeps no other queue from work", async () => {
  // given
  const space = new TestNamespace(redis);
  for (const name of ["broken", "sound"]) await space.pool(name);
  await space.client.set(space.keys.queue("broken", "marker"), "not a set");
  await space.host({ slots: 2, processes: 0, stalledInterval: NO_SWEEP });
  for (let round = 0; round < 5; round += 1) {
    // when
    const jobId = await space.submit("sound", "square", [round]);
    // then
    expect(await space.answer(jobId)).toMatchObject({ value: round * round });
  }
  // and the queue is served again once its key is right
  await space.client.del(space.keys.queue("broken", "marker"));
  expect(await space.answer(await space.submit("broken", "square", [7]))).toMatchObject({ value: 49 });
});

test("a marker that is lost is written again by the next sweep", async () => {
  // given a host that cannot have read the marker before it was lost
  const space = new TestNamespace(redis);
  for (const name of ["busy", "jobs"]) await space.pool(name);
  await space.host({ slots: 1, processes: 0, stalledInterval: 500 });
  const running = await occupy(space, "busy");
  const jobId = await space.submit("jobs", "square", [7]);
  expect(await space.client.zrem(space.keys.queue("jobs", "marker"), "0")).toBe(1);
  // when
  const written = await until(async () => {
    const found = await markers(space, "jobs");
    return found.length > 0 && found;
  });
  // then
  expect(written).toEqual(["0", "0"]);
  await cancel(space, "busy", running);
  expect(await space.answer(jobId)).toMatchObject({ value: 49 });
});

/** A host's share in a duty of the fleet. */
function dutyOf(space: TestNamespace, options: { interval: number; look: () => Promise<void> }): FleetDuties {
  const { client, keys } = space;
  const logger = { info: () => {}, warn: (text: string) => void space.logs.push(text), error: () => {} };
  const duties = new FleetDuties({ client, keys, logger, duties: [{ name: "count", what: "counting", ...options }] });
  onTestFinished(() => duties.stop());
  return duties;
}

test("what hosts do for one another is done once in its time, and they take turns", async () => {
  // given
  const space = new TestNamespace(redis);
  const interval = 200;
  const looks: string[] = [];
  const startedAt = performance.now();
  // when
  for (const host of ["a", "b", "c"]) dutyOf(space, { interval, look: async () => void looks.push(host) }).start();
  await until(() => new Set(looks).size === 3 && looks.length >= 6, { what: "each has had its turn" });
  // then the server has counted the time since the last one
  expect(looks.length).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / (0.9 * interval));
});

test("what a host does for the others is done by another one when it is gone, or when it fails there", async () => {
  // given
  const space = new TestNamespace(redis);
  const looks: string[] = [];
  const gone = dutyOf(space, { interval: 300, look: () => Promise.reject(new Error("it is broken")) });
  const left = dutyOf(space, { interval: 300, look: async () => void looks.push("left") });
  await space.client.ping();
  await gone.pass();
  expect(space.logs).toEqual(["counting failed, trying again: it is broken"]);
  // when
  await left.pass();
  expect(looks).toEqual([]);
  left.start();
  // then
  await until(() => looks.length === 1);
  // and a key of another type in the place of the notes keeps no host from it
  await space.client.set(space.keys.duties, "not a hash");
  await until(() => looks.length === 2);
});

test("a sweep writes no marker for a queue that is paused, full, or waits for a delay", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.pool("capped", { size: 1 });
  for (const name of ["paused", "delayed", "swept"]) await space.pool(name);
  await space.host({ slots: 1, processes: 0, stalledInterval: 300 });
  await occupy(space, "capped");
  await space.submit("capped", "square", [1]);
  await space.queue("paused").pause();
  await space.submit("paused", "square", [2]);
  await space.submit("delayed", "square", [3], { job: { delay: 60_000 } });
  await space.submit("swept", "square", [4]);
  const keys = ["capped", "paused", "delayed", "swept"].map((name) => space.keys.queue(name, "marker"));
  await space.client.del(...keys);
  // when
  await until(async () => (await markers(space, "swept")).length > 0);
  // then
  for (const name of ["capped", "paused", "delayed"]) expect(await markers(space, name), name).toEqual([]);
});

test("a delayed job runs at its time although a host took its marker that is full then", async () => {
  // given the first host, full, so that it takes no marker; and the second, which takes that of the delayed job
  const space = new TestNamespace(redis);
  for (const name of ["fills", "delayed"]) await space.pool(name);
  const options = { slots: 1, processes: 0, stalledInterval: NO_SWEEP };
  const first = await space.host({ ...options, name: "first" });
  const onFirst = await occupy(space, "fills");
  await runsOn(space, first, onFirst);
  const second = await space.host({ ...options, name: "second" });
  const delayed = await space.submit("delayed", "square", [7], { job: { delay: 1_500 } });
  const due = Date.now() + 1_500;
  await until(async () => (await markers(space, "delayed")).length === 0);
  // when the second is filled and the first comes free before the job is due
  const onSecond = await occupy(space, "fills");
  await runsOn(space, second, onSecond);
  await cancel(space, "fills", onFirst);
  await space.answer(onFirst);
  expect(Date.now(), "all this must be done before the job is due").toBeLessThan(due);
  // then
  expect(await space.answer(delayed)).toMatchObject({ value: 49, host: "first" });
  const { processedOn = 0 } = (await space.job("delayed", delayed)) ?? {};
  expect(processedOn).toBeGreaterThanOrEqual(due - 100);
  expect(processedOn).toBeLessThan(due + 500);
});

test("a pool that is made while the host waits is served at once", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP });
  await space.answer(await space.submit("default", "square", [1]));
  await until(async () => (await blockedReads(space.client)) === 1);
  // when
  const startedAt = performance.now();
  await space.pool("new");
  const jobId = await space.submit("new", "square", [7]);
  // then
  expect(await space.answer(jobId)).toMatchObject({ value: 49 });
  // A wait that is not woken lasts 5 s.
  expect(performance.now() - startedAt).toBeLessThan(4_500);
});

test("200 idle pools cost two hosts fewer than 30 commands a second, and at most 6 connections each", async () => {
  // given
  const space = new TestNamespace(redis);
  await Promise.all(Array.from({ length: 200 }, (_, index) => space.pool(`idle-${index}`)));
  const before = await connections(space.client);
  const hosts = [await space.host(), await space.host()];
  const isServed = (line: string): boolean => line.startsWith('info: serving pool "idle-');
  await until(() => space.logs.filter(isServed).length === 200 * hosts.length, { what: "both hosts serve all pools" });
  await until(async () => (await blockedReads(space.client)) === hosts.length);
  expect(((await connections(space.client)) - before) / hosts.length).toBeLessThanOrEqual(6);
  // What hosts do once for each new pool, such as a look at its history, is no cost of idle ones.
  const inOneSecond = async (): Promise<number> => {
    const before1s = await commandsProcessed(space.client);
    await delay(1_000);
    return (await commandsProcessed(space.client)) - before1s;
  };
  await until(async () => (await inOneSecond()) < 40, { what: "the hosts have met all pools" });
  // when
  const before10s = await commandsProcessed(space.client);
  await delay(10_000);
  // then, with those of their scripts
  expect(((await commandsProcessed(space.client)) - before10s) / 10).toBeLessThan(30);
  // and they serve
  const jobId = await space.submit("idle-137", "square", [7]);
  expect(await space.answer(jobId)).toMatchObject({ value: 49 });
}, 300_000);

/** What a test gives instead of a queue of BullMQ. */
class FakeQueue implements FetchedQueue {
  readonly markerKey: string;
  readonly slots: HostSlots;
  isReady = true;
  hasRoom = true;
  /** Jobs that wait. */
  jobs = 0;
  /** What the looks without a job say of the next one. */
  lookAt = Number.POSITIVE_INFINITY;
  readonly announced: boolean[] = [];
  readonly isAssignable = false;
  readonly #log: string[];

  constructor(markerKey: string, slots: HostSlots, log: string[] = []) {
    this.markerKey = markerKey;
    this.slots = slots;
    this.#log = log;
  }

  async fetch(): Promise<Fetched> {
    this.#log.push(this.markerKey);
    if (this.jobs === 0) return { took: false, lookAt: this.lookAt };
    this.jobs -= 1;
    return { took: true, lookAt: Number.POSITIVE_INFINITY };
  }

  assign(): void {
    throw new Error("unreachable");
  }

  announce(isDue: boolean): void {
    this.announced.push(isDue);
  }

  get name(): string {
    return this.markerKey;
  }
}

/** A wait that ends when the test says so. */
class FakeWait {
  /** Keys of the wait that is under way. */
  markers: readonly string[] | undefined;
  #end: ((marker: Marker | null | Promise<never>) => void) | undefined;

  next(markers: readonly string[]): Promise<Marker | null> {
    this.markers = [...markers].sort();
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  fail(error: Error): void {
    this.#finish(Promise.reject(error));
  }

  hear(key: string, due: number = 0): void {
    this.#finish({ key, due });
  }

  wake(): void {
    this.#finish(null);
  }

  close(): void {
    this.#finish(null);
  }

  #finish(marker: Marker | null | Promise<never>): void {
    this.markers = undefined;
    this.#end?.(marker);
    this.#end = undefined;
  }
}

function fetcherWith(queues: readonly FakeQueue[]): { fetcher: Fetcher; wait: FakeWait } {
  const wait = new FakeWait();
  const fetcher = new Fetcher({ client: redis.client() as never, wait });
  fetcher.start();
  for (const queue of queues) fetcher.add(queue);
  onTestFinished(() => fetcher.stop());
  return { fetcher, wait };
}

test("no wait is under way without a free slot; one begins when a slot comes back", async () => {
  // given
  const slots = new HostSlots(1);
  const [one, two] = [new FakeQueue("one", slots), new FakeQueue("two", slots)];
  const { fetcher, wait } = fetcherWith([one, two]);
  await until(() => wait.markers?.length === 2);
  // when
  one.jobs = 1;
  wait.hear("one");
  await until(() => slots.free === 0);
  await new Promise((resolve) => setImmediate(resolve));
  // then
  expect(wait.markers).toBeUndefined();
  // and when it ends
  slots.release();
  fetcher.jobEnded(one, { mayHaveMore: false, lookAt: Number.POSITIVE_INFINITY });
  await until(() => wait.markers?.length === 2);
});

test("a queue that is not ready is not waited for, and is when it is ready", async () => {
  const slots = new HostSlots(1);
  const [one, two] = [new FakeQueue("one", slots), new FakeQueue("two", slots)];
  two.isReady = false;
  const { fetcher, wait } = fetcherWith([one, two]);
  await until(() => wait.markers?.join() === "one");
  two.isReady = true;
  fetcher.changed();
  await until(() => wait.markers?.join() === "one,two");
});

test("after a wait that a key of another type fails, the others are waited for alone, and its queue is looked at", async () => {
  // given
  const slots = new HostSlots(1);
  const log: string[] = [];
  const [broken, sound] = ["broken", "sound"].map((key) => new FakeQueue(`${redis.namespace()}:${key}`, slots, log));
  if (!broken || !sound) throw new Error("unreachable");
  await redis.client().set(broken.markerKey, "not a set");
  const { wait } = fetcherWith([broken, sound]);
  await until(() => wait.markers?.length === 2);
  // when
  wait.fail(new Error("WRONGTYPE Operation against a key holding the wrong kind of value"));
  // then
  await until(() => wait.markers?.join() === sound.markerKey);
  expect(log).toEqual([]);
  await until(() => wait.markers?.length === 2);
  expect(log).toEqual([broken.markerKey]);
});

test("what is known to have work is looked at in turns", async () => {
  // given
  const slots = new HostSlots(1);
  const log: string[] = [];
  const queues = ["one", "two", "three"].map((key) => new FakeQueue(key, slots, log));
  for (const queue of queues) queue.jobs = 3;
  const { fetcher } = fetcherWith(queues);
  for (const queue of queues) fetcher.want(queue);
  // when
  for (let ended = 0; ended < 9; ended += 1) {
    await until(() => log.length > ended);
    slots.release();
    fetcher.changed();
  }
  // then
  expect(log.slice(0, 9)).toEqual(["one", "two", "three", "one", "two", "three", "one", "two", "three"]);
});

test("a job that ends where others come first is followed by none, and what waits is told to the other hosts", async () => {
  const slots = new HostSlots(1);
  const [one, two] = [new FakeQueue("one", slots), new FakeQueue("two", slots)];
  one.jobs = 2;
  two.jobs = 1;
  const { fetcher } = fetcherWith([one, two]);
  fetcher.want(one);
  await until(() => slots.free === 0);
  expect(fetcher.mayFollow(one)).toBe(true);
  fetcher.want(two);
  expect(fetcher.mayFollow(one)).toBe(false);
  slots.release();
  fetcher.jobEnded(one, { mayHaveMore: true, lookAt: Number.POSITIVE_INFINITY });
  expect(one.announced).toEqual([false]);
  // and its own next job, whose turn is before, is the only one that the other queue waits for
  await until(() => one.jobs === 0);
  slots.release();
  fetcher.jobEnded(one, { mayHaveMore: true, lookAt: Number.POSITIVE_INFINITY });
  await until(() => two.jobs === 0);
});

test("work that comes due while no slot is free is told to the other hosts", async () => {
  // given
  const slots = new HostSlots(1);
  const [one, two] = [new FakeQueue("one", slots), new FakeQueue("two", slots)];
  const { wait } = fetcherWith([one, two]);
  await until(() => wait.markers !== undefined);
  wait.hear("two", Date.now() + 60);
  await until(() => wait.markers !== undefined);
  // when
  one.jobs = 1;
  wait.hear("one");
  await until(() => slots.free === 0);
  // then
  await until(() => two.announced.length > 0);
  expect(two.announced).toEqual([true]);
});

test("a look that is given up gives its slot back", async () => {
  const slots = new HostSlots(1);
  const queue = new FakeQueue("deaf", slots);
  queue.fetch = () => new Promise(() => {});
  const { fetcher } = fetcherWith([queue]);
  fetcher.want(queue);
  await until(() => fetcher.fetchingFor(queue) > 0);
  expect(slots.free).toBe(0);
  fetcher.giveUp(queue);
  expect(slots.free).toBe(1);
  expect(fetcher.fetchingFor(queue)).toBe(0);
});

test("a look that is under way when its queue is removed keeps its slot until it ends, and its job longer", async () => {
  for (const took of [false, true]) {
    const slots = new HostSlots(1);
    const queue = new FakeQueue("removed", slots);
    const look = Promise.withResolvers<{ took: boolean; lookAt: number }>();
    queue.fetch = () => look.promise;
    const { fetcher } = fetcherWith([queue]);
    fetcher.want(queue);
    await until(() => slots.free === 0);
    fetcher.remove(queue);
    expect(slots.free).toBe(0);
    look.resolve({ took, lookAt: Number.POSITIVE_INFINITY });
    await look.promise;
    await Promise.resolve();
    expect(slots.free).toBe(took ? 0 : 1);
  }
});

/** Jobs of a pool that are over. */
async function finished(space: TestNamespace, pool: string): Promise<number> {
  const { completed = 0, failed = 0 } = await space.queue(pool).getJobCounts("completed", "failed");
  return completed + failed;
}

/** Clients of this server that wait in BZPOPMIN. */
async function blockedReads(client: Redis): Promise<number> {
  const list = String(await client.client("LIST"));
  return list.split("\n").filter((line) => /cmd=bzpopmin/.test(line) && /flags=\S*b/.test(line)).length;
}

async function connections(client: Redis): Promise<number> {
  return String(await client.client("LIST"))
    .trim()
    .split("\n").length;
}

/** What all clients send in a second, and what Redis runs for that, with the commands of scripts. */
async function commandsProcessed(client: Redis): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await client.info("stats"))?.[1]);
}

test("a delayed job of a pool at its size runs at its time, although the look at the full pool forgot it", async () => {
  // given a pool of 2 that is full by two hosts, each of which could take one more
  const space = new TestNamespace(redis);
  await space.pool("pair", { size: 2 });
  const options = { slots: 2, processes: 0, stalledInterval: NO_SWEEP };
  for (const name of ["first", "second"]) await space.host({ ...options, name });
  const one = await occupy(space, "pair");
  const delayed = await space.submit("pair", "square", [7], { job: { delay: 8_000 } });
  const due = Date.now() + 8_000;
  await until(async () => (await markers(space, "pair")).length === 0);
  const two = await occupy(space, "pair");
  // when its jobs end
  await cancel(space, "pair", one);
  await cancel(space, "pair", two);
  await space.answers(one, 1);
  await space.answers(two, 1);
  expect(Date.now(), "all this must be done before the job is due").toBeLessThan(due);
  // then
  expect(await space.answer(delayed, 0, 60_000)).toMatchObject({ value: 49 });
  const { processedOn = 0 } = (await space.job("pair", delayed)) ?? {};
  expect(processedOn).toBeLessThan(due + 3_000);
});

test("a job that ends on a host that is not ready: what waits is told to the others", async () => {
  const slots = new HostSlots(1);
  const queue = new FakeQueue("one", slots);
  queue.jobs = 1;
  const { fetcher } = fetcherWith([queue]);
  fetcher.want(queue);
  await until(() => slots.free === 0);
  queue.isReady = false;
  slots.release();
  fetcher.jobEnded(queue, { mayHaveMore: true, lookAt: Number.POSITIVE_INFINITY });
  expect(queue.announced).toEqual([false]);
});

test("the marker of a queue that is no longer served is given back", async () => {
  const slots = new HostSlots(1);
  const [one, two] = [new FakeQueue("one", slots), new FakeQueue("two", slots)];
  const { fetcher, wait } = fetcherWith([one, two]);
  await until(() => wait.markers?.length === 2);
  wait.wake = () => {};
  fetcher.remove(two);
  wait.hear("two");
  await until(() => wait.markers?.length === 1);
  expect(two.announced).toEqual([false]);
});

test("a queue that is no longer ready is waited for no longer", async () => {
  const wait = new FakeWait();
  const client = redis.client() as never;
  const fetcher = new Fetcher({ client, wait });
  fetcher.start();
  onTestFinished(() => fetcher.stop());
  const keys = new Keys(redis.namespace());
  const logger = { info() {}, warn() {}, error() {} } as never;
  const [ofChildren, ofRedis] = [1, 2].map(() => new Trouble({ tryAgain: () => new Promise(() => {}), onChange() {} }));
  const host = { name: "h", client, keys, fetcher, lockDuration: 10_000, stalledInterval: 60_000, logger };
  const served = new ServedQueue({
    host: {
      ...host,
      supply: { trouble: ofChildren as Trouble },
      redisTrouble: { trouble: ofRedis as Trouble, over: async () => {} },
      quiet: new Quiet(),
    },
    queue: "jobs",
    title: "jobs",
    concurrency: () => 1,
    slots: new HostSlots(1),
    fence: new Fence({ lockDuration: 10_000 }),
    run: async () => ({}) as never,
    onFailed() {},
    onMissing() {},
  });
  served.start();
  await until(() => wait.markers?.length === 1);
  ofChildren?.met(new Error("no children"));
  onTestFinished(() => ofChildren?.stop());
  await until(() => wait.markers === undefined, { timeout: 1_000 });
});
