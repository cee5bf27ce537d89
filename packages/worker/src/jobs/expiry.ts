import type { ExpiredError } from "@manyhands/core";
import { expiredError, JOB_EXPIRED_FIELD, serverTime } from "@manyhands/core/internal";
import type { JobHost } from "./job-host.ts";
import type { PoolJob } from "./pool-job.ts";

/** The error of a job that has just been taken for the first time and has expired before that; null = it is to run. */
export async function expiryOf(
  { client, keys }: Pick<JobHost, "client" | "keys">,
  job: PoolJob,
): Promise<ExpiredError | null> {
  const { expires } = job.data;
  const jobId = job.id ?? "";
  if (expires === undefined || job.attemptsStarted > 1) return null;
  if ((await serverTime(client)) < job.timestamp + expires) return null;
  // One that is retried afterwards is wanted all the same.
  const isFirst = (await client.hsetnx(keys.job(job.queueName, jobId), JOB_EXPIRED_FIELD, 1)) === 1;
  return isFirst ? expiredError(job.name, jobId, expires) : null;
}
