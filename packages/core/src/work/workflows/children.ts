import { CancelledError, ManyhandsError } from "../../errors/index.ts";
import { type AddingScript, bullFunction, type RecordedAdd } from "../../redis/bull-queue/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { ENDS_OF, JOB_CANCEL_RUN_FIELD, JOB_CHILD_LIFE_FIELD } from "../../wire/records/job.ts";
import { forgetEnded } from "../history/index.ts";
import type { TaskPlace } from "../submission/index.ts";

/** Where children are noted. */
export interface ChildContext {
  client: RedisClient;
  keys: Keys;
}

/** A task, or a workflow, that a running task has submitted as its child; of a workflow `pool` is null. */
export interface Child {
  pool: string | null;
  id: string;
}

/** Children are known for so long after the last one was submitted: as long as failed tasks are kept. */
const CHILDREN_KEPT: Milliseconds = 30 * 86_400_000;

/**
 * Lua: `note_child(job, children, unit, child)`: notes a child of a running task, so that it is cancelled with it; noted twice it
 * is the same. Returns false, and notes nothing, when the run that is under way is being cancelled. `unit`: what names the call
 * of the job behind its fields, "" = the job has one call; `child`: as JSON.
 */
export const NOTE_CHILD: string = `${ENDS_OF}
local function note_child(job, children, unit, child)
  local run = ends_of(job) .. ":" .. (redis.call("HGET", job, "ats") or "0")
  if redis.call("HGET", job, "${JOB_CANCEL_RUN_FIELD}") == run then return false end
  if unit ~= "" and redis.call("HGET", job, "${JOB_CANCEL_RUN_FIELD}" .. unit) == run then return false end
  redis.call("SADD", children, child)
  redis.call("PEXPIRE", children, ${CHILDREN_KEPT})
  return true
end
`;

/** The keys and arguments of `note_child`. */
export function childArguments(
  keys: Keys,
  { pool, jobId, unit }: TaskPlace,
  child: Child,
): { keys: [job: string, children: string]; args: [unit: string, child: string] } {
  return {
    keys: [keys.job(pool, jobId), keys.children(pool, jobId)],
    args: [unit === null ? "" : `.${unit}`, JSON.stringify([unit, child.pool, child.id])],
  };
}

/** What the submission of a child fails with whose parent is being cancelled. */
export function noMoreChildren({ jobId }: TaskPlace): CancelledError {
  return new CancelledError(`task ${jobId} is being cancelled: it has no new children`);
}

/**
 * Adds the job of a child of a running task, in one step with the look whether that is being cancelled: a cancellation before it
 * refuses the child, and one after it sees the child, also where the program of the parent ends in between. A child that an
 * earlier task of the parent's id has left under the id is forgotten with its result.
 *
 * @param child.add - What BullMQ would do.
 * @returns the id of the job; null when the task is being cancelled: then nothing is added
 * @throws ManyhandsError when that child of an earlier task is still under way
 */
export async function addChild(
  { client, keys }: ChildContext,
  place: TaskPlace,
  { pool, add }: { pool: string; add: RecordedAdd },
): Promise<string | null> {
  // The id of a job that stands for this one, by deduplication, is known only then.
  const { keys: own, args } = childArguments(keys, place, { pool, id: "" });
  const [unit, child] = args;
  const id = await addChildScripts[add.script].run(
    client,
    [...own, ...add.keys],
    [unit, child.slice(0, -3), ...add.args],
  );
  if (id === STILL_UNDER_WAY) {
    throw new ManyhandsError(
      `a child of an earlier task of the id ${place.jobId} is still under way under the id that the new one would have; cancel it, ` +
        `or wait for its end: manyhands task ls --pool ${pool}`,
    );
  }
  if (typeof id !== "string") throw new Error(`BullMQ refused to add a child of task ${place.jobId}: ${id}`);
  return id === "" ? null : id;
}

/** No code of BullMQ. */
const STILL_UNDER_WAY = -1_000;

/**
 * KEYS[1] hash of the job of the parent; KEYS[2] set of its children; KEYS[3...] those of BullMQ's script that adds a job
 * ARGV[1] what names the call of the parent's job behind its fields, "" = the job has one call; ARGV[2] the child as JSON, up to
 * its id; ARGV[3...] those of BullMQ's script
 * Adds a job as a child of a running task, unless the run that is under way is being cancelled. An id that follows from the
 * parent's, which has a "/", may be that of a child of an earlier task of the parent's id: once that has ended it leaves the history.
 * Returns what BullMQ's script returns: the id, or a number below 0; "" when it is being cancelled; -1000 when such a child is still
 * under way.
 */
function addChildLua(script: AddingScript): string {
  return `${NOTE_CHILD}
local given = cmsgpack.unpack(ARGV[3])
local jobs, own = given[1], given[2]
local life = string.find(own, "/", 1, true) and redis.call("HGET", KEYS[1], "timestamp")
local before = life and redis.call("HGET", jobs .. own, "${JOB_CHILD_LIFE_FIELD}")
if before and before ~= life then
  ${forgetEnded()}
  local prefix, pool = string.match(KEYS[2], "^({[^}]*}/)"), string.match(jobs, "^{[^}]*}:([^:]*):")
  for _, set in ipairs({"completed", "failed"}) do
    local score = redis.call("ZSCORE", jobs .. set, own)
    if score then forget_ended({queue = jobs, prefix = prefix, pool = pool, set = set}, own, score) end
  end
  if redis.call("EXISTS", jobs .. own) == 1 then return ${STILL_UNDER_WAY} end
end
if not note_child(KEYS[1], KEYS[2], ARGV[1], ARGV[2] .. cjson.encode(own) .. "]") then return "" end
${bullFunction(script)}
local id = ${script}({unpack(KEYS, 3)}, {unpack(ARGV, 3)})
if type(id) == "string" and id ~= own then note_child(KEYS[1], KEYS[2], ARGV[1], ARGV[2] .. cjson.encode(id) .. "]") end
if life and id == own then redis.call("HSETNX", jobs .. own, "${JOB_CHILD_LIFE_FIELD}", life) end
return id
`;
}

const addChildScripts: Readonly<Record<AddingScript, Script<string | number>>> = {
  addStandardJob: new Script({ name: "addChild:standard", lua: () => addChildLua("addStandardJob") }),
  addPrioritizedJob: new Script({ name: "addChild:prioritized", lua: () => addChildLua("addPrioritizedJob") }),
  addDelayedJob: new Script({ name: "addChild:delayed", lua: () => addChildLua("addDelayedJob") }),
};
