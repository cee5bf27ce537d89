import type { TaskOptions } from "@manyhands/core";
import { announcedOptions, type TaskAnnouncement } from "@manyhands/core/internal";
import type { BackoffOptions } from "bullmq";
import type { PoolJob } from "./pool-job.ts";

/** Has a job run with the options of its task, where it does not name its own: any client may have submitted it. */
export function honourTaskOptions(job: PoolJob, task: TaskAnnouncement | undefined): void {
  const { attempts, backoff, timeout, softTimeout, resultTtl, expires } = announcedOptions(task);
  const { data, opts } = job;
  if (timeout !== undefined) data.timeout ??= timeout;
  if (softTimeout !== undefined) data.softTimeout ??= softTimeout;
  if (resultTtl !== undefined) data.resultTtl ??= resultTtl;
  if (expires !== undefined) data.expires ??= expires;
  // BullMQ writes 0 into a job that says nothing.
  if (attempts !== undefined) opts.attempts ||= attempts;
  if (backoff !== undefined) opts.backoff ??= toBullBackoff(backoff);
}

function toBullBackoff(backoff: NonNullable<TaskOptions["backoff"]>): BackoffOptions {
  return typeof backoff === "number" ? { type: "fixed", delay: backoff } : (backoff as BackoffOptions);
}
