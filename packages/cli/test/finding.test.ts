import { openRedis } from "@manyhands/core/internal";
import { until, useRedis } from "@manyhands/testing";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { type LoadedTask, loadTasks } from "../../../benchmarks/tasks/load-tasks.ts";
import { moment } from "../src/parse/moment.ts";
import { run, start, useCommands } from "./command-line.ts";
import { look } from "./look.ts";

const redis = useRedis();
const runHere = useCommands();

interface Place {
  redis: string;
  namespace: string;
}

const HOUR = 3_600_000;

async function placeWith(tasks: readonly LoadedTask[]): Promise<Place> {
  return placeWithMore({ redis: redis.url, namespace: redis.namespace() }, tasks);
}

async function placeWithMore(place: Place, tasks: readonly LoadedTask[]): Promise<Place> {
  const client = openRedis(redis.url, { name: "finding-test" });
  onTestFinished(() => client.disconnect());
  for (const pool of new Set(tasks.map((task) => task.pool)))
    await look(place).pools.create({ name: pool, size: null });
  await loadTasks(client, place.namespace, tasks);
  return place;
}

function tasksOf(count: number, task: Partial<LoadedTask> = {}): LoadedTask[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ pool: "mail", task: "send", state: "waiting", createdAt: Date.now() - HOUR, tags: ["nightly"] },
    ...task,
    id: `${task.id ?? "aa"}-${index}`,
  }));
}

let many: LoadedTask[];

beforeAll(() => {
  many = [
    ...tasksOf(30),
    ...tasksOf(3, { id: "ff", state: "failed", failedReason: "Timeout after 3 s", tags: [] }),
    ...tasksOf(2, { id: "old", state: "failed", failedReason: "disk full", createdAt: Date.now() - 48 * HOUR }),
    ...tasksOf(1, { id: "other", pool: "images", task: "resize", state: "delayed" }),
  ];
});

test("task ls takes every filter, and says where to go on", async () => {
  const place = await placeWith(many);
  const ids = async (...words: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await runHere(["task", "ls", "-o", "ndjson", ...words], place);
    expect(code, stderr).toBe(0);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { id: string }).id);
  };
  const [failed, since, error, tag, text, sorted, page] = await Promise.all([
    ids("--state", "failed"),
    ids("--state", "failed", "--since", "24h"),
    ids("--error", "DISK", "--until", "24h"),
    ids("--tag", "nightly", "--pool", "images"),
    ids("--text", "resi", "--host", "nowhere"),
    ids("--sort", "oldest", "--limit", "2"),
    runHere(["task", "ls", "--limit", "2", "--tag", "nightly", "--task", "send", "--state", "blocked"], place),
  ]);
  expect(failed).toEqual(["old-1", "old-0", "ff-2", "ff-1", "ff-0"]);
  expect(since).toEqual(["ff-2", "ff-1", "ff-0"]);
  expect(error).toEqual(["old-1", "old-0"]);
  expect(tag).toEqual(["other-0"]);
  expect(text).toEqual([]);
  expect(sorted).toEqual(["aa-0", "aa-1"]);
  const [, cursor] = /^more: --cursor (\S+)\n$/.exec(page.stderr) ?? [];
  expect(page.stdout).toMatch(/^ID +TASK +POOL +STATE .*\naa-29 .*blocked.*\naa-28 .*\n$/);
  expect(await ids("--limit", "2", "--task", "send", "--state", "blocked", "--cursor", String(cursor))).toEqual([
    "aa-27",
    "aa-26",
  ]);
});

test("task ls takes several states, and says which one it does not know", async () => {
  const place = await placeWith(many);

  const several = await runHere(["task", "ls", "-o", "ndjson", "--state", "failed,delayed"], place);
  const counted = await runHere(["task", "rm", "--state", "failed,delayed"], place);
  const unknown = await runHere(["task", "ls", "--state", "failed,fialed"], place);

  expect([...several.stdout.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id)).toEqual(
    expect.arrayContaining(["ff-0", "ff-1", "ff-2", "old-0", "old-1", "other-0"]),
  );
  expect(several.stdout.trim().split("\n")).toHaveLength(6);
  expect(counted.stderr).toContain("this would remove 6 tasks: --state failed,delayed\n");
  expect(unknown).toMatchObject({ code: 2, stdout: "" });
  expect(unknown.stderr).toContain('got "fialed"; did you mean failed?');
});

test("a time is how long ago, a date, or ms since the epoch", () => {
  const parse = moment("--since", () => 100_000_000_000);
  expect(["90s", "30m", "1.5h", "7d", "500ms", "1700000000000", "2026-11-27T03:00:00Z"].map(parse)).toEqual([
    ...[99_999_910_000, 99_998_200_000, 99_994_600_000, 99_395_200_000, 99_999_999_500, 1_700_000_000_000],
    Date.UTC(2026, 10, 27, 3),
  ]);
  expect(parse("2026-11-27")).toBe(new Date(2026, 10, 27).getTime());
  for (const text of ["", "yesterday", "24", "-1h", "2026-13-01", "2026-11", "1e3"]) {
    expect(() => parse(text), text).toThrow(`--since must be how long ago (90s, 30m, 24h, 7d)`);
  }
});

test("what would be changed is said first, and done with -y", async () => {
  const place = await placeWith(many);
  const without = await runHere(["task", "cancel", "--tag", "nightly", "--task", "send"], place);
  expect(without).toMatchObject({ code: 2, stdout: "" });
  expect(without.stderr).toMatch(
    /^error: this would cancel 30 tasks: --task send --tag nightly\n {2}aa-29 {2}send {2}blocked {2}in pool "mail"\n/,
  );
  expect(without.stderr).toMatch(/\n {2}and 25 more\nadd -y to do it\n$/);
  const cancelled = await runHere(["task", "cancel", "--tag", "nightly", "--task", "send", "-y", "-o", "json"], place);
  expect(cancelled).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(cancelled.stdout)).toMatchObject({ action: "cancel", done: 30, refused: 0, reasons: [] });
  const [nothing, noFilter, both, unknown, finished, promoted, drained] = await Promise.all([
    runHere(["task", "retry", "--tag", "never", "-y"], place),
    runHere(["task", "rm", "-y"], place),
    runHere(["task", "rm", "aa-1", "--state", "failed"], place),
    runHere(["task", "retry", "ff-0", "nope-1", "nope-2"], place),
    runHere(["task", "cancel", "--id", "x"], place),
    runHere(["task", "promote", "--pool", "images", "-y"], place),
    runHere(["pool", "drain", "mail"], place),
  ]);
  expect(nothing).toMatchObject({ code: 4, stdout: "" });
  expect(nothing.stderr).toContain("no task to retry fits --tag never: nothing was changed");
  expect(noFilter).toMatchObject({ code: 2 });
  expect(noFilter.stderr).toContain("name tasks by ids, or by filters such as --state failed");
  expect(both.stderr).toContain("give ids, or filters, and not both; got aa-1 and --state failed");
  expect(unknown).toMatchObject({ code: 4 });
  expect(unknown.stderr).toContain('task ff-0 is back in the queue of pool "mail"');
  expect(unknown.stderr).toContain("no tasks with the ids nope-1, nope-2");
  expect(finished.code).toBe(2);
  expect(promoted).toMatchObject({ code: 0, stderr: "1 task was promoted\n" });
  expect(drained).toMatchObject({ code: 2 });
  expect(drained.stderr).toMatch(/^error: this would remove \d+ tasks? that waits? in pool "mail"\nadd -y to do it\n$/);
});

test("dead tasks are listed, shown by a part of their id, redriven and removed; a pool is drained", async () => {
  const place = await placeWith(many);
  const [listed, shown, several, refused] = await Promise.all([
    runHere(["dead", "ls", "-o", "json"], place),
    runHere(["dead", "show", "old-1"], place),
    runHere(["task", "show", "ff"], place),
    runHere(["dead", "rm", "aa-1"], place),
  ]);
  expect((JSON.parse(listed.stdout) as unknown[]).length).toBe(5);
  expect(shown.stdout).toContain("disk full");
  expect(several).toMatchObject({ code: 2, stdout: "" });
  expect(several.stderr).toMatch(/^error: several ids begin with "ff"; give more of one:\n {2}ff-2 {2}send {2}failed /);
  expect(refused.stderr).toContain("task aa-1 is ");
  expect(refused.code).toBe(2);
  expect((await runHere(["task", "show", "other"], place)).stdout).toMatch(/^id +other-0\n/);
  expect((await runHere(["dead", "redrive", "--error", "timeout", "-y"], place)).stderr).toBe(
    "3 tasks were put back into their queue\n",
  );
  expect((await runHere(["dead", "rm", "-y"], place)).stderr).toBe("2 tasks were removed\n");
  const drained = await runHere(["pool", "drain", "mail", "images", "--delayed", "-y", "-o", "ndjson"], place);
  expect(drained.stdout).toBe('{"name":"mail","removed":33,"refused":0}\n{"name":"images","removed":1,"refused":0}\n');
});

test("a watched list prints what is new or has changed", async () => {
  const place = await placeWith(tasksOf(2));
  const watch = start(["task", "ls", "--watch", "-o", "ndjson"], place);
  await until(() => watch.stdout.split("\n").length === 3);
  await look(place).tasks.cancel("aa-1");
  await until(() => watch.stdout.includes('"cancelled"'));
  watch.child.kill("SIGINT");
  const { code, stdout } = await watch.exited;
  expect(code).toBe(130);
  expect(stdout.trim().split("\n")).toHaveLength(3);
});

test("a bulk action whose command is killed is resumed, and does nothing twice", async () => {
  const place = await placeWith(tasksOf(1_000, { id: "bad", state: "failed", failedReason: "disk full" }));
  const client = redis.client();
  const wait = `{${place.namespace}}:mail:wait`;
  const killed = start(["task", "retry", "--error", "disk", "-y"], place);
  await until(async () => (await client.llen(wait)) > 50, { what: "some are retried" });
  killed.child.kill("SIGKILL");
  await killed.exited;
  expect(await client.llen(wait)).toBeLessThan(1_000);
  const later = await placeWithMore(place, tasksOf(1, { id: "later", state: "failed", failedReason: "disk full" }));
  const [key] = await client.keys(`{${place.namespace}}/bulk/*`);
  const id = String(key).split("/bulk/")[1] ?? "";
  const resumed = await run(["task", "retry", "--resume", id, "-o", "json"], later);
  expect(JSON.parse(resumed.stdout)).toMatchObject({ id, action: "retry", refused: 0 });
  expect(new Set(await client.lrange(wait, 0, -1)).size).toBe(1_000);
  expect(await client.llen(wait)).toBe(1_000);
  expect(await look(place).tasks.count({ state: "failed" })).toBe(1);
  expect(await runHere(["task", "cancel", "--resume", id], place)).toMatchObject({ code: 2 });
});
