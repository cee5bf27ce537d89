import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { JOB_ENDED_FIELD } from "../../wire/records/job.ts";
import type { TaskState } from "../../work/submission/task-view.ts";

/** Where a job of a state stands, in the order of the keys that `where_is` takes. */
export const STATE_PARTS: readonly QueuePart[] = [
  ...(["completed", "failed", "delayed", "prioritized", "active", "wait", "paused", "waiting-children"] as const),
];

/**
 * The state of a job that BullMQ has among the failed ones.
 * @param ended - The field `JOB_ENDED_FIELD` of the job.
 */
export function finishedState(ended: string | null | undefined): Extract<TaskState, "failed" | "cancelled"> {
  return ended === "cancelled" ? "cancelled" : "failed";
}

/** Where a task is, and how many are before it in line; null where that is not known, or it does not wait. */
export async function whereIs(
  client: RedisClient,
  keys: Keys,
  { pool, jobId }: { pool: string; jobId: string },
): Promise<{ state: TaskState; position: number | null }> {
  const [state, position] = await whereIsJob.run(
    client,
    [keys.job(pool, jobId), ...STATE_PARTS.map((part) => keys.queue(pool, part))],
    [jobId],
  );
  return { state, position: position < 0 ? null : position };
}

/** Longest line in which a place is looked for. */
const LONGEST_LINE = 10_000;

/**
 * Lua: `where_is(id, job, first)`, the state of a job and how many are before it in line, or -1. `job` is the key of its hash;
 * KEYS from `first` on are those of {@link STATE_PARTS}. It decides as {@link finishedState}.
 */
export const WHERE_IS: string = `
local function where_is(id, job, first)
  if redis.call("ZSCORE", KEYS[first], id) then return "completed", -1 end
  if redis.call("ZSCORE", KEYS[first + 1], id) then
    return redis.call("HGET", job, "${JOB_ENDED_FIELD}") == "cancelled" and "cancelled" or "failed", -1
  end
  if redis.call("ZSCORE", KEYS[first + 2], id) then return "delayed", -1 end
  local rank = redis.call("ZRANK", KEYS[first + 3], id)
  if rank then return "prioritized", rank + redis.call("LLEN", KEYS[first + 5]) end
  if redis.call("LPOS", KEYS[first + 4], id) then return "active", -1 end
  for line = first + 5, first + 6 do
    local place = redis.call("LPOS", KEYS[line], id, "RANK", -1, "MAXLEN", ${LONGEST_LINE})
    if place then return "waiting", redis.call("LLEN", KEYS[line]) - 1 - place end
    if redis.call("LPOS", KEYS[line], id) then return "waiting", -1 end
  end
  if redis.call("ZSCORE", KEYS[first + 7], id) then return "waiting-children", -1 end
  return "unknown", -1
end
`;

/**
 * KEYS[1] hash of a job; KEYS[2..9] where it can be, as `where_is` takes them
 * ARGV[1] id of the job
 * Returns {state, how many are before it in line or -1}.
 */
const whereIsJob = new Script<[TaskState, number]>({
  name: "whereIsJob",
  lua: `${WHERE_IS}
local state, position = where_is(ARGV[1], KEYS[1], 2)
return {state, position}
`,
});
