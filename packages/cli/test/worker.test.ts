import { existsSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@manyhands/core";
import { freePort, startRedisServer } from "@manyhands/core/redis-server";
import { descendantPids, processIsAlive, temporaryFolder, until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { fixture, run, start, TASKS } from "./command-line.ts";
import { fail, failOnce, spin, untilFile } from "./fixtures/tasks.ts";
import { gate, look, untilRunning, untilTask } from "./look.ts";

/** Signals that come sooner count as one, ms. */
const SIGNALS_APART = 120;
const redis = useRedis();

function place() {
  return { redis: redis.url, namespace: redis.namespace() };
}

/** The lines of its log, which is JSON without a terminal; throws at a line that is something else. */
function logOf({ stderr }: { stderr: string }): Record<string, unknown>[] {
  return stderr
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("prints one line with name, slots, tasks and pools once it takes work", async () => {
  const where = place();
  await run(["pool", "create", "mail"], where);

  const worker = start(["worker", "--tasks", TASKS, "--name", "w1", "--slots", "2", "--pools", "mail,reports"], where);
  await worker.shows(/ready/);

  expect(worker.stdout).toMatch(/^host "w1" is ready: 2 slots, tasks .*square.*, pools mail, reports\n$/);
  expect(await run(["submit", "where", "--pool", "mail", "--wait"], where)).toMatchObject({ code: 0 });
});

test("ready as JSON, with the port of the health server", async () => {
  const worker = start(["worker", "--tasks", TASKS, "--health-port", "0", "-o", "json"], place());
  await worker.shows(/"ready": true[\s\S]*\n}\n/);

  const facts = JSON.parse(worker.stdout) as { ready: boolean; healthPort: number; tasks: string[] };
  expect(facts).toMatchObject({ ready: true, pools: null });
  expect(facts.tasks).toContain("square");
  expect((await fetch(`http://127.0.0.1:${facts.healthPort}/readyz`)).status).toBe(200);
});

test("it takes options from a file and its environment from another one, and waits for a Redis that is not up", async () => {
  // given
  const folder = temporaryFolder();
  const port = await freePort();
  writeFileSync(join(folder, "loader.mjs"), 'globalThis.loaded = "by the loader";');
  writeFileSync(
    join(folder, "tasks.mts"),
    `import { task } from ${JSON.stringify(import.meta.resolve("@manyhands/core"))};
     export const tell = task("tell", async () => [process.env["COLOUR"], (globalThis as { loaded?: string }).loaded]);`,
  );
  writeFileSync(join(folder, ".env"), `COLOUR=blue\nMANYHANDS_REDIS_URL=redis://:secret@127.0.0.1:${port}\n`);
  const options = { tasks: ["tasks.mts"], import: ["./loader.mjs"], name: "file", slots: 3, envFile: ".env" };
  writeFileSync(join(folder, "host.json"), JSON.stringify({ ...options, waitForRedis: 60_000 }));
  const worker = start(["worker", "--config", join(folder, "host.json"), "--slots", "1"]);
  await worker.shows(/Redis at .* does not answer yet; the host waits for it, up to 60000 ms/);
  // when
  await using server = await startRedisServer({ port, password: "secret" });
  await worker.shows(/ready/);
  // then
  expect(worker.stdout).toMatch(/^host "file" is ready: 1 slot, tasks tell, /);
  const where = { redis: server.url };
  expect(await run(["submit", "tell", "--wait"], where)).toMatchObject({
    code: 0,
    stdout: '["blue","by the loader"]\n',
  });
  worker.signal("SIGTERM");
  await worker.exited;
});

test("a Redis that is not up within --wait-for-redis ends it with 3", async () => {
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;

  const outcome = await run(["worker", "--tasks", TASKS, "--wait-for-redis", "300", "--redis", redisUrl]);

  expect(outcome).toMatchObject({
    code: 3,
    stdout: "",
    stderr: expect.stringMatching(/is not reachable: .*ECONNREFUSED/),
  });
});

test("it continues when the output of its tasks is not read", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--echo"], where);
  await worker.shows(/ready/);
  worker.child.stdout?.destroy();

  for (let round = 0; round < 3; round += 1) {
    expect(await run(["submit", "talk", '"hello"', "--wait"], where)).toMatchObject({ code: 0 });
  }

  worker.signal("SIGTERM");
  expect(await worker.exited).toMatchObject({ code: 0 });
  expect(logOf(worker)).toContainEqual(
    expect.objectContaining({ level: "info", msg: expect.stringMatching(/^SIGTERM: finishing 0 running tasks, /) }),
  );
  const messages = logOf(worker).map((line) => String(line["msg"]));
  const told = messages.findIndex((message) => message.startsWith("SIGTERM: "));
  expect(told).toBeLessThan(messages.findIndex((message) => message.includes("stopped")));
});

test("SIGTERM ends a host that is not up because a task module never loads, and leaves no children", async () => {
  const folder = await mkdtemp(join(tmpdir(), "endless-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const loading = join(folder, "loading");
  const worker = start(["worker", "--tasks", fixture("endless.ts")], { ...place(), env: { LOADING: loading } });
  await until(() => existsSync(loading), { what: "the module is being loaded" });
  const children = descendantPids(worker.pid);

  worker.signal("SIGTERM");

  expect(await worker.exited).toMatchObject({ code: 130 });
  await until(() => !children.some(processIsAlive), { what: "the children have ended" });
});

test("SIGTERM lets running tasks finish, then it ends with 0 and leaves no children", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--grace", "30000"], where);
  await worker.shows(/ready/);
  const { path, open } = gate();
  const work = start(["submit", "until-file", JSON.stringify(path), "--wait"], where);
  await untilRunning(look(where));
  const children = descendantPids(worker.pid);

  worker.signal("SIGTERM");

  await worker.shows(/finishing 1 running task/);
  open();
  expect(await work.exited).toMatchObject({ code: 0, stdout: '"there"\n' });
  expect(await worker.exited).toMatchObject({ code: 0 });
  const words = "SIGTERM: finishing 1 running task, taking no more; again to stop now";
  expect(logOf(worker).map((line) => line["msg"])).toContain(words);
  await until(() => !children.some(processIsAlive), { what: "its children are gone" });
});

test("signals to the host and all its children at one moment drain it: what runs finishes, and it ends with 0", async () => {
  // given a task and a process that run, and a warm spare
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--grace", "30000"], where);
  await worker.shows(/ready/);
  await using mp = await connect(where);
  const { path, open } = gate();
  await using pool = mp.pool(1);
  // Also when the test fails: what waits for the gate would keep it from ending.
  using _gate = { [Symbol.dispose]: open };
  const result = pool.applyAsync(untilFile, [path]);
  const child = mp.process(untilFile, { args: [path] });
  await child.start();
  await child.started({ timeout: 90_000 });
  await untilRunning(look(where));
  const group = [worker.pid, ...descendantPids(worker.pid)];
  expect(group.length).toBeGreaterThan(2);

  // when systemd, pm2 or a terminal signals all of them
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) for (const pid of group) process.kill(pid, signal);

  // then
  await worker.shows(/SIG\w+: finishing 1 running task and 1 process/);
  open();
  expect(await result.get({ timeout: 90_000 })).toBe("there");
  await child.join({ timeout: 90_000 });
  expect(child.exitcode).toBe(0);
  expect(await worker.exited).toMatchObject({ code: 0, stderr: expect.not.stringContaining("stopping now") });
});

test("a second signal stops at once, and the task goes back to its queue with all its tries", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--grace", "60000"], where);
  await worker.shows(/ready/);
  const { stdout } = await run(["submit", "nap", "60000"], where);
  await untilRunning(look(where));
  worker.signal("SIGTERM");
  await worker.shows(/finishing 1 running task/);
  const began = Date.now();

  worker.signal("SIGTERM");

  expect(await worker.exited).toMatchObject({ code: 0 });
  expect(Date.now() - began).toBeLessThan(10_000);
  const shown = JSON.parse((await run(["task", "show", stdout.trim(), "-o", "json"], where)).stdout);
  // No host is left that knows it.
  expect(shown).toMatchObject({ state: "blocked", attemptsMade: 0 });
});

test("a third signal kills a task that keeps its child busy; it goes back to its queue with all its tries", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--grace", "60000"], where);
  await worker.shows(/ready/);
  const { stdout } = await run(["submit", "spin", "60000"], where);
  await untilRunning(look(where));

  for (const [signal, step] of [
    ["SIGINT", /waiting up to/],
    ["SIGTERM", /"step":"cold"/],
    ["SIGHUP", /"step":"kill"/],
  ] as const) {
    await new Promise((resolve) => setTimeout(resolve, SIGNALS_APART));
    worker.signal(signal);
    await worker.shows(step);
  }

  expect(await worker.exited).toMatchObject({ code: 0 });
  const messages = logOf(worker).map((line) => String(line["msg"]));
  expect(messages).toContain("SIGTERM: stopping now: 1 running task; tasks go back to their queue");
  expect(messages).toContain("SIGHUP: killing 1 running task; tasks go back to their queue");
  const shown = JSON.parse((await run(["task", "show", stdout.trim(), "-o", "json"], where)).stdout);
  // No host is left that knows it.
  expect(shown).toMatchObject({ state: "blocked", attemptsMade: 0 });
});

test("kill -9 of a worker leaves no child behind", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "2"], where);
  await worker.shows(/ready/);
  await run(["submit", "spin", "60000"], where);
  await untilTask(look(where), { state: "active" });
  const children = descendantPids(worker.pid);
  expect(children.length).toBeGreaterThan(0);

  worker.signal("SIGKILL");

  await worker.exited;
  await until(() => !children.some(processIsAlive), { what: "its children are gone" });
});

test("its log has one line for each thing that happens to tasks, children and itself, and no arguments", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--name", "w1", "--log-level", "debug"], where);
  await worker.shows(/ready/);
  const mp = await connect(where);
  const pool = mp.pool(undefined, { name: "default" });
  await expect(pool.apply(fail, ["secret \x1b[31m"])).rejects.toThrow("secret");
  expect(await pool.apply(failOnce, ["hidden"], { attempts: 2 })).toBe("worked");
  await expect(pool.apply(spin, [60_000], { timeout: 200 })).rejects.toThrow("time limit");
  const cancelled = pool.applyAsync(spin, [60_000]);
  await untilRunning(look(where));
  await cancelled.cancel("not needed");
  await expect(cancelled.get({ timeout: 90_000 })).rejects.toThrow("not needed");
  await mp.close();
  worker.signal("SIGTERM");
  await worker.exited;

  const log = logOf(worker);
  const lines = (pattern: RegExp) => log.filter((line) => pattern.test(String(line["msg"])));
  for (const line of log) {
    expect(line).toMatchObject({ time: expect.stringMatching(/^\d{4}-.*Z$/), host: "w1" });
    expect(["debug", "info", "warn", "error"]).toContain(line["level"]);
  }
  expect(lines(/^host "w1" takes work: /)).toMatchObject([{ level: "info" }]);
  expect(lines(/^task "fail" \(.*\) failed: RangeError: secret/)).toMatchObject([
    { level: "warn", pool: "default", task: "fail", attempt: 1, error: { name: "RangeError" }, id: expect.any(String) },
  ]);
  expect(lines(/^task "fail-once" \(.*\) failed, try 1 of 2; it is tried again at once: Error: not yet$/)).toHaveLength(
    1,
  );
  expect(lines(/^task "fail-once" \(.*\) is done in [\d.]+ m?s$/)).toMatchObject([
    { level: "debug", attempt: 2, duration: expect.any(Number) },
  ]);
  expect(lines(/^task "spin" \(.*\) ran over its time limit; its child \(pid \d+\) is killed$/)).toHaveLength(1);
  expect(lines(/^child \d+ of pool "default" was killed: time limit$/)).toMatchObject([{ level: "info" }]);
  expect(lines(/^task "spin" \(job .*\) was cancelled: not needed$/)).toMatchObject([{ level: "info", task: "spin" }]);
  expect(lines(/CancelledError/)).toEqual([]);
  expect(lines(/^draining: takes nothing more; 0 jobs and 0 processes run, and may take 10\.0 s$/)).toHaveLength(1);
  expect(lines(/^host "w1" has stopped$/)).toHaveLength(1);
  expect(worker.stderr).not.toMatch(/"args"|hidden/);
  expect(worker.stderr).not.toContain("\x1b");
});

test("its log is for people with --log-format pretty, keeps to its level, and shows arguments with --log-args", async () => {
  const where = place();
  const log = ["--log-format", "pretty", "--log-level", "warn", "--log-args"];
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--name", "w1", ...log], where);
  await worker.shows(/ready/);
  const mp = await connect(where);
  const pool = mp.pool(undefined, { name: "default" });
  await expect(pool.apply(fail, ["one\ntwo"])).rejects.toThrow("one");
  await mp.close();
  worker.signal("SIGTERM");
  await worker.exited;

  expect(worker.stderr).toMatch(
    /^\d{4}-\d\d-\d\d [\d:.]+ WARN {2}w1: task "fail" \(.*\) failed: RangeError: one\n {2}two {2}pool=default attempt=1 duration=[\d.]+ pid=\d+ args=\[ 'one\\ntwo' \]\n$/,
  );
});
