// Jobs that are assigned to a host as they are added: see docs/decisions/assigned-jobs.md.
import { connect } from "@manyhands/core";
import { type JobReturn, submitDetached } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { Fence } from "../../src/fence/fence.ts";
import { Fetcher } from "../../src/fetcher/fetcher.ts";
import { type AssignedJob, SlotOffers } from "../../src/fetcher/slot-offers.ts";
import type { WorkerHost } from "../../src/index.ts";
import { QueueWorker } from "../../src/queue/queue-worker.ts";
import { HostSlots } from "../../src/slots/host-slots.ts";
import { TestNamespace } from "../host/namespace.ts";
import { startSeparateHost } from "../host/separate-host.ts";

const redis = useRedis();
/** No sweep comes within a test that says so. */
const NO_SWEEP = 60_000;
const HOUR = 3_600_000;

/** Submits a call as the clients of manyhands do. */
async function submit(space: TestNamespace, pool: string, task: string, args: unknown[]): Promise<string> {
  const { client, keys } = space;
  return (await submitDetached({ client, keys }, { pool, task, args, maxPayload: 1_000_000 })).id;
}

/** What a job has returned, once it is finished. */
async function resultOf(space: TestNamespace, pool: string, jobId: string): Promise<unknown> {
  const job = await until(
    async () => {
      const found = await space.job(pool, jobId);
      return found?.finishedOn ? found : undefined;
    },
    { what: `job ${jobId} is finished; the hosts said: ${space.logs.join(" / ")}` },
  );
  return job.failedReason ?? (job.returnvalue as JobReturn).value;
}

/** How many jobs were assigned to a host, and how many slots it offers now. */
async function bookOf(space: TestNamespace, hostId: string): Promise<{ given: number; open: number }> {
  const [offered, given] = await space.client.hmget(space.keys.hostOffers(hostId), "offered", "given");
  return { given: Number(given), open: Number(offered) - Number(given) };
}

/** Waits until a host offers so many slots for the pool. */
async function offers(space: TestNamespace, hostId: string, count: number, pool = "default"): Promise<void> {
  await until(
    async () =>
      (await space.client.hexists(space.keys.hostOffers(hostId), `p:${pool}`)) === 1 &&
      (await bookOf(space, hostId)).open === count,
    { what: `${hostId} offers ${count} slots` },
  );
}

/** How often Redis has run a command, also in scripts. */
async function callsOf(space: TestNamespace, command: string): Promise<number> {
  const stats = await space.client.info("commandstats");
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
}

interface Offering {
  hostId: string;
  offers: SlotOffers;
  slots: HostSlots;
  assigned: AssignedJob[];
}

/** The offers of a host without the rest of it. */
async function offering(
  space: TestNamespace,
  hostId: string,
  options: { slots?: number; tasks?: string[]; pools?: string[] } = {},
): Promise<Offering> {
  const slots = new HostSlots(options.slots ?? 1);
  const assigned: AssignedJob[] = [];
  const made = new SlotOffers({
    client: space.client,
    keys: space.keys,
    hostId,
    name: `${hostId}/1`,
    slots,
    logger: console,
    lockDuration: 8_000,
    tasks: () => options.tasks ?? ["square"],
    onAssigned: (job) => void assigned.push(job),
    onChange: () => {},
  });
  made.start();
  onTestFinished(() => made.stop(1_000));
  for (const pool of options.pools ?? ["default"]) made.serve(pool, true);
  made.connected(true);
  made.offer();
  await until(async () => (await bookOf(space, hostId)).open === slots.total);
  return { hostId, offers: made, slots, assigned };
}

test("a lone call is handed to a host that waits, with its wake-up and without a marker", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 2, processes: 0, stalledInterval: NO_SWEEP });
  await offers(space, host.id, 2);
  const takes = await callsOf(space, "rpoplpush");
  // when
  const jobId = await submit(space, "default", "square", [7]);
  // then
  expect(await resultOf(space, "default", jobId)).toBe(49);
  expect(await bookOf(space, host.id)).toMatchObject({ given: 1 });
  expect(await callsOf(space, "rpoplpush")).toBeGreaterThan(takes);
  // and it is BullMQ's job as any other
  const job = await space.job("default", jobId);
  expect(job).toMatchObject({ attemptsStarted: 1, processedBy: expect.stringContaining(`/${process.pid}`) });
  expect(await space.client.exists(space.keys.queue("default", "marker"))).toBe(0);
  expect(await space.queue("default").getJobCounts("active", "waiting")).toEqual({ active: 0, waiting: 0 });
  // and the slot is offered again
  await offers(space, host.id, 2);
});

test("an assigned job's lock is short at first, and its host gives it the whole duration at once", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP, lockDuration: 20_000 });
  await offers(space, host.id, 1);
  const jobId = await submit(space, "default", "untilAborted", []);
  const lock = space.keys.jobLock("default", jobId);
  await until(async () => (await space.client.pttl(lock)) > 10_000, { timeout: 8_000 });
  expect(await space.client.get(lock)).toBe(`${host.id}:1:1`);
});

test("more calls than slots run in their order, and each once", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP });
  await offers(space, host.id, 1);
  const ids: string[] = [];
  for (let call = 0; call < 6; call += 1) ids.push(await submit(space, "default", "sleep", [20]));
  for (const id of ids) await resultOf(space, "default", id);
  const jobs = await Promise.all(ids.map((id) => space.job("default", id)));
  const times = jobs.map((job) => job?.finishedOn ?? 0);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(jobs.map((job) => job?.attemptsStarted)).toEqual([1, 1, 1, 1, 1, 1]);
});

test("calls that are added together are assigned to as many slots as hosts offer", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 3, processes: 0, stalledInterval: NO_SWEEP });
  await offers(space, host.id, 3);
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close());
  const pool = mp.pool(undefined, { name: "default" });
  const results = [1, 2, 3, 4, 5].map((x) => pool.apply("square", [x], { attempts: 1 }));
  expect(await Promise.all(results)).toEqual([1, 4, 9, 16, 25]);
  expect((await bookOf(space, host.id)).given).toBeGreaterThanOrEqual(3);
});

test("a job is not assigned where an older one waits", async () => {
  // given a job of which no host has heard
  const space = new TestNamespace(redis);
  const { hostId, assigned } = await offering(space, "one");
  const older = await space.submit("default", "square", [1]);
  // when
  const younger = await submit(space, "default", "square", [2]);
  // then
  expect(assigned).toEqual([]);
  expect(await bookOf(space, hostId)).toEqual({ given: 0, open: 1 });
  expect(await space.client.lrange(space.keys.queue("default", "wait"), 0, "-1")).toEqual([younger, older]);
  expect(await space.client.zrange(space.keys.queue("default", "marker"), 0, "-1")).toEqual(["0"]);
});

test("a job of a pool that is paused, at its size or limited is not assigned, and the offer stands", async () => {
  const space = new TestNamespace(redis);
  for (const name of ["paused", "capped", "limited"]) await space.pool(name);
  const pools = ["paused", "capped", "limited"];
  const { hostId } = await offering(space, "one", { slots: 4, pools });
  await space.queue("paused").pause();
  await space.queue("capped").setGlobalConcurrency(1);
  await space.queue("limited").setGlobalRateLimit(1, HOUR);
  for (const pool of pools) for (const x of [1, 2]) await submit(space, pool, "square", [x]);
  await until(() => bookOf(space, hostId).then(({ given }) => given === 2));
  // The first job of those two pools is in hand, and no other.
  const active = await Promise.all(pools.map((pool) => space.queue(pool).getJobCounts("active", "waiting")));
  expect(active).toEqual([
    { active: 0, waiting: 2 },
    { active: 1, waiting: 1 },
    { active: 1, waiting: 1 },
  ]);
  expect(await bookOf(space, hostId)).toEqual({ given: 2, open: 2 });
});

test("in a capped pool with assigned jobs, the next job starts when one ends", async () => {
  const space = new TestNamespace(redis);
  await space.pool("single", { size: 1 });
  const hosts: WorkerHost[] = [];
  for (const name of ["first", "second"]) {
    hosts.push(await space.host({ slots: 2, processes: 0, stalledInterval: NO_SWEEP, name }));
  }
  for (const host of hosts) await offers(space, host.id, 2, "single");
  const ids = await Promise.all(Array.from({ length: 8 }, () => submit(space, "single", "sleep", [10])));
  for (const id of ids) await resultOf(space, "single", id);
  const jobs = await Promise.all(ids.map((id) => space.job("single", id)));
  const runs = jobs.map((job) => [job?.processedOn ?? 0, job?.finishedOn ?? 0]).sort(([a = 0], [b = 0]) => a - b);
  for (const [index, [begun = 0]] of runs.entries()) {
    if (index > 0) expect(begun).toBeGreaterThanOrEqual((runs[index - 1]?.[1] ?? 0) - 1);
  }
});

test("a job goes only to a host that serves its pool and knows its task, and hosts take turns", async () => {
  const space = new TestNamespace(redis);
  for (const name of ["jobs", "other"]) await space.pool(name);
  const one = await offering(space, "one", { slots: 3, pools: ["jobs"], tasks: ["square", "pid"] });
  const two = await offering(space, "two", { slots: 3, pools: ["jobs", "other"] });
  const given = async (): Promise<number[]> => [
    (await bookOf(space, one.hostId)).given,
    (await bookOf(space, two.hostId)).given,
  ];
  await submit(space, "jobs", "sleep", [1]);
  expect(await given()).toEqual([0, 0]);
  await space.queue("jobs").drain();
  await submit(space, "jobs", "pid", []);
  expect(await given()).toEqual([1, 0]);
  await submit(space, "other", "square", [1]);
  expect(await given()).toEqual([1, 1]);
  await submit(space, "jobs", "square", [1]);
  await submit(space, "jobs", "square", [2]);
  expect(await given()).toEqual([2, 2]);
});

test("a pool that a host no longer serves is not assigned to it", async () => {
  const space = new TestNamespace(redis);
  const { hostId, offers: made } = await offering(space, "one");
  made.serve("default", false);
  await until(async () => (await space.client.hexists(space.keys.hostOffers(hostId), "p:default")) === 0);
  await submit(space, "default", "square", [1]);
  expect(await bookOf(space, hostId)).toEqual({ given: 0, open: 1 });
});

test("an offer that was not renewed has ended: the job waits, and is announced", async () => {
  const space = new TestNamespace(redis);
  const { hostId } = await offering(space, "one");
  await space.client.del(space.keys.offerRenewal(hostId));
  const jobId = await submit(space, "default", "square", [1]);
  expect(await space.queue("default").getJobState(jobId)).toBe("waiting");
  expect(await space.client.zrange(space.keys.queue("default", "marker"), 0, "-1")).toEqual(["0"]);
  expect(await space.client.exists(space.keys.offers)).toBe(0);
  // and the next renewal brings the host back
  await until(async () => (await space.client.zscore(space.keys.offers, hostId)) !== null);
});

test("a submission that is sent twice adds and assigns once", async () => {
  const space = new TestNamespace(redis);
  const { hostId, offers: made, slots, assigned } = await offering(space, "one", { slots: 2 });
  const call = { pool: "default", task: "square", args: [3], options: { jobId: "twice" }, maxPayload: 1_000 };
  for (const _ of [1, 2]) await submitDetached({ client: space.client, keys: space.keys }, call);
  expect(await bookOf(space, hostId)).toEqual({ given: 1, open: 1 });
  // and the host has it once, though it hears of it twice: from a renewal, and from its wait
  made.renew();
  await until(() => assigned.length > 0);
  const [message = ""] = await space.client.zrange(space.keys.hostWake(hostId), 0, "-1");
  made.heard(message);
  expect(assigned).toMatchObject([{ pool: "default", id: "twice", token: `${hostId}:1:1` }]);
  expect(slots.held).toBe(1);
  expect(slots.idle).toBe(1);
});

test("a job whose message was lost comes with the next renewal", async () => {
  const space = new TestNamespace(redis);
  const { hostId, assigned } = await offering(space, "one");
  const jobId = await submit(space, "default", "square", [3]);
  await space.client.del(space.keys.hostWake(hostId));
  await until(() => assigned.length > 0);
  expect(assigned).toMatchObject([{ id: jobId, fields: expect.arrayContaining(["name", "square"]) }]);
  // and once the host has said so, it is not kept
  await until(async () => (await space.client.hexists(space.keys.hostOffers(hostId), "a:1")) === 0);
});

test("a host to which nothing happens renews its offers with one command and no script", async () => {
  // given
  const space = new TestNamespace(redis);
  const { hostId, slots } = await offering(space, "one");
  const renewal = (): Promise<string | null> => space.client.get(space.keys.offerRenewal(hostId));
  const first = await renewal();
  const [scripts, sets] = [await callsOf(space, "evalsha"), await callsOf(space, "set")];
  // when
  await until(async () => (await renewal()) !== first, { what: "the offers are renewed" });
  // then
  expect(await callsOf(space, "evalsha")).toBe(scripts);
  expect(await callsOf(space, "set")).toBe(sets + 1);
  expect(slots.held).toBe(1);
  expect(await space.client.pttl(space.keys.offerRenewal(hostId))).toBeGreaterThan(1_000);
});

test("slots that were offered are free once the offer is withdrawn, but for those of jobs that came meanwhile", async () => {
  const space = new TestNamespace(redis);
  const { hostId, offers: made, slots, assigned } = await offering(space, "one", { slots: 3 });
  expect(slots.free).toBe(0);
  const jobId = await submit(space, "default", "square", [3]);
  await made.withdraw();
  expect(slots.free).toBe(2);
  expect(assigned).toMatchObject([{ id: jobId }]);
  expect(await bookOf(space, hostId)).toEqual({ given: 1, open: 0 });
  const later = await submit(space, "default", "square", [4]);
  expect(await space.queue("default").getJobState(later)).toBe("waiting");
});

test("a host whose offers Redis has forgotten offers them again", async () => {
  const space = new TestNamespace(redis);
  const { hostId, slots, assigned } = await offering(space, "one", { slots: 2 });
  await space.client.del(space.keys.hostOffers(hostId), space.keys.offerRenewal(hostId), space.keys.offers);
  await until(async () => (await bookOf(space, hostId)).open === 2);
  expect(slots.held).toBe(2);
  await submit(space, "default", "square", [3]);
  await until(() => assigned.length > 0);
  expect(assigned).toMatchObject([{ token: `${hostId}:2:1` }]);
});

test("a host without a connection for its wait offers nothing", async () => {
  const space = new TestNamespace(redis);
  const { hostId, offers: made, slots } = await offering(space, "one");
  made.connected(false);
  await until(async () => (await bookOf(space, hostId)).open === 0);
  expect(slots.free).toBe(1);
  made.connected(true);
  await until(async () => (await bookOf(space, hostId)).open === 1);
});

test("a key of another type in the place of the offers keeps no call from its host", async () => {
  const space = new TestNamespace(redis);
  await space.host({ slots: 1, processes: 0, stalledInterval: 500 });
  await space.client.del(space.keys.offers);
  await space.client.set(space.keys.offers, "not a set");
  expect(await resultOf(space, "default", await submit(space, "default", "square", [3]))).toBe(9);
});

test("a hash of offers that holds anything else stops no call, and no Redis", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 1, processes: 0, stalledInterval: 200 });
  const key = space.keys.hostOffers(host.id);
  const next = async () => `a:${Number(await space.client.hget(key, "given")) + 1}`;
  for (const [name, value] of [
    ...[
      ["offered", "many"],
      ["given", "none"],
      ["given", "-1"],
      ["given", "1e300"],
      ["given", "90000000"],
    ],
    ...[
      ["ends", "soon"],
      ["lock", "-5"],
      ["lock", "long"],
      ["epoch", "first"],
    ],
    ...[
      ["assigned", "{"],
      ["assigned", "[null,1]"],
    ],
  ] as [string, string][]) {
    await offers(space, host.id, 1);
    // when
    if (name === "assigned") await space.client.hset(key, await next(), value, "given", (await next()).slice(2));
    else await space.client.hset(key, name, value);
    // then
    const jobId = await submit(space, "default", "square", [3]);
    expect(await resultOf(space, "default", jobId), `${name} is ${value}`).toBe(9);
  }
  await offers(space, host.id, 1);
});

test("messages of assigned jobs that cannot be read are left out", async () => {
  const space = new TestNamespace(redis);
  const { hostId, offers, slots, assigned } = await offering(space, "one");
  const epoch = (await space.client.hget(space.keys.hostOffers(hostId), "epoch")) as string;
  for (const message of [
    ...[[], [epoch], [epoch, "1", "0", "default", "id", 0, []], [epoch, 1, "0", "default", "id", 0, "name"]],
    ...[
      [epoch, 1, "0", null, "id", 0, ["name", "square"]],
      [epoch, 1e300, "0", "default", "id", 0, ["name", "square"]],
    ],
    ...[
      [epoch, 1, "0", "default", { id: 1 }, 0, ["name", "square"]],
      [epoch, 1, "0", "default", "id", 0, [1]],
    ],
  ]) {
    expect(offers.heard(JSON.stringify(message))).toBe(false);
  }
  expect({ assigned, held: slots.held }).toEqual({ assigned: [], held: 1 });
});

test("a job is added where a key that only the take needs holds another type", async () => {
  const space = new TestNamespace(redis);
  const { hostId } = await offering(space, "one");
  await space.client.set(space.keys.queue("default", "prioritized"), "not a set");
  await space.client.set(space.keys.queue("default", "delayed"), "not a set");
  const jobId = await submit(space, "default", "square", [3]);
  expect(await space.client.lrange(space.keys.queue("default", "wait"), 0, "-1")).toEqual([jobId]);
  expect(await bookOf(space, hostId)).toEqual({ given: 0, open: 1 });
});

test("a job whose arguments are long is assigned and read by its host", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP });
  await offers(space, host.id, 1);
  const text = "x".repeat(50_000);
  const jobId = await submit(space, "default", "remember", [text]);
  await resultOf(space, "default", jobId);
  expect(await bookOf(space, host.id)).toMatchObject({ given: 1 });
});

test("a job of a foreign producer reaches a host that offers all its slots", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 1, processes: 0, stalledInterval: NO_SWEEP });
  for (let round = 1; round <= 3; round += 1) {
    await offers(space, host.id, 1);
    expect(await space.answer(await space.submit("default", "square", [round]))).toMatchObject({
      value: round * round,
    });
  }
});

test("no slot is used twice where jobs are assigned and announced at the same time", async () => {
  // given
  const space = new TestNamespace(redis);
  for (const name of ["announced", "assigned"]) await space.pool(name);
  const host = await space.host({ slots: 1, processes: 0, stalledInterval: 500 });
  for (const name of ["announced", "assigned"]) await offers(space, host.id, 1, name);
  // when
  const ids: [pool: string, id: string][] = [];
  for (let round = 0; round < 20; round += 1) {
    const [one, two] = await Promise.all([
      space.submit("announced", "sleep", [3]),
      submit(space, "assigned", "sleep", [3]),
    ]);
    ids.push(["announced", one], ["assigned", two]);
    if (round % 4 === 0) await Promise.all(ids.map(([pool, id]) => resultOf(space, pool, id)));
  }
  // then
  for (const [pool, id] of ids) await resultOf(space, pool, id);
  const jobs = await Promise.all(ids.map(([pool, id]) => space.job(pool, id)));
  const runs = jobs.map((job) => [job?.processedOn ?? 0, job?.finishedOn ?? 0]).sort(([a = 0], [b = 0]) => a - b);
  for (const [index, [begun = 0]] of runs.entries()) {
    if (index > 0) expect(begun).toBeGreaterThanOrEqual((runs[index - 1]?.[1] ?? 0) - 1);
  }
  expect(jobs.every((job) => job?.attemptsStarted === 1)).toBe(true);
  // and all slots are offered again
  await offers(space, host.id, 1);
});

test("a slot that was assigned is not taken back for another job", async () => {
  const space = new TestNamespace(redis);
  await space.pool("jobs");
  const one = await offering(space, "one");
  const worker = new QueueWorker({
    queue: "jobs",
    name: "one/1",
    client: space.client as never,
    keys: space.keys,
    concurrency: 1,
    lockDuration: 8_000,
    stalledInterval: NO_SWEEP,
    slots: one.slots,
    fence: new Fence({ lockDuration: 8_000 }),
    fetcher: new Fetcher({
      client: space.client as never,
      wait: { next: async () => null, wake() {}, close() {} },
    }),
    routing: {
      hostId: "one",
      initializer: () => null,
      knows: () => true,
      priorities: () => "",
      announce: async () => {},
    },
    isReady: () => true,
    whenServed: async () => {},
    run: async () => ({}) as never,
    onUnreadable: async () => {},
  });
  onTestFinished(() => worker.close(true));
  // given a slot that is assigned before the script that takes it back runs
  const waits = await space.submit("jobs", "square", [1]);
  const given = await submit(space, "default", "square", [2]);
  const slot = one.offers.takeBack();
  expect(one.slots.idle).toBe(0);
  // when
  const { took, isKept } = await worker.fetch(slot);
  // then
  expect([took, isKept]).toEqual([false, true]);
  expect(await space.queue("jobs").getJobState(waits)).toBe("waiting");
  one.slots.release();
  if (slot) await one.offers.keep(slot);
  expect(one.assigned.map(({ id }) => id)).toEqual([given]);
  expect([one.slots.idle, one.slots.held]).toEqual([0, 0]);
});

test("a host that stops takes its offers back and runs what it was given", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 2, processes: 0, stalledInterval: NO_SWEEP });
  await offers(space, host.id, 2);
  const given = await submit(space, "default", "sleep", [50]);
  await host.stop({ grace: 5_000 });
  expect(await resultOf(space, "default", given)).toBeDefined();
  expect(await space.client.exists(space.keys.offers, space.keys.hostOffers(host.id))).toBe(0);
  const later = await submit(space, "default", "square", [2]);
  expect(await space.queue("default").getJobState(later)).toBe("waiting");
});

test("a host that is frozen with an offer does not run the job that was assigned to it, which another one runs", async () => {
  // given a frozen host that offers a slot, and another one
  const space = new TestNamespace(redis);
  const options = { slots: 1, processes: 0, lockDuration: 500, stalledInterval: 200 };
  const frozen = await startSeparateHost(space, redis.url, { ...options, name: "frozen" });
  const [{ id = "" } = {}] = (await space.hosts()) ?? [];
  await offers(space, id, 1);
  frozen.process.kill("SIGSTOP");
  // when
  const jobId = await submit(space, "default", "pid", []);
  expect(await bookOf(space, id)).toMatchObject({ given: 1 });
  await space.host({ ...options, name: "other" });
  // then
  const job = await until(async () => {
    const found = await space.job("default", jobId);
    return found?.finishedOn ? found : undefined;
  });
  expect(job.returnvalue).toMatchObject({ host: "other" });
  // and when it wakes, the frozen one leaves it alone and goes on
  frozen.process.kill("SIGCONT");
  await offers(space, id, 1);
  expect((await space.job("default", jobId))?.returnvalue).toEqual(job.returnvalue);
});
