import { cancelTask, type TaskPlace } from "../submission/index.ts";
import type { Child } from "./children.ts";
import { readWorkflowNodes, tellWatchers } from "./workflow-engine.ts";
import type { WorkflowContext } from "./workflow-record.ts";
import { cancelWorkflowScript, sweepWorkflow } from "./workflow-scripts.ts";

/** Children that are cancelled at once. */
const BATCH = 50;
/** Steps that are looked at at once: for those that run, and by a script for those that wait. */
const LOOKED_AT = { running: 250, waiting: 200 };
/** Steps that one script takes out of their line, from lines that are searched in some µs. */
const DROPPED = { most: 50, longest: 5_000 };

/**
 * Stops a workflow: no step of it starts after this, and those that run are cancelled. Hosts go on with a cancellation that is
 * broken off, and so does another one.
 * @param reason - Of the first cancellation, which holds for those after it.
 * @returns "stopping" when it has ended before and steps of it waited or ran; "ended" when it has, and none did
 */
export async function cancelWorkflow(
  context: WorkflowContext,
  id: string,
  reason: string,
): Promise<"cancelled" | "stopping" | "ended" | "missing"> {
  const { client, keys } = context;
  const { most, longest } = DROPPED;
  const [outcome, why, watchers, left] = await cancelWorkflowScript.run(
    client,
    [keys.workflow(id), keys.openWorkflows],
    [id, keys.prefix, keys.queues, reason, LOOKED_AT.waiting, most, longest],
  );
  if (outcome === "ended" || outcome === "missing") return outcome;
  await tellWatchers(context, id, watchers);
  if (left === 0) return outcome;
  await emptyLines(context, id);
  const inLine = (await client.smembers(keys.workflowPart(id, "line"))).map(Number);
  for (let from = 0; from < inLine.length; from += LOOKED_AT.running) {
    const views = await Promise.all(
      inLine
        .slice(from, from + LOOKED_AT.running)
        .map((step) => readWorkflowNodes(context, id, { from: step, count: 1 })),
    );
    for (const { state, pool, jobId } of views.flat()) {
      if (state !== "active" || pool === undefined || jobId === undefined) continue;
      await cancelTree(context, { pool, jobId, unit: null }, { reason: why });
    }
  }
  return outcome;
}

/**
 * Takes steps of a workflow that was stopped out of their lines. Hosts drop those that they find; a worker of BullMQ would run
 * them. In lines that are very long the sweep does it.
 */
async function emptyLines({ client, keys }: WorkflowContext, id: string): Promise<void> {
  const { most, longest } = DROPPED;
  while (true) {
    const { outcome, dropped } = await sweepWorkflow.run(
      client,
      [keys.workflow(id), keys.openWorkflows],
      [id, keys.prefix, keys.queues, 0, LOOKED_AT.waiting, most, longest],
    );
    if (outcome !== "idle" || dropped === 0) return;
  }
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
