import { BUCKET } from "../../redis/task-index/index.ts";
import { isFinished } from "../../work/submission/index.ts";
import { type FindContext, type Found, specOf } from "./find-rows.ts";
import { findTasksInIndex, type Walk } from "./find-scripts.ts";
import { clausesOf, findActive, findPage, STEP_WORK } from "./find-tasks.ts";
import { type CheckedQuery, LARGEST_PAGE } from "./task-query.ts";
import { findUnnumbered } from "./unnumbered-tasks.ts";

/** Counts the tasks that a query means: by the containers of the index where they tell, else by looking at each task. */
export async function countTasks(context: FindContext, query: CheckedQuery, signal?: AbortSignal): Promise<number> {
  const { states } = query;
  if (states?.every((state) => state === "active")) return (await findActive(context, query)).length;
  if (!isTold(query) || (await hasChildren(context, query))) return countRows(context, query, signal);
  const spec = specOf(context, query);
  const everything = { spec, most: Number.POSITIVE_INFINITY, deadline: Number.POSITIVE_INFINITY };
  const [unnumbered, active] = await Promise.all([
    findUnnumbered(context, query, everything),
    states === null ? [] : findActive(context, { ...query, states: ["active"] }),
  ]);
  const { counted, next } = await countInIndex(context, query, signal);
  return counted + unnumbered.found.length - (await countWaiting(context, query, { active, next }));
}

/** Whether pool, task, tag and state are all that is asked, and containers tell the state. */
function isTold({ states, host, workflow, since, until, error, text }: CheckedQuery): boolean {
  if ([host, workflow, since, until, error, text].some((filter) => filter !== null)) return false;
  if (states === null || states.every((state) => isFinished(state))) return true;
  return states.length === 1 && states[0] !== "blocked" && states[0] !== "waiting-children";
}

/** Jobs that wait for children have no state in the index, as those that wait for a host. */
async function hasChildren({ client, keys, pools }: FindContext, { states, pool }: CheckedQuery): Promise<boolean> {
  if (states?.[0] !== "waiting") return false;
  const searched = pools.filter((name) => pool === null || name === pool);
  const counts = await Promise.all(searched.map((name) => client.zcard(keys.queue(name, "waiting-children"))));
  return counts.some((count) => count > 0);
}

async function countRows(context: FindContext, query: CheckedQuery, signal?: AbortSignal): Promise<number> {
  let count = 0;
  const limits = { time: Number.POSITIVE_INFINITY, unnumbered: Number.POSITIVE_INFINITY };
  let page: CheckedQuery = { ...query, limit: LARGEST_PAGE };
  for (;;) {
    signal?.throwIfAborted();
    const { found, next } = await findPage(context, page, limits);
    count += found.length;
    if (next === null) return count;
    page = { ...page, cursor: next };
  }
}

async function countInIndex(
  context: FindContext,
  query: CheckedQuery,
  signal: AbortSignal | undefined,
): Promise<{ counted: number; next: number }> {
  const { client, keys } = context;
  const spec = JSON.stringify(specOf(context, query));
  const walk: Walk = {
    ...clausesOf(context, query),
    ...{ is_down: false, low: 0, high: Number.MAX_SAFE_INTEGER, limit: 1, budget: STEP_WORK },
    ...{ counts: true, blocked: false, limited: {}, buckets: false, told: null },
  };
  for (let counted = 0; ; ) {
    signal?.throwIfAborted();
    const args = [spec, JSON.stringify(walk)];
    const [isDone, resume, count, next] = await findTasksInIndex.run(client, [keys.taskIndex, keys.indexTimes], args);
    counted += count;
    if (isDone === 1) return { counted, next };
    walk.low = resume + 1;
  }
}

/** Waiting is what has no other state, and the index does not say what runs: those that run are to be left out. */
async function countWaiting(
  { client, keys }: FindContext,
  { states }: CheckedQuery,
  { active, next }: { active: readonly Found[]; next: number },
): Promise<number> {
  const [state] = states ?? [];
  if (state !== "waiting" && state !== "prioritized") return 0;
  // The others were looked at one by one.
  const counted = active.filter(({ number }) => number !== null && number < next - (next % BUCKET));
  if (counted.length === 0) return 0;
  const pipeline = client.pipeline();
  for (const { task } of counted) pipeline.hget(keys.job(task.pool, task.id), "priority");
  const priorities = (await pipeline.exec()) ?? [];
  return priorities.filter(([, priority]) => Number(priority ?? 0) > 0 === (state === "prioritized")).length;
}
