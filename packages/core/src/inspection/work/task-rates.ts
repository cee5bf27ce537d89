import { got, ValueError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { DurationBins, Milliseconds } from "../../time/index.ts";
import {
  HOUR,
  HOURS_KEPT,
  lastSpan,
  MINUTE,
  MINUTES_KEPT,
  numberOf,
  OTHER,
  type RollupSpan,
  readBuckets,
  readPairs,
  TaskCounts,
} from "../../work/rollups/index.ts";

/** What is asked of the figures of tasks. */
export interface RatesQuery {
  /** @defaultValue all pools together; unnamed ones are `(unnamed)` */
  pool?: string | undefined;
  /** @defaultValue all tasks together */
  task?: string | undefined;
  /** The last so many ms, up to 8 days. @defaultValue 3 600 000, an hour */
  last?: Milliseconds | undefined;
  /** Length of the steps of up to 3 hours, ms, in whole minutes; longer spans have steps of an hour. @defaultValue 60 000 */
  step?: Milliseconds | undefined;
}

/** How long something took, in ms, right to 9 %; null when nothing did. */
export interface DurationFigures {
  count: number;
  mean: Milliseconds;
  p50: Milliseconds;
  p95: Milliseconds;
  p99: Milliseconds;
}

/** What happened to the calls of tasks in a span of time. */
export interface TaskFigures {
  /** Calls that programs submitted. */
  submitted: number;
  /** Tries that began. */
  started: number;
  completed: number;
  /** Calls whose last try failed. */
  failed: number;
  /** Tries that failed and were followed by another one. */
  retried: number;
  cancelled: number;
  /** Calls that were dropped because they had not started in time. */
  expired: number;
  /** From the submission, or the end of the delay, to the first start. */
  wait: DurationFigures | null;
  /** One try. */
  run: DurationFigures | null;
}

/** The figures of a span of time, in steps. */
export interface TaskRates extends TaskFigures {
  /** Epoch ms of the server: when the first step begins, and now. */
  from: number;
  to: number;
  /** 60 000 unless another one was asked for; 3 600 000 of more than 3 hours. */
  step: Milliseconds;
  /** The steps in which something happened, the oldest first; the last one may not be over. */
  steps: ({ at: number } & TaskFigures)[];
}

/** The figures of one task in one pool. */
export interface TaskRateRow extends TaskFigures {
  pool: string;
  task: string;
}

/** The figures of one pool. */
export interface PoolRates extends TaskFigures {
  /** Its name; `(unnamed)` = all unnamed pools. */
  pool: string;
}

const DEFAULT_LAST: Milliseconds = HOUR;

/** @throws ValueError for a span that is not kept */
export async function readRates(client: RedisClient, keys: Keys, query: RatesQuery): Promise<TaskRates> {
  const span = await spanOf(client, query.last, query.step);
  const { pairs, pools } = await readPairs(client, keys);
  const { pool, task } = query;
  const whole = numberOf(pools, pool);
  const numbers =
    task === undefined
      ? whole === undefined
        ? []
        : [whole]
      : pairs.filter((pair) => pair.task === task && (pool ?? pair.pool) === pair.pool).map(({ number }) => number);
  const buckets = await readBuckets(client, keys, { numbers, span });
  const steps = new Map<number, TaskCounts>();
  const sum = new TaskCounts();
  for (const { at, counts } of buckets.flat()) {
    sum.merge(counts);
    const known = steps.get(at) ?? new TaskCounts();
    steps.set(at, known);
    known.merge(counts);
  }
  return {
    ...span,
    ...figuresOf(sum),
    steps: [...steps].sort(([left], [right]) => left - right).map(([at, counts]) => ({ at, ...figuresOf(counts) })),
  };
}

/** The tasks of which something happened, by the number of calls that ended; each pool apart. */
export async function readRows(
  client: RedisClient,
  keys: Keys,
  query: Pick<RatesQuery, "pool" | "last">,
): Promise<TaskRateRow[]> {
  const span = await spanOf(client, query.last);
  const { pairs } = await readPairs(client, keys);
  const asked = pairs.filter(({ pool }) => query.pool === undefined || pool === query.pool);
  const rows = await sums(client, keys, { numbers: asked.map(({ number }) => number), span });
  return asked
    .flatMap(({ pool, task }, index) => {
      const counts = rows[index];
      return counts ? [{ pool, task, ...figuresOf(counts) }] : [];
    })
    .sort((left, right) => ended(right) - ended(left));
}

/** How many tasks of pools ended in each minute of a span. */
export interface PoolCourse {
  pool: string;
  /** Epoch ms of the first minute; the others follow one another. */
  from: number;
  completed: number[];
  failed: number[];
}

/** What happened in some pools, minute by minute; a pool of which nothing is known has minutes of nothing. */
export async function readPoolCourses(
  client: RedisClient,
  keys: Keys,
  { pools, last = DEFAULT_LAST }: { pools: readonly string[]; last?: Milliseconds | undefined },
): Promise<PoolCourse[]> {
  if (!(last >= MINUTE) || last > MINUTES_KEPT) {
    throw new ValueError(`last must be ms from ${MINUTE}, a minute, to ${MINUTES_KEPT}, 3 hours; got ${got(last)}`);
  }
  const span = await lastSpan(client, last, MINUTE);
  const known = (await readPairs(client, keys)).pools;
  const numbers = pools.map((pool) => known.get(pool));
  const asked = numbers.filter((number) => number !== undefined);
  const buckets = asked.length === 0 ? [] : await readBuckets(client, keys, { numbers: asked, span });
  const minutes = Math.floor((span.to - span.from) / MINUTE) + 1;
  return pools.map((pool, index) => {
    const number = numbers[index];
    const own = number === undefined ? [] : (buckets[asked.indexOf(number)] ?? []);
    const course = { pool, from: span.from, completed: zeros(minutes), failed: zeros(minutes) };
    for (const { at, counts } of own) {
      const place = Math.floor((at - span.from) / MINUTE);
      if (place < 0 || place >= minutes) continue;
      course.completed[place] = counts.get("completed");
      course.failed[place] = counts.get("failed");
    }
    return course;
  });
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

/** The figures of each pool of which something happened, by its label. @param query.pools - Only of these. */
export async function readPoolRows(
  client: RedisClient,
  keys: Keys,
  query: Pick<RatesQuery, "last"> & { pools?: readonly string[] },
): Promise<PoolRates[]> {
  const span = await spanOf(client, query.last);
  const { pools } = await readPairs(client, keys);
  const names = [...pools.keys()].filter((pool) => pool !== OTHER && (query.pools?.includes(pool) ?? true));
  const rows = await sums(client, keys, { numbers: names.map((name) => pools.get(name) ?? ""), span });
  return names
    .flatMap((pool, index) => {
      const counts = rows[index];
      return counts ? [{ pool, ...figuresOf(counts) }] : [];
    })
    .sort((left, right) => ended(right) - ended(left));
}

function ended({ completed, failed }: TaskFigures): number {
  return completed + failed;
}

async function sums(
  client: RedisClient,
  keys: Keys,
  asked: { numbers: readonly string[]; span: RollupSpan },
): Promise<(TaskCounts | undefined)[]> {
  const buckets = await readBuckets(client, keys, { ...asked, isSum: true });
  return buckets.map(([sum]) => sum?.counts);
}

function spanOf(client: RedisClient, last: unknown = DEFAULT_LAST, step?: unknown): Promise<RollupSpan> {
  if (typeof last !== "number" || !(last >= MINUTE) || last > HOURS_KEPT) {
    throw new ValueError(`last must be ms from ${MINUTE}, a minute, to ${HOURS_KEPT}, 8 days; got ${got(last)}`);
  }
  const unit = last <= MINUTES_KEPT ? MINUTE : HOUR;
  if (step === undefined) return lastSpan(client, last, unit);
  const most = unit === MINUTE ? last : HOUR;
  if (typeof step !== "number" || step < unit || step > most || step % unit !== 0) {
    throw new ValueError(`step must be a multiple of ${unit} ms, up to ${most} for that span; got ${got(step)}`);
  }
  return lastSpan(client, last, step);
}

function figuresOf(counts: TaskCounts): TaskFigures {
  const { wait, run } = counts.durations;
  return {
    submitted: counts.get("submitted"),
    started: counts.get("started"),
    completed: counts.get("completed"),
    failed: counts.get("failed"),
    retried: counts.get("retried"),
    cancelled: counts.get("cancelled"),
    expired: counts.get("expired"),
    wait: durationsOf(wait),
    run: durationsOf(run),
  };
}

function durationsOf(bins: DurationBins): DurationFigures | null {
  const { count } = bins;
  if (count === 0) return null;
  const at = (part: number): Milliseconds => Math.round((bins.percentile(part) ?? 0) * 100) / 100;
  return { count, mean: Math.round(bins.micros / count) / 1000, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
