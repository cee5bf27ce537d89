import { describeLimit } from "../../work/limits/index.ts";
import type { TaskState } from "../../work/submission/index.ts";
import type { WaitingSteps } from "../../work/workflows/index.ts";
import { type InspectorPlace, liveHosts } from "../place.ts";
import { describeBlock } from "./read-task.ts";
import { shownState } from "./where-is.ts";

type Shown = Pick<WaitingSteps[number][0], "state" | "blockedBy">;

/**
 * Gives steps that wait the states that they have as tasks, with the reason of those that are blocked. Steps that wait for the same
 * are looked at once.
 */
export async function showWaiting(place: InspectorPlace, waiting: WaitingSteps): Promise<void> {
  if (waiting.length === 0) return;
  const hosts = await liveHosts(place);
  const known = new Map<string, Promise<Shown>>();
  const show = async (view: WaitingSteps[number][1]): Promise<Shown> => {
    const { pool = "", task = "", jobId = "", parkedFor = "", limitedBy = "" } = view;
    const state = shownState({ state: view.state as TaskState, pool, task, parkedFor, limitedBy }, hosts);
    const limit = limitedBy === "" ? null : await describeLimit(place, { pool, limitedBy, position: null });
    const blockedBy = describeBlock({ state, pool, task, jobId, parkedFor, limit }, hosts);
    return { state: state as Shown["state"], blockedBy };
  };
  await Promise.all(
    waiting.map(async ([part, view]) => {
      const key = JSON.stringify([view.state, view.pool, view.task, view.parkedFor, view.limitedBy]);
      const shown = known.get(key) ?? show(view);
      known.set(key, shown);
      Object.assign(part, await shown);
    }),
  );
}
