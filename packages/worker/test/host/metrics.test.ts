import { connect } from "@manyhands/core";
import {
  missingPromtool,
  promtool,
  readExposition,
  type Series,
  startHostProcess,
  until,
  useRedis,
} from "@manyhands/testing";
import { expect, test } from "vitest";
import type { WorkerHost } from "../../src/index.ts";
import { TASKS, TestNamespace } from "./namespace.ts";

const redis = useRedis();

async function page(host: WorkerHost): Promise<string> {
  return (await fetch(`http://127.0.0.1:${host.healthPort}/metrics`)).text();
}

async function seriesOf(host: WorkerHost): Promise<Series> {
  return readExposition(await page(host));
}

test("a host counts what became of the calls of each task, and how long they took", async (context) => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.pool("letters");
  await namespace.pool("nameless", { owner: "client" });
  const host = await namespace.host({ healthPort: 0, slots: 4 });

  // when
  const jobs = await Promise.all([
    namespace.submit("letters", "square", [3]),
    namespace.submit("letters", "sleep", [40]),
    namespace.submit("letters", "throwRange", ["no"], { job: { attempts: 2 } }),
    namespace.submit("letters", "exitWhen", [1, 1]),
    namespace.submit("letters", "spin", [], { timeout: 200 }),
    namespace.submit("letters", "lockBriefly", ["door"]),
    namespace.submit("nameless", "square", [3]),
  ]);
  const shared = await namespace.submitCalls("letters", "odd", [[1], [2], [3]]);
  await Promise.all(jobs.map((job) => namespace.answer(job)));
  await namespace.answers(shared, 3);

  // then
  const series = await until(async () => {
    const found = await seriesOf(host);
    return found.get("manyhands_lock_wait_seconds_count") === 1 ? found : undefined;
  });
  const of = (task: string, pool = "letters"): string => `{pool="${pool}",task="${task}",scope="host"}`;
  const counts = (task: string, pool?: string): (number | undefined)[] =>
    ["submitted", "started", "completed", "failed", "retried", "cancelled", "expired"].map((count) =>
      series.get(`manyhands_task_${count}_total${of(task, pool)}`),
    );
  expect(counts("square")).toEqual([1, 1, 1, 0, 0, 0, 0]);
  expect(counts("square", "(unnamed)")).toEqual([1, 1, 1, 0, 0, 0, 0]);
  expect(counts("throwRange")).toEqual([1, 2, 0, 1, 1, 0, 0]);
  expect(counts("odd")).toEqual([3, 3, 2, 1, 0, 0, 0]);
  expect(series.get(`manyhands_task_run_seconds_count${of("throwRange")}`)).toBe(2);
  expect(series.get(`manyhands_task_wait_seconds_count${of("throwRange")}`)).toBe(1);
  expect(series.get(`manyhands_task_end_to_end_seconds_count${of("throwRange")}`)).toBe(1);
  expect(series.get(`manyhands_task_run_seconds_sum${of("sleep")}`)).toBeGreaterThan(0.03);
  expect(series.get(`manyhands_task_run_seconds_bucket{pool="letters",task="sleep",scope="host",le="0.032"}`)).toBe(0);
  expect(series.get('manyhands_child_kills_total{reason="time limit"}')).toBe(1);
  expect(series.get('manyhands_child_losses_total{reason="exit"}')).toBe(1);
  expect(series.get('manyhands_pool_oldest_waiting_seconds{pool="letters"}')).toBe(0);
  expect(series.get("manyhands_redis_up")).toBe(1);
  expect(series.get(`manyhands_host_slots{host="${host.name}"}`)).toBe(4);
  expect(series.get("manyhands_redis_round_trip_seconds_count")).toBeGreaterThan(0);
  expect(series.get("manyhands_event_loop_lag_seconds_count")).toBeGreaterThan(0);
  expect(series.has("manyhands_lease_lag_seconds_count")).toBe(true);
  const missing = missingPromtool();
  if (missing) context.skip(`all but this is checked: ${missing}`);
  expect(promtool(["check", "metrics"], await page(host))).toBe("");
});

test("a cancelled call is no failure, and one that waits has an age", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.pool("letters", { size: 1 });
  const host = await namespace.host({ healthPort: 0 });
  const runs = await namespace.submit("letters", "untilAborted", []);
  await namespace.untilState("letters", runs, "active");
  await namespace.submit("letters", "square", [1], { job: { timestamp: Date.now() - 60_000 } });
  await until(
    async () => host.slots > 0 && (await seriesOf(host)).get('manyhands_pool_oldest_waiting_seconds{pool="letters"}'),
  );

  // when
  const message = { type: "cancel", pool: "letters", jobId: runs, unit: null, reason: "enough" };
  await namespace.client.publish(namespace.keys.control, JSON.stringify(message));
  await namespace.answer(runs);

  // then
  const series = await seriesOf(host);
  const labels = '{pool="letters",task="untilAborted",scope="host"}';
  expect(series.get(`manyhands_task_cancelled_total${labels}`)).toBe(1);
  expect(series.get(`manyhands_task_failed_total${labels}`)).toBe(0);
});

test("a page of metrics is bounded: what is over the most pairs counts as other", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const host = await namespace.host({ healthPort: 0, isolation: "inline", slots: 50 });
  const pools = Array.from({ length: 110 }, (_, index) => `pool-${index}`);
  await Promise.all(pools.map((pool) => namespace.pool(pool)));

  // when
  const jobs = await Promise.all(pools.map((pool) => namespace.submit(pool, "square", [2])));
  await Promise.all(jobs.map((job) => namespace.answer(job)));

  // then
  const series = await seriesOf(host);
  const completed = [...series].filter(([key]) => key.startsWith("manyhands_task_completed_total"));
  expect(completed).toHaveLength(101);
  expect(completed.reduce((sum, [, count]) => sum + count, 0)).toBe(110);
  expect(series.get('manyhands_task_completed_total{pool="other",task="other",scope="host"}')).toBe(10);
});

test("the figures of the fleet: calls of programs and of other clients, by task and pool, with their errors", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await using mp = await connect({ redis: redis.url, namespace: namespace.name });
  await using pool = mp.pool(4, { name: "letters" });
  await mp.submit("square", [1], { pool: "later", delay: 600_000 });
  const host = await namespace.host();

  // when
  await pool.map("square", [1, 2, 3, 4], { chunkSize: 1 });
  await mp.submit("square", [7], { pool: "letters", jobId: "mine" }).then((handle) => handle.get());
  const foreign = await namespace.queue("letters").add("throwRange", { args: ["no 7"] }, { attempts: 2 });
  await namespace.untilState("letters", foreign.id ?? "", "failed");
  const waiting = await mp.submit("square", [1], { pool: "later", delay: 600_000 });
  await mp.tasks.cancel(waiting.id);
  await host.stop();

  // then
  await until(async () => (await mp.tasks.rates({ pool: "later" })).cancelled === 1, {
    what: "the program's own counts",
  });
  const square = await mp.tasks.rates({ pool: "letters", task: "square" });
  expect(square).toMatchObject({
    submitted: 5,
    started: 5,
    completed: 5,
    failed: 0,
    wait: { count: 5 },
    run: { count: 5 },
  });
  const failing = await mp.tasks.rates({ pool: "letters", task: "throwRange" });
  expect(failing).toMatchObject({ submitted: 1, started: 2, completed: 0, failed: 1, retried: 1 });
  expect(await mp.tasks.rates({ pool: "later" })).toMatchObject({ submitted: 2, cancelled: 1, started: 0 });
  expect((await mp.pools.rates()).map(({ pool: name }) => name)).toEqual(["letters", "later"]);
  const [group] = await mp.tasks.errorGroups();
  expect(group).toMatchObject({ task: "throwRange", name: "RangeError", message: "no 7", count: 1, ids: [foreign.id] });
  expect(group).toMatchObject({ hosts: [host.name], pools: ["letters"] });
  expect(group?.frame).toMatch(/fixtures\/host-tasks\.ts$/);
});

test("a host that is killed takes at most its last second of figures along", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await using mp = await connect({ redis: redis.url, namespace: namespace.name });
  const host = await startHostProcess({ url: redis.url, namespace: namespace.name, tasks: [TASKS] });
  await using pool = mp.pool(2, { name: "letters" });
  await pool.map("square", [1, 2, 3], { chunkSize: 1 });
  await until(async () => (await mp.tasks.rates()).completed === 3, { what: "figures" });

  // when
  host.kill("SIGKILL");
  await host.exited;

  // then
  expect(await mp.tasks.rates()).toMatchObject({ completed: 3, started: 3 });
});
