import { type Context, connect } from "@manyhands/core";
import { startRedisServer } from "@manyhands/core/redis-server";
import { startHost } from "../host.ts";
import { type Bar, type Contender, compare, conclude, type Line } from "../measure.ts";
import { BARE_ECHO, type BareEcho, startBareEcho } from "../network/bare-echo.ts";
import { type DictWork, dictRate } from "./dict.ts";
import { type Participants, startParticipants } from "./participants.ts";
import { roundTrips } from "./pipe.ts";
import { startPythonChannels } from "./python.ts";
import { poolToFirstResult, startToRunning } from "./starts.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const ONLY = process.env["BENCH_ONLY"];
const KIBIBYTE = 1_024;

interface Comparison {
  what: string;
  unit: string;
  better: "higher" | "lower";
  ours: () => Promise<number>;
  /** Another peer, over the same Redis. */
  bare?: Contender;
  /** What Python is asked for, by the name of its way. */
  python: Record<string, (string | number)[]>;
  bars?: Bar[];
}

/** Queues, pipes, shared dicts and the start of processes against Python's own, all in one run over one Redis. */
export async function channelsBenchmark(): Promise<void> {
  await using server = await startRedisServer({ appendOnly: false });
  const environment = { ...process.env, MANYHANDS_REDIS_URL: server.url, MANYHANDS_NAMESPACE: "bench" };
  const host = await startHost(environment, new URL("./tasks.ts", import.meta.url));
  const participants = await startParticipants(8, server.url);
  const echo = await startBareEcho(server.url);
  const python = startPythonChannels();
  if (!python) console.error("\n  without Python's channels: there is no python3 here");
  const mp = await connect({ redis: server.url, namespace: "bench" });
  const lines: Line[] = [];
  try {
    for (const { what, ours, bare, python: ways, bars = [], ...judged } of comparisons(mp, participants, echo)) {
      if (ONLY && !what.includes(ONLY)) continue;
      const theirs: Contender[] = python
        ? Object.entries(ways).map(([name, words]) => ({ name, run: () => python.ask(...words) }))
        : [];
      lines.push(
        await compare(what, [{ name: "manyhands", run: ours }, ...(bare ? [bare] : []), ...theirs], {
          ...judged,
          rounds: ROUNDS,
          bars,
        }),
      );
    }
  } finally {
    await mp.close();
    participants.stop();
    echo.stop();
    python?.stop();
    host.kill("SIGTERM");
  }
  conclude(lines);
}

function comparisons(mp: Context, participants: Participants, echo: BareEcho): Comparison[] {
  const pass = (
    what: string,
    options: { producers: number; count: number; size: number },
    bar?: number,
  ): Comparison => ({
    what: `queue, ${what}`,
    unit: "items/s",
    better: "higher",
    ours: () => participants.pass(options),
    python: { "Python Queue": ["pass", options.producers, options.count, options.size] },
    ...(bar === undefined ? {} : { bars: [{ against: "Python Queue", bar }] }),
  });
  const dict = (what: string, options: { work: DictWork; count: number }, theirs: string): Comparison => ({
    what: `dict, ${what}`,
    unit: options.work === "update" || options.work === "items" ? "entries/s" : "operations/s",
    better: "higher",
    ours: () => dictRate(mp, options),
    python: { "Python Manager().dict": ["dict", theirs, options.count] },
  });
  return [
    pass("one to one, small items", { producers: 1, count: 200_000, size: 0 }, 1),
    pass("one to one, items of 1 KiB", { producers: 1, count: 100_000, size: KIBIBYTE }, 0.8),
    pass("four to four, small items", { producers: 4, count: 200_000, size: 0 }),
    pass("four to four, items of 1 KiB", { producers: 4, count: 100_000, size: KIBIBYTE }),
    {
      what: "pipe, round trips between two processes, one after another",
      unit: "round trips/s",
      better: "higher",
      ours: () => roundTrips(mp, participants, 2_000),
      bare: { name: BARE_ECHO, run: () => echo.rate(2_000) },
      python: { "Python Pipe": ["echo", 20_000] },
      bars: [{ against: BARE_ECHO, bar: 0.7 }],
    },
    dict("set, one after another", { work: "set", count: 3_000 }, "set"),
    dict("get, one after another", { work: "get", count: 3_000 }, "get"),
    {
      ...dict("set, 100 in flight", { work: "set, 100 in flight", count: 40_000 }, "two"),
      python: { "Python Manager().dict, two processes": ["dict", "two", 40_000] },
      bars: [{ against: "Python Manager().dict, two processes", bar: 1.2 }],
    },
    dict("update with 20 000 entries", { work: "update", count: 20_000 }, "update"),
    dict("items() of 20 000 entries", { work: "items", count: 20_000 }, "items"),
    {
      what: "process, start to running, p50",
      unit: "ms",
      better: "lower",
      ours: () => startToRunning(mp, 15),
      python: { "Python spawn": ["start", "spawn", 15], "Python fork": ["start", "fork", 15] },
      bars: [{ against: "Python spawn", bar: 0.5 }],
    },
    {
      what: "pool of 2, start to first result",
      unit: "ms",
      better: "lower",
      ours: () => poolToFirstResult(mp, 2),
      python: { "Python spawn": ["pool", "spawn", 2] },
      bars: [{ against: "Python spawn", bar: 0.5 }],
    },
  ];
}
