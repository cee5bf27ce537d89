import { setTimeout as delay } from "node:timers/promises";
import { type Context, connect, type Process } from "@manyhands/core";
import { processIsAlive, until, useRedis } from "@manyhands/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChaosHost } from "./chaos-host.ts";
import * as tasks from "./fixtures/chaos-tasks.ts";
import { leftovers } from "./leftovers.ts";
import { notes } from "./notes.ts";
import { Program } from "./program.ts";
import { chooseSeed, seededRandom } from "./random.ts";
import { Scratch } from "./scratch.ts";

const redis = useRedis();
let namespace: string;
let mp: Context;
let hosts: ChaosHost[];

beforeEach(async () => {
  namespace = redis.namespace();
  hosts = await Promise.all(["left", "right"].map(startHost));
  mp = await connect({ redis: redis.url, namespace, logger: { info() {}, warn() {}, error() {} } });
  onTestFinished(() => mp.close({ timeout: 1_000 }));
});

function startHost(name: string): Promise<ChaosHost> {
  const quick = { heartbeatInterval: 500, lockDuration: 3_000, stalledInterval: 300 };
  return ChaosHost.start({ name, namespace, redis: redis.url, slots: 2, ...quick });
}

async function started(count: number, milliseconds: (index: number) => number): Promise<Process[]> {
  const all = Array.from({ length: count }, (_, index) => mp.process(tasks.rest, { args: [milliseconds(index)] }));
  await Promise.all(all.map((one) => one.start()));
  return all;
}

test("40 processes while processes and hosts are killed at random: every one has an end that is true", async () => {
  // given
  const seed = chooseSeed();
  console.log(`seed ${seed}; MANYHANDS_SEED=${seed} repeats the kills`);
  const random = seededRandom(seed);
  const bound = ["left", "right"].map((host) => mp.process(tasks.rest, { args: [60_000], host }));
  await Promise.all(bound.map((one) => one.start()));
  await Promise.all(bound.map((one) => one.started()));
  const all = await started(40, () => 200 + random() * 4_000);
  const asked = new Map<Process, number>();
  const shot = new Set<Process>();
  const hostsKilled = new Set<string>();
  // when
  for (let round = 0; round < 12; round += 1) {
    const victim = all[Math.floor(random() * all.length)] as Process;
    const chance = random();
    if (chance < 0.3) {
      asked.set(victim, -15);
      await victim.terminate();
    } else if (chance < 0.5) {
      asked.set(victim, -9);
      await victim.kill();
    } else if (victim.pid !== null && victim.isAlive()) {
      shot.add(victim);
      if (processIsAlive(victim.pid)) process.kill(victim.pid, "SIGKILL");
    }
    if (round === 6) {
      const index = random() < 0.5 ? 0 : 1;
      const host = hosts[index] as ChaosHost;
      hostsKilled.add(host.name);
      await host.kill();
      hosts[index] = await startHost(`${host.name}-again`);
    }
    await delay(random() * 100);
  }
  // then
  await Promise.all(all.map((one) => one.join({ timeout: 90_000 })));
  for (const one of all) {
    expect(one.isAlive(), one.name).toBe(false);
    const possible = [0, ...(shot.has(one) ? [-9] : []), ...(asked.has(one) ? [-15, -9] : [])];
    if (one.exitcode === null) expect([...hostsKilled], `${one.name}: ${one.lost?.message}`).toContain(one.host);
    else expect(possible, one.name).toContain(one.exitcode);
    if (one.pid !== null) expect(processIsAlive(one.pid), one.name).toBe(false);
  }
  const endings = Map.groupBy(all, (one) => String(one.exitcode));
  console.log([...endings].map(([code, list]) => `${list.length} x ${code}`).join(", "));
  await Promise.all(bound.map((one) => one.terminate()));
  await Promise.all(bound.map((one) => one.join({ timeout: 90_000 })));
  const losses = bound.map((one) => [one.exitcode, one.lost !== null, hostsKilled.has(one.host ?? "")]);
  expect(losses.toSorted()).toEqual([
    [null, true, true],
    [-15, false, false],
  ]);
  expect(await redis.client().zcard(`{${namespace}}/processes`)).toBe(0);
  await mp.close();
  expect(await leftovers(redis.client(), namespace)).toEqual([]);
}, 300_000);

test("a parent that is killed takes its daemons with it, also one that waits; others go on", async () => {
  // given
  const [daemonFile, childFile] = [new Scratch(), new Scratch()];
  const program = new Program("process-parent.ts", [redis.url, namespace, daemonFile.path, childFile.path, "wait"]);
  await until(() => program.output.includes("started") && notes(childFile).length > 0 && notes(daemonFile).length > 0);
  const [daemon = 0, child = 0] = [notes(daemonFile)[0]?.pid, notes(childFile)[0]?.pid];
  // when
  program.kill("SIGKILL");
  // then
  await until(() => !processIsAlive(daemon), { what: "the daemon has ended" });
  await until(async () => (await redis.client().zcard(`{${namespace}}/processes`)) === 1);
  expect(processIsAlive(child)).toBe(true);
});

test("a program that ends without closing: its daemons are terminated, its other processes are waited for", async () => {
  const [daemonFile, childFile] = [new Scratch(), new Scratch()];
  const program = new Program("process-parent.ts", [redis.url, namespace, daemonFile.path, childFile.path, "end"]);
  expect(await program.exited, program.output).toEqual({ code: 0, signal: null });
  expect(notes(childFile).at(-1)?.what).toBe("end");
  expect(processIsAlive(notes(daemonFile)[0]?.pid ?? 0)).toBe(false);
  expect(await redis.client().zcard(`{${namespace}}/processes`)).toBe(0);
});

test("Redis killed and restarted with its data: what runs goes on, and how it ends comes home", async () => {
  await redis.client().config("SET", "appendfsync", "always");
  const [short, long] = (await started(2, (index) => 1_500 + index * 4_000)) as [Process, Process];
  await Promise.all([short.started(), long.started()]);
  const pids = [short.pid, long.pid];
  await redis.killHard();
  await delay(2_000);
  await redis.restart();
  await Promise.all([short.join({ timeout: 90_000 }), long.join({ timeout: 90_000 })]);
  expect([short, long].map((one) => [one.pid, one.exitcode, one.lost])).toEqual(pids.map((pid) => [pid, 0, null]));
});

test("Redis restarted without its data: what ran is lost, ended, and told so", async () => {
  const [child] = (await started(1, () => 120_000)) as [Process];
  await child.started();
  await redis.restart({ keepData: false });
  await child.join({ timeout: 90_000 });
  expect([child.exitcode, child.lost?.code]).toEqual([null, "ERR_PROCESS_LOST"]);
  await until(() => !processIsAlive(child.pid ?? 0), { what: "it has ended" });
  const [next] = (await started(1, () => 1)) as [Process];
  await next.join({ timeout: 90_000 });
  expect(next.exitcode).toBe(0);
});

test("a host that was frozen for so long that its processes were given up ends them when it wakes", async () => {
  const child = mp.process(tasks.rest, { args: [120_000], host: "left" });
  await child.start();
  await child.started();
  hosts[0]?.freeze();
  await child.join({ timeout: 90_000 });
  expect(child.lost?.message).toContain('host "left"');
  hosts[0]?.thaw();
  await until(() => !processIsAlive(child.pid ?? 0), { what: "the process has ended" });
});
