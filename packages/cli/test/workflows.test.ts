import { chain, connect, group, signature } from "@manyhands/core";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { TASKS, useCommands } from "./command-line.ts";

const redis = useRedis();
const commands = useCommands();

test("workflow ls and show, and the task commands with the id of a workflow: show, cancel, retry, rm, wait", async () => {
  // given
  const namespace = redis.namespace();
  const run = (...words: string[]) => commands(words, { redis: redis.url, namespace });
  expect((await run("workflow", "ls")).stderr).toContain("no workflows yet; a program submits one with mp.submit(");
  await using mp = await connect({ redis: redis.url, namespace, logger: { info() {}, warn() {}, error() {} } });
  const parts = group(Array.from({ length: 250 }, (_, index) => signature("part", [index], { pool: "parts" })));
  await mp.submit(chain(parts, signature("sum")), { jobId: "nightly", tags: ["night"] });

  // then: large groups are folded
  expect((await run("workflow", "ls")).stdout).toMatch(/nightly +active +part … sum +0\/251 +0/);
  expect(JSON.parse((await run("workflow", "ls", "--tag", "night", "-o", "json")).stdout)).toMatchObject([
    { id: "nightly", state: "active", steps: { total: 251, completed: 0 } },
  ]);
  const shown = (await run("task", "show", "nightly")).stdout;
  expect(shown).toContain("0 of 251 completed");
  expect(shown).toContain("chain of 2 parts");
  expect(shown).toContain("├─ ▶ group of 250 parts  active, 0 ended");
  expect(shown).toContain(
    '│  ├─ ⊘ 100 × part  blocked  nightly.3 to nightly.102: no live worker host serves task "part" in pool "parts"',
  );
  expect(shown).toContain("… and 150 more parts; --parts shows more");
  expect(shown).toContain('└─ · sum  pending  nightly.2  in pool "default"');
  expect((await run("workflow", "show", "nightly", "--parts", "3", "-o", "json")).stdout).toContain('"nightly.3"');
  const { id } = await mp.submit("part", [0], { pool: "parts", jobId: "nightly.other" });
  const steps = JSON.parse((await run("task", "ls", "--workflow", "nightly", "--limit", "500", "-o", "json")).stdout);
  expect(steps).toHaveLength(250);
  expect(steps[0]).toMatchObject({ workflow: "nightly", id: "nightly.252" });
  expect(await mp.tasks.count({ workflow: "nightly", pool: "parts" })).toBe(250);
  expect((await mp.tasks.find({ text: id })).tasks).toMatchObject([{ id, workflow: null }]);
  expect((await run("task", "show", "nightly.3")).stdout).toContain(
    "nightly, node 3; its tree: manyhands workflow show nightly",
  );

  // when
  expect((await run("task", "wait", "nightly", "--timeout", "50")).code).toBe(124);
  expect((await run("task", "retry", "nightly")).stderr).toContain(
    "workflow nightly is active; only a failed or cancelled",
  );
  expect((await run("task", "rm", "nightly")).stderr).toContain("first: manyhands workflow cancel nightly");
  expect((await run("task", "cancel", "nightly", "--reason", "wrong day")).stderr).toContain(
    "is cancelled: nothing of it",
  );
  expect((await run("workflow", "cancel", "nightly")).stderr).toContain("is cancelled already");
  expect((await run("task", "wait", "nightly")).code).toBe(130);
  expect((await run("workflow", "show", "nightly")).stdout).toContain("wrong day");
  expect((await run("workflow", "retry", "nightly")).stderr).toContain("workflow nightly goes on");
  expect((await run("workflow", "ls", "--state", "failed")).stderr).toContain("no such workflow");

  // then
  expect(await run("workflow", "show", "nothing")).toMatchObject({ code: 4 });
  expect((await run("workflow", "rm", "nothing")).stderr).toContain('no workflow with the id "nothing"');
  expect((await run("audit", "-o", "json")).stdout).toContain("workflow.retry");
});

test("workflow cancel stops what still runs of a workflow that has failed, so that it can be removed", async () => {
  // given
  const namespace = redis.namespace();
  const run = (...words: string[]) => commands(words, { redis: redis.url, namespace });
  await startHostProcess({ url: redis.url, namespace, tasks: [TASKS], slots: 2 });
  await using mp = await connect({ redis: redis.url, namespace });
  const never = signature("until-file", [`/tmp/${namespace}-is-never-there`]);
  const torn = await mp.submit(group([never, signature("fail", ["torn"])]), { jobId: "torn" });
  await expect(torn.get({ timeout: 60_000 })).rejects.toThrow("torn");

  // then
  expect(await run("workflow", "rm", "torn")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("first: manyhands workflow cancel torn; steps that run take a moment to stop"),
  });

  // when
  const cancelled = await run("workflow", "cancel", "torn");

  // then
  expect(cancelled).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(
      "workflow torn is failed already; its steps that still wait or run are told to stop",
    ),
  });
  await until(async () => (await mp.workflows.row("torn"))?.steps.released === 0, { what: "nothing of it runs" });
  expect((await run("workflow", "cancel", "torn")).stderr).toContain("is failed already; nothing to cancel");
  expect((await run("workflow", "rm", "torn")).stderr).toContain("workflow torn is removed");
});

test("workflow ls says where to go on when there are more, and --offset goes on there", async () => {
  // given
  const namespace = redis.namespace();
  const run = (...words: string[]) => commands(words, { redis: redis.url, namespace });
  await using mp = await connect({ redis: redis.url, namespace, logger: { info() {}, warn() {}, error() {} } });
  for (const name of ["one", "two", "other", "three"]) {
    await mp.submit(group([signature("part")]), { jobId: name, tags: name === "other" ? [] : ["night"] });
  }
  const list = async (...words: string[]) => {
    const { code, stdout, stderr } = await run("workflow", "ls", "-o", "json", "--limit", "2", ...words);
    return { code, ids: (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id), stderr };
  };

  // then
  expect(await list()).toEqual({ code: 0, ids: ["three", "other"], stderr: "more: --offset 2\n" });
  expect(await list("--offset", "2")).toEqual({ code: 0, ids: ["two", "one"], stderr: "" });
  expect(await list("--tag", "night")).toEqual({ code: 0, ids: ["three", "two"], stderr: "more: --offset 2\n" });
  expect(await list("--tag", "night", "--offset", "2")).toEqual({ code: 0, ids: ["one"], stderr: "" });
  expect((await run("workflow", "ls", "--offset", "4")).stderr).toContain("no such workflow");
});
