import { TaskUnknownError, ValueError } from "../errors/index.ts";
import type { Logger } from "../package/index.ts";
import { timeLimit, type WaitOptions } from "../time/index.ts";
import type { JobEnvelope } from "../wire/records/job.ts";
import { unitCount } from "../wire/records/unit-count.ts";
import { type ResultChannel, waitForOutcome } from "../work/results/index.ts";
import type { TaskDesk, TaskPlace } from "../work/submission/index.ts";
import type { InspectorPlace } from "./place.ts";
import type { InPool, TaskInspector } from "./task-inspector.ts";

/** What the handles of tasks ask: the inspector, and the reply stream of this program for outcomes. */
export function createTaskDesk(context: {
  tasks: () => TaskInspector;
  place: Pick<InspectorPlace, "client" | "keys" | "during">;
  results: ResultChannel;
  logger: Logger;
}): TaskDesk {
  const { tasks, place, results, logger } = context;
  return {
    state: (id, options) => tasks().state(id, options),
    get: (id, options) => tasks().get(id, options),
    cancel: (id, options) => tasks().cancel(id, options),
    retry: (id, options) => tasks().retry(id, options),
    promote: (id, options) => tasks().promote(id, options),
    remove: (id, options) => tasks().remove(id, options),
    outcome: (id, { pool, ...options }) => place.during(() => outcome(id, { pool, options })),
  };

  async function outcome(id: string, { pool, options }: InPool & { options: WaitOptions }): Promise<unknown> {
    const limit = timeLimit(options);
    options.signal?.throwIfAborted();
    const startedAt = performance.now();
    const found = await tasks().find(id, { pool });
    if (!found) throw new TaskUnknownError(`no task ${id} is kept${pool === undefined ? "" : ` in pool "${pool}"`}`);
    const task = { ...found, units: await unitsOf(found) };
    if (task.unit === null && task.units > 1) {
      throw new ValueError(
        `job ${id} holds ${task.units} calls; wait for one of them: ${id}.0 to ${id}.${task.units - 1}`,
      );
    }
    const left = limit <= 0 ? limit : Math.max(1, limit - (performance.now() - startedAt));
    const wait: WaitOptions = limit === Number.POSITIVE_INFINITY ? options : { ...options, timeout: left };
    return waitForOutcome({ results, logger }, task, wait);
  }

  async function unitsOf({ pool, jobId }: TaskPlace): Promise<number> {
    const data = await place.client.hget(place.keys.job(pool, jobId), "data");
    try {
      return unitCount(JSON.parse(data ?? "{}") as JobEnvelope) ?? 1;
    } catch {
      return 1;
    }
  }
}
