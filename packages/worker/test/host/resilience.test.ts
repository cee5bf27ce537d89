import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, PoolTerminatedError } from "@manyhands/core";
import {
  childPids,
  processIsAlive,
  temporaryFolder,
  testDistance,
  until,
  useFaultProxy,
  useRedis,
} from "@manyhands/testing";
import { Worker } from "bullmq";
import { expect, onTestFinished, test, vi } from "vitest";
import { ChildPool } from "../../src/children/child-pool.ts";
import type { WorkerHost } from "../../src/index.ts";
import { TestNamespace } from "./namespace.ts";
import { startSeparateHost } from "./separate-host.ts";

const redis = useRedis();

test("the health endpoints tell the truth while Redis is away and after it is back", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host({ healthPort: 0 });
  expect((await health(host, "readyz")).status).toBe(200);
  expect((await health(host, "healthz")).status).toBe(200);
  expect((await health(host, "nothing")).status).toBe(404);
  // when
  redis.pause();
  onTestFinished(() => redis.resume());
  // then
  const away = await until(async () => {
    const answer = await health(host, "readyz");
    return answer.status === 503 && answer;
  });
  expect(away.body.checks.redis.reason).toMatch(/Redis has not answered for \d+ ms/);
  expect((await health(host, "healthz")).status).toBe(200);
  await until(() => space.logs.some((line) => line.startsWith("warn: Redis is lost")));
  redis.resume();
  await until(async () => (await health(host, "readyz")).status === 200);
  const jobId = await space.submit("default", "square", [3]);
  expect(await space.answer(jobId)).toMatchObject({ value: 9 });
  // and its log says so once each
  await until(() => space.logs.some((line) => /^warn: Redis is back after [\d.]+ m?s$/.test(line)));
  expect(space.logs.filter((line) => line.startsWith("warn: Redis is"))).toHaveLength(2);
});

test("a draining host is not ready", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ healthPort: 0 });
  const jobId = await space.submit("default", "sleep", [600]);
  await space.untilState("default", jobId, "active");
  const drained = host.drain();
  const answer = await health(host, "readyz");
  expect(answer.status).toBe(503);
  expect(answer.body.checks.state.reason).toContain("draining");
  await drained;
  expect(await space.answer(jobId)).toMatchObject({ ok: true });
});

test("while Redis is frozen a strict host kills its child before the lock can pass to another", async () => {
  const space = new TestNamespace(redis);
  const file = join(temporaryFolder(), "notes");
  const host = await space.host({ slots: 1, lockDuration: 2_000, stalledInterval: 500 });
  const jobId = await space.submit("default", "noteAndSpin", [file, 4_000]);
  const child = Number((await until(() => readFileSync(file, "utf8").match(/start (\d+)/)))[1]);
  redis.pause();
  onTestFinished(() => redis.resume());
  const frozenAt = performance.now();
  await until(() => !processIsAlive(child));
  expect(performance.now() - frozenAt).toBeLessThan(2_000);
  await until(() => host.record().running.length === 0);
  redis.resume();
  expect(await space.answer(jobId, 0, 20_000)).toMatchObject({ ok: true });
  expect(readFileSync(file, "utf8").match(/end/g)).toHaveLength(1);
});

test("while Redis is frozen a lenient pool's child works on", async () => {
  const space = new TestNamespace(redis);
  const file = join(temporaryFolder(), "notes");
  await space.pool("lenient", { fence: "lenient" });
  await space.host({ slots: 1, lockDuration: 1_000, stalledInterval: 500 });
  const jobId = await space.submit("lenient", "noteAndSpin", [file, 3_000]);
  await until(() => readFileSync(file, "utf8").includes("start"));
  redis.pause();
  onTestFinished(() => redis.resume());
  await until(() => readFileSync(file, "utf8").includes("end"));
  redis.resume();
  expect(await space.answer(jobId, 0, 20_000)).toMatchObject({ ok: true });
});

test("a restarted Redis is worked with again, with and without its data", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host();
  await space.pool("capped", { size: 1 });
  expect(await space.answer(await space.submit("capped", "square", [2]))).toMatchObject({ value: 4 });
  await redis.killHard();
  await redis.restart();
  expect(await space.answer(await space.submit("capped", "square", [3]), 0, 20_000)).toMatchObject({ value: 9 });
  await redis.restart({ keepData: false });
  const jobId = await space.submit("default", "square", [4]);
  await space.untilState("default", jobId, "completed");
  await until(async () => (await space.hosts()).some(({ id }) => id === host.id));
  await space.pool("capped", { size: 1 });
  const ids = await Promise.all([1, 2, 3].map(() => space.submit("capped", "sleep", [300])));
  await until(() => host.record().running.length > 0);
  expect(await space.queue("capped").getGlobalConcurrency()).toBe(1);
  for (const id of ids) await space.untilState("capped", id, "completed");
});

test("connections that break all the time lose no job and answer each", async () => {
  const space = new TestNamespace(redis);
  const proxy = await useFaultProxy(redis.url);
  await space.host({ redis: proxy.url, slots: 4 });
  // Each connection lives for long enough to sign in and to do something.
  const cutting = setInterval(() => proxy.cut(), 300 + 20 * testDistance());
  onTestFinished(() => clearInterval(cutting));
  const ids: string[] = [];
  for (let x = 0; x < 100; x += 1) ids.push(await space.submit("default", "square", [x]));
  for (const [x, jobId] of ids.entries()) expect(await space.answer(jobId, 0, 40_000)).toMatchObject({ value: x * x });
  // and the log says that Redis was lost, and not by which calls of the system
  expect(space.logs.some((line) => line.startsWith("warn: Redis is lost"))).toBe(true);
  expect(space.logs.filter((line) => /E(CONNRESET|PIPE|CONNREFUSED)/.test(line))).toEqual([]);
});

test.each([
  { what: "the look for a job", command: "/parked", isFull: false },
  { what: "the end of the one before", command: "/kept-tasks", isFull: true },
])("a job that was taken by a command whose answer was lost, $what, goes back in line at once", async (lost) => {
  // given a host that keeps its locks for long, and a call that runs on
  const space = new TestNamespace(redis);
  const proxy = await useFaultProxy(redis.url);
  await space.host({ redis: proxy.url, slots: 2, lockDuration: 60_000, stalledInterval: 60_000 });
  expect(await space.answer(await space.submit("default", "square", [2]))).toMatchObject({ value: 4 });
  const file = join(temporaryFolder(), "gate");
  const gates = [`${file}.longer`, ...(lost.isFull ? [`${file}.before`] : [])];
  const others = await Promise.all(gates.map((gate) => space.submit("default", "untilFile", [gate])));
  for (const id of others) await space.untilState("default", id, "active");
  // and no look is under way that began before the job is there
  let [seenAt, isArmed] = [performance.now(), false];
  const isLost = proxy.dropReplies((command) => {
    if (!command.includes(lost.command)) return false;
    seenAt = performance.now();
    return isArmed;
  });
  await until(() => performance.now() - seenAt > 500, { what: "the host looks for nothing" });
  isArmed = true;
  // when
  const jobId = await space.submit("default", "square", [7]);
  if (lost.isFull) writeFileSync(`${file}.before`, "");
  await isLost;
  // then
  expect(await space.answer(jobId, 0, 10_000)).toMatchObject({ value: 49 });
  // and what runs stays where it is
  writeFileSync(`${file}.longer`, "");
  for (const id of others) expect(await space.answer(id)).toMatchObject({ ok: true });
  const jobs = await Promise.all([...others, jobId].map((id) => space.job("default", id)));
  expect(jobs.map((job) => job?.attemptsStarted)).toEqual([...others.map(() => 1), 2]);
});

test("an idle host stops in well under a second and leaves nothing behind", async () => {
  const space = new TestNamespace(redis);
  await space.pool("second");
  // A busy machine may hold up one of them.
  let fastest = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 4 && fastest > 900; tries += 1) {
    const host = await space.host();
    expect(await space.answer(await space.submit("second", "square", [2]))).toMatchObject({ value: 4 });
    const children = host.record().children.map(({ pid }) => pid);
    expect(children.length).toBeGreaterThan(0);
    const startedAt = performance.now();
    await host.stop();
    fastest = Math.min(fastest, performance.now() - startedAt);
    await host.closed;
    expect(await space.hosts()).toEqual([]);
    expect(await space.client.zcard(space.keys.hosts)).toBe(0);
    await until(() => children.every((pid) => !processIsAlive(pid)));
  }
  expect(fastest).toBeLessThan(900);
});

test("stop waits for running jobs; when the grace is over they go back without using up an attempt", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 2 });
  const quick = await space.submit("default", "sleep", [300]);
  const slow = await space.submit("default", "sleep", [60_000]);
  for (const jobId of [quick, slow]) await space.untilState("default", jobId, "active");
  await host.stop({ grace: 1_500 });
  expect(await space.answer(quick, 0, 100)).toMatchObject({ ok: true });
  expect(await space.queue("default").getJobState(slow)).toBe("waiting");
  expect((await space.job("default", slow))?.attemptsMade).toBe(0);
});

test("a job is given back with its tries, its priority and without a delay, also between two tries", async () => {
  // given a job that has failed once and runs again, and one with a priority
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 2 });
  const file = join(temporaryFolder(), "gate");
  const job = { attempts: 3, backoff: { type: "fixed", delay: 50 } };
  const again = await space.submit("default", "failOnceThenWait", [file], { job });
  const urgent = await space.submit("default", "untilFile", [file], { job: { priority: 5, delay: 20 } });
  await until(() => host.record().running.length === 2 && existsSync(`${file}.waits`));
  // when
  await host.stop({ grace: 0 });
  // then
  expect(await space.queue("default").getJobState(again)).toBe("waiting");
  expect((await space.job("default", again))?.attemptsMade).toBe(1);
  expect(await space.queue("default").getJobState(urgent)).toBe("prioritized");
  expect(await space.job("default", urgent)).toMatchObject({ attemptsMade: 0, priority: 5 });
  // and another host runs them at once
  writeFileSync(file, "");
  await space.host({ name: "second" });
  for (const id of [again, urgent]) expect(await space.answer(id)).toMatchObject({ ok: true, host: "second" });
});

test("a second stop hurries the first", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host();
  const jobId = await space.submit("default", "spin", []);
  await space.untilState("default", jobId, "active");
  const stopped = host.drain();
  const hurriedAt = performance.now();
  await host.stop({ grace: 0 });
  await stopped;
  expect(performance.now() - hurriedAt).toBeLessThan(2_500);
  expect(await space.queue("default").getJobState(jobId)).toBe("waiting");
});

test("a job given back by a host that leaves is taken at once by another", async () => {
  const space = new TestNamespace(redis);
  const leaving = await space.host({ slots: 1, name: "leaving" });
  const jobId = await space.submit("default", "sleep", [3_000]);
  await space.untilState("default", jobId, "active");
  await space.host({ slots: 1, name: "staying" });
  await leaving.stop({ grace: 0 });
  const answer = await space.answer(jobId, 0, 6_000);
  expect(answer).toMatchObject({ ok: true, host: "staying" });
});

test("a quiet host ends what runs and takes nothing more, neither tasks nor processes, until it is resumed", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 2, healthPort: 0, grace: 500 });
  const file = join(temporaryFolder(), "gate");
  const running = await space.submit("default", "untilFile", [file]);
  await space.untilState("default", running, "active");
  // when
  await host.quiet();
  // then its record says so, it is not ready, and what comes waits
  expect(host.record()).toMatchObject({ state: "quiet", step: "quiet", stepSince: expect.any(Number) });
  expect((await health(host, "readyz")).body.checks.state.reason).toBe("the host is quiet");
  const waiting = await space.submit("default", "square", [3]);
  writeFileSync(file, "");
  expect(await space.answer(running)).toMatchObject({ ok: true });
  await until(() => host.record().running.length === 0);
  expect(await space.queue("default").getJobState(waiting)).toBe("waiting");
  // when
  host.resume();
  // then
  expect(await space.answer(waiting)).toMatchObject({ value: 9 });
  expect(host.record()).toMatchObject({ state: "running", step: null, stepSince: null });
  expect(space.logs.filter((line) => /^info: (quiet|resumed): takes/.test(line))).toHaveLength(2);
});

test("a host takes more, or fewer, tasks at once after it was resized; what runs goes on", async () => {
  // given two slots, and four tasks that stay
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 2 });
  const folder = temporaryFolder();
  const gates = [0, 1, 2, 3].map((index) => join(folder, String(index)));
  const ids: string[] = [];
  for (const gate of gates) ids.push(await space.submit("default", "untilFile", [gate]));
  await until(() => host.record().running.length === 2);
  // when it grows
  host.resize(4);
  // then
  await until(() => host.record().running.length === 4);
  expect(host.record().slots).toBe(4);
  // when it shrinks below what runs
  host.resize(1);
  const last = await space.submit("default", "square", [5]);
  // then nothing is taken until enough have ended
  for (const gate of gates.slice(0, 3)) writeFileSync(gate, "");
  await until(() => host.record().running.length === 1);
  expect(await space.queue("default").getJobState(last)).toBe("waiting");
  writeFileSync(gates[3] as string, "");
  expect(await space.answer(last)).toMatchObject({ value: 25 });
  for (const id of ids) expect(await space.answer(id)).toMatchObject({ ok: true });
  // and of slots that were offered to programs none is left but one
  const offered = async () =>
    (await space.client.hmget(space.keys.hostOffers(host.id), "offered", "given")).map(Number);
  const open = (count: number) =>
    until(async () => {
      const [all = 0, given = 0] = await offered();
      return all - given === count;
    });
  host.resize(4);
  await open(4);
  host.resize(1);
  await open(1);
  await using mp = await connect({ redis: redis.url, namespace: space.name });
  const calls = [1, 2, 3].map(() => mp.pool(undefined, { name: "default" }).applyAsync("sleep", [150]));
  let most = 0;
  await until(() => {
    most = Math.max(most, host.record().running.length);
    return host.record().completed >= 8;
  });
  expect(most).toBe(1);
  for (const call of calls) await call.get({ timeout: 5_000 });
  expect(() => host.resize(0)).toThrow("slots must be a whole number from 1 to 10000; got 0");
});

test("each step of a stop is in the record and the log, and each hurry goes to the next one at once", async () => {
  // given a task that keeps its child busy
  const space = new TestNamespace(redis);
  const facts: unknown[] = [];
  const note = (text: string, more?: { step?: string }): void => void facts.push(more?.step ?? text);
  const host = await space.host({ slots: 1, logger: { info: note, warn: note, error: note } });
  const file = join(temporaryFolder(), "notes");
  const jobId = await space.submit("default", "noteAndSpin", [file, 60_000]);
  await until(() => existsSync(file));
  // when
  const stopped = host.drain();
  await until(() => host.step === "warm");
  host.hurry();
  await until(() => host.step === "cold");
  expect(host.record()).toMatchObject({ state: "draining", step: "cold" });
  const hurriedAt = performance.now();
  host.hurry();
  await stopped;
  // then
  expect(performance.now() - hurriedAt).toBeLessThan(900);
  expect(host.step).toBe("kill");
  expect(facts.filter((fact) => ["quiet", "warm", "cold", "kill"].includes(String(fact)))).toEqual([
    ...["quiet", "warm", "cold", "kill"],
  ]);
  expect(await space.queue("default").getJobState(jobId)).toBe("waiting");
});

test("a host asked to drain over the control channel finishes its job and leaves", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host();
  const jobId = await space.submit("default", "sleep", [500]);
  await space.untilState("default", jobId, "active");
  await space.client.publish(space.keys.hostControl(host.id), JSON.stringify({ type: "drain", grace: null }));
  await host.closed;
  expect(await space.answer(jobId, 0, 200)).toMatchObject({ ok: true });
});

test("a drain that was asked for can be stopped while something runs, and the host takes work again", async () => {
  // given a host that drains, with a task that stays
  const space = new TestNamespace(redis);
  const host = await space.host();
  const file = join(temporaryFolder(), "gate");
  const running = await space.submit("default", "untilFile", [file]);
  await space.untilState("default", running, "active");
  const ask = (message: object): Promise<number> =>
    space.client.publish(space.keys.hostControl(host.id), JSON.stringify(message));
  await ask({ type: "drain", grace: null });
  await until(() => host.record().state === "draining");
  expect(host.record()).toMatchObject({ step: "warm", canResume: true });
  const waiting = await space.submit("default", "square", [3]);
  // when
  await ask({ type: "resume" });
  // then what waited is done, what ran goes on, and the host stays
  expect(await space.answer(waiting)).toMatchObject({ value: 9 });
  expect(host.record()).toMatchObject({ state: "running", step: null, canResume: false });
  expect(space.logs).toContainEqual(expect.stringMatching(/^info: resumed: its drain was stopped/));
  // when it is drained again, with a time that what runs does not keep
  await ask({ type: "drain", grace: 100_000 });
  await until(() => host.record().canResume === true);
  await ask({ type: "drain", grace: 0 });
  // then
  await host.closed;
  expect(host.record()).toMatchObject({ state: "draining", canResume: false });
  expect(await space.queue("default").getJobState(running)).toBe("waiting");
  host.resume();
  expect(host.record()).toMatchObject({ state: "draining" });
});

test("SIGTERM ends a host's process and its children, also while Redis is away", async () => {
  const space = new TestNamespace(redis);
  const proxy = await useFaultProxy(redis.url);
  const host = await startSeparateHost(space, proxy.url, { name: "cut-off", grace: 1_000 });
  const jobId = await space.submit("default", "spin", []);
  await space.untilState("default", jobId, "active");
  const children = childPids(host.pid);
  await proxy.refuse();
  process.kill(host.pid, "SIGTERM");
  expect(await host.exited).toBe(0);
  expect(host.output()).toContain("closed");
  // What it does for the fleet is left to another host: nothing of that waits for Redis.
  expect(host.output()).not.toMatch(/(duties of the fleet|index of tasks): not over/);
  await until(() => children.every((pid) => !processIsAlive(pid)));
}, 300_000);

test.each(["process", "thread", "inline"] as const)(
  "when the grace time is over, a task (%s) that listens to its signal is asked to stop before it is killed",
  async (isolation) => {
    // given a task that cleans up when its signal is aborted, and fails then
    const space = new TestNamespace(redis);
    const file = join(temporaryFolder(), "notes");
    const first = await space.host({ slots: 2, isolation });
    const listening = await space.submit("default", "noteAbort", [file]);
    const finishing = await space.submit("default", "finishWhenAborted", [file]);
    await until(() => existsSync(file) && readFileSync(file, "utf8") === "waits\nwaits\n");
    // when
    await first.stop({ grace: 0 });
    // then what it did counts: a value is the answer, and an error leaves the job with all its attempts
    expect(readFileSync(file, "utf8")).toMatch(/^waits\nwaits\nCancelledError: .*its host stops; it will run again\n$/);
    expect(await space.answer(finishing)).toMatchObject({ ok: true, value: "finished in time" });
    const job = await space.queue("default").getJob(listening);
    expect(await job?.getState()).toBe("waiting");
    expect(job?.attemptsMade).toBe(0);
  },
);

interface HealthAnswer {
  status: number;
  body: {
    checks: Record<string, { ok: boolean; reason?: string }> & { redis: { reason: string }; state: { reason: string } };
  };
}

async function health(host: WorkerHost, path: string): Promise<HealthAnswer> {
  const response = await fetch(`http://127.0.0.1:${host.healthPort}/${path}`);
  return { status: response.status, body: (await response.json()) as HealthAnswer["body"] };
}

/** Keeps the next job that is fetched from its worker until `late` resolves; `arrived` when there is one. */
function delayFetch(): { late: PromiseWithResolvers<void>; arrived: Promise<void>; end: () => void } {
  const [late, arrived] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const prototype = Worker.prototype as unknown as { moveToActive(...args: unknown[]): Promise<unknown> };
  const moveToActive = prototype.moveToActive;
  const fetching = vi.spyOn(prototype, "moveToActive").mockImplementation(async function (this: unknown, ...args) {
    const job = await Reflect.apply(moveToActive, this, args);
    if (job === undefined) return job;
    arrived.resolve();
    await late.promise;
    return job;
  });
  onTestFinished(() => fetching.mockRestore());
  return { late, arrived: arrived.promise, end: () => fetching.mockRestore() };
}

test("a job that arrives when its host gives back what runs goes back as well", async () => {
  // given a fetch whose answer is late
  const space = new TestNamespace(redis);
  const fetching = delayFetch();
  const host = await space.host();
  const jobId = await space.submit("default", "square", [7]);
  await fetching.arrived;
  // when
  const stopping = vi.spyOn(ChildPool.prototype, "close");
  onTestFinished(() => stopping.mockRestore());
  const stopped = host.stop({ grace: 0 });
  await vi.waitFor(() => expect(stopping).toHaveBeenCalled(), 30_000);
  fetching.late.resolve();
  await stopped;
  fetching.end();
  // then
  await space.host({ name: "second" });
  expect(await space.answer(jobId)).toMatchObject({ ok: true, value: 49, host: "second" });
});

test("a job that arrives when its pool has just been terminated is answered so", async () => {
  const space = new TestNamespace(redis);
  const fetching = delayFetch();
  await space.pool("short");
  await space.host();
  const jobId = await space.submit("short", "square", [7]);
  await fetching.arrived;
  const closing = vi.spyOn(ChildPool.prototype, "close");
  onTestFinished(() => closing.mockRestore());
  await space.registry.terminate("short", null);
  await vi.waitFor(() => expect(closing).toHaveBeenCalled(), 5_000);
  fetching.late.resolve();
  expect((await space.answer(jobId)).value).toBeInstanceOf(PoolTerminatedError);
});
