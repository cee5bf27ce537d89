import { type Context, connect } from "@manyhands/core";
import { Inspector, JOB_CANCEL_FIELD } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { Worker } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

interface Place {
  space: TestNamespace;
  mp: Context;
  inspector: Inspector;
  /** Keys of stored answers. */
  stored: () => Promise<string[]>;
  /** Waits until there are so many: an answer is with its caller before it is stored with its job. */
  untilStored: (count: number) => Promise<void>;
}

/** A namespace with an inline host, and a program in it. */
async function place(): Promise<Place> {
  const space = new TestNamespace(redis);
  await space.host({ isolation: "inline", slots: 4 });
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close());
  const inspector = new Inspector({ client: space.client, keys: space.keys });
  onTestFinished(() => inspector.close());
  const stored = (): Promise<string[]> => space.client.keys(`{${space.name}}/result/*`);
  const untilStored = async (count: number): Promise<void> => {
    await until(async () => (await stored()).length === count, { what: `${count} answers are stored` });
  };
  return { space, mp, inspector, stored, untilStored };
}

test("a failed job is not given the large result that a job of its id has in another pool", async () => {
  // given
  const { mp, inspector } = await place();
  const [a, b] = [mp.pool(1, { name: "a" }), mp.pool(1, { name: "b" })];
  expect(await a.apply("lettersOrError", ["A", false], { jobId: "same" })).toBe("A".repeat(20_000));
  // when
  const failing = (): Promise<unknown> => b.apply("lettersOrError", ["B fails", true], { jobId: "same" });
  // then: at first, and when the finished job is asked for
  await expect(failing()).rejects.toThrow("B fails");
  await expect(failing()).rejects.toThrow(RangeError);
  expect((await inspector.tasks.list({ pool: "b" }))[0]).toMatchObject({ id: "same", state: "failed" });
});

test("two large results of one id in two pools stay apart", async () => {
  const { mp, untilStored } = await place();
  const [c, d] = [mp.pool(1, { name: "c" }), mp.pool(1, { name: "d" })];
  const ask = (pool: typeof c, letter: string): Promise<unknown> =>
    pool.apply("lettersOrError", [letter, false], { jobId: "same" });
  await ask(c, "C");
  await ask(d, "D");
  expect(await ask(c, "ignored")).toBe("C".repeat(20_000));
  expect(await ask(d, "ignored")).toBe("D".repeat(20_000));
  await untilStored(2);
});

test("what a job left behind in its child is not taken for a job of its id in another pool, which runs in that child", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.host({ slots: 1, processes: 0 });
  for (const name of ["e", "f"]) await space.pool(name);
  const options = { job: { jobId: "same" } };
  await space.submit("e", "leaveWords", ["left behind"], options);
  const { pid } = await space.answer("same");
  // when
  await space.submit("f", "chatty", [], options);
  // then
  const job = await until(async () => {
    const found = await space.job("f", "same");
    return found?.finishedOn ? found : undefined;
  });
  expect((job.returnvalue as { pid: number }).pid).toBe(pid);
  const { logs } = await space.queue("f").getJobLogs("same");
  expect(logs.join("\n")).toContain("to stdout");
  expect(logs.join("\n")).not.toContain("left behind");
});

test("an id that is used again after its job has left the history is given nothing of the earlier one", async () => {
  // given
  const { space, mp, inspector, untilStored } = await place();
  const pool = mp.pool(1, { name: "days" });
  await pool.apply("lettersOrError", ["old", false], { jobId: "day-0" });
  const job = await until(async () => {
    const found = await space.job("days", "day-0");
    return found?.finishedOn ? found : undefined;
  });
  await job.remove();
  // when
  const again = (): Promise<unknown> => pool.apply("lettersOrError", ["new", true], { jobId: "day-0" });
  await expect(again()).rejects.toThrow("new");
  await space.untilState("days", "day-0", "failed");
  // then
  await expect(again()).rejects.toThrow("new");
  expect(await inspector.tasks.get("day-0")).toMatchObject({
    state: "failed",
    hasResult: false,
    error: { message: "new" },
  });
  // The next result that is stored takes away what no job names any more.
  await pool.apply("lettersOrError", ["x", false], { jobId: "day-1" });
  await untilStored(1);
});

test("a retry unlinks the answers of its own job and no others; so does the end of a pool", async () => {
  // given
  const { space, inspector, stored, untilStored, mp } = await place();
  const [one, other] = ["one", "other"];
  for (const pool of [one, other]) await space.pool(pool);
  const calls = [
    ["fine", false],
    ["bad", true],
  ];
  const ids = [
    await space.submitCalls(one, "lettersOrError", calls),
    await space.submitCalls(other, "lettersOrError", calls),
  ];
  for (const [index, pool] of [one, other].entries()) await space.untilState(pool, ids[index] ?? "", "failed");
  await untilStored(2);
  // when
  await inspector.pools.pause(one);
  await inspector.tasks.retry(ids[0] ?? "");
  // then
  expect(await stored()).toEqual([expect.stringContaining(`/result/other/${ids[1]}/`)]);
  const unnamed = mp.pool(1);
  await unnamed.apply("lettersOrError", ["u", false], { tags: ["kept"], jobId: "u" });
  await untilStored(2);
  await unnamed.terminate();
  await untilStored(1);
});

test("a reply without a waiting caller is not given to a later call of its id", async () => {
  // given: a call that fails, and whose job succeeds when another tool retries it
  const { space, mp } = await place();
  const pool = mp.pool(1, { name: "replies" });
  await expect(pool.apply("failOnce", ["reply", 2], { jobId: "x" })).rejects.toThrow("fails once");
  await space.untilState("replies", "x", "failed");
  const job = await space.job("replies", "x");
  await job?.retry();
  await space.untilState("replies", "x", "completed");
  await job?.remove();
  // when
  const value = await pool.apply("square", [5], { jobId: "x" });
  // then
  expect(value).toBe(25);
});

test("a run that ends late writes nothing into a later job of its id", async () => {
  // given: a task that runs on, whose job is removed and whose id is used again
  const { space, mp } = await place();
  const pool = mp.pool(2, { name: "late" });
  const first = pool.applyAsync("lateWords", ["first", 600], { jobId: "again" });
  await space.untilState("late", "again", "active");
  const key = space.keys.job("late", "again");
  await space.client.del(key, `${key}:lock`, space.keys.queue("late", "active"), space.keys.queue("late", "stalled"));
  // when
  const second = pool.applyAsync("lateWords", ["second", 1_200], { jobId: "again" });
  // then
  expect(await second).toBe("second");
  expect(await first.get().then(String, (error: Error) => error.name)).toMatch(/^(first|StateLostError)$/);
  await space.untilState("late", "again", "completed");
  expect((await space.queue("late").getJobLogs("again")).logs).toEqual(["second"]);
  expect((await space.job("late", "again"))?.progress).toBe("second");
});

test.each([{}, { resetAttemptsMade: true, resetAttemptsStarted: true }])(
  "a task that was cancelled while it ran runs when another tool retries it with %j",
  async (options) => {
    // given
    const { space, inspector, mp } = await place();
    const pool = mp.pool(1, { name: "cancelled" });
    const call = pool.applyAsync("untilAborted", [], { jobId: "stop-me" });
    await space.untilState("cancelled", "stop-me", "active");
    expect(await inspector.tasks.cancel("stop-me", { reason: "by hand" })).toMatchObject({ outcome: "stopping" });
    await expect(call.get()).rejects.toThrow("by hand");
    await space.untilState("cancelled", "stop-me", "failed");
    const field = (): Promise<string | null> =>
      space.client.hget(space.keys.job("cancelled", "stop-me"), JOB_CANCEL_FIELD);
    await until(async () => (await field()) === null, { what: "the cancellation is forgotten" });
    // A host that died before it could forget it.
    await space.client.hset(space.keys.job("cancelled", "stop-me"), JOB_CANCEL_FIELD, "by hand");
    // when
    await (await space.job("cancelled", "stop-me"))?.retry("failed", options);
    // then: it runs, and the heartbeat that looks for cancellations finds none
    await until(async () => (await field()) === null, { what: "the second run has begun" });
    expect(await space.queue("cancelled").getJobState("stop-me")).toBe("active");
  },
);

interface Taken {
  fail: () => Promise<void>;
  giveBack: () => Promise<void>;
}

/** A host that is lost while it runs a job, as far as Redis sees it: it takes the job, and the job goes back. */
function passingHost(space: TestNamespace, pool: string): { take: () => Promise<Taken> } {
  const worker = new Worker(pool, null, {
    connection: { url: redis.url } as never,
    prefix: space.keys.queuePrefix,
    autorun: false,
  });
  onTestFinished(() => worker.close());
  return {
    take: async () => {
      const job = await worker.getNextJob("its token", { block: false });
      if (!job) throw new Error(`there is no job in ${pool}`);
      return {
        fail: async () => void (await job.moveToFailed(new Error("no luck"), "its token")),
        giveBack: async () => void (await job.moveToWait("its token")),
      };
    },
  };
}

/** A job of a pool without hosts, that has failed and is retried by another tool, and so waits. */
async function retriedJob(
  calls: unknown[][],
  options: { resetAttemptsMade?: boolean } = {},
): Promise<{
  space: TestNamespace;
  inspector: Inspector;
  id: string;
  host: { take: () => Promise<Taken> };
  retry: () => Promise<void>;
}> {
  const space = new TestNamespace(redis);
  await space.pool("retried");
  const inspector = new Inspector({ client: space.client, keys: space.keys });
  onTestFinished(() => inspector.close());
  const id = await space.submitCalls("retried", "square", calls);
  const host = passingHost(space, "retried");
  const retry = async (): Promise<void> => void (await (await space.job("retried", id))?.retry("failed", options));
  await (await host.take()).fail();
  await retry();
  return { space, inspector, id, host, retry };
}

test.each([{}, { resetAttemptsMade: true, resetAttemptsStarted: true }])(
  "a cancellation of a retried job outlives the host that was lost before it took effect (retried with %j)",
  async (options) => {
    // given
    const { space, inspector, id, host } = await retriedJob([[7]], options);
    const run = await host.take();
    expect(await inspector.tasks.cancel(id, { reason: "by hand" })).toMatchObject({ outcome: "stopping" });
    // when
    await run.giveBack();
    await space.host({ isolation: "inline" });
    // then
    const answer = await space.answer(id);
    expect(answer).toMatchObject({ ok: false, value: { name: "CancelledError" } });
  },
);

test("one call that is cancelled while its retried job waits does not run", async () => {
  // given
  const { space, inspector, id } = await retriedJob([[7], [8]]);
  await inspector.tasks.cancel(`${id}.1`, { reason: "not this one" });
  // when
  await space.host({ isolation: "inline" });
  // then
  const [first, second] = await space.answers(id, 2);
  expect(first).toMatchObject({ ok: true, value: 49 });
  expect(second).toMatchObject({ ok: false, value: { name: "CancelledError" } });
});

test.each([{}, { resetAttemptsMade: true, resetAttemptsStarted: true }])(
  "a cancellation that came too late for its run is not applied to the next one (retried with %j)",
  async (options) => {
    // given
    const { space, inspector, id, host, retry } = await retriedJob([[7]], options);
    const run = await host.take();
    await inspector.tasks.cancel(id, { reason: "by hand" });
    await run.fail();
    // when
    await retry();
    await space.host({ isolation: "inline" });
    // then
    expect(await space.answer(id)).toMatchObject({ ok: true, value: 49 });
  },
);
