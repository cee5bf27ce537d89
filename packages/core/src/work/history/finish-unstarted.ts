import { bullFunction, MOVE_KEYS, packArgument } from "../../redis/bull-queue/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { SERVER_TIME } from "../../redis/script/index.ts";
import { INDEX_RESTATE } from "../../redis/task-index/index.ts";
import { encodeError } from "../../wire/codec/index.ts";
import {
  JOB_ENDED_FIELD,
  JOB_ERROR_FIELD,
  JOB_FAILURE_FIELD,
  type JobEnding,
  type JobFailure,
} from "../../wire/records/job.ts";
import { NOTE_ENDING } from "./note-ending.ts";

/** The keys that `finish_unstarted` needs: those of BullMQ's moveToFinished in its order, then the pool's cancelled jobs. */
export function unstartedKeys(keys: Keys, pool: string, jobId: string): string[] {
  return [
    ...[...MOVE_KEYS, "failed" as const].map((part) => keys.queue(pool, part)),
    keys.job(pool, jobId),
    `${keys.jobs(pool)}metrics:failed`,
    keys.queue(pool, "marker"),
    keys.cancelled(pool),
  ];
}

/** How a job ends that has not been started. */
export interface UnstartedEnd {
  ending: JobEnding;
  error: Error;
  /** Options of the job, as BullMQ has stored them; any client may have written them. */
  options: object;
  /** What the keys of jobs of its queue begin with. */
  jobs: string;
}

/** The arguments that `finish_unstarted` needs. */
export function unstartedArguments({ ending, error, options, jobs }: UnstartedEnd): (string | Buffer)[] {
  const { removeOnFail, fpof, cpof, idof, rdof } = options as Record<string, unknown>;
  const failure: JobFailure = { name: error.name, message: error.message, host: "", pid: 0 };
  return [
    jobs,
    packArgument({
      token: "0",
      keepJobs: keepRule(removeOnFail),
      // It has used up no attempt: BullMQ is not to tell that its attempts are.
      attempts: Number.MAX_SAFE_INTEGER,
      maxMetricsSize: "",
      ...{ fpof: fpof === true, cpof: cpof === true, idof: idof === true, rdof: rdof === true },
    }),
    error.message,
    JSON.stringify([`${error.name}: ${error.message}`]),
    ending,
    Buffer.from(encodeError(error)).toString("base64"),
    JSON.stringify(failure),
  ];
}

/** What a client of BullMQ has asked for; a rule that it would not understand counts as none. */
function keepRule(rule: unknown): { count?: number; age?: number } {
  if (rule === true) return { count: 0 };
  if (typeof rule === "number") return { count: rule };
  if (typeof rule !== "object" || rule === null) return { count: -1 };
  const { count, age } = rule as { count?: unknown; age?: unknown };
  return {
    ...(typeof count === "number" ? { count } : {}),
    ...(typeof age === "number" ? { age } : {}),
  };
}

/**
 * Lua: `finish_unstarted(id, keys, arguments)` finishes a job that is in no list any more and that nothing runs: BullMQ's
 * moveToFinished puts it among the failed ones, with its events and what it does for parents and deduplication, and the job
 * says how it has ended. It keeps the count of attempts that it had. `keys` and `arguments` are those of
 * {@link unstartedKeys} and {@link unstartedArguments}. Loads BullMQ.
 */
export function finishUnstarted(): string {
  return `${SERVER_TIME}${NOTE_ENDING}
local function finish_unstarted(id, keys, arguments)
${bullFunction("moveToFinished")}
  local now = string.format("%.0f", server_time())
  local job, failed = keys[12], keys[11]
  local attempts = redis.call("HGET", job, "atm")
  redis.call("LPUSH", keys[2], id)
  -- What another client has written into the job may be nothing that BullMQ understands.
  local is_done, code = pcall(moveToFinished, keys, {id, now, "failedReason", arguments[3], "failed", "0", arguments[1],
    arguments[2], with_ending(job, {"stacktrace", arguments[4]}, arguments[5])})
  if not is_done or code ~= 0 then
    redis.call("LREM", keys[2], 1, id)
    redis.call("ZADD", failed, now, id)
    redis.call("HSET", job, "failedReason", arguments[3], "finishedOn", now, "stacktrace", arguments[4],
      "${JOB_ENDED_FIELD}", arguments[5])
    ${INDEX_RESTATE}
    index_try(job, index_restate, job, false)
  end
  if redis.call("EXISTS", job) == 0 then return end
  if attempts then redis.call("HSET", job, "atm", attempts) else redis.call("HDEL", job, "atm") end
  redis.call("HSET", job, "${JOB_ERROR_FIELD}", arguments[6], "${JOB_FAILURE_FIELD}", arguments[7])
  note_ending(id, failed, keys[15], arguments[5])
end
`;
}
