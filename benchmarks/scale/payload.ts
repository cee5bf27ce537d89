import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "@manyhands/core";
import { judge, type Line, quantile, sample } from "../measure.ts";
import { oneByOne } from "../pool/calls.ts";
import { rawBullMQ } from "../pool/raw-bullmq.ts";
import { startFleet } from "./fleet.ts";
import { type Study, type StudySettings, seriesOf } from "./study.ts";
import { echo } from "./tasks.ts";

/** A turn moves about so much, bytes, in no fewer than the least number of calls. */
const MOVED = 20_000_000;
const CALLS = { least: 10, most: 200 };
const RAW = "raw BullMQ";

/** A text that goes to a task and comes back. */
export async function payloadStudy({ sizes, rounds, short }: StudySettings): Promise<Study> {
  await using fleet = await startFleet(1);
  await using mp = await connect({ redis: fleet.url, namespace: fleet.namespace });
  const worker = fork(new URL("../pool/raw-worker.ts", import.meta.url), {
    env: { ...process.env, MANYHANDS_REDIS_URL: fleet.url },
  });
  await once(worker, "message");
  const raw = await rawBullMQ(fleet.url);
  const pool = mp.pool(2);
  const lines: Line[] = [];
  const measured: { ours: number; theirs: number; size: number }[] = [];
  try {
    for (const size of sizes) {
      const text = "x".repeat(size);
      const calls = Math.max(CALLS.least, Math.min(CALLS.most, MOVED / size / (short ? 4 : 1)));
      const lone = (call: (text: string) => PromiseLike<unknown>) => async (): Promise<number> =>
        quantile(await oneByOne(calls, () => call(text)), 0.5);
      const contenders = [
        { name: "manyhands", run: lone((x) => pool.apply(echo, [x])) },
        { name: RAW, run: lone(raw.call) },
      ];
      await sample(contenders, 1);
      const samples = await sample(contenders, rounds);
      const line = judge(`apply with ${size} bytes, there and back, one after another: p50`, samples, {
        unit: "ms",
        better: "lower",
        bars: [],
      });
      const [ours = Number.NaN, theirs = Number.NaN] = line.figures.map(({ median }) => median);
      measured.push({ ours, theirs, size });
      lines.push(line);
    }
  } finally {
    await raw.close();
    worker.kill("SIGTERM");
  }
  const times = {
    "apply: p50, ms": ({ ours }: (typeof measured)[number]) => ours,
    "raw BullMQ: p50, ms": ({ theirs }: (typeof measured)[number]) => theirs,
  };
  return {
    name: "payload",
    title: "Bytes that go to a task and come back, one call after another",
    grows: "bytes",
    sizes,
    series: seriesOf(measured, { ...times, "both ways together, MB/s": ({ ours, size }) => (2 * size) / ours / 1_000 }),
    plots: [{ name: "time", title: "A lone call", unit: "ms", shows: Object.keys(times), isLogarithmic: true }],
    lines,
    notes: [],
  };
}
