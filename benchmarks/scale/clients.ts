import { connect } from "@manyhands/core";
import { judge, type Line } from "../measure.ts";
import { commandsOf, type Fleet, startFleet } from "./fleet.ts";
import { type Programs, startPrograms } from "./programs.ts";
import { type Study, type StudySettings, seriesOf } from "./study.ts";

const HOSTS = 2;
/** Calls in flight of all programs together. */
const IN_FLIGHT = 200;
/** A task that waits, ms. */
const PAUSE = 5;
/** Milliseconds from the request to the common start, so that it reaches every program before. */
const HEAD_START = 500;

interface Rate {
  perSecond: number;
  /** Of Redis, by its own counter. */
  commandsPerCall: number;
}

interface ClientFigures {
  programs: number;
  noop: Rate[];
  pause: Rate[];
}

/** Programs with an unnamed pool each, and as many calls in flight in all, against one program. */
export async function clientStudy({ sizes, rounds, short }: StudySettings): Promise<Study> {
  const measured: ClientFigures[] = [];
  await using fleet = await startFleet(HOSTS);
  // Pools that are not the ones measured make no difference; a first context makes what the namespace needs.
  await (await connect({ redis: fleet.url, namespace: fleet.namespace })).close();
  const counts = { noop: short ? 2_000 : 10_000, pause: short ? 800 : 2_400 };
  for (const programs of sizes) {
    const figures = await measurePrograms(fleet, { programs, rounds, counts });
    measured.push(figures);
    const [empty, waiting] = [figures.noop, figures.pause].map((rates) => median(rates, "perSecond").toFixed(0));
    console.error(`  ${programs} programs: ${empty} calls/s of an empty task, ${waiting} of one that waits`);
  }
  const rates = {
    "calls of an empty task, calls/s": ({ noop }: ClientFigures) => median(noop, "perSecond"),
    [`calls of a task that waits ${PAUSE} ms, calls/s`]: ({ pause }: ClientFigures) => median(pause, "perSecond"),
  };
  return {
    name: "clients",
    title: `Client programs, an unnamed pool each, ${IN_FLIGHT} calls in flight in all, ${HOSTS} hosts of 2 slots`,
    grows: "client programs",
    sizes,
    series: seriesOf(measured, {
      ...rates,
      "commands of Redis per call of an empty task": ({ noop }) => median(noop, "commandsPerCall"),
      "commands of Redis per call of a task that waits": ({ pause }) => median(pause, "commandsPerCall"),
    }),
    plots: [
      { name: "rate", title: "Calls of all programs", unit: "calls/s", shows: Object.keys(rates), isLogarithmic: true },
    ],
    lines: linesOf(measured),
    notes: [],
  };
}

function median(rates: readonly Rate[], which: keyof Rate): number {
  return (
    rates.map((rate) => rate[which]).sort((left, right) => left - right)[Math.floor(rates.length / 2)] ?? Number.NaN
  );
}

interface ClientOptions {
  programs: number;
  rounds: number;
  counts: { noop: number; pause: number };
}

async function measurePrograms(
  fleet: Fleet,
  { programs: count, rounds, counts }: ClientOptions,
): Promise<ClientFigures> {
  const { url, namespace } = fleet;
  const programs = await startPrograms(count, url, { do: "open", url, namespace, size: HOSTS * 2, isServed: true });
  const figures: ClientFigures = { programs: count, noop: [], pause: [] };
  try {
    await runAll(programs, fleet, { programs: count, calls: counts.noop, wait: 0 });
    for (let round = 0; round < rounds; round += 1) {
      figures.noop.push(await runAll(programs, fleet, { programs: count, calls: counts.noop, wait: 0 }));
      figures.pause.push(await runAll(programs, fleet, { programs: count, calls: counts.pause, wait: PAUSE }));
    }
    await programs.askAll({ do: "close" });
  } finally {
    await programs.stop();
  }
  return figures;
}

async function runAll(
  programs: Programs,
  { redis }: Fleet,
  options: { programs: number; calls: number; wait: number },
): Promise<Rate> {
  const before = await commandsOf(redis);
  const startAt = Number(process.hrtime.bigint()) / 1e6 + HEAD_START;
  const calls = Math.ceil(options.calls / options.programs);
  const atOnce = Math.ceil(IN_FLIGHT / options.programs);
  const ends = await programs.askAll({ do: "run", startAt, calls, atOnce, wait: options.wait });
  const total = calls * options.programs;
  const seconds = (Math.max(...(ends as number[])) - startAt) / 1_000;
  return { perSecond: total / seconds, commandsPerCall: ((await commandsOf(redis)) - before) / total };
}

function linesOf(measured: readonly ClientFigures[]): Line[] {
  const [one] = measured;
  const many = measured.at(-1);
  if (one?.programs !== 1 || many === undefined || many.programs < 100) return [];
  const name = `${many.programs} programs`;
  return (["noop", "pause"] as const).map((task) =>
    judge(
      `${name} at work, each with an unnamed pool, ${task === "noop" ? "an empty task" : `a task that waits ${PAUSE} ms`}`,
      [
        { name, figures: many[task].map(({ perSecond }) => perSecond) },
        { name: "one program", figures: one[task].map(({ perSecond }) => perSecond) },
      ],
      { unit: "calls/s", better: "higher", bars: [{ against: "one program", bar: 0.8 }] },
    ),
  );
}
