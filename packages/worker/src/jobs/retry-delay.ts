import type { Backoff } from "@manyhands/core";
import type { Milliseconds, TaskAnnouncement } from "@manyhands/core/internal";
import type { FailureReport } from "../child/messages.ts";
import type { PoolJob } from "./pool-job.ts";

/** In place of what the function of a task does not say: it doubles with each attempt, up to the longest, ms. */
const FALLBACK = { delay: 1_000, max: 60_000 } as const;

/** How long to wait before the next attempt, ms; and what is wrong with the task's function. */
export interface RetryDelay {
  /** Absent: another client has chosen a way to wait that only BullMQ knows. */
  delay?: Milliseconds;
  problem?: string;
}

/** A call's own option comes before the function of its task. */
export function retryDelay(
  { name, opts, attemptsMade }: Pick<PoolJob, "name" | "opts" | "attemptsMade">,
  { failure, task }: { failure: Pick<FailureReport, "delay" | "problem">; task: TaskAnnouncement | undefined },
): RetryDelay {
  const attempt = attemptsMade + 1;
  const backoff = opts.backoff as number | Backoff | null | undefined;
  if (backoff !== undefined && backoff !== null) return chosen(backoff, attempt);
  if (task?.computesBackoff !== true) return { delay: 0 };
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

/** What the options of the job say, which other clients of BullMQ may have written. */
function chosen(backoff: number | Backoff, attempt: number): RetryDelay {
  const { type, delay, max, jitter }: Backoff =
    typeof backoff === "number" ? { type: "fixed", delay: backoff } : backoff;
  if (!Number.isFinite(delay) || delay < 0) return {};
  if (type === "exponential" || max !== undefined) return { delay: exponential({ delay, max, jitter }, attempt) };
  return type === "fixed" ? { delay: exponential({ delay, max, jitter }, 1) } : {};
}

function exponential(
  { delay, max = Number.POSITIVE_INFINITY, jitter = 0 }: Pick<Backoff, "delay" | "max" | "jitter">,
  attempt: number,
): Milliseconds {
  const longest = Math.min(max, delay * 2 ** (attempt - 1));
  return Math.round(longest * (1 - jitter * Math.random()));
}
