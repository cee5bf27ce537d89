import { decodeError, type Isolation } from "@manyhands/core/internal";
import { until } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { fixture, StartedExecutor } from "./started-executor.ts";

test("a child that cannot be told where Redis is does not stay behind", async () => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind === "ProcessWrap").length;
  expect(() => new StartedExecutor("process", { connection: { retryStrategy: () => 1 } })).toThrow(
    "could not be cloned",
  );
  expect(() => new StartedExecutor("thread", { connection: { retryStrategy: () => 1 } })).toThrow(
    "could not be cloned",
  );
  const children = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "ProcessWrap").length;
  await until(() => children() === before, { what: "the child has ended" });
});

describe.each<Isolation>(["process", "thread"])("how a child of isolation %s ends", (isolation) => {
  test("process.exit() in a task ends the child, not the host; what was said and answered before arrives", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.call("exitNow", 3);
    expect(outcome.exit).toMatchObject({ code: 3, signal: null, crash: null, killedFor: null, outOfMemory: false });
    expect(outcome.text("stdout")).toBe("leaving\n");
    expect(await child.executor.exited).toEqual(outcome.exit);
    // A child that is gone runs nothing more, and says so.
    expect((await child.call("square", 1)).exit).toEqual(outcome.exit);
    await expect(child.executor.adopt("late", null)).rejects.toMatchObject({ name: "WorkerLostError" });
  });

  test("a full heap ends the child and is recognised", async () => {
    const child = new StartedExecutor(isolation, { maxHeapMegabytes: 32 });
    const outcome = await child.call("exhaustMemory");
    expect(outcome.exit).toMatchObject({ outOfMemory: true, killedFor: null });
  });

  test("is told to be killed before it is gone", async () => {
    const child = new StartedExecutor(isolation);
    await child.executor.loaded;
    expect(child.executor.isKilled).toBe(false);
    const gone = child.executor.kill("enough");
    expect(child.executor.isKilled).toBe(true);
    expect(await gone).toMatchObject({ killedFor: "enough" });
  });

  test("kill() ends an endless loop within a second", async () => {
    const child = new StartedExecutor(isolation);
    let killedAt = 0;
    const outcome = await child.run({ task: "spin", args: [], reportStarts: true }, () => {
      killedAt = performance.now();
      void child.executor.kill("time limit");
    });
    expect(performance.now() - killedAt).toBeLessThan(1000);
    expect(outcome.exit).toMatchObject({ killedFor: "time limit", outOfMemory: false });
    expect(await child.executor.kill("again")).toEqual(outcome.exit);
  });

  test("an error that is not awaited ends the child during the call and names the call", async () => {
    const child = new StartedExecutor(isolation);
    const outcome = await child.run({ task: "rejectAside", args: [], jobId: "careless" });
    expect(outcome.exit?.crash).toMatchObject({ message: "floating", jobId: "careless", unit: 0 });
    expect(decodeError(outcome.exit?.crash?.error as Uint8Array)).toMatchObject({ name: "Error", message: "floating" });
    expect(outcome.exit?.code).toBe(1);
  });

  test("an error thrown after its call was answered is not blamed on the job that runs then", async () => {
    const child = new StartedExecutor(isolation);
    expect((await child.run({ task: "throwLater", args: [20], jobId: "culprit" })).value).toBe("answered");
    const victim = await child.run({ task: "sleep", args: [60_000], jobId: "victim" });
    expect(victim.exit?.crash).toMatchObject({ message: "nobody waits for me", jobId: "culprit" });
    expect(victim.answers).toEqual([]);
  });

  test("an idle child ends by itself when it is retired", async () => {
    const child = new StartedExecutor(isolation);
    await child.executor.loaded;
    expect(await child.executor.retire(30_000)).toMatchObject({ code: 0, killedFor: null });
  });

  test("a busy child is killed when its grace has passed", async () => {
    const child = new StartedExecutor(isolation);
    const retired = Promise.withResolvers<unknown>();
    void child.run({ task: "spin", args: [], reportStarts: true }, () => retired.resolve(child.executor.retire(50)));
    expect(await retired.promise).toMatchObject({ killedFor: "it did not end within 50 ms" });
  });

  test("a module that throws while loading is named, with its own error as the cause", async () => {
    const child = new StartedExecutor(isolation, { modules: [fixture("throws-on-load.ts")] });
    const error = await child.executor.loaded.catch((error: unknown) => error as Error);
    expect(error).toMatchObject({
      message: expect.stringMatching(/task module ".*throws-on-load\.ts" .*TypeError: configuration is missing/),
      cause: expect.objectContaining({ message: "configuration is missing" }),
    });
    expect((await child.executor.exited).code).toBe(1);
  });

  test("a module that is not there is named", async () => {
    const child = new StartedExecutor(isolation, { modules: ["./no-such-tasks.ts"] });
    await expect(child.executor.loaded).rejects.toThrow(/task module ".\/no-such-tasks.ts" could not be loaded/);
  });

  test("a child killed before it has loaded rejects loaded", async () => {
    const child = new StartedExecutor(isolation);
    void child.executor.kill("changed my mind");
    await expect(child.executor.loaded).rejects.toThrow(
      /killed \(changed my mind\) before its task modules were loaded/,
    );
  });
});

test("a killed inline executor settles its jobs and hears nothing of them any more", async () => {
  const child = new StartedExecutor("inline");
  expect(child.executor.isKilled).toBe(false);
  const outcome = await child.run({ task: "untilAborted", args: [] }, () => void child.executor.kill("shutdown"));
  expect(outcome.exit).toMatchObject({ killedFor: "shutdown" });
  expect(outcome.answers).toEqual([]);
  expect(child.executor.isKilled).toBe(true);
});

test("an inline executor runs several jobs at once", async () => {
  const child = new StartedExecutor("inline");
  const startedAt = performance.now();
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => child.call("sleep", 500)));
  expect(outcomes.map((outcome) => outcome.value)).toEqual([500, 500, 500, 500]);
  // One after the other they take 2 s.
  expect(performance.now() - startedAt).toBeLessThan(1_900);
});

test("a retired inline executor ends when its last job has", async () => {
  const child = new StartedExecutor("inline");
  const running = child.run({ task: "sleep", args: [50] });
  const exit = await child.executor.retire(30_000);
  expect((await running).value).toBe(50);
  expect(exit).toMatchObject({ killedFor: null });
});

describe("a child process", () => {
  test("that is killed from outside settles what runs and what is asked of it in the meantime", async () => {
    const child = new StartedExecutor("process");
    await child.executor.loaded;
    const running = child.call("spin");
    process.kill(child.executor.pid, "SIGKILL");
    const asked = [child.call("square", 1), child.call("square", 2)];
    child.executor.cancel("anything", null, "cancelled");
    const exits = (await Promise.all([running, ...asked])).map((outcome) => outcome.exit);
    expect(exits).toEqual(Array(3).fill(expect.objectContaining({ signal: "SIGKILL", killedFor: null })));
  });

  test("that aborts has not run out of memory", async () => {
    const child = new StartedExecutor("process");
    expect((await child.call("abort")).exit).toMatchObject({ signal: "SIGABRT", outOfMemory: false });
  });

  test("whose task closes the channel to the host ends", async () => {
    const child = new StartedExecutor("process");
    expect((await child.call("disconnect")).exit).toMatchObject({ killedFor: null, crash: null });
  });

  test("may send messages of its own, which mean nothing to the host", async () => {
    const child = new StartedExecutor("process");
    expect((await child.call("sendNoise")).value).toBe("sent");
    expect((await child.call("square", 2)).value).toBe(4);
  });
});
