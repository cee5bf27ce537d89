import { ValueError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";

/** Where a task is kept. */
export interface TaskPlace {
  pool: string;
  jobId: string;
  /** One call of a job that several calls share; null = the whole job. */
  unit: number | null;
  /** The life of the id that is meant (`lifeOf`). Absent: whichever job has it. */
  life?: string;
}

/** An id names neither: several pools have a task of it, or a task and a workflow. To callers it is a ValueError. */
export class SharedIdError extends ValueError {
  override name = "ValueError";
  /** Pools that have a task of the id. */
  readonly pools: readonly string[];
  /** Whether a workflow has it, too. */
  readonly isOfWorkflow: boolean;

  constructor(message: string, { pools, isOfWorkflow = false }: { pools: readonly string[]; isOfWorkflow?: boolean }) {
    super(message);
    this.pools = pools;
    this.isOfWorkflow = isOfWorkflow;
  }
}

/**
 * Finds a task by its id. `<job>.<n>` names one call of a job that several calls share. Ids that manyhands makes are unique;
 * those that callers choose, and those of other clients of BullMQ, which count from 1 in every queue, are so in their pool only.
 *
 * @throws SharedIdError when several of the pools have a task of that id, naming them
 */
export async function findTaskPlace(
  client: RedisClient,
  keys: Keys,
  search: { id: string; pools: readonly string[] },
): Promise<TaskPlace | null> {
  const { id, pools } = search;
  const whole = await findJob(client, keys, { id, pools });
  if (whole !== null) return { pool: whole, jobId: id, unit: null };
  const parts = /^(.+)\.(\d+)$/s.exec(id);
  if (!parts?.[1]) return null;
  const shared = await findJob(client, keys, { id: parts[1], pools });
  return shared === null ? null : { pool: shared, jobId: parts[1], unit: Number(parts[2]) };
}

async function findJob(
  client: RedisClient,
  keys: Keys,
  search: { id: string; pools: readonly string[] },
): Promise<string | null> {
  const { id, pools } = search;
  if (id === "" || id.length > LONGEST_ID) return null;
  const pipeline = client.pipeline();
  // BullMQ keeps its own keys beside the jobs, and an id such as "wait" or "x:logs" finds one of them: no job.
  for (const pool of pools) pipeline.hmget(keys.job(pool, id), "timestamp", "data");
  const replies = (await pipeline.exec()) ?? [];
  // A key of another type is no job; any other refusal says nothing about the task.
  const refused = replies.find(([error]) => error && !error.message.startsWith("WRONGTYPE"));
  if (refused) throw refused[0];
  const found = pools.filter((_, index) => {
    const [error, fields] = replies[index] ?? [];
    return !error && (fields as (string | null)[]).every((field) => field !== null);
  });
  if (found.length < 2) return found[0] ?? null;
  throw new SharedIdError(
    `${found.length} pools have a task with the id "${id}": ${found.join(", ")}; say which pool is meant: --pool ${found[0]}, or { pool: "${found[0]}" } in a program`,
    { pools: found },
  );
}

/** Ids are of any characters; a job scheduler of BullMQ puts colons into its own. */
const LONGEST_ID = 1_000;
