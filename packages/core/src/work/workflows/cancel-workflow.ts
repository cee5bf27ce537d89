import { cancelTask, type TaskPlace } from "../submission/index.ts";
import type { Child } from "./children.ts";
import { emptyLines, tellWatchers } from "./workflow-engine.ts";
import { stepJobId, type WorkflowContext } from "./workflow-record.ts";
import { cancelWorkflowScript, type SweptStep } from "./workflow-scripts.ts";

/** Steps, or children, that are cancelled at once. */
const BATCH = 50;
/** Steps that the script which ends a workflow looks at. */
const LOOKED_AT = 200;
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
    [id, keys.prefix, keys.queues, reason, LOOKED_AT, most, longest],
  );
  if (outcome === "ended" || outcome === "missing") return outcome;
  await tellWatchers(context, id, watchers);
  if (left === 0) return outcome;
  for await (const running of emptyLines(context, id, DROPPED)) {
    for (let from = 0; from < running.length; from += BATCH) {
      await Promise.all(running.slice(from, from + BATCH).map((step) => stopStep(context, { id, step, reason: why })));
    }
  }
  return outcome;
}

/** Cancels a step that runs, as it was found: after a retry of the workflow it is another one. */
export async function stopStep(
  context: WorkflowContext,
  { id, step: [step, , pool, life = ""], reason }: { id: string; step: SweptStep; reason: string },
): Promise<void> {
  await cancelTree(context, { pool, jobId: stepJobId(id, Number(step)), unit: null, life }, { reason });
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
