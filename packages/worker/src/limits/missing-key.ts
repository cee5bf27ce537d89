import {
  JOB_LIMIT_KEY_FIELD,
  type Keys,
  LIMIT_KEY_OPTION,
  type PoolRecord,
  type RedisClient,
  readLimitRule,
  type TaskAnnouncement,
} from "@manyhands/core/internal";

/** A job, as far as limits are concerned. */
interface KeyedJob {
  id?: string | undefined;
  name: string;
  opts: object;
}

/**
 * Whether the limits of a job's task count it by a key that its submitter, which does not have the code of the task, could not
 * compute.
 */
export async function lacksKey(
  { client, keys }: { client: RedisClient; keys: Keys },
  job: KeyedJob,
  { pool, task }: { pool: PoolRecord; task: TaskAnnouncement | undefined },
): Promise<boolean> {
  const instead = pool.taskLimits?.[job.name];
  const limits = instead === null ? undefined : (instead ?? task?.options?.limits);
  // Most have none: every job comes here.
  if (!limits) return false;
  const rule = readLimitRule(limits);
  if (!rule?.keyed || !task?.options?.limits?.keyed) return false;
  if ((job.opts as { [LIMIT_KEY_OPTION]?: unknown })[LIMIT_KEY_OPTION] !== undefined) return false;
  return (await client.hexists(keys.job(pool.name, job.id ?? ""), JOB_LIMIT_KEY_FIELD)) === 0;
}
