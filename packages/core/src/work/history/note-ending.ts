import { JOB_ENDED_FIELD } from "../../wire/records/job.ts";

/**
 * Lua: `note_ending(id, job, failed, cancelled, ending)` writes into a job that BullMQ has just put among the failed ones how
 * it has ended: "cancelled" or "expired", or "" for a failure. `cancelled` is the set of the pool's cancelled jobs.
 */
export const NOTE_ENDING: string = `
local function note_ending(id, job, failed, cancelled, ending)
  local finished_at = redis.call("ZSCORE", failed, id)
  if ending ~= "" and finished_at then redis.call("HSET", job, "${JOB_ENDED_FIELD}", ending)
  else redis.call("HDEL", job, "${JOB_ENDED_FIELD}") end
  if ending == "cancelled" and finished_at then redis.call("ZADD", cancelled, finished_at, id)
  else redis.call("ZREM", cancelled, id) end
end
`;
