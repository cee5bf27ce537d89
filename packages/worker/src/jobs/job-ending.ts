import type { JobEnding } from "@manyhands/core/internal";
import type { PoolJob } from "./pool-job.ts";

/** BullMQ's job object has no place for it. */
const endings = new WeakMap<PoolJob, JobEnding>();

/** Notes that a job that is finished as failed has not failed: the script that finishes it writes that into the job. */
export function noteEnding(job: PoolJob, ending: JobEnding): void {
  endings.set(job, ending);
}

/** How the job ends, if it does not fail. */
export function endingOf(job: PoolJob): JobEnding | undefined {
  return endings.get(job);
}
