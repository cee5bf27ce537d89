import { connect } from "@manyhands/core";
import { descendantPids, processIsAlive, until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { run, start, TASKS } from "./command-line.ts";
import { untilFile } from "./fixtures/tasks.ts";
import { gate, look, untilTask } from "./look.ts";

const redis = useRedis();

function place() {
  return { redis: redis.url, namespace: redis.namespace() };
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
  await worker.shows(/\n/);

  const facts = JSON.parse(worker.stdout) as { ready: boolean; healthPort: number; tasks: string[] };
  expect(facts).toMatchObject({ ready: true, pools: null });
  expect(facts.tasks).toContain("square");
  expect((await fetch(`http://127.0.0.1:${facts.healthPort}/readyz`)).status).toBe(200);
});

test("it goes on when nobody reads what its tasks write", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--echo"], where);
  await worker.shows(/ready/);
  worker.child.stdout?.destroy();

  for (let round = 0; round < 3; round += 1) {
    expect(await run(["submit", "talk", '"hello"', "--wait"], where)).toMatchObject({ code: 0 });
  }

  worker.signal("SIGTERM");
  expect(await worker.exited).toMatchObject({ code: 0, stderr: expect.stringMatching(/^SIGTERM: finishing 0/) });
});

test("SIGTERM lets running tasks finish, then it ends with 0 and leaves no children", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--grace", "30000"], where);
  await worker.shows(/ready/);
  const { path, open } = gate();
  const work = start(["submit", "until-file", JSON.stringify(path), "--wait"], where);
  await untilTask(look(where), { state: "active" });
  const children = descendantPids(worker.pid);

  worker.signal("SIGTERM");

  await worker.shows(/finishing 1 running tasks/);
  open();
  expect(await work.exited).toMatchObject({ code: 0, stdout: '"there"\n' });
  expect(await worker.exited).toMatchObject({ code: 0 });
  expect(worker.stderr).toMatch(/^SIGTERM: finishing 1 running tasks, taking no more; again to stop now\n/);
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
  const result = pool.applyAsync(untilFile, [path]);
  const child = mp.process(untilFile, { args: [path] });
  await child.start();
  await child.started({ timeout: 10_000 });
  await untilTask(look(where), { state: "active" });
  const group = [worker.pid, ...descendantPids(worker.pid)];
  expect(group.length).toBeGreaterThan(2);

  // when systemd, pm2 or a terminal signals all of them
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) for (const pid of group) process.kill(pid, signal);

  // then
  await worker.shows(/SIG\w+: finishing 1 running tasks and 1 processes/);
  open();
  expect(await result.get({ timeout: 10_000 })).toBe("there");
  await child.join({ timeout: 10_000 });
  expect(child.exitcode).toBe(0);
  expect(await worker.exited).toMatchObject({ code: 0, stderr: expect.not.stringContaining("stopping now") });
});

test("a second signal stops at once, and the task goes back to its queue with all its tries", async () => {
  const where = place();
  const worker = start(["worker", "--tasks", TASKS, "--slots", "1", "--grace", "60000"], where);
  await worker.shows(/ready/);
  const { stdout } = await run(["submit", "nap", "60000"], where);
  await untilTask(look(where), { state: "active" });
  worker.signal("SIGTERM");
  await worker.shows(/finishing 1 running tasks/);
  const began = Date.now();

  worker.signal("SIGTERM");

  expect(await worker.exited).toMatchObject({ code: 0 });
  expect(Date.now() - began).toBeLessThan(10_000);
  const shown = JSON.parse((await run(["task", "show", stdout.trim(), "-o", "json"], where)).stdout);
  expect(shown).toMatchObject({ state: "waiting", attemptsMade: 0 });
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
