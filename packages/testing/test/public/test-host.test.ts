import { execFile } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { currentContext, currentTask, TimeoutError, task, ValueError } from "@manyhands/core";
import { startTestHost, type TestHost } from "@manyhands/core/testing";
import { temporaryFolder, until, useRedis } from "@manyhands/testing";
import { startWorker } from "@manyhands/worker";
import { Queue } from "bullmq";
import { afterAll, beforeAll, expect, test } from "vitest";

const redis = useRedis();
const seen: unknown[] = [];
const note = task("note", async (value: unknown) => {
  seen.push(value);
  return value;
});
const notePid = task("note-pid", async () => process.pid, { isolation: "process" });
const flaky = task("flaky", async (name: string) => {
  seen.push(`${name} try ${currentTask().attempt}`);
  if (currentTask().attempt < 3) throw new Error("not yet");
});
const later = task("later", async (value: string, delay: number) => {
  await currentContext().submit(note, [value], { delay });
});
const hang = task("hang", async () => {
  await new Promise<void>((done) => currentTask().signal.addEventListener("abort", () => done()));
});

let host: TestHost;
beforeAll(async () => {
  host = await startTestHost({ redis: redis.url, startWorker });
});
afterAll(() => host.close());

test("a test host runs the tasks of the program in its process, and drain() waits until none is left", async () => {
  seen.length = 0;
  await host.mp.submit(note, [1]);
  await host.mp.submit(note, [2], { pool: "other", priority: 3 });
  await using pool = host.mp.pool(1);
  const unawaited = pool.applyAsync(note, [3]);
  const pid = await host.mp.submit(notePid);

  await host.drain();

  expect(seen.toSorted()).toEqual([1, 2, 3]);
  expect(await unawaited.get()).toBe(3);
  // Also a task that would run in a child: the module of a test is none that a child could load.
  expect(await pid.get()).toBe(process.pid);
});

test("a task that is defined when the host runs is taken as well", async () => {
  const late = task("defined-late", async () => "late");

  const handle = await host.mp.submit(late);

  expect(await handle.get({ timeout: 10_000 })).toBe("late");
});

test("delayed tasks and further tries run when the clock is advanced to their times, in order, and no sooner", async () => {
  // given
  seen.length = 0;
  const start = host.clock.now();
  await host.mp.submit(note, ["in a day"], { delay: 86_400_000 });
  await host.mp.submit(note, ["in an hour"], { delay: 3_600_000, pool: "other" });
  await host.mp.submit(later, ["an hour after two", 3_600_000], { delay: 2 * 3_600_000 });
  await host.mp.submit(flaky, ["f"], { attempts: 3, backoff: { type: "fixed", delay: 60_000 } });
  await host.drain();
  expect(seen).toEqual(["f try 1"]);
  // when
  await host.clock.advance(3_000_000);
  // then
  expect(seen).toEqual(["f try 1", "f try 2", "f try 3"]);
  await host.clock.advance(600_000);
  expect(seen).toEqual(["f try 1", "f try 2", "f try 3", "in an hour"]);
  await host.clock.advance(86_400_000);
  expect(seen.slice(4)).toEqual(["an hour after two", "in a day"]);
  expect(host.clock.now() - start).toBeGreaterThanOrEqual(86_400_000 + 3_600_000);
});

test("runs of a job scheduler come once for each of their times", async () => {
  // given
  await using own = await startTestHost({ redis: redis.url, startWorker });
  seen.length = 0;
  const queue = new Queue("default", { connection: { url: redis.url }, prefix: `{${own.namespace}}` });
  await own.mp.submit(note, ["first"]);
  await own.drain();
  await queue.upsertJobScheduler("hourly", { every: 3_600_000 }, { name: "note", data: { args: ["hourly"] } });
  await own.drain();
  const begun = seen.filter((value) => value === "hourly").length;
  // when
  await own.clock.advance(5 * 3_600_000);
  // then
  expect(seen.filter((value) => value === "hourly")).toHaveLength(begun + 5);
  await queue.removeJobScheduler("hourly");
  await queue.close();
});

test("schedules run at each of their times, by the clock", async () => {
  await using own = await startTestHost({ redis: redis.url, startWorker });
  const { mp, clock } = own;
  seen.length = 0;
  await mp.schedules.set("daily", note, ["daily"], { cron: "0 3 * * *", timeZone: "Europe/Berlin", missed: "all" });
  await mp.schedules.set("few", note, ["few"], { every: 3_600_000, limit: 2, missed: "none" });
  await mp.submit(note, ["in half an hour"], { delay: 1_800_000 });

  await clock.advance(86_400_000);
  expect(seen.filter((value) => value !== "daily")).toEqual(["in half an hour", "few", "few"]);
  await clock.advance(6 * 86_400_000);
  expect(seen.filter((value) => value === "daily")).toHaveLength(7);
  expect(await mp.schedules.get("few")).toMatchObject({ state: "ended", runs: 2 });
  const { lastRuns, missedCount } = (await mp.schedules.get("daily")) ?? { lastRuns: [] };
  const days = lastRuns.map(({ due }) => new Date(due).toISOString().slice(8, 10));
  expect([new Set(days).size, missedCount]).toEqual([7, 0]);

  // One that is set while the clock is ahead is due by the clock.
  await mp.schedules.set("later", note, ["later"], { every: 60_000, limit: 3 });
  await clock.advance(150_000);
  expect(seen.filter((value) => value === "later")).toHaveLength(2);
});

test("drain() that ends without success says what is left, and close() ends what runs and leaves no keys", async () => {
  const own = await startTestHost({ redis: redis.url, startWorker });
  await own.mp.submit(hang);
  await until(async () => (await own.mp.fleet.list())[0]?.running.length === 1);

  await expect(own.drain({ timeout: 50 })).rejects.toThrow(
    /^drain\(\) waited 50 ms and there is work left: pool "default" has 0 waiting tasks and 1 running; a task/,
  );
  await expect(own.drain({ timeout: 50 })).rejects.toBeInstanceOf(TimeoutError);
  await own.close();
  await own.close();

  expect(await redis.client().keys(`{${own.namespace}}*`)).toEqual([]);
});

test("wrong options of test hosts and their clocks are refused", async () => {
  await expect(startTestHost({ slot: 3 } as never)).rejects.toThrow('no option "slot"; did you mean slots?');
  await expect(startTestHost({ isolation: "process" })).rejects.toThrow(
    /needs task modules for the isolation "process"/,
  );
  await expect(startTestHost({ redis: "nonsense" })).rejects.toBeInstanceOf(ValueError);
  await expect(startTestHost({ startWorker: 7 } as never)).rejects.toThrow("takes a function as startWorker; got 7");
  for (const time of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1 h" as never]) {
    await expect(host.clock.advance(time)).rejects.toThrow(/^advance\(\) takes whole milliseconds from 0 to \d+; got /);
  }
  await expect(host.drain({ timeout: -1 })).rejects.toThrow(
    /^drain\(\) takes a timeout in milliseconds from 0; got -1$/,
  );
  await expect(host.drain({ until: 3 } as never)).rejects.toThrow('has no option "until"');
});

test("a program without the worker package is told to install it, and one with it needs no option", async () => {
  // given a project that has core alone
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules/@manyhands"), { recursive: true });
  const packages = fileURLToPath(new URL("../../..", import.meta.url));
  const link = (name: string) => symlinkSync(join(packages, name), join(folder, "node_modules/@manyhands", name));
  link("core");
  writeFileSync(
    join(folder, "main.mjs"),
    `import { task } from "@manyhands/core";
     import { startTestHost } from "@manyhands/core/testing";
     const square = task("square", (x) => x * x);
     const host = await startTestHost({ redis: ${JSON.stringify(redis.url)} });
     console.log(await (await host.mp.submit(square, [7])).get());
     await host.close();`,
  );
  // What the workspace has in a folder above of core is not there for a user.
  writeFileSync(
    join(folder, "hide.mjs"),
    `import { registerHooks } from "node:module";
     registerHooks({ resolve(name, context, next) {
       if (name !== "@manyhands/worker") return next(name, context);
       throw Object.assign(new Error("Cannot find package '@manyhands/worker'"), { code: "ERR_MODULE_NOT_FOUND" });
     } });`,
  );
  const run = (...words: string[]) =>
    promisify(execFile)(process.execPath, [...words, "main.mjs"], { cwd: folder, env: { PATH: process.env["PATH"] } });

  const without = run("--import", "./hide.mjs");

  await expect(without).rejects.toThrow(
    /startTestHost\(\) needs the package @manyhands\/worker, .*`npm install --save-dev @manyhands\/worker`/,
  );
  link("worker");
  expect(await run()).toEqual({ stdout: "49\n", stderr: "" });
});
