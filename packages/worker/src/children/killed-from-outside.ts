import type { Executor } from "../executor/executor.ts";

/** Children that vanish by no fault of the code they run are replaced so often. */
export const REPLACEMENTS = 3;

/** True when the child was ended by a signal that neither its code, its heap limit nor this host explains. */
export async function wasKilledFromOutside(executor: Executor): Promise<boolean> {
  const stillThere = new Promise<null>((resolve) => setTimeout(resolve, 50, null).unref());
  const exit = await Promise.race([executor.exited, stillThere]);
  return exit !== null && exit.signal !== null && !exit.outOfMemory && exit.crash === null && exit.killedFor === null;
}
