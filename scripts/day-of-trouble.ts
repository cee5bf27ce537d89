// `pnpm test:day [pretty]`: the log of a host through one day of trouble, in about a minute. Tasks fail, are tried again and
// run too long, children are killed, Redis goes and comes back, another host dies, the host is made quiet and stopped with
// tasks that do not want to end. Prints the log as JSON, or for people, and ends with 1 when an event has no line of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Context, connect, type HostRecord } from "@manyhands/core";
import { startRedisServer } from "@manyhands/core/redis-server";
import { crawl, fetchPage, loop, parse, render, resize } from "./day-of-trouble/tasks.ts";
import { ROOT } from "./root.ts";

/** Each line is expected so often, at that level. What stands here in the order of the day is looked for anywhere. */
const EXPECTED: readonly (readonly [level: string, times: number, line: RegExp])[] = [
  ["info", 1, /^host "web-1" takes work: 3 slots/],
  ["debug", 1, /^task "fetchPage" \(.*\) is done in /],
  ["warn", 1, /^task "fetchPage" \(.*\) failed, try 1 of 3; it is tried again in 200 ms: Error: connection reset$/],
  ["warn", 1, /^task "parse" \(.*\) failed: RangeError: line 3 is too long$/],
  ["warn", 1, /^task "loop" \(.*\) ran over its time limit; its child \(pid \d+\) is killed$/],
  ["info", 1, /^child \d+ of pool "default" was killed: time limit$/],
  ["warn", 1, /^child \d+ of pool "default" was ended by SIGKILL$/],
  ["warn", 1, /^task "render" \(.*\) failed, try 1 of 2; it is tried again at once: WorkerLostError: /],
  ["info", 2, /^child \d+ of pool "fresh" is recycled after 1 job$/],
  ["warn", 1, /^Redis is lost/],
  ["warn", 1, /^Redis is back after /],
  ["warn", 1, /^task "render" \(.*\) of pool "default" was taken over: the host that ran it is gone$/],
  ["info", 2, /^quiet: takes no more work until it is resumed/],
  ["info", 2, /^resumed: takes work again$/],
  ["info", 1, /^runs 4 tasks at once from now on, before it was 3$/],
  ["info", 1, /^SIGTERM: finishing 3 running tasks, taking no more/],
  ["info", 1, /^draining: takes nothing more; 3 jobs and 0 processes run, and may take 2\.0 s$/],
  ["info", 1, /^waiting up to 2\.0 s for 3 jobs /],
  ["warn", 1, /^giving back 2 running jobs: /],
  ["warn", 1, /^killing what still runs: 1 job /],
  ["warn", 2, /^task "(loop|crawl)" \(.*\) goes back to its queue with all its tries: the host stops$/],
  ["info", 1, /^host "web-1" has stopped$/],
];
const SECRET = "s3cret-argument";

const isPretty = process.argv.includes("pretty");
const children = new Set<ChildProcess>();
const folder = await mkdtemp(join(tmpdir(), "manyhands-day-"));
let redis = await startRedisServer({ directory: folder });
const startedAt = performance.now();
try {
  process.exitCode = await theDay();
} finally {
  for (const child of children) child.kill("SIGKILL");
  await redis.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function theDay(): Promise<number> {
  const web1 = startHost("web-1", ["--slots", "3", "--grace", "2000", "--log-level", "debug"]);
  const mp = await connect({ redis: redis.url });
  await until(async () => (await mp.fleet.get("web-1"))?.state === "running");
  const pool = mp.pool(undefined, { name: "default" });
  await pool.apply(resize, ["a.png"]);
  await tasksFail(mp);
  await redisGoes(mp);
  await anotherHostDies(mp);
  await mp.fleet.quiet("web-1");
  await mp.fleet.resume("web-1");
  await mp.fleet.resize("web-1", 4);
  await itStops(mp, web1);
  await mp.close();
  return report(web1.log());
}

async function tasksFail(mp: Context): Promise<void> {
  const pool = mp.pool(undefined, { name: "default" });
  await pool.apply(fetchPage, ["https://example.com"], { attempts: 3, backoff: 200 });
  await refused(pool.apply(parse, [SECRET]), "line 3");
  await refused(pool.apply(loop, [], { timeout: 500 }), "time limit");
  // A child is killed, as the system does when memory is short.
  const rendered = pool.applyAsync(render, [1_500], { attempts: 2 });
  const run = await until(async () => runsOn(await mp.fleet.get("web-1"), "render"));
  await pause(500);
  process.kill((await until(async () => runsOn(await mp.fleet.get("web-1"), "render")))?.pid ?? run.pid, "SIGKILL");
  await rendered.get({ timeout: 20_000 });
  await using fresh = mp.pool(1, { name: "fresh", maxTasksPerChild: 1 });
  await fresh.map(resize, ["b.png", "c.png"], { chunkSize: 1 });
}

/** For longer than a moment, with a task that runs meanwhile. */
async function redisGoes(mp: Context): Promise<void> {
  const { port, password } = redis;
  await redis.stop();
  await pause(3_000);
  redis = await startRedisServer({ directory: folder, port, password });
  const pool = mp.pool(undefined, { name: "default" });
  await pool.applyAsync(resize, ["d.png"]).get({ timeout: 20_000 });
}

async function anotherHostDies(mp: Context): Promise<void> {
  await mp.fleet.quiet("web-1");
  const web2 = startHost("web-2", ["--slots", "1"]);
  const handle = await mp.submit(render, [3_000]);
  await until(async () => runsOn(await mp.fleet.get("web-2"), "render"));
  await mp.fleet.resume("web-1");
  web2.child.kill("SIGKILL");
  const host = await handle.get({ timeout: 40_000 });
  if (host !== "web-1") throw new Error(`the job of the dead host ran on ${host}`);
}

/** One task ends within the grace time, one listens to its signal, one does not. */
async function itStops(mp: Context, host: Host): Promise<void> {
  const short = await mp.submit(render, [1_500]);
  const others = [await mp.submit(crawl, []), await mp.submit(loop, [])];
  await until(async () => (await mp.fleet.get("web-1"))?.running.length === 3);
  // They run, and are not only taken.
  await pause(500);
  host.child.kill("SIGTERM");
  const code = await host.exited;
  if (code !== 0) throw new Error(`the host ended with ${code}`);
  await short.get({ timeout: 5_000 });
  for (const other of others) {
    const shown = await mp.tasks.get(other.id);
    if (shown?.attemptsMade !== 0) throw new Error(`${other.id} was not given back with all its tries`);
    await other.cancel("the day is over");
  }
}

/** @returns the exit code */
function report(log: string): number {
  process.stdout.write(log);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const lines = log.trim().split("\n").map(readLine);
  const faults = EXPECTED.flatMap(([level, times, pattern]) => {
    const found = lines.filter((line) => pattern.test(line.msg) && line.level === level).length;
    return found === times ? [] : [`${found} instead of ${times} at level ${level}: ${pattern}`];
  });
  if (log.includes(SECRET)) faults.push("an argument is in the log");
  if (log.includes(redis.password)) faults.push("the password of Redis is in the log");
  for (const fault of faults) console.error(fault);
  console.log(
    `\n${EXPECTED.length - faults.length} of ${EXPECTED.length} events as expected, ${lines.length} lines, ${seconds} s`,
  );
  return faults.length === 0 ? 0 : 1;
}

function readLine(text: string): { level: string; msg: string } {
  if (!isPretty) return JSON.parse(text) as { level: string; msg: string };
  const [, level = "", msg = ""] = /^\S+ \S+ (\w+) +[\w-]+: (.*?)(?: {2}\w+=.*)?$/.exec(text) ?? [];
  return { level: level.toLowerCase(), msg };
}

interface Host {
  child: ChildProcess;
  log(): string;
  exited: Promise<number | null>;
}

function startHost(name: string, words: readonly string[]): Host {
  const tasks = join(ROOT, "scripts/day-of-trouble/tasks.ts");
  const format = isPretty ? "pretty" : "json";
  const given = ["worker", "--tasks", tasks, "--name", name, "--log-format", format, ...words];
  const child = spawn(process.execPath, [join(ROOT, "packages/cli/bin/manyhands.js"), ...given], {
    env: { ...process.env, MANYHANDS_REDIS_URL: redis.url },
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.add(child);
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  return { child, log: () => log, exited };
}

function runsOn(host: HostRecord | null, task: string): HostRecord["running"][number] | undefined {
  return host?.running.find((run) => run.task === task && run.pid !== host.pid);
}

async function refused(call: Promise<unknown>, words: string): Promise<void> {
  const error = await call.then(() => null).catch((error: Error) => error);
  if (!error?.message.includes(words)) throw new Error(`expected an error with "${words}"; got ${error?.message}`);
}

async function until<Value>(look: () => Promise<Value | undefined | false | null>): Promise<Value> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const value = await look().catch(() => undefined);
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${look}`);
    await pause(50);
  }
}
