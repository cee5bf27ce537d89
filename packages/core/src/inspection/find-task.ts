import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../protocol/keys.ts";

/** Where a task is kept. */
export interface TaskPlace {
  pool: string;
  jobId: string;
  /** One call of a job that several calls share; null = the whole job. */
  unit: number | null;
}

/**
 * Finds a task by its id alone: job ids are unique over the pools of a namespace. `<job>.<n>` names one call of a job
 * that several calls share.
 */
export async function findTask(
  client: RedisClient,
  keys: Keys,
  search: { id: string; pools: readonly string[] },
): Promise<TaskPlace | null> {
  const { id, pools } = search;
  const whole = await findJob(client, keys, { id, pools });
  if (whole !== null) return { pool: whole, jobId: id, unit: null };
  const parts = /^(.+)\.(\d+)$/.exec(id);
  if (!parts?.[1]) return null;
  const shared = await findJob(client, keys, { id: parts[1], pools });
  return shared === null ? null : { pool: shared, jobId: parts[1], unit: Number(parts[2]) };
}

async function findJob(
  client: RedisClient,
  keys: Keys,
  search: { id: string; pools: readonly string[] },
): Promise<string | null> {
  // BullMQ keeps its own keys beside the jobs; an id such as "wait" or "x:logs" would find one of them.
  if (!/^[^:\s]{1,400}$/.test(search.id)) return null;
  const pipeline = client.pipeline();
  for (const pool of search.pools) pipeline.hexists(keys.job(pool, search.id), "timestamp");
  const replies = (await pipeline.exec()) ?? [];
  const index = replies.findIndex(([, found]) => found === 1);
  return search.pools[index] ?? null;
}
