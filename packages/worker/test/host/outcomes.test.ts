import { connect, ValidationError, WorkerLostError } from "@manyhands/core";
import { decodeError, Inspector, JOB_ERROR_FIELD, type JobReturn } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { Worker } from "bullmq";
import { describe, expect, onTestFinished, test } from "vitest";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();
const silent = { info: () => {}, warn: () => {}, error: () => {} };

test("one call: the answer reaches the client and the value stays plain in the job", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host();
  // when
  const jobId = await space.submit("default", "square", [7]);
  // then
  expect(await space.answer(jobId)).toMatchObject({ ok: true, value: 49, host: host.name });
  await space.untilState("default", jobId, "completed");
  const outcome = (await space.job("default", jobId))?.returnvalue as JobReturn;
  expect(outcome).toMatchObject({ value: 49, host: host.name, hostId: host.id });
  expect(outcome.pid).not.toBe(process.pid);
});

test("a job is never finished before its answer is in the reply stream", async () => {
  const space = new TestNamespace(redis);
  await space.host({ slots: 4 });
  // A job that is removed as it completes leaves nothing but its answer.
  const ids = await Promise.all(
    Array.from({ length: 200 }, (_, x) => space.submit("default", "square", [x], { job: { removeOnComplete: true } })),
  );
  for (const [x, jobId] of ids.entries()) {
    await until(async () => (await space.job("default", jobId)) === undefined);
    expect(await space.answer(jobId, 0, 50)).toMatchObject({ value: x * x });
  }
});

test("several calls in one job are answered each for itself, the job tells how many failed", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submitCalls("default", "exitWhen", [
    [-1, 0],
    [-1, 1],
    [-1, 2],
  ]);
  const answers = await space.answers(jobId, 3);
  expect(answers.map(({ value }) => value)).toEqual([0, 1, 2]);
  const failing = await space.submitCalls("default", "throwRange", [["first"], ["second"]]);
  const errors = await space.answers(failing, 2);
  expect(errors.map(({ value }) => (value as Error).message)).toEqual(["first", "second"]);
  await space.untilState("default", failing, "failed");
  expect((await space.job("default", failing))?.failedReason).toBe("2 of 2 calls failed; first: first");
});

test("an answer above 16 KiB is kept beside the job, not in the event stream", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submitCalls("default", "large", [[20_000], [10]]);
  await space.answers(jobId, 2);
  await space.untilState("default", jobId, "completed");
  const outcome = (await space.job("default", jobId))?.returnvalue as JobReturn;
  const key = space.keys.result({ pool: "default", jobId, run: outcome.stored ?? "" });
  expect(await space.client.pttl(key)).toBeGreaterThan(0);
});

describe("a job that no client of ours waits for can be read without our codec", () => {
  test.each([
    ["nothing", null],
    ["date", { at: "1970-01-01T00:00:00.000Z", big: "12" }],
    ["map", [["a", 1]]],
    ["number", "NaN"],
  ])("%s", async (what, value) => {
    const space = new TestNamespace(redis);
    await space.host();

    const jobId = await space.submit("default", "give", [what], { client: undefined as never });

    await space.untilState("default", jobId, "completed");
    const outcome = (await space.job("default", jobId))?.returnvalue as JobReturn;
    expect(outcome.value).toEqual(value);
    // and for us there is the value itself
    expect(outcome.answers).toHaveLength(1);
  });

  test("a large value of plain JSON is JSON text beside the job", async () => {
    const space = new TestNamespace(redis);
    await space.host();

    const jobId = await space.submit("default", "large", [20_000], { client: undefined as never });

    await space.untilState("default", jobId, "completed");
    const outcome = (await space.job("default", jobId))?.returnvalue as JobReturn;
    expect(outcome).toMatchObject({ stored: expect.stringMatching(/^[0-9a-f]+$/), storedAs: "json" });
    const text = await space.client.get(space.keys.result({ pool: "default", jobId, run: outcome.stored ?? "" }));
    expect(JSON.parse(text ?? "null")).toBe("x".repeat(20_000));
  });

  test("a failure says class, message and where", async () => {
    const space = new TestNamespace(redis);
    const host = await space.host();

    const jobId = await space.submit("default", "throwRange", ["too far"], { client: undefined as never });

    await space.untilState("default", jobId, "failed");
    const failure = JSON.parse((await space.client.hget(space.keys.job("default", jobId), "failure")) ?? "null");
    expect(failure).toEqual({ name: "RangeError", message: "too far", host: host.name, pid: expect.any(Number) });
  });
});

test("a BullMQ worker of another language that returns { value } answers the callers of a pool", async () => {
  // given: a worker that knows what docs/wire-protocol.md says, and no host
  const space = new TestNamespace(redis);
  const worker = new Worker(
    "foreign",
    async ({ data: { args } }) => {
      if (args[0] < 0) throw new RangeError("negative");
      return { value: args[0] ** 2 };
    },
    { connection: redis.client() as never, prefix: space.keys.queuePrefix },
  );
  onTestFinished(() => worker.close());
  await using mp = await connect({ redis: redis.url, namespace: space.name, logger: silent });
  const pool = mp.pool(2, { name: "foreign" });

  // when
  const good = pool.applyAsync("square", [7], { attempts: 1 });
  const bad = pool.applyAsync("square", [-1], { attempts: 1 });

  // then
  expect(await good.get({ timeout: 10_000 })).toBe(49);
  await expect(bad.get({ timeout: 10_000 })).rejects.toThrow(/failed: negative$/);
});

test("a job tells which host took it; hosts are in the registry, and BullMQ's getWorkers finds none", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ name: "a host with spaces" });

  const jobId = await space.submit("default", "square", [7]);
  await space.untilState("default", jobId, "completed");

  const job = await space.job("default", jobId);
  expect(job?.processedBy).toBe(`a%20host%20with%20spaces/${process.pid}`);
  const inspector = new Inspector({ client: space.client, keys: space.keys });
  expect(await inspector.tasks.get(jobId)).toMatchObject({ host: host.name });
  expect((await space.hosts()).map(({ name }) => name)).toEqual(["a host with spaces"]);
  expect(await space.queue("default").getWorkers()).toEqual([]);
});

test("PL15: an error keeps its class and is in the job as well", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submit("default", "throwRange", ["out of it"]);
  const { ok, value } = await space.answer(jobId);
  expect(ok).toBe(false);
  expect(value).toBeInstanceOf(RangeError);
  await space.untilState("default", jobId, "failed");
  const stored = await space.client.hget(space.keys.job("default", jobId), JOB_ERROR_FIELD);
  expect(decodeError(Buffer.from(stored ?? "", "base64"))).toMatchObject({ message: "out of it" });
});

test("a failing call is tried again as often as its job says, and answered once", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submit("default", "failUnlessAttempt", [3], { job: { attempts: 3 } });
  expect(await space.answer(jobId)).toMatchObject({ ok: true, value: 3 });
  const hopeless = await space.submit("default", "failUnlessAttempt", [9], { job: { attempts: 2 } });
  expect((await space.answer(hopeless)).value).toMatchObject({ message: "attempt 2" });
  expect(space.logs.filter((line) => line.includes("second answer"))).toEqual([]);
});

test("an error named like one of BullMQ's own is only an error", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  for (const [name, message] of [
    ["DelayedError", "x"],
    ["WaitingError", "x"],
    ["RateLimitError", "bullmq:rateLimitExceeded"],
  ]) {
    const jobId = await space.submit("default", "throwNamed", [name, message]);
    expect((await space.answer(jobId)).value).toMatchObject({ name, message });
    await space.untilState("default", jobId, "failed");
  }
});

test("data that is no envelope fails the job with what was wrong, and the host serves on", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const queue = space.queue("default");
  for (const data of [null, 7, [1], {}, { args: 3 }, { units: 4 }, { units: "x", kind: "y", count: 1 }]) {
    const job = await queue.add("square", data as never);
    await space.untilState("default", job.id ?? "", "failed");
    const stored = await space.client.hget(space.keys.job("default", job.id ?? ""), JOB_ERROR_FIELD);
    expect(decodeError(Buffer.from(stored ?? "", "base64"))).toBeInstanceOf(ValidationError);
  }
  const jobId = await space.submit("default", "square", [3]);
  expect(await space.answer(jobId)).toMatchObject({ value: 9 });
});

test.each([
  [{ timeout: -5 }, {}, "timeout must be milliseconds above 0"],
  [{ softTimeout: "soon" }, {}, "softTimeout must be milliseconds above 0"],
  [{ resultTtl: -1 }, {}, "resultTtl must be milliseconds above 0; got -1"],
  [{ tags: "nightly" }, {}, 'tags must be a list of strings; got "nightly"'],
  [{}, { backoff: { type: "cubic", delay: 1 } }, "backoff must be of type fixed or exponential"],
  [{}, { backoff: "soon" }, "backoff must be milliseconds, or { type, delay }"],
  [{}, { backoff: { type: "exponential", delay: 1e300 } }, "backoff must be at most 4320000000000000 ms"],
  [{}, { attempts: 2.5 }, "attempts must be a whole number from 1; got 2.5"],
  [{}, { removeOnFail: { age: "x" } }, "removeOnFail must be true, false, a number or { age, count }"],
  [{}, { removeOnComplete: { count: "y" } }, "removeOnComplete must be true, false, a number or { age, count }"],
])("a job with the data %j and the options %j fails for good, before its task runs", async (data, options, message) => {
  // given
  const space = new TestNamespace(redis);
  await space.host({ isolation: "inline" });
  const name = `bad ${message}`;
  // when
  const job = await space.queue("default").add("failOnce", { args: [name, 1], ...data }, {
    attempts: 3,
    ...options,
  } as never);
  // then
  const id = job.id ?? "";
  await space.untilState("default", id, "failed");
  const stored = await space.client.hget(space.keys.job("default", id), JOB_ERROR_FIELD);
  const error = decodeError(Buffer.from(stored ?? "", "base64"));
  expect(error).toBeInstanceOf(ValidationError);
  expect(error.message).toContain(message);
  expect(await space.queue("default").getActiveCount()).toBe(0);
});

test("jobs that BullMQ cannot read fail for good, and the jobs beside them run", async () => {
  // given: what clients that write their jobs themselves may write, with a call in between
  const space = new TestNamespace(redis);
  await space.pool("broken");
  const broken = {
    data: { data: "{", opts: "{}" },
    opts: { data: '{"args":[1]}', opts: "[" },
    nothing: { data: "{}", opts: "null" },
  };
  const ids: string[] = [];
  for (const [id, fields] of Object.entries(broken)) {
    const key = space.keys.job("broken", id);
    await space.client.hset(key, { name: "square", timestamp: Date.now(), delay: 0, priority: 0, ...fields });
    await space.client.lpush(space.keys.queue("broken", "wait"), id);
    ids.push(await space.submit("broken", "square", [ids.length]));
  }
  // when
  await space.host({ isolation: "inline", slots: 1 });
  // then
  for (const [x, id] of ids.entries()) expect(await space.answer(id)).toMatchObject({ value: x * x });
  for (const id of Object.keys(broken)) {
    await space.untilState("broken", id, "failed");
    // What is left can be read, so that lists of tasks can be shown.
    expect((await space.job("broken", id))?.failedReason).toContain(`job ${id} of pool "broken" cannot be read`);
  }
  expect(await space.queue("broken").getActiveCount()).toBe(0);
});

test("a job that BullMQ gives up, because its hosts died again and again, is answered", async () => {
  const space = new TestNamespace(redis);
  const jobId = await space.submit("default", "square", [1]);
  await space.client.hset(space.keys.job("default", jobId), "defa", "job stalled more than allowable limit");
  await space.host();
  const { value } = await space.answer(jobId);
  expect(value).toBeInstanceOf(WorkerLostError);
  expect((value as Error).message).toContain("job stalled more than allowable limit");
});

test("log lines, captured output and progress are in the job before it is finished", async () => {
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submit("default", "chatty", []);
  await space.untilState("default", jobId, "completed");
  const { logs } = await space.queue("default").getJobLogs(jobId);
  expect([...logs].sort()).toEqual(["a line", "stderr | to stderr", "stdout | to stdout"]);
  expect((await space.job("default", jobId))?.progress).toBe(100);
});

test.each([0.5, 1_000.5, 1e21])("a large answer is kept for resultTtl: %d ms", async (resultTtl) => {
  const space = new TestNamespace(redis);
  await space.host();
  const jobId = await space.submit("default", "large", [200_000], { resultTtl });
  expect(await space.untilState("default", jobId, "completed", "failed")).toBe("completed");
});

test.each([
  ["non-retryable", 1, "no money"],
  ["range", 1, "out of range"],
  ["named", 1, "odd"],
  ["slow", 1, "time limit"],
  ["other", 5, "other"],
])("an error that no other try can cure ends the tries: %s", async (how, tries, message) => {
  // given
  const space = new TestNamespace(redis);
  await space.host();
  // when
  const id = await space.submit("default", "failAs", [how]);
  // then
  await space.untilState("default", id, "failed");
  const job = await space.job("default", id);
  expect(job?.attemptsMade).toBe(tries);
  expect(job?.failedReason).toContain(message);
});

test("the function of a task says when the next try comes; what it cannot say loses no call", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.host();
  const delayOf = async (words: string, options = {}): Promise<number> => {
    const id = await space.submit("default", "computesBackoff", [words], { job: options });
    await space.untilState("default", id, "delayed");
    return Number(await space.client.hget(space.keys.job("default", id), "delay"));
  };
  // then
  expect(await delayOf("four")).toBe(100_004);
  expect(await delayOf("throws")).toBe(1_000);
  expect(await delayOf("nonsense")).toBe(1_000);
  const log = space.logs.join("\n");
  expect(log).toContain(
    'the backoff function of task "computesBackoff" threw RangeError: no idea; the next attempt comes in',
  );
  expect(log).toContain('the backoff function of task "computesBackoff" gave NaN, which is no number of milliseconds');
  // a call's own option comes first, and has a longest wait
  expect(await delayOf("four", { backoff: { type: "fixed", delay: 70_000 } })).toBe(70_000);
  const exponential = { type: "exponential", delay: 90_000, max: 80_000 };
  expect(await delayOf("four", { backoff: exponential })).toBe(80_000);
  expect(await delayOf("four", { backoff: { ...exponential, jitter: 0.5 } })).toBeGreaterThanOrEqual(40_000);
  // and with a part that is left to chance the log says what was chosen
  const chosen = await delayOf("four", { backoff: { type: "exponential", delay: 50_000, jitter: 0.5 } });
  expect(chosen).toBeLessThanOrEqual(50_000);
  for (const wait of ["100.0 s", "70.0 s", "80.0 s", `${(chosen / 1_000).toFixed(1)} s`]) {
    expect(space.logs).toContainEqual(expect.stringContaining(`, try 1 of 5; it is tried again in ${wait}: `));
  }
});
