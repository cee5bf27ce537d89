import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, until, useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { resolveWorkerOptions, type WorkerOptions } from "../../src/index.ts";
import { TASKS, TestNamespace } from "./namespace.ts";

const redis = useRedis();

test("children are started when there is work, no more than the most, and end when idle down to the least", async () => {
  // given
  const space = new TestNamespace(redis);
  const limits = { minChildren: 1, maxChildren: 4, maxChildIdle: 300, spares: undefined };
  const host = await space.host({ slots: 3, ...limits });
  const children = () => host.record().children;
  await until(() => children().length === 1);
  // when
  const gate = join(temporaryFolder(), "gate");
  const ids = [];
  for (let index = 0; index < 6; index += 1) ids.push(await space.submit("default", "untilFile", [gate]));
  await until(() => children().filter(({ busy }) => busy).length === 3);
  const most = children().length;
  writeFileSync(gate, "");
  for (const id of ids) expect(await space.answer(id)).toMatchObject({ ok: true });
  // then
  expect(most).toBeLessThanOrEqual(4);
  await until(() => children().length === 1, { what: "the idle children have ended" });
  expect(await space.answer(await space.submit("default", "square", [3]))).toMatchObject({ value: 9 });
});

test("without a least number no child stays when nothing runs", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 2, minChildren: 0, maxChildIdle: 200, spares: undefined });
  expect(await space.answer(await space.submit("default", "square", [3]))).toMatchObject({ value: 9 });

  await until(() => host.record().children.length === 0, { what: "the child has ended" });

  expect(await space.answer(await space.submit("default", "square", [4]))).toMatchObject({ value: 16 });
});

test.each<[what: string, limits: Partial<WorkerOptions>, says: RegExp]>([
  [
    "age",
    { maxChildAge: 1_000 },
    /^info: child \d+ of pool "default" is recycled: it is older than 1000 ms \(maxChildAge\)/,
  ],
  ["memory", { maxChildMemory: 16 }, /is recycled: it uses \d\d+ MB \(maxChildMemory 16 MB\), after 1 job$/],
  ["number of tasks", { maxTasksPerChild: 1 }, /^info: child \d+ of pool "default" is recycled after 1 job$/],
])(
  "a child over its limit of %s ends its task, is replaced after it, and the log says so once",
  async (_, limits, says) => {
    // given
    const space = new TestNamespace(redis);
    await space.host({ slots: 1, ...limits });
    // when, of an age, a task runs for longer than a child may be old
    const first = await space.answer(await space.submit("default", "sleep", ["maxChildAge" in limits ? 1_200 : 1]));
    const second = await space.answer(await space.submit("default", "pid", []));
    // then
    expect(first).toMatchObject({ ok: true });
    expect(second.value).not.toBe(first.pid);
    const recycled = () => space.logs.filter((line) => line.includes(`child ${first.pid} `));
    await until(() => recycled().length > 0);
    expect(recycled()).toEqual([expect.stringMatching(says)]);
  },
);

test("the record says what each child uses, and an idle one is not read again", async () => {
  const space = new TestNamespace(redis);
  const host = await space.host({ slots: 1, spares: 1, heartbeatInterval: 600 });
  const stop = join(temporaryFolder(), "note");

  const id = await space.submit("default", "noteAndSpin", [stop, 1_500]);

  const busy = await until(() => host.record().children.find(({ busy, cpu }) => busy && (cpu ?? 0) > 0.1));
  expect(busy.memory).toBeGreaterThan(20_000_000);
  expect(busy.memory).toBeLessThan(1_000_000_000);
  const [stored] = await space.hosts();
  expect(stored?.children.every(({ memory }) => typeof memory === "number")).toBe(true);
  await space.answer(id);
  await until(() => host.record().children.every(({ cpu }) => cpu === 0));
});

describe("wrong limits of children are refused", () => {
  test.each<[Partial<WorkerOptions>, RegExp]>([
    [{ minChildren: -1 }, /^minChildren must be a whole number, at least 0; got -1$/],
    [{ minChildren: 1, spares: 2 }, /^minChildren must be at least spares, which is 2; got 1$/],
    [{ maxChildren: 0 }, /^maxChildren must be a whole number, at least 1; got 0$/],
    [
      { slots: 4, maxChildren: 3 },
      /^maxChildren must be at least slots and minChildren, which are 4 and 2: .*; got 3$/,
    ],
    [{ maxChildIdle: 5 }, /^maxChildIdle must be a whole number, at least 100; got 5$/],
    [{ maxChildAge: 1.5 }, /^maxChildAge must be a whole number, at least 1000; got 1\.5$/],
    [{ maxChildMemory: 1 }, /^maxChildMemory must be a whole number, at least 16; got 1$/],
    [{ maxTasksPerChild: 0 }, /^maxTasksPerChild must be a whole number, at least 1; got 0$/],
  ])("%j", (options, says) => {
    expect(() => resolveWorkerOptions({ tasks: [TASKS], ...options })).toThrow(says);
  });
});
