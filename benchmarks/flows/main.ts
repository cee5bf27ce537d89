import { startRedisServer } from "@manyhands/core/redis-server";
import { Redis } from "ioredis";
import { machine } from "../machine.ts";
import { compare, conclude, judge, type Line } from "../measure.ts";
import { readSettings } from "../settings.ts";
import { bullmqFlows } from "./bullmq.ts";
import { celeryFlows } from "./celery.ts";
import { type Contender, type Run, timed } from "./contender.ts";
import { manyhandsFlows } from "./ours.ts";

const SLOTS = 50;
const PARTS = 10_000;
const STEPS = 1_000;
/** No script of ours may block Redis for longer, µs. */
const LONGEST = 5_000;
/** Celery needs a minute for a group of 10 000: it runs once, after something small. */
const SMALL = 20;

/**
 * `pnpm bench flows`: a group of 10 000 parts with its sum, and a chain of 1 000 steps, against BullMQ's flows in the same run.
 * The programs that submit, the host with 50 slots and BullMQ's worker are one process; tasks run in it. Celery, where it is
 * installed, has a worker with 50 threads, and its own program that submits; it runs once. Two to four minutes.
 */
export async function flowsBenchmark(): Promise<void> {
  const { rounds, short } = readSettings([], 5);
  await using server = await startRedisServer({ appendOnly: false });
  const client = new Redis(server.url, { maxRetriesPerRequest: null });
  await client.config("SET", "slowlog-log-slower-than", "500", "slowlog-max-len", "4096");
  const celery = celeryFlows(server.url, SLOTS);
  if (!celery)
    console.error("Celery is LEFT OUT: there is no python3 with the package celery (Debian: python3-celery)");
  console.error(await machine(server.url));
  const both = [await manyhandsFlows(client, server.url, SLOTS), await bullmqFlows(client, SLOTS)];
  const contenders = [...both, ...(celery ? [celery] : [])];
  const lines: Line[] = [];
  try {
    const parts = short ? PARTS / 10 : PARTS;
    const steps = short ? STEPS / 10 : STEPS;
    const group = (one: Contender, count: number): Promise<Run> =>
      timed(client, () => one.group(count), (count * (count + 1)) / 2);
    const chain = (one: Contender, count: number): Promise<Run> => timed(client, () => one.chain(count), count);
    const groups = await runs(both, rounds, (one) => group(one, parts));
    const chains = await runs(both, rounds, (one) => chain(one, steps));
    if (celery) {
      await group(celery, SMALL);
      groups.push({ name: celery.name, runs: [await group(celery, parts)] });
      await chain(celery, SMALL);
      chains.push({ name: celery.name, runs: [await chain(celery, steps)] });
    }
    const against = "BullMQ flow";
    lines.push(
      figures(`a group of ${parts} and its sum, submission to end`, groups, { figure: ({ ended }) => ended, bar: 0.5 }),
      figures(`a group of ${parts}, until Redis has it`, groups, { figure: ({ submitted }) => submitted }),
      figures(`a chain of ${steps}, per step`, chains, { figure: ({ ended }) => ended / steps, bar: 1 }),
      judge(
        `longest script of a group of ${parts}`,
        samplesOf(groups, ({ longest }) => longest),
        { ...{ unit: "µs", better: "lower", bars: [{ against, bar: 0.1 }] } },
      ),
      // A script that is long is so in every round. In the others Redis was kept from a processor while one ran.
      judge(
        `longest script of a group of ${parts}, in the round in which it was shortest`,
        samplesOf(groups, ({ longest }) => longest).map(({ name, figures }) => ({
          name,
          figures: [Math.min(...figures)],
        })),
        { ...{ unit: "µs", better: "lower", bars: [{ against, bar: 0.1 }], limit: LONGEST } },
      ),
    );
    for (const one of contenders) await one.pause();
    lines.push(
      await compare(
        `bytes of Redis for each waiting part of a group of ${parts}`,
        both.map((one) => ({ name: one.name, run: () => bytesOf(client, () => one.group(parts), parts) })),
        { unit: "bytes", better: "lower", rounds: 1, bars: [{ against, bar: 0.5 }] },
      ),
    );
  } finally {
    for (const one of contenders) await one.close();
    client.disconnect();
  }
  conclude(lines);
}

interface Runs {
  name: string;
  runs: Run[];
}

async function runs(
  contenders: readonly Contender[],
  rounds: number,
  run: (one: Contender) => Promise<Run>,
): Promise<Runs[]> {
  const all = contenders.map(({ name }) => ({ name, runs: [] as Run[] }));
  // The first round of each is warm-up.
  for (let round = -1; round < rounds; round += 1) {
    const places = [...contenders.keys()];
    for (const place of round % 2 === 0 ? places : places.reverse()) {
      const figures = await run(contenders[place] as Contender);
      if (round >= 0) all[place]?.runs.push(figures);
    }
  }
  return all;
}

function samplesOf(all: readonly Runs[], figure: (run: Run) => number): { name: string; figures: number[] }[] {
  return all.map(({ name, runs: own }) => ({ name, figures: own.map(figure) }));
}

function figures(
  what: string,
  all: readonly Runs[],
  { figure, bar }: { figure: (run: Run) => number; bar?: number },
): Line {
  const bars = bar === undefined ? [] : [{ against: "BullMQ flow", bar }];
  return judge(what, samplesOf(all, figure), { unit: "ms", better: "lower", bars });
}

async function bytesOf(
  client: Redis,
  start: () => Promise<{ result: Promise<unknown> }>,
  parts: number,
): Promise<number> {
  const before = await memory(client);
  const { result } = await start();
  result.catch(() => {});
  return ((await memory(client)) - before) / parts;
}

async function memory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
}
