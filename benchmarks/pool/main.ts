import { connect, type Pool, type Task } from "@manyhands/core";
import { startRedisServer } from "@manyhands/core/redis-server";
import { Queue as BullQueue, type Job, QueueEvents } from "bullmq";
import { Redis } from "ioredis";
import { Piscina } from "piscina";
import Tinypool from "tinypool";
import workerpool from "workerpool";
import { type Contender, compare, type Line, quantile } from "../measure.ts";
import { startPeers } from "./peers.ts";
import { fibonacci, noop, noopInline } from "./tasks.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const ONLY = process.env["BENCH_ONLY"];
const ITEMS = Array.from({ length: 100_000 }, (_, index) => index);

/** `map`, `applyAsync` and `apply` against raw BullMQ and Python's pool, all over one Redis, two slots. */
export async function poolBenchmark(): Promise<void> {
  await using server = await startRedisServer({ appendOnly: false });
  process.env["MANYHANDS_REDIS_URL"] = server.url;
  const peers = await startPeers(server.url, "bench");
  const mp = await connect({ redis: server.url, namespace: "bench" });
  const pool = mp.pool(2);
  const raw = await rawBullMQ(server.url);
  const lines: Line[] = [];
  const line = async (...parameters: Parameters<typeof compare>): Promise<void> => {
    if (ONLY && !parameters[0].includes(ONLY)) return;
    lines.push(await compare(...parameters));
  };
  const { python } = peers;
  const ask =
    (request: string, position = 0): Contender["run"] =>
    async () =>
      (await python?.(request))?.[position] ?? Number.NaN;
  const withPython = (request: string, position = 0): Contender[] =>
    python ? [{ name: "Python Pool", run: ask(request, position) }] : [];
  try {
    await warmUp(pool);
    await line(
      "apply, one after another: p50 of a round trip",
      [
        { name: "manyhands", run: () => sequential(pool, noop, 0.5) },
        { name: "manyhands inline", run: () => sequential(pool, noopInline, 0.5) },
        { name: "raw BullMQ", run: () => raw.sequential(0.5) },
        ...withPython("apply"),
      ],
      { unit: "ms", better: "lower", rounds: ROUNDS, bars: [{ against: "raw BullMQ", bar: 1 }] },
    );
    await line(
      "apply, one after another: p99 of a round trip",
      [
        { name: "manyhands", run: () => sequential(pool, noop, 0.99) },
        { name: "raw BullMQ", run: () => raw.sequential(0.99) },
        ...withPython("apply", 1),
      ],
      { unit: "ms", better: "lower", rounds: ROUNDS, bars: [] },
    );
    await line(
      "applyAsync, 10 000 calls, 1 000 in flight",
      [
        { name: "manyhands", run: () => inFlight(10_000, (x) => pool.applyAsync(noop, [x])) },
        { name: "raw BullMQ", run: () => raw.inFlight() },
        ...withPython("async"),
      ],
      {
        unit: "calls/s",
        better: "higher",
        rounds: ROUNDS,
        bars: [
          { against: "raw BullMQ", bar: 8 },
          { against: "Python Pool", bar: 2 },
        ],
      },
    );
    await line(
      "map of 100 000, chunk size 1",
      [
        { name: "manyhands", run: () => perSecond(ITEMS.length, () => pool.map(noop, ITEMS, { chunkSize: 1 })) },
        { name: "raw BullMQ, a job per item", run: () => raw.perItem() },
        ...withPython("map1"),
      ],
      {
        unit: "items/s",
        better: "higher",
        rounds: ROUNDS,
        bars: [
          { against: "raw BullMQ, a job per item", bar: 10 },
          { against: "Python Pool", bar: 1 },
        ],
      },
    );
    await line(
      "map of 100 000, default chunks",
      [
        { name: "manyhands", run: () => perSecond(ITEMS.length, () => pool.map(noop, ITEMS)) },
        { name: "manyhands inline", run: () => perSecond(ITEMS.length, () => pool.map(noopInline, ITEMS)) },
        { name: "raw BullMQ, chunked by hand", run: () => raw.chunked() },
        ...withPython("map"),
      ],
      {
        unit: "items/s",
        better: "higher",
        rounds: ROUNDS * 3,
        bars: [
          { against: "raw BullMQ, chunked by hand", bar: 1.5 },
          { against: "Python Pool", bar: 0.5 },
        ],
      },
    );
    await line(
      "enqueue 10 000 jobs in bulk",
      [
        { name: "manyhands", run: () => enqueue(mp.pool(2)) },
        { name: "raw BullMQ addBulk of 1 000", run: () => raw.enqueue(ITEMS.slice(0, 10_000)) },
      ],
      {
        unit: "jobs/s",
        better: "higher",
        rounds: ROUNDS,
        bars: [{ against: "raw BullMQ addBulk of 1 000", bar: 1.2 }],
      },
    );
    await line(
      "100 000 plain calls without a host",
      [
        { name: "manyhands", run: () => withoutHost(server.url) },
        { name: "raw BullMQ addBulk of 1 000", run: () => raw.enqueue(ITEMS) },
      ],
      {
        unit: "calls/s",
        better: "higher",
        rounds: ROUNDS,
        bars: [{ against: "raw BullMQ addBulk of 1 000", bar: 0.9 }],
      },
    );
    await line(
      "a new pool of 2: start to first result",
      [
        { name: "manyhands", run: () => firstResult(() => mp.pool(2)) },
        ...(python ? [{ name: "Python Pool (spawn)", run: ask("start") }] : []),
      ],
      { unit: "ms", better: "lower", rounds: ROUNDS, bars: [{ against: "Python Pool (spawn)", bar: 0.5 }] },
    );
    await computing(pool, line);
  } finally {
    await mp.close();
    await raw.close();
    peers.stop();
  }
  if (process.argv.includes("json")) console.log(JSON.stringify(lines, null, 2));
  const missed = lines.flatMap(({ what, ratios }) =>
    ratios.filter(({ passed }) => passed === false).map(({ against }) => `${what} against ${against}`),
  );
  console.error(missed.length === 0 ? "\nevery bar is met" : `\nmissed: ${missed.join("; ")}`);
}

async function warmUp(pool: Pool): Promise<void> {
  for (let index = 0; index < 200; index += 1) await pool.apply(noop, [index]);
  await pool.map(noop, ITEMS);
  await pool.map(noop, ITEMS.slice(0, 5_000), { chunkSize: 1 });
  for (let index = 0; index < 20; index += 1) await pool.map(noopInline, ITEMS.slice(0, 100));
}

async function perSecond(count: number, work: () => PromiseLike<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return count / ((performance.now() - begin) / 1_000);
}

async function sequential(pool: Pool, task: Task<[number], number>, share: number): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < 1_000; index += 1) {
    const begin = performance.now();
    await pool.apply(task, [index]);
    times.push(performance.now() - begin);
  }
  return quantile(
    times.sort((left, right) => left - right),
    share,
  );
}

async function inFlight(calls: number, call: (x: number) => PromiseLike<unknown>): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < calls) {
      const x = next;
      next += 1;
      if ((await call(x)) !== x) throw new Error(`call ${x} has a wrong answer`);
    }
  };
  return perSecond(calls, () => Promise.all(Array.from({ length: 1_000 }, lane)));
}

/** Paused, so that no worker takes part; with an option, so that each call is a job of its own. */
async function enqueue(pool: Pool): Promise<number> {
  const items = ITEMS.slice(0, 10_000);
  const connection = new Redis(process.env["MANYHANDS_REDIS_URL"] ?? "", { maxRetriesPerRequest: null });
  const queue = new BullQueue(pool.name, { connection, prefix: "{bench}" });
  await pool.apply(noop, [1]);
  await queue.pause();
  const begin = performance.now();
  for (const x of items) pool.applyAsync(noop, [x], { tags: ["bulk"] });
  while ((await connection.llen(`{bench}:${pool.name}:wait`)) < items.length) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const rate = items.length / ((performance.now() - begin) / 1_000);
  await pool.terminate();
  await queue.close();
  connection.disconnect();
  return rate;
}

/** In a namespace that no host serves; until Redis has all jobs. A new context knows no duration of the task. */
async function withoutHost(url: string): Promise<number> {
  const namespace = "bench-no-host";
  await using mp = await connect({ redis: url, namespace });
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const pool = mp.pool(2);
  try {
    return await perSecond(ITEMS.length, async () => {
      for (const x of ITEMS) pool.applyAsync(noop, [x]);
      while ((await connection.llen(`{${namespace}}:${pool.name}:wait`)) < ITEMS.length) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
  } finally {
    await pool.terminate();
    connection.disconnect();
  }
}

async function firstResult(make: () => Pool): Promise<number> {
  const begin = performance.now();
  const pool = make();
  await pool.apply(noop, [1]);
  const took = performance.now() - begin;
  await pool.terminate();
  return took;
}

async function computing(
  pool: Pool,
  line: (...parameters: Parameters<typeof compare>) => Promise<void>,
): Promise<void> {
  const numbers = Array.from({ length: 1_500 }, () => 25);
  const single = new URL("./piscina-worker.mjs", import.meta.url).href;
  const piscina = new Piscina({ filename: single, minThreads: 2, maxThreads: 2, concurrentTasksPerWorker: 1 });
  const tinypool = new Tinypool({ filename: single, minThreads: 2, maxThreads: 2 });
  const workers = workerpool.pool(new URL("./fib-worker.mjs", import.meta.url).pathname, {
    maxWorkers: 2,
    minWorkers: 2,
  });
  const rate = (work: () => PromiseLike<unknown>) => () => perSecond(numbers.length, work);
  await line(
    "map of 1 500 x fib(25), 2 children",
    [
      { name: "manyhands", run: rate(() => pool.map(fibonacci, numbers)) },
      { name: "piscina", run: rate(() => Promise.all(numbers.map((n) => piscina.run(n)))) },
      { name: "tinypool", run: rate(() => Promise.all(numbers.map((n) => tinypool.run(n)))) },
      { name: "workerpool", run: rate(() => Promise.all(numbers.map((n) => workers.exec("fib", [n])))) },
    ],
    {
      unit: "items/s",
      better: "higher",
      rounds: ROUNDS,
      bars: ["piscina", "tinypool", "workerpool"].map((against) => ({ against, bar: 1 })),
    },
  );
  await Promise.all([piscina.destroy(), tinypool.destroy(), workers.terminate()]);
}

/** What one would write with BullMQ alone: add + waitUntilFinished. */
async function rawBullMQ(url: string): Promise<{
  sequential(share: number): Promise<number>;
  inFlight(): Promise<number>;
  perItem(): Promise<number>;
  chunked(): Promise<number>;
  enqueue(items: number[]): Promise<number>;
  close(): Promise<void>;
}> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const options = { connection, defaultJobOptions: { removeOnComplete: { count: 1_000 } } };
  const single = new BullQueue("raw-single", options);
  const chunks = new BullQueue("raw-chunks", options);
  const idle = new BullQueue("raw-idle", options);
  const events = new QueueEvents("raw-single", { connection, lastEventId: "0-0" });
  const chunkEvents = new QueueEvents("raw-chunks", { connection, lastEventId: "0-0" });
  for (const one of [events, chunkEvents]) one.setMaxListeners(0);
  await Promise.all([events.waitUntilReady(), chunkEvents.waitUntilReady()]);
  const call = async (x: number): Promise<unknown> => (await single.add("noop", { x })).waitUntilFinished(events);
  const collect = (jobs: Job[], from: QueueEvents): Promise<unknown[]> =>
    Promise.all(jobs.map((job) => job.waitUntilFinished(from)));
  return {
    sequential: async (share) => {
      const times: number[] = [];
      for (let index = 0; index < 1_000; index += 1) {
        const begin = performance.now();
        await call(index);
        times.push(performance.now() - begin);
      }
      return quantile(
        times.sort((left, right) => left - right),
        share,
      );
    },
    inFlight: () => inFlight(10_000, call),
    perItem: () => {
      const items = ITEMS.slice(0, 20_000);
      return perSecond(items.length, async () => {
        const waits: Promise<unknown>[] = [];
        for (let from = 0; from < items.length; from += 1_000) {
          const jobs = await single.addBulk(
            items.slice(from, from + 1_000).map((x) => ({ name: "noop", data: { x } })),
          );
          waits.push(collect(jobs, events));
        }
        await Promise.all(waits);
      });
    },
    chunked: () =>
      perSecond(ITEMS.length, async () => {
        const size = 12_500;
        const parts = Array.from({ length: ITEMS.length / size }, (_, index) =>
          ITEMS.slice(index * size, (index + 1) * size),
        );
        const jobs = await chunks.addBulk(parts.map((items) => ({ name: "chunk", data: { items } })));
        (await collect(jobs, chunkEvents)).flat();
      }),
    enqueue: async (items) => {
      const jobs = items.map((x) => ({ name: "noop", data: { x } }));
      const rate = await perSecond(jobs.length, async () => {
        for (let from = 0; from < jobs.length; from += 1_000) await idle.addBulk(jobs.slice(from, from + 1_000));
      });
      await idle.obliterate({ force: true });
      return rate;
    },
    close: async () => {
      await Promise.all([events.close(), chunkEvents.close(), single.close(), chunks.close(), idle.close()]);
      connection.disconnect();
    },
  };
}
