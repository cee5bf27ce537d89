import { encodeToString, type Isolation } from "@manyhands/core/internal";
import { describe, expect, test } from "vitest";
import { StartedExecutor } from "./started-executor.ts";

describe.each<Isolation>(["process", "thread", "inline"])("cancelling in a child of isolation %s", (isolation) => {
  test("the signal of the running unit is aborted, and the child runs on", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.run({ task: "untilAborted", args: [], jobId: "waiting" }, (message) => {
      if (message.type === "log") child.executor.cancel("waiting", 0, "cancelled");
    });
    expect(outcome.error.name).toBe("CancelledError");
    expect(outcome.answerMessages[0]?.failure?.retry).toBe(false);
    expect((await child.call("square", 2)).value).toBe(4);
  });

  test("waiting units of a cancelled job are answered without being run", async () => {
    const child = new StartedExecutor(isolation);
    const units = { units: encodeToString([[], [], []]), count: 3, jobId: "three", reportStarts: true };
    const outcome = await child.run({ task: "untilAborted", ...units }, (message) => {
      if (message.type === "log") child.executor.cancel("three", null, "cancelled");
    });
    expect(outcome.answers.map((answer) => (answer[2] as Error).name)).toEqual(Array(3).fill("CancelledError"));
    expect(outcome.messages.filter((message) => message.type === "started")).toHaveLength(1);
  });

  test("one waiting unit can be cancelled alone", async () => {
    const child = new StartedExecutor(isolation);
    const units = { units: encodeToString([[50], [51], [1]]), count: 3, jobId: "one-of-three", reportStarts: true };
    const outcome = await child.run({ task: "sleep", ...units }, (message) => {
      if (message.type === "started" && message.unit === 0) child.executor.cancel("one-of-three", 1, "cancelled");
    });
    expect(outcome.answers.map((answer) => answer[1])).toEqual([1, 0, 1]);
    expect(outcome.answers[2]?.[2]).toBe(1);
  });

  test("a soft time limit aborts the signal with TimeoutError and leaves the answer to the task", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.run({ task: "reasonOfAbort", args: [], jobId: "soft" }, (message) => {
      if (message.type === "log") child.executor.cancel("soft", null, "softTimeout");
    });
    expect(outcome.value).toBe("TimeoutError");
  });

  test("a chunk of quick items is cancelled between two of them", async () => {
    const child = new StartedExecutor(isolation);
    const request = { kind: "items", units: encodeToString([Array(2000).fill(5)]), count: 1 } as const;
    const outcome = await child.run({ task: "spinFor", ...request, jobId: "chunk", reportStarts: true }, (message) => {
      if (message.type === "started" && message.item >= 2) child.executor.cancel("chunk", null, "cancelled");
    });
    expect(outcome.error.name).toBe("CancelledError");
  });

  test("cancelling what does not run changes nothing", async () => {
    const child = new StartedExecutor(isolation);
    await child.executor.loaded;
    child.executor.cancel("never-there", null, "cancelled");
    expect((await child.call("square", 2)).value).toBe(4);
  });
});

test("an inline call that was given up answers for no later attempt of its job, and takes no cancellation from it", async () => {
  // given a call that goes on although its host has given it up
  const child = new StartedExecutor("inline");
  const begun = Promise.withResolvers<void>();
  const first = { task: "sleep", args: [30], jobId: "again", reportStarts: true };
  void child.run(first, (message) => message.type === "started" && begun.resolve());
  await begun.promise;
  // when the job is tried again meanwhile
  const second = child.run({ task: "untilAborted", args: [], jobId: "again", attempt: 2 });
  await child.call("sleep", 60);
  child.executor.cancel("again", null, "cancelled");
  // then
  expect((await second).error.name).toBe("CancelledError");
});

test("an inline job that runs twice at the same time ends twice, and each run has its own answers", async () => {
  const child = new StartedExecutor("inline");
  const begun = Promise.withResolvers<void>();
  const first = { task: "untilAborted", args: [], jobId: "twice", reportStarts: true };
  const runs = [child.run(first, (message) => message.type === "started" && begun.resolve())];
  await begun.promise;
  runs.push(child.run({ task: "square", args: [3], jobId: "twice" }));
  expect((await runs[1])?.value).toBe(9);
  child.executor.cancel("twice", null, "cancelled");
  expect((await runs[0])?.error.name).toBe("CancelledError");
});
