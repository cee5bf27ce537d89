import type { JobsOptions } from "bullmq";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { TaskPlace } from "../submission/index.ts";

/**
 * What the record of a workflow holds. It is a tree whose nodes are numbered level by level, so that the children of a node have
 * the numbers `first` to `first + count - 1`; node 0 is the whole.
 *
 * A result is known by the number of its node: that of a step is its value, that of a chain the result of its last child, that
 * of a group the list of the results of its children. So nothing is copied when a chain or a group ends.
 */

/** Where a workflow is kept. */
export interface WorkflowContext {
  client: RedisClient;
  keys: Keys;
}

interface WorkflowPlace {
  /** Number of the node that it belongs to; -1 = it is the whole. */
  parent: number;
  /** Among the children of its parent, from 0. */
  place: number;
}

export interface WorkflowStep extends WorkflowPlace {
  kind: "step";
  pool: string;
  task: string;
  /** JSON of a `JobEnvelope` with its arguments, without the result that comes before them. */
  data: string;
  /** Of BullMQ, without `jobId` and `timestamp`; the same object, or an equal one, costs nothing for each further step. */
  options: JobsOptions;
  /** The result of what comes before is its first argument. */
  takesResult: boolean;
}

export interface WorkflowBranch extends WorkflowPlace {
  kind: "chain" | "group";
  first: number;
  /** A chain has at least one child; a group may have none. */
  count: number;
  /** Of a group. "return": a part that fails is an error in the list of results. @defaultValue "fail" */
  errors?: "fail" | "return";
}

export type WorkflowNode = WorkflowStep | WorkflowBranch;

/** A call that follows when the workflow fails. */
export interface WorkflowErrorCall {
  pool: string;
  task: string;
  /** As those of a step. */
  options?: JobsOptions | undefined;
}

export interface NewWorkflow {
  id: string;
  nodes: readonly WorkflowNode[];
  onError?: WorkflowErrorCall | undefined;
  /** What it is called in lists. @defaultValue "" */
  name?: string | undefined;
  tags?: readonly string[] | undefined;
  /** The running task that it is a child of: it is noted there in the same step. */
  parent?: TaskPlace | undefined;
}

export type WorkflowState = "building" | "running" | "completed" | "failed" | "cancelled";

export interface WorkflowRecord {
  id: string;
  /** "building": it is being submitted, nothing of it runs yet. */
  state: WorkflowState;
  name: string;
  tags: string[];
  /** Epoch ms, by Redis' clock; null = not yet. */
  createdAt: number;
  finishedAt: number | null;
  nodes: number;
  /** Steps by what has become of them; `pending`: not yet in line, `released`: their jobs wait or run. */
  steps: {
    total: number;
    pending: number;
    released: number;
    completed: number;
    failed: number;
    /** Were in line when the workflow was stopped, and did not start. */
    stopped: number;
  };
  /** Why it was cancelled, else "". */
  reason: string;
  /** Of the step that failed the whole. `error`: base64 of `encodeError(error)`, "" = the message is all that is known. */
  failure: { step: number; task: string; error: string; message: string } | null;
}

/** A node as it is shown. */
export interface WorkflowNodeView {
  number: number;
  parent: number;
  place: number;
  kind: "step" | "chain" | "group";
  /**
   * Of a step; "stopped": it does not start because the workflow was stopped, or a part around it failed. Of a chain or a group
   * only "failed", for a part that is an error in the results of its group, or "pending".
   */
  state: "pending" | "waiting" | "prioritized" | "delayed" | "active" | "completed" | "failed" | "stopped";
  /** Of a step. */
  pool?: string;
  task?: string;
  jobId?: string;
  /** Of a step that is delayed: what no live host knew when it was parked, and the place in which a limit holds it back; "" = none. */
  parkedFor?: string;
  limitedBy?: string;
  /** Of a chain or a group. */
  first?: number;
  count?: number;
  /** Children of a group that have ended. */
  ended?: number;
  errors?: "fail" | "return";
}

/** The name under which hosts tell the clients that are noted in a workflow that it has ended: a hint to look. */
export function workflowUpdatesName(id: string): string {
  return `workflow:${id}`;
}

/** Id of the job of a step. */
export function stepJobId(id: string, step: number): string {
  return `${id}.${step}`;
}

/** A step of a workflow, as its job names it. */
export interface StepOfWorkflow {
  workflow: string;
  step: number;
  /** Where it belongs, as the record has it. */
  place: string;
  /** Node whose result it takes; null = none. */
  input: number | null;
  /** That result as JSON, where it is small and plain; null = it is to be read. */
  value: string | null;
}
