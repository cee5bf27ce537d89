import { ValueError } from "../../errors/index.ts";
import { bullFunction } from "../../redis/bull-queue/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { named, Script } from "../../redis/script/index.ts";
import { FORGET_RUNS, StoredAnswers } from "../../work/results/stored-answers.ts";
import { bringJobBack } from "../../work/results/unlisted-jobs.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";
import type { RetryOutcome } from "../../work/submission/task-view.ts";
import { STEP_WORKFLOW_FIELD } from "../../work/workflows/index.ts";
import { whereIs } from "./where-is.ts";

/** In the order in which BullMQ's script takes them, after the job. */
const PARTS: readonly QueuePart[] = ["events", "failed", "wait", "meta", "active", "marker", "prioritized", "pc"];

/**
 * Puts a failed or cancelled task back into its queue, with all its attempts; or one that is in no list, so that no host would run
 * it.
 *
 * @throws ValueError for a step of a workflow
 */
export async function retryTask(context: { client: RedisClient; keys: Keys }, place: TaskPlace): Promise<RetryOutcome> {
  const { client, keys } = context;
  const { pool, jobId } = place;
  const [opts = null, workflow] = await client.hmget(keys.job(pool, jobId), "opts", STEP_WORKFLOW_FIELD);
  if (opts === null) return { outcome: "unknown" };
  // A host would drop it: only the record of the workflow says what may run.
  if (workflow) {
    throw new ValueError(
      `${jobId} is a step of the workflow "${workflow}", and does not run by itself: retry the workflow, which runs again ` +
        `what has failed in it (manyhands workflow retry ${workflow})`,
    );
  }
  const { state } = await whereIs(client, keys, place);
  if (state === "unknown" && (await bringJobBack(client, keys, place)) === "unlisted")
    return { outcome: "queued", pool };
  if (state !== "failed" && state !== "cancelled") return { outcome: "not-failed", pool, state };
  // Left over from the failure; a host would stop the new run at once because of a cancellation.
  const left = new StoredAnswers(client, keys).toForget({ pool, jobId, token: null }, { isRetried: true });
  const outcome = await retryJob.run(
    client,
    [...left.keys, keys.job(pool, jobId), ...PARTS.map((part) => keys.queue(pool, part))],
    [...left.args, isLifo(opts) ? "RPUSH" : "LPUSH"],
  );
  if (outcome === "queued") return { outcome, pool };
  if (outcome === "unknown") return { outcome };
  // Another caller was faster.
  return { outcome: "not-failed", pool, state: (await whereIs(client, keys, place)).state };
}

/** Any client of BullMQ may have written it. */
function isLifo(opts: string): boolean {
  try {
    return (JSON.parse(opts) as { lifo?: unknown } | null)?.lifo === true;
  } catch {
    return false;
  }
}

type Retried = "queued" | "unknown" | "not failed";

/**
 * Puts a failed job back, without what it has left, in one step: half of it would be a job that has neither failed nor waits.
 *
 * KEYS[1..5] as `forget_runs` takes them; KEYS[6..14] as BullMQ's reprocessJob takes them
 * ARGV[1..9] as `forget_runs` takes them; ARGV[10] how BullMQ puts it into the list
 * Returns 1, -1 when the job is not there, -3 when it is not among the failed ones.
 */
const retryJob = new Script<Retried>({
  name: "retryJob",
  lua: () => `${FORGET_RUNS}${bullFunction("reprocessJob")}
if redis.call("EXISTS", KEYS[6]) == 0 then return -1 end
if not redis.call("ZSCORE", KEYS[8], ARGV[1]) then return -3 end
forget_runs(KEYS, ARGV)
return reprocessJob({KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14]},
  {ARGV[1], ARGV[10], "failedReason", "failed", "1", "1"})
`,
  read: named({ 1: "queued", [-1]: "unknown", [-3]: "not failed" }),
});
