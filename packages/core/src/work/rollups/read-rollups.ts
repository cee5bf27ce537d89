import type { RedisClient } from "../../redis/connection/index.ts";
import { serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { ALL_PAIRS, HOUR, MINUTE, MINUTES_KEPT, OTHER_PAIR, readFigures } from "./rollup-scripts.ts";
import { OTHER, TaskCounts } from "./task-counts.ts";

/** A pair of a pool and a task, and the number of its figures. */
export interface NumberedPair {
  pool: string;
  task: string;
  number: string;
}

/** Hashes that one pipeline reads, and pairs that one script reads, each in up to 240 hashes: Redis serves others in between. */
const HASHES_AT_ONCE = 400;
const PAIRS_PER_SCRIPT = 10;

/** The pairs that have figures of their own; `other` is what is over the most. `pools` = the figures of whole pools. */
export async function readPairs(
  client: RedisClient,
  keys: Keys,
): Promise<{ pairs: NumberedPair[]; pools: Map<string, string> }> {
  const fields = await client.hgetall(keys.rollupPairs);
  const pools = new Map<string, string>();
  const pairs: NumberedPair[] = [];
  for (const [field, number] of Object.entries(fields)) {
    const end = field.indexOf("\n");
    if (end < 0 || !/^\d{1,9}$/.test(number)) continue;
    const [pool, task] = [field.slice(0, end), field.slice(end + 1)];
    if (task === "") pools.set(pool, number);
    else pairs.push({ pool, task, number });
  }
  pairs.push({ pool: OTHER, task: OTHER, number: OTHER_PAIR });
  return { pairs, pools };
}

/** What the fleet has counted of each pair. */
export type FleetTotals = { pool: string; task: string; counts: TaskCounts }[];

/** The figures of each pair since it was first seen, or since it was forgotten. A pair without any is left out. */
export async function readTotals(client: RedisClient, keys: Keys): Promise<FleetTotals> {
  const { pairs } = await readPairs(client, keys);
  const counts = await readHashes(
    client,
    pairs.map(({ number }) => keys.rollupTotal(number)),
  );
  return pairs.flatMap(({ pool, task }, index) => {
    const found = counts[index];
    return found ? [{ pool, task, counts: found }] : [];
  });
}

/** The figures of a minute or an hour. */
export interface RollupBucket {
  /** When it begins, epoch ms. */
  at: number;
  counts: TaskCounts;
}

/** One span of time in minutes or hours. */
export interface RollupSpan {
  /** When the first bucket begins, epoch ms. */
  from: number;
  /** Server time, epoch ms: the last bucket is not over. */
  to: number;
  step: Milliseconds;
}

/** The last so many ms, and what is missing to whole buckets of a step, {@link MINUTE} or {@link HOUR}. */
export async function lastSpan(client: RedisClient, last: Milliseconds, step: Milliseconds): Promise<RollupSpan> {
  const to = await serverTime(client);
  return { from: Math.floor((to - last) / step) * step, to, step };
}

/**
 * For each of these figures, the buckets of the span in which something happened, the first one first.
 * @param options.isSum - Gives one bucket that holds all of the span instead.
 */
export async function readBuckets(
  client: RedisClient,
  keys: Keys,
  { numbers, span, isSum = false }: { numbers: readonly string[]; span: RollupSpan; isSum?: boolean },
): Promise<RollupBucket[][]> {
  const places = await placesOf(client, keys, span);
  const read: RollupBucket[][] = [];
  for (let from = 0; from < numbers.length; from += PAIRS_PER_SCRIPT) {
    const some = numbers.slice(from, from + PAIRS_PER_SCRIPT);
    const args = [keys.prefix, isSum ? 1 : 0, some.length, ...some, ...places.map(({ place }) => place)];
    const rows = await readFigures.run(client, [keys.rollupPairs], args);
    for (const row of rows) read.push(bucketsOf(row, places));
  }
  return read;
}

/** Hours are summed once they are over: those that are not yet are read from their minutes. */
async function placesOf(client: RedisClient, keys: Keys, { from, to, step }: RollupSpan): Promise<Place[]> {
  const summed = step === HOUR ? ((await readSummed(client, keys)) + 1) * HOUR : 0;
  // Of hours before that the minutes are gone, summed or not.
  const summedUntil = Math.max(summed, step === HOUR ? to - MINUTES_KEPT - HOUR : 0);
  const places: Place[] = [];
  for (let at = from; at <= to; at += step) {
    if (step === HOUR && at < summedUntil) places.push({ at, place: `1h/${at / HOUR}` });
    else
      for (let minute = at; minute < at + step && minute <= to; minute += MINUTE)
        places.push({ at, place: `1m/${minute / MINUTE}` });
  }
  return places;
}

interface Place {
  /** When its bucket begins, epoch ms. */
  at: number;
  /** Part of the key. */
  place: string;
}

function bucketsOf(row: [place: number, fields: string[]][], places: readonly Place[]): RollupBucket[] {
  const buckets = new Map<number, TaskCounts>();
  for (const [place, fields] of row) {
    const at = places[place - 1]?.at ?? 0;
    const counts = buckets.get(at) ?? new TaskCounts();
    buckets.set(at, counts);
    counts.addFields(fields);
  }
  return [...buckets].map(([at, counts]) => ({ at, counts }));
}

/** The last hour that was summed, hours since 1970; -1 = none. */
export async function readSummed(client: RedisClient, keys: Keys): Promise<number> {
  const hour = Number((await client.get(keys.rollupSummed)) ?? "-1");
  return Number.isSafeInteger(hour) ? hour : -1;
}

/** The figures of everything, or of one pool; undefined when the pool has none. */
export function numberOf(pools: ReadonlyMap<string, string>, pool: string | undefined): string | undefined {
  return pool === undefined ? ALL_PAIRS : pools.get(pool);
}

async function readHashes(client: RedisClient, names: readonly string[]): Promise<(TaskCounts | undefined)[]> {
  const found: (TaskCounts | undefined)[] = [];
  for (let from = 0; from < names.length; from += HASHES_AT_ONCE) {
    const pipeline = client.pipeline();
    for (const name of names.slice(from, from + HASHES_AT_ONCE)) pipeline.hgetall(name);
    for (const [error, hash] of (await pipeline.exec()) ?? []) {
      // A key of another type counts as none.
      const fields = error ? [] : Object.entries(hash as Record<string, string>).flat();
      if (fields.length === 0) found.push(undefined);
      else {
        const counts = new TaskCounts();
        counts.addFields(fields);
        found.push(counts);
      }
    }
  }
  return found;
}
