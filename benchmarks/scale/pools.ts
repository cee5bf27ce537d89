import { setTimeout as sleep } from "node:timers/promises";
import { type Context, connect, type Pool } from "@manyhands/core";
import { judge, type Line, quantile, sample } from "../measure.ts";
import { oneByOne } from "../pool/calls.ts";
import { commandNames } from "../sync/commands.ts";
import { type Fleet, type IdleCost, idleCost, startFleet } from "./fleet.ts";
import { type Study, type StudySettings, seriesOf } from "./study.ts";
import { inline, noop } from "./tasks.ts";

const HOSTS = 3;
/**
 * Until what the last call left behind has settled, ms: a host gives memory back, once, when nothing has run for 15 s, and
 * that is no cost of pools that are idle for longer.
 */
const SETTLING = 25_000;
/** A few searches of every kind fall into it, ms. */
const LOOKED_AT = 20_000;
/** Calls of one turn. A new child takes a hundred times as long as a call. */
const CALLS = { inline: 300, process: 60 };
const FIRST_CALLS_AT_ONCE = 8;
const MEGABYTE = 1e6;

/** Of a task that runs in the host, and of one that runs in a child of its pool. */
type Isolation = keyof typeof CALLS;
const ISOLATIONS: readonly Isolation[] = ["inline", "process"];

interface PoolFigures {
  idle: IdleCost;
  calls: Record<Isolation, { one: Times[]; spread: Times[] }>;
}

interface Times {
  median: number;
  late: number;
}

/**
 * Pools that were each used once: what they cost while they rest, and what a call in any of them takes. The first call of
 * each is of a task without a child, because a thousand children are another measurement.
 */
export async function poolStudy({ sizes, rounds, short }: StudySettings): Promise<Study> {
  const measured: PoolFigures[] = [];
  for (const pools of sizes) {
    await using fleet = await startFleet(HOSTS);
    const figures = await measurePools(fleet, { pools, rounds, short });
    measured.push(figures);
    console.error(`  ${pools} pools: ${figures.idle.commandsPerSecond.toFixed(0)} commands/s while idle`);
  }
  const medianOf = (times: readonly Times[], which: keyof Times): number =>
    quantile(
      times.map((one) => one[which]).sort((left, right) => left - right),
      0.5,
    );
  const applyOf = (isolation: Isolation): Record<string, (figures: PoolFigures) => number> => ({
    [`apply, ${isolation}, one pool: p50, ms`]: ({ calls }) => medianOf(calls[isolation].one, "median"),
    [`apply, ${isolation}, one pool: p99, ms`]: ({ calls }) => medianOf(calls[isolation].one, "late"),
    [`apply, ${isolation}, spread: p50, ms`]: ({ calls }) => medianOf(calls[isolation].spread, "median"),
    [`apply, ${isolation}, spread: p99, ms`]: ({ calls }) => medianOf(calls[isolation].spread, "late"),
  });
  const apply = applyOf("inline");
  const idle = {
    "commands/s of the fleet by Redis' counter": ({ idle }: PoolFigures) => idle.commandsPerSecond,
    "commands/s that the fleet sends": ({ idle }: PoolFigures) => idle.sentPerSecond,
  };
  const memory = {
    "memory of a host, MB": ({ idle }: PoolFigures) => idle.memory / MEGABYTE,
    "memory of a host and its children, MB": ({ idle }: PoolFigures) => idle.familyMemory / MEGABYTE,
  };
  const series = seriesOf(measured, {
    ...idle,
    "connections of a host": ({ idle }) => idle.connections,
    "processor of a host, % of a core": ({ idle }) => idle.cpu * 100,
    "processor of Redis, % of a core": ({ idle }) => idle.redisCpu * 100,
    ...memory,
    ...apply,
    ...applyOf("process"),
  });
  return {
    name: "pools",
    title: `Pools, each used once, ${HOSTS} hosts of 2 slots`,
    grows: "pools",
    sizes,
    series,
    plots: [
      { name: "idle", title: "Idle pools", unit: "commands/s", shows: Object.keys(idle), isLogarithmic: false },
      { name: "memory", title: "Idle pools", unit: "MB", shows: Object.keys(memory), isLogarithmic: false },
      { name: "apply", title: "A lone apply", unit: "ms", shows: Object.keys(apply), isLogarithmic: true },
    ],
    lines: measured.flatMap((figures, index) => linesOf(sizes[index] ?? 0, figures, measured[sizes.indexOf(1)])),
    notes: measured.flatMap(({ idle }, index) => [
      `${sizes[index]} idle pools, commands per second: ${commandNames(idle.all, idle.seconds, 12)}`,
      `${sizes[index]} idle pools, of which are sent: ${commandNames(idle.sent, idle.seconds / 2)}`,
    ]),
  };
}

async function measurePools(
  fleet: Fleet,
  { pools: count, rounds, short }: { pools: number; rounds: number; short: boolean },
): Promise<PoolFigures> {
  const { url, namespace } = fleet;
  const names = Array.from({ length: count }, (_, index) => `pool-of-${index}`);
  const open = (mp: Context): Pool[] => names.map((name) => mp.pool(2, { name }));
  {
    await using mp = await connect({ redis: url, namespace });
    const left = open(mp);
    const lane = async (): Promise<void> => {
      for (let pool = left.pop(); pool; pool = left.pop()) await pool.apply(inline, [1]);
    };
    await Promise.all(Array.from({ length: FIRST_CALLS_AT_ONCE }, lane));
  }
  await sleep(short ? SETTLING / 3 : SETTLING);
  const idle = await idleCost(fleet, short ? LOOKED_AT / 2 : LOOKED_AT);
  await using mp = await connect({ redis: url, namespace });
  const pools = open(mp);
  const measured = async (isolation: Isolation): Promise<{ one: Times[]; spread: Times[] }> => {
    const task = isolation === "inline" ? inline : noop;
    const times = async (among: readonly Pool[]): Promise<Times> => {
      const each = await oneByOne(CALLS[isolation], (call) => among[call % among.length]?.apply(task, [call]) ?? NEVER);
      return { median: quantile(each, 0.5), late: quantile(each, 0.99) };
    };
    await times(pools.slice(0, 1));
    const [one, spread] = await sample(
      [
        { name: "one", run: () => times(pools.slice(0, 1)) },
        { name: "spread", run: () => times(pools) },
      ],
      rounds,
    );
    return { one: one?.figures ?? [], spread: spread?.figures ?? [] };
  };
  return { idle, calls: { inline: await measured("inline"), process: await measured("process") } };
}

const NEVER = Promise.reject(new Error("there is no pool"));
NEVER.catch(() => {});

/** What the pools of this number are held to. */
function linesOf(pools: number, figures: PoolFigures, withOne: PoolFigures | undefined): Line[] {
  const { idle, calls } = figures;
  const own = (what: string, figure: number, options: { unit: string; limit: number }): Line =>
    judge(`${pools} idle pools, ${HOSTS} hosts of 2 slots: ${what}`, [{ name: "manyhands", figures: [figure] }], {
      better: "lower",
      bars: [],
      ...options,
    });
  const against = (isolation: Isolation, which: keyof Times, bar: number): Line =>
    judge(
      `apply, ${isolation}, one after another over ${pools} pools: ${which === "median" ? "p50" : "p99"}`,
      [
        { name: `spread over ${pools} pools`, figures: calls[isolation].spread.map((times) => times[which]) },
        { name: "one pool", figures: calls[isolation].one.map((times) => times[which]) },
      ],
      { unit: "ms", better: "lower", bars: [{ against: "one pool", bar }] },
    );
  const lines: Line[] = [];
  if (pools >= 1_000) {
    lines.push(
      own("commands of the fleet by Redis' counter", idle.commandsPerSecond, { unit: "commands/s", limit: 30 }),
      own("processor of each host", idle.cpu * 100, { unit: "% of a core", limit: 2 }),
      own("connections of each host", idle.connections, { unit: "connections", limit: 8 }),
    );
    if (withOne) {
      const more = (idle.memory - withOne.idle.memory) / MEGABYTE;
      lines.push(own("memory of a host above that with one pool", more, { unit: "MB", limit: 25 }));
    }
  }
  if (pools >= 300) {
    for (const isolation of ISOLATIONS) lines.push(against(isolation, "median", 1.3), against(isolation, "late", 2));
  }
  return lines;
}
