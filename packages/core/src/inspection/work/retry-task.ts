import type { BullQueues } from "../../redis/bull-queue/bull-queues.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { StoredAnswers } from "../../work/results/stored-answers.ts";
import { bringJobBack } from "../../work/results/unlisted-jobs.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";
import type { RetryOutcome } from "../../work/submission/task-view.ts";
import { whereIs } from "./where-is.ts";

/** Puts a failed or cancelled task back into its queue, with all its attempts; or one that is in no list, so that no host would run it. */
export async function retryTask(
  context: { client: RedisClient; keys: Keys; queues: BullQueues },
  place: TaskPlace,
): Promise<RetryOutcome> {
  const { client, keys, queues } = context;
  const { pool, jobId } = place;
  const job = await queues.get(pool).getJob(jobId);
  if (!job) return { outcome: "unknown" };
  const { state } = await whereIs(client, keys, place);
  if (state === "unknown" && (await bringJobBack(client, keys, place)) === "unlisted")
    return { outcome: "queued", pool };
  if (state !== "failed" && state !== "cancelled") return { outcome: "not-failed", pool, state };
  // Left over from the failure; a host would stop the new run at once because of a cancellation.
  await new StoredAnswers(client, keys).forget({ pool, jobId, token: null }, { isRetried: true });
  try {
    await job.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true });
  } catch (error) {
    // Another caller was faster: it is no longer failed.
    const { state: now } = await whereIs(client, keys, place);
    if (now === "failed" || now === "cancelled") throw error;
    return { outcome: "not-failed", pool, state: now };
  }
  return { outcome: "queued", pool };
}
