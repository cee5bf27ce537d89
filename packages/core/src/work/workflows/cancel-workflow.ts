import { cancelTask, type TaskPlace } from "../submission/index.ts";
import type { Child } from "./children.ts";
import { readWorkflowNodes, tellWatchers } from "./workflow-engine.ts";
import type { WorkflowContext } from "./workflow-record.ts";
import { cancelWorkflowScript } from "./workflow-scripts.ts";
import { emptyLines } from "./workflow-sweep.ts";

/** Children that are cancelled at once. */
const BATCH = 50;
/** Steps that are looked at at once. */
const LOOKED_AT = 250;

/**
 * Stops a workflow: no step of it starts after this, and those that run are cancelled.
 * @returns "ended" when it has ended before
 */
export async function cancelWorkflow(
  context: WorkflowContext,
  id: string,
  reason: string,
): Promise<"cancelled" | "ended" | "missing"> {
  const { client, keys } = context;
  const [outcome, watchers] = await cancelWorkflowScript.run(
    client,
    [keys.workflow(id)],
    [id, keys.prefix, keys.queues, reason],
  );
  if (outcome !== "cancelled") return outcome;
  await tellWatchers(context, id, watchers);
  await emptyLines(context, id);
  const inLine = (await client.smembers(keys.workflowPart(id, "line"))).map(Number);
  for (let from = 0; from < inLine.length; from += LOOKED_AT) {
    const views = await Promise.all(
      inLine.slice(from, from + LOOKED_AT).map((step) => readWorkflowNodes(context, id, { from: step, count: 1 })),
    );
    for (const { state, pool, jobId } of views.flat()) {
      if (state !== "active" || pool === undefined || jobId === undefined) continue;
      await cancelTree(context, { pool, jobId, unit: null }, { reason });
    }
  }
  return outcome;
}

/** Cancels a task as `cancelTask` does, and then the children that it has submitted, with theirs. */
export async function cancelTree(
  context: WorkflowContext,
  place: TaskPlace,
  { reason }: { reason: string },
): ReturnType<typeof cancelTask> {
  const outcome = await cancelTask(context, place, { reason });
  // Each state that a cancellation leads to: it is repeated where it was broken off.
  if (outcome === "withdrawn" || outcome === "marked" || outcome === "cancelled") {
    await cancelChildren(context, place, reason);
  }
  return outcome;
}

/** Cancels one child, with its own children. */
async function cancelChild(context: WorkflowContext, { pool, id }: Child, reason: string): Promise<void> {
  if (pool === null) await cancelWorkflow(context, id, reason);
  else await cancelTree(context, { pool, jobId: id, unit: null }, { reason });
}

async function cancelChildren(context: WorkflowContext, place: TaskPlace, reason: string): Promise<void> {
  const { client, keys } = context;
  const members = await client.smembers(keys.children(place.pool, place.jobId));
  const children = members
    .map((member) => JSON.parse(member) as [unit: number | null, pool: string | null, id: string])
    .filter(([unit]) => place.unit === null || unit === place.unit);
  for (let from = 0; from < children.length; from += BATCH) {
    const some = children.slice(from, from + BATCH);
    await Promise.all(some.map(([, pool, id]) => cancelChild(context, { pool, id }, reason)));
  }
}
