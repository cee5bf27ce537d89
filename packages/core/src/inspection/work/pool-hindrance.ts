import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { HostRecord, PoolRecord } from "../../wire/records/records.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import { isServed, slotsOf } from "../../work/fleet/index.ts";
import type { PoolCounts } from "./pool-counts.ts";

/** Why what waits in a pool does not go on. */
export interface PoolHindrance {
  /**
   * `removing`: the pool is being removed; `failed`: its initializer threw; `paused`; `noHost`: no live host takes work of it;
   * `unknownTasks`: no live host knows the tasks; `atSize`: as many run as its size allows; `slotsBusy`: all slots of its hosts
   * are busy; `limited`: limits hold back all that waits.
   */
  reason: "removing" | "failed" | "paused" | "noHost" | "unknownTasks" | "atSize" | "slotsBusy" | "limited";
  /** How many tasks wait for that. */
  count: number;
  /** Of `unknownTasks`: their names, 10 at most. */
  tasks: string[];
  /** Live hosts that could run them and take no work of the pool at present, 10 at most. */
  hosts: { id: string; name: string; state: HostRecord["state"] }[];
}

/** Tasks that are parked in a pool -> how many calls of each. */
export type ParkedTasks = ReadonlyMap<string, number>;

/** Most names that a hindrance gives. */
const MOST_NAMES = 10;

/** The tasks that are parked in pools because no live host knows them, by pool. */
export async function readParkedTasks(
  client: RedisClient,
  keys: Keys,
  pools: ReadonlySet<string>,
): Promise<Map<string, ParkedTasks>> {
  const places = await client.smembers(keys.parked).catch((error) => {
    if (isWrongType(error)) return [];
    throw error;
  });
  const wanted = places.flatMap((place) => {
    const [, pool = "", task = ""] = /^([^/]*)\/(.*)$/s.exec(place) ?? [];
    return pools.has(pool) ? [{ pool, task }] : [];
  });
  if (wanted.length === 0) return new Map();
  const pipeline = client.pipeline();
  for (const { pool, task } of wanted) pipeline.zcard(keys.parkedJobs(pool, task));
  const replies = (await pipeline.exec()) ?? [];
  const parked = new Map<string, Map<string, number>>();
  for (const [index, { pool, task }] of wanted.entries()) {
    const count = Number(replies[index]?.[1] ?? 0);
    // The entry of what has come back stays for a while.
    if (!(count > 0)) continue;
    const tasks = parked.get(pool) ?? new Map<string, number>();
    parked.set(pool, tasks.set(task, count));
  }
  return parked;
}

/** What keeps the tasks of a pool from starting, the first cause of several. */
export function hindranceOf(
  { name, size, state }: PoolRecord,
  { counts, hosts, parked }: { counts: PoolCounts; hosts: readonly HostRecord[]; parked: ParkedTasks },
): PoolHindrance | null {
  const { jobs, paused, nextTask } = counts;
  const inLine = jobs.waiting + jobs.prioritized;
  const parkedCount = [...parked.values()].reduce((sum, count) => sum + count, 0);
  const hindered = (reason: PoolHindrance["reason"], more: Partial<PoolHindrance> = {}): PoolHindrance => ({
    ...{ reason, count: inLine + parkedCount + jobs.limited, tasks: [], hosts: [] },
    ...more,
  });
  if (inLine + parkedCount + jobs.limited === 0) return null;
  if (state === "terminated") return hindered("removing");
  if (state === "failed") return hindered("failed");
  if (paused) return hindered("paused");
  const serving = hosts.filter(({ pools }) => pools === null || pools.includes(name));
  if (slotsOf(hosts, name) === 0) return hindered("noHost", { hosts: namesOf(serving) });
  if (inLine + parkedCount === 0) return hindered("limited");
  const isNextUnknown = nextTask !== null && !isServed(hosts, name, nextTask);
  const unknown = new Set([...parked.keys(), ...(isNextUnknown ? [nextTask] : [])]);
  const ofUnknown = (count: number): PoolHindrance =>
    hindered("unknownTasks", {
      count,
      tasks: [...unknown].sort().slice(0, MOST_NAMES),
      // Such as one that drains.
      hosts: namesOf(serving.filter(({ tasks }) => tasks.some((task) => unknown.has(task.name)))),
    });
  if (isNextUnknown) return ofUnknown(inLine + parkedCount);
  if (inLine === 0) return ofUnknown(parkedCount);
  if (size !== null && jobs.active >= size) return hindered("atSize", { count: inLine });
  const taking = hosts.filter((host) => slotsOf([host], name) > 0);
  if (taking.every((host) => host.running.length >= host.slots)) return hindered("slotsBusy", { count: inLine });
  return unknown.size === 0 ? null : ofUnknown(parkedCount);
}

function namesOf(hosts: readonly HostRecord[]): PoolHindrance["hosts"] {
  return hosts.slice(0, MOST_NAMES).map(({ id, name, state }) => ({ id, name, state }));
}
