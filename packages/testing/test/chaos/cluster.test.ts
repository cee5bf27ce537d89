import { type Context, connect, PoolTerminatedError } from "@manyhands/core";
import { until, useCluster } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import * as tasks from "./fixtures/chaos-tasks.ts";
import { reason } from "./reason.ts";

const cluster = useCluster();
let mp: Context;
let hosts: ChaosHost[];
let namespaces = 0;

beforeEach(async () => {
  namespaces += 1;
  const options = {
    namespace: `cluster-${namespaces}`,
    redis: cluster.config,
    lockDuration: 3_000,
    stalledInterval: 500,
  };
  hosts = await Promise.all(["left", "right"].map((name) => ChaosHost.start({ name, slots: 2, ...options })));
  mp = await connect({ redis: cluster.config, namespace: options.namespace });
  onTestFinished(() => mp.close());
});

test("on a Redis Cluster: apply, map, imap and many calls at once", async () => {
  await using pool = mp.pool(4);
  const items = Array.from({ length: 200 }, (_, x) => x);
  expect(await pool.apply(tasks.derive, [7])).toBe(tasks.derived(7));
  expect(await pool.map(tasks.derive, items)).toEqual(items.map(tasks.derived));
  const calls = items.map((x) => pool.applyAsync(tasks.derive, [x]));
  expect(await Promise.all(calls)).toEqual(items.map(tasks.derived));
  const values: string[] = [];
  for await (const value of pool.imap(tasks.derive, items.slice(0, 40))) values.push(value);
  expect(values).toEqual(items.slice(0, 40).map(tasks.derived));
  const large = await pool.apply(tasks.fill, [500_000]);
  expect(large).toHaveLength(500_000);
});

test("on a Redis Cluster: terminate ends a loop that never yields", async () => {
  const pool = mp.pool(1);
  const [running, waiting] = [pool.applyAsync(tasks.spin), pool.applyAsync(tasks.spin)];
  const isRunning = async (): Promise<boolean> => (await mp.hosts()).some((host) => host.running.length > 0);
  await until(isRunning);
  await pool.terminate();
  for (const result of [running, waiting]) expect(await reason(result)).toBeInstanceOf(PoolTerminatedError);
  await until(async () => !(await isRunning()));
});

test("on a Redis Cluster: the calls of a killed host are finished by the other", async () => {
  await using pool = mp.pool(4);
  const results = Array.from({ length: 8 }, (_, x) => pool.applyAsync(tasks.rest, [1_000 + x], { attempts: 1 }));
  await until(async () => (await mp.hosts()).some((host) => host.name === "left" && host.running.length === 2));
  await hosts[0]?.kill();
  expect(await Promise.all(results)).toEqual([1_000, 1_001, 1_002, 1_003, 1_004, 1_005, 1_006, 1_007]);
});

test("on a Redis Cluster: processes start, end, are ended, and are lost with their host", async () => {
  const [short, long, doomed] = [
    mp.process(tasks.rest, { args: [10] }),
    mp.process(tasks.spin),
    mp.process(tasks.rest, { args: [60_000], host: "left", daemon: true }),
  ] as const;
  await Promise.all([short, long, doomed].map((one) => one.start()));
  await Promise.all([short, long, doomed].map((one) => one.started()));
  await short.join();
  await long.terminate();
  await long.join();
  expect([short.exitcode, long.exitcode]).toEqual([0, -15]);
  await hosts[0]?.kill();
  await doomed.join({ timeout: 90_000 });
  expect([doomed.exitcode, doomed.lost?.code]).toEqual([null, "ERR_PROCESS_LOST"]);
});
