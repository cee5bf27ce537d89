import { type Context, connect } from "@manyhands/core";
import { type DictWork, dictRate } from "../channels/dict.ts";
import { type Participants, startParticipants } from "../channels/participants.ts";
import { roundTrips } from "../channels/pipe.ts";
import { type Bar, compare, type Line } from "../measure.ts";
import { BARE_ECHO, type BareEcho, startBareEcho } from "./bare-echo.ts";
import { at, fitting, type Network } from "./network.ts";
import type { PythonNetwork } from "./python.ts";

const KIBIBYTE = 1_024;

interface Ends {
  mp: Context;
  participants: Participants;
  echo: BareEcho;
}

interface Row {
  what: string;
  unit: string;
  ours: (ends: Ends) => Promise<number>;
  /** What Python is asked for, by the name of its way. */
  python: Record<string, (string | number)[]>;
  bare?: (ends: Ends) => Promise<number>;
  bars?: Bar[];
}

/** Queues, dicts and pipes against what Python has over TCP, at the same distance. */
export async function channelLines(network: Network, python: PythonNetwork | null): Promise<Line[]> {
  const wanted = rows(network).filter(({ what }) => network.wanted(what));
  if (wanted.length === 0) return [];
  const { url } = network.distance;
  const ends: Ends = {
    participants: await startParticipants(2, url),
    echo: await startBareEcho(url),
    mp: await connect({ redis: url, namespace: "bench" }),
  };
  try {
    const lines: Line[] = [];
    for (const { what, unit, ours, python: ways, bare, bars = [] } of wanted) {
      const peers = python
        ? Object.entries(ways).map(([name, words]) => ({ name, run: () => python.ask(...words) }))
        : [];
      if (bare) peers.unshift({ name: BARE_ECHO, run: () => bare(ends) });
      const contenders = [{ name: "manyhands", run: () => ours(ends) }, ...peers];
      lines.push(
        await compare(at(network, what), contenders, { unit, better: "higher", rounds: network.rounds, bars }),
      );
    }
    return lines;
  } finally {
    await ends.mp.close();
    ends.participants.stop();
    ends.echo.stop();
  }
}

function rows(network: Network): Row[] {
  const { budget } = network;
  // Python puts one item after another, so that its turn may be shorter.
  const pass = (what: string, size: number): Row => ({
    what: `queue, one to one, ${what}`,
    unit: "items/s",
    ours: ({ participants }) => participants.pass({ producers: 1, count: budget * 50, size }),
    python: { "Python manager's Queue over TCP": ["pass", fitting(network, 1), size] },
  });
  const dict = (work: DictWork, counts: { ours: number; theirs: number }, theirs: string = work): Row => ({
    what: `dict, ${work}`,
    unit: work === "update" || work === "items" ? "entries/s" : "operations/s",
    ours: ({ mp }) => dictRate(mp, { work, count: counts.ours }),
    python: {
      [`Python manager's dict over TCP${theirs === "two" ? ", two processes" : ""}`]: ["dict", theirs, counts.theirs],
    },
  });
  const single = { ours: fitting(network, 1), theirs: fitting(network, 1) };
  const echoes = fitting(network, 3);
  return [
    pass("small items", 0),
    pass("items of 1 KiB", KIBIBYTE),
    {
      what: "pipe, echo between two processes, one after another",
      unit: "echoes/s",
      ours: ({ mp, participants }) => roundTrips(mp, participants, echoes),
      python: { "Python Connection over TCP, without a server between": ["echo", echoes] },
      bare: ({ echo }) => echo.rate(echoes),
      bars: [{ against: BARE_ECHO, bar: 0.7 }],
    },
    dict("set", single),
    dict("get", single),
    dict("set, 100 in flight", { ours: fitting(network, 0.02) * 5, theirs: fitting(network, 0.5) }, "two"),
    dict("update", { ours: 20_000, theirs: 20_000 }),
    dict("items", { ours: 20_000, theirs: 20_000 }),
  ];
}
