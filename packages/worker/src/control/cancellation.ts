import {
  JOB_CANCEL_FIELD,
  JOB_WATCHERS_FIELD,
  type Keys,
  type RedisClient,
  readWatchers,
  Script,
} from "@manyhands/core/internal";

/** A running job, as those who cancel it or wait for it see it. */
interface RequestedOf {
  readonly pool: string;
  readonly jobId: string;
  /** @param unit one call of the job; null: all of it */
  cancel(unit: number | null, reason: string): void;
  /** Posts the answers to that client as well. */
  watch(client: string): void;
}

/**
 * Does what the hashes of running jobs ask for: cancels whole jobs, or single calls of one, and notes who waits for them.
 * The message on the control channel comes sooner, but may get lost, or come before the job was started.
 */
export async function heedRequests(client: RedisClient, keys: Keys, runs: readonly RequestedOf[]): Promise<void> {
  if (runs.length === 0 || client.status !== "ready") return;
  const jobKeys = runs.map((run) => keys.job(run.pool, run.jobId));
  const fields = [JOB_CANCEL_FIELD, JOB_WATCHERS_FIELD];
  for (const [position, field, reason] of await readCancellations.run(client, jobKeys, fields)) {
    if (field === JOB_WATCHERS_FIELD) {
      for (const watcher of readWatchers(reason)) runs[position - 1]?.watch(watcher);
      continue;
    }
    const unit = field === JOB_CANCEL_FIELD ? null : Number(field.slice(JOB_CANCEL_FIELD.length + 1));
    runs[position - 1]?.cancel(unit, reason);
  }
}

/** Whether all of a job is to be cancelled, and not single calls of it. */
export async function isCancelledWhole(
  client: RedisClient,
  keys: Keys,
  { id = "", queueName }: { id?: string; queueName: string },
): Promise<boolean> {
  return (await client.hexists(keys.job(queueName, id), JOB_CANCEL_FIELD)) === 1;
}

/** Forgets that a job was to be cancelled, once it has failed for good: it may be run again. */
export async function forgetCancellation(
  client: RedisClient,
  keys: Keys,
  { pool, jobId }: { pool: string; jobId: string },
): Promise<void> {
  await forgetCarriedOut.run(client, [keys.job(pool, jobId), keys.queue(pool, "failed")], [jobId, JOB_CANCEL_FIELD]);
}

/**
 * KEYS[1] hash of a job; KEYS[2] failed jobs
 * ARGV[1] job id; ARGV[2] what the fields of a cancellation begin with
 * Returns how many fields there were; those of a job that has not failed stay.
 */
const forgetCarriedOut = new Script<number>({
  name: "forgetCarriedOut",
  lua: `
if not redis.call("ZSCORE", KEYS[2], ARGV[1]) then return 0 end
local count = 0
for _, field in ipairs(redis.call("HKEYS", KEYS[1])) do
  if string.sub(field, 1, #ARGV[2]) == ARGV[2] then count = count + redis.call("HDEL", KEYS[1], field) end
end
return count
`,
});

/**
 * KEYS hashes of jobs
 * ARGV[1] field with the reason why the job is to be cancelled; that of one call has ".<unit>" behind it; ARGV[2] field
 * with the clients that wait for the job
 * Returns one row for each such field: {position of the key, field, its content}.
 */
const readCancellations = new Script<[number, string, string][]>({
  name: "readCancellations",
  lua: `
local found = {}
for position, key in ipairs(KEYS) do
  for _, field in ipairs(redis.call("HKEYS", key)) do
    if field == ARGV[1] or field == ARGV[2] or string.sub(field, 1, #ARGV[1] + 1) == ARGV[1] .. "." then
      found[#found + 1] = {position, field, redis.call("HGET", key, field)}
    end
  end
end
return found
`,
});
