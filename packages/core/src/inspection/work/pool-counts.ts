import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import { readOldestHeldBack } from "./oldest-held-back.ts";

/** Jobs of a pool by their states. Finished ones count as far as they are kept. */
export interface JobCounts {
  /** Without a priority. */
  waiting: number;
  prioritized: number;
  active: number;
  /** With those that limits hold back, or that no live host knows: BullMQ has these there. */
  delayed: number;
  /** Those that limits hold back. */
  limited: number;
  waitingChildren: number;
  completed: number;
  failed: number;
  /** BullMQ counts these among the failed ones. */
  cancelled: number;
}

/** What goes on in the queue of a pool. */
export interface PoolCounts {
  paused: boolean;
  /** How many BullMQ lets run at once; null = any number. */
  globalConcurrency: number | null;
  jobs: JobCounts;
  /** Age of the oldest of the jobs that are first in their line, or that no live host knows; null when none waits. */
  oldestWaiting: Milliseconds | null;
  /** Age of the oldest known one of those that limits hold back; null when there is none. */
  oldestLimited: Milliseconds | null;
  /** Task of the job that is next; null when none waits. */
  nextTask: string | null;
}

/** One reading of several pools. */
export interface PoolReading {
  /** Server time, epoch ms; ages are counted from it. */
  at: number;
  /** In the order of the names. */
  counts: PoolCounts[];
}

/** Parts of a queue that are lists, and sets, of jobs that are counted. */
export const LISTS = ["wait", "paused", "active"] as const;
export const SETS = ["prioritized", "delayed", "waiting-children", "completed", "failed"] as const;
/** Lines in which jobs wait, the one that BullMQ takes from first at the beginning. */
const LINES = ["wait", "paused", "prioritized"] as const;
const REPLIES = 1 + LISTS.length + SETS.length + 2 + LINES.length;
/** Where the count of delayed jobs stands among the replies of a pool. */
const DELAYED = 1 + LISTS.length + SETS.indexOf("delayed");

/**
 * Counts the jobs of pools, for all that show them at once; a screen that stays has an `OverviewReader`. Two round trips, for any number
 * of pools and jobs; it writes nothing. A key of the wrong type counts as an empty one, so that it hides no other.
 */
export async function readPoolCounts(client: RedisClient, keys: Keys, pools: readonly string[]): Promise<PoolReading> {
  const pipeline = client.pipeline().time();
  for (const pool of pools) {
    pipeline.hmget(keys.queue(pool, "meta"), "paused", "concurrency");
    for (const list of LISTS) pipeline.llen(keys.queue(pool, list));
    for (const set of SETS) pipeline.zcard(keys.queue(pool, set));
    pipeline.zcard(keys.cancelled(pool));
    pipeline.hget(keys.limits(pool), "gated");
    // BullMQ adds to a list at the left and takes from it at the right.
    for (const list of ["wait", "paused"] as const) pipeline.lindex(keys.queue(pool, list), -1);
    pipeline.zrange(keys.queue(pool, "prioritized"), 0, "0");
  }
  const [time, ...replies] = await run(pipeline);
  const [seconds, micros] = time as [string, string];
  const at = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  const rows = pools.map((_, index) => replies.slice(index * REPLIES, (index + 1) * REPLIES));
  const waiting = rows.map((row, index) => ({ pool: pools[index] ?? "", ids: idsOf(row) }));
  const delayed = pools.filter((_, index) => Number(rows[index]?.[DELAYED] ?? 0) > 0);
  const [heads, heldBack] = await Promise.all([
    readHeads(client, keys, waiting),
    readOldestHeldBack(client, keys, delayed),
  ]);
  const counts = rows.map((row, index) => {
    const { unserved = null, limited = null } = heldBack.get(pools[index] ?? "") ?? {};
    const counted = countsOf(row, heads[index] ?? [], at);
    const unservedFor = unserved === null ? null : Math.max(0, at - unserved);
    return {
      ...counted,
      oldestWaiting: longerOf(counted.oldestWaiting, unservedFor),
      oldestLimited: limited === null ? null : Math.max(0, at - limited),
    };
  });
  return { at, counts };
}

/** A job that is first in its line. */
interface Head {
  task: string;
  /** Epoch ms of the program that submitted it. */
  submittedAt: number;
}

/** Of the jobs that are first in their line. */
function idsOf(row: unknown[]): string[] {
  return row
    .slice(-LINES.length)
    .flat()
    .filter((id) => typeof id === "string");
}

async function readHeads(
  client: RedisClient,
  keys: Keys,
  waiting: readonly { pool: string; ids: string[] }[],
): Promise<Head[][]> {
  if (waiting.every(({ ids }) => ids.length === 0)) return [];
  const pipeline = client.pipeline();
  for (const { pool, ids } of waiting) for (const id of ids) pipeline.hmget(keys.job(pool, id), "name", "timestamp");
  const jobs = await run(pipeline);
  return waiting.map(({ ids }) => {
    const found = jobs.splice(0, ids.length) as ([task: string | null, timestamp: string | null] | null)[];
    // It may have been taken and removed since its id was read.
    return found.flatMap((job) => (job?.[0] && job[1] ? [{ task: job[0], submittedAt: Number(job[1]) }] : []));
  });
}

/**
 * @param count - Length of a part of the queue.
 * @param beside - Jobs in the set of cancelled ones, and those that limits hold back.
 */
export function jobCounts(
  count: (part: QueuePart) => number,
  { cancelled, limited }: Pick<JobCounts, "cancelled" | "limited">,
): JobCounts {
  const unsuccessful = count("failed");
  // A tool that has such a job run again, or removes it, leaves it in the set for a while.
  const withdrawn = Math.min(unsuccessful, cancelled);
  return {
    waiting: count("wait") + count("paused"),
    prioritized: count("prioritized"),
    active: count("active"),
    delayed: count("delayed"),
    limited: Math.min(limited, count("delayed")),
    waitingChildren: count("waiting-children"),
    completed: count("completed"),
    failed: unsuccessful - withdrawn,
    cancelled: withdrawn,
  };
}

/** The longer one of two waits, of which any may be none. */
export function longerOf(one: Milliseconds | null, other: Milliseconds | null): Milliseconds | null {
  return one === null ? other : Math.max(one, other ?? 0);
}

function countsOf([meta, ...row]: unknown[], heads: Head[], at: number): Omit<PoolCounts, "oldestLimited"> {
  const parts: readonly QueuePart[] = [...LISTS, ...SETS];
  const [paused = null, concurrency = null] = (meta as (string | null)[] | null) ?? [];
  return {
    paused: paused !== null,
    globalConcurrency: concurrency === null ? null : Number(concurrency),
    jobs: jobCounts((part) => Number(row[parts.indexOf(part)] ?? 0), {
      cancelled: Number(row[parts.length] ?? 0),
      limited: Number(row[parts.length + 1] ?? 0),
    }),
    oldestWaiting: heads.length === 0 ? null : Math.max(0, ...heads.map(({ submittedAt }) => at - submittedAt)),
    nextTask: heads[0]?.task ?? null,
  };
}

async function run(pipeline: { exec(): Promise<[Error | null, unknown][] | null> }): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (isWrongType(error)) return null;
    if (error) throw error;
    return value;
  });
}
