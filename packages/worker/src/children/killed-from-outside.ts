import { within } from "@manyhands/core/internal";
import type { Executor, ExecutorExit } from "../executor/executor.ts";

/** Children that vanish by no fault of the code they run are replaced so often. */
export const REPLACEMENTS = 3;

/** True when the child was ended by a signal that neither its code, its heap limit nor this host explains. */
export async function wasKilledFromOutside(executor: Executor): Promise<boolean> {
  const exit = await endOf(executor);
  return exit !== null && exit.signal !== null && !exit.outOfMemory && exit.crash === null && exit.killedFor === null;
}

/** True when the child's own code ended it: it exited, or an error was not caught. */
export async function endedItself(executor: Executor): Promise<boolean> {
  const exit = await endOf(executor);
  return exit !== null && (exit.code !== null || exit.crash !== null) && !exit.outOfMemory && exit.killedFor === null;
}

/** Its end is known so soon after what it caused, ms. */
const LAST_MOMENT = 50;

async function endOf(executor: Executor): Promise<ExecutorExit | null> {
  return (await within(executor.exited, LAST_MOMENT, { ref: false }))?.value ?? null;
}
