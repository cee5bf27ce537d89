import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { Inspector } from "../../../src/inspection/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { DurationBins } from "../../../src/time/index.ts";
import {
  errorGroupOf,
  HOUR,
  MINUTE,
  RollupWriter,
  readTotals,
  sumHours,
  TaskCounts,
} from "../../../src/work/rollups/index.ts";
import { addRollups } from "../../../src/work/rollups/rollup-scripts.ts";

const redis = useRedis();

async function place() {
  const keys = new Keys(redis.namespace());
  const client = redis.client();
  await client.ping();
  const inspector = new Inspector({ client, keys });
  return { keys, client, inspector, writer: new RollupWriter(client, keys) };
}

test("what several programs count is one figure: of the task, of its pool, of everything", async () => {
  // given
  const { keys, client, inspector, writer } = await place();
  const other = new RollupWriter(client, keys);
  writer.of("letters", "send").add("submitted", 3);
  other.of("letters", "send").add("completed", 2);
  other.of("letters", "send").durations.wait.add(100, 2);
  other.of("letters", "send").durations.run.add(10, 2);
  other.of("letters", "fold").add("failed", 1);
  other.of("images", "send").add("completed", 5);

  // when
  await Promise.all([writer.flush(), other.flush()]);

  // then
  expect(await inspector.tasks.rates({ pool: "letters", task: "send" })).toMatchObject({ submitted: 3, completed: 2 });
  expect(await inspector.tasks.rates({ task: "send" })).toMatchObject({ completed: 7 });
  expect(await inspector.tasks.rates({ pool: "letters" })).toMatchObject({ completed: 2, failed: 1 });
  const all = await inspector.tasks.rates();
  expect(all).toMatchObject({ submitted: 3, completed: 7, failed: 1, step: MINUTE });
  expect(all.steps.reduce((sum, { completed }) => sum + completed, 0)).toBe(7);
  expect(all.wait).toMatchObject({ count: 2, mean: 100 });
  for (const part of [all.wait?.p50, all.wait?.p95]) expect(Math.abs((part ?? 0) - 100)).toBeLessThan(9);
  expect(all.run?.p99).toBeLessThan(10.9);
  expect(await inspector.pools.rates()).toMatchObject([{ pool: "images", completed: 5 }, { pool: "letters" }]);
  expect((await inspector.tasks.ratesByTask({ pool: "letters" })).map(({ task }) => task)).toEqual(["send", "fold"]);
  expect((await readTotals(client, keys)).find(({ task }) => task === "fold")?.counts.get("failed")).toBe(1);
  const coarse = await inspector.tasks.rates({ last: 3 * HOUR, step: 3 * MINUTE });
  expect(coarse).toMatchObject({ completed: 7, step: 3 * MINUTE, steps: [{ completed: 7 }] });
  expect(coarse.steps[0]?.at).toBe(coarse.from + Math.floor((coarse.to - coarse.from) / coarse.step) * coarse.step);
  expect(await inspector.tasks.rates({ pool: "no such" })).toMatchObject({ submitted: 0, wait: null, steps: [] });
});

test("a batch that the connection sends again counts once", async () => {
  const { keys, client, inspector } = await place();
  const batch = ["letters", "send", 1, "c", 4];

  for (const number of [1, 1, 2, 1]) {
    await addRollups.run(client, [keys.rollupPairs, keys.rollupWriter("writer")], [keys.prefix, number, ...batch]);
  }

  expect(await inspector.tasks.rates()).toMatchObject({ completed: 8 });
});

test("at most 500 pairs have figures of their own, the others count together, and every key expires", async () => {
  // given
  const { keys, client, inspector, writer } = await place();
  const names = Array.from({ length: 520 }, (_, index) => `task-${index}`);

  // when
  for (const name of names.slice(0, 450)) writer.of("letters", name).add("completed", 1);
  await writer.flush();
  for (const name of names.slice(450)) writer.of("letters", name).add("completed", 1);
  await writer.flush();

  // then
  const rows = await inspector.tasks.ratesByTask();
  expect(rows.length).toBeLessThanOrEqual(501);
  expect(rows.reduce((sum, { completed }) => sum + completed, 0)).toBe(520);
  expect(rows[0]).toMatchObject({ pool: "other", task: "other" });
  for (const key of await client.keys(`${keys.prefix}*`)) expect(await client.pttl(key)).toBeGreaterThan(0);
});

test("an hour that is over is summed once, and reads the same before and after", async () => {
  // given
  const { keys, client, inspector, writer } = await place();
  writer.of("letters", "send").add("completed", 1);
  await writer.flush();
  const pairs = await client.hgetall(keys.rollupPairs);
  const hour = Math.floor(Date.now() / HOUR) - 1;
  for (const number of ["0", pairs["letters\nsend"] ?? "", pairs["letters\n"] ?? ""]) {
    for (const minute of [0, 30, 59]) await client.hset(keys.rollup("1m", hour * 60 + minute, number), "c", 5, "r8", 5);
  }
  const before = await inspector.tasks.rates({ last: 24 * HOUR });

  // when
  await sumHours(client, keys);
  await client.del(keys.rollup("1m", hour * 60, "0"));
  await sumHours(client, keys);

  // then
  const after = await inspector.tasks.rates({ last: 24 * HOUR });
  expect(before.steps.find(({ at }) => at === hour * HOUR)).toMatchObject({ completed: 15 });
  expect(after.steps.find(({ at }) => at === hour * HOUR)).toMatchObject({ completed: 15, run: { count: 15 } });
  expect(await client.hgetall(keys.rollup("1h", hour, "0"))).toEqual({ c: "15", r8: "15" });
  expect(await client.pttl(keys.rollup("1h", hour, "0"))).toBeGreaterThan(7 * 24 * HOUR);
});

test("pairs of which nothing is left are forgotten", async () => {
  const { keys, client, writer } = await place();
  writer.of("letters", "send").add("completed", 1);
  writer.of("images", "draw").add("completed", 1);
  await writer.flush();
  await client.del(keys.rollupTotal((await client.hget(keys.rollupPairs, "letters\nsend")) ?? ""));

  await sumHours(client, keys);

  const left = Object.keys(await client.hgetall(keys.rollupPairs)).sort();
  expect(left).toEqual(["images\n", "images\ndraw", "next"]);
});

test("what others left in the place of a figure does not end the counting", async () => {
  const { keys, client, inspector, writer } = await place();
  await client.set(keys.rollupPairs, "no hash");
  await client.lpush(keys.errors, "no set");
  writer.of("letters", "send").add("completed", 1);
  await writer.flush();
  await client.set(keys.rollup("1m", Math.floor(Date.now() / MINUTE), "0"), "no hash");
  writer.of("letters", "send").add("completed", 2);
  const error = { name: "RangeError", message: "no", stack: "" };
  writer.failed({ task: "send", error, count: 1, pool: "letters", host: "a", taskId: "1" });
  await writer.flush();

  expect(await inspector.tasks.rates({ pool: "letters" })).toMatchObject({ completed: 3 });
  expect((await inspector.tasks.rates()).completed).toBeGreaterThanOrEqual(2);
  expect(await inspector.tasks.errorGroups()).toHaveLength(1);
});

test("errors of one kind are one group, with any ids and numbers in them", async () => {
  // given
  const { inspector, writer } = await place();
  const fail = (message: string, more: { task?: string; host?: string; id?: string } = {}): void => {
    const error = {
      name: "RangeError",
      message,
      stack: `RangeError: ${message}\n    at load (/app/src/report.ts:7:3)`,
    };
    const { task = "report", host = "a", id = "1" } = more;
    writer.failed({ task, error, count: 1, pool: "letters", host, taskId: id });
  };

  // when
  for (let number = 1; number <= 7; number += 1)
    fail(`order ${number} is missing`, { id: `job-${number}`, host: `h${number % 2}` });
  fail("order 8 is missing", { task: "send" });
  await writer.flush();
  fail("order 9 is missing", { id: "job-9" });
  await writer.flush();

  // then
  const groups = await inspector.tasks.errorGroups();
  expect(groups.map(({ task, count, recent }) => [task, count, recent])).toEqual([
    ["report", 8, 8],
    ["send", 1, 1],
  ]);
  expect(groups[0]).toMatchObject({
    name: "RangeError",
    message: "order 9 is missing",
    frame: "load src/report.ts",
    pools: ["letters"],
    hours: [{ count: 8 }],
  });
  expect(groups[0]?.ids).toEqual(["job-9", "job-7", "job-6", "job-5", "job-4"]);
  expect(await inspector.tasks.errorGroups({ limit: 1 })).toHaveLength(1);
});

test.each([
  ["connect ECONNREFUSED 10.0.0.7:6379", "connect ECONNREFUSED 10.0.0.8:6380"],
  ['no file "/data/a/7.csv"', 'no file "/data/b/8.csv"'],
  ["user 0190a7a2-6a1e-7c4e-9a53-0d2f0f9f1b11 is gone", "user 0190a7a2-6a1e-7c4e-9a53-0d2f0f9f1b12 is gone"],
  ["GET https://a.example/x?y=1 failed", "GET https://b.example/z failed"],
  ["digest 9f86d081884c7d65 differs", "digest 60303ae22b998861 differs"],
  ["job 00112233445566aa-1f is lost", "job 00112233445566ab-2z is lost"],
])("%s and %s are one group", (one, other) => {
  const id = (message: string): string => errorGroupOf("task", { name: "Error", message, stack: "" }).id;
  expect(id(one)).toBe(id(other));
});

test("an error of ours is one group, whichever host and job it names", () => {
  const lost = (pid: number, host: string, job: string): string =>
    errorGroupOf("task", {
      name: "WorkerLostError",
      message: `the child (pid ${pid}) of host "${host}" that ran task "render" (job ${job}) was lost: it was ended by SIGKILL`,
      stack: "",
    }).id;
  expect(lost(20_489, "lima", "nightly@1795999960638")).toBe(lost(7, "oslo", "883835b2db1f7d90-g7"));
});

test("what differs in more than ids and numbers is another group", () => {
  const id = (message: string, stack = ""): string => errorGroupOf("task", { name: "TypeError", message, stack }).id;
  const text = "Cannot read properties of undefined (reading 'name')";
  expect(id(text)).not.toBe(id(text.replace("name", "id")));
  expect(id(text, "x\n at a (/app/one.ts:1:1)")).not.toBe(id(text, "x\n at a (/app/two.ts:1:1)"));
  expect(id(text, "x\n at read (node:fs:1:1)\n at a (/app/one.ts:1:1)")).toBe(id(text, "x\n at a (/app/one.ts:9:9)"));
});

test("a span that is not kept is refused", async () => {
  const { inspector } = await place();
  for (const last of [0, 59_999, 9 * 24 * HOUR, Number.NaN, "1h"]) {
    await expect(inspector.tasks.rates({ last: last as number })).rejects.toThrow(/last must be ms/);
  }
  for (const step of [0, 90_000, 2 * HOUR, "1m"]) {
    await expect(inspector.tasks.rates({ step: step as number })).rejects.toThrow(/step must be a multiple of 60000/);
  }
  await expect(inspector.tasks.rates({ last: 24 * HOUR, step: MINUTE })).rejects.toThrow(/step must be/);
  await expect(inspector.tasks.errorGroups({ last: -1 })).rejects.toThrow(/last must be ms/);
  await expect(inspector.tasks.errorGroups({ limit: 0 })).rejects.toThrow(/limit/);
});

test("fields of a hash and back, and percentiles within 9 %", () => {
  const counts = new TaskCounts();
  counts.add("completed", 3);
  for (const duration of [0.2, 7, 900]) counts.durations.run.add(duration);
  const copy = new TaskCounts();
  copy.addFields([...counts.toFields().flat().map(String), "z", "1", "r", "2", "c", "x"]);
  expect(copy.toFields()).toEqual(counts.toFields());
  const bins = new DurationBins();
  for (let duration = 1; duration <= 1_000; duration += 1) bins.add(duration);
  for (const part of [0.1, 0.5, 0.95, 0.99]) {
    expect(Math.abs((bins.percentile(part) ?? 0) / (1_000 * part) - 1)).toBeLessThan(0.09);
  }
});
