import type { HostRecord } from "@manyhands/core/internal";
import type { Check } from "./health-server.ts";
import type { Liveness } from "./liveness.ts";

/** What the checks look at. */
export interface HostFacts {
  liveness: Liveness;
  state: HostRecord["state"];
  /** Pools whose worker could fetch and does not. */
  deafPools: string[];
  /** Why the last child could not be made; null when it could. */
  childrenError: string | null;
}

/** Is the host alive, or would a restart help? Redis being away is no reason to restart. */
export function checkAlive({ isLoopAlive, loopDelay }: Liveness): Record<string, Check> {
  return { eventLoop: check(isLoopAlive, `the event loop was blocked for ${Math.round(loopDelay)} ms`) };
}

/** Does the host take work now? */
export function checkReady({ liveness, state, deafPools, childrenError }: HostFacts): Record<string, Check> {
  const deaf = deafPools.map((pool) => `"${pool}"`).join(", ");
  return {
    ...checkAlive(liveness),
    state: check(state === "running" || state === "deaf", `the host is ${state}`),
    redis: check(liveness.isRedisAnswering, `Redis has not answered for ${Math.round(liveness.silence)} ms`),
    workers: check(deafPools.length === 0, `no jobs are fetched for pools ${deaf}`),
    children: check(childrenError === null, `children cannot be made: ${childrenError}`),
  };
}

function check(isWell: boolean, reason: string): Check {
  return isWell ? { ok: true } : { ok: false, reason };
}
