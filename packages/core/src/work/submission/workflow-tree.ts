import type { ErrorView, TaskState } from "./task-view.ts";

/** States of a workflow: `waiting` while it is being submitted, `active` until all of it has ended. */
export type WorkflowStatus = Extract<TaskState, "waiting" | "active" | "completed" | "failed" | "cancelled">;

/** Steps of a workflow by what has become of them. */
export interface StepCounts {
  total: number;
  /** Their turn has not come yet. */
  pending: number;
  /** They wait in their pool, or run. */
  released: number;
  completed: number;
  failed: number;
  /** Their turn had come when the workflow was stopped: they do not start. */
  stopped: number;
}

/** One line of a list of workflows. Times are ms since the epoch, by Redis' clock. */
export interface WorkflowRow {
  id: string;
  state: WorkflowStatus;
  /** Tasks of its first and last step, such as `fetchPage … store`. */
  name: string;
  tags: string[];
  createdAt: number;
  finishedAt: number | null;
  steps: StepCounts;
  /** Message of the error that failed it, or why it was cancelled. */
  failedReason: string | null;
}

/** A step, chain or group of a workflow. */
export interface WorkflowPart {
  /** Its number: 0 is the whole. */
  number: number;
  kind: "step" | "chain" | "group";
  /**
   * That of a task, or `pending`: its turn has not come; `stopped`: it does not start, because the workflow was stopped or a part
   * around it failed.
   */
  state: "pending" | "waiting" | "prioritized" | "delayed" | "blocked" | "active" | "completed" | "failed" | "stopped";
  /** Of a step: where it runs, its task, and the id of its job. */
  pool: string | null;
  task: string | null;
  jobId: string | null;
  /** Of a step that is blocked, or delayed and known to no host: why, and what would help. */
  blockedBy: string | null;
  /** Of a group: what a part that fails does. */
  errors: "fail" | "return" | null;
  /** Parts of a chain or a group, also those that are left out. */
  count: number;
  /** Of a group: parts that have ended. */
  ended: number | null;
  /** The first of its parts. */
  parts: WorkflowPart[];
}

/** All that is known of a workflow. */
export interface WorkflowTree extends WorkflowRow {
  /** Steps, chains and groups. */
  nodes: number;
  /** What failed it. */
  error: ErrorView | null;
  /** Id of the job that failed it, and its task. */
  failedStep: { id: string; task: string } | null;
  root: WorkflowPart;
}

/** How much of a tree is read. */
export interface TreeOptions {
  /**
   * Most parts of each chain and group, 1 to 1 000; the others are counted.
   * @defaultValue 100
   */
  parts?: number | undefined;
}

/** What became of a request to cancel a workflow; nothing of it starts after it. */
export type WorkflowCancelOutcome =
  /** Nothing of it starts any more, and what runs is told to stop. `state`: cancelled, or as it had ended before. */
  | { outcome: "stopping"; pool: null; host: null; state: WorkflowStatus }
  /** It has ended, and nothing of it waits or runs. */
  | { outcome: "finished"; pool: null; state: WorkflowStatus }
  | { outcome: "unknown" };

/** What became of a request to retry what failed of a workflow. */
export type WorkflowRetryOutcome =
  /** So many steps are back in line. */
  | { outcome: "queued"; pool: null; steps: number }
  | { outcome: "not-failed"; pool: null; state: WorkflowStatus }
  | { outcome: "unknown" };

/** What became of a request to remove a workflow. */
export type WorkflowRemoveOutcome =
  | { outcome: "removed"; pool: null }
  /** Nothing was done: it, or a step of it, runs. Cancel it first. */
  | { outcome: "running"; pool: null; host: null }
  | { outcome: "unknown" };
