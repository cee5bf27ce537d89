import type { HostRecord } from "../../wire/records/records.ts";
import { isServed, sharedHostNames } from "../../work/fleet/index.ts";
import type { AttentionFinding, FindingOf, KnowingHost } from "./finding.ts";
import type { ParkedTasks } from "./parked-tasks.ts";

/** A host's clock may differ by this much, beyond the age of its heartbeat, ms. */
const CLOCK_TOLERANCE = 30_000;

/** What has to be known of a pool. */
export interface PoolFacts {
  name: string;
  state: "running" | "failed" | "terminated";
  size: number | null;
  /** How many BullMQ lets run at once, null = any number; absent = it was not read. */
  globalConcurrency?: number | null;
  paused: boolean;
  /** Name and message of the error that it failed with. */
  failure: string | null;
  /** Tasks that wait, delayed ones as well. */
  left: number;
  /** Task of the one that is next. */
  nextTask?: string | null;
  /** Live hosts that take work of it. */
  hosts: number;
}

/** What is wrong with live hosts. @param at - The time to compare their clocks with, epoch ms. */
export function hostFindings(hosts: readonly HostRecord[], at: number): AttentionFinding[] {
  return [
    ...sharedHostNames(hosts).map((name): AttentionFinding => {
      const named = hosts.filter((host) => host.name === name).map(({ id }) => ({ id, name }));
      return { kind: "host-names", level: "soon", since: null, name, hosts: named };
    }),
    ...hosts.flatMap((host) => findingsOfHost(host, at)),
  ];
}

function findingsOfHost(host: HostRecord, at: number): AttentionFinding[] {
  const { id, name, state, stepSince = null, troubles = [] } = host;
  const named = { id, name };
  const findings: AttentionFinding[] = [];
  if (state === "deaf") findings.push({ kind: "host-deaf", level: "now", since: null, host: named });
  if (state === "quiet") findings.push({ kind: "host-quiet", level: "soon", since: stepSince, host: named });
  if (state === "draining") {
    const { running, canResume = false } = host;
    findings.push({
      ...{ kind: "host-draining", level: "soon", since: stepSince, host: named },
      ...{ running: running.length, canResume },
    });
  }
  for (const { pool, reason, takesWork, since } of troubles) {
    findings.push({ kind: "host-trouble", level: "now", since, host: named, pool, reason, takesWork });
  }
  const difference = Math.abs(at - host.beatAt);
  if (difference > CLOCK_TOLERANCE) {
    findings.push({ kind: "host-clock", level: "soon", since: null, host: named, difference });
  }
  return findings;
}

/** What keeps a pool from working; null when nothing does. A pool has one cause at most. */
export function poolFinding(pool: PoolFacts, hosts: readonly HostRecord[]): AttentionFinding | null {
  const { name, state, size, globalConcurrency = size, paused, left, nextTask = null } = pool;
  if (state === "failed") {
    return { kind: "pool-failed", level: "now", since: null, pool: name, failure: pool.failure ?? "" };
  }
  if (state === "terminated") return { kind: "pool-terminated", level: "soon", since: null, pool: name };
  if (globalConcurrency !== size) {
    return { kind: "pool-size", level: "soon", since: null, pool: name, size, inForce: globalConcurrency };
  }
  if (paused && left > 0) return { kind: "pool-paused", level: "soon", since: null, pool: name, waiting: left };
  // A pool that has nothing to do needs nobody.
  if (pool.hosts === 0 && hosts.length > 0 && left > 0) {
    const knowing = knowingHosts(hosts, name, nextTask);
    const since = Math.max(...knowing.map((host) => host.since ?? 0)) || null;
    return { kind: "pool-unserved", level: "now", since, pool: name, waiting: left, task: nextTask, knowing };
  }
  return null;
}

/**
 * Tasks that no live host can start, of the pairs of a pool and a task that are known to wait. Where something else keeps a whole
 * pool from working, that is its finding.
 * @param of.told - Pools with a finding of their own.
 */
export function unservedFindings(
  waiting: readonly ParkedTasks[],
  { hosts, told }: { hosts: readonly HostRecord[]; told: ReadonlySet<string> },
): FindingOf<"task-unserved">[] {
  return waiting
    .filter(({ pool, task }) => !told.has(pool) && !isServed(hosts, pool, task))
    .map(({ pool, task, count, since }) => {
      const knowing = knowingHosts(hosts, pool, task);
      return { kind: "task-unserved", level: "now", since, pool, task, waiting: count, knowing };
    });
}

/** Hosts that know a task, or serve the pool where no task is given, and do not take it. */
function knowingHosts(
  hosts: readonly HostRecord[],
  pool: string,
  task: string | null,
): (KnowingHost & { since: number | null })[] {
  return hosts
    .filter((host) => {
      const isServing = host.pools === null || host.pools.includes(pool);
      return task === null ? isServing : host.tasks.some((announced) => announced.name === task);
    })
    .filter((host) => task === null || !isServed([host], pool, task))
    .map(({ id, name, state, pools, stepSince = null }) => ({
      ...{ id, name, since: stepSince },
      state: state === "running" && pools !== null && !pools.includes(pool) ? "elsewhere" : state,
    }));
}
