import { TimeoutError, WorkerLostError } from "@manyhands/core";
import { processIsAlive, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

test.each(["process", "thread", "inline"] as const)(
  "isolation %s: a host runs its jobs in such children",
  async (isolation) => {
    // given
    const space = new TestNamespace(redis);
    const host = await space.host({ isolation });
    // when
    const { value } = await space.answer(await space.submit("default", "pid", []));
    // then
    expect(value === process.pid).toBe(isolation !== "process");
    expect(host.record().children.some((child) => child.isolation === isolation)).toBe(true);
  },
);

test("the pool's isolation counts before the host's, the task's before the pool's", async () => {
  const space = new TestNamespace(redis);
  await space.pool("threads", { isolation: "thread" });
  const host = await space.host();
  expect((await space.answer(await space.submit("threads", "pid", []))).value).toBe(process.pid);
  expect((await space.answer(await space.submit("threads", "inlineSleep", [1]))).value).toBe(process.pid);
  const kinds = host.record().children.filter(({ pool }) => pool === "threads");
  expect(kinds.map(({ isolation }) => isolation).sort()).toEqual(["inline", "thread"]);
});

test("a thread in an endless loop is ended, and so is one that runs out of memory; the host stays", async () => {
  const space = new TestNamespace(redis);
  await space.host({ isolation: "thread", maxHeap: 64 });
  const spinning = await space.submit("default", "spin", [], { timeout: 300 });
  expect((await space.answer(spinning)).value).toBeInstanceOf(TimeoutError);
  const greedy = await space.answer(await space.submit("default", "exhaustMemory", []), 0, 40_000);
  expect(greedy.value).toBeInstanceOf(WorkerLostError);
  expect(await space.answer(await space.submit("default", "square", [2]))).toMatchObject({ value: 4 });
});

test("inline calls run side by side in the slots of the host", async () => {
  const space = new TestNamespace(redis);
  await space.host({ slots: 4 });
  const startedAt = performance.now();
  const ids = await Promise.all([1, 2, 3, 4].map(() => space.submit("default", "inlineSleep", [1_000])));
  for (const jobId of ids) expect(await space.answer(jobId)).toMatchObject({ ok: true });
  // One after the other they take 4 s.
  expect(performance.now() - startedAt).toBeLessThan(3_900);
  expect(processIsAlive(process.pid)).toBe(true);
});
