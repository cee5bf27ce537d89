import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";

/** The hash of a BullMQ job as it is in Redis. */
export interface RawJob {
  fields: Record<string, string>;
  /** Names of fields that are longer than what is told of them. */
  cut: string[];
}

/** Jobs of a flow of BullMQ around a task. */
export interface RelatedJobs {
  /** What it waits for, or has waited for; the first 200. */
  children: { pool: string; id: string; isDone: boolean }[];
}

/** Longest field, characters. */
const LONGEST_FIELD = 100_000;
const MOST_CHILDREN = 200;

/** @returns null when the job is not kept */
export async function readRawJob(
  { client, keys }: { client: RedisClient; keys: Keys },
  { pool, jobId }: TaskPlace,
): Promise<RawJob | null> {
  const fields = await client.hgetall(keys.job(pool, jobId));
  const names = Object.keys(fields);
  if (names.length === 0) return null;
  const cut = names.filter((name) => (fields[name] ?? "").length > LONGEST_FIELD);
  for (const name of cut) fields[name] = (fields[name] ?? "").slice(0, LONGEST_FIELD);
  return { fields, cut };
}

/** BullMQ keeps the keys of the jobs that a job waits for beside it. */
export async function readRelatedJobs(
  { client, keys }: { client: RedisClient; keys: Keys },
  { pool, jobId }: TaskPlace,
): Promise<RelatedJobs> {
  const job = keys.job(pool, jobId);
  const [[, open], [, done]] = await Promise.all([
    client.sscan(`${job}:dependencies`, "0", "COUNT", MOST_CHILDREN),
    client.hscan(`${job}:processed`, "0", "COUNT", MOST_CHILDREN),
  ]);
  const finished = done.filter((_, index) => index % 2 === 0);
  const children = [
    ...open.map((key) => ({ ...placeOf(key), isDone: false })),
    ...finished.map((key) => ({ ...placeOf(key), isDone: true })),
  ];
  return { children: children.slice(0, MOST_CHILDREN) };
}

/** `<prefix>:<queue>:<id>`; a prefix of ours and a queue have no colon in them. */
function placeOf(key: string): { pool: string; id: string } {
  const [, pool = "", ...id] = key.split(":");
  return { pool, id: id.join(":") };
}
