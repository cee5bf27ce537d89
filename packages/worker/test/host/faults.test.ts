import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CancelledError, TimeoutError, WorkerLostError } from "@manyhands/core";
import { JOB_CANCEL_FIELD } from "@manyhands/core/internal";
import { childPids, processIsAlive, temporaryFolder, testDistance, until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { TestNamespace } from "./namespace.ts";
import { startSeparateHost } from "./separate-host.ts";

const redis = useRedis();

test("a killed host's job runs again on another within 15 seconds, and its children are gone", async () => {
  // given
  const space = new TestNamespace(redis);
  const victim = await startSeparateHost(space, redis.url, { name: "victim" });
  const jobId = await space.submit("default", "sleepOn", ["victim", 60_000]);
  await space.untilState("default", jobId, "active");
  const children = await until(() => {
    const pids = childPids(victim.pid);
    return pids.length > 0 && pids;
  });
  await space.host({ name: "survivor" });
  // when
  const killedAt = performance.now();
  process.kill(victim.pid, "SIGKILL");
  // then
  await until(() => children.every((pid) => !processIsAlive(pid)));
  const answer = await space.answer(jobId, 0, 25_000);
  expect(answer).toMatchObject({ ok: true, host: "survivor" });
  expect(performance.now() - killedAt).toBeLessThan(15_000);
  await until(async () => (await space.hosts()).length === 1);
  const words = `warn: task "sleepOn" (${jobId}) of pool "default" was taken over: the host that ran it is gone`;
  await until(() => space.logs.includes(words));
});

test("PL20: a child that is killed costs its call a WorkerLostError, or an attempt", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host();
  const killChild = async (): Promise<void> => {
    const running = await until(() => host.record().running.find(({ pid }) => pid !== process.pid));
    process.kill(running.pid, "SIGKILL");
    await until(() => !host.record().running.some(({ pid }) => pid === running.pid));
  };
  const lost = await space.submit("default", "sleep", [60_000]);
  await killChild();
  const { value } = await space.answer(lost);
  expect(value).toBeInstanceOf(WorkerLostError);
  expect((value as Error).message).toContain("SIGKILL");
  const again = await space.submit("default", "sleep", [500], { job: { attempts: 2 } });
  await killChild();
  expect(await space.answer(again)).toMatchObject({ ok: true });
});

test("of several calls in a job, only the one that ends its child is lost", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const calls = Array.from({ length: 20 }, (_, x) => [13, x]);
  const jobId = await space.submitCalls("default", "exitWhen", calls);
  const answers = await space.answers(jobId, 20);
  answers.forEach(({ ok, value }, x) => {
    if (x === 13) expect(value).toBeInstanceOf(WorkerLostError);
    else expect([ok, value]).toEqual([true, x]);
  });
  expect(answers[13]).toMatchObject({ value: { message: expect.stringContaining("exited with code 7") } });
  await space.untilState("default", jobId, "failed");
  expect((await space.job("default", jobId))?.failedReason).toContain("1 of 20 calls failed");
});

test("a task that runs out of memory is told so, and the host serves on", async () => {
  const space = new TestNamespace(redis);
  await space.host({ maxHeap: 64 });
  const jobId = await space.submit("default", "exhaustMemory", []);
  const { value } = await space.answer(jobId, 0, 40_000);
  expect(value).toBeInstanceOf(WorkerLostError);
  expect((value as Error).message).toContain("memory");
  expect(await space.answer(await space.submit("default", "square", [2]))).toMatchObject({ value: 4 });
});

test("a call over its time limit loses its child, even in an endless loop", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host();
  const jobId = await space.submit("default", "spin", [], { timeout: 300 });
  const running = await until(() => host.record().running.find(({ pid }) => pid !== process.pid));
  const { value } = await space.answer(jobId);
  expect(value).toBeInstanceOf(TimeoutError);
  expect((value as Error).message).toMatch(/"spin".*300 ms.*killed/);
  expect(processIsAlive(running.pid)).toBe(false);
  const calls = await space.submitCalls("default", "sleep", [[1], [5_000], [2]], { timeout: 300 });
  const answers = await space.answers(calls, 3);
  expect(answers.map(({ ok }) => ok)).toEqual([true, false, true]);
  expect(answers[1]?.value).toBeInstanceOf(TimeoutError);
});

test("a soft time limit aborts the call's signal and spares the child", async () => {
  const space = new TestNamespace(redis);
  await space.host({ slots: 1 });
  const { pid } = await space.answer(await space.submit("default", "square", [1]));
  const jobId = await space.submit("default", "untilAborted", [], { softTimeout: 200 });
  const answer = await space.answer(jobId);
  expect(answer.ok).toBe(false);
  expect(answer.pid).toBe(pid);
  expect(answer.value).toBeInstanceOf(TimeoutError);
});

test("an inline call over its limit is given up, and the error says that it may still run", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submit("default", "inlineSleep", [1_500], { timeout: 200 });
  const { value } = await space.answer(jobId);
  expect(value).toBeInstanceOf(TimeoutError);
  expect((value as Error).message).toContain("inline task cannot be killed");
});

test("a running call is cancelled on another machine, even in an endless loop", async () => {
  const space = new TestNamespace(redis);
  const host = await startSeparateHost(space, redis.url, { name: "far", slots: 2 });
  const cooperative = await space.submit("default", "untilAborted", []);
  const stubborn = await space.submit("default", "spin", []);
  for (const jobId of [cooperative, stubborn]) await space.untilState("default", jobId, "active");
  const cancel = (jobId: string): Promise<number> =>
    space.client.publish(
      space.keys.control,
      JSON.stringify({ type: "cancel", pool: "default", jobId, unit: null, reason: "not wanted" }),
    );
  await until(async () => ((await space.hosts())[0]?.running.length ?? 0) === 2);
  for (const jobId of [cooperative, stubborn]) await cancel(jobId);
  for (const jobId of [cooperative, stubborn]) {
    const { value } = await space.answer(jobId);
    expect(value).toBeInstanceOf(CancelledError);
    expect((value as Error).message).toContain("not wanted");
    await space.untilState("default", jobId, "failed");
  }
  expect(processIsAlive(host.pid)).toBe(true);
  expect(await space.answer(await space.submit("default", "square", [2]))).toMatchObject({ value: 4 });
});

test("a cancellation whose message got lost is found in the job", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ heartbeatInterval: 200 });
  const jobId = await space.submit("default", "untilAborted", []);
  await until(() => host.record().running.some(({ pid }) => pid !== process.pid));
  await space.client.hset(space.keys.job("default", jobId), JOB_CANCEL_FIELD, "asked in the job");
  expect((await space.answer(jobId)).value).toBeInstanceOf(CancelledError);
});

test("a call that is cancelled before its turn costs the call that runs before it nothing", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submitCalls("default", "sleep", [[3_000], [1]]);
  await space.untilState("default", jobId, "active");
  // when
  const cancel = { type: "cancel", pool: "default", jobId, unit: 1, reason: "not wanted" };
  await space.client.publish(space.keys.control, JSON.stringify(cancel));
  // then
  expect((await space.answer(jobId, 1)).value).toBeInstanceOf(CancelledError);
  expect(await space.answer(jobId, 0)).toMatchObject({ ok: true });
  await space.untilState("default", jobId, "failed");
  expect(space.logs.filter((line) => line.includes("was killed"))).toEqual([]);
});

test("one call of a waiting job is cancelled, the others run", async () => {
  const space = new TestNamespace(redis);
  const jobId = await space.submitCalls("default", "sleep", [[100], [50], [60_000], [60]]);
  await space.client.hset(space.keys.job("default", jobId), `${JOB_CANCEL_FIELD}.2`, "only this one");
  await space.host();
  const answers = await space.answers(jobId, 4);
  expect(answers.map(({ ok }) => ok)).toEqual([true, true, false, true]);
  expect(answers[2]?.value).toBeInstanceOf(CancelledError);
});

test("a job that has killed three hosts is set aside, and does not start on a fourth", async () => {
  // given a job that has been lost with two hosts
  const space = new TestNamespace(redis);
  const file = join(temporaryFolder(), "notes");
  const locks = { lockDuration: 1_000, stalledInterval: 200, spares: 0 };
  const third = await startSeparateHost(space, redis.url, { name: "third", ...locks });
  const jobId = await space.submit("default", "killHost", [file]);
  const jobKey = space.keys.job("default", jobId);
  await space.client.hset(jobKey, "stc", 2);
  // when it kills the third
  await third.exited;
  await space.host({ name: "fourth", ...locks });
  // then
  const { value } = await space.answer(jobId, 0, 20_000);
  expect(value).toBeInstanceOf(WorkerLostError);
  expect((value as Error).message).toContain(`task "killHost" (job ${jobId}) was set aside: the 3 hosts that ran it`);
  await space.untilState("default", jobId, "failed");
  expect(readFileSync(file, "utf8").match(/start/g)).toHaveLength(1);
  // and when it is retried on purpose, it counts anew
  await until(async () => (await space.client.hget(jobKey, "stc")) === null);
}, 300_000);

test("a host that was frozen kills its child when it wakes; the job runs to its end elsewhere, once", async () => {
  const space = new TestNamespace(redis);
  const file = join(temporaryFolder(), "notes");
  const locks = { lockDuration: 2_000, stalledInterval: 500 };
  const frozen = await startSeparateHost(space, redis.url, { name: "frozen", ...locks });
  const jobId = await space.submit("default", "noteAndSpin", [file, 6_000 + 100 * testDistance()]);
  const child = Number((await until(() => readFileSync(file, "utf8").match(/start (\d+)/)))[1]);
  await space.host({ name: "other", slots: 1, ...locks });
  process.kill(frozen.pid, "SIGSTOP");
  await until(() => readFileSync(file, "utf8").match(/start/g)?.length === 2, {
    timeout: 8_000 + 100 * testDistance(),
  });
  expect(processIsAlive(child)).toBe(true);
  process.kill(frozen.pid, "SIGCONT");
  await until(() => !processIsAlive(child));
  // A frozen host is no lost one.
  await until(async () => (await space.client.hget(space.keys.job("default", jobId), "stc")) === "0");
  expect(await space.answer(jobId, 0, 15_000)).toMatchObject({ ok: true, host: "other" });
  expect(readFileSync(file, "utf8").match(/end/g)).toHaveLength(1);
  expect(space.logs.filter((line) => line.includes("second answer"))).toEqual([]);
});
