import { Keys } from "@manyhands/core/internal";
import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor } from "./fixtures/dashboard.ts";
import { TestNamespace } from "./fixtures/namespace.ts";
import { request } from "./fixtures/shop.ts";

const redis = useRedis();

interface Overview {
  counts: { now: number; soon: number };
  attention: ({ kind: string; level: string; actions: { kind: string }[] } & Record<string, unknown>)[];
  figures: Record<string, unknown>;
  pools: Record<string, unknown>[];
}

async function place(): Promise<{ namespace: TestNamespace; overview: () => Promise<Overview>; origin: string }> {
  const namespace = new TestNamespace(redis);
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
  return { namespace, origin, overview: () => request<Overview>(origin, "/overview") };
}

/** Of each finding its kind. */
const kinds = ({ attention }: Overview): string[] => attention.map(({ kind }) => kind);

test("tasks that wait while no host runs are one finding, with how to start one", async () => {
  const { namespace, overview } = await place();
  await (await namespace.pool("pictures")).add("resize", { args: [] });
  await (await namespace.pool("letters")).add("send", { args: [] });

  const found = await overview();

  expect(found.attention.filter(({ level }) => level === "now")).toMatchObject([
    { kind: "no-host", waiting: 2, actions: [{ kind: "start-host" }] },
  ]);
  expect(found.figures).toMatchObject({ hosts: { total: 0, states: {} }, waiting: 2, blocked: 2 });
});

test("a task that no host knows is said, with the hosts that do and why they do not take it", async () => {
  // given: a host that knows another task, and one that leaves
  const { namespace, overview } = await place();
  await (await namespace.pool("pictures")).add("resize", { args: [] });
  await namespace.host("worker-a", { tasks: [{ name: "crop", isolation: null }] });
  await namespace.host("worker-b", { tasks: [{ name: "resize", isolation: null }], state: "draining" });

  // when
  const before = await overview();

  // then
  expect(before.attention.find(({ kind }) => kind === "task-unserved")).toMatchObject({
    ...{ level: "now", pool: "pictures", task: "resize", waiting: 1 },
    knowing: [{ name: "worker-b", state: "draining" }],
  });
  const why = { kind: "unserved", name: "worker-b" };
  expect(before.pools).toMatchObject([{ name: "pictures", waiting: 1, why }]);

  // and when one comes that knows it
  await namespace.host("worker-c", { tasks: [{ name: "resize", isolation: null }] });

  // then
  expect(kinds(await overview())).not.toContain("task-unserved");
});

test("what is wrong with pools and hosts is found as doctor finds it, each cause once", async () => {
  // given
  const { namespace, overview } = await place();
  await namespace.pool("broken", { failure: new TypeError("no model") });
  const archive = await namespace.pool("archive");
  await archive.add("keep", {});
  await archive.pause();
  await (await namespace.pool("elsewhere")).add("there", {});
  const since = Date.now() - 60_000;
  const trouble = { pool: "archive", reason: "its initializer takes too long", since, takesWork: true };
  await namespace.host("deaf-one", { state: "deaf", pools: ["archive"] });
  await namespace.host("quiet-one", { state: "quiet", stepSince: since, pools: ["archive"] });
  await namespace.host("slow-one", { troubles: [trouble], pools: ["archive"], beatAt: Date.now() + 300_000 });

  // when
  const found = await overview();

  // then
  const finding = (kind: string) => found.attention.find((one) => one.kind === kind);
  expect(finding("pool-failed")).toMatchObject({ level: "now", pool: "broken", failure: "TypeError: no model" });
  expect(finding("pool-paused")).toMatchObject({ level: "soon", pool: "archive", waiting: 1 });
  expect(finding("pool-unserved")).toMatchObject({ level: "now", pool: "elsewhere", waiting: 1, task: "there" });
  expect(finding("host-deaf")).toMatchObject({ level: "now", host: { name: "deaf-one" } });
  expect(finding("host-trouble")).toMatchObject({ level: "now", since, reason: "its initializer takes too long" });
  // Seven are told, and how many there are.
  expect(found.attention).toHaveLength(7);
  expect(found.counts.now + found.counts.soon).toBeGreaterThanOrEqual(7);
  expect(found.attention.map(({ level }) => level)).toEqual(found.attention.map(({ level }) => level).sort());
});

test("runs of schedules that no host has started in time are one finding", async () => {
  const { namespace, overview } = await place();
  const { client, keys } = namespace;
  const late = Date.now() - 120_000;
  const times = { older: late - 60_000, newer: late, next: Date.now() + 60_000 };
  for (const [name, at] of Object.entries(times)) await client.zadd(keys.schedules, at, name);
  expect((await overview()).attention).toContainEqual(
    expect.objectContaining({ kind: "schedule-late", level: "now", schedule: "older", count: 2, since: late - 60_000 }),
  );
});

test("dead letters are those that failed for good and are kept, without the cancelled ones", async () => {
  const { namespace, overview } = await place();
  await namespace.pool("pictures");
  const failed = namespace.keys.queue("pictures", "failed");
  for (let index = 0; index < 6; index++) await namespace.client.zadd(failed, index, `failed-${index}`);
  // Cancelled ones are among BullMQ's failed ones.
  for (let index = 0; index < 4; index++) {
    await namespace.client.zadd(namespace.keys.cancelled("pictures"), index, `failed-${index}`);
  }

  const { figures, attention } = await overview();

  expect(figures["dead"]).toBe(2);
  expect(attention.find(({ kind }) => kind === "dead-letters")).toMatchObject({ count: 2, pool: "pictures" });
});

test("a host that is gone without a word is said, with what ran there; one that ends is not", async () => {
  // given
  const { namespace, overview } = await place();
  const running = [{ jobId: "j1", task: "resize", pool: "pictures", pid: 77, since: Date.now() }];
  await namespace.host("lost-one", { running });
  await namespace.host("ended-one");
  await overview();

  // when
  await namespace.client.del(namespace.keys.host("id-of-lost-one"));
  await namespace.client.del(namespace.keys.host("id-of-ended-one"));
  await namespace.client.zrem(namespace.keys.hosts, "id-of-ended-one");

  // then
  const lost = (await overview()).attention.filter(({ kind }) => kind === "host-lost");
  expect(lost).toMatchObject([{ host: { name: "lost-one" }, running: 1 }]);
});

test("what an ended program held and nothing releases is a finding", async () => {
  // given: its deadline is long over, and no process has looked after it
  const { namespace, overview } = await place();
  await redis.client().zadd(new Keys(namespace.name).deadlines, 1_000, "session/0123456789abcdef");

  // when
  const { attention } = await overview();

  // then
  expect(attention.find(({ kind }) => kind === "sessions-left")).toMatchObject({
    ...{ level: "soon", count: 1, actions: [{ kind: "see-waits" }] },
  });
});

test("one look costs Redis the same few round trips for 200 pools", async () => {
  // given
  const { namespace, overview } = await place();
  for (let index = 0; index < 200; index++) await namespace.pool(`pool-${index}`);
  await overview();
  const scripts = async () => {
    const stats = await namespace.client.info("commandstats");
    return [...stats.matchAll(/cmdstat_(?:evalsha|eval|fcall):calls=(\d+)/g)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
  };

  // when
  const before = await scripts();
  await overview();

  // then: figures of the whole and of the few pools that are shown, not a script for each pool
  expect((await scripts()) - before).toBeLessThan(10);
});

test("an idle dashboard asks Redis for nothing", async () => {
  // given
  const { namespace, origin } = await place();
  await namespace.pool("pictures");
  await ask(origin, "/bull-board/api/queues", { headers: BEARER });
  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await namespace.client.info("stats"))![1]);

  // when
  const before = await commands();
  await new Promise((resolve) => setTimeout(resolve, 1_500));

  // then: only the second of our own two questions
  expect((await commands()) - before).toBe(1);
});
