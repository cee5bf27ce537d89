import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@manyhands/core";
import {
  cancelWorkflow,
  putWorkflow,
  readNodeResult,
  readWorkflow,
  readWorkflowNodes,
  removeWorkflow,
  retryWorkflow,
  type WorkflowState,
  WorkflowSweep,
  writeNamespaceKeep,
} from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { type Job, Worker } from "bullmq";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { TestNamespace } from "../host/namespace.ts";
import { nodesOf, type Tree } from "./tree-nodes.ts";

const TASKS = fileURLToPath(new URL("../fixtures/workflow-tasks.ts", import.meta.url));
const CANCEL_AND_DIE = fileURLToPath(new URL("../fixtures/cancel-and-die.ts", import.meta.url));

const redis = useRedis();

const show = (...args: unknown[]): Tree => ({ task: "show", args });
const noFile = (): string => join(tmpdir(), `manyhands-${randomUUID()}`);

/** A namespace with workflows in it. */
async function open(hosts = 1) {
  const space = new TestNamespace(redis);
  await space.pool("default");
  const context = { client: space.client, keys: space.keys };
  for (let host = 0; host < hosts; host += 1) await space.host({ tasks: [TASKS], slots: 4 });
  let ids = 0;
  const put = async (tree: Tree, more: { onError?: { pool: string; task: string } } = {}): Promise<string> => {
    ids += 1;
    const id = `flow${ids}`;
    expect(await putWorkflow(context, { id, nodes: nodesOf(tree), ...more })).toBe("created");
    return id;
  };
  const reaches = (id: string, ...states: WorkflowState[]) =>
    until(async () => states.includes((await readWorkflow(context, id))?.state as WorkflowState), {
      what: `workflow ${id} is ${states.join(" or ")}: ${space.logs.join(" / ")}`,
    });
  const result = async (id: string): Promise<unknown> => {
    await reaches(id, "completed");
    return (await readNodeResult(context, id, 0)).value;
  };
  return { space, context, put, reaches, result };
}

/** What steps have told of failures. */
async function connectTo(space: TestNamespace) {
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close());
  return mp.queue("failures");
}

describe("a workflow", () => {
  test("gives each step the result of what comes before it, and groups their results in order", async () => {
    // given
    const { put, result } = await open();

    // when
    const step = await put(show(1));
    const chain = await put({
      chain: [show("a"), show("b"), { task: "show", args: ["c"], takesResult: false }, show()],
    });
    const chord = await put({ chain: [{ group: [show(1), show(2), show(3)] }, show("sum")] });
    const empty = await put({ chain: [{ group: [] }, show("none")] });
    const nested = await put({
      chain: [show("x"), { group: [{ chain: [show(1), { group: [show(2), show(3)] }] }, show(4)] }, show("end")],
    });
    const bodyIsGroup = await put({
      chain: [{ group: [show(1), show(2)] }, { group: [show("l"), show("r")] }, show()],
    });

    // then
    expect(await result(step)).toEqual([1]);
    expect(await result(chain)).toEqual([["c"]]);
    expect(await result(chord)).toEqual([[[1], [2], [3]], "sum"]);
    expect(await result(empty)).toEqual([[], "none"]);
    expect(await result(nested)).toEqual([
      [
        [
          [[["x"], 1], 2],
          [[["x"], 1], 3],
        ],
        [["x"], 4],
      ],
      "end",
    ]);
    const both = [[1], [2]];
    expect(await result(bodyIsGroup)).toEqual([
      [
        [both, "l"],
        [both, "r"],
      ],
    ]);
  });

  test("passes on results of any size and type, and a list of 1 200 of them", async () => {
    // given
    const { space, context, put, result } = await open();
    const parts = Array.from({ length: 1_200 }, (_, index): Tree => ({ task: "show", args: [index] }));
    const sizes = [10, 100, 20_000, 200_000, 3];

    // when
    const many = await put({ chain: [{ group: parts }, { task: "count" }] });
    const large = await put({
      chain: [{ group: sizes.map((size): Tree => ({ task: "pad", args: [size] })) }, { task: "lengths" }],
    });
    const rich = await put({ chain: [{ task: "rich" }, show(1), show(2)] });

    // then
    expect(await result(many)).toBe(1_200);
    expect(await result(large)).toEqual(sizes);
    expect(await result(rich)).toEqual([[new Map([["day", new Date(0)]]), 1], 2]);
    expect(await space.client.exists(space.keys.workflowResult(large, 5))).toBe(1);
    expect((await readWorkflow(context, many))?.steps).toEqual({
      ...{ total: 1_201, completed: 1_201, pending: 0, released: 0, failed: 0, stopped: 0 },
    });

    // when
    expect(await removeWorkflow(context, large)).toBe("removed");

    // then
    expect(await space.client.keys(`{${space.name}}/workflow*/${large}*`)).toEqual([]);
  });

  test("goes with the jobs of its steps, from every pool, and leaves those of others", async () => {
    // given: more steps than one piece removes, some with answers of their own, some failed, and a task with the id of a step
    const { space, context, put, result, reaches } = await open();
    const parts = Array.from({ length: 300 }, (_, index): Tree => ({ task: "show", args: [index] }));
    const id = await put({ chain: [{ group: [...parts, { task: "pad", args: [200_000] }] }, { task: "count" }] });
    expect(await result(id)).toBe(301);
    const failed = await put({ task: "fails", args: ["no"] });
    await reaches(failed, "failed");
    const queue = space.queue("default");
    const other = `${id}.9999`;
    await queue.add("show", { args: [] }, { jobId: other });
    await until(async () => (await queue.getCompletedCount()) === 303);

    // when
    expect(await removeWorkflow(context, id)).toBe("removed");

    // then
    const left = async (set: "completed" | "failed") => (await queue.getJobs([set])).map((job) => job.id);
    expect(await left("completed")).toEqual([other]);
    expect(await left("failed")).toEqual([`${failed}.0`]);
    const keys = await space.client.keys(`{${space.name}}*`);
    expect(keys.filter((key) => key.includes(`:${id}.`) || key.includes(`/${id}`))).toEqual([
      space.keys.job("default", other),
    ]);
    expect(await removeWorkflow(context, failed)).toBe("removed");
    expect(await left("failed")).toEqual([]);
  });

  test("that is removed while steps of it wait leaves none of them to a later one of its id", async () => {
    // given: one that has failed, and hosts of it are busy or away
    const { space, context } = await open(0);
    const put = (tree: Tree) => putWorkflow(context, { id: "nightly", nodes: nodesOf(tree) });
    const old = (count: number): Tree[] => Array.from({ length: count }, (_, index) => show("old", index));
    await put({ group: [...old(700), { task: "show", args: ["old"], options: { delay: 3_600_000 } }] });
    await until(async () => (await readWorkflow(context, "nightly"))?.steps.released === 701, {
      what: "all are in line",
    });
    await (await space.job("default", "nightly.1"))?.remove();
    const sweep = new WorkflowSweep(context);
    const hasFailed = async (): Promise<boolean> => {
      await sweep.look();
      return (await readWorkflow(context, "nightly"))?.state === "failed";
    };
    await until(hasFailed, { what: "a look has found the step that is gone" });

    // when
    expect(await removeWorkflow(context, "nightly")).toBe("removed");

    // then
    const counts = await space.queue("default").getJobCounts("wait", "delayed", "prioritized");
    expect(counts).toMatchObject({ wait: 0, delayed: 0, prioritized: 0 });
    expect(await space.client.keys(`{${space.name}}*nightly*`)).toEqual([]);

    // when
    const file = noFile();
    await put({ chain: [{ task: "waitForFile", args: [file] }, { group: [show(1), show(2)] }] });
    await space.host({ tasks: [TASKS], slots: 4 });
    await until(
      async () => (await readWorkflowNodes(context, "nightly", { from: 1, count: 1 }))[0]?.state === "active",
    );
    writeFileSync(file, "");

    // then
    await until(async () => (await readWorkflow(context, "nightly"))?.state === "completed");
    expect((await readNodeResult(context, "nightly", 0)).value).toEqual([
      ["there", 1],
      ["there", 2],
    ]);
  });

  test("that has completed leaves no step that waited to a later one of its id", async () => {
    // given: a part of it has failed before all of that was started
    const { space, context, reaches } = await open();
    const nodes = nodesOf({
      group: [
        {
          group: [
            { task: "show", args: ["old"], options: { delay: 3_600_000 } },
            { task: "needsFile", args: [noFile()] },
          ],
        },
      ],
      errors: "return",
    });
    await putWorkflow(context, { id: "nightly", nodes });
    await reaches("nightly", "completed");

    // when
    expect(await removeWorkflow(context, "nightly")).toBe("removed");

    // then
    expect(await space.client.keys(`{${space.name}}*nightly*`)).toEqual([]);
  });

  test("does not take steps for its own that an earlier one of its id has left in line", async () => {
    // given: what Redis had of the earlier one is gone but for its jobs
    const { space, context } = await open(0);
    const put = (tree: Tree) => putWorkflow(context, { id: "nightly", nodes: nodesOf(tree) });
    await put({ group: [show("old", 1), show("old", 2), show("old", 3)] });
    for (const key of await space.client.keys(`{${space.name}}/workflow*`)) await space.client.unlink(key);
    const file = noFile();

    // when
    await put({ chain: [{ task: "waitForFile", args: [file] }, { group: [show(1), show(2)] }] });
    await space.host({ tasks: [TASKS], slots: 4 });
    await until(async () => (await space.queue("default").getWaitingCount()) === 0, { what: "old steps are dropped" });
    writeFileSync(file, "");

    // then
    await until(async () => (await readWorkflow(context, "nightly"))?.state === "completed");
    expect((await readNodeResult(context, "nightly", 0)).value).toEqual([
      ["there", 1],
      ["there", 2],
    ]);
    expect(await readWorkflow(context, "nightly")).toMatchObject({ steps: { completed: 3, released: 0 } });
    expect(await space.queue("default").getCompletedCount()).toBe(3);
  });

  test("fails with the first step that fails, starts nothing more, and a retry runs only what is left", async () => {
    // given
    const { space, context, put, reaches, result } = await open();
    const file = noFile();

    // when
    const id = await put(
      {
        chain: [
          { group: [show("kept"), { chain: [{ task: "needsFile", args: [file, "late"] }, show("after")] }] },
          show("end"),
        ],
      },
      { onError: { pool: "default", task: "noteFailure" } },
    );
    await reaches(id, "failed");

    // then
    const record = await readWorkflow(context, id);
    expect(record?.failure).toMatchObject({ task: "needsFile", message: `${file} is missing` });
    const failures = await connectTo(space);
    expect(await failures.get({ timeout: 90_000 })).toMatchObject({
      ...{ id, task: "needsFile", args: [file, "late"], attempts: 1, error: { message: `${file} is missing` } },
    });
    await until(async () => (await readWorkflow(context, id))?.steps.released === 0);
    expect((await readWorkflow(context, id))?.steps).toMatchObject({ completed: 1, failed: 1, pending: 2 });

    // when
    writeFileSync(file, "");
    expect(await retryWorkflow(context, id)).toEqual({ outcome: "retried", steps: 1 });

    // then
    expect(await result(id)).toEqual([[["kept"], ["late", "after"]], "end"]);
    const kept = (await readWorkflowNodes(context, id, { from: 0, count: 10 })).find(({ task }) => task === "show");
    expect((await space.job("default", kept?.jobId ?? ""))?.attemptsStarted).toBe(1);
    expect(await retryWorkflow(context, id)).toEqual({ outcome: "not failed", steps: 0 });
  });

  test("goes on without a part that failed in a group that returns errors, and drops the rest of that part", async () => {
    // given
    const { space, context, put, result } = await open();
    const waiting = noFile();
    const bad: Tree = { task: "needsFile", args: [noFile(), 0] };

    // when
    const id = await put({
      chain: [
        {
          errors: "return",
          group: [
            show("good"),
            { chain: [bad, show("never")] },
            { group: [bad, { chain: [{ task: "waitForFile", args: [waiting] }, show("never")] }] },
            bad,
          ],
        },
        show("end"),
      ],
    });
    const [list, end] = (await result(id)) as [unknown[], string];
    writeFileSync(waiting, "");

    // then
    expect(end).toBe("end");
    expect(list).toMatchObject([
      { index: 0, ok: true, value: ["good"] },
      { index: 1, ok: false, error: { name: "RangeError" } },
      { index: 2, ok: false, error: { name: "RangeError" } },
      { index: 3, ok: false, error: { name: "RangeError" } },
    ]);
    await until(async () => (await readWorkflow(context, id))?.steps.released === 0);
    const nodes = await readWorkflowNodes(context, id, { from: 0, count: 50 });
    const nevers = nodes.filter(({ parent, place, task }) => task === "show" && place === 1 && parent > 1);
    expect(nevers.map(({ state }) => state)).toEqual(["stopped", "stopped"]);
    for (const { jobId } of nevers) expect(await space.job("default", jobId ?? "")).toBeUndefined();
  });

  test("starts no step after it was cancelled, and goes on from there when it is retried", async () => {
    // given
    const { space, context, put, reaches, result } = await open();
    const file = noFile();
    const parts = Array.from({ length: 40 }, (): Tree => ({ task: "waitForFile", args: [file] }));
    const id = await put({ chain: [{ group: parts }, { task: "count" }] });
    await until(async () => (await space.queue("default").getActiveCount()) === 4);

    // when
    expect(await cancelWorkflow(context, id, "not needed")).toBe("cancelled");
    expect(await space.queue("default").getWaitingCount()).toBe(0);
    await until(async () => (await readWorkflow(context, id))?.steps.released === 0);

    // then
    expect(await readWorkflow(context, id)).toMatchObject({ state: "cancelled", reason: "not needed" });
    const jobs = await space.queue("default").getJobs(["completed", "failed"]);
    expect(jobs.length).toBe(4);

    // when
    writeFileSync(file, "");
    expect(await retryWorkflow(context, id)).toMatchObject({ outcome: "retried" });

    // then
    expect(await result(id)).toBe(40);
    expect(await cancelWorkflow(context, id, "late")).toBe("ended");
    await reaches(id, "completed");

    // when: it goes on before its steps have noticed that they are cancelled
    const [again, still] = [noFile(), noFile()];
    const hasty = await put({
      group: [
        { task: "waitForFile", args: [again] },
        { task: "ignoresCancel", args: [still] },
      ],
    });
    await until(async () => (await space.queue("default").getActiveCount()) === 2);
    await cancelWorkflow(context, hasty, "a mistake");
    expect(await removeWorkflow(context, hasty)).toBe("running");
    await retryWorkflow(context, hasty);
    for (const one of [again, still]) writeFileSync(one, "");

    // then
    expect(await result(hasty)).toEqual(["there", "there"]);
  });

  test("says what a step has failed with that was lost with too many hosts, and what to do", async () => {
    // given a step that was lost with three hosts
    const { space, context, put, reaches, result } = await open(0);
    const id = await put({ chain: [show("lost"), show()] });
    const [{ pool = "", jobId = "" } = {}] = await readWorkflowNodes(context, id, { from: 1, count: 1 });
    const lost = { stc: 3, defa: "job stalled more than allowable limit" };
    await space.client.hset(space.keys.job(pool, jobId), lost);

    // when
    await space.host({ tasks: [TASKS], slots: 4 });
    await reaches(id, "failed");

    // then
    const said = `task "show" (job ${jobId}) was set aside: the 3 hosts that ran it`;
    const failure = (await readWorkflow(context, id))?.failure;
    expect(failure).toMatchObject({ step: 1, message: expect.stringContaining(said) });
    expect(failure?.error).not.toBe("");
    const failed = await space.job(pool, jobId);
    expect(failed?.failedReason).toContain(said);
    expect(failed?.failedReason).toContain(`manyhands workflow retry ${id}`);

    // and when it is retried on purpose, it counts anew
    await until(async () => (await space.client.hget(space.keys.job(pool, jobId), "stc")) === null);
    await retryWorkflow(context, id);
    expect(await result(id)).toEqual([["lost"]]);
  });

  test("is not stopped by a cancellation that goes on after another program has retried it", async () => {
    // given: the commands of the program that cancels come late
    const { space, context, put, result } = await open();
    const file = noFile();
    const late = redis.client();
    const isRetried = Promise.withResolvers<void>();
    const evalsha = late.evalsha.bind(late) as (...given: unknown[]) => Promise<unknown>;
    let scripts = 0;
    late.evalsha = (async (...given: unknown[]) => {
      scripts += 1;
      if (scripts > 1) await isRetried.promise;
      return evalsha(...given);
    }) as typeof late.evalsha;
    const part: Tree = { task: "waitForFile", args: [file] };
    const id = await put({ group: [part, part, part] });
    await until(async () => (await space.queue("default").getActiveCount()) === 3);

    // when
    const cancelling = cancelWorkflow({ ...context, client: late }, id, "a mistake");
    await until(async () => (await readWorkflow(context, id))?.state === "cancelled");
    expect(await retryWorkflow(context, id)).toMatchObject({ outcome: "retried" });
    isRetried.resolve();
    await cancelling;
    writeFileSync(file, "");

    // then
    expect(await result(id)).toEqual(["there", "there", "there"]);
    expect(await space.queue("default").getFailedCount()).toBe(0);
  });

  test("starts steps again that a cancellation has ended after its retry, also with a host whose clock is ahead", async () => {
    // given
    const now = Date.now.bind(Date);
    const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + 60_000);
    onTestFinished(() => clock.mockRestore());
    const { space, context, put, result } = await open();
    const file = noFile();
    const id = await put({ task: "ignoresCancel", args: [file] });
    await until(async () => (await space.queue("default").getActiveCount()) === 1);

    // when
    expect(await cancelWorkflow(context, id, "a mistake")).toBe("cancelled");
    expect(await retryWorkflow(context, id)).toMatchObject({ outcome: "retried" });
    writeFileSync(file, "");

    // then
    expect(await result(id)).toBe("there");
  });

  test("is stopped, removed and retried also where it has ended and steps of it still run", async () => {
    // given
    const { space, context, put, reaches, result } = await open();
    const bad: Tree = { task: "needsFile", args: [noFile(), "never"] };
    const [file, needed, late] = [noFile(), noFile(), noFile()];
    const failed = await put({
      group: [
        { task: "waitForFile", args: [file] },
        { task: "needsFile", args: [needed, "late"] },
      ],
    });
    await reaches(failed, "failed");
    const whole = await put({
      group: [{ group: [{ task: "waitForFile", args: [late] }, bad] }],
      errors: "return",
    });
    await reaches(whole, "completed");
    const isAtRest = (id: string) =>
      until(async () => (await readWorkflow(context, id))?.steps.released === 0, { what: `nothing of ${id} runs` });

    for (const id of [failed, whole]) {
      // then
      const before = await readWorkflow(context, id);
      expect(before?.steps.released).toBe(1);
      expect(await removeWorkflow(context, id)).toBe("running");

      // when
      expect(await cancelWorkflow(context, id, "not needed")).toBe("stopping");
      await isAtRest(id);

      // then
      expect(await readWorkflow(context, id)).toMatchObject({ state: before?.state, failure: before?.failure });
      expect(await cancelWorkflow(context, id, "again")).toBe("ended");
    }
    expect(await removeWorkflow(context, whole)).toBe("removed");
    const isOpen = async () => (await space.client.smembers(space.keys.openWorkflows)).length > 0;
    await until(async () => !(await isOpen()), { what: "no look is needed any more" });

    // when
    for (const one of [file, needed]) writeFileSync(one, "");
    expect(await retryWorkflow(context, failed)).toEqual({ outcome: "retried", steps: 2 });

    // then
    expect(await result(failed)).toEqual(["there", "late"]);
    expect(await removeWorkflow(context, failed)).toBe("removed");
  });

  test("is stopped although the program that cancels it is killed half way", async () => {
    // given: a worker of BullMQ has the first step of each, and nothing looks after workflows
    const { space, context, put } = await open(0);
    const taker = new Worker("default", async () => "foreign", {
      ...{ connection: space.client as never, prefix: space.keys.queuePrefix, concurrency: 1, autorun: false },
    });
    onTestFinished(() => taker.close());
    const breakOff = async (id: string): Promise<void> => {
      const program = spawn(process.execPath, [CANCEL_AND_DIE, redis.url, space.name, id, "wrong day"]);
      const [, signal] = (await once(program, "exit")) as [number | null, string | null];
      expect(signal).toBe("SIGKILL");
      expect(await readWorkflow(context, id)).toMatchObject({ state: "cancelled", reason: "wrong day" });
    };
    const runs = async (): Promise<string> => {
      const id = await put({ chain: [show(1), show(2)] });
      const job = (await taker.getNextJob("token")) as Job;
      expect(job.id).toBe(`${id}.1`);
      await breakOff(id);
      expect(await requested(id)).toBeNull();
      return id;
    };
    const requested = (id: string) => space.client.hget(space.keys.job("default", `${id}.1`), "cancelRequested");

    // when: it is cancelled once more
    const one = await runs();
    expect(await cancelWorkflow(context, one, "late")).toBe("stopping");

    // then
    expect(await requested(one)).toBe("wrong day");

    // when: it is looked after
    const other = await runs();
    await new WorkflowSweep(context).look();

    // then
    expect(await requested(other)).toBe("wrong day");

    // when: hosts run it, and no program does anything
    await space.host({ tasks: [TASKS] });
    const id = await put({ task: "waitForFile", args: [noFile()] });
    await until(async () => (await readWorkflowNodes(context, id, { from: 0, count: 1 }))[0]?.state === "active");
    await breakOff(id);

    // then
    await until(async () => (await readWorkflow(context, id))?.steps.failed === 1, { what: "its step was cancelled" });
    expect(await removeWorkflow(context, id)).toBe("removed");
  });

  test("goes on with more steps that were stopped than one script puts back", async () => {
    // given 600 steps in line, and all of them stopped
    const { space, context, put, reaches, result } = await open(0);
    const id = await put({ group: Array.from({ length: 600 }, (_, index) => show(index)) });
    await until(async () => (await readWorkflow(context, id))?.steps.released === 600, { what: "all are in line" });
    await cancelWorkflow(context, id, "not now");
    await space.host({ tasks: [TASKS], slots: 4 });
    await until(async () => (await readWorkflow(context, id))?.steps.stopped === 600, { what: "all are stopped" });

    // when
    expect(await retryWorkflow(context, id)).toEqual({ outcome: "retried", steps: 600 });

    // then
    await reaches(id, "completed");
    expect(await result(id)).toEqual(Array.from({ length: 600 }, (_, index) => [index]));
    expect(await space.client.hexists(space.keys.workflow(id), "again")).toBe(0);
  });

  test("is submitted once, needs no submitter, and hears of steps that were ended or removed by others", async () => {
    // given
    const { space, context, put, reaches, result } = await open(0);
    const id = await put({ chain: [{ group: [show(1), show(2), show(3)] }, show("end")] });
    const gone = await put({ chain: [show(1), show(2)] });
    const nodes = nodesOf({ chain: [show(1)] });
    const sweep = new WorkflowSweep(context);
    const lookTwice = async (): Promise<void> => {
      await sweep.look();
      await sweep.look();
    };

    // when
    expect(await putWorkflow(context, { id, nodes })).toBe("exists");
    const worker = new Worker("default", async () => "foreign", {
      ...{ connection: space.client as never, prefix: space.keys.queuePrefix, concurrency: 1, autorun: false },
    });
    const foreign = (await worker.getNextJob("token")) as Job;
    await foreign.moveToCompleted("foreign" as never, "token", false);
    await (await space.job("default", `${gone}.1`))?.remove();
    await lookTwice();

    // then
    expect((await readWorkflow(context, gone))?.failure?.message).toMatch(/was removed before it had an outcome/);
    expect((await readWorkflow(context, id))?.steps).toMatchObject({ completed: 1, released: 2 });

    // when
    await worker.close();
    await space.host({ tasks: [TASKS] });
    await retryWorkflow(context, gone);

    // then
    expect(await result(id)).toEqual([["foreign", [2], [3]], "end"]);
    expect(await result(gone)).toEqual([[1], 2]);
    await reaches(id, "completed");
  });

  test("hears of each step that a worker of BullMQ ends with the next look, once it has heard of one", async () => {
    // given
    const { space, context, put } = await open(0);
    const alone = (value: number): Tree => ({ task: "show", args: [value], takesResult: false });
    const id = await put({ chain: [alone(1), alone(2), alone(3), alone(4)] });
    const worker = new Worker("default", async () => "foreign", {
      ...{ connection: space.client as never, prefix: space.keys.queuePrefix, concurrency: 1, autorun: false },
    });
    onTestFinished(() => worker.close());
    const sweep = new WorkflowSweep(context);
    const endOne = async (): Promise<void> => {
      const job = (await worker.getNextJob("token")) as Job;
      await job.moveToCompleted("foreign" as never, "token", false);
    };
    const completed = async (): Promise<number> => (await readWorkflow(context, id))?.steps.completed ?? 0;

    // when
    await endOne();
    await sweep.look();
    const first = await completed();
    await sweep.look();

    // then
    expect([first, await completed()]).toEqual([0, 1]);
    for (const step of [2, 3, 4]) {
      await endOne();
      await sweep.look();
      expect(await completed()).toBe(step);
    }
    expect((await readWorkflow(context, id))?.state).toBe("completed");
  });

  test("leaves nothing in line for a worker of BullMQ once its cancellation has resolved", async () => {
    // given
    const { space, context, put, result } = await open(0);
    const parts = Array.from({ length: 300 }, (_, index): Tree => show(index));
    const id = await put({ group: [...parts, { task: "show", args: ["late"], options: { delay: 60_000 } }] });
    await until(async () => (await readWorkflow(context, id))?.steps.released === 301);

    // when
    expect(await cancelWorkflow(context, id, "not needed")).toBe("cancelled");

    // then
    const counts = await space.queue("default").getJobCounts("wait", "delayed", "prioritized");
    expect(counts).toMatchObject({ wait: 0, delayed: 0, prioritized: 0 });
    expect((await readWorkflow(context, id))?.steps).toMatchObject({ released: 0, stopped: 301 });

    // when
    await retryWorkflow(context, id);
    await space.host({ tasks: [TASKS], slots: 4 });
    await (await space.job("default", `${id}.301`))?.promote();

    // then
    expect(await result(id)).toEqual([...parts.map((_, index) => [index]), ["late"]]);
  });

  test("tells its error task which step a look has found failed, with its arguments", async () => {
    // given
    const { space, context, put } = await open(0);
    const onError = { pool: "default", task: "noteFailure" };
    const id = await put({ chain: [show("a"), { task: "show", args: ["b", 7] }] }, { onError });
    const failures = await connectTo(space);

    // when
    await (await space.job("default", `${id}.1`))?.remove();
    const sweep = new WorkflowSweep(context);
    await sweep.look();
    await sweep.look();
    await space.host({ tasks: [TASKS] });

    // then
    expect(await failures.get({ timeout: 90_000 })).toMatchObject({
      ...{ id, step: `${id}.1`, task: "show", args: ["a"], attempts: 0, error: { name: "StateLostError" } },
    });
  });

  test("is nothing until all of it is there, is taken over from a submitter that is gone, and leaves with the history", async () => {
    // given: a submitter that gets no further than its first part
    const { space, context } = await open();
    const parts = Array.from({ length: 600 }, (_, index): Tree => ({ task: "show", args: [index] }));
    const nodes = nodesOf({ group: parts });
    const dying = Object.create(space.client, {
      evalsha: { value: () => Promise.reject(new Error("the submitter is gone")) },
    }) as typeof space.client;
    await expect(putWorkflow({ ...context, client: dying }, { id: "late", nodes })).rejects.toThrow("is gone");
    expect(await readWorkflow(context, "late")).toMatchObject({ state: "building", steps: { released: 0 } });
    for (const key of [space.keys.workflow("late"), space.keys.workflowPart("late", "nodes")]) {
      expect(await space.client.pttl(key)).toBeGreaterThan(0);
    }
    expect(await cancelWorkflow(context, "late", "too early")).toBe("missing");

    // when
    const [one, two] = await Promise.all([
      putWorkflow(context, { id: "late", nodes }),
      putWorkflow({ ...context, client: redis.client() }, { id: "late", nodes }),
    ]);

    // then
    expect([one, two].toSorted()).toEqual(["created", "exists"]);
    await until(async () => (await readWorkflow(context, "late"))?.state === "completed");
    expect((await readNodeResult(context, "late", 0)).value).toEqual(parts.map((_, index) => [index]));

    // when
    await writeNamespaceKeep(space.client, space.keys, { completed: { count: 0 } });
    await new WorkflowSweep(context).look();

    // then
    expect(await readWorkflow(context, "late")).toBeNull();
    expect(await space.client.keys(`{${space.name}}/workflow*`)).toEqual([]);
  });
});
