import type { ChildProcess } from "node:child_process";
import { connect, type Pool, type Task } from "@manyhands/core";
import { startRedisServer } from "@manyhands/core/redis-server";
import { Queue as BullQueue } from "bullmq";
import { Redis } from "ioredis";
import { startHost } from "../host.ts";
import { conclude, judge, type Line, quantile, type Samples } from "../measure.ts";
import { common } from "./common-tasks.ts";
import { first } from "./first-tasks.ts";
import { other } from "./other-tasks.ts";
import { rare } from "./rare-tasks.ts";
import { second } from "./second-tasks.ts";
import { third } from "./third-tasks.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const CALLS = 200;
/** What no host knows. */
const UNHEARD = "bench.unheard";
const IN_FRONT = 1_000;
/** Calls of each fleet in the comparison of hosts that have no task in common, over all rounds. */
const DISJOINT_CALLS = Number(process.env["BENCH_CALLS"] ?? 10_000);
const HOSTS = {
  uniform: ["common", "common", "common"],
  mixed: ["rare", "other", "common"],
  alike: ["every", "every", "every"],
  disjoint: ["first", "second", "third"],
};
const DISJOINT: readonly Task<[number], Promise<number>>[] = [first, second, third];

interface World extends AsyncDisposable {
  pool: Pool;
  /** Adds jobs of a task in front of what comes next, and waits for none. */
  crowd: (task: string) => Promise<void>;
  /** Waits until no job waits in the pool, or runs; what no host knows is removed. */
  settled: () => Promise<void>;
  /** Has Redis keep the events of all jobs from now on. */
  watch: () => Promise<void>;
  /** Jobs whose events since then say that they were moved but by one take. */
  moved: () => Promise<number>;
}

/**
 * A call of a task that one host of three knows, in a pool that all serve, against the same call where all know it: the
 * pool empty, and with many jobs in front of each call that this host does not know.
 */
export async function mixedBenchmark(): Promise<void> {
  await using server = await startRedisServer({ appendOnly: false });
  await using uniform = await open(server.url, "uniform");
  await using mixed = await open(server.url, "mixed");
  for (const task of [common, rare]) {
    for (let call = 0; call < 500; call += 1) await timeOf({ world: mixed, task });
  }
  for (let call = 0; call < 1_000; call += 1) await timeOf({ world: uniform, task: common });
  const lines = [
    ...(await compared(`a task that one host of three knows, ${CALLS} calls`, {
      "one of three": { world: mixed, task: rare },
      "all of three": { world: uniform, task: common },
    })),
    ...(await compared(`a task that all know, beside hosts that know more, ${CALLS} calls`, {
      "mixed fleet": { world: mixed, task: common },
      "uniform fleet": { world: uniform, task: common },
    })),
    ...(await compared(`one of three knows it, and ${IN_FRONT} stand in front that no host knows`, {
      "one of three": { world: mixed, task: rare, before: () => mixed.crowd(UNHEARD) },
      "all of three, none in front": { world: uniform, task: common },
    })),
    ...(await compared(`one of three knows it, and ${IN_FRONT} stand in front on which another host works`, {
      "one of three": { world: mixed, task: rare, before: () => mixed.crowd(other.name) },
      "all of three, none in front": { world: uniform, task: common },
    })),
  ];
  await using alike = await open(server.url, "alike");
  await using disjoint = await open(server.url, "disjoint");
  for (let call = 0; call < 500; call += 1) {
    for (const world of [alike, disjoint]) await timeOf({ world, task: taskOf(call) });
  }
  for (const world of [alike, disjoint]) await world.watch();
  const perRound = Math.ceil(DISJOINT_CALLS / ROUNDS);
  lines.push(
    ...(await compared(
      `three hosts without a task in common, ${perRound * ROUNDS} calls in all`,
      {
        "disjoint tasks": { world: disjoint, task: taskOf },
        "all know all": { world: alike, task: taskOf },
      },
      perRound,
    )),
  );
  conclude(lines);
  const moved = await disjoint.moved();
  if (moved > 0) throw new Error(`${moved} jobs of the fleet without a task in common were moved more than once`);
  console.log(`none of the ${perRound * ROUNDS} jobs was moved but by the take that ran it`);
}

function taskOf(call: number): Task<[number], Promise<number>> {
  return DISJOINT[call % DISJOINT.length] as Task<[number], Promise<number>>;
}

interface Calls {
  world: World;
  /** What is called, or what the call of that number calls. */
  task: Task<[number], Promise<number>> | typeof taskOf;
  before?: () => Promise<void>;
}

/** Sorted durations of both in each round, ms: calls of the one and the other in turn, since the machine is not always alike. */
async function compared(what: string, contenders: Record<string, Calls>, calls: number = CALLS): Promise<Line[]> {
  const [ours, peer] = Object.keys(contenders) as [string, string];
  const rounds: Record<string, number[]>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const durations: Record<string, number[]> = { [ours]: [], [peer]: [] };
    for (const { before } of Object.values(contenders)) await before?.();
    for (let turn = 0; turn < calls; turn += 1) {
      const order = turn % 2 === 0 ? [ours, peer] : [peer, ours];
      for (const name of order) {
        const { world, task } = contenders[name] as Calls;
        durations[name]?.push(await timeOf({ world, task: task === taskOf ? taskOf(turn) : (task as typeof first) }));
      }
    }
    for (const { world } of Object.values(contenders)) await world.settled();
    rounds.push(durations);
  }
  const figuresAt = (share: number): Samples[] =>
    [ours, peer].map((name) => ({
      name,
      figures: rounds.map((durations) => quantile((durations[name] ?? []).sort(ascending), share)),
    }));
  return [
    judge(`${what}: p50`, figuresAt(0.5), { unit: "ms", better: "lower", bars: [{ against: peer, bar: 1.5 }] }),
    judge(`${what}: p99`, figuresAt(0.99), { unit: "ms", better: "lower", bars: [{ against: peer, bar: 3 }] }),
  ];
}

async function timeOf({ world, task }: { world: World; task: typeof first }): Promise<number> {
  const begin = performance.now();
  await world.pool.apply(task, [1]);
  return performance.now() - begin;
}

function ascending(left: number, right: number): number {
  return left - right;
}

async function open(redis: string, namespace: keyof typeof HOSTS): Promise<World> {
  const environment = { ...process.env, MANYHANDS_REDIS_URL: redis, MANYHANDS_NAMESPACE: namespace };
  const hosts = await Promise.all(
    HOSTS[namespace].map((kind) => startHost(environment, new URL(`./${kind}-tasks.ts`, import.meta.url))),
  );
  const mp = await connect({ redis, namespace });
  const pool = mp.pool();
  const connection = new Redis(redis, { maxRetriesPerRequest: null });
  const queue = new BullQueue(pool.name, { connection, prefix: `{${namespace}}` });
  return {
    pool,
    async crowd(name) {
      await queue.addBulk(Array.from({ length: IN_FRONT }, (_, x) => ({ name, data: { args: [x] } })));
    },
    async settled() {
      for (const job of await queue.getJobs(["waiting", "delayed"])) if (job.name === UNHEARD) await job.remove();
      const left = async (): Promise<number> => (await queue.getWaitingCount()) + (await queue.getActiveCount());
      while ((await left()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async watch() {
      await connection.hset(`{${namespace}}:${pool.name}:meta`, "opts.maxLenEvents", 1_000_000);
      await connection.del(`{${namespace}}:${pool.name}:events`);
    },
    async moved() {
      const events = new Map<string, string[]>();
      for (const [, fields] of await connection.xrange(`{${namespace}}:${pool.name}:events`, "-", "+")) {
        const fieldOf = (name: string): string => fields[fields.indexOf(name) + 1] ?? "";
        const id = fields.includes("jobId") ? fieldOf("jobId") : "";
        events.set(id, [...(events.get(id) ?? []), fieldOf("event")]);
      }
      events.delete("");
      return [...events.values()].filter((names) => names.includes("delayed") || count(names, "waiting") > 1).length;
    },
    async [Symbol.asyncDispose]() {
      await mp.close();
      await queue.close();
      connection.disconnect();
      await Promise.all(hosts.map(stop));
    },
  };
}

function count(names: readonly string[], name: string): number {
  return names.filter((one) => one === name).length;
}

async function stop(host: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => host.once("exit", resolve));
  host.kill("SIGTERM");
  await gone;
}
