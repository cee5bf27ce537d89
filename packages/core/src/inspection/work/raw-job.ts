import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";
import type { TaskState } from "../../work/submission/task-view.ts";

/** The hash of a BullMQ job as it is in Redis. */
export interface RawJob {
  fields: Record<string, string>;
  /** Names of fields that are longer than what is told of them. */
  cut: string[];
}

/** A task, or a workflow (`pool` is null), that belongs to another task. */
export interface RelatedJob {
  pool: string | null;
  id: string;
  /** As it is now; null = it is no longer kept. */
  state: TaskState | null;
  /** It has ended. */
  isDone: boolean;
}

/** Tasks around a task. */
export interface RelatedJobs {
  /** What it has submitted as its children, and the jobs of a flow of BullMQ that it waits for; the first 200 found. */
  children: RelatedJob[];
  /** All of them that are noted, also those that are no longer kept. */
  count: number;
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

/** What is noted of the children of a task, with no look at the children themselves. */
export interface NotedChildren {
  /** `isDone`: BullMQ says so of a job of a flow. */
  found: { pool: string | null; id: string; isDone: boolean; isFlow: boolean }[];
  count: number;
}

/** BullMQ keeps the keys of the jobs that a job waits for beside it; children are noted in a set. */
export async function readChildren(
  { client, keys }: { client: RedisClient; keys: Keys },
  { pool, jobId, unit }: TaskPlace,
): Promise<NotedChildren> {
  const job = keys.job(pool, jobId);
  const children = keys.children(pool, jobId);
  const [[, open], [, done], [, noted], ...counts] = await Promise.all([
    client.sscan(`${job}:dependencies`, "0", "COUNT", MOST_CHILDREN),
    client.hscan(`${job}:processed`, "0", "COUNT", MOST_CHILDREN),
    client.sscan(children, "0", "COUNT", MOST_CHILDREN),
    client.scard(`${job}:dependencies`),
    client.hlen(`${job}:processed`),
    client.scard(children),
  ]);
  const finished = done.filter((_, index) => index % 2 === 0);
  const all = noted.flatMap((member) => readChild(member) ?? []);
  const own = all.filter((child) => unit === null || child.unit === unit);
  const found = [
    ...open.map((key) => ({ ...placeOf(key), isDone: false, isFlow: true })),
    ...finished.map((key) => ({ ...placeOf(key), isDone: true, isFlow: true })),
    ...own
      .sort((left, right) => left.id.localeCompare(right.id, "en", { numeric: true }))
      .map(({ pool, id }) => ({ pool, id, isDone: false, isFlow: false })),
  ];
  // Of one call of a job the others do not count.
  const count = counts.reduce((sum, one) => sum + one, 0) - (all.length - own.length);
  return { found: found.slice(0, MOST_CHILDREN), count };
}

function readChild(member: string): { unit: number | null; pool: string | null; id: string } | null {
  try {
    const [unit, pool, id] = JSON.parse(member) as [unit: number | null, pool: string | null, id: string];
    return typeof id === "string" ? { unit, pool, id } : null;
  } catch {
    return null;
  }
}

/** `<prefix>:<queue>:<id>`; a prefix of ours and a queue have no colon in them. */
function placeOf(key: string): { pool: string; id: string } {
  const [, pool = "", ...id] = key.split(":");
  return { pool, id: id.join(":") };
}
