import { connect } from "@manyhands/core";
import { quantile, sample } from "../measure.ts";
import { inFlight, oneByOne } from "../pool/calls.ts";
import { type IdleCost, idleCost, startFleet } from "./fleet.ts";
import { type Study, type StudySettings, seriesOf } from "./study.ts";
import { noop, pause } from "./tasks.ts";

const SLOTS = 2;
/** A task that waits, ms: what many slots are for. */
const PAUSE = 10;
const LOOKED_AT = 10_000;

interface HostFigures {
  idle: IdleCost;
  lone: number;
  flight: number;
  pauses: number;
}

/** Hosts of two slots that serve one pool with as many. */
export async function hostStudy({ sizes, rounds, short }: StudySettings): Promise<Study> {
  const measured: HostFigures[] = [];
  for (const hosts of sizes) measured.push(await measureHosts(hosts, { rounds, short }));
  const rates = {
    "applyAsync, 1 000 in flight, calls/s": ({ flight }: HostFigures) => flight,
    [`tasks that wait ${PAUSE} ms, calls/s`]: ({ pauses }: HostFigures) => pauses,
    [`what the slots allow of those, calls/s`]: (figures: HostFigures) =>
      ((sizes[measured.indexOf(figures)] ?? 0) * SLOTS * 1_000) / PAUSE,
  };
  return {
    name: "hosts",
    title: `Hosts of ${SLOTS} slots, one pool`,
    grows: "hosts",
    sizes,
    series: seriesOf(measured, {
      ...rates,
      "apply, one after another: p50, ms": ({ lone }) => lone,
      "idle: commands/s of the fleet by Redis' counter": ({ idle }) => idle.commandsPerSecond,
      "idle: connections of a host": ({ idle }) => idle.connections,
      "idle: processor of a host, % of a core": ({ idle }) => idle.cpu * 100,
    }),
    plots: [
      { name: "rate", title: "Calls of one pool", unit: "calls/s", shows: Object.keys(rates), isLogarithmic: true },
    ],
    lines: [],
    notes: [],
  };
}

async function measureHosts(hosts: number, options: { rounds: number; short: boolean }): Promise<HostFigures> {
  const { rounds, short } = options;
  await using fleet = await startFleet(hosts);
  await using mp = await connect({ redis: fleet.url, namespace: fleet.namespace });
  const pool = mp.pool(hosts * SLOTS);
  const calls = { calls: short ? 4_000 : 20_000, atOnce: 1_000 };
  const pauses = { calls: (hosts * SLOTS * (short ? 500 : 2_000)) / PAUSE, atOnce: hosts * SLOTS * 4 };
  await inFlight(calls, (x) => pool.applyAsync(noop, [x]));
  await inFlight(pauses, (x) => pool.applyAsync(pause, [x, PAUSE]));
  const samples = await sample(
    [
      { name: "lone", run: async () => quantile(await oneByOne(200, (x) => pool.apply(noop, [x])), 0.5) },
      { name: "flight", run: () => inFlight(calls, (x) => pool.applyAsync(noop, [x])) },
      { name: "pauses", run: () => inFlight(pauses, (x) => pool.applyAsync(pause, [x, PAUSE])) },
    ],
    rounds,
  );
  const [lone, flight, rate] = samples.map(({ figures }) =>
    quantile(
      figures.sort((left, right) => left - right),
      0.5,
    ),
  );
  const idle = await idleCost(fleet, short ? LOOKED_AT / 2 : LOOKED_AT);
  return { idle, lone: lone ?? Number.NaN, flight: flight ?? Number.NaN, pauses: rate ?? Number.NaN };
}
