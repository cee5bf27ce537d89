import { plural, TaskUnknownError, TimeoutError, ValueError } from "../errors/index.ts";
import type { Logger } from "../package/index.ts";
import { ANSWER_LIMIT } from "../session/waiting/wait-for-turn.ts";
import { type Patience, toLimit, within } from "../time/index.ts";
import type { JobEnvelope } from "../wire/records/job.ts";
import { unitCount } from "../wire/records/unit-count.ts";
import { type ResultChannel, waitForOutcome } from "../work/results/index.ts";
import { type ExpiryWatch, type TaskDesk, type TaskPlace, unknownTask } from "../work/submission/index.ts";
import type { InspectorPlace } from "./place.ts";
import type { InPool, TaskInspector } from "./task-inspector.ts";
import { followUpdates } from "./task-updates.ts";

/** What the handles of tasks ask: the inspector, and the reply stream of this program for outcomes. */
export function createTaskDesk(context: {
  tasks: () => TaskInspector;
  place: Pick<InspectorPlace, "client" | "keys" | "during">;
  results: ResultChannel;
  expiries: ExpiryWatch;
  logger: Logger;
  /** Largest encoded argument list, bytes. */
  maxPayload: number;
}): TaskDesk {
  const { tasks, place, results, expiries, logger, maxPayload } = context;
  return {
    state: (id, options) => tasks().state(id, options),
    get: (id, options) => tasks().get(id, options),
    cancel: (id, options) => tasks().cancel(id, options),
    retry: (id, options) => tasks().retry(id, options),
    promote: (id, options) => tasks().promote(id, options),
    change: (id, change, options) => tasks().change(id, change, { ...options, maxPayload }),
    remove: (id, options) => tasks().remove(id, options),
    updates: (id, { pool, ...options }) =>
      followUpdates(
        { place, results, logger, find: () => find(id, { pool }), state: (found) => tasks().stateAt(found) },
        id,
        options,
      ),
    outcome: (id, { pool, patience }) => place.during(() => outcome(id, { pool, patience })),
  };

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

/** A task that is kept. */
interface FoundTask extends TaskPlace {
  /** Calls in its job. */
  units: number;
  /** When it is dropped if it has not been started, epoch ms. */
  expiresAt: number | null;
}
