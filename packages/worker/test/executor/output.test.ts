import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeToString, type Isolation } from "@manyhands/core/internal";
import { describe, expect, onTestFinished, test } from "vitest";
import { fixture, StartedExecutor } from "./started-executor.ts";

describe.each<Isolation>(["process", "thread", "inline"])("output of tasks of isolation %s", (isolation) => {
  test("what a call prints goes to its unit, before its answer", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.calls("print", [["a"], ["b"]]);
    const order = outcome.messages.map((message) =>
      message.type === "output" ? `${message.stream} ${message.unit} ${message.text}` : message.type,
    );
    expect(order.filter((line) => line !== "answers")).toEqual([
      "stdout 0 first a\n",
      "stderr 0 second a\n",
      "stdout 1 first b\n",
      "stderr 1 second b\n",
    ]);
    expect(order.at(-1)).toBe("answers");
  });

  test("output is bounded per unit and stream, and says that it was cut", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.call("printMuch", 1_000_000);
    const text = outcome.text("stdout");
    expect(text).toMatch(/é\n\[stdout of this task was cut after 65536 bytes\]\n$/);
    expect(Buffer.byteLength(text)).toBeLessThan(65_536 + 100);
    expect((await child.call("printMuch", 1000)).text("stdout")).toHaveLength(500);
  });

  test("progress and log lines arrive in order; of several progress values in one tick the last counts", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.call("report");
    expect(outcome.messages.slice(0, 2)).toMatchObject([
      { type: "progress", unit: 0, value: 50 },
      { type: "log", unit: 0, line: "half way" },
    ]);
    expect((await child.call("badProgress")).error).toMatchObject({ name: "ValueError" });
  });

  test("a chatty loop is heard while it still runs", async () => {
    const child = new StartedExecutor(isolation);
    const folder = mkdtempSync(join(tmpdir(), "manyhands-heard-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const heard = join(folder, "heard");
    const outcome = await child.run({ task: "spinAndPrint", args: [heard, 20_000] }, (message) => {
      if (message.type === "output") writeFileSync(heard, "");
    });
    expect(outcome).toMatchObject({ value: true });
  });
});

describe.each<Isolation>(["process", "thread"])("output outside tasks of isolation %s", (isolation) => {
  test("what a module prints while loading, and an initializer later, belongs to no job", async () => {
    const child = new StartedExecutor(isolation, {
      modules: [fixture("executor-tasks.ts"), fixture("prints-on-load.ts")],
    });
    await child.executor.loaded;
    expect(child.stray).toMatchObject([{ jobId: null, stream: "stdout", text: "loading\n" }]);
    await child.executor.adopt("letters", { task: "initialise", args: encodeToString([]) });
    expect(child.stray[1]).toMatchObject({ jobId: null, text: "initialised\n" });
  });
});

test("a task may write 1 MiB to a descriptor at once: the pipe makes it wait, and never fails", async () => {
  const child = new StartedExecutor("process");
  const outcome = await child.call("printRaw", `${"x".repeat(1024 * 1024)}\n`);
  expect(outcome.value).toBeUndefined();
  expect(outcome.text("stdout")).toMatch(/^x{65000,}\n\[stdout of this child was cut after 65536 characters\]\n$/);
});

test("what native code writes to a descriptor is read from the pipe and goes to the running job", async () => {
  const child = new StartedExecutor("process");
  const outcome = await child.call("printRaw", "raw words");
  expect(outcome.messages).toContainEqual(expect.objectContaining({ type: "output", unit: -1, text: "raw words" }));
});
