/**
 * A program of its own that calls tasks, told by IPC what to do: `open` a context and an unnamed pool, `run` calls with so
 * many in flight, or `submit` calls that no host takes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type AsyncResult, type Context, connect, type Pool } from "@manyhands/core";
import { Queue as BullQueue } from "bullmq";
import { Redis } from "ioredis";
import { memoryOf } from "./fleet.ts";
import type { Answer, Request, Submission } from "./programs.ts";
import { noop, pause } from "./tasks.ts";

const PREFIX = "{scale}";
/** Jobs of one `addBulk`. */
const BULK = 1_000;

let mp: Context | undefined;
let pool: Pool | undefined;
/** What is pending stays reachable, as in a program that will ask for it. */
let pending: AsyncResult<number>[] = [];

process.on("message", (request: Request) => {
  run(request).then(
    (value) => process.send?.({ value } satisfies Answer),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? (error.stack ?? "") : String(error) }),
  );
});
process.on("disconnect", () => process.exit());

async function run(request: Request): Promise<Submission | number> {
  switch (request.do) {
    case "open":
      mp = await connect({ redis: request.url, namespace: request.namespace });
      pool = mp.pool(request.size);
      return request.isServed ? pool.apply(noop, [1]) : 0;
    case "run":
      return calls(request);
    case "submit":
      return submit(request.how, request.count);
    case "discard":
      await pool?.terminate();
      pool = mp?.pool(2);
      pending = [];
      return 0;
    case "close":
      await pool?.terminate();
      await mp?.close();
      return 0;
  }
}

/** @returns when the last one was answered, by CLOCK_MONOTONIC, ms */
async function calls({ startAt, calls: count, atOnce, wait }: Extract<Request, { do: "run" }>): Promise<number> {
  await sleep(startAt - now());
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await (wait === 0 ? pool?.applyAsync(noop, [next]) : pool?.applyAsync(pause, [next, wait]));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return now();
}

/** Until Redis has all of them. */
async function submit(how: "plain" | "with options" | "addBulk", count: number): Promise<Submission> {
  const redis = new Redis(process.env["SCALE_REDIS_URL"] ?? "", { maxRetriesPerRequest: null });
  const used = await memoryOf(redis);
  const heap = collected();
  const begin = performance.now();
  if (how === "addBulk") await addBulk(redis, count);
  else {
    const calling = pool;
    for (let x = 0; x < count; x += 1) {
      const call =
        how === "plain" ? calling?.applyAsync(noop, [x]) : calling?.applyAsync(noop, [x], { tags: ["bulk"] });
      if (call) pending.push(call);
    }
    while ((await redis.llen(`${PREFIX}:${calling?.name}:wait`)) < count) await sleep(1);
  }
  const rate = count / ((performance.now() - begin) / 1_000);
  // What is under way to be written, or read, is no part of what a pending call costs.
  await sleep(how === "addBulk" ? 0 : 1_000);
  const result = {
    rate,
    heapPerCall: (collected() - heap) / count,
    redisPerCall: ((await memoryOf(redis)) - used) / count,
  };
  if (how === "addBulk") await obliterate(redis);
  redis.disconnect();
  return result;
}

async function addBulk(connection: Redis, count: number): Promise<void> {
  const queue = new BullQueue("raw-waiting", { connection, prefix: PREFIX });
  for (let from = 0; from < count; from += BULK) {
    const length = Math.min(BULK, count - from);
    await queue.addBulk(Array.from({ length }, (_, index) => ({ name: "noop", data: { x: from + index } })));
  }
  await queue.close();
}

async function obliterate(connection: Redis): Promise<void> {
  const queue = new BullQueue("raw-waiting", { connection, prefix: PREFIX });
  await queue.obliterate({ force: true });
  await queue.close();
}

/** Heap in use after a collection, bytes. */
function collected(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Milliseconds on CLOCK_MONOTONIC, the same in every process of the machine. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
