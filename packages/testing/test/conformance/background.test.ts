import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CancelledError,
  ClosedError,
  type Context,
  connect,
  DetachedError,
  type Patience,
  PayloadTooLargeError,
  PoolTerminatedError,
  RedisUnfitError,
  type TaskHandle,
  type TaskState,
  TaskUnknownError,
  type TaskUpdate,
  TimeoutError,
  task,
  ValidationError,
  ValueError,
} from "@manyhands/core";
import { Keys } from "@manyhands/core/internal";
import { startActor, startHostProcess, temporaryFolder, testDistance, until, useRedis } from "@manyhands/testing";
import { Queue } from "bullmq";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import * as tasks from "./pool-tasks.ts";

const redis = useRedis();
const module = fileURLToPath(new URL("./pool-tasks.ts", import.meta.url));
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const namespace = redis.namespace();
/** Submits; the other one is another program. */
let mp: Context;
let other: Context;

beforeAll(async () => {
  await startHostProcess({ url: redis.url, namespace, tasks: [module], slots: 3 });
  mp = await connect({ redis: redis.url, namespace, logger: silent });
  other = await connect({ redis: redis.url, namespace, logger: silent });
});

afterAll(() => Promise.all([mp.close(), other.close()]));

async function reason(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

function scratch(): string {
  return join(temporaryFolder(), "lines");
}

function lines(file: string): number {
  return readFileSync(file, "utf8").split("\n").length - 1;
}

/** A context of its own, for a test that closes it. */
async function connected(): Promise<Context> {
  const context = await connect({ redis: redis.url, namespace, logger: silent });
  onTestFinished(() => context.close());
  return context;
}

describe("submit", () => {
  test("resolves with a handle, by whose id another program gets the value", async () => {
    const handle = await mp.submit(tasks.square, [7]);
    const value: number = await handle.get();
    expect(value).toBe(49);
    expect(await other.task(tasks.square, handle.id).get()).toBe(49);
    expect(await other.task<number>(handle.id, { pool: "default" }).get()).toBe(49);
    await until(async () => (await handle.state()) === "completed");
    expect(await other.task(handle.id).show()).toMatchObject({ id: handle.id, pool: "default", state: "completed" });
  });

  test("keeps values that are more than JSON, in both directions", async () => {
    const sent = new Map([["day", new Date(0)]]);
    const { id } = await mp.submit(tasks.echo, [sent]);
    expect(await other.task(id).get()).toEqual(sent);
  });

  test("the outcome is the task's own error", async () => {
    const { id } = await mp.submit(tasks.positive, [-1]);
    const error = await reason(other.task(id).get());
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toBe("negative: -1");
  });

  test("an outcome above what a job holds is found as well", async () => {
    const large = "x".repeat(200_000);
    const { id } = await mp.submit(tasks.echo, [large]);
    expect(await mp.task(id).get()).toBe(large);
    expect(await other.task(id).get()).toBe(large);
  });

  test("many calls of one tick arrive, each with an id of its own", async () => {
    const handles = await Promise.all(Array.from({ length: 300 }, (_, x) => mp.submit(tasks.square, [x])));
    expect(new Set(handles.map(({ id }) => id)).size).toBe(300);
    const values = await Promise.all(handles.map(({ id }) => other.task<number>(id).get()));
    expect(values).toEqual(handles.map((_, x) => x * x));
  });

  test("a second submission of a jobId is the first one", async () => {
    const jobId = `report-${Date.now()}a`;
    const first = await mp.submit(tasks.sleepy, [1, 200], { jobId });
    const second = await other.submit(tasks.sleepy, [2, 200], { jobId });
    expect([first.id, second.id]).toEqual([jobId, jobId]);
    expect(await Promise.all([first.get(), second.get()])).toEqual([1, 1]);
  });

  test("of a pool goes to that pool, and to an unnamed pool while it is there", async () => {
    const pool = mp.pool(1, { name: "submitted-to" });
    const handle = await pool.submit(tasks.square, [3]);
    expect([handle.pool, await handle.get()]).toEqual(["submitted-to", 9]);
    await using unnamed = mp.pool(1);
    expect(await (await unnamed.submit(tasks.square, [4])).get()).toBe(16);
  });

  test("refuses what can never be right, and submits nothing", async () => {
    expect(await reason(mp.submit(tasks.square, [1], { pool: "no pool" }))).toBeInstanceOf(ValueError);
    expect(await reason(mp.submit(tasks.square, [1], { attempts: 0 }))).toBeInstanceOf(ValueError);
    expect(await reason(mp.submit(tasks.square, 1 as never))).toBeInstanceOf(ValueError);
    expect(await reason(mp.submit(7 as never))).toBeInstanceOf(TypeError);
    for (const none of ["", "a b", "a\u0000", "x".repeat(201)]) {
      expect(await reason(mp.submit(none))).toBeInstanceOf(ValueError);
      expect(() => mp.pool(1, { name: "unnamable" }).applyAsync(none)).toThrow(ValueError);
      expect(await reason(mp.process(none).start())).toBeInstanceOf(ValueError);
    }
    expect(await reason(mp.submit(tasks.square, [1], { chunkSize: 2 } as never))).toBeInstanceOf(ValueError);
    const small = await connect({ redis: redis.url, namespace, maxPayload: 1_024, logger: silent });
    onTestFinished(() => small.close());
    expect(await reason(small.submit(tasks.echo, ["x".repeat(2_000)]))).toBeInstanceOf(PayloadTooLargeError);
    expect(() => mp.task("")).toThrow(ValueError);
    expect(() => mp.task(7 as never)).toThrow(ValueError);
    for (const pool of [7, "", "a b"]) expect(() => mp.task("x", { pool } as never)).toThrow(ValueError);
  });
});

describe("a handle", () => {
  test("that waits is sent the outcome by the host, whether it came before the start, during the run or twice", async () => {
    // given
    const gate = mp.event();
    const waits = await mp.submit(tasks.waitForEvent, [gate, "late"], { delay: 300 });
    const runs = await mp.submit(tasks.waitForEvent, [gate, "running"]);
    const before = other.task<string>(waits.id).get();
    await until(async () => (await runs.state()) === "active");
    // when
    const during = Promise.all([other.task<string>(runs.id).get(), other.task<string>(runs.id).get()]);
    const stream = new Keys(namespace).replies(other.sessionId);
    const key = new Keys(namespace).job("default", runs.id);
    await until(async () => (await redis.client().hget(key, "watchers")) === other.sessionId);
    await gate.set();
    // then
    expect(await Promise.all([before, during])).toEqual(["late", ["running", "running"]]);
    expect(await redis.client().xlen(stream)).toBeGreaterThan(0);
  });

  test("of one call of a shared job gives that call's value", async () => {
    await using pool = mp.pool(1, { name: "shared-calls" });
    await pool.map(tasks.square, [1, 2, 3]);
    const results = Array.from({ length: 40 }, (_, x) => pool.applyAsync(tasks.square, [x]));
    const ids = await Promise.all(results.map((result) => result.submitted()));
    expect(results.map(({ id }) => id)).toEqual(ids);
    expect(ids.some((id) => id.includes("."))).toBe(true);
    const found = await Promise.all(ids.map((id) => other.task<number>(id, { pool: "shared-calls" }).get()));
    expect(found).toEqual(results.map((_, x) => x * x));
    const shared = ids.find((id) => id.includes(".")) as string;
    const whole = shared.slice(0, shared.lastIndexOf("."));
    expect(((await reason(other.task(whole).get())) as Error).message).toContain(`wait for one of them: ${whole}.0`);
  });

  test("of an id that is not kept says so, in each method", async () => {
    const handle = mp.task("0123456789abcdef-1");
    expect(await handle.state()).toBe("unknown");
    for (const ask of [() => handle.get(), () => handle.show(), () => handle.cancel(), () => handle.retry()]) {
      expect(await reason(ask())).toBeInstanceOf(TaskUnknownError);
    }
    for (const ask of [() => handle.promote(), () => handle.remove()]) {
      expect(await reason(ask())).toBeInstanceOf(TaskUnknownError);
    }
  });

  test("waits as long as it is told, and the task goes on", async () => {
    const gate = mp.event();
    const { id } = await mp.submit(tasks.waitForEvent, [gate, "done"]);
    const handle = other.task(id);
    expect(await reason(handle.get({ timeout: 50 + 8 * testDistance() }))).toBeInstanceOf(TimeoutError);
    expect(await reason(handle.get({ timeout: 0 }))).toBeInstanceOf(TimeoutError);
    const enough = new AbortController();
    const waiting = handle.get({ signal: enough.signal });
    enough.abort(new Error("enough"));
    expect(((await reason(waiting)) as Error).message).toBe("enough");
    expect(await reason(handle.get({ timeout: "soon" as never }))).toBeInstanceOf(ValueError);
    await gate.set();
    expect(await handle.get()).toBe("done");
    expect(await handle.get({ timeout: 0 })).toBe("done");
  });

  test("starts a delayed task, cancels a waiting one, and removes what does not run", async () => {
    const gate = mp.event();
    const { id } = await mp.submit(tasks.square, [5], { delay: 600_000 });
    const handle = other.task<number>(id);
    expect(await handle.state()).toBe("delayed");
    const waiting = handle.get();
    expect(await handle.promote()).toEqual({ outcome: "queued", pool: "default" });
    expect(await waiting).toBe(25);
    await until(async () => (await handle.state()) === "completed");
    expect(await handle.promote()).toMatchObject({ outcome: "not-delayed", state: "completed" });
    expect(await handle.remove()).toEqual({ outcome: "removed", pool: "default" });
    expect(await handle.state()).toBe("unknown");

    const later = await mp.submit(tasks.square, [6], { delay: 600_000 });
    const cancelled = reason(other.task(later.id).get());
    await until(
      async () => (await redis.client().hget(new Keys(namespace).job("default", later.id), "watchers")) !== null,
    );
    expect(await later.cancel("not needed")).toEqual({ outcome: "removed", pool: "default" });
    expect(await cancelled).toBeInstanceOf(CancelledError);
    expect(await later.remove()).toEqual({ outcome: "removed", pool: "default" });
    expect(await later.state()).toBe("unknown");

    const removed = await mp.submit(tasks.square, [6], { delay: 600_000 });
    const gone = reason(other.task(removed.id).get());
    await until(
      async () => (await redis.client().hget(new Keys(namespace).job("default", removed.id), "watchers")) !== null,
    );
    expect(await removed.remove()).toEqual({ outcome: "removed", pool: "default" });
    expect(await gone).toBeInstanceOf(CancelledError);

    const running = await mp.submit(tasks.waitForEvent, [gate, "ran"]);
    await until(async () => (await running.state()) === "active");
    expect(await running.remove()).toMatchObject({ outcome: "running", pool: "default" });
    await gate.set();
    expect(await running.get()).toBe("ran");
  });

  test("is cancelled, and no failure, when it was cancelled: it stays in the history, and can be run again", async () => {
    // given: one that waits, one that runs, and one that fails
    const pool = mp.pool(2, { name: "cancelled" });
    onTestFinished(() => pool.close());
    const gate = mp.event();
    const waiting = await pool.submit(tasks.square, [7], { delay: 600_000, attempts: 3 });
    const running = await pool.submit(tasks.waitForEvent, [gate, "ran"], { attempts: 3 });
    const failing = await pool.submit(tasks.failFirst, [scratch()]);
    await until(async () => (await running.state()) === "active" && (await failing.state()) === "failed");

    // when
    expect(await waiting.cancel("too late")).toEqual({ outcome: "removed", pool: "cancelled" });
    expect(await running.cancel("too slow")).toMatchObject({ outcome: "stopping", pool: "cancelled" });
    await until(async () => (await running.state()) === "cancelled");

    // then: the state, the view, the lists and the counts say so, and BullMQ's tools have a finished job
    for (const { id } of [waiting, running]) {
      const handle = other.task<number>(id);
      expect(await handle.state()).toBe("cancelled");
      expect(await handle.show()).toMatchObject({ state: "cancelled", error: { name: "CancelledError" } });
      expect(await reason(handle.get())).toBeInstanceOf(CancelledError);
      expect(await handle.cancel()).toMatchObject({ outcome: "finished", state: "cancelled" });
    }
    expect(((await reason(other.task(waiting.id).get())) as Error).message).toContain("too late");
    expect((await waiting.show()).attemptsMade).toBe(0);
    const listed = async (state: TaskState): Promise<string[]> =>
      (await mp.tasks.list({ pool: "cancelled", state })).map(({ id }) => id).sort();
    expect(await listed("cancelled")).toEqual([waiting.id, running.id].sort());
    expect(await listed("failed")).toEqual([failing.id]);
    const states = (await mp.tasks.list({ pool: "cancelled" })).map(({ state }) => state);
    expect(states.sort()).toEqual(["cancelled", "cancelled", "failed"]);
    expect(await mp.pools.get("cancelled")).toMatchObject({ failed: 1, cancelled: 2 });
    const queue = new Queue("cancelled", { connection: { url: redis.url }, prefix: `{${namespace}}` });
    onTestFinished(() => queue.close());
    expect(await (await queue.getJob(waiting.id))?.getState()).toBe("failed");

    // when: they run again, one by our own way and one by that of a BullMQ tool
    expect(await other.task(waiting.id).retry()).toEqual({ outcome: "queued", pool: "cancelled" });
    await gate.set();
    await (await queue.getJob(running.id))?.retry();

    // then
    expect(await waiting.get()).toBe(49);
    expect(await running.get()).toBe("ran");
    await until(async () => (await running.state()) === "completed");
    expect(await mp.pools.get("cancelled")).toMatchObject({ failed: 1, cancelled: 0, completed: 2 });
  });

  test("takes what every wait takes, and refuses anything else", async () => {
    const { id } = await mp.submit(tasks.square, [1], { delay: 600_000 });
    const handle = other.task(id);
    for (const how of [false, { block: false, timeout: 60_000 }, { timeout: -1 }]) {
      expect(await reason(handle.get(how)), JSON.stringify(how)).toBeInstanceOf(TimeoutError);
    }
    for (const how of [5, { timeuot: 5 }, { signal: {} }, { timeout: Number.NaN }]) {
      expect(await reason(handle.get(how as never)), JSON.stringify(how)).toBeInstanceOf(ValueError);
    }
    expect(() => mp.task(id, { pool: 5 as never })).toThrow(ValueError);
    expect(await handle.remove()).toMatchObject({ outcome: "removed" });
  });

  test("of a call that its job does not hold says so", async () => {
    const { id } = await mp.submit(tasks.square, [3]);
    expect(await reason(other.task(`${id}.7`).get())).toBeInstanceOf(TaskUnknownError);
    expect(await other.task(`${id}.0`).get()).toBe(9);
  });

  test("does not take a refusal of Redis for a task that is not kept", async () => {
    const { id } = await mp.submit(tasks.square, [3], { delay: 600_000 });
    const client = redis.client();
    await client.call("acl", "setuser", "blind", "on", ">blind", "~*", "&*", "+@all");
    const url = new URL(redis.url);
    [url.username, url.password] = ["blind", "blind"];
    const blind = await connect({ redis: url.href, namespace, logger: silent });
    onTestFinished(() => blind.close());
    await client.call("acl", "setuser", "blind", "-hmget");
    for (const ask of [() => blind.task(id).get(), () => blind.task(id).state()]) {
      expect(await reason(ask())).toBeInstanceOf(RedisUnfitError);
    }
    await mp.task(id).remove();
  });

  test("that waits while its context is closed ends, early and late in its wait", async () => {
    const { id } = await mp.submit(tasks.square, [3], { delay: 600_000 });
    for (const pause of [0, 1, 2, 3, 5, 10, 20]) {
      const context = await connected();
      const waits = Array.from({ length: 10 }, () => reason(context.task(id).get()));
      await new Promise((resolve) => setTimeout(resolve, pause));
      await context.close();
      for (const error of await Promise.all(waits)) expect(error).toBeInstanceOf(ClosedError);
    }
    await mp.task(id).remove();
  });

  test("runs a failed task again", async () => {
    const file = scratch();
    const { id } = await mp.submit(tasks.failFirst, [file]);
    const handle = other.task<string>(id);
    expect(((await reason(handle.get())) as Error).message).toBe("the first time");
    await until(async () => (await handle.state()) === "failed");
    // What waits while it is put back gets the outcome of one run or of the other.
    const waited = mp
      .task<string>(id)
      .get()
      .catch((error: Error) => error.message);
    expect(await handle.retry()).toEqual({ outcome: "queued", pool: "default" });
    expect(["the first time", "the second time"]).toContain(await waited);
    await until(async () => (await handle.state()) === "completed");
    expect(await handle.get()).toBe("the second time");
    expect(await handle.retry()).toMatchObject({ outcome: "not-failed", state: "completed" });
  });
});

describe("the updates of a task", () => {
  const states = (updates: readonly TaskUpdate[]): string[] =>
    updates.flatMap((update) => (update.type === "state" ? [`${update.state}/${update.attemptsMade}`] : []));

  test("are what happens to it in order: states, log, output and progress, up to its end", async () => {
    // given
    const gate = mp.event();
    const { id } = await mp.submit(tasks.narrate, [gate, scratch()], { attempts: 2, delay: 100 });
    // when
    const updates: TaskUpdate[] = [];
    for await (const update of other.task(id).updates({ timeout: 90_000 })) {
      updates.push(update);
      if (update.type === "progress") await gate.set();
    }
    // then
    const seen = states(updates).filter((state) => !state.startsWith("waiting"));
    expect(seen).toEqual(["delayed/0", "active/0", "active/1", "completed/2"]);
    const told = updates.filter(({ type }) => type !== "state");
    const once = [
      { type: "log", line: "begun" },
      { type: "output", stream: "stdout", line: "printed" },
      { type: "output", stream: "stderr", line: "almost" },
    ];
    expect(told.filter(({ type }) => type !== "progress")).toEqual([...once, ...once]);
    expect(told).toContainEqual({ type: "progress", value: { done: 1 } });
    expect(updates.at(-1)).toMatchObject({ type: "state", state: "completed" });
    expect(updates.find((update) => update.type === "state" && update.attemptsMade === 1)).toMatchObject({
      failedReason: "the first time",
    });
  });

  test("come as they happen, also to the program that submitted it, and twice in one program", async () => {
    const gate = mp.event();
    await using pool = mp.pool(1, { name: "followed" });
    const result = pool.applyAsync(tasks.narrate, [gate, null]);
    const read = async (from: AsyncIterable<TaskUpdate>): Promise<string[]> => {
      const types: string[] = [];
      for await (const update of from) types.push(update.type === "state" ? update.state : update.type);
      return types;
    };
    const first = read(result.updates({ from: "start" }));
    const second = read(result.updates({ from: "start" }));
    await until(async () => (await result.state()) === "active");
    await gate.set();
    for (const types of await Promise.all([first, second])) {
      expect(types.at(-1)).toBe("completed");
      expect(types.filter((type) => type === "output")).toHaveLength(2);
      expect(types.filter((type) => type === "log")).toHaveLength(1);
    }
  });

  test("where nothing is kept of finished tasks, waits and updates that have begun end as the task did", async () => {
    await using pool = mp.pool(3, { name: "kept-not", keep: { completed: { count: 0 }, failed: { count: 0 } } });
    const read = async (updates: AsyncIterable<TaskUpdate>): Promise<TaskUpdate | undefined> => {
      let last: TaskUpdate | undefined;
      for await (const update of updates) last = update;
      return last;
    };
    // Given a task that is followed, and others that are only seen as they end
    const gate = mp.event();
    const { id } = await pool.submit(tasks.waitForEvent, [gate, "done"]);
    const client = redis.client();
    const isFollowed = async (job: string): Promise<boolean> =>
      (await client.hexists(new Keys(namespace).job("kept-not", job), "watchers")) === 1;
    const value = other.task(id).get();
    await until(() => isFollowed(id), { what: "its value is waited for" });
    const updates = other.task(id).updates();
    expect(await updates.next()).toMatchObject({ done: false, value: { type: "state" } });
    const end = read(updates);
    const failing = await pool.submit(tasks.failLater, [-1_000]);
    const failed = read(other.task(failing.id).updates());
    await until(() => isFollowed(failing.id), { what: "it is followed" });
    await until(async () => (await mp.task(id).state()) === "active");
    await gate.set();
    // Then
    expect(await value).toBe("done");
    expect(await end).toEqual({ type: "state", state: "completed", attemptsMade: 1, failedReason: null });
    expect(await failed).toMatchObject({ state: "failed", attemptsMade: 1, failedReason: "failed after 1000" });
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        const handle = await pool.submit(tasks.sleepFor, [at % 12]);
        await new Promise((resolve) => setTimeout(resolve, at % 7));
        return other
          .task(handle.id)
          .get()
          .then(
            () => null,
            (error: Error) => error,
          );
      }),
    );
    // One that had ended before is not known.
    expect(outcomes.filter((outcome) => outcome !== null && !(outcome instanceof TaskUnknownError))).toEqual([]);
  });

  test("of a finished task are its log, if asked for, and its state", async () => {
    const { id } = await mp.submit(tasks.logLines, [2]);
    await other.task(id).get();
    await until(async () => (await other.task(id).state()) === "completed");
    const now: TaskUpdate[] = [];
    for await (const update of other.task(id).updates()) now.push(update);
    expect(now).toEqual([{ type: "state", state: "completed", attemptsMade: 1, failedReason: null }]);
    const all: TaskUpdate[] = [];
    for await (const update of other.task(id).updates({ from: "start" })) all.push(update);
    expect(all.slice(0, -1)).toEqual([
      { type: "log", line: "line 0" },
      { type: "log", line: "line 1" },
    ]);
  });

  test("say how many lines of a long log are not kept, and the log goes on from where it was read", async () => {
    const { id } = await mp.submit(tasks.logLines, [3_500]);
    await other.task(id).get();
    await until(async () => (await other.task(id).state()) === "completed");
    const all: TaskUpdate[] = [];
    for await (const update of other.task(id).updates({ from: "start" })) all.push(update);
    expect(all[0]).toEqual({ type: "missed", lines: 2_500 });
    expect(all[1]).toEqual({ type: "log", line: "line 2500" });
    expect(all.filter(({ type }) => type === "log")).toHaveLength(1_000);
    expect(await other.tasks.logs(id, { from: 3_000 })).toMatchObject({ next: 3_500, missed: 0 });
    expect((await other.tasks.logs(id, { from: 3_000 }))?.lines[0]).toBe("line 3000");
    expect(await other.tasks.logs(id, { from: 10 })).toMatchObject({ next: 3_500, missed: 2_490 });
  });

  test("end: with the time, the signal, the removal of the task, the loop that is left, and the context", async () => {
    const read = async (updates: AsyncIterable<TaskUpdate>): Promise<TaskUpdate[]> => {
      const all: TaskUpdate[] = [];
      for await (const update of updates) all.push(update);
      return all;
    };
    const { id } = await mp.submit(tasks.square, [1], { delay: 600_000 });
    const handle = other.task(id);
    expect(await reason(read(handle.updates({ timeout: 100 })))).toBeInstanceOf(TimeoutError);
    const enough = new AbortController();
    const aborted = reason(read(handle.updates({ signal: enough.signal })));
    enough.abort(new Error("enough"));
    expect(((await aborted) as Error).message).toBe("enough");
    for await (const _ of handle.updates()) break;
    const context = await connected();
    const closed = reason(read(context.task(id).updates()));
    await until(async () => (await redis.client().hget(new Keys(namespace).job("default", id), "watchers")) !== null);
    await context.close();
    expect(await closed).toBeInstanceOf(ClosedError);
    const removed = read(handle.updates());
    await until(async () =>
      (await redis.client().hget(new Keys(namespace).job("default", id), "watchers"))?.includes(other.sessionId),
    );
    await mp.task(id).remove();
    // A task that is removed while it waits is cancelled first.
    const [before, after] = states(await removed);
    expect(before).toBe("delayed/0");
    expect(["cancelled/0", "unknown/0"]).toContain(after);
    expect(await reason(read(handle.updates()))).toBeInstanceOf(TaskUnknownError);
    for (const bad of [{ from: "end" }, { timeout: "soon" }, { signal: {} }]) {
      expect(await reason(read(handle.updates(bad as never))), JSON.stringify(bad)).toBeInstanceOf(ValueError);
    }
  });
});

describe("a change of a task", () => {
  test("that waits: its place in line, its time, its arguments, by another program", async () => {
    await mp.pools.create({ name: "changed", size: 1 });
    await mp.pools.pause("changed");
    await using pool = mp.pool(1, { name: "changed" });
    const file = scratch();
    const [first, second, third] = [
      await pool.submit(tasks.append, [file, "first"]),
      await pool.submit(tasks.append, [file, "second"], { priority: 5 }),
      await pool.submit(tasks.append, [file, "third"], { delay: 600_000 }),
    ] as const;
    const [one, two, three] = [first, second, third].map(({ id }) => other.task(id, { pool: "changed" })) as [
      TaskHandle,
      TaskHandle,
      TaskHandle,
    ];
    expect(await one.change({ priority: 7 })).toEqual({ outcome: "changed", pool: "changed", state: "prioritized" });
    expect(await two.change({ priority: 0, args: [file, "changed"] })).toMatchObject({ state: "waiting" });
    expect(await three.change({ delay: 0, priority: 6 })).toMatchObject({ state: "prioritized" });
    expect((await two.show()).args).toEqual([file, "changed"]);
    await mp.pools.resume("changed");
    await Promise.all([first.get(), second.get(), third.get()]);
    expect(readFileSync(file, "utf8")).toBe("changed\nthird\nfirst\n");
    await mp.pools.remove("changed", { force: true });
  });

  test("to a later time, from now", async () => {
    const { id } = await mp.submit(tasks.square, [3], { delay: 600_000 });
    const handle = other.task<number>(id);
    const before = Date.now();
    expect(await handle.change({ delay: 1_200_000, args: [4] })).toMatchObject({
      outcome: "changed",
      state: "delayed",
    });
    const { dueAt } = await handle.show();
    expect(dueAt).toBeGreaterThanOrEqual(before + 1_200_000 - 1_000);
    expect(dueAt).toBeLessThan(before + 1_260_000);
    await handle.change({ delay: 1 });
    expect(await handle.get()).toBe(16);
  });

  test("of one that has started changes nothing, and says where it is", async () => {
    const gate = mp.event();
    const handle = await mp.submit(tasks.waitForEvent, [gate, "as submitted"]);
    await until(async () => (await handle.state()) === "active");
    const outcome = await other.task(handle.id).change({ args: [gate, "changed"], priority: 1 });
    expect(outcome).toEqual({ outcome: "not-waiting", pool: "default", state: "active" });
    await gate.set();
    expect(await handle.get()).toBe("as submitted");
    await until(async () => (await handle.state()) === "completed");
    expect(await handle.change({ delay: 5 })).toMatchObject({ outcome: "not-waiting", state: "completed" });
  });

  test("by several programs at once: each is whole, and one is last", async () => {
    const { id } = await mp.submit(tasks.square, [0], { delay: 600_000 });
    await Promise.all(
      Array.from({ length: 8 }, (_, x) => [mp, other][x % 2]?.task(id).change({ args: [x + 1], priority: x + 1 })),
    );
    const { args } = await mp.task(id).show();
    const [last] = args as number[];
    expect(last).toBeGreaterThan(0);
    await mp.task<number>(id).promote();
    expect(await mp.task<number>(id).get()).toBe((last as number) ** 2);
  });

  test("that cannot be is refused, and changes nothing", async () => {
    const { id } = await mp.submit(tasks.checked, [3], { delay: 600_000 });
    const handle = other.task(tasks.checked, id);
    const bad = [{}, { priority: -1 }, { priority: 1.5 }, { delay: -1 }, { delay: "soon" }, { args: 5 }, { prio: 1 }];
    for (const change of [...bad, null, 5]) {
      expect(await reason(handle.change(change as never)), JSON.stringify(change)).toBeInstanceOf(ValueError);
    }
    expect(await reason(handle.change({ args: ["no number"], delay: 0 }))).toBeInstanceOf(ValidationError);
    const small = await connect({ redis: redis.url, namespace, maxPayload: 1_024, logger: silent });
    onTestFinished(() => small.close());
    expect(await reason(small.task(id).change({ args: ["x".repeat(2_000)] }))).toBeInstanceOf(PayloadTooLargeError);
    expect(await handle.show()).toMatchObject({ state: "delayed", args: [3] });
    await handle.remove();
    expect(await reason(handle.change({ delay: 0 }))).toBeInstanceOf(TaskUnknownError);
  });
});

describe("several results", () => {
  test("are given in the order in which they complete, failed ones as well", async () => {
    // given
    await using pool = mp.pool(3);
    const gates = [mp.event(), mp.event()] as const;
    const slow = pool.applyAsync(tasks.waitForEvent, [gates[1], "slow"]);
    const quick = await mp.submit(tasks.waitForEvent, [gates[0], "quick"]);
    const failing = pool.applyAsync(tasks.failFirst, [scratch()]);
    // when
    const given = [slow, other.task<string>(quick.id), failing, slow];
    const order: unknown[] = [];
    for await (const result of mp.asCompleted(given, { timeout: 60_000 })) {
      order.push(given.indexOf(result as (typeof given)[number]));
      if (order.length < 3) await gates[order.length === 1 ? 0 : 1].set();
    }
    // then
    expect(order).toEqual([2, 1, 0]);
    expect(await mp.any(given)).toBe(await mp.any([slow, failing]));
    expect(await mp.any([failing, other.task<string>(quick.id)])).toBe("quick");
    const [first, second] = [
      pool.applyAsync(tasks.failFirst, [scratch()]),
      pool.applyAsync(tasks.failFirst, [scratch()]),
    ];
    const error = (await reason(mp.any([first, second]))) as AggregateError;
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.errors).toEqual([await reason(first), await reason(second)]);
  });

  test("are waited for as long as is said, and for nothing else than results", async () => {
    // given
    const handle = await mp.submit(tasks.square, [3], { delay: 600_000 });
    const done = await mp.submit(tasks.square, [4]);
    await done.get();
    const read = async (patience?: Patience): Promise<number> => {
      let count = 0;
      for await (const one of mp.asCompleted([handle, done], patience)) count += one === done ? 1 : 100;
      return count;
    };
    // then
    for (const patience of [false, { timeout: 0 }, { timeout: 2_000 }]) {
      const error = await reason(read(patience));
      expect(error, JSON.stringify(patience)).toBeInstanceOf(TimeoutError);
      expect((error as Error).message).toMatch(
        /^1 of the results did not complete within \d+ ms; they are still under way$/,
      );
    }
    expect(await reason(read({ signal: AbortSignal.abort("enough") }))).toBe("enough");
    const stop = new AbortController();
    const waits = reason(read({ signal: stop.signal }));
    stop.abort("later");
    expect(await waits).toBe("later");
    for await (const one of mp.asCompleted([handle, done])) {
      expect(one).toBe(done);
      break;
    }
    expect(await reason(mp.any([handle], { timeout: 20 }))).toBeInstanceOf(TimeoutError);
    expect((await reason(mp.any([]))) as Error).toMatchObject({ message: "no result was given", errors: [] });
    for await (const _ of mp.asCompleted([])) throw new Error("there is none");
    for (const bad of [5, null, handle, [handle, 7], [Promise.resolve(1)]]) {
      expect(() => mp.asCompleted(bad as never)).toThrow(ValueError);
      expect(await reason(mp.any(bad as never))).toBeInstanceOf(ValueError);
    }
    expect(() => mp.asCompleted([handle], { timeout: "soon" as never })).toThrow(ValueError);
    // when: the context of a wait is closed
    const context = await connected();
    const closed = reason(context.any([context.task(handle.id)]));
    await context.close();
    expect(((await closed) as AggregateError).errors[0]).toBeInstanceOf(ClosedError);
    await handle.remove();
  });
});

test.each([
  ["state", [{}], "handle.state() takes no arguments: handle.state(); got {  }"],
  ["get", [50], "handle.get() does not take 50 as argument 1: handle.get({ block, timeout, signal })"],
  [
    "updates",
    [{ form: "start" }],
    'handle.updates() has no option "form"; did you mean from?: handle.updates({ from, timeout, signal })',
  ],
  [
    "updates",
    ["start"],
    'handle.updates() does not take "start" as argument 1: handle.updates({ from, timeout, signal })',
  ],
  ["show", [1], "handle.show() takes no arguments: handle.show(); got 1"],
  ["cancel", [{ reason: "late" }], "handle.cancel() takes no options as argument 1: handle.cancel(reason)"],
  ["retry", [{ delay: 5 }], "handle.retry() takes no arguments: handle.retry(); got { delay }"],
  ["promote", [1], "handle.promote() takes no arguments: handle.promote(); got 1"],
  ["remove", [{ force: true }], "handle.remove() takes no arguments: handle.remove(); got { force }"],
  [
    "change",
    [{ delay: 5 }, 6],
    "handle.change() takes one argument: handle.change({ priority, delay, args }); got { delay }, 6",
  ],
])("a handle's %s() refuses %j, and does nothing", async (method, args, message) => {
  const handle = mp.task("of-nothing") as unknown as { [method: string]: (...args: unknown[]) => unknown };
  expect(await reason((async () => handle[method]?.(...args))())).toEqual(new ValueError(message));
});

describe("the end of the program that submitted", () => {
  test.each(["close", "disposal of the pool"])(
    "by %s: calls in a named pool go on, and their ids find them",
    async (way) => {
      // given
      const context = await connected();
      const gate = mp.event();
      const pool = context.pool(2, { name: "goes-on" });
      const calls = [0, 1, 2].map((x) => pool.applyAsync(tasks.waitForEvent, [gate, `call ${x}`]));
      // when
      if (way === "close") await context.close();
      else await pool[Symbol.asyncDispose]();
      // then
      const errors = (await Promise.all(calls.map(reason))) as DetachedError[];
      for (const error of errors) expect(error).toBeInstanceOf(DetachedError);
      await gate.set();
      const values = await Promise.all(errors.map(({ id }) => other.task(id).get()));
      expect(values).toEqual(["call 0", "call 1", "call 2"]);
      await mp.pools.remove("goes-on", { force: true });
    },
  );

  test("calls of an unnamed pool end with it", async () => {
    const context = await connected();
    const pool = context.pool(1);
    const result = pool.applyAsync(tasks.sleepy, [1, 60_000]);
    await result.submitted();
    await context.close();
    expect(await reason(result)).toBeInstanceOf(PoolTerminatedError);
  });

  test("what is not in Redis yet gets there before the context is closed", async () => {
    const context = await connected();
    const file = scratch();
    const submitted = Promise.allSettled([1, 2, 3].map(() => context.submit(tasks.append, [file, "line"])));
    const pool = context.pool(1, { name: "last-minute" });
    const calls = Array.from({ length: 50 }, () => reason(pool.applyAsync(tasks.append, [file, "line"])));
    await context.close();
    const handles = await submitted;
    expect(handles.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
    await Promise.all(calls);
    await until(() => lines(file) >= 53);
    expect(lines(file)).toBe(53);
  });

  test("so does what is not ready to be sent: options are still read, arguments checked, slots counted", async () => {
    // given
    const context = await connected();
    const file = scratch();
    const name = tasks.append.name;
    const checkedLate = task("background/checked-late", (line: string) => line, {
      schema: z.tuple([z.string().refine(() => new Promise<boolean>((pass) => setTimeout(pass, 100, true)))]),
    });
    const pool = context.pool(1, { name: "not-ready" });
    // when
    const submitted = [context.submit(name, [file, "line"]), pool.submit(name, [file, "line"])];
    const checked = [pool.submit(checkedLate, ["x"]), pool.applyAsync(checkedLate, ["y"]).submitted()];
    const calls = [
      pool.applyAsync(name, [file, "line"]),
      pool.starmapAsync(tasks.append, [
        [file, "line"],
        [file, "line"],
      ]),
    ].map((call) => call.submitted());
    await context.close();
    // then
    await Promise.all([...submitted, ...checked, ...calls]);
    await until(() => lines(file) >= 5);
    expect(lines(file)).toBe(5);
    expect(await mp.tasks.count({ pool: "not-ready", task: checkedLate.name })).toBe(2);
    await mp.pools.remove("not-ready", { force: true });
  });

  test("an input that never ends does not hold the end of its pool", async () => {
    const context = await connected();
    const endless = async function* (): AsyncGenerator<number> {
      yield* await new Promise<number[]>(() => {});
    };
    const pool = context.pool(1, { name: "endless-input" });
    const mapped = reason(pool.mapAsync(tasks.square, endless()));
    await pool[Symbol.asyncDispose]();
    expect(await mapped).toBeInstanceOf(ClosedError);
  });

  test.each(["SIGKILL", "SIGTERM"] as const)(
    "by %s: what was submitted runs once, and is found by its id",
    async (signal) => {
      const actor = await startActor({ redis: redis.url, namespace });
      const file = scratch();
      const id = await actor.run(
        async ({ mp: its }, path) => (await its.submit("conformance.append", [path, "line"], { delay: 200 })).id,
        file,
      );
      actor.kill(signal);
      await actor.exited;
      await other.task(id).get();
      expect(lines(file)).toBe(1);
    },
  );
});
