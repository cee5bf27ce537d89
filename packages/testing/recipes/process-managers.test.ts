import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { connect } from "@manyhands/core";
import { childPids, descendantPids, processIsAlive, until, useRedis } from "@manyhands/testing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { blocks, read } from "../../../scripts/docs.ts";
import { packPackages } from "../../../scripts/pack.ts";
import { dieWithUs } from "../src/die-with-us.ts";
import { npmInstall } from "./npm-install.ts";

// The process managers of docs/workers.md, with the files that the page shows.
const redis = useRedis();
const PM2 = "pm2@7.0.4";
const TASKS = `
import { appendFileSync, existsSync } from "node:fs";
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { task } from "@manyhands/core";

/** Takes longer than pm2's own 1.6 s. */
export const nap = task("nap", async (file) => {
  appendFileSync(file, "start\\n");
  await pause(4_000);
  appendFileSync(file, "end\\n");
});
/** Runs a program beside it. */
export const convert = task("convert", async (file, gate) => {
  const program = spawn("sleep", ["3600"], { stdio: "ignore" });
  appendFileSync(file, program.pid + "\\n");
  while (!existsSync(gate)) await pause(20);
  program.kill("SIGKILL");
  return "converted";
});
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "manyhands-managers-"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "managed", private: true, type: "module" }));
  await writeFile(join(folder, "tasks.js"), TASKS);
  await npmInstall(folder, [...Object.values(await packPackages(join(folder, "tarballs"))), PM2]);
}, 240_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** A block of docs/workers.md that begins so. */
function shown(beginning: string): string {
  const block = blocks("docs/workers.md").find(({ code }) => code.startsWith(beginning));
  if (!block) throw new Error(`docs/workers.md has no block that begins with ${beginning}`);
  return block.code;
}

function environment(namespace: string): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|NODE_ENV$|NODE_OPTIONS$|TEST$|MANYHANDS_|REDIS_URL$|npm_|PM2_|FORCE_COLOR)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return {
    ...Object.fromEntries(own),
    PATH: [dirname(process.execPath), join(folder, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
    PM2_HOME: join(folder, ".pm2"),
    MANYHANDS_REDIS_URL: redis.url,
    MANYHANDS_NAMESPACE: namespace,
  };
}

function start(command: string, words: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(command, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const release = dieWithUs(child.pid as number);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += String(text)));
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  void exited.then(release);
  onTestFinished(() => {
    for (const pid of [...descendantPids(child.pid as number), child.pid as number])
      if (processIsAlive(pid)) process.kill(pid, "SIGKILL");
  });
  return { pid: child.pid as number, exited, output: () => output };
}

test("process managers: pm2 restarts a host in order: the task that runs ends there, once, and a new host takes the next one", async () => {
  // given the ecosystem of the page
  await writeFile(join(folder, "ecosystem.config.cjs"), shown("// ecosystem.config.cjs"));
  const namespace = redis.namespace();
  const env = environment(namespace);
  const pm2 = (...words: string[]) => promisify(execFile)("pm2", words, { cwd: folder, env });
  onTestFinished(async () => void (await pm2("kill")));
  await using mp = await connect({ redis: redis.url, namespace });
  const hosts = () => mp.fleet.list();
  await pm2("start", "ecosystem.config.cjs");
  const [first] = await until(async () => (await hosts()).some(({ state }) => state === "running") && hosts(), {
    timeout: 60_000,
  });
  const notes = join(folder, "notes");
  const handle = await mp.submit("nap", [notes]);
  await until(() => existsSync(notes), { timeout: 20_000 });
  // when
  await pm2("restart", "worker");
  // then
  expect(await readFile(notes, "utf8")).toBe("start\nend\n");
  expect(await handle.state()).toBe("completed");
  await until(async () => (await hosts()).some(({ id, state }) => id !== first?.id && state === "running"), {
    timeout: 60_000,
  });
  await mp.submit("nap", [notes]);
  await until(async () => (await readFile(notes, "utf8")) === "start\nend\nstart\n", { timeout: 20_000 });
  // when
  const [second] = await hosts();
  const children = second?.children.map(({ pid }) => pid) ?? [];
  await pm2("stop", "worker");
  // then
  expect(await readFile(notes, "utf8")).toBe("start\nend\nstart\nend\n");
  expect(await hosts()).toEqual([]);
  expect(children.length).toBeGreaterThan(0);
  await until(() => !children.some(processIsAlive));
});

describe("process managers: systemd", () => {
  test.skipIf(!existsSync("/usr/bin/systemd-analyze"))("accepts the unit of the page", async () => {
    const unit = join(folder, "manyhands-worker.service");
    await writeFile(unit, shown("# /etc/systemd/system/manyhands-worker.service"));
    const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", unit]);
    expect(stdout + stderr).toBe("");
  });

  test("gives the host more time than the host gives its tasks, as pm2, compose and Kubernetes do", () => {
    const seconds = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
    const page = read("docs/deployment.md");
    const compose = read("docker-compose.yml");
    expect(seconds(page, /terminationGracePeriodSeconds: (\d+)\n/)).toBeGreaterThanOrEqual(35);
    expect(page).toContain('"--grace", "30000"');
    expect(seconds(compose, /Longer than --grace.*\n +stop_grace_period: (\d+)s/)).toBeGreaterThanOrEqual(35);
    expect(compose).toMatch(/--grace"?, "?30000/);
    const unit = shown("# /etc/systemd/system/manyhands-worker.service");
    const grace = Number(/--grace (\d+)/.exec(unit)?.[1]);
    expect(Number(/TimeoutStopSec=(\d+)/.exec(unit)?.[1]) * 1_000).toBeGreaterThanOrEqual(grace + 5_000);
    const ecosystem = shown("// ecosystem.config.cjs");
    expect(Number(/kill_timeout: ([\d_]+)/.exec(ecosystem)?.[1]?.replaceAll("_", ""))).toBeGreaterThanOrEqual(
      Number(/--grace (\d+)/.exec(ecosystem)?.[1]) + 5_000,
    );
  });

  test.each([
    ["KillMode=mixed: SIGTERM to the host alone", "host"],
    ["KillMode=control-group: SIGTERM to the host, its children, and programs of tasks", "group"],
  ])("%s, then SIGKILL to what is left", async (_, whom) => {
    // given a host whose task has started a program
    const namespace = redis.namespace();
    const host = start("manyhands", ["worker", "--tasks", "tasks.js", "--grace", "20000"], environment(namespace));
    await until(() => host.output().includes("ready"), { timeout: 30_000 });
    await using mp = await connect({ redis: redis.url, namespace });
    const [notes, gate] = [join(folder, `program-${whom}`), join(folder, `gate-${whom}`)];
    const handle = await mp.submit("convert", [notes, gate]);
    await until(() => existsSync(notes), { timeout: 20_000 });
    const program = Number(await readFile(notes, "utf8"));
    const group = [host.pid, ...descendantPids(host.pid)];
    expect(group).toContain(program);
    // when systemd stops the unit
    for (const pid of whom === "host" ? [host.pid] : group) process.kill(pid, "SIGTERM");
    await until(() => host.output().includes("waiting up to"), { timeout: 10_000 });
    // then the task ends in its time; a program that does not know better ends with the group
    expect(processIsAlive(program)).toBe(whom === "host");
    await writeFile(gate, "");
    expect(await handle.get({ timeout: 10_000 })).toBe("converted");
    expect(await host.exited).toBe(0);
    // and there is nothing left for SIGKILL
    expect(group.filter(processIsAlive)).toEqual([]);
  });
});

describe("process managers: containers", () => {
  /** Whether this user may make a process the first one of a process namespace, as a container does. */
  async function canUnshare(): Promise<boolean> {
    return promisify(execFile)("unshare", [...AS_FIRST, "true"]).then(
      () => true,
      () => false,
    );
  }
  const AS_FIRST = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"];

  test("docker stop, SIGTERM to a host that is process 1, drains it; it reaps its children", async ({ skip }) => {
    if (!(await canUnshare())) skip("this user may not make process namespaces");
    // given
    const namespace = redis.namespace();
    const command = [process.execPath, join(folder, "node_modules/@manyhands/cli/bin/manyhands.js")];
    const words = ["worker", "--tasks", "tasks.js", "--grace", "20000"];
    const container = start("unshare", [...AS_FIRST, ...command, ...words], environment(namespace));
    await until(() => container.output().includes("ready"), { timeout: 30_000 });
    await using mp = await connect({ redis: redis.url, namespace });
    expect((await mp.fleet.list())[0]?.pid).toBe(1);
    const notes = join(folder, "container");
    const handle = await mp.submit("nap", [notes]);
    await until(() => existsSync(notes), { timeout: 20_000 });
    const [first] = childPids(container.pid);
    // when
    process.kill(first as number, "SIGTERM");
    // then
    await handle.get({ timeout: 20_000 });
    expect(await container.exited).toBe(0);
    expect(container.output()).toContain("SIGTERM: finishing 1 running task");
    expect(await readFile(notes, "utf8")).toBe("start\nend\n");
  });
});
