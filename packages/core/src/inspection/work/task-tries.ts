import { JOB_TRIES_FIELD, readTries } from "../../wire/records/job.ts";
import type { TaskState, TryView } from "../../work/submission/task-view.ts";

/** What is known of the try that a task is in, or that ended it. */
export interface LastTry {
  state: TaskState;
  attemptsMade: number;
  startedAt: number | null;
  finishedAt: number | null;
  host: string | null;
  pid: number | null;
}

/** The tries of a job, the first one first: those that failed, and the one that runs or has completed. */
export function viewTries(fields: Readonly<Record<string, string>>, last: LastTry): TryView[] {
  const failed = readTries(fields[JOB_TRIES_FIELD]);
  // BullMQ keeps the stacks of the last failures, the last at the end.
  const stacks = listOf(fields["stacktrace"]);
  const tries = failed.map(({ name, message, ...rest }, index): TryView => {
    const stack = stacks[stacks.length - failed.length + index];
    return {
      ...rest,
      outcome: name === "CancelledError" ? "cancelled" : "failed",
      error: { name, message },
      stack: typeof stack === "string" ? stack : null,
    };
  });
  const { state, attemptsMade, startedAt, finishedAt, host, pid } = last;
  if (startedAt === null || (state !== "active" && state !== "completed")) return tries;
  const isOver = state === "completed";
  tries.push({
    attempt: isOver ? Math.max(1, attemptsMade) : attemptsMade + 1,
    startedAt,
    endedAt: isOver ? finishedAt : null,
    ...{ host, pid },
    outcome: isOver ? "completed" : "running",
    ...{ error: null, stack: null },
  });
  return tries;
}

function listOf(text: string | undefined): unknown[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}
