import { CancelledError } from "../../errors/index.ts";
import type { BullQueues } from "../../redis/bull-queue/bull-queues.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { encode, encodeError } from "../../wire/codec/index.ts";
import {
  ENDS_OF,
  JOB_CANCEL_FIELD,
  JOB_CANCEL_RUN_FIELD,
  JOB_WATCHERS_FIELD,
  type JobEnvelope,
  lifeOf,
  type ReplyItem,
  submissionOf,
  type UnitAnswer,
} from "../../wire/records/job.ts";
import type { ControlMessage } from "../../wire/records/records.ts";
import { unitCount } from "../../wire/records/unit-count.ts";
import type { TaskPlace } from "./find-task.ts";
import type { TaskState } from "./task-view.ts";

const LISTS: readonly QueuePart[] = [
  "wait",
  "paused",
  "prioritized",
  "delayed",
  "completed",
  "failed",
  "active",
  "waiting-children",
];

/** What the cancelled job became, decided in one step. */
type Withdrawal = "removed" | "marked" | "running" | Extract<TaskState, "completed" | "failed"> | "unknown";

/**
 * Cancels a task wherever it is.
 *
 * Before it was started: it leaves its queue, and its caller gets a CancelledError, in the same step. While it runs:
 * the wish is written into the job, where its host finds it also after a lost message, and the host is told. It names the
 * run that it is for: that run keeps it when its host is lost, and no later run is meant.
 *
 * @param request.waitingOnly - Leaves a task alone that has been started, and gives "running".
 */
export async function cancelTask(
  context: { client: RedisClient; keys: Keys; queues: BullQueues },
  place: TaskPlace,
  { reason, waitingOnly = false }: { reason: string; waitingOnly?: boolean },
): Promise<Withdrawal> {
  const { client, keys, queues } = context;
  const { pool, jobId, unit } = place;
  const [data, name, opts, timestamp] = await client.hmget(keys.job(pool, jobId), "data", "name", "opts", "timestamp");
  if (!data) return "unknown";
  const life = lifeOf(jobId, { options: readObject(opts ?? ""), timestamp: timestamp ?? "" });
  if (place.life !== undefined && place.life !== life) return "unknown";
  const envelope = readObject(data) as Partial<JobEnvelope>;
  const submission = submissionOf(jobId, readObject(opts ?? ""));
  const units = unitCount(envelope) ?? 1;
  const alone = unit === null || units === 1;
  const waiting = typeof envelope.client === "string" ? envelope.client : undefined;
  const message: ControlMessage = { type: "cancel", pool, jobId, unit: alone ? null : unit, reason };
  const outcome = await withdraw.run(
    client,
    [
      keys.job(pool, jobId),
      keys.replies(waiting ?? "none"),
      ...LISTS.map((part) => keys.queue(pool, part)),
      keys.jobLock(pool, jobId),
    ],
    [
      jobId,
      JOB_CANCEL_FIELD,
      reason,
      keys.control,
      JSON.stringify(message),
      alone ? 1 : 0,
      waiting === undefined ? "" : Buffer.from(encode([cancelled(name ?? "", jobId, { submission, units, reason })])),
      timestamp ?? "",
      alone ? "" : `.${unit}`,
      JOB_CANCEL_RUN_FIELD,
      Buffer.from(encode([cancelled(name ?? "", jobId, { submission, units, reason })])),
      JOB_WATCHERS_FIELD,
      keys.replies(""),
      waitingOnly ? 1 : 0,
    ],
  );
  if (outcome === "removed") {
    const job = await queues.get(pool).getJob(jobId);
    // Another client may have removed it meanwhile, and its id be that of a later job.
    if (job && String(job.timestamp) === timestamp) await job.remove().catch(() => {});
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

function cancelled(
  name: string,
  jobId: string,
  facts: { submission: string; units: number; reason: string },
): ReplyItem {
  const error = new CancelledError(`task "${name}" (${jobId}) was cancelled before it started: ${facts.reason}`);
  const bytes = encodeError(error);
  const answers = Array.from({ length: facts.units }, (_, unit): UnitAnswer => [unit, 0, bytes, 0]);
  return [facts.submission, encode(answers), "", 0];
}

/**
 * KEYS[1] job hash; KEYS[2] reply stream of its client; KEYS[3..6] wait, paused (lists), prioritized, delayed (sorted
 * sets); KEYS[7] completed; KEYS[8] failed; KEYS[9] active (list); KEYS[10] waiting-children (sorted set); KEYS[11] lock
 * ARGV[1] job id; ARGV[2] field of the job that holds a wish; ARGV[3] reason; ARGV[4] control channel; ARGV[5] its
 * message; ARGV[6] 1 = the whole job, 0 = one call of it; ARGV[7] encoded answer for the client, "" = no caller waits
 * A job that is taken out is marked by the field "withdrawn", so that a script that is sent again knows what it has done.
 * ARGV[8] when the job was submitted, ms: a later job of the same id is not meant; ARGV[9] what comes behind the names of
 * the fields, "" = the whole job; ARGV[10] field of the run that the wish is for; ARGV[11] encoded answer for all others
 * who wait; ARGV[12] field of the job with their ids; ARGV[13] what the keys of reply streams begin with;
 * ARGV[14] 1 = one that has been started is left alone
 * Returns "removed" (out of its queue, the client has its answer), "marked" (wish written and published), "completed",
 * "failed", "running" (left alone) or "unknown".
 */
const withdraw = new Script<Withdrawal>({
  name: "withdrawJob",
  lua: `${ENDS_OF}
if redis.call("HGET", KEYS[1], "timestamp") ~= ARGV[8] then return "unknown" end
if redis.call("HEXISTS", KEYS[1], "withdrawn") == 1 then return "removed" end
if redis.call("ZSCORE", KEYS[7], ARGV[1]) then return "completed" end
if redis.call("ZSCORE", KEYS[8], ARGV[1]) then return "failed" end
if ARGV[6] == "1" then
  local taken = redis.call("LREM", KEYS[3], 0, ARGV[1]) + redis.call("LREM", KEYS[4], 0, ARGV[1])
    + redis.call("ZREM", KEYS[5], ARGV[1]) + redis.call("ZREM", KEYS[6], ARGV[1])
  local runs = redis.call("EXISTS", KEYS[11]) == 1 or redis.call("LPOS", KEYS[9], ARGV[1])
  -- In no list, it would never run and never be answered.
  if taken == 0 and not runs and not redis.call("ZSCORE", KEYS[10], ARGV[1]) then taken = 1 end
  if taken > 0 then
    redis.call("HSET", KEYS[1], "withdrawn", 1)
    if ARGV[7] ~= "" then
      redis.call("XADD", KEYS[2], "*", "answers", ARGV[7])
      redis.call("PEXPIRE", KEYS[2], 3600000)
    end
    for client in string.gmatch(redis.call("HGET", KEYS[1], ARGV[12]) or "", "%S+") do
      local stream = ARGV[13] .. client
      if stream ~= KEYS[2] then
        -- Any client can write ids here, also one whose key is of another type.
        redis.pcall("XADD", stream, "*", "answers", ARGV[11])
        redis.pcall("PEXPIRE", stream, 3600000)
      end
    end
    return "removed"
  end
end
if ARGV[14] == "1" then return "running" end
local starts = redis.call("HGET", KEYS[1], "ats") or "0"
redis.call("HSET", KEYS[1], ARGV[2] .. ARGV[9], ARGV[3], ARGV[10] .. ARGV[9], ends_of(KEYS[1]) .. ":" .. starts)
-- A host that has another run of the id by now looks into the job.
redis.call("PUBLISH", ARGV[4], string.sub(ARGV[5], 1, -2) .. ',"run":"' .. ARGV[8] .. "/" .. starts .. '"}')
return "marked"
`,
});
