import type { PoolView } from "@manyhands/core/internal";

type Counts = Pick<PoolView, "waiting" | "prioritized" | "delayed" | "parked" | "limited">;

/** Tasks that are due and not started, with those that limits hold back or no live host knows. */
export function waitingIn({ waiting, prioritized, parked, limited }: Counts): number {
  return waiting + prioritized + parked + limited;
}

/** Those that may not start yet. */
export function delayedIn({ delayed, parked, limited }: Counts): number {
  return Math.max(0, delayed - parked - limited);
}
