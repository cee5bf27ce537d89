import type { Runtime, UnitPlace } from "../submission/index.ts";
import { cancelTree } from "../workflows/index.ts";

/** Cancellations under way at the same time. */
const LANES = 50;

/** Cancels calls wherever they are. @returns true when at least one was not finished yet */
export async function cancelPlaces(runtime: Runtime, places: UnitPlace[], reason: string): Promise<boolean> {
  let stopped = false;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < places.length) {
      const place = places[next] as UnitPlace;
      next += 1;
      const outcome = await cancelTree(runtime, place, { reason });
      stopped ||= outcome === "withdrawn" || outcome === "marked";
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, places.length) }, lane));
  return stopped;
}
