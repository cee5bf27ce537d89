import type { Milliseconds } from "../../time/index.ts";

/**
 * BullMQ's names of where a job is; `blocked` for one that waits and that no live host of its pool can run, and `cancelled` for
 * one that was cancelled, which is among BullMQ's failed ones; `unknown` for one between two places.
 */
export type TaskState =
  | "waiting"
  | "prioritized"
  | "blocked"
  | "delayed"
  | "active"
  | "waiting-children"
  | "completed"
  | "failed"
  | "cancelled"
  | "unknown";

/** States in the order in which a task passes through them. */
export const TASK_STATES: readonly TaskState[] = [
  "waiting",
  "prioritized",
  "blocked",
  "delayed",
  "waiting-children",
  "active",
  "completed",
  "failed",
  "cancelled",
];

/** States of a task that has ended. */
export const FINISHED_STATES = ["completed", "failed", "cancelled"] as const;

/** Whether a task in that state has ended. */
export function isFinished(state: TaskState): boolean {
  return (FINISHED_STATES as readonly TaskState[]).includes(state);
}

/** One line of a list of tasks. All times are ms since the epoch, by the clock of the process that wrote them. */
export interface TaskRow {
  id: string;
  name: string;
  pool: string;
  state: TaskState;
  /** Host that runs or ran it last; null before it was started. */
  host: string | null;
  /** Tries that ended. */
  attemptsMade: number;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  failedReason: string | null;
}

/** An error of a task, as it can be shown. */
export interface ErrorView {
  name: string;
  message: string;
  code: string | null;
  /** Stack on the machine where it was thrown. */
  stack: string | null;
  host: string | null;
  pid: number | null;
  cause: ErrorView | null;
}

/** Outcome of one call or chunk of a job that holds several. */
export interface UnitView {
  unit: number;
  ok: boolean;
  /** The value, or null when it failed. */
  value: unknown;
  error: ErrorView | null;
  /** Run time, ms. */
  runTime: Milliseconds;
}

/** One try of a task. */
export interface TryView {
  /** 1 for the first; a retry by request begins again with 1. */
  attempt: number;
  /** Epoch ms, by the clock of its host. */
  startedAt: number;
  /** Null while it runs. */
  endedAt: number | null;
  host: string | null;
  pid: number | null;
  outcome: "running" | "completed" | "failed" | "cancelled";
  /** Class and beginning of the message of its error. */
  error: { name: string; message: string } | null;
  /** Stack of its error on the machine where it was thrown, as far as BullMQ keeps it. */
  stack: string | null;
}

/** The limit that holds a task back. */
export interface HeldBack {
  /** The task that the limit is of; null = the pool. */
  task: string | null;
  /** "" where the limit has no keys. */
  key: string;
  /** When its rate allows the next start, epoch ms; null = that is not what it waits for. */
  nextAt: number | null;
}

/** The same, with what is before the task. */
export interface HeldBackInTurn extends HeldBack {
  /** What it allows, in words; null while no host has told. */
  allows: string | null;
  /** How many run that it counts. */
  running: number;
  /** As many run as may. */
  isFull: boolean;
  /** Tasks of its key that are before it; null = not known. */
  before: number | null;
  /** Keys whose turn comes before that of its key; null = its key has none now. */
  turn: number | null;
}

/** Everything known of one task. */
export interface TaskView extends TaskRow {
  /** `call`: one call; the others: several calls or chunks of a map share the job. */
  kind: "call" | "calls" | "items" | "starItems";
  /** Calls or chunks in the job. */
  units: number;
  /** Items over all chunks. */
  items: number;
  /** Tries allowed in total. */
  attempts: number;
  priority: number | null;
  /** Its last tries, the first one first; of those that failed 20 are kept. A try whose host was lost leaves none. */
  tries: TryView[];
  /** When a delayed task, or the next try, becomes due. */
  dueAt: number | null;
  /** When it is dropped if it has not been started; null = it waits for as long as it takes. */
  expiresAt: number | null;
  tags: string[];
  timeout: Milliseconds | null;
  softTimeout: Milliseconds | null;
  pid: number | null;
  hostId: string | null;
  /** Time from submission to start, ms. */
  waitTime: Milliseconds | null;
  runTime: Milliseconds | null;
  /** Argument list; for a job of several units the list of its units. */
  args: unknown;
  /** Value of a single call that succeeded. */
  result: unknown;
  /** True when `result` is a value; a task may well return null. */
  hasResult: boolean;
  error: ErrorView | null;
  /** Outcomes of a job of several units, as far as they are kept. */
  outcomes: UnitView[];
  progress: unknown;
  /** 0 = next; null when it does not wait in the queue. */
  queuePosition: number | null;
  /** Why no host will start it as things are, and what to do; null when all is well. */
  blockedBy: string | null;
  /** The limit that holds it back; null = none does, or no host knows it. */
  limit: HeldBackInTurn | null;
  /** Id of the task that failed for good, of which this call of `onDead` tells. */
  deadOf: string | null;
  /** The task that has submitted this one as its child; or the job that waits for this one, of a flow of BullMQ. */
  parent: { pool: string; id: string } | null;
  /** BullMQ's scheduler that made it. */
  schedule: string | null;
  /** Id of the workflow that it is a step of. */
  workflow: string | null;
  /** The trace that its submission belongs to, 32 hexadecimal digits. */
  traceId: string | null;
  /** Reason of a requested cancellation that has not taken effect yet. */
  cancelRequested: string | null;
}

/** What became of a request to cancel. */
export type CancelOutcome =
  /**
   * Taken out of the queue before it started: it stays in the history as `cancelled`, and what waits for it gets a
   * CancelledError.
   */
  | { outcome: "removed"; pool: string }
  /** Its host was told to stop it. */
  | { outcome: "stopping"; pool: string; host: string | null }
  | { outcome: "finished"; pool: string; state: TaskState }
  | { outcome: "unknown" };

/** What became of a request to start a delayed task now. */
export type PromoteOutcome =
  | { outcome: "queued"; pool: string }
  | { outcome: "not-delayed"; pool: string; state: TaskState }
  | { outcome: "unknown" };

/** What to change of a task that has not started; what is left out stays. */
export interface TaskChange {
  /** 1 (first) to 2 097 151 (last); 0 = none: before all with one. */
  priority?: number | undefined;
  /** Milliseconds from now before it may start; 0 = at once. */
  delay?: Milliseconds | undefined;
  /** Its arguments; only of a call that shares its job with no other. */
  args?: unknown[] | undefined;
}

/** What became of a request to change a task. */
export type ChangeOutcome =
  | { outcome: "changed"; pool: string; state: TaskState }
  /** Nothing was changed: it has started, or is finished. */
  | { outcome: "not-waiting"; pool: string; state: TaskState }
  | { outcome: "unknown" };

/** What became of a request to remove a task. */
export type RemoveOutcome =
  | { outcome: "removed"; pool: string }
  /** Nothing was done: it runs on that host. Cancel it first. */
  | { outcome: "running"; pool: string; host: string | null }
  | { outcome: "unknown" };

/** What became of a request to run a task again. */
export type RetryOutcome =
  | { outcome: "queued"; pool: string }
  | { outcome: "not-failed"; pool: string; state: TaskState }
  | { outcome: "unknown" };
