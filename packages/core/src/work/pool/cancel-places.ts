import { BullQueues } from "../../redis/bull-queue/bull-queues.ts";
import { cancelTask } from "../submission/cancel-task.ts";
import type { Runtime, UnitPlace } from "../submission/index.ts";

/** Cancellations under way at the same time. */
const LANES = 50;

/** Cancels calls wherever they are. @returns true when at least one was not finished yet */
export async function cancelPlaces(runtime: Runtime, places: UnitPlace[], reason: string): Promise<boolean> {
  const queues = new BullQueues(runtime.client, runtime.keys);
  let stopped = false;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < places.length) {
      const place = places[next] as UnitPlace;
      next += 1;
      const outcome = await cancelTask({ client: runtime.client, keys: runtime.keys, queues }, place, { reason });
      stopped ||= outcome === "removed" || outcome === "marked";
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(LANES, places.length) }, lane));
  } finally {
    await queues.close();
  }
  return stopped;
}
