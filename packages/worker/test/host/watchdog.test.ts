import { useRedis } from "@manyhands/testing";
import { expect, test, vi } from "vitest";
import { QueueWorker } from "../../src/queue/queue-worker.ts";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

test("a worker of BullMQ that has become deaf is replaced, and its host says so meanwhile", async () => {
  // given
  const space = new TestNamespace(redis);
  const host = await space.host({ healthPort: 0 });
  const hang = vi
    .spyOn(QueueWorker.prototype as unknown as { moveToActive(): Promise<never> }, "moveToActive")
    .mockImplementation(() => new Promise(() => {}));
  // when
  const jobId = await space.submit("default", "square", [7]);
  await vi.waitFor(() => expect(hang).toHaveBeenCalled(), { timeout: 10_000 });
  hang.mockRestore();
  // then
  expect(await space.answer(jobId, 0, 15_000)).toMatchObject({ value: 49 });
  expect(space.logs.join()).toContain('the worker of pool "default" takes no jobs; it is replaced');
  const startedAt = performance.now();
  await host.stop();
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test("a host that drains waits for what the worker runs that was replaced", async () => {
  // given a call that runs, and a worker that fetches nothing more
  const space = new TestNamespace(redis);
  const host = await space.host();
  const jobId = await space.submit("default", "untilAborted", []);
  await space.untilState("default", jobId, "active");
  const hang = vi
    .spyOn(QueueWorker.prototype as unknown as { moveToActive(): Promise<never> }, "moveToActive")
    .mockImplementation(() => new Promise(() => {}));
  const next = await space.submit("default", "square", [7]);
  await vi.waitFor(() => expect(hang).toHaveBeenCalled(), 5_000);
  hang.mockRestore();
  await vi.waitFor(() => expect(space.logs.join()).toContain("it is replaced"), 15_000);
  expect(await space.answer(next)).toMatchObject({ value: 49 });
  // when
  const drained = host.drain();
  await vi.waitFor(async () => expect((await space.hosts())[0]?.state).toBe("draining"), 30_000);
  const cancel = { type: "cancel", pool: "default", jobId, unit: null, reason: "enough" };
  await space.client.publish(space.keys.control, JSON.stringify(cancel));
  await drained;
  // then
  expect(space.logs.join()).not.toContain("giving back");
  expect(await space.answer(jobId)).toMatchObject({ ok: false, value: { name: "CancelledError" } });
});
