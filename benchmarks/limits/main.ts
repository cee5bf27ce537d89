import { connect } from "@manyhands/core";
import { startRedisServer } from "@manyhands/core/redis-server";
import { startWorker } from "@manyhands/worker";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { machine } from "../machine.ts";
import { conclude, judge, type Line, sample } from "../measure.ts";
import { readSettings } from "../settings.ts";
import { free, limited } from "./tasks.ts";

const SLOTS = 50;
const JOBS = 10_000;
const MANY = 100_000;
/** Submissions under way at once. */
const IN_FLIGHT = 1_000;

/** What one round of one contender has cost. */
interface Cost {
  /** Processor time of Redis, µs for each job: to add it; and to take and finish it, with what its limit needs. */
  add: number;
  run: number;
  /** Bytes of Redis for each job that waits. */
  bytes: number;
  /** Keys of limits that are left when nothing waits or runs any more. */
  left: number;
}

/**
 * `pnpm bench limits`: what limits cost Redis: a pool without them, with one key, 100, and 100 000, beside BullMQ's queue
 * and worker without limits. The host with 50 slots runs its tasks in this process, and is away while jobs are added.
 */
export async function limitsBenchmark(): Promise<void> {
  const { rounds, short } = readSettings([], 5);
  await using server = await startRedisServer({ appendOnly: false });
  const client = new Redis(server.url, { maxRetriesPerRequest: null });
  const place = { client, url: server.url };
  console.error(await machine(server.url));
  const jobs = short ? JOBS / 5 : JOBS;
  const many = short ? MANY / 10 : MANY;
  const lines: Line[] = [];
  try {
    const contenders = [
      { name: "no limit", run: () => ours(place, { jobs, keys: 0 }) },
      { name: "BullMQ", run: () => bullmq(place, jobs) },
      { name: "1 key", run: () => ours(place, { jobs, keys: 1 }) },
      { name: "100 keys", run: () => ours(place, { jobs, keys: 100 }) },
    ];
    const costs = await sample(contenders, rounds);
    // As many jobs as keys: one round takes as long as all of the others.
    costs.push(...(await sample([{ name: `${many} keys`, run: () => ours(place, { jobs: many, keys: many }) }], 1)));
    const row = (what: string, figure: (cost: Cost) => number, unit: string): void => {
      const samples = costs.map(({ name, figures }) => ({ name, figures: figures.map(figure) }));
      lines.push(judge(what, samples, { unit, better: "lower", bars: [] }));
    };
    row("processor time of Redis to add a job", ({ add }) => add, "µs");
    row("processor time of Redis to take and finish a job", ({ run }) => run, "µs");
    row("bytes of Redis for each job that waits", ({ bytes }) => bytes, "bytes");
    const left = costs.map(({ name, figures }) => ({ name, figures: figures.map((cost) => cost.left) })).reverse();
    lines.push(
      judge("keys of limits that are left when nothing waits", left, {
        unit: "keys",
        better: "lower",
        bars: [],
        limit: 0,
      }),
    );
  } finally {
    client.disconnect();
  }
  conclude(lines);
}

interface Place {
  client: Redis;
  url: string;
}

let rounds = 0;

async function ours({ client, url }: Place, { jobs, keys }: { jobs: number; keys: number }): Promise<Cost> {
  await client.flushdb();
  rounds += 1;
  const namespace = `bench${rounds}`;
  // That no host is there is meant.
  const logger = { info: () => {}, warn: () => {}, error: console.error };
  const host = () =>
    startWorker({
      ...{ redis: url, namespace, slots: SLOTS, spares: 0, tasks: [new URL("tasks.ts", import.meta.url).pathname] },
      ...{ logger, keep: { completed: { count: 10_000_000 } } },
    });
  await using mp = await connect({ redis: url, namespace, logger });
  const one = keys === 0 ? free : limited;
  // A host that has run one has left the rule there, by which calls are sorted as they are added.
  const first = await host();
  await (await mp.submit(one, ["first"])).get();
  await first.stop();
  const before = await memory(client);
  const add = await workOf(client, () =>
    inFlight(jobs, (index) => mp.submit(one, [`key${keys === 0 ? "" : index % keys}`])),
  );
  const bytes = (await memory(client)) - before;
  let second: Awaited<ReturnType<typeof host>> | undefined;
  const run = await workOf(client, async () => {
    second = await host();
    await untilDone(() => client.zcard(`{${namespace}}:default:completed`), jobs + 1);
  });
  await second?.stop();
  // The rules of the pool, which do not grow with its keys, are all that stays.
  const left = (await client.keys(`{${namespace}}/limit*`)).filter(
    (key) => key !== `{${namespace}}/limits/default`,
  ).length;
  return { add: add / jobs, run: run / jobs, bytes: bytes / jobs, left };
}

async function bullmq({ client }: Place, jobs: number): Promise<Cost> {
  await client.flushdb();
  rounds += 1;
  const options = { connection: client as never, prefix: `{bull${rounds}}` };
  const queue = new Queue("default", options);
  await queue.waitUntilReady();
  const before = await memory(client);
  const add = await workOf(client, () => inFlight(jobs, (index) => queue.add("free", { args: [`key${index}`] })));
  const bytes = (await memory(client)) - before;
  let worker: Worker | undefined;
  const run = await workOf(client, async () => {
    worker = new Worker("default", async () => 1, { ...options, concurrency: SLOTS });
    await untilDone(() => queue.getCompletedCount(), jobs);
  });
  await worker?.close();
  await queue.close();
  return { add: add / jobs, run: run / jobs, bytes: bytes / jobs, left: 0 };
}

async function inFlight(count: number, submit: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += IN_FLIGHT) {
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count - from) }, (_, index) => submit(from + index)));
  }
}

async function untilDone(count: () => Promise<number>, wanted: number): Promise<void> {
  while ((await count()) < wanted) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Processor time of Redis' main thread meanwhile, µs: other programs on the machine count less than in the time of scripts. */
async function workOf(client: Redis, run: () => Promise<unknown>): Promise<number> {
  const before = await processorTime(client);
  await run();
  return (await processorTime(client)) - before;
}

async function processorTime(client: Redis): Promise<number> {
  const info = await client.info("cpu");
  const seconds = [...info.matchAll(/^used_cpu_(?:user|sys)_main_thread:([\d.]+)/gm)].map(([, figure]) =>
    Number(figure),
  );
  return seconds.reduce((sum, one) => sum + one, 0) * 1e6;
}

/** Bytes of what is stored, without the buffers of connections. */
async function memory(client: Redis): Promise<number> {
  const stats = (await client.call("MEMORY", "STATS")) as unknown[];
  return Number(stats[stats.indexOf("dataset.bytes") + 1]);
}
