import { CancelledError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { NOTE_CHANGE, Script } from "../../redis/script/index.ts";
import { encode, encodeError } from "../../wire/codec/index.ts";
import {
  ENDS_OF,
  JOB_CANCEL_FIELD,
  JOB_CANCEL_RUN_FIELD,
  JOB_ENDED_FIELD,
  JOB_ERROR_FIELD,
  JOB_EXPIRED_FIELD,
  JOB_WATCHERS_FIELD,
  type JobEnding,
  type JobEnvelope,
  lifeOf,
  type ReplyItem,
  submissionOf,
  type UnitAnswer,
} from "../../wire/records/job.ts";
import type { ControlMessage } from "../../wire/records/records.ts";
import { unitCount } from "../../wire/records/unit-count.ts";
import { finishUnstarted, unstartedArguments, unstartedKeys } from "../history/index.ts";
import { LEAVE_TURN } from "../limits/index.ts";
import { poolLabel, rollupsOf } from "../rollups/index.ts";
import type { TaskPlace } from "./find-task.ts";
import type { TaskState } from "./task-view.ts";

/** Where a job is looked for; the script has these keys also among those of BullMQ's. */
const LISTS: readonly QueuePart[] = [
  "wait",
  "paused",
  "prioritized",
  "delayed",
  "completed",
  "active",
  "waiting-children",
];

/** Jobs at each end of a list that are searched first. */
const NEAR_END = 1_000;

/** What the cancelled job became, decided in one step. */
type Withdrawal =
  | "withdrawn"
  | "marked"
  | "running"
  | "early"
  | Extract<TaskState, "completed" | "failed" | "cancelled">
  | "unknown";

/**
 * Cancels a task wherever it is.
 *
 * Before it was started: it leaves its queue, its caller gets a CancelledError, and the history has it as cancelled, in the
 * same step. While it runs:
 * the wish is written into the job, where its host finds it also after a lost message, and the host is told. It names the
 * run that it is for: that run keeps it when its host is lost, and no later run is meant.
 *
 * @param request.waitingOnly - Leaves a task alone that has been started, and gives "running".
 */
export async function cancelTask(
  context: { client: RedisClient; keys: Keys },
  place: TaskPlace,
  { reason, waitingOnly = false }: { reason: string; waitingOnly?: boolean },
): Promise<Exclude<Withdrawal, "early">> {
  const withdrawal = await withdrawTask(context, place, {
    ending: "cancelled",
    reason,
    waitingOnly,
    error: ({ name }) =>
      new CancelledError(`task "${name}" (${place.jobId}) was cancelled before it started: ${reason}`),
  });
  return withdrawal === "early" ? "running" : withdrawal;
}

/** What is known of the job that is to end. */
interface WithdrawnJob {
  /** Of its task. */
  name: string;
  envelope: Partial<JobEnvelope>;
}

/** How a task ends that is taken out of its queue. */
interface TaskWithdrawal {
  ending: JobEnding;
  error: (job: WithdrawnJob) => Error;
  /** For a task that is told to stop while it runs. */
  reason: string;
  /** Leaves a task alone that has been started, and gives "running". */
  waitingOnly: boolean;
  /** Only a task that has never been started, and that has expired by its envelope: gives "early" before that. */
  expiredOnly?: boolean;
}

/** Takes a task out of its queue, and tells what waits for it; one that runs is told to stop. */
export async function withdrawTask(
  context: { client: RedisClient; keys: Keys },
  place: TaskPlace,
  { ending, error: describe, reason, waitingOnly, expiredOnly = false }: TaskWithdrawal,
): Promise<Withdrawal> {
  const { client, keys } = context;
  const { pool, jobId, unit } = place;
  const [data, name, opts, timestamp] = await client.hmget(keys.job(pool, jobId), "data", "name", "opts", "timestamp");
  if (!data) return "unknown";
  const options = readObject(opts ?? "");
  const life = lifeOf(jobId, { options, timestamp: timestamp ?? "" });
  if (place.life !== undefined && place.life !== life) return "unknown";
  const envelope = readObject(data) as Partial<JobEnvelope>;
  const submission = submissionOf(jobId, options);
  const units = unitCount(envelope) ?? 1;
  const alone = unit === null || units === 1;
  const waiting = typeof envelope.client === "string" ? envelope.client : undefined;
  const message: ControlMessage = { type: "cancel", pool, jobId, unit: alone ? null : unit, reason };
  const error = describe({ name: name ?? "", envelope });
  const { expires } = envelope;
  const expiry = typeof expires === "number" ? Number(timestamp) + expires : Number.NaN;
  if (expiredOnly && Number.isNaN(expiry)) return "running";
  const answer = Buffer.from(encode([replyOf(error, submission, units)]));
  const outcome = await withdraw.run(
    client,
    [
      ...unstartedKeys(keys, pool, jobId),
      ...LISTS.map((part) => keys.queue(pool, part)),
      keys.jobLock(pool, jobId),
      keys.replies(waiting ?? "none"),
    ],
    [
      ...unstartedArguments({ ending, error, options, jobs: keys.jobs(pool) }),
      jobId,
      JOB_CANCEL_FIELD,
      reason,
      keys.control,
      JSON.stringify(message),
      alone ? 1 : 0,
      waiting === undefined ? "" : answer,
      timestamp ?? "",
      alone ? "" : `.${unit}`,
      JOB_CANCEL_RUN_FIELD,
      answer,
      JOB_WATCHERS_FIELD,
      keys.replies(""),
      waitingOnly ? 1 : 0,
      expiredOnly ? expiry : "",
    ],
  );
  if (outcome === "withdrawn") {
    rollupsOf(client, keys)
      .of(poolLabel(pool), name ?? "")
      .add(ending, units);
  }
  return outcome;
}

/** What a job holds, which any BullMQ client may have written: it can be cancelled with any content. */
function readObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function replyOf(error: Error, submission: string, units: number): ReplyItem {
  const bytes = encodeError(error);
  const answers = Array.from({ length: units }, (_, unit): UnitAnswer => [unit, 0, bytes, 0]);
  return [submission, encode(answers), "", 0];
}

/**
 * KEYS[1..15] those of `finish_unstarted`: 11 = failed jobs, 12 = job hash; KEYS[16] wait; KEYS[17] paused (lists); KEYS[18]
 * prioritized; KEYS[19] delayed; KEYS[20] completed (sorted sets); KEYS[21] active (list); KEYS[22] waiting-children (sorted
 * set); KEYS[23] lock; KEYS[24] reply stream of the client
 * ARGV[1..7] those of `finish_unstarted`; ARGV[8] job id; ARGV[9] field of the job that holds a wish; ARGV[10] reason;
 * ARGV[11] control channel; ARGV[12] its message; ARGV[13] 1 = the whole job, 0 = one call of it; ARGV[14] encoded answer for
 * the client, "" = no caller waits; ARGV[15] when the job was submitted, ms: a later job of the same id is not meant;
 * ARGV[16] what comes behind the names of the fields, "" = the whole job; ARGV[17] field of the run that the wish is for;
 * ARGV[18] encoded answer for all others who wait; ARGV[19] field of the job with their ids; ARGV[20] what the keys of reply
 * streams begin with; ARGV[21] 1 = one that has been started is left alone; ARGV[22] when it expires, epoch ms: it is left alone
 * before that, and also when it was ever started, "" = it is withdrawn in any case
 * Returns "withdrawn" (it has left its queue and is cancelled, the client has its answer), "marked" (wish written and
 * published), "completed", "failed", "cancelled", "running" (left alone), "early" (it has not expired yet) or "unknown".
 */
const withdraw = new Script<Withdrawal>({
  name: "withdrawJob",
  lua: () => `${ENDS_OF}${LEAVE_TURN}${finishUnstarted()}
local job, id = KEYS[12], ARGV[8]
-- A list may be long: both of its ends are searched first, where the newest and the oldest jobs are.
local function leave_list(list, member)
  local is_last = not redis.call("LPOS", list, member, "MAXLEN", ${NEAR_END})
    and redis.call("LPOS", list, member, "RANK", -1, "MAXLEN", ${NEAR_END})
  return redis.call("LREM", list, is_last and -1 or 1, member)
end
if redis.call("HGET", job, "timestamp") ~= ARGV[15] then return "unknown" end
if redis.call("ZSCORE", KEYS[20], id) then return "completed" end
if redis.call("ZSCORE", KEYS[11], id) then
  -- This script has been sent again: the error tells one cancellation from another.
  if redis.call("HGET", job, "${JOB_ERROR_FIELD}") == ARGV[6] then return "withdrawn" end
  return redis.call("HGET", job, "${JOB_ENDED_FIELD}") == "cancelled" and "cancelled" or "failed"
end
if ARGV[22] ~= "" then
  local started = redis.call("HMGET", job, "ats", "${JOB_EXPIRED_FIELD}")
  if (started[1] and started[1] ~= "0") or started[2] then return "running" end
  if server_time() < tonumber(ARGV[22]) then return "early" end
end
if ARGV[13] == "1" then
  local taken = redis.call("ZREM", KEYS[18], id) + redis.call("ZREM", KEYS[19], id)
  if taken == 0 then taken = leave_list(KEYS[16], id) end
  if taken == 0 then taken = leave_list(KEYS[17], id) end
  local runs = redis.call("EXISTS", KEYS[23]) == 1 or redis.call("LPOS", KEYS[21], id)
  -- In no list, it would never run and never be answered.
  if taken == 0 and not runs and not redis.call("ZSCORE", KEYS[22], id) then taken = 1 end
  if taken > 0 then
    leave_turn(job, id)
    local watchers = redis.call("HGET", job, ARGV[19]) or ""
    if ARGV[22] ~= "" then redis.call("HSET", job, "${JOB_EXPIRED_FIELD}", 1) end
    finish_unstarted(id, KEYS, ARGV)
    if ARGV[14] ~= "" then
      redis.call("XADD", KEYS[24], "*", "answers", ARGV[14])
      redis.call("PEXPIRE", KEYS[24], 3600000)
    end
    for client in string.gmatch(watchers, "%S+") do
      local stream = ARGV[20] .. client
      if stream ~= KEYS[24] then
        -- Any client can write ids here, also one whose key is of another type.
        redis.pcall("XADD", stream, "*", "answers", ARGV[18])
        redis.pcall("PEXPIRE", stream, 3600000)
      end
    end
    return "withdrawn"
  end
end
if ARGV[21] == "1" then return "running" end
local starts = redis.call("HGET", job, "ats") or "0"
redis.call("HSET", job, ARGV[9] .. ARGV[16], ARGV[10], ARGV[17] .. ARGV[16], ends_of(job) .. ":" .. starts)
-- A host that has another run of the id by now looks into the job.
redis.call("PUBLISH", ARGV[11], string.sub(ARGV[12], 1, -2) .. ',"run":"' .. ARGV[15] .. "/" .. starts .. '"}')
${NOTE_CHANGE}
note_change(job, "pools/" .. string.match(job, "^{[^}]*}:([^:]*):"))
return "marked"
`,
});
