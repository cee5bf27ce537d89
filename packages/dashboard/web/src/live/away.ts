import { ApiProblem } from "../api/problem.ts";
import { useStore } from "../store.ts";
import { live } from "./live.ts";

/** A reading that failed is made again so soon, ms. */
const TRY_AGAIN = 3_000;

/** Since when Redis or the dashboard does not answer, epoch ms; null when it does. Then a page shows old numbers. */
export function useAway({ error, dataUpdatedAt }: { error: Error | null; dataUpdatedAt: number }): number | null {
  const { problem } = useStore(live);
  if (problem) return problem.since;
  return error instanceof ApiProblem && [0, 503, 504].includes(error.status) ? dataUpdatedAt || Date.now() : null;
}

/** How soon a reading is made again although nothing has changed, ms: soon while it fails, never while paused. */
export function soonAgain({ error }: { error: unknown }, ms: number): number | false {
  if (live.get().state === "paused") return false;
  return error ? TRY_AGAIN : ms;
}
