import { setImmediate } from "node:timers/promises";
import { until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { ValueError } from "../../../src/errors/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { processQueue } from "../../../src/wire/records/process-queues.ts";
import type { HostRecord } from "../../../src/wire/records/records.ts";
import {
  chooseHost,
  describeDelays,
  describeUnserved,
  Fleet,
  isServed,
  sharedHostNames,
  slotsOf,
} from "../../../src/work/fleet/index.ts";
import { UnservedWatch } from "../../../src/work/submission/index.ts";

const redis = useRedis();

function host(name: string, more: Partial<HostRecord> = {}): HostRecord {
  return {
    ...{ id: name, name, slots: 2, state: "running", pools: null, tasks: [{ name: "t", isolation: null }] },
    ...{ running: [], children: [], hostname: "m", pid: 1, isolation: "process", version: "0.1.0" },
    ...{ startedAt: 1, beatAt: 1, memory: 1, completed: 0, failed: 0 },
    ...more,
  };
}

test("the hosts are those whose heartbeat has not expired, by name", async () => {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const fleet = new Fleet(client, keys);
  expect(await fleet.hosts()).toEqual([]);
  for (const name of ["b", "a", "dead"]) await client.zadd(keys.hosts, 1, name);
  for (const name of ["b", "a"]) await client.set(keys.host(name), JSON.stringify(host(name)));
  const [once, again] = await Promise.all([fleet.hosts(), fleet.hosts()]);
  expect(once.map((one) => one.name)).toEqual(["a", "b"]);
  expect(again).toBe(once);
});

test("what is recent is not read again, and asking for it never waits", async () => {
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const fleet = new Fleet(client, keys);
  expect(fleet.isFresh).toBe(false);
  expect(fleet.recentSlots(null)).toBe(0);
  await client.zadd(keys.hosts, 1, "a");
  await client.set(keys.host("a"), JSON.stringify(host("a", { slots: 3 })));
  await fleet.hosts();
  expect(fleet.isFresh).toBe(true);
  expect(fleet.recentSlots(null)).toBe(3);
  await client.del(keys.host("a"));
  expect(fleet.recentSlots("p")).toBe(3);
});

test("a host is chosen by its id, or by a name that no other live host has", () => {
  const place = { hostname: "m", pid: 7 };
  const hosts = [host("a"), host("twin", { id: "t-1", ...place }), host("twin", { id: "t-2", ...place })];
  expect(chooseHost(hosts, "a")?.id).toBe("a");
  expect(chooseHost(hosts, "t-2")?.id).toBe("t-2");
  expect(chooseHost(hosts, "nowhere")).toBe(null);
  expect(() => chooseHost(hosts, "twin")).toThrow(
    new ValueError('2 live hosts have the name "twin"; give the id of one: t-1 (m, pid 7), t-2 (m, pid 7)'),
  );
  expect(sharedHostNames(hosts)).toEqual(["twin"]);
});

test("slots count where a host takes new work of the pool", () => {
  const hosts = [host("a"), host("b", { pools: ["p"], slots: 5 }), host("c", { state: "draining" })];
  expect(slotsOf(hosts, null)).toBe(7);
  expect(slotsOf(hosts, "p")).toBe(7);
  expect(slotsOf(hosts, "q")).toBe(2);
});

test("a task is served by a host that is up, serves the pool and knows it", () => {
  expect(isServed([host("a")], "p", "t")).toBe(true);
  expect(isServed([host("a", { state: "starting" })], "p", "t")).toBe(true);
  expect(isServed([host("a", { state: "deaf" })], "p", "t")).toBe(false);
  expect(isServed([host("a", { pools: ["q"] })], "p", "t")).toBe(false);
  expect(isServed([host("a")], "p", "u")).toBe(false);
});

test("a host that cannot run a pool's tasks does not serve it, and says why; one that is only slow does", () => {
  const trouble = { reason: "no module", since: 1, takesWork: false };
  const unready = host("a", { state: "unready", troubles: [{ pool: null, ...trouble }] });
  const partly = host("b", { troubles: [{ pool: "p", ...trouble }] });
  const slow = host("c", { troubles: [{ pool: "p", reason: "it initializes", since: 1, takesWork: true }] });
  expect(isServed([unready, partly], "p", "t")).toBe(false);
  expect(isServed([partly], "q", "t")).toBe(true);
  expect(slotsOf([unready, partly], "p")).toBe(0);
  expect(slotsOf([partly], "q")).toBe(2);
  expect(describeUnserved([unready, partly], "p", "t")).toContain("a (unready: no module), b (unready: no module)");
  expect(isServed([slow], "p", "t")).toBe(true);
  expect(describeDelays([unready, partly, slow], "p")).toEqual(['on host "c" it initializes']);
});

test("the warning says what is missing and what to do", () => {
  const what = 'no live worker host serves task "u" in pool "p"';
  const start = 'start one with: manyhands worker --tasks <module that defines "u">';
  expect(describeUnserved([], "p", "u")).toBe(`${what}: no host is running; ${start}`);
  expect(describeUnserved([host("a"), host("b")], "p", "u")).toBe(
    `${what}: the running hosts (a, b) do not know it; ${start}`,
  );
  const tasks = [{ name: "u", isolation: null }];
  const knowing = [host("a", { state: "draining", tasks }), host("b", { pools: ["q", "r"], tasks }), host("c")];
  expect(describeUnserved(knowing, "p", "u")).toBe(
    `${what}: those that know the task do not: a (draining), b (serves only q, r); ${start}`,
  );
});

test("of a process it says which host is missing, and how to start that one", () => {
  const tasks = [{ name: "u", isolation: null }];
  const right = host("right", { tasks, processes: { limit: 2, running: 0, queues: [processQueue(null)] } });
  const none = host("none", { tasks, processes: { limit: 0, running: 0, queues: [processQueue(null)] } });
  const why = (queue: string): string => describeUnserved([right, none], queue, "u");
  const start = 'start one with: manyhands worker --tasks <module that defines "u">';
  const known = "those that know the task do not: right";
  expect(why(processQueue("my left"))).toBe(
    `no live worker host serves task "u" as a process on host "my left": ${known} (has another name), none (takes no processes); ${start} --name "my left"`,
  );
  expect(why(processQueue({ label: "gpu" }))).toBe(
    `no live worker host serves task "u" as a process on a host with label "gpu": ${known} (does not have that label), none (takes no processes); ${start} --labels gpu`,
  );
  expect(describeUnserved([none], processQueue(null), "u")).toBe(
    `no live worker host serves task "u" as a process: those that know the task do not: none (takes no processes); ${start}`,
  );
});

test("hosts that have not beaten since Redis was away are not missed before they have had the time to", async () => {
  // given: a connection that has just come back
  const client = redis.client();
  const fleet = new Fleet(client, new Keys(redis.namespace()));
  const warned = Promise.withResolvers<number>();
  const log = { info() {}, error() {}, warn: () => warned.resolve(performance.now()) };
  const watch = new UnservedWatch({ client, fleet, logger: log, isPending: () => true, settling: 400 });
  onTestFinished(() => watch.stop());
  await client.ping();
  const back = new Promise<number>((resolve) => client.once("ready", () => resolve(performance.now())));
  client.disconnect(true);
  const backAt = await back;

  // when
  watch.watch("p", "t", 1);

  // then
  expect((await warned.promise) - backAt).toBeGreaterThanOrEqual(395);
});

test("a caller whose task runs on a host that drains is not told that no host serves it", async () => {
  // given
  const client = redis.client();
  const keys = new Keys(redis.namespace());
  const run = { jobId: "1", task: "t", pool: "p", pid: 1, since: 1 };
  await client.zadd(keys.hosts, 1, "a");
  await client.set(keys.host("a"), JSON.stringify(host("a", { state: "draining", running: [run] })));
  const warned = Promise.withResolvers<string>();
  const logger = { info() {}, error() {}, warn: (text: string) => warned.resolve(text) };
  const watch = new UnservedWatch({ client, fleet: new Fleet(client, keys), logger, isPending: () => true });
  onTestFinished(() => watch.stop());
  // when
  watch.watch("p", "t", 1);
  watch.watch("q", "t", 60);
  // then
  expect(await warned.promise).toContain('no live worker host serves task "t" in pool "q"');
});

test("a caller is told once that no host serves its task, and again after it was served", async () => {
  // given
  const warnings: string[] = [];
  const logger = { info() {}, error() {}, warn: (text: string) => void warnings.push(text) };
  const live: HostRecord[] = [];
  const asked = vi.fn(async () => live);
  const watch = new UnservedWatch({
    client: redis.client(),
    fleet: { hosts: asked } as unknown as Fleet,
    logger,
    isPending: (pool) => pool === "p",
  });
  const look = async (): Promise<void> => {
    const looks = asked.mock.calls.length;
    watch.stop();
    watch.watch("p", "t", 1);
    await until(() => asked.mock.calls.length > looks);
    await setImmediate();
  };
  onTestFinished(() => watch.stop());
  // when
  await look();
  await look();
  // then
  expect(warnings).toEqual([`${describeUnserved([], "p", "t")}; the task waits until then`]);
  // when it is served in between
  live.push(host("a"));
  await look();
  live.pop();
  await look();
  // then
  expect(warnings).toHaveLength(2);
  // and a program that does not wait for its task is told as well
  watch.glance("q", "t");
  await until(() => warnings.some((text) => text.includes('in pool "q"')));
});
