import { useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor } from "./fixtures/dashboard.ts";
import { openStream } from "./fixtures/events.ts";
import { TestNamespace } from "./fixtures/namespace.ts";

const redis = useRedis();
const words = (page: string) => page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");

test("shows pools, hosts and what runs where", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const pictures = await namespace.pool("pictures", { size: 8 });
  for (let index = 0; index < 3; index++) await pictures.add("resize", { args: [index] });
  await pictures.pause();
  const running = [{ jobId: "j1", task: "resize", pool: "pictures", pid: 77, since: Date.now() - 5_000 }];
  const processes = { limit: 128, running: 2, queues: ["processes"] };
  await namespace.host("worker-a", { slots: 4, running, completed: 1234, processes });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const page = words((await ask(origin, "/", { headers: BEARER })).text);

  // then
  expect(page).toContain("pictures paused");
  expect(page).toMatch(/Waiting 3 in 1 pool /);
  expect(page).toContain("worker-a running");
  expect(page).toContain("1 of 4 slots busy, 2 processes run");
  expect(page).toMatch(/resize in pictures, pid 77 5\.\d s/);
  expect(page).toContain("1,234 completed");
});

test("says what to do when tasks wait and no host runs", async () => {
  const namespace = new TestNamespace(redis);
  await (await namespace.pool("pictures")).add("resize", { args: [] });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  const page = words((await ask(origin, "/", { headers: BEARER })).text);

  expect(page).toContain("Tasks wait and no host runs. Start one: manyhands worker --tasks");
});

test("says why a task never starts", async () => {
  // given: a host that knows another task
  const namespace = new TestNamespace(redis);
  const pictures = await namespace.pool("pictures");
  await pictures.add("resize", { args: [] });
  await namespace.host("worker-a", { tasks: [{ name: "crop", isolation: null }] });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  // when
  const before = words((await ask(origin, "/", { headers: BEARER })).text);

  // then
  expect(before).toContain("No live worker host serves task &quot;resize&quot; in pool &quot;pictures&quot;");
  expect(before).toContain("manyhands worker --tasks");

  // and when one comes that knows it
  await namespace.host("worker-b", { tasks: [{ name: "resize", isolation: null }] });

  // then
  await expect
    .poll(async () => words((await ask(origin, "/", { headers: BEARER })).text), { timeout: 5_000 })
    .not.toContain("No live worker host");
});

test("says why a pool failed, and what to do", async () => {
  const namespace = new TestNamespace(redis);
  await namespace.pool("pictures", { failure: new TypeError("no <b>model</b>") });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  const page = (await ask(origin, "/", { headers: BEARER })).text;

  expect(words(page)).toContain(
    "It failed: TypeError: no &lt;b&gt;model&lt;/b&gt;. Fix its initializer, then run: manyhands pool reset pictures",
  );
  expect(page).not.toContain("<b>model");
});

test("counts completed and failed tasks alike: those that are kept in Redis", async () => {
  const namespace = new TestNamespace(redis);
  await namespace.pool("pictures");
  for (const [state, count] of [
    ["completed", 3],
    ["failed", 6],
  ] as const) {
    const key = namespace.keys.queue("pictures", state);
    for (let index = 0; index < count; index++) await namespace.client.zadd(key, index, `${state}-${index}`);
  }
  // Cancelled ones are among BullMQ's failed ones.
  for (let index = 0; index < 4; index++) {
    await namespace.client.zadd(namespace.keys.cancelled("pictures"), index, `failed-${index}`);
  }
  await namespace.host("worker-a", { completed: 1234 });
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  const page = words((await ask(origin, "/", { headers: BEARER })).text);

  expect(page).toContain("Completed 3 kept in Redis");
  expect(page).toContain("Failed 2 kept in Redis");
  expect(page).toContain("3 2 4 ");
});

test("names from outside cannot become markup", async () => {
  const namespace = new TestNamespace(redis);
  await namespace.host("<img src=x onerror=alert(1)>");
  await namespace.pool("<b>bold");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });

  const page = (await ask(origin, "/", { headers: BEARER })).text;

  expect(page).not.toContain("<img src=x");
  expect(page).not.toContain("<b>bold");
  expect(page).toContain("&lt;b&gt;bold");
});

test("pushes what changed, to every tab, from one reader", async () => {
  // given
  const namespace = new TestNamespace(redis);
  const pictures = await namespace.pool("pictures");
  await namespace.host("worker-a");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
  const tabs = await Promise.all([1, 2, 3, 4].map(() => openStream(origin, BEARER)));
  await Promise.all(tabs.map((tab) => expect.poll(() => tab.received.length).toBeGreaterThan(0)));
  const before = await registryReads(namespace);

  // when
  await pictures.add("resize", { args: [] });
  await Promise.all(tabs.map((tab) => tab.next((data) => words(data).includes("Waiting 1 in"))));

  // then: one or two rounds for all of them
  expect((await registryReads(namespace)) - before).toBeLessThanOrEqual(2);

  // and when the last tab is gone, nothing is read any more
  for (const tab of tabs) tab.close();
  await Promise.all(tabs.map((tab) => tab.ended));
  const settled = await registryReads(namespace);
  // Longer than the pause between two readings: there is no signal for something that does not happen.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await registryReads(namespace)).toBeLessThanOrEqual(settled + 1);
});

test("an idle dashboard asks Redis for nothing", async () => {
  // given
  const namespace = new TestNamespace(redis);
  await namespace.pool("pictures");
  const { origin } = await dashboardFor({ redis: redis.url, namespace: namespace.name });
  await ask(origin, "/bull-board/api/queues", { headers: BEARER });
  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await namespace.client.info("stats"))![1]);

  // when
  const before = await commands();
  await new Promise((resolve) => setTimeout(resolve, 1_500));

  // then: only the second of our own two questions
  expect((await commands()) - before).toBe(1);
});

/** How often the registry of pools was read, on the whole server. */
async function registryReads(namespace: TestNamespace): Promise<number> {
  const stats = await namespace.client.info("commandstats");
  return Number(/cmdstat_hvals:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
