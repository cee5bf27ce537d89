import { encodeToString, type Isolation } from "@manyhands/core/internal";
import { describe, expect, test } from "vitest";
import { StartedExecutor } from "./started-executor.ts";

describe.each<Isolation>(["process", "thread", "inline"])("units in a child of isolation %s", (isolation) => {
  test("loaded names the tasks of the modules", async () => {
    const { executor } = new StartedExecutor(isolation);
    const tasks = await executor.loaded;
    expect(tasks).toContainEqual({ name: "square", isolation: null, takes: 1 });
    expect(executor.pid).toBeGreaterThan(0);
    expect(executor.pid === process.pid).toBe(isolation !== "process");
  });

  test("a single call with plain arguments is answered with its value and its JSON", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.run({ task: "square", args: [7] });
    expect(outcome.exit).toBeNull();
    expect(outcome.answers).toEqual([[0, 1, 49, expect.any(Number)]]);
    expect(outcome.answerMessages).toMatchObject([{ units: [0], failed: 0, json: "49", done: true }]);
  });

  test("encoded arguments and results keep what JSON cannot carry", async () => {
    const child = new StartedExecutor(isolation);
    const args = [new Date(5), new Map([[1, new Set([2n])]]), undefined, new Uint8Array([1, 2])];
    const outcome = await child.call("echo", ...args);
    expect(outcome.value).toEqual(args);
    expect(outcome.answerMessages[0]?.json).toBeUndefined();
  });

  test("64 quick calls are answered together, in order", async () => {
    const child = new StartedExecutor(isolation);
    await child.call("square", 1);
    const list = Array.from({ length: 64 }, (_, index) => [index, 1]);
    const before = performance.now();
    const outcome = await child.calls("add", list);
    const milliseconds = performance.now() - before;
    expect(outcome.answers.map((answer) => [answer[0], answer[2]])).toEqual(
      list.map(([a], index) => [index, (a ?? 0) + 1]),
    );
    // One a millisecond at the most: on a busy machine 64 of them may take several.
    expect(outcome.answerMessages.length).toBeLessThanOrEqual(1 + milliseconds);
    expect(outcome.answerMessages.filter((message) => message.done)).toHaveLength(1);
  });

  test("a quick call behind a slow one is not held back by it, nor the other way round", async () => {
    const child = new StartedExecutor(isolation);
    const seen: number[][] = [];
    const outcome = await child.run(
      { task: "sleep", units: encodeToString([[0], [30], [0], [30]]), count: 4 },
      (message) => message.type === "answers" && seen.push(message.units),
    );
    expect(outcome.answers.map((answer) => answer[2])).toEqual([0, 30, 0, 30]);
    expect(seen[0]).toEqual([0]);
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(outcome.answers[1]?.[3]).toBeGreaterThan(20_000);
  });

  test("a result is sent as it was when its call ended, also if later calls change the object", async () => {
    const child = new StartedExecutor(isolation);
    const before = ((await child.call("growList", 0)).value as number[]).length;
    const outcome = await child.calls("growList", [[1], [2], [3]]);
    expect(outcome.answers.map((answer) => (answer[2] as number[]).length - before)).toEqual([1, 2, 3]);
  });

  test("chunks of items and of argument lists are answered by the list of their results", async () => {
    const child = new StartedExecutor(isolation);
    expect((await child.items("square", [1, 2, 3])).value).toEqual([1, 4, 9]);
    expect((await child.items("squareLater", [1, 2, 3])).value).toEqual([1, 4, 9]);
    const star = await child.run({
      task: "add",
      kind: "starItems",
      units: encodeToString([
        [
          [1, 2],
          [3, 4],
        ],
      ]),
      count: 1,
    });
    expect(star.value).toEqual([3, 7]);
    expect((await child.items("square", [])).value).toEqual([]);
  });

  test("PL7: the first failing item ends its chunk, other chunks of the job still run", async () => {
    const child = new StartedExecutor(isolation);
    await child.call("whatRan");
    const chunks = [[1, 2, 3, 4, 5], [6, 7], [3]];
    const outcome = await child.run({ task: "failAtThree", kind: "items", units: encodeToString(chunks), count: 3 });
    expect(outcome.answers.map((answer) => answer[1])).toEqual([0, 1, 0]);
    expect(outcome.error).toMatchObject({ name: "RangeError", message: "no 3" });
    expect(outcome.answers[1]?.[2]).toEqual([6, 7]);
    expect((await child.call("whatRan")).value).toEqual([1, 2, 3, 6, 7, 3]);
  });

  test("a failed call of an envelope leaves the others alone; failure describes the first", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.calls("failOn", [
      [1, 0],
      [1, 1],
      [2, 2],
      [1, 3],
    ]);
    expect(outcome.answers.map((answer) => answer[1])).toEqual([1, 0, 0, 1]);
    expect(outcome.answerMessages.reduce((sum, message) => sum + message.failed, 0)).toBe(2);
    const failure = outcome.answerMessages.find((message) => message.failure)?.failure;
    expect(failure).toMatchObject({ name: "RangeError", message: "no 1", retry: true });
    expect(failure?.stack).toContain("executor-tasks.ts");
  });

  test("PL14: 20 results in a row that cannot be sent are 20 errors naming the place, and the child lives on", async () => {
    const child = new StartedExecutor(isolation);
    for (let index = 0; index < 20; index += 1) {
      const outcome = await child.call("returnFunction");
      expect(outcome.error).toMatchObject({
        name: "SerializationError",
        path: expect.stringMatching(/^result.*callback$/),
      });
      expect(outcome.answerMessages[0]?.failure?.retry).toBe(false);
    }
    expect((await child.calls("returnFunction", [[], [], []])).answers.map((answer) => answer[1])).toEqual([0, 0, 0]);
    expect((await child.items("returnFunction", [1, 2])).error.name).toBe("SerializationError");
    expect((await child.call("square", 3)).value).toBe(9);
  });

  test("PL15: an error keeps its name, message, fields and remote stack", async () => {
    const child = new StartedExecutor(isolation);
    const { error, answerMessages } = await child.call("overheat");
    expect(error).toMatchObject({ message: "too hot", degrees: 451 });
    expect(answerMessages[0]?.failure).toMatchObject({ name: "TemperatureError", message: "too hot" });
    expect(answerMessages[0]?.failure?.stack).toContain("executor-tasks.ts");
  });

  test("an unrecoverable error is not worth another attempt", async () => {
    const child = new StartedExecutor(isolation);
    expect((await child.call("unrecoverable")).answerMessages[0]?.failure).toMatchObject({ retry: false });
  });

  test("throwing undefined is an error that says so", async () => {
    const child = new StartedExecutor(isolation);
    expect((await child.call("throwUndefined")).error.message).toContain("undefined");
  });

  test("a result above maxPayload fails its own call alone", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.calls("returnText", [[10], [5000], [20]], { maxPayload: 1000 });
    expect(outcome.answers.map((answer) => answer[1])).toEqual([1, 0, 1]);
    expect(outcome.answers[1]?.[2]).toMatchObject({ name: "PayloadTooLargeError" });
    const chunk = await child.items("returnText", [900, 900, 900], { maxPayload: 1000 });
    expect(chunk.value).toHaveLength(3);
    const large = await child.items("returnText", [900, 5000], { maxPayload: 1000 });
    expect(large.error).toMatchObject({ name: "PayloadTooLargeError", message: expect.stringContaining("item 1") });
  });

  test("an unknown task is answered with TaskNotFoundError, unit by unit", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.calls("unknown", [[1], [2]]);
    expect(outcome.answers.map((answer) => (answer[2] as Error).name)).toEqual([
      "TaskNotFoundError",
      "TaskNotFoundError",
    ]);
    expect(outcome.error.message).toContain("square");
  });

  test("arguments that do not fit the schema are a ValidationError of that call", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.calls("strict", [[1], ["one"], [2]]);
    expect(outcome.answers.map((answer) => answer[1])).toEqual([1, 0, 1]);
    expect(outcome.answers[1]?.[2]).toMatchObject({ name: "ValidationError" });
  });

  test("skipped units neither run nor are answered", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.calls("square", [[1], [2], [3]], { skip: [0, 2] });
    expect(outcome.answers.map((answer) => [answer[0], answer[2]])).toEqual([[1, 4]]);
    const none = await child.calls("square", [[1]], { skip: [0] });
    expect(none.answerMessages).toMatchObject([{ units: [], failed: 0, done: true }]);
  });

  test("starts are reported before each call, and the first item of each chunk", async () => {
    const child = new StartedExecutor(isolation);
    const calls = await child.calls("square", [[1], [2]], { reportStarts: true });
    expect(calls.messages.filter((message) => message.type === "started")).toMatchObject([
      { unit: 0, item: 0 },
      { unit: 1, item: 0 },
    ]);
    const chunk = await child.items("sleep", [3, 3, 3], { reportStarts: true });
    expect(chunk.messages.filter((message) => message.type === "started")).toMatchObject([
      { item: 0 },
      { item: 1 },
      { item: 2 },
    ]);
  });

  test("currentTask() knows the job, the unit, the attempt and the host", async () => {
    const child = new StartedExecutor(isolation);
    const single = await child.run({ task: "who", args: [], jobId: "one", attempt: 3 });
    expect(single.value).toEqual({ id: "one", name: "who", attempt: 3, host: "host-a", pid: child.executor.pid });
    const many = await child.calls("who", [[], []], { jobId: "many" });
    expect(many.answers.map((answer) => (answer[2] as { id: string }).id)).toEqual(["many.0", "many.1"]);
  });

  test("PL21: the initializer runs once, before the first task, with its arguments", async () => {
    const child = new StartedExecutor(isolation);
    const before = ((await child.call("whatIsInitialised")).value as unknown[]).length;
    await child.executor.adopt("letters", { task: "initialise", args: encodeToString(["a", 1n]) });
    const after = (await child.call("whatIsInitialised")).value as unknown[];
    expect(after.slice(before)).toEqual([["a", 1n]]);
    await expect(child.executor.adopt("numbers", null)).rejects.toThrow(/belongs to one pool.*letters/);
  });

  test("PL21: an initializer that throws, or is unknown, rejects the adoption with its error", async () => {
    const child = new StartedExecutor(isolation);
    const failing = { task: "failToInitialise", args: encodeToString([]) };
    await expect(child.executor.adopt("letters", failing)).rejects.toThrow("no database");
    const other = new StartedExecutor(isolation);
    const unknown = { task: "unknown", args: encodeToString([]) };
    await expect(other.executor.adopt("letters", unknown)).rejects.toMatchObject({ name: "TaskNotFoundError" });
  });
});
