import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { JOB_ENDED_FIELD } from "../../wire/records/job.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { isServed } from "../../work/fleet/index.ts";
import { HELD_BACK, HELD_BACK_FIELDS } from "../../work/submission/held-back.ts";
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

/** Where BullMQ has a task. */
export interface Whereabouts {
  /** Of a task that is parked: `delayed`. */
  state: TaskState;
  /** How many are before it in line; null where that is not known, or it does not wait. */
  position: number | null;
  pool: string;
  /** Name of the task. */
  task: string;
  /** What no live host knew when the task was parked: its name, or that of the pool's initializer; "" = it is not parked. */
  parkedFor: string;
  /** The place in which a limit holds it back, `<task, or nothing for the pool>|<key>`; "" = none does. */
  limitedBy: string;
}

/**
 * The state of a task as it is shown, decided here alone: one that waits, or is parked, is blocked while no live host of its
 * pool can run it, and one that a limit holds back until that lets it start. Nothing of that is stored in the task.
 */
export function shownState(
  { state, pool, task, parkedFor, limitedBy }: Pick<Whereabouts, "state" | "pool" | "task" | "parkedFor" | "limitedBy">,
  hosts: readonly HostRecord[],
): TaskState {
  if (limitedBy !== "") return "blocked";
  if (!mayBeBlocked({ state, parkedFor, limitedBy })) return state;
  const isRunnable = isServed(hosts, pool, task) && (parkedFor === "" || isServed(hosts, pool, parkedFor));
  if (!isRunnable) return "blocked";
  // Hosts bring it back at once.
  return parkedFor === "" ? state : "waiting";
}

/** Whether the hosts have to be looked at to tell the state of a task. */
export function mayBeBlocked({
  state,
  parkedFor,
  limitedBy,
}: Pick<Whereabouts, "state" | "parkedFor" | "limitedBy">): boolean {
  if (limitedBy !== "") return true;
  return state === "waiting" || state === "prioritized" || (state === "delayed" && parkedFor !== "");
}

/** Finds a task. */
export async function whereIs(
  client: RedisClient,
  keys: Keys,
  { pool, jobId }: { pool: string; jobId: string },
): Promise<Whereabouts> {
  const [state, position, task, parkedFor, limitedBy] = await whereIsJob.run(
    client,
    [keys.job(pool, jobId), ...STATE_PARTS.map((part) => keys.queue(pool, part))],
    [jobId, keys.parkedJobs(pool, ""), keys.limitWaiting(pool, "")],
  );
  return { state, position: position < 0 ? null : position, pool, task, parkedFor, limitedBy };
}

/** Of the field `JOB_UNSERVED_FIELD`: what no live host knew when the job was parked. */
export function parkedForIn(field: string | null | undefined): string {
  return /^\d+ \S* (\S+)$/.exec(field ?? "")?.[1] ?? "";
}

/** Of the field `JOB_LIMITED_FIELD`: the place in which a limit holds the job back. */
export function limitedByIn(field: string | null | undefined): string {
  return /^\d+ (.*)$/s.exec(field ?? "")?.[1] ?? "";
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
 * ARGV[1] id of the job; ARGV[2] what the keys of parked jobs of its pool begin with; ARGV[3] what those of jobs begin with that
 * limits hold back
 * Returns {BullMQ's state, how many are before it in line or -1, its task, what it is parked for or "", the place in which a
 * limit holds it back or ""}. Of such a job, those of its place count that are before it.
 */
const whereIsJob = new Script<[state: TaskState, position: number, task: string, parkedFor: string, limitedBy: string]>(
  {
    name: "whereIsJob",
    lua: `${WHERE_IS}${HELD_BACK}
local state, position = where_is(ARGV[1], KEYS[1], 2)
local fields = redis.call("HMGET", KEYS[1], "name", ${HELD_BACK_FIELDS})
if state ~= "delayed" then return {state, position, fields[1] or "", "", ""} end
local parked_for, limited_by, rank = held_back(ARGV[1], fields[2], fields[3], {ARGV[2], ARGV[3]})
return {state, rank or position, fields[1] or "", parked_for, limited_by}
`,
  },
);
