import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "@manyhands/core";
import { quantile } from "../measure.ts";
import { noop } from "./tasks.ts";

/** Time in which a host makes another warm child, ms. */
const WARM_UP = 400;

/** From `start()` to its running, one process after another, each from a warm child: p50, ms. */
export async function startToRunning(mp: Context, count: number): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    await pause(WARM_UP);
    const one = mp.process(noop, { args: [index] });
    const begin = performance.now();
    await one.start();
    await one.started();
    times.push(performance.now() - begin);
    await one.join();
    await one.close();
  }
  return quantile(
    times.sort((left, right) => left - right),
    0.5,
  );
}

/** From the call of a new pool to the first result, ms. */
export async function poolToFirstResult(mp: Context, size: number): Promise<number> {
  const begin = performance.now();
  const pool = mp.pool(size);
  await pool.apply(noop, [1]);
  const time = performance.now() - begin;
  await pool.terminate();
  return time;
}
