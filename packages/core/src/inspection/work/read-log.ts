import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { JOB_LOG_DROPPED_FIELD } from "../../wire/records/job.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";
import type { TaskState } from "../../work/submission/task-view.ts";
import { STATE_PARTS, WHERE_IS } from "./where-is.ts";

/** Most lines that are read at once. */
const MOST_LINES = 1_000;

/** What a job tells of its course so far. */
export interface JobCourse {
  /** When it was submitted, ms since the epoch: another job of the same id has another time. */
  timestamp: string;
  attemptsMade: number;
  failedReason: string | null;
  state: TaskState;
  /** JSON; "" = none. */
  progress: string;
  /** Number of the first of `lines`; lines are numbered from 0, also those that are not kept any more. */
  first: number;
  lines: string[];
  /** Lines written so far. */
  total: number;
}

/**
 * Reads the lines of a job's log from the given number on, and how far the job is.
 * @param from - Number of a line; null = no lines.
 * @returns null when the job is not kept
 */
export async function readCourse(
  { client, keys }: { client: RedisClient; keys: Keys },
  { pool, jobId }: TaskPlace,
  from: number | null,
): Promise<JobCourse | null> {
  const [state, timestamp, attemptsMade, failedReason, progress, dropped, total, lines] = await courseOf.run(
    client,
    [keys.job(pool, jobId), keys.jobLogs(pool, jobId), ...STATE_PARTS.map((part) => keys.queue(pool, part))],
    [JOB_LOG_DROPPED_FIELD, from ?? -1, MOST_LINES, jobId],
  );
  if (timestamp === "") return null;
  return {
    timestamp,
    attemptsMade: Number(attemptsMade),
    failedReason: failedReason === "" ? null : failedReason,
    state,
    progress,
    first: Math.max(from ?? 0, dropped),
    lines,
    total,
  };
}

/**
 * KEYS[1] hash of a job; KEYS[2] its log, a list; KEYS[3..10] where it can be, as `where_is` takes them
 * ARGV[1] name of the field with the number of lines that are not kept any more; ARGV[2] number of the first line, -1 = none;
 * ARGV[3] most lines; ARGV[4] id of the job
 * Returns {state, timestamp (ms; "" = the job is not kept), attempts made, reason of the last failure, progress as JSON, lines
 * that are not kept, lines written so far, {lines}}.
 */
const courseOf = new Script<[TaskState, string, string, string, string, number, number, string[]]>({
  name: "courseOfJob",
  lua: `${WHERE_IS}
local fields = redis.call("HMGET", KEYS[1], "timestamp", "atm", "failedReason", "progress", ARGV[1])
if not fields[1] then return {"unknown", "", "0", "", "", 0, 0, {}} end
local dropped = tonumber(fields[5] or "0") or 0
-- Any client can have written something else there.
local kept = redis.pcall("LLEN", KEYS[2])
if type(kept) ~= "number" then kept = 0 end
local lines = {}
local from = tonumber(ARGV[2])
if from >= 0 and kept > 0 then
  local first = math.max(0, from - dropped)
  lines = redis.call("LRANGE", KEYS[2], first, first + tonumber(ARGV[3]) - 1)
end
return {(where_is(ARGV[4], KEYS[1], 3)), fields[1], fields[2] or "0", fields[3] or "", fields[4] or "", dropped, dropped + kept, lines}
`,
});
