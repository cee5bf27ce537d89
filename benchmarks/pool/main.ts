import { connect, type Pool } from "@manyhands/core";
import { startRedisServer } from "@manyhands/core/redis-server";
import { Queue as BullQueue } from "bullmq";
import { Redis } from "ioredis";
import { Piscina } from "piscina";
import Tinypool from "tinypool";
import workerpool from "workerpool";
import { type Contender, compare, conclude, type Line, quantile } from "../measure.ts";
import { inFlight, oneByOne, perSecond } from "./calls.ts";
import { startPeers } from "./peers.ts";
import { rawBullMQ } from "./raw-bullmq.ts";
import { fibonacci, noop, noopInline } from "./tasks.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const ONLY = process.env["BENCH_ONLY"];
const ITEMS = Array.from({ length: 100_000 }, (_, index) => index);
const FLIGHT = { calls: 10_000, atOnce: 1_000 };

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
        { name: "manyhands", run: () => lone((x) => pool.apply(noop, [x]), 0.5) },
        { name: "manyhands inline", run: () => lone((x) => pool.apply(noopInline, [x]), 0.5) },
        { name: "raw BullMQ", run: () => lone(raw.call, 0.5) },
        ...withPython("apply"),
      ],
      { unit: "ms", better: "lower", rounds: ROUNDS, bars: [{ against: "raw BullMQ", bar: 1 }] },
    );
    await line(
      "apply, one after another: p99 of a round trip",
      [
        { name: "manyhands", run: () => lone((x) => pool.apply(noop, [x]), 0.99) },
        { name: "raw BullMQ", run: () => lone(raw.call, 0.99) },
        ...withPython("apply", 1),
      ],
      { unit: "ms", better: "lower", rounds: ROUNDS, bars: [] },
    );
    await line(
      "applyAsync, 10 000 calls, 1 000 in flight",
      [
        { name: "manyhands", run: () => inFlight(FLIGHT, (x) => pool.applyAsync(noop, [x])) },
        { name: "raw BullMQ", run: () => inFlight(FLIGHT, raw.call) },
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
        { name: "raw BullMQ, a job per item", run: () => raw.perItem(ITEMS.slice(0, 20_000)) },
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
        { name: "raw BullMQ, chunked by hand", run: () => raw.chunked(ITEMS) },
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
  conclude(lines);
}

/** 1 000 calls, one after another: that share of them takes no longer, ms. */
async function lone(call: (x: number) => PromiseLike<unknown>, share: number): Promise<number> {
  return quantile(await oneByOne(1_000, call), share);
}

async function warmUp(pool: Pool): Promise<void> {
  for (let index = 0; index < 200; index += 1) await pool.apply(noop, [index]);
  await pool.map(noop, ITEMS);
  await pool.map(noop, ITEMS.slice(0, 5_000), { chunkSize: 1 });
  for (let index = 0; index < 20; index += 1) await pool.map(noopInline, ITEMS.slice(0, 100));
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
