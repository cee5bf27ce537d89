import { JOB_ENDED_FIELD } from "../../wire/records/job.ts";

/**
 * Lua around BullMQ's moveToFinished, for a job that it is to put among the failed ones. `ending` is "cancelled" or "expired",
 * or "" for a failure.
 *
 * `with_ending(job, fields, ending)` gives the list of fields that moveToFinished is to write with the ending among them: the
 * task index reads it in the same step. `note_ending(id, failed, cancelled, ending)`, after that, keeps the set of the pool's
 * cancelled jobs.
 */
export const NOTE_ENDING: string = `
local function with_ending(job, fields, ending)
  if ending == "" then
    redis.call("HDEL", job, "${JOB_ENDED_FIELD}")
  else
    fields[#fields + 1] = "${JOB_ENDED_FIELD}"
    fields[#fields + 1] = ending
  end
  return cmsgpack.pack(fields)
end
local function note_ending(id, failed, cancelled, ending)
  local finished_at = redis.call("ZSCORE", failed, id)
  if ending == "cancelled" and finished_at then redis.call("ZADD", cancelled, finished_at, id)
  else redis.call("ZREM", cancelled, id) end
end
`;
