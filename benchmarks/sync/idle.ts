import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Context, connect } from "@manyhands/core";
import { Redis } from "ioredis";
import { commandNames, countCommands } from "./commands.ts";

/** What a session costs that does nothing but wait. */
export interface IdleFigures {
  sentPerSecond: number;
  inScriptsPerSecond: number;
  /** Names of the commands with their number per second. */
  names: string;
  /** Bytes. */
  heapPerWait: number;
  heapPerHandle: number;
  redisPerWait: number;
}

const HANDLES = 10_000;
const WAITS = 1_000;
/** Milliseconds; two beats of the session and more. */
const LOOKED_AT = 10_000;
/** Until what the last wait began has settled, ms. */
const SETTLING = 1_000;

/** Makes 10 000 handles that have been used once, lets 1 000 of them wait, and looks at Redis for ten seconds. */
export async function measureIdle(url: string): Promise<IdleFigures> {
  const mp = await connect({ redis: url, namespace: "bench-idle" });
  const redis = new Redis(url);
  const ended = new AbortController();
  try {
    const heapBefore = heap();
    const handles = makeHandles(mp);
    for (const batch of batches(handles)) await Promise.all(batch.map(({ use }) => use()));
    const heapOfHandles = heap() - heapBefore;
    const redisBefore = await usedMemory(redis);
    const heapWithout = heap();
    const waits = await startWaits(handles, ended.signal);
    await sleep(SETTLING);
    const heapPerWait = (heap() - heapWithout) / WAITS;
    const redisPerWait = ((await usedMemory(redis)) - redisBefore) / WAITS;
    const stop = await countCommands(url);
    await sleep(LOOKED_AT);
    const count = await stop();
    ended.abort(new Error("enough waited"));
    const outcomes = await Promise.allSettled(waits);
    const early = outcomes.filter(({ status }) => status === "fulfilled").length;
    if (early > 0) throw new Error(`${early} waits ended although nothing happened`);
    return {
      sentPerSecond: count.sent / (LOOKED_AT / 1_000),
      inScriptsPerSecond: count.inScripts / (LOOKED_AT / 1_000),
      names: commandNames(count, LOOKED_AT / 1_000),
      heapPerWait,
      heapPerHandle: heapOfHandles / HANDLES,
      redisPerWait,
    };
  } finally {
    ended.abort();
    redis.disconnect();
    await mp.close();
  }
}

interface Idler {
  /** One operation, so that Redis knows the object and the session its handle. */
  use(): Promise<unknown>;
  /** Makes the object such that a wait does not end. */
  block(): Promise<unknown>;
  wait(signal: AbortSignal): Promise<unknown>;
}

function makeHandles(mp: Context): Idler[] {
  return Array.from({ length: HANDLES }, (_, index) => {
    const name = `idle-${index}`;
    if (index % 3 === 0) {
      const event = mp.event({ name });
      return { use: () => event.clear(), block: () => event.clear(), wait: (signal) => event.wait({ signal }) };
    }
    const lock = index % 3 === 1 ? mp.lock({ name }) : mp.semaphore(1, { name });
    const use = async (): Promise<void> => {
      await lock.acquire();
      await lock.release();
    };
    return { use, block: () => lock.acquire(), wait: (signal) => lock.acquire({ signal }) };
  });
}

/** A thousand waits for a hundred objects that do not come. */
async function startWaits(handles: readonly Idler[], signal: AbortSignal): Promise<Promise<unknown>[]> {
  const blocked = handles.slice(0, WAITS / 10);
  await Promise.all(blocked.map((handle) => handle.block()));
  return Array.from({ length: WAITS }, (_, index) => {
    const wait = blocked[index % blocked.length]?.wait(signal) ?? Promise.reject(new Error("no handles"));
    // Its end is looked at when all have ended.
    wait.catch(() => {});
    return wait;
  });
}

function batches<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / 500) }, (_, index) =>
    items.slice(index * 500, index * 500 + 500),
  );
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}

/** Bytes in use after a collection. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
