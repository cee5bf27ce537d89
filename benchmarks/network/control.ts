import { DelayProxy } from "@manyhands/testing/delay-proxy";
import { Redis } from "ioredis";
import { quantile } from "../measure.ts";
import { oneByOne } from "../pool/calls.ts";

/** A Redis at a distance, and one command as the measure of what it is. */
export interface Distance extends AsyncDisposable {
  url: string;
  /** Median of so many PINGs, one after another, ms. */
  ping(count: number): Promise<number>;
  /** What PINGs take, one after another, and how many go there and back with as many on the way as a pipeline has. */
  measure(): Promise<{ median: number; least: number; p99: number; perSecond: number }>;
}

const PINGS = 200;
const PIPELINED = 20_000;

/** Puts the Redis at `url` so many milliseconds away in each direction; 0 = nothing is put before it. */
export async function startDistance(url: string, each: number): Promise<Distance> {
  const proxy = each === 0 ? undefined : await DelayProxy.start(url, each);
  const far = proxy?.url ?? url;
  const redis = new Redis(far);
  await oneByOne(20, () => redis.ping());
  return {
    url: far,
    ping: async (count) => quantile(await oneByOne(count, () => redis.ping()), 0.5),
    measure: async () => {
      const times = await oneByOne(PINGS, () => redis.ping());
      const begin = performance.now();
      await Promise.all(Array.from({ length: PIPELINED }, () => redis.ping()));
      const perSecond = PIPELINED / ((performance.now() - begin) / 1_000);
      return { median: quantile(times, 0.5), least: times[0] ?? Number.NaN, p99: quantile(times, 0.99), perSecond };
    },
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
      await proxy?.close();
    },
  };
}
