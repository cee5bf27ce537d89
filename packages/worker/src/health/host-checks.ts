import type { HostRecord, HostTrouble } from "@manyhands/core/internal";
import type { Check } from "./health-server.ts";
import type { Liveness } from "./liveness.ts";

/** What the checks look at. */
export interface HostFacts {
  liveness: Liveness;
  state: HostRecord["state"];
  /** Queues whose worker could take jobs and does not, as messages name them. */
  deafQueues: string[];
  /** Why Redis refuses to serve this host although it answers; null when it serves. */
  refusal: string | null;
  /** What keeps the host, or its share of a pool, from taking work. */
  troubles: readonly HostTrouble[];
}

/** Is the host alive, or would a restart help? Redis being away is no reason to restart. */
export function checkAlive({ isLoopAlive, loopDelay }: Liveness): Record<string, Check> {
  return { eventLoop: check(isLoopAlive, `the event loop was blocked for ${Math.round(loopDelay)} ms`) };
}

/** Does the host take work now? */
export function checkReady({ liveness, refusal, state, deafQueues, troubles }: HostFacts): Record<string, Check> {
  const blocked = troubles.filter((trouble) => !trouble.takesWork);
  const ofHost = blocked.find((trouble) => trouble.pool === null);
  const ofPools = blocked.filter((trouble) => trouble.pool !== null);
  return {
    ...checkAlive(liveness),
    state: check(state === "running" || state === "deaf" || state === "unready", `the host is ${state}`),
    redis: liveness.isRedisAnswering
      ? check(refusal === null, refusal ?? "")
      : check(false, `Redis has not answered for ${Math.round(liveness.silence)} ms`),
    workers: check(deafQueues.length === 0, `no jobs are taken from ${deafQueues.join(", ")}`),
    children: check(ofHost === undefined, `children cannot be made: ${ofHost?.reason}`),
    pools: check(ofPools.length === 0, ofPools.map(({ pool, reason }) => `"${pool}": ${reason}`).join("; ")),
  };
}

function check(isWell: boolean, reason: string): Check {
  return isWell ? { ok: true } : { ok: false, reason };
}
