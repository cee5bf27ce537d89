import { got, plural, TaskUnknownError, TimeoutError, ValueError } from "../errors/index.ts";
import type { Logger } from "../package/index.ts";
import { ANSWER_LIMIT } from "../session/waiting/wait-for-turn.ts";
import { type Patience, toLimit, within } from "../time/index.ts";
import type { JobEnvelope } from "../wire/records/job.ts";
import { unitCount } from "../wire/records/unit-count.ts";
import { type ResultChannel, waitForOutcome } from "../work/results/index.ts";
import {
  type ExpiryWatch,
  type TaskDesk,
  type TaskPlace,
  type TaskUpdate,
  type UpdateOptions,
  unknownTask,
} from "../work/submission/index.ts";
import { followWorkflow, type WorkflowWatch, waitForWorkflow } from "../work/workflows/index.ts";
import type { InspectorPlace } from "./place.ts";
import type { InPool, TaskInspector } from "./task-inspector.ts";
import { followUpdates } from "./task-updates.ts";
import type { WorkflowInspector } from "./workflow-inspector.ts";

/** What the handles of tasks ask: the inspector, and the reply stream of this program for outcomes. */
export function createTaskDesk(context: {
  tasks: () => TaskInspector;
  workflows: () => WorkflowInspector;
  place: Pick<InspectorPlace, "client" | "keys" | "during">;
  results: ResultChannel;
  expiries: ExpiryWatch;
  logger: Logger;
  /** Of this program. */
  clientId: string;
  /** Largest encoded argument list, bytes. */
  maxPayload: number;
}): TaskDesk {
  const { tasks, workflows, place, results, expiries, logger, clientId, maxPayload } = context;
  const watch: WorkflowWatch = { client: place.client, keys: place.keys, results, clientId, logger };
  return {
    state: async (id, where) => {
      const state = where.isWorkflow ? "unknown" : await tasks().state(id, inPool(where));
      if (state !== "unknown" || !mayBeWorkflow(where)) return state;
      return (await workflows().row(id))?.state ?? "unknown";
    },
    get: async (id, where) => {
      const view = where.isWorkflow ? null : await tasks().get(id, inPool(where));
      if (view === null) await refuseWorkflow(id, where, "show() shows tasks; tree() shows a workflow");
      return view;
    },
    cancel: async (id, { reason, ...where }) => {
      const outcome = where.isWorkflow ? UNKNOWN : await tasks().cancel(id, { reason, ...inPool(where) });
      return orElse(outcome, where, () => workflows().cancel(id, { reason }));
    },
    retry: async (id, where) => {
      const outcome = where.isWorkflow ? UNKNOWN : await tasks().retry(id, inPool(where));
      return orElse(outcome, where, () => workflows().retry(id));
    },
    promote: async (id, where) => {
      const outcome = where.isWorkflow ? UNKNOWN : await tasks().promote(id, inPool(where));
      if (outcome.outcome === "unknown")
        await refuseWorkflow(id, where, "promote() is for delayed tasks, such as its steps");
      return outcome;
    },
    change: async (id, change, { definition, ...where }) => {
      const outcome = where.isWorkflow
        ? UNKNOWN
        : await tasks().change(id, change, { ...inPool(where), definition, maxPayload });
      if (outcome.outcome === "unknown")
        await refuseWorkflow(id, where, "change() is for tasks that wait, such as its steps");
      return outcome;
    },
    remove: async (id, where) => {
      const outcome = where.isWorkflow ? UNKNOWN : await tasks().remove(id, inPool(where));
      return orElse(outcome, where, () => workflows().remove(id));
    },
    tree: async (id, { parts, ...where }) => {
      const tree = mayBeWorkflow(where) ? await workflows().get(id, { parts }) : null;
      if (tree !== null) return tree;
      const isTask = !where.isWorkflow && (await tasks().state(id, inPool(where))) !== "unknown";
      if (isTask) throw new ValueError(`task ${id} is no workflow, so it has no tree; show() shows it`);
      return null;
    },
    updates: async function* (id, { pool, isWorkflow, ...options }) {
      const where = { pool, isWorkflow };
      const isTask = !isWorkflow && (!mayBeWorkflow(where) || (await isKeptTask(id, where)));
      if (!isTask) return yield* followSteps(id, options);
      yield* followUpdates(
        {
          ...{ place, results, logger },
          find: () => find(id, inPool(where)),
          state: (found) => tasks().stateAt(found),
        },
        id,
        options,
      );
    },
    outcome: (id, { patience, ...where }) =>
      place.during(async () => {
        const isTask = !where.isWorkflow && (!mayBeWorkflow(where) || (await isKeptTask(id, where)));
        return isTask ? outcome(id, { ...inPool(where), patience }) : workflowOutcome(id, patience);
      }),
  };

  async function isKeptTask(id: string, where: DeskPlace): Promise<boolean> {
    if ((await tasks().findPlace(id, inPool(where))) !== null) return true;
    return (await workflows().row(id)) === null;
  }

  async function refuseWorkflow(id: string, where: DeskPlace, advice: string): Promise<void> {
    if (mayBeWorkflow(where) && (await workflows().row(id)) !== null) {
      throw new ValueError(`${id} is a workflow: ${advice}`);
    }
  }

  async function workflowOutcome(id: string, patience: Patience | undefined): Promise<unknown> {
    const { limit: asked, signal } = toLimit(patience);
    signal?.throwIfAborted();
    const limit = asked <= 0 ? ANSWER_LIMIT : asked;
    const startedAt = performance.now();
    const looked = await within(workflows().row(id), limit, { signal });
    if (!looked)
      throw new TimeoutError(`workflow ${id} could not be looked up within ${asked} ms: Redis does not answer`);
    if (looked.value === null) throw unknownTask(id, undefined);
    const left = Math.max(1, limit - (performance.now() - startedAt));
    return waitForWorkflow(watch, id, { limit: left, asked, signal });
  }

  async function* followSteps(id: string, options: UpdateOptions): AsyncGenerator<TaskUpdate, void, undefined> {
    const { from = "now", timeout, signal: given } = options;
    if (from !== "now" && from !== "start") throw new ValueError(`from must be "now" or "start"; got ${got(from)}`);
    const { limit, signal } = toLimit({ timeout, signal: given });
    signal?.throwIfAborted();
    let told: string | undefined;
    for await (const row of followWorkflow(watch, id, { limit, asked: limit, signal })) {
      if (row === null && told === undefined) throw unknownTask(id, undefined);
      const { state, steps = null, failedReason = null } = row ?? { state: "unknown" as const };
      if (steps !== null) yield { type: "progress", value: steps };
      if (state !== told) yield { type: "state", state, attemptsMade: 0, failedReason };
      told = state;
    }
  }

  async function outcome(
    id: string,
    { pool, patience }: InPool & { patience: Patience | undefined },
  ): Promise<unknown> {
    const { limit: asked, signal } = toLimit(patience);
    signal?.throwIfAborted();
    const limit = asked <= 0 ? ANSWER_LIMIT : asked;
    const startedAt = performance.now();
    const looked = await within(find(id, { pool }), limit, { signal });
    if (!looked) throw new TimeoutError(`task ${id} could not be looked up within ${asked} ms: Redis does not answer`);
    const task = looked.value;
    if (task.unit === null && task.units > 1) {
      throw new ValueError(
        `job ${id} holds ${task.units} calls; wait for one of them: ${id}.0 to ${id}.${task.units - 1}`,
      );
    }
    const left = Math.max(1, limit - (performance.now() - startedAt));
    const waiting = waitForOutcome({ results, logger }, task, { limit: left, asked, signal });
    if (task.expiresAt !== null) expiries.note(task.expiresAt - Date.now());
    return waiting;
  }

  async function find(id: string, { pool }: InPool): Promise<FoundTask> {
    const where = pool === undefined ? "" : ` in pool "${pool}"`;
    const found = await tasks().findPlace(id, { pool });
    if (!found) throw unknownTask(id, pool);
    const { units, expiresAt } = await readJob(found);
    if (found.unit === null || found.unit < units) return { ...found, units, expiresAt };
    throw new TaskUnknownError(`no task ${id} is kept${where}: job ${found.jobId} holds ${plural(units, "call")}`);
  }

  async function readJob({ pool, jobId }: TaskPlace): Promise<Pick<FoundTask, "units" | "expiresAt">> {
    const [data, timestamp] = await place.client.hmget(place.keys.job(pool, jobId), "data", "timestamp");
    try {
      const envelope = JSON.parse(data ?? "{}") as JobEnvelope;
      const { expires } = envelope;
      const expiresAt = typeof expires === "number" ? Number(timestamp) + expires : null;
      return { units: unitCount(envelope) ?? 1, expiresAt };
    } catch {
      return { units: 1, expiresAt: null };
    }
  }
}

/** Where a handle looks. */
interface DeskPlace extends InPool {
  isWorkflow?: boolean | undefined;
}

const UNKNOWN = { outcome: "unknown" } as const;

function inPool({ pool }: DeskPlace): InPool {
  return pool === undefined ? {} : { pool };
}

/** A task is in a pool, and the steps of a workflow may be in several. */
function mayBeWorkflow({ pool, isWorkflow }: DeskPlace): boolean {
  return isWorkflow === true || pool === undefined;
}

async function orElse<OfTask extends { outcome: string }, OfWorkflow>(
  outcome: OfTask,
  where: DeskPlace,
  ask: () => Promise<OfWorkflow>,
): Promise<OfTask | OfWorkflow> {
  return outcome.outcome === "unknown" && mayBeWorkflow(where) ? ask() : outcome;
}

/** A task that is kept. */
interface FoundTask extends TaskPlace {
  /** Calls in its job. */
  units: number;
  /** When it is dropped if it has not been started, epoch ms. */
  expiresAt: number | null;
}
