import { JOB_CANCEL_FIELD, type Keys, type RedisClient } from "@manyhands/core/internal";
import type { RunningJobs } from "../jobs/running-jobs.ts";

/**
 * Cancels running jobs whose hash asks for it. The message on the control channel comes sooner, but may get lost.
 */
export async function cancelRequested(client: RedisClient, keys: Keys, running: RunningJobs): Promise<void> {
  const runs = running.list();
  if (runs.length === 0 || client.status !== "ready") return;
  const reasons = await Promise.all(runs.map((run) => client.hget(keys.job(run.pool, run.jobId), JOB_CANCEL_FIELD)));
  runs.forEach((run, index) => {
    const reason = reasons[index];
    if (reason) run.cancel(null, reason);
  });
}
