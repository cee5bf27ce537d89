import { RollupWriter, TASK_METRICS } from "@manyhands/core/internal";
import { missingPromtool, promtool, readExposition, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();

test("pools, hosts and Redis as Prometheus text", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const letters = await namespace.pool("letters", { size: 3 });
  await letters.add("send", { args: [] }, { timestamp: Date.now() - 60_000 });
  await letters.add("send", { args: [] });
  await letters.add("send", { args: [] }, { delay: 600_000 });
  const running = [{ jobId: "j", task: "send", pool: "letters", pid: 1, since: 0 }];
  await namespace.host("worker-a", { slots: 4, running, completed: 10, failed: 2 });
  await namespace.host("worker-b", { slots: 2, state: "draining" });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const answer = await ask(origin, "/metrics", { headers: BEARER });

  // then
  expect(answer.headers["content-type"]).toContain("text/plain; version=0.0.4");
  const lines = answer.text.split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      "manyhands_redis_up 1",
      'manyhands_pool_jobs{pool="letters",state="waiting"} 2',
      'manyhands_pool_jobs{pool="letters",state="delayed"} 1',
      'manyhands_pool_jobs{pool="letters",state="waiting-children"} 0',
      'manyhands_pool_size{pool="letters"} 3',
      'manyhands_pool_paused{pool="letters"} 0',
      'manyhands_hosts{state="running"} 1',
      'manyhands_hosts{state="draining"} 1',
      'manyhands_hosts{state="deaf"} 0',
      'manyhands_host_slots{host="worker-a"} 4',
      'manyhands_host_running{host="worker-a"} 1',
      "# TYPE manyhands_host_completed_total counter",
      'manyhands_host_completed_total{host="worker-a"} 10',
      'manyhands_host_failed_total{host="worker-a"} 2',
    ]),
  );
  const oldest = Number(/oldest_waiting_seconds\{pool="letters"\} (.*)/.exec(answer.text)![1]);
  expect(oldest).toBeGreaterThan(59);
  expect(oldest).toBeLessThan(120);
});

test("the page has the metrics of tasks that hosts have, for the whole fleet", async (context) => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.pool("letters");
  await namespace.host("worker-a", { completed: 10 });
  await namespace.client.ping();
  const writer = new RollupWriter(namespace.client, namespace.keys);
  writer.of("letters", 'a "quoted" task').add("submitted", 7);
  const counts = writer.of("letters", "send");
  counts.add("completed", 3);
  for (const duration of [0.4, 3, 900]) counts.durations.endToEnd.add(duration);
  await writer.flush();
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const { text } = await ask(origin, "/metrics", { headers: BEARER });

  // then
  const series = readExposition(text);
  const of = (name: string, more = ""): number | undefined =>
    series.get(`manyhands_task_${name}{pool="letters",task="send",scope="fleet"${more}}`);
  for (const name of TASK_METRICS) expect(text).toContain(`# TYPE ${name} `);
  expect(of("completed_total")).toBe(3);
  expect(of("end_to_end_seconds_count")).toBe(3);
  expect(of("end_to_end_seconds_bucket", ',le="0.001"')).toBe(1);
  expect(of("end_to_end_seconds_bucket", ',le="0.004"')).toBe(2);
  expect(of("end_to_end_seconds_sum")).toBeCloseTo(0.9034, 3);
  expect(text).toContain('manyhands_task_submitted_total{pool="letters",task="a \\"quoted\\" task",scope="fleet"} 7');
  const missing = missingPromtool();
  if (missing) context.skip(`all but this is checked: ${missing}`);
  expect(promtool(["check", "metrics"], text)).toBe("");
});

test("unnamed pools share one label, however many there are", async () => {
  const namespace = new TestNamespace(redis);
  for (let index = 0; index < 5; index++) {
    await (await namespace.pool(`pool-${index}`, { owner: "client" })).add("send", { args: [] });
  }
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  const { text } = await ask(origin, "/metrics", { headers: BEARER });

  expect(text).toContain('manyhands_pool_jobs{pool="(unnamed)",state="waiting"} 5');
  expect(text).not.toContain("pool-0");
});

test("many scrapes at once cost Redis as much as one", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.pool("letters");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
  const reads = async () =>
    Number(/cmdstat_hvals:calls=(\d+)/.exec(await namespace.client.info("commandstats"))?.[1] ?? 0);
  const before = await reads();

  // when
  const started = performance.now();
  await Promise.all(Array.from({ length: 20 }, () => ask(origin, "/metrics", { headers: BEARER })));
  const seconds = (performance.now() - started) / 1000;

  // then
  expect((await reads()) - before).toBeLessThanOrEqual(1 + Math.floor(seconds));
});
