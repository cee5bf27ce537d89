import { assertOptions, type OptionTypes } from "../../checks/index.ts";
import { got, ManyhandsError, ValueError } from "../../errors/index.ts";
import { bullFunction } from "../../redis/bull-queue/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { NOTE_CHANGE, Script, SERVER_TIME } from "../../redis/script/index.ts";
import type { AnyTask } from "../../tasks/index.ts";
import { checkReach } from "../../tasks/index.ts";
import {
  JOB_ENDED_FIELD,
  JOB_LIMIT_KEY_FIELD,
  JOB_LIMITED_FIELD,
  type JobEnvelope,
  LIMIT_KEY_OPTION,
} from "../../wire/records/job.ts";
import { limitKeyOf } from "../../wire/records/limits.ts";
import { unitCount } from "../../wire/records/unit-count.ts";
import { LEAVE_TURN } from "../../work/limits/index.ts";
import { callData } from "../../work/submission/call-data.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";
import type { ChangeOutcome, TaskChange, TaskState } from "../../work/submission/task-view.ts";

/** How often a change is tried while others change the same job. */
const TRIES = 20;
const LOWEST_PRIORITY = 2_097_151;
const CHANGE: OptionTypes = { priority: true, delay: true, args: true };

/**
 * Changes a task that has not started.
 * @throws ValueError for a bad change, or one that its job cannot take; ValidationError, SerializationError,
 *   PayloadTooLargeError for arguments
 */
export async function changeTask(
  context: { client: RedisClient; keys: Keys },
  place: TaskPlace,
  options: {
    change: TaskChange;
    definition: AnyTask | undefined;
    /** Limits of the task count it by a key that hosts compute from its arguments. */
    isKeyed: (task: string) => Promise<boolean>;
    maxPayload: number;
  },
): Promise<ChangeOutcome> {
  const { change } = options;
  checkChange(change);
  const { client, keys } = context;
  const { pool, jobId, unit } = place;
  if (unit !== null) {
    throw new ValueError(
      `task ${jobId}.${unit} is one call of job ${jobId}, which is changed as a whole: give its id, ${jobId}`,
    );
  }
  const { priority, delay } = change;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const fields = await client.hmget(keys.job(pool, jobId), "name", "data", "timestamp", "opts");
    const [name, data, timestamp, opts] = fields;
    if (!data || !timestamp) return { outcome: "unknown" };
    const args = change.args === undefined ? null : await withArguments({ name, data }, options);
    const key = args === null ? null : await withKey({ task: name ?? "", opts: opts ?? "" }, options);
    const [outcome, state] = await changeJob.run(
      client,
      [keys.job(pool, jobId), ...PARTS.map((part) => keys.queue(pool, part)), keys.jobLock(pool, jobId)],
      [
        ...[jobId, keys.jobs(pool), timestamp, args === null ? "" : data, args ?? "", priority ?? "", delay ?? ""],
        ...[keys.prefix, pool, key === null ? "" : (opts ?? ""), key?.opts ?? "", key?.key ?? ""],
      ],
    );
    if (outcome === "unknown") return { outcome };
    if (outcome !== "raced") return { outcome, pool, state };
  }
  throw new ManyhandsError(`task ${jobId} was not changed: other programs change it again and again; try again`);
}

/** @throws ValueError */
export function checkChange(change: TaskChange): void {
  assertOptions("a change of a task", change, CHANGE);
  const { priority, delay, args } = change ?? {};
  if (priority === undefined && delay === undefined && args === undefined) {
    throw new ValueError("a change of a task names at least one of priority, delay and args");
  }
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= LOWEST_PRIORITY)) {
    throw new ValueError(`priority must be a whole number from 0 (none) to ${LOWEST_PRIORITY}; got ${got(priority)}`);
  }
  if (delay !== undefined && !(typeof delay === "number" && delay >= 0 && Number.isFinite(delay))) {
    throw new ValueError(`delay must be milliseconds from 0; got ${got(delay)}`);
  }
  checkReach("delay", delay);
}

/** The data of the job with other arguments, as JSON. */
async function withArguments(
  { name, data }: { name: string | null | undefined; data: string },
  { change, definition, maxPayload }: { change: TaskChange; definition: AnyTask | undefined; maxPayload: number },
): Promise<string> {
  const task = name ?? "";
  const envelope = readEnvelope(data);
  const units = unitCount(envelope) ?? 1;
  if (units > 1 || envelope.units !== undefined) {
    throw new ValueError(
      `the job holds ${units} calls that share it; the arguments of a task can be changed where it is alone in its job`,
    );
  }
  const { args: _args, encodedArgs: _encoded, ...rest } = envelope;
  const isSame = definition === undefined || definition.name === task;
  return JSON.stringify({
    ...rest,
    ...(await callData({ task, definition: isSame ? definition : undefined, args: change.args, maxPayload })),
  });
}

/**
 * What limits count the job by with other arguments: its options, as JSON, and its key, "" = a host computes it.
 * @returns null = that stays
 */
async function withKey(
  { task, opts }: { task: string; opts: string },
  { change, definition, isKeyed }: Parameters<typeof changeTask>[2],
): Promise<{ opts: string; key: string } | null> {
  const limits = definition?.name === task ? definition.options.limits : undefined;
  const key = limits?.key ? limitKeyOf(task, limits.key, change.args ?? []) : "";
  if (key === "" && !(await isKeyed(task))) return null;
  const { [LIMIT_KEY_OPTION]: _before, ...rest } = JSON.parse(opts || "{}") as Record<string, unknown>;
  return { opts: JSON.stringify(rest), key };
}

function readEnvelope(data: string): JobEnvelope {
  try {
    const envelope: unknown = JSON.parse(data);
    if (typeof envelope === "object" && envelope !== null && !Array.isArray(envelope)) return envelope as JobEnvelope;
  } catch {
    // Told below.
  }
  throw new ValueError("the data of the job is not of a task of manyhands; another client of BullMQ has written it");
}

/** What the script replies. */
type Changed = ["changed" | "not-waiting" | "unknown" | "raced", TaskState];

/** In the order of the script's keys. */
const PARTS: readonly QueuePart[] = [
  ...(["wait", "paused", "meta", "prioritized", "active", "pc", "marker", "delayed", "events"] as const),
  ...(["completed", "failed", "waiting-children"] as const),
];

/**
 * Changes a job that waits, all or nothing.
 *
 * KEYS[1] hash of the job; KEYS[2..10] wait, paused (lists), meta, prioritized, active, priority counter, marker, delayed,
 * events of its queue; KEYS[11] completed; KEYS[12] failed; KEYS[13] waiting-children (sorted sets); KEYS[14] its lock
 * ARGV[1] job id; ARGV[2] what the keys of the queue begin with; ARGV[3] when it was submitted, ms: a later job of the same id
 * is not meant; ARGV[4] its data as they were read, "" = they stay; ARGV[5] its data from now on; ARGV[6] priority, 0 = none,
 * "" = it stays; ARGV[7] delay from now, ms, 0 = none, "" = it stays; ARGV[8] prefix of our keys; ARGV[9] pool; ARGV[10] its
 * options as they were read, "" = they stay; ARGV[11] its options from now on; ARGV[12] key of its limits from now on, "" = a
 * host computes it
 * What a limit holds back keeps its place in the order of its key, with another priority before or behind others; with another
 * delay it leaves it, and with other arguments, of which a key is computed, it goes back in line.
 * Returns {"changed", "not-waiting", "unknown" or "raced" (the data have changed), state}.
 */
const changeJob = new Script<Changed>({
  name: "changeJob",
  lua: () => `${SERVER_TIME}${NOTE_CHANGE}${LEAVE_TURN}
${bullFunction("changePriority")}
${bullFunction("changeDelay")}
${bullFunction("promote")}
local id, priority, delay = ARGV[1], ARGV[6], ARGV[7]
if redis.call("HGET", KEYS[1], "timestamp") ~= ARGV[3] then return {"unknown", "unknown"} end
if redis.call("ZSCORE", KEYS[11], id) then return {"not-waiting", "completed"} end
if redis.call("ZSCORE", KEYS[12], id) then
  return {"not-waiting", redis.call("HGET", KEYS[1], "${JOB_ENDED_FIELD}") == "cancelled" and "cancelled" or "failed"}
end
if redis.call("ZSCORE", KEYS[13], id) then return {"not-waiting", "waiting-children"} end
if redis.call("EXISTS", KEYS[14]) == 1 or redis.call("LPOS", KEYS[6], id) then return {"not-waiting", "active"} end
if ARGV[4] ~= "" then
  if redis.call("HGET", KEYS[1], "data") ~= ARGV[4] then return {"raced", "unknown"} end
  if ARGV[10] ~= "" and redis.call("HGET", KEYS[1], "opts") ~= ARGV[10] then return {"raced", "unknown"} end
  redis.call("HSET", KEYS[1], "data", ARGV[5])
end
local isDelayed = redis.call("ZSCORE", KEYS[9], id)
local limit = isDelayed and string.match(redis.call("HGET", KEYS[1], "${JOB_LIMITED_FIELD}") or "", "^%d+ (.*)$")
local turns = limit and ARGV[8] .. "limit-waiting/" .. ARGV[9] .. "/" .. limit
local turn = turns and redis.call("ZSCORE", turns, id)
local is_later = delay ~= "" and delay ~= "0"
local stays = turn and ARGV[10] == "" and not is_later
if ARGV[10] ~= "" then
  redis.call("HSET", KEYS[1], "opts", ARGV[11])
  if ARGV[12] ~= "" then redis.call("HSET", KEYS[1], "${JOB_LIMIT_KEY_FIELD}", ARGV[12])
  else redis.call("HDEL", KEYS[1], "${JOB_LIMIT_KEY_FIELD}") end
end
if priority ~= "" then
  -- A delayed job only keeps it: it is in neither of the lines.
  changePriority({KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]}, {priority, ARGV[2], id, "0"})
end
if stays and priority ~= "" then
  local rank = tonumber(priority)
  if rank == 0 then
    -- As when it was held back: the priority of its task.
    local task, state = redis.call("HGET", KEYS[1], "name"), redis.call("HGETALL", ARGV[8] .. "limits/" .. ARGV[9])
    for index = 1, #state, 2 do
      local is_read, ranks = pcall(cjson.decode, string.find(state[index], "^ranks of ") and state[index + 1] or "{}")
      rank = is_read and type(ranks) == "table" and tonumber(ranks[task]) or rank
    end
  end
  redis.call("ZADD", turns, rank * 0x100000000 + tonumber(turn) % 0x100000000, id)
end
if turn and not stays then leave_turn(KEYS[1], id) end
-- Nothing else delays what a limit holds back.
if isDelayed and not stays and not is_later and (delay == "0" or turn) then
  promote({KEYS[9], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[10], KEYS[8]}, {ARGV[2], id})
  isDelayed = false
elseif is_later then
  if not isDelayed then
    local taken = redis.call("ZREM", KEYS[5], id)
    if taken == 0 then taken = redis.call("LREM", KEYS[2], -1, id) end
    if taken == 0 then redis.call("LREM", KEYS[3], -1, id) end
    redis.call("ZADD", KEYS[9], 0, id)
  end
  changeDelay({KEYS[9], KEYS[4], KEYS[8], KEYS[10]}, {delay, server_time(), id, KEYS[1]})
  -- It is due that long after its time of submission, where its due time is shown.
  redis.call("HSET", KEYS[1], "delay", server_time() + tonumber(delay) - tonumber(ARGV[3]))
  isDelayed = true
end
-- Not all of it is an event of BullMQ.
note_change(KEYS[1], "pools/" .. ARGV[9])
if stays then return {"changed", "blocked"} end
if isDelayed then return {"changed", "delayed"} end
if redis.call("ZSCORE", KEYS[5], id) then return {"changed", "prioritized"} end
return {"changed", "waiting"}
`,
});
