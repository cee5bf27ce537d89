import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { ENDS_OF, JOB_CANCEL_RUN_FIELD } from "../../wire/records/job.ts";
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
 * Notes a child of a running task, so that it is cancelled with it. Noted twice it is the same.
 * @returns "cancelled" when the task is being cancelled: then nothing is noted
 */
export function noteChild(
  { client, keys }: ChildContext,
  { pool, jobId, unit }: TaskPlace,
  child: Child,
): Promise<"noted" | "cancelled"> {
  return noteChildScript.run(
    client,
    [keys.job(pool, jobId), keys.children(pool, jobId)],
    [JSON.stringify([unit, child.pool, child.id]), unit === null ? "" : `.${unit}`, CHILDREN_KEPT],
  );
}

/**
 * KEYS[1] hash of the job of the parent; KEYS[2] set of its children
 * ARGV[1] the child, as JSON; ARGV[2] what names the call of the job behind its fields, "" = the job has one call; ARGV[3] time
 * to live of the set, ms
 * Adds the child to the set, unless the run that is under way is being cancelled.
 * Returns 1, or 0 when it is being cancelled.
 */
const noteChildScript: Script<"noted" | "cancelled"> = new Script({
  name: "noteChild",
  lua: `${ENDS_OF}
local job = KEYS[1]
local run = ends_of(job) .. ":" .. (redis.call("HGET", job, "ats") or "0")
if redis.call("HGET", job, "${JOB_CANCEL_RUN_FIELD}") == run then return 0 end
if ARGV[2] ~= "" and redis.call("HGET", job, "${JOB_CANCEL_RUN_FIELD}" .. ARGV[2]) == run then return 0 end
redis.call("SADD", KEYS[2], ARGV[1])
redis.call("PEXPIRE", KEYS[2], ARGV[3])
return 1
`,
  read: (reply) => (reply === 1 ? "noted" : "cancelled"),
});
