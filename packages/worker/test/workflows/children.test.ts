import { randomUUID } from "node:crypto";
import { chain, connect } from "@manyhands/core";
import { cancelTree, readWorkflow, type TaskPlace } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { Worker } from "bullmq";
import type { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { show } from "../fixtures/workflow-tasks.ts";
import { TestNamespace } from "../host/namespace.ts";

const redis = useRedis();
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** Commands that a submission of a child may send. */
const COMMANDS = 8;

interface SubmitsChildren {
  submitChild(parent: { place: TaskPlace; id: string }, call: readonly unknown[]): Promise<unknown>;
}

/** A task that runs, in a program that is cut off from Redis at any command. */
async function open() {
  const space = new TestNamespace(redis);
  await space.pool("default");
  const context = { client: space.client, keys: space.keys };
  const worker = new Worker("default", async () => undefined, {
    ...{ connection: space.client as never, prefix: space.keys.queuePrefix, autorun: false },
  });
  onTestFinished(() => worker.close());
  const parent = async (): Promise<TaskPlace> => {
    const job = await space.queue("default").add("show", { args: [] }, { jobId: `parent-${randomUUID()}` });
    await until(async () => (await worker.getNextJob("token"))?.id === job.id, { what: "the parent is taken" });
    return { pool: "default", jobId: job.id ?? "", unit: null };
  };
  return { space, context, parent };
}

/**
 * Submits a child while a cancellation of its parent comes after a command of the submission, and its program ends after
 * another one.
 * @returns how many commands were sent
 */
async function submitWhileCancelled(
  { space, context, place }: Awaited<ReturnType<typeof open>> & { place: TaskPlace },
  call: readonly unknown[],
  { cancelledAfter, endsAfter }: { cancelledAfter: number; endsAfter: number },
): Promise<number> {
  const prototype = Object.getPrototypeOf(space.client) as Redis;
  const sendCommand = prototype.sendCommand;
  let sent = 0;
  let isSubmitting = false;
  let cancelled: Promise<unknown> | undefined;
  // Connections of a program take over the command that sends from the prototype as they are opened.
  const spy = vi.spyOn(prototype, "sendCommand").mockImplementation(function (this: Redis, command, ...rest) {
    const send = () => sendCommand.call(this, command, ...rest);
    if (!isSubmitting || this === space.client || !/evalsha|eval/i.test(command.name)) return send();
    sent += 1;
    const number = sent;
    if (number > endsAfter) return new Promise(() => {});
    if (number !== cancelledAfter) return send();
    const reply = send();
    cancelled = Promise.resolve(reply).then(() => cancelTree(context, place, { reason: "not needed" }));
    return cancelled.then(() => reply);
  });
  const mp = await connect({ redis: redis.url, namespace: space.name, logger: silent });
  onTestFinished(() => mp.close({ timeout: 0 } as never).catch(() => {}));
  isSubmitting = true;
  try {
    const id = `${place.jobId}/1`;
    const submitted = (mp as unknown as SubmitsChildren).submitChild({ place, id }, call);
    const ended = submitted.then(
      () => true,
      () => true,
    );
    await until(async () => sent > endsAfter || (await Promise.race([ended, false])), {
      what: "the program has ended",
    });
    await cancelled;
    return cancelled === undefined ? 0 : sent;
  } finally {
    isSubmitting = false;
    spy.mockRestore();
  }
}

describe("a child of a task that is cancelled while its program submits it and ends", () => {
  test.each([
    ["task", [show, [1]]],
    ["workflow", [chain(show.with(1), show.with(2))]],
  ])("%s: is not there, or is cancelled, wherever that happens", async (_, call) => {
    // given
    const space = await open();
    const runsOn: string[] = [];
    let seen = 0;
    for (let cancelledAfter = 1; cancelledAfter <= COMMANDS; cancelledAfter += 1) {
      for (let endsAfter = cancelledAfter; endsAfter <= cancelledAfter + 2; endsAfter += 1) {
        const place = await space.parent();
        const child = `${place.jobId}/1`;

        // when
        const sent = await submitWhileCancelled({ ...space, place }, call, { cancelledAfter, endsAfter });
        if (sent < cancelledAfter) continue;
        seen += 1;

        // then
        const workflow = await readWorkflow(space.context, child);
        const state = await space.space.queue("default").getJobState(child);
        if (workflow?.state === "running" || !["failed", "unknown"].includes(state)) {
          runsOn.push(
            `cancelled after command ${cancelledAfter}, ended after ${endsAfter}: ${workflow?.state ?? state}`,
          );
        }
      }
    }
    expect(seen).toBeGreaterThan(2);
    expect(runsOn).toEqual([]);
  });
});
