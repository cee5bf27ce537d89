import type { Milliseconds } from "@manyhands/core/internal";

/** A job whose task no live host knows is kept this long for a host that may come, ms. */
const PATIENCE: Milliseconds = 15_000;
/** An older job is kept this long, because a host that knows its task may just be restarting, ms. */
const RESTART_PATIENCE: Milliseconds = 5_000;

/** A job that no live host can run, times in epoch ms. */
export interface UnservedJob {
  /** Since when no live host knows its task. */
  since: number;
  timestamp: number;
  /** The delay that it was submitted with. */
  delay: Milliseconds;
}

/** When such a job is to fail, epoch ms. */
export function patienceEnd({ since, timestamp, delay }: UnservedJob): number {
  const left = timestamp + delay + PATIENCE - since;
  return since + Math.max(RESTART_PATIENCE, Math.min(PATIENCE, left));
}

/** Lua: `patience_end(since, timestamp, delay)`, as {@link patienceEnd}. */
export const PATIENCE_END: string = `
local function patience_end(since, timestamp, delay)
  local left = timestamp + delay + ${PATIENCE} - since
  return since + math.max(${RESTART_PATIENCE}, math.min(${PATIENCE}, left))
end
`;
