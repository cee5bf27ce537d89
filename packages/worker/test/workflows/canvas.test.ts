import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CancelledError,
  type Canvas,
  type Context,
  chain,
  chord,
  connect,
  type FailedWorkflow,
  group,
  signature,
  TaskUnknownError,
  TimeoutError,
  ValueError,
  type WorkflowPart,
} from "@manyhands/core";
import { useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  count,
  delegates,
  delegatesAll,
  fails,
  leaves,
  leavesAll,
  needsFile,
  noteFailure,
  pad,
  parent,
  replaced,
  show,
  waitForFile,
} from "../fixtures/workflow-tasks.ts";
import { TestNamespace } from "../host/namespace.ts";

const TASKS = fileURLToPath(new URL("../fixtures/workflow-tasks.ts", import.meta.url));
const redis = useRedis();
const noFile = (): string => join(tmpdir(), `manyhands-${randomUUID()}`);
const PATIENCE = { timeout: 90_000 };

async function open({ hosts = 1, maxPayload = 1024 * 1024 } = {}): Promise<{ mp: Context; space: TestNamespace }> {
  const space = new TestNamespace(redis);
  for (let host = 0; host < hosts; host += 1) await space.host({ tasks: [TASKS], slots: 4 });
  const mp = await connect({ redis: redis.url, namespace: space.name, maxPayload });
  onTestFinished(() => mp.close());
  return { mp, space };
}

async function run<Result>(mp: Context, canvas: Canvas<[], Result>): Promise<Result> {
  return (await mp.submit(canvas)).get(PATIENCE);
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => new Error(`it gave ${JSON.stringify(value)}`),
    (error: unknown) => error as Error,
  );
}

/** Steps and their states, by task and state. */
function states(part: WorkflowPart): string[] {
  return part.kind === "step" ? [`${part.task} ${part.state}`] : part.parts.flatMap(states);
}

describe("a submitted workflow", () => {
  test("gives what its last part gives, however it is put together", async () => {
    // given
    const { mp } = await open();
    const s = (...args: unknown[]): Canvas<[] | [unknown], unknown[]> => signature(show, args);

    // then: also the shapes at which Celery's canvas goes wrong
    expect(await run(mp, s(1))).toEqual([1]);
    expect(await run(mp, chain(s(1), s(2), show.with(3).immutable()))).toEqual([3]);
    expect(await run(mp, chord([], count.with()))).toBe(0);
    expect(await run(mp, group([]))).toEqual([]);
    expect(await run(mp, chain(s(1), group([]), count.with()))).toBe(0);
    expect(await run(mp, chord([s(7)], count.with()))).toBe(1);
    // A chain in a chord in a chain.
    const inner = chord([chain(s("a"), s("b")), s("c")], show.with("body"));
    const header = [
      [[["first"], "a"], "b"],
      [["first"], "c"],
    ];
    expect(await run(mp, chain(s("first"), inner, show.with("last")))).toEqual([[header, "body"], "last"]);
    // A chord whose body is a group, and a step after that.
    const bodyIsGroup = chord([s(1), s(2)], group([count.with(), show.with("x")]));
    expect(await run(mp, chain(bodyIsGroup, show.with("end")))).toEqual([[2, [[[1], [2]], "x"]], "end"]);
    // A group of groups of chords.
    const pair = group([chord([s(1), s(2)], count.with())]);
    expect(await run(mp, group([pair, pair]))).toEqual([[2], [2]]);
  });

  test("fails with the error of a step, in a header, a nested chord or a body, and runs no body then", async () => {
    // given
    const { mp } = await open();
    const notes = mp.queue<FailedWorkflow>("failures");
    const broken = fails.with("broken");

    // when
    const inHeader = await mp.submit(chord([show.with(1), broken], show.with("body")), {
      jobId: "in-header",
      tags: ["nightly"],
      onError: noteFailure,
    });
    const nested = await mp.submit(
      chain(show.with(1), chord([chord([broken.immutable()], show.with())], show.with()), show.with()),
    );
    const inBody = await mp.submit(chord([show.with(1)], broken.immutable()));

    // then
    const error = await failure(inHeader.get(PATIENCE));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe("broken");
    expect(await failure(nested.get(PATIENCE))).toBeInstanceOf(RangeError);
    expect(await failure(inBody.get(PATIENCE))).toBeInstanceOf(RangeError);
    const tree = await inHeader.tree();
    expect(states(tree.root)).toEqual(["show completed", "fails failed", "show pending"]);
    expect(tree).toMatchObject({ state: "failed", tags: ["nightly"], failedReason: "broken", steps: { failed: 1 } });
    expect(tree.failedStep).toEqual({ id: "in-header.4", task: "fails" });
    expect(await notes.get(PATIENCE)).toMatchObject({
      id: "in-header",
      step: "in-header.4",
      task: "fails",
      args: ["broken"],
    });
    expect((await mp.tasks.find({ tag: "nightly" })).tasks.length).toBe(2);
  });

  test("returns errors as outcomes where its group says so", async () => {
    const { mp } = await open();

    const outcomes = await run(mp, group([show.with(1), fails.with("broken")], { errors: "return" }));

    expect(outcomes).toMatchObject([
      { index: 0, ok: true, value: [1] },
      { index: 1, ok: false, error: { name: "RangeError", message: "broken" } },
    ]);
    // The same to a body.
    expect(await run(mp, chord(group([show.with(1), fails.with("x")], { errors: "return" }), count.with()))).toBe(2);
  });

  test("fails where a part gives more than fits, or a workflow instead of a value", async () => {
    // given
    const { mp } = await open();

    // then: many results together may be more than fits into one payload, as they travel by reference
    const large = group(Array.from({ length: 4 }, () => pad.with(500_000)));
    expect(await run(mp, chord(large, count.with()))).toBe(4);
    expect((await failure(run(mp, chain(pad.with(2_000_000), show.with())))).name).toBe("PayloadTooLargeError");
    expect((await failure(run(mp, chain(replaced.with(), show.with())))).name).toBe("SerializationError");
  });

  test("is found by its id, is cancelled, goes on after a retry with what was not done, and is removed", async () => {
    // given
    const { mp } = await open();
    const file = noFile();
    const parts = [show.with(1), waitForFile.with(file), needsFile.with(file, "found")] as const;
    const handle = await mp.submit(chord(parts, show.with("end")), { jobId: "night" });
    const same = mp.task("night");
    await expect.poll(async () => (await same.tree()).steps.completed, PATIENCE).toBe(1);

    // then
    expect(await failure(same.get(PATIENCE))).toBeInstanceOf(RangeError);
    expect(await same.state()).toBe("failed");
    expect(await same.retry()).toMatchObject({ outcome: "queued" });
    await failure(same.get(PATIENCE));
    expect(await mp.task("no such").state()).toBe("unknown");
    expect(await failure(mp.task("no such").get(PATIENCE))).toBeInstanceOf(TaskUnknownError);
    expect(await failure(handle.get({ timeout: 0 }))).toBeInstanceOf(RangeError);

    // when
    writeFileSync(file, "");
    const updates: string[] = [];
    expect(await handle.retry()).toMatchObject({ outcome: "queued" });
    for await (const update of same.updates(PATIENCE)) if (update.type === "state") updates.push(update.state);

    // then
    expect(updates.at(-1)).toBe("completed");
    expect(await handle.get(PATIENCE)).toEqual([[[1], "there", "found"], "end"]);
    expect(await handle.retry()).toMatchObject({ outcome: "not-failed", state: "completed" });
    expect(await handle.cancel()).toMatchObject({ outcome: "finished", state: "completed" });
    // The same id again is the same workflow.
    const again = await mp.submit(show.with("other"), { jobId: "night" });
    expect(await again.get(PATIENCE)).toEqual([[[1], "there", "found"], "end"]);
    expect(await handle.remove()).toEqual({ outcome: "removed", pool: null });
    expect(await handle.state()).toBe("unknown");
  });

  test("is what is retried: a step alone is refused, as one and among many, and stays", async () => {
    // given
    const { mp } = await open();
    const handle = await mp.submit(chain(fails.with("closed"), show.with()), { jobId: "nightly" });
    await failure(handle.get(PATIENCE));
    // when
    const refused = await failure(mp.task("nightly.1").retry());
    const many = await mp.tasks.retry({ workflow: "nightly" });
    // then
    expect(refused).toBeInstanceOf(ValueError);
    expect(refused.message).toContain('is a step of the workflow "nightly"');
    expect(refused.message).toContain("manyhands workflow retry nightly");
    expect(many).toMatchObject({ done: 0, refused: 1 });
    expect(await mp.task("nightly.1").state()).toBe("failed");
    expect(await handle.retry()).toMatchObject({ outcome: "queued" });
  });

  test("starts nothing more once it is cancelled, and stops what runs", async () => {
    // given
    const { mp } = await open();
    const handle = await mp.submit(chain(waitForFile.with(noFile()), show.with("after")), { jobId: "stopped" });
    const result = failure(handle.get(PATIENCE));
    await expect.poll(() => mp.task("stopped.1").state(), PATIENCE).toBe("active");

    // when
    expect(await handle.cancel("not needed")).toMatchObject({ outcome: "stopping" });

    // then
    expect(await result).toBeInstanceOf(CancelledError);
    expect((await result).message).toContain("not needed");
    await expect.poll(() => mp.task("stopped.1").state(), PATIENCE).not.toBe("active");
    expect((await handle.tree()).steps).toMatchObject({ total: 2, completed: 0 });
    await expect.poll(async () => (await handle.remove()).outcome, PATIENCE).toBe("removed");
  });

  test("ends waits in time, when it is removed, and when its program ends", async () => {
    // given
    const { mp } = await open({ hosts: 0 });
    const handle = await mp.pool(1, { name: "own" }).submit(chain(show.with(1), show.with(2)), { jobId: "waits" });

    // then
    expect(await failure(handle.get({ timeout: 20 }))).toBeInstanceOf(TimeoutError);
    expect(await failure(handle.get({ timeout: 0 }))).toBeInstanceOf(TimeoutError);
    expect((await handle.tree()).root.parts[0]).toMatchObject({ pool: "own", state: "blocked" });
    expect(await failure(handle.promote())).toMatchObject({ code: "ERR_VALUE" });
    expect(await failure(handle.show())).toMatchObject({ code: "ERR_VALUE" });
    expect(await failure(handle.tree({ parts: 0 }))).toMatchObject({ code: "ERR_VALUE" });
    expect(await failure(mp.submit(show.with(1), { delay: 5 } as never))).toMatchObject({ code: "ERR_VALUE" });
    expect(await failure(mp.submit(show.with(1), { jobId: "7" }))).toMatchObject({ code: "ERR_VALUE" });
    const page = await mp.workflows.list({ state: "active" });
    expect(page).toMatchObject({ total: 1, nextOffset: null, workflows: [{ id: "waits", name: "show" }] });
    const waiting = failure(handle.get());
    await handle.cancel();
    expect(await waiting).toBeInstanceOf(CancelledError);
  });

  test("shows steps that wait in the states that they have as tasks, with the same reasons", async () => {
    // given: no host serves one pool, and a limit holds back what waits in another
    const { mp, space } = await open({ hosts: 0 });
    await space.host({ tasks: [TASKS], slots: 4, pools: ["narrow", "later"] });
    const file = noFile();
    await using narrow = mp.pool(4, { name: "narrow", limits: { concurrency: 1 } });
    const first = await narrow.submit(waitForFile, [file]);
    await expect.poll(() => first.state(), PATIENCE).toBe("active");
    const handle = await mp.submit(
      group([
        signature("show", [1], { pool: "later", delay: 3_600_000 }),
        signature("unheard", [1], { pool: "later" }),
        signature("show", [1], { pool: "unserved" }),
        signature("show", [1], { pool: "unserved", priority: 3 }),
        signature("show", [1], { pool: "narrow" }),
        signature("show", [1], { pool: "unserved", delay: 3_600_000 }),
      ]),
      { jobId: "waits" },
    );
    await expect.poll(async () => (await handle.tree()).root.parts[4]?.state, PATIENCE).toBe("blocked");

    // when
    const { root } = await handle.tree();
    const page = await mp.workflows.parts("waits", { from: 0, count: 6 });
    const tasks = await Promise.all(root.parts.map(({ jobId }) => mp.task(jobId ?? "").show()));

    // then
    expect(root.parts.map(({ state }) => state)).toEqual(["delayed", ...Array(4).fill("blocked"), "delayed"]);
    expect(root.parts.map(({ state, blockedBy }) => [state, blockedBy])).toEqual(
      tasks.map(({ state, blockedBy }) => [state, blockedBy]),
    );
    expect(root.parts[1]?.blockedBy).toContain('serves task "unheard"');
    expect(root.parts[4]?.blockedBy).toContain("(1 at once) holds it back: 1 of 1 run");
    expect(page?.parts).toEqual(root.parts);
    expect(root).toMatchObject({ state: "active", blockedBy: null });
    writeFileSync(file, "");
    await handle.cancel();
  });

  test("shows a large group in pages", async () => {
    const { mp } = await open();
    const handle = await mp.submit(group(Array.from({ length: 600 }, (_, index) => show.with(index))));

    expect((await handle.get(PATIENCE)).length).toBe(600);
    const { root, steps } = await handle.tree({ parts: 5 });
    expect(root).toMatchObject({ kind: "group", count: 600, ended: 600, state: "completed" });
    expect(root.parts.map(({ state }) => state)).toEqual(Array(5).fill("completed"));
    expect(steps).toMatchObject({ total: 600, completed: 600 });
    const page = await mp.workflows.parts(handle.id, { from: 590, count: 100 });
    expect(page?.parts.length).toBe(10);
  });
});

describe("children of a task", () => {
  test("are its own, also where an earlier task had its id", async () => {
    // given
    const { mp, space } = await open();
    const submit = (value: string) => mp.submit(delegates, [value], { jobId: "daily" });
    const monday = await submit("monday");
    expect(await monday.get(PATIENCE)).toEqual(["monday"]);
    // when
    await monday.remove();
    const tuesday = await submit("tuesday");
    // then
    expect(await tuesday.get(PATIENCE)).toEqual(["tuesday"]);
    expect(await mp.task("daily/1").get(PATIENCE)).toEqual(["tuesday"]);
    expect(await space.queue("default").getCompletedCount()).toBe(2);
    expect(await mp.tasks.count({})).toBe(2);

    // when the child of the earlier one is still under way
    const file = noFile();
    const first = await mp.submit(leaves, [file], { jobId: "left" });
    await first.get(PATIENCE);
    await first.remove();
    const second = await mp.submit(leaves, [file], { jobId: "left" });
    // then
    expect((await failure(second.get(PATIENCE))).message).toContain(
      "of an earlier task of the id left is still under way",
    );
    writeFileSync(file, "");
    expect(await mp.task("left/1").get(PATIENCE)).toBe("there");
    await second.retry();
    expect(await second.get(PATIENCE)).toBe("left/1");
  });

  test("that are workflows are its own as well", async () => {
    // given
    const { mp } = await open();
    const submit = (value: string) => mp.submit(delegatesAll, [value], { jobId: "daily" });
    const monday = await submit("monday");
    expect(await monday.get(PATIENCE)).toEqual([["monday"], ["monday"]]);
    // when
    await monday.remove();
    const tuesday = await submit("tuesday");
    // then
    expect(await tuesday.get(PATIENCE)).toEqual([["tuesday"], ["tuesday"]]);
    expect(await mp.workflows.list({})).toMatchObject({ workflows: [{ id: "daily/1", state: "completed" }] });

    // when the child of the earlier one is still under way
    const file = noFile();
    const first = await mp.submit(leavesAll, [file], { jobId: "left" });
    await first.get(PATIENCE);
    await first.remove();
    const second = await mp.submit(leavesAll, [file], { jobId: "left" });
    // then
    expect((await failure(second.get(PATIENCE))).message).toContain("is still under way as workflow left/1");
    writeFileSync(file, "");
    await mp
      .task("left/1")
      .get(PATIENCE)
      .catch(() => {});
    await second.retry();
    expect(await second.get(PATIENCE)).toBe("left/1");
  });

  test("are found by its second run, and are cancelled with it", async () => {
    // given
    const { mp, space } = await open();
    const file = noFile();
    const handle = await mp.submit(parent, [file], { jobId: "mother" });

    // then: the second run has the results of the first
    await expect.poll(() => mp.task("mother/4").state(), PATIENCE).toBe("active");
    writeFileSync(file, "");
    expect(await handle.get(PATIENCE)).toEqual([
      ["mother/1", "own-mother", "mother/3"],
      [[1], ["named"], [[1], 2]],
      "there",
    ]);
    expect(await space.client.pttl(space.keys.children("default", "mother"))).toBeGreaterThan(0);

    // and they are shown with it, and it with them
    expect(await mp.tasks.related("mother")).toEqual({
      children: [
        { pool: "default", id: "mother/1", state: "completed", isDone: true },
        { pool: null, id: "mother/3", state: "completed", isDone: true },
        { pool: "default", id: "mother/4", state: "completed", isDone: true },
        { pool: "default", id: "own-mother", state: "completed", isDone: true },
      ],
      count: 4,
    });
    expect((await mp.task("mother/1").show())?.parent).toEqual({ pool: "default", id: "mother" });
    expect((await mp.task("mother").show())?.parent).toBeNull();
    await mp.tasks.remove("own-mother");
    expect(await mp.tasks.related("mother")).toMatchObject({ children: { length: 3 }, count: 4 });

    // when
    const other = await mp.submit(parent, [noFile()], { jobId: "other" });
    await expect.poll(() => mp.task("other/4").state(), PATIENCE).toBe("active");
    await other.cancel("not needed");

    // then
    await expect.poll(() => mp.task("other/4").state(), PATIENCE).not.toBe("active");
    expect(await failure(mp.task("other").get(PATIENCE))).toBeInstanceOf(CancelledError);
  });
});
