import { ValidationError } from "@manyhands/core";
import {
  encodeError,
  INDEX_JOB,
  JOB_ERROR_FIELD,
  JOB_FAILURE_FIELD,
  type JobFailure,
  KEPT_EVENTS,
  type Keys,
  type QueuePart,
  type RedisClient,
  Script,
  SERVER_TIME,
} from "@manyhands/core/internal";

/** A job that was failed because BullMQ cannot read it. */
export interface UnreadableJob {
  id: string;
  /** As it was found. */
  data: string;
  error: Error;
}

/**
 * Fails the job that a fetch has made active and that BullMQ could not read: it would stay active, and be taken up
 * again and again. What is broken in it is replaced, so that the tools that list jobs can read it.
 *
 * @param token - the lock's; one fetch has one, and holds one job with it at a time
 * @returns null when that token holds no job
 */
export async function failUnreadableJob(
  { client, keys, name: host }: { client: RedisClient; keys: Keys; name: string },
  place: { pool: string; token: string },
  cause: Error,
): Promise<UnreadableJob | null> {
  const { pool, token } = place;
  const key = (part: QueuePart): string => keys.queue(pool, part);
  const found = await findHeld.run(client, [key("active")], [keys.jobs(pool), token]);
  if (found === null) return null;
  const [id, data, opts, progress, parent] = found;
  const broken = Object.entries({ data, opts, progress, parent }).filter(
    ([, text]) => text !== "" && !isReadable(text),
  );
  const fields = broken.map(([field]) => field);
  if (!fields.includes("opts") && opts !== "" && !isObject(opts)) fields.push("opts");
  const which = fields.length === 0 ? "" : ` (its ${fields.join(" and ")})`;
  const error = new ValidationError(
    `job ${id} of pool "${pool}" cannot be read${which}: ${cause.message}; write its data as JSON such as { "args": [...] }`,
  );
  const failure: JobFailure = { name: error.name, message: error.message, host, pid: process.pid };
  const changed = fields.flatMap((field) => [field, replacementOf(field, data)]);
  const failed = await failHeld.run(
    client,
    [
      ...[keys.job(pool, id), keys.jobLock(pool, id)],
      ...[key("active"), key("stalled"), key("failed"), key("events"), key("marker")],
    ],
    [
      id,
      token,
      error.message,
      JOB_ERROR_FIELD,
      Buffer.from(encodeError(error)).toString("base64"),
      KEPT_EVENTS,
      JOB_FAILURE_FIELD,
      JSON.stringify(failure),
      ...changed,
    ],
  );
  return failed === 1 ? { id, data, error } : null;
}

/** Longest part of unreadable data that is kept, characters. */
const KEPT_TEXT = 1_000;

function replacementOf(field: string, data: string): string {
  if (field === "data") return JSON.stringify({ unreadable: data.slice(0, KEPT_TEXT) });
  return field === "opts" ? "{}" : field === "progress" ? "0" : "";
}

function isReadable(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isObject(text: string): boolean {
  const value = JSON.parse(text) as unknown;
  return typeof value === "object" && value !== null;
}

/**
 * KEYS[1] active jobs
 * ARGV[1] what keys of jobs begin with; ARGV[2] token of a lock
 * Returns {id, data, opts, progress, parent} of the active job that is locked with the token, or nil.
 */
const findHeld = new Script<[string, string, string, string, string] | null>({
  name: "findHeldJob",
  lua: `
for _, id in ipairs(redis.call("LRANGE", KEYS[1], 0, -1)) do
  if redis.call("GET", ARGV[1] .. id .. ":lock") == ARGV[2] then
    local fields = redis.call("HMGET", ARGV[1] .. id, "data", "opts", "progress", "parent")
    return {id, fields[1] or "", fields[2] or "", fields[3] or "", fields[4] or ""}
  end
end
return nil
`,
});

/**
 * KEYS[1] hash of the job; KEYS[2] its lock; KEYS[3] active (list); KEYS[4] stalled (set); KEYS[5] failed (sorted set);
 * KEYS[6] event stream; KEYS[7] markers (sorted set)
 * ARGV[1] job id; ARGV[2] token of its lock; ARGV[3] reason; ARGV[4] field of the error; ARGV[5] base64 of the encoded error;
 * ARGV[6] events kept; ARGV[7..] fields to be set, each with its new value, "" = it goes
 * Returns 1, or 0 when the lock is another's by now.
 */
const failHeld = new Script<number>({
  name: "failHeldJob",
  lua: `
if redis.call("GET", KEYS[2]) ~= ARGV[2] then return 0 end
${SERVER_TIME}
local now = server_time()
redis.call("DEL", KEYS[2])
redis.call("LREM", KEYS[3], -1, ARGV[1])
redis.call("SREM", KEYS[4], ARGV[1])
redis.call("ZADD", KEYS[5], now, ARGV[1])
for index = 7, #ARGV, 2 do
  if ARGV[index + 1] == "" then
    redis.call("HDEL", KEYS[1], ARGV[index])
  else
    redis.call("HSET", KEYS[1], ARGV[index], ARGV[index + 1])
  end
end
redis.call("HSET", KEYS[1], "failedReason", ARGV[3], "finishedOn", string.format("%.0f", now), ARGV[4], ARGV[5])
redis.call("HINCRBY", KEYS[1], "atm", 1)
redis.call("XADD", KEYS[6], "MAXLEN", "~", ARGV[6], "*", "event", "failed", "jobId", ARGV[1], "failedReason", ARGV[3],
  "prev", "active")
redis.call("ZADD", KEYS[7], 0, "0")
${INDEX_JOB}
return 1
`,
});
