import { type Context, connect, ExpiredError, ValueError } from "@manyhands/core";
import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

async function program(space: TestNamespace, warnings: string[] = []): Promise<Context> {
  const logger = { info() {}, error() {}, warn: (text: string) => void warnings.push(text) };
  const mp = await connect({ redis: redis.url, namespace: space.name, logger });
  onTestFinished(() => mp.close());
  return mp;
}

test("a task that no live host knows is blocked everywhere, with the reason, and runs when its host is there", async () => {
  // given
  const space = new TestNamespace(redis);
  const warnings: string[] = [];
  const mp = await program(space, warnings);
  const handle = await mp.submit("square", [7], { pool: "work", tags: ["blocked"] });
  const prioritized = await mp.submit("square", [8], { pool: "work", priority: 3 });
  const delayed = await mp.submit("square", [9], { pool: "work", delay: 3_600_000 });
  // then
  expect([await handle.state(), await prioritized.state(), await delayed.state()]).toEqual([
    ...["blocked", "blocked", "delayed"],
  ]);
  const view = await handle.show();
  expect(view.state).toBe("blocked");
  expect(view.blockedBy).toBe(
    'no live worker host serves task "square" in pool "work": no host is running; ' +
      'start one with: manyhands worker --tasks <module that defines "square">',
  );
  const ids = async (state: "blocked" | "waiting" | "delayed"): Promise<string[]> =>
    (await mp.tasks.list({ state })).map(({ id }) => id).sort();
  expect(await ids("blocked")).toEqual([handle.id, prioritized.id].sort());
  expect(await ids("waiting")).toEqual([handle.id]);
  expect(await ids("delayed")).toEqual([delayed.id]);
  expect((await mp.tasks.list()).map(({ state }) => state).sort()).toEqual(["blocked", "blocked", "delayed"]);
  expect(await handle.promote()).toMatchObject({ outcome: "not-delayed", state: "blocked" });
  await until(() => warnings.length > 0);
  expect(warnings.filter((text) => text.includes('serves task "square"'))).toHaveLength(1);
  // when
  await space.host();
  // then
  expect(await handle.get({ timeout: 30_000 })).toBe(49);
  await until(async () => (await handle.state()) === "completed");
});

test("a task that is parked is blocked until a host knows it, and not delayed", async () => {
  // given a host that does not know it, and has parked it
  const space = new TestNamespace(redis);
  const mp = await program(space);
  const handle = await mp.submit("square", [7], { pool: "work", expires: 3_600_000 });
  await space.host({ tasks: [new URL("../fixtures/relay-tasks.ts", import.meta.url).pathname], name: "stranger" });
  await space.untilState("work", handle.id, "delayed");
  // then
  expect(await handle.state()).toBe("blocked");
  expect(await handle.show()).toMatchObject({ state: "blocked", dueAt: null, expiresAt: expect.any(Number) });
  expect((await handle.show()).blockedBy).toContain("the running hosts (stranger) do not know it");
  expect((await mp.tasks.list({ state: "blocked" })).map(({ id }) => id)).toEqual([handle.id]);
  expect(await mp.tasks.list({ state: "delayed" })).toEqual([]);
  // when
  await space.host({ name: "knows" });
  // then
  expect(await handle.get({ timeout: 30_000 })).toBe(49);
  expect((await handle.show()).attemptsMade).toBe(1);
});

test("a task that has not started in time expires: what waits for it is told, and it never runs", async () => {
  // given no host at all
  const space = new TestNamespace(redis);
  const mp = await program(space);
  const other = await program(space);
  const pool = mp.pool(undefined, { name: "work" });
  const waiting = pool.applyAsync("square", [7], { expires: 500 });
  const handle = await mp.submit("square", [8], { pool: "work", expires: 500, priority: 3 });
  // when
  const outcomes = await Promise.allSettled([waiting.get(), handle.get(), other.task(handle.id).get()]);
  // then
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(ExpiredError) });
  }
  expect((outcomes[1] as PromiseRejectedResult).reason.message).toBe(
    `task "square" (${handle.id}) expired: it was not started within 500 ms, and was dropped`,
  );
  expect(await handle.state()).toBe("failed");
  expect(await handle.show()).toMatchObject({ state: "failed", error: { name: "ExpiredError", code: "ERR_EXPIRED" } });
  expect((await handle.show()).attemptsMade).toBe(0);
  expect(await space.client.hget(space.keys.job("work", handle.id), "ended")).toBe("expired");
  expect(await space.queue("work").getJobState(handle.id)).toBe("failed");
  expect(await space.client.exists(space.keys.expiries)).toBe(0);
  // and one that is wanted all the same runs
  await handle.retry();
  await space.host();
  expect(await handle.get({ timeout: 30_000 })).toBe(64);
});

test("a task that nobody waits for expires by any host, also in a pool that is paused, and by a look at it", async () => {
  // given
  const space = new TestNamespace(redis);
  const mp = await program(space);
  const looked = await mp.submit("square", [1], { pool: "work", expires: 50 });
  await until(async () => (await looked.state()) === "failed");
  await space.pool("work");
  await space.queue("work").pause();
  const handles = await Promise.all([
    mp.submit("square", [1], { pool: "work", expires: 300 }),
    mp.submit("elsewhere", [1], { pool: "work", expires: 300 }),
    mp.submit("square", [1], { pool: "unserved", expires: 300 }),
    mp.submit("square", [1], { pool: "work", expires: 300, delay: 200 }),
  ]);
  // when
  await space.host({ pools: ["others"], heartbeatInterval: 200 });
  // then
  const ended = (id: string, pool: string) => async (): Promise<boolean> =>
    (await space.client.hget(space.keys.job(pool, id), "ended")) === "expired";
  for (const { id, pool } of handles) await until(ended(id, pool ?? ""));
  expect(await space.client.exists(space.keys.expiries)).toBe(0);
});

test("a host does not start a job that has expired, also one of another client of BullMQ; what has started does not expire", async () => {
  // given
  const space = new TestNamespace(redis);
  await space.pool("work");
  const add = (jobId: string, task: string, args: unknown[], expires: number, age = 0): Promise<unknown> =>
    space
      .queue("work")
      .add(task, { args, expires, client: space.clientId }, { jobId, attempts: 2, timestamp: Date.now() - age });
  await add("late", "square", [7], 1_000, 5_000);
  await add("retried", "failUnlessAttempt", [2], 60_000);
  await add("bad", "square", [7], -1);
  // when
  await space.host();
  // then
  expect(await space.answer("late")).toMatchObject({ ok: false, value: expect.any(ExpiredError) });
  expect((await space.answer("bad")).value).toMatchObject({
    name: "ValidationError",
    message: "the job's data: expires must be milliseconds above 0; got -1",
  });
  expect(await space.answer("retried")).toMatchObject({ ok: true, value: 2 });
  await until(async () => (await space.client.hget(space.keys.job("work", "late"), "ended")) === "expired");
});

test.each([
  [{ expires: 0 }, "the options of a call: expires must be milliseconds above 0; got 0"],
  [{ expires: "5" }, 'the options of a call: expires must be milliseconds above 0; got "5"'],
  [{ expires: 5, delay: 10 }, "expires must be more than delay (10 ms), as both count from the submission; got 5"],
])("a submission with %j is refused at the door", async (options, message) => {
  const mp = await program(new TestNamespace(redis));
  await expect(mp.submit("square", [1], options as never)).rejects.toThrow(new ValueError(message));
});
