import { availableParallelism } from "node:os";
import { stripVTControlCharacters } from "node:util";
import type { Context, Task } from "@manyhands/core";
import Chartscii from "chartscii";
import { type Run, stage, verify, verifySpread } from "../stage.ts";
import { compute, waitFor } from "./tasks.ts";

const CALLS = 12;
const SIZES = [1, 2, 4];

await stage(async (mp) => {
  const runs: Run[] = [];
  const computing = await series(mp, { title: "computing (fib 31)", task: compute, argument: 31 }, runs);
  const waiting = await series(mp, { title: "waiting (100 ms each)", task: waitFor, argument: 100 }, runs);
  const slots = await mp.cpuCount();
  if (slots >= 4) {
    verify(gain(waiting) > 2, `waiting: 4 workers are ${gain(waiting).toFixed(1)} times as fast as one`);
  }
  console.log(
    `  computing: 4 workers are ${gain(computing).toFixed(1)} times as fast as one on ${availableParallelism()} cores; more ` +
      "workers than cores do not compute faster",
  );
  await verifySpread(mp, runs);
});

async function series(
  mp: Context,
  kind: { title: string; task: Task<[number], Promise<Run & { value: unknown }>>; argument: number },
  runs: Run[],
): Promise<number[]> {
  const times: number[] = [];
  for (const size of SIZES) {
    await using pool = mp.pool(size);
    await pool.map(
      kind.task,
      Array.from({ length: size * 2 }, () => 1),
      { chunkSize: 1 },
    );
    const begin = performance.now();
    runs.push(
      ...(await pool.map(
        kind.task,
        Array.from({ length: CALLS }, () => kind.argument),
        { chunkSize: 1 },
      )),
    );
    times.push(performance.now() - begin);
  }
  const bars = times.map((time, index) => ({
    label: `${SIZES[index]} at once: ${time.toFixed(0)} ms`,
    value: Math.round(time),
  }));
  const chart = new Chartscii(bars, { title: `${CALLS} x ${kind.title}`, width: 50, barSize: 1, sort: false });
  console.log(process.stdout.isTTY ? chart.create() : stripVTControlCharacters(chart.create()));
  return times;
}

function gain(times: number[]): number {
  return (times[0] ?? 0) / (times.at(-1) ?? 1);
}
