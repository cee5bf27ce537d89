import type { Backoff } from "@manyhands/core";
import type { Milliseconds, TaskAnnouncement } from "@manyhands/core/internal";
import type { FailureReport } from "../child/messages.ts";
import type { PoolJob } from "./pool-job.ts";

/** In place of what the function of a task does not say: it doubles with each attempt, up to the longest, ms. */
const FALLBACK = { delay: 1_000, max: 60_000 } as const;

/** How long to wait before the next attempt, ms, where BullMQ does not know it; and what is wrong with the task's function. */
export interface RetryDelay {
  delay?: Milliseconds;
  problem?: string;
}

/** A call's own option comes before the function of its task. */
export function retryDelay(
  { name, opts, attemptsMade }: Pick<PoolJob, "name" | "opts" | "attemptsMade">,
  { failure, task }: { failure: Pick<FailureReport, "delay" | "problem">; task: TaskAnnouncement | undefined },
): RetryDelay {
  const attempt = attemptsMade + 1;
  const backoff = opts.backoff as number | Backoff | undefined;
  if (typeof backoff === "object" && backoff !== null && backoff.max !== undefined) {
    return { delay: exponential(backoff, attempt) };
  }
  if (backoff !== undefined || task?.computesBackoff !== true) return {};
  if (failure.delay !== undefined) return { delay: failure.delay };
  const delay = exponential(FALLBACK, attempt);
  if (failure.problem === undefined) return { delay };
  return {
    delay,
    problem:
      `the backoff function of task "${name}" ${failure.problem}; the next attempt comes in ${delay} ms. ` +
      "It must return milliseconds for (attempt, error)",
  };
}

function exponential(
  { delay, max = Number.POSITIVE_INFINITY, jitter = 0 }: Pick<Backoff, "delay" | "max" | "jitter">,
  attempt: number,
): Milliseconds {
  const longest = Math.min(max, delay * 2 ** (attempt - 1));
  return Math.round(longest * (1 - jitter * Math.random()));
}
