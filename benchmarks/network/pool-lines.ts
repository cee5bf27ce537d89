import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Pool } from "@manyhands/core";
import { startHost } from "../host.ts";
import { compare, judge, type Line, quantile, sample } from "../measure.ts";
import { inFlight, oneByOne, perSecond } from "../pool/calls.ts";
import { type RawBullMQ, rawBullMQ } from "../pool/raw-bullmq.ts";
import { noop, noopInline } from "../pool/tasks.ts";
import { at, fitting, type Network } from "./network.ts";

const TASKS = new URL("../pool/tasks.ts", import.meta.url);
/** From this delay on the bounds in round trips are judged, ms: below it the processors are a good part of a call. */
const JUDGED_FROM = 2.5;
const ROUND_TRIPS = "round trips of a PING";

/** Lone calls, calls in flight and maps, against BullMQ with as many slots at the same distance. */
export async function poolLines(network: Network): Promise<Line[]> {
  const rows = [loneApply, flight, maps].filter((row) => network.wanted(row.title));
  if (rows.length === 0) return [];
  const { url } = network.distance;
  const environment = { ...process.env, MANYHANDS_REDIS_URL: url, MANYHANDS_NAMESPACE: "bench" };
  const worker = fork(new URL("../pool/raw-worker.ts", import.meta.url), { env: environment });
  await once(worker, "message");
  const host = await startHost(environment, TASKS);
  const mp = await connect({ redis: url, namespace: "bench" });
  const raw = await rawBullMQ(url);
  const pool = mp.pool(2);
  try {
    await warmUp(pool, raw);
    const lines: Line[] = [];
    for (const row of rows) lines.push(...(await row.measure(network, pool, raw)));
    return lines;
  } finally {
    await mp.close();
    await raw.close();
    worker.kill("SIGTERM");
    host.kill("SIGTERM");
  }
}

interface Row {
  /** Words by which it is asked for. */
  title: string;
  measure(network: Network, pool: Pool, raw: RawBullMQ): Promise<Line[]>;
}

async function warmUp(pool: Pool, raw: RawBullMQ): Promise<void> {
  await oneByOne(50, (x) => pool.apply(noop, [x]));
  await oneByOne(10, (x) => pool.apply(noopInline, [x]));
  await oneByOne(50, raw.call);
  const calls = { calls: 2_000, atOnce: 500 };
  await inFlight(calls, (x) => pool.applyAsync(noop, [x]));
  await inFlight(calls, raw.call);
}

const loneApply: Row = {
  title: "apply, one after another",
  async measure(network, pool, raw) {
    const calls = fitting(network, 3);
    const measured = (name: string, call: (x: number) => PromiseLike<unknown>) => ({
      name,
      run: async () => {
        const times = await oneByOne(calls, call);
        return { median: quantile(times, 0.5), late: quantile(times, 0.99) };
      },
    });
    const samples = await sample(
      [
        measured("manyhands", (x) => pool.apply(noop, [x])),
        measured("manyhands inline", (x) => pool.apply(noopInline, [x])),
        measured("raw BullMQ", raw.call),
        {
          name: ROUND_TRIPS,
          run: async () => ({ median: await network.distance.ping(50), late: Number.NaN }),
        },
      ],
      network.rounds,
    );
    const isJudged = network.delay >= JUDGED_FROM;
    return [
      judge(
        at(network, "apply, one after another: p50"),
        samples.map(({ name, figures }) => ({ name, figures: figures.map(({ median }) => median) })),
        {
          unit: "ms",
          better: "lower",
          bars: isJudged
            ? [
                { against: "raw BullMQ", bar: 0.73 },
                { against: ROUND_TRIPS, bar: 2.4 },
              ]
            : [],
        },
      ),
      judge(
        at(network, "apply, one after another: p99"),
        samples.slice(0, -1).map(({ name, figures }) => ({ name, figures: figures.map(({ late }) => late) })),
        { unit: "ms", better: "lower", bars: [] },
      ),
    ];
  },
};

const flight: Row = {
  title: "applyAsync, 1 000 in flight",
  async measure(network, pool, raw) {
    const calls = { calls: Math.min(10_000, network.budget * 5), atOnce: 1_000 };
    return [
      await compare(
        at(network, `applyAsync, ${calls.calls} calls, 1 000 in flight`),
        [
          { name: "manyhands", run: () => inFlight(calls, (x) => pool.applyAsync(noop, [x])) },
          { name: "raw BullMQ", run: () => inFlight(calls, raw.call) },
        ],
        { unit: "calls/s", better: "higher", rounds: network.rounds, bars: [{ against: "raw BullMQ", bar: 8 }] },
      ),
    ];
  },
};

const maps: Row = {
  title: "map of 100 000",
  async measure(network, pool, raw) {
    const items = Array.from({ length: 100_000 }, (_, index) => index);
    const each = items.slice(0, network.budget * 20);
    const { rounds } = network;
    return [
      await compare(
        at(network, `map of ${each.length}, chunk size 1`),
        [
          { name: "manyhands", run: () => perSecond(each.length, () => pool.map(noop, each, { chunkSize: 1 })) },
          { name: "raw BullMQ, a job per item", run: () => raw.perItem(each.slice(0, network.budget * 5)) },
        ],
        {
          unit: "items/s",
          better: "higher",
          rounds,
          bars: [{ against: "raw BullMQ, a job per item", bar: 10 }],
        },
      ),
      await compare(
        at(network, "map of 100 000, default chunks"),
        [
          { name: "manyhands", run: () => perSecond(items.length, () => pool.map(noop, items)) },
          { name: "manyhands inline", run: () => perSecond(items.length, () => pool.map(noopInline, items)) },
          { name: "raw BullMQ, chunked by hand", run: () => raw.chunked(items) },
        ],
        {
          unit: "items/s",
          better: "higher",
          rounds: rounds * 2,
          bars: [{ against: "raw BullMQ, chunked by hand", bar: 1.5 }],
        },
      ),
    ];
  },
};
