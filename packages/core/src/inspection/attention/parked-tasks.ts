import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";

/** Tasks of one name in one pool that no live host knows. */
export interface ParkedTasks {
  pool: string;
  task: string;
  count: number;
  /** When the first of them was submitted, epoch ms; null = it is not known. */
  since: number | null;
}

/** Pairs of a pool and a task that are looked at. */
const MOST_PAIRS = 100;

/** What is parked because no live host knows it, the most first. */
export async function readParked(client: RedisClient, keys: Keys): Promise<ParkedTasks[]> {
  const members = await client.smembers(keys.parked).catch((error) => {
    if (isWrongType(error)) return [];
    throw error;
  });
  const pairs = members.sort().slice(0, MOST_PAIRS).map(pairOf);
  if (pairs.length === 0) return [];
  const pipeline = client.pipeline();
  for (const { pool, task } of pairs) {
    pipeline.zcard(keys.parkedJobs(pool, task));
    pipeline.zrange(keys.parkedJobs(pool, task), 0, "0");
  }
  const replies = (await pipeline.exec()) ?? [];
  const found = pairs.map((pair, index) => ({
    ...pair,
    count: Number(replies[2 * index]?.[1] ?? 0),
    first: ((replies[2 * index + 1]?.[1] ?? []) as string[])[0],
  }));
  const times = client.pipeline();
  for (const { pool, first } of found) times.hget(keys.job(pool, first ?? ""), "timestamp");
  const submitted = (await times.exec()) ?? [];
  return found
    .map(({ pool, task, count }, index) => {
      const time = submitted[index]?.[1];
      return { pool, task, count, since: typeof time === "string" ? Number(time) : null };
    })
    .filter(({ count }) => count > 0)
    .sort((left, right) => right.count - left.count);
}

/** A task's name has no slash in front of it that a pool's could have: pools have none. */
function pairOf(member: string): { pool: string; task: string } {
  const slash = member.indexOf("/");
  return { pool: member.slice(0, slash), task: member.slice(slash + 1) };
}
