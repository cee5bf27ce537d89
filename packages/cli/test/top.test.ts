import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@manyhands/core";
import type { HostGlance, Overview, PoolGlance } from "@manyhands/core/internal";
import { childPids, startHostProcess, temporaryFolder, until, useFaultProxy, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Key, View } from "../src/commands/top/view.ts";
import { widthOf } from "../src/output/table.ts";
import { run, TASKS } from "./command-line.ts";
import { gate, look, untilRunning } from "./look.ts";
import { isInstalled, Terminal } from "./terminal.ts";

const redis = useRedis();

const AROUND = { title: "manyhands on 127.0.0.1:6379", interval: 1_000, trouble: null };
const SIZE = { columns: 80, rows: 24 };

describe("the picture", () => {
  test.each([
    { columns: 80, rows: 24 },
    { columns: 200, rows: 70 },
    { columns: 40, rows: 10 },
    { columns: 20, rows: 5 },
    { columns: 3, rows: 1 },
  ])("fits $columns x $rows, with 200 pools, 100 hosts, and names of every width", (size) => {
    const view = new View();
    view.show(overview({ pools: 200, hosts: 100, name: "任务-👩‍💻" }));
    for (const key of [undefined, "?", "x", "/", "任", "\r", "2", "\r", "d"]) {
      if (key !== undefined) view.press(typed(key));
      for (const trouble of [null, "Redis does not answer; trying again, the figures are 12s old"]) {
        const lines = view.picture(size, { ...AROUND, trouble });
        expect(lines).toHaveLength(size.rows);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(size.columns);
      }
    }
  });

  test("of a small terminal has the list in focus alone, of a usual one all four", () => {
    const view = new View();
    view.show(overview({ pools: 3, hosts: 2 }));
    const usual = view.picture(SIZE, AROUND).join("\n");
    const small = view.picture({ columns: 80, rows: 9 }, AROUND).join("\n");
    for (const heading of ["POOL 3", "HOST↓ 2", "RUNNING TASK 2", "FAILED TASK 1"]) expect(usual).toContain(heading);
    expect(small).toContain("POOL 3");
    expect(small).not.toContain("HOST↓");
  });
});

describe("keys", () => {
  test("a question is about the row that was selected, also when the order has changed since; only y does it", () => {
    const view = new View();
    const before = overview({ pools: 1, hosts: 3 });
    view.show(before);
    press(view, "2", "down", "d");
    expect(edge(view)).toBe('y = yes, n = no: drain host "host-1"? it finishes 1 running task, and ends');
    view.show({ ...before, hosts: before.hosts.slice(1) });
    expect(view.press(typed("y"))).toEqual({ type: "drain", id: "id-1", name: "host-1" });

    press(view, "3", "c");
    expect(edge(view)).toContain('cancel task "report" job-1 of pool "pool-0"?');
    expect(view.press(typed("x"))).toBe(null);
    expect(edge(view)).toBe("not done");
    expect(view.press(typed("y"))).toBe(null);
  });

  test("the selected row stays selected when others come and go; when it is gone the first one is", () => {
    const view = new View();
    const all = overview({ pools: 9, hosts: 1 });
    view.show(all);
    press(view, "end");
    expect(selected(view)).toMatch(/^> pool-8 /);
    view.show({ ...all, pools: all.pools.filter(({ name }) => name !== "pool-3") });
    expect(selected(view)).toMatch(/^> pool-8 /);
    view.show({ ...all, pools: all.pools.slice(0, 4) });
    expect(selected(view)).toMatch(/^> pool-0 /);
  });

  test("sort, filter, hold, help and quit; a key for another list says so", () => {
    const view = new View();
    view.show(overview({ pools: 12, hosts: 1 }));
    press(view, "s", "s", "s", "s", "s", "s", "s", "s", "s");
    expect(view.picture(SIZE, AROUND)[2]).toContain("POOL↓ 12");
    press(view, "S");
    expect(selected(view)).toMatch(/^> pool-9 /);
    press(view, "home");
    press(view, "/", "p", "o", "o", "l", "-", "1", "1", "x", "backspace", "return");
    expect(view.picture(SIZE, AROUND).filter((line) => /^[> ] pool-/.test(line))).toHaveLength(1);
    press(view, "escape", "d");
    expect(edge(view)).toBe("this key is for the list of hosts: press 2 first");
    press(view, " ");
    view.show(overview({ pools: 0, hosts: 0 }));
    expect(view.picture(SIZE, AROUND)[0]).toContain("held at");
    expect(selected(view)).toMatch(/^> pool-/);
    press(view, " ", "?");
    expect(view.picture(SIZE, AROUND).join("\n")).toContain("drain the selected one (asks first)");
    press(view, "x");
    expect(view.press(typed("q"))).toEqual({ type: "quit" });
    expect(view.press({ text: "\x03", name: "c", ctrl: true })).toEqual({ type: "quit" });
  });

  test("what acts on a terminal is shown, in names and in errors", () => {
    const view = new View();
    const hostile = overview({ pools: 1, hosts: 1, name: "a\x1b[2Jb" });
    view.show({ ...hostile, failures: hostile.failures.map((one) => ({ ...one, reason: "one\ntwo\x1b]0;x\x07" })) });
    const picture = view.picture({ columns: 160, rows: 30 }, AROUND).join("");
    expect(picture).toContain("a␛[2Jb");
    expect(picture).toContain("one two␛]0;x␇");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(picture).not.toMatch(/[\x00-\x1f]/);
    press(view, "2", "d");
    expect(edge(view)).toContain('drain host "a␛[2Jb-0"');
  });
});

test("without a terminal it prints one look and ends: as text, or as JSON", async () => {
  const place = { redis: redis.url, namespace: redis.namespace() };
  const mp = await connect(place);
  await mp.submit("square", [7], { pool: "mail" });
  await mp.close();

  const text = await run(["top"], place);
  const json = await run(["top", "-o", "json"], place);

  expect(text).toMatchObject({ code: 0, stderr: "" });
  expect(text.stdout).toMatch(/^hosts 0 {2}busy 0\/0 {2}waiting 1 .*\n\nPOOL .*\nmail +running +1 /);
  expect(text.stdout).toContain("hosts: no host is running; start one with");
  expect(json.code).toBe(0);
  expect(JSON.parse(json.stdout)).toMatchObject({
    pools: [{ name: "mail", jobs: { waiting: 1 } }],
    hosts: [],
    running: [],
    failures: [],
  });
  expect(await run(["top", "--interval", "10"], place)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^error: --interval must be a whole number from 250 to 3600000 \(milliseconds\)/),
  });
});

describe.skipIf(!isInstalled("tmux", "bash"))("at a terminal", () => {
  const open = (place: { redis: string; namespace: string }, env: Record<string, string> = {}) => {
    const settings = { MANYHANDS_REDIS_URL: place.redis, MANYHANDS_NAMESPACE: place.namespace, ...env };
    const terminal = new Terminal({ command: ["bash", "--norc", "--noprofile", "-i"], env: settings });
    terminal.type("echo before; manyhands top; echo code $?");
    terminal.press("Enter");
    return terminal;
  };

  test("it cancels a task and drains a host, says that Redis is lost and back, and leaves the terminal as it was", async () => {
    const namespace = redis.namespace();
    const host = await startHostProcess({ url: redis.url, namespace, tasks: [TASKS], arguments: ["--name", "web-1"] });
    const inspector = look({ redis: redis.url, namespace });
    const mp = await connect({ redis: redis.url, namespace });
    onTestFinished(() => mp.close());
    await mp.submit("until-file", [gate().path], { pool: "mail", jobId: "endless-1" });
    await untilRunning(inspector);
    const proxy = await useFaultProxy(redis.url);
    const terminal = open({ redis: proxy.url, namespace }, { NO_COLOR: "1" });
    await terminal.shows(/until-file +endless-1 +mail +web-1/);
    expect(terminal.fact("alternate_on")).toBe("1");

    await proxy.refuse();
    await terminal.shows(/^Redis does not answer; trying again, the figures are \d/m);
    await proxy.accept();
    await terminal.shows(/Redis is back/);

    terminal.resize(100, 30);
    terminal.press("3", "c");
    await terminal.shows(/y = yes, n = no: cancel task "until-file" endless-1 of pool "mail"\?/);
    terminal.press("y");
    await terminal.shows(/task endless-1 is being stopped/);
    await until(async () => (await inspector.tasks.state("endless-1")) !== "active", { what: "the task is stopped" });
    terminal.press("2", "d");
    await terminal.shows(/drain host "web-1"\?/);
    terminal.press("y");
    expect(await host.exited).toMatchObject({ code: 0 });
    terminal.press("q");
    const after = await terminal.shows(/^code 0$/m);
    expect(after).toMatch(/^before$/m);
    expect(terminal.fact("alternate_on")).toBe("0");
    expect(terminal.fact("cursor_flag")).toBe("1");
  });

  test.each([
    { end: "SIGTERM", code: 0 },
    { end: "a crash", code: 1 },
  ])("$end leaves the terminal as it was", async ({ end, code }) => {
    const crash = join(temporaryFolder(), "crash.mjs");
    writeFileSync(crash, 'process.once("SIGUSR2", () => { throw new Error("boom"); });');
    const terminal = open(
      { redis: redis.url, namespace: redis.namespace() },
      end === "a crash" ? { NODE_OPTIONS: `--import=${crash}` } : {},
    );
    await terminal.shows(/no pools yet/);
    const [top] = childPids(Number(terminal.fact("pane_pid")));
    process.kill(top as number, end === "a crash" ? "SIGUSR2" : "SIGTERM");
    const after = await terminal.shows(new RegExp(`^code ${code}$`, "m"));
    expect(after).toMatch(/^before$/m);
    if (end === "a crash") expect(after).toContain("Error: boom");
    expect(terminal.fact("alternate_on")).toBe("0");
    expect(terminal.fact("cursor_flag")).toBe("1");
  });
});

function typed(text: string): Key {
  const names: Record<string, string> = { "\r": "return" };
  return { text, name: names[text] ?? text };
}

/** Keys by their letter or, in full, by their name. */
function press(view: View, ...keys: readonly string[]): void {
  for (const key of keys) expect(view.press({ text: key.length === 1 ? key : "", name: key })).toBe(null);
}

function edge(view: View): string {
  return view.picture({ columns: 120, rows: 24 }, AROUND).at(-1) ?? "";
}

function selected(view: View): string {
  return view.picture(SIZE, AROUND).filter((line) => line.startsWith("> "))[1] ?? "";
}

function overview({ pools, hosts, name }: { pools: number; hosts: number; name?: string }): Overview {
  const now = Date.now();
  return {
    at: now,
    pools: Array.from({ length: pools }, (_, index) => pool(`${name ?? "pool"}-${index}`, pools - index)),
    hosts: Array.from({ length: hosts }, (_, index) => host(name, index, now)),
    failures:
      pools === 0
        ? []
        : [
            {
              ...{ id: "job-x", task: "report", pool: "pool-0", host: "host-0", attemptsMade: 3 },
              ...{ reason: "no such mailbox", finishedAt: now - 5_000 },
            },
          ],
    lostHosts: [],
    cost: { roundTrips: 1, commands: 1 },
  };
}

function pool(name: string, waiting: number): PoolGlance {
  return {
    ...{ name, state: "running", paused: false, size: null, completedPerSecond: 12, failedPerSecond: 0.2 },
    jobs: {
      waiting,
      prioritized: 0,
      active: 1,
      delayed: 0,
      limited: 0,
      waitingChildren: 0,
      completed: 1_000,
      failed: 1,
      cancelled: 0,
    },
    ...{ oldestWaiting: 1_000, oldestInLine: 1_000, nextTask: "report", failure: null, hosts: 1, slots: 4 },
  };
}

function host(name: string | undefined, index: number, now: number): HostGlance {
  const run = { jobId: `job-${index}`, task: "report", pool: "pool-0", pid: 17, since: now - 1_000 * (index + 1) };
  return {
    ...{ id: `id-${index}`, name: `${name ?? "host"}-${index}`, hostname: "vm", pid: 17, slots: 4, state: "running" },
    ...{ isolation: "process", pools: null, tasks: [], running: [{ ...run, since: now - 1_000 }], children: [] },
    ...{ version: "0.1.0", startedAt: now, beatAt: now, memory: 1, completed: 0, failed: 0, finishedPerSecond: 3 },
  };
}
