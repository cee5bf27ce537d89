import { got, ValueError } from "../../errors/index.ts";
import type { TreeOptions, WorkflowPart, WorkflowRow, WorkflowStatus } from "../submission/workflow-tree.ts";
import { readWorkflowNodes } from "./workflow-engine.ts";
import type { WorkflowContext, WorkflowNodeView, WorkflowRecord, WorkflowState } from "./workflow-record.ts";
import { readWorkflowError } from "./workflow-results.ts";

/** Nodes that are read with one script. */
const PAGE = 250;
/** Parts of each chain and group, as a default and at most. */
const PARTS = 100;
const MOST_PARTS = 1_000;
/** Nodes of a whole tree that are read. */
const MOST_READ = 5_000;

/** The state of a workflow in the words of tasks. */
export function statusOf(state: WorkflowState): WorkflowStatus {
  if (state === "building") return "waiting";
  return state === "running" ? "active" : state;
}

/** A workflow as a list shows it. */
export function toRow(record: WorkflowRecord): WorkflowRow {
  const { id, state, name, tags, createdAt, finishedAt, steps, reason, failure } = record;
  const failedReason = state === "failed" ? (failure?.message ?? "") : state === "cancelled" ? reason : null;
  return { id, state: statusOf(state), name, tags, createdAt, finishedAt, steps, failedReason };
}

/** What failed a workflow. */
export function failureOf({ failure }: Pick<WorkflowRecord, "failure">): unknown {
  return readWorkflowError(`${failure?.error ?? ""} ${failure?.message ?? "it failed"}`);
}

/** Steps that wait, as the record has them: it does not know which hosts there are. */
export type WaitingSteps = [WorkflowPart, WorkflowNodeView][];

/**
 * The tree of a workflow, level by level; of large chains and groups the first parts. All of it is read in pages.
 * @throws ValueError for a bad number of parts
 */
export async function readTree(
  context: WorkflowContext,
  record: Pick<WorkflowRecord, "id" | "state">,
  { parts: most = PARTS }: TreeOptions = {},
): Promise<{ root: WorkflowPart; waiting: WaitingSteps }> {
  if (!(Number.isInteger(most) && most >= 1 && most <= MOST_PARTS)) {
    throw new ValueError(`parts must be a whole number from 1 to ${MOST_PARTS}; got ${got(most)}`);
  }
  const [top] = await readWorkflowNodes(context, record.id, { from: 0, count: 1 });
  const root = toPart(top as WorkflowNodeView);
  let read = 1;
  let level: [WorkflowPart, WorkflowNodeView][] = [[root, top as WorkflowNodeView]];
  const waiting = level.filter(isWaiting);
  const ends = new Map<WorkflowPart, WorkflowPart>();
  while (level.length > 0 && read < MOST_READ) {
    const next: [WorkflowPart, WorkflowNodeView][] = [];
    for (const [part, { first = 0, count = 0 }] of level) {
      const shown = Math.min(count, most, MOST_READ - read);
      if (shown <= 0) continue;
      read += shown;
      for (let from = 0; from < shown; from += PAGE) {
        const page = { from: first + from, count: Math.min(PAGE, shown - from) };
        for (const view of await readWorkflowNodes(context, record.id, page)) {
          const child = toPart(view);
          part.parts.push(child);
          next.push([child, view]);
        }
      }
      if (part.kind !== "chain" || shown === count) continue;
      // The state of a chain is that of its end.
      const [last] = await readWorkflowNodes(context, record.id, { from: first + count - 1, count: 1 });
      if (last) ends.set(part, toPart(last));
    }
    waiting.push(...next.filter(isWaiting));
    level = next;
  }
  settle(root, ends);
  if (record.state === "completed" && root.kind !== "step") root.state = "completed";
  return { root, waiting };
}

/** One of those whose state depends on the hosts. */
export function isWaiting([{ state }]: readonly [WorkflowPart, WorkflowNodeView]): boolean {
  return (WAITING as readonly string[]).includes(state);
}

const WAITING = ["waiting", "prioritized", "delayed"] as const satisfies readonly WorkflowPart["state"][];

/** One node as it is shown, without its parts. */
export function toPart(view: WorkflowNodeView): WorkflowPart {
  const { number, kind, state, pool = null, task = null, jobId = null, errors = null, count = 0 } = view;
  const ended = view.ended ?? null;
  return { number, kind, state, pool, task, jobId, blockedBy: null, errors, count, ended, parts: [] };
}

/** The record keeps no states of chains and groups: they follow from those of their parts. */
function settle(part: WorkflowPart, ends: ReadonlyMap<WorkflowPart, WorkflowPart>): void {
  for (const one of part.parts) settle(one, ends);
  if (part.kind === "step" || part.state === "failed") return;
  const states = new Set(part.parts.map(({ state }) => state));
  const last = ends.get(part) ?? part.parts.at(-1);
  const isComplete = part.kind === "group" ? part.ended === part.count : last?.state === "completed";
  if (isComplete && (part.kind === "chain" || part.count > 0)) part.state = "completed";
  else if (states.has("failed") && part.errors !== "return") part.state = "failed";
  else if (["active", ...WAITING].some((state) => states.has(state as WorkflowPart["state"]))) part.state = "active";
  else if (states.has("stopped")) part.state = "stopped";
  else if (states.has("completed") || (part.ended ?? 0) > 0) part.state = "active";
}
