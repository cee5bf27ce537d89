import { startRedisServer } from "@manyhands/core/redis-server";
import { type Contender, compare, type Line, missed } from "../measure.ts";
import { startParticipants } from "./participants.ts";
import { startPythonChannels } from "./python.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const ONLY = process.env["BENCH_ONLY"];
const KIBIBYTE = 1_024;

/** Queues, pipes, shared dicts and the start of processes against Python's own, all in one run. */
export async function channelsBenchmark(): Promise<void> {
  await using server = await startRedisServer({ appendOnly: false });
  const participants = await startParticipants(8, server.url);
  const python = startPythonChannels();
  const lines: Line[] = [];
  const line = async (...parameters: Parameters<typeof compare>): Promise<void> => {
    if (ONLY && !parameters[0].includes(ONLY)) return;
    lines.push(await compare(...parameters));
  };
  const withPython = (name: string, ...words: (string | number)[]): Contender[] =>
    python ? [{ name, run: () => python.ask(...words) }] : [];
  try {
    for (const { what, producers, count, size, bar } of PASSES) {
      await line(
        what,
        [
          { name: "manyhands", run: () => participants.pass({ producers, count, size }) },
          ...withPython("Python Queue", "pass", producers, count, size),
        ],
        { unit: "items/s", better: "higher", rounds: ROUNDS, bars: bar ? [{ against: "Python Queue", bar }] : [] },
      );
    }
  } finally {
    participants.stop();
    python?.stop();
  }
  if (process.argv.includes("json")) console.log(JSON.stringify(lines, null, 2));
  const all = lines.flatMap(missed);
  console.error(all.length === 0 ? "\nevery bar is met" : `\nmissed: ${all.join("; ")}`);
}

const PASSES = [
  { what: "queue, one to one, small items", producers: 1, count: 200_000, size: 0, bar: 1 },
  { what: "queue, one to one, items of 1 KiB", producers: 1, count: 100_000, size: KIBIBYTE, bar: 0.8 },
  { what: "queue, four to four, small items", producers: 4, count: 200_000, size: 0, bar: null },
  { what: "queue, four to four, items of 1 KiB", producers: 4, count: 100_000, size: KIBIBYTE, bar: null },
];
