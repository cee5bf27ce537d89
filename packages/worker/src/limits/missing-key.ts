import {
  JOB_LIMIT_KEY_FIELD,
  type Keys,
  LIMIT_KEY_OPTION,
  type PoolRecord,
  type RedisClient,
  readLimitRule,
  Script,
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

/** Notes the key of a job that was taken only to compute it. That was no start. */
export async function noteKey(
  { client, keys }: { client: RedisClient; keys: Keys },
  place: { pool: string; jobId: string },
  key: string,
): Promise<void> {
  await keepKey.run(client, [keys.job(place.pool, place.jobId)], [key]);
}

/**
 * Notes the key that limits count a job under, and takes the start back that the look for the key has counted.
 *
 * KEYS[1] hash of the job
 * ARGV[1] key
 * Returns 1 when it is noted now, 0 when it was before.
 */
const keepKey = new Script<0 | 1>({
  name: "keepKey",
  lua: `
if redis.call("HSETNX", KEYS[1], "${JOB_LIMIT_KEY_FIELD}", ARGV[1]) == 0 then return 0 end
if redis.call("HINCRBY", KEYS[1], "ats", -1) <= 0 then redis.call("HDEL", KEYS[1], "ats") end
redis.call("HDEL", KEYS[1], "processedOn", "pb")
return 1
`,
});
