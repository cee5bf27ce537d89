import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { JOB_ENDED_FIELD, JOB_LIMITED_FIELD, JOB_UNSERVED_FIELD } from "../../wire/records/job.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { hostOf, workerName } from "../../wire/records/worker-name.ts";
import { TASK_STATES, type TaskRow, type TaskState } from "../../work/submission/task-view.ts";
import { findTaskPage, type TaskPage, type TaskRange, taskSources } from "./task-page.ts";
import { finishedState, limitedByIn, parkedForIn, shownState } from "./where-is.ts";

/** Which tasks are wanted. */
export interface TaskFilter {
  pool?: string | undefined;
  /** `waiting` and `prioritized` hold the blocked ones as well. */
  state?: TaskState | undefined;
  /** Name of the task. */
  task?: string | undefined;
  /** Id of a live host: only what that one runs or ran. Or a name: what any host of that name does or did. */
  host?: string | undefined;
  /** @defaultValue 20 */
  limit?: number | undefined;
  /** @defaultValue 0 */
  offset?: number | undefined;
}

/** States of which BullMQ has no list of its own. */
const DERIVED: readonly TaskState[] = ["cancelled", "blocked"];
/** Those of BullMQ's states in whose lists the tasks of a state are. */
function statesOf(state: TaskState): TaskState[] {
  if (state === "blocked") return ["waiting", "prioritized", "delayed"];
  return [state];
}

/** Most jobs read per pool and state to find those of a name or host, so that a list stays cheap however long the queue is. */
const MAX_SCANNED = 5_000;
const BATCH = 500;

/** Newest tasks first, by the last thing that happened to them. */
export async function listTaskRows(
  client: RedisClient,
  keys: Keys,
  search: {
    filter: TaskFilter;
    pools: readonly string[];
    hosts: readonly HostRecord[];
    /** Reads all tasks of the state, as far as they are looked at. */
    isWhole?: boolean;
  },
): Promise<TaskRow[]> {
  const { filter, hosts, isWhole = false } = search;
  const limit = filter.limit ?? 20;
  const offset = filter.offset ?? 0;
  const pools = filter.pool === undefined ? search.pools : search.pools.filter((pool) => pool === filter.pool);
  const states =
    filter.state === undefined ? TASK_STATES.filter((state) => !DERIVED.includes(state)) : statesOf(filter.state);
  const sources = await taskSources(client, keys, { pools, states });
  const hasOthers =
    filter.state === "failed" && (await taskSources(client, keys, { pools, states: ["cancelled"] })).length > 0;
  const filtered =
    filter.task !== undefined || filter.host !== undefined || filter.state === "blocked" || hasOthers || isWhole;
  // Which tasks come before the page is known only of tasks that need no look.
  const page: TaskPage = filtered
    ? { ranges: sources.map((source) => ({ source, from: 0, to: Math.min(source.size, MAX_SCANNED) })), skip: offset }
    : await findTaskPage(client, keys, { sources, offset, limit });
  const places = await readPlaces(client, page.ranges);
  const found: FoundRow[] = [];
  for (let start = 0; start < places.length; start += BATCH) {
    found.push(...(await readRows(client, keys, { places: places.slice(start, start + BATCH), hosts })));
  }
  nameHosts(found, hosts);
  // The page of delayed tasks may hold parked ones, which are not shown as delayed: it is filled up by reading more.
  const isShort = found.some((one) => !isIn(one, filter.state));
  if (!filtered && filter.state !== undefined && isShort)
    return listTaskRows(client, keys, { ...search, isWhole: true });
  const host = hosts.find((candidate) => candidate.id === filter.host);
  return found
    .filter((one) => isIn(one, filter.state))
    .filter(({ row }) => filter.task === undefined || row.name === filter.task)
    .filter(({ row, worker }) => (host ? worker === workerOf(host) : [undefined, row.host].includes(filter.host)))
    .map(({ row }) => row)
    .sort((left, right) => lastChange(right) - lastChange(left) || right.id.localeCompare(left.id))
    .slice(page.skip, page.skip + limit);
}

/** A task, and the BullMQ worker that took it. */
interface FoundRow {
  row: TaskRow;
  worker: string | null;
  /** In which list of BullMQ's it is. */
  place: TaskState;
}

/** Whether a task is wanted: those that wait hold the blocked ones as well. */
function isIn({ row, place }: FoundRow, state: TaskState | undefined): boolean {
  if (state === undefined || row.state === state) return true;
  return row.state === "blocked" && place === state && state !== "delayed";
}

interface Place {
  pool: string;
  id: string;
  state: TaskState;
}

async function readPlaces(client: RedisClient, ranges: TaskRange[]): Promise<Place[]> {
  const pipeline = client.pipeline();
  for (const { source, from, to } of ranges) {
    // New jobs enter their list at the left and their sorted set at the end. An empty range has its end before its beginning.
    if (source.isList) pipeline.lrange(source.key, from, to - 1);
    else pipeline.zrange(source.key, from, String(to - 1), "REV");
  }
  const replies = (await pipeline.exec()) ?? [];
  return ranges.flatMap(({ source: { pool, state }, from, to }, index) => {
    const ids = from < to ? ((replies[index]?.[1] ?? []) as string[]) : [];
    return ids.map((id) => ({ pool, id, state }));
  });
}

async function readRows(
  client: RedisClient,
  keys: Keys,
  { places, hosts }: { places: Place[]; hosts: readonly HostRecord[] },
): Promise<FoundRow[]> {
  const pipeline = client.pipeline();
  for (const { pool, id } of places) {
    pipeline.hmget(
      keys.job(pool, id),
      "name",
      "timestamp",
      "processedOn",
      "finishedOn",
      "atm",
      "failedReason",
      "pb",
      JOB_ENDED_FIELD,
      JOB_UNSERVED_FIELD,
      JOB_LIMITED_FIELD,
    );
  }
  const replies = (await pipeline.exec()) ?? [];
  const parked = await readParked(client, keys, {
    places,
    names: replies.map(([, fields]) => parkedForIn((fields as (string | null)[] | null)?.[8])),
  });
  const limited = await readLimited(client, keys, {
    places,
    by: replies.map(([, fields]) => limitedByIn((fields as (string | null)[] | null)?.[9])),
  });
  return places.flatMap(({ pool, id, state }, index) => {
    const fields = (replies[index]?.[1] ?? []) as (string | null)[];
    const [name, createdAt, startedAt, finishedAt, attemptsMade, failedReason, host, ended] = fields;
    // Removed since its id was read.
    if (!name) return [];
    const row: TaskRow = {
      id,
      name,
      pool,
      state:
        state === "failed" || state === "cancelled"
          ? finishedState(ended)
          : shownState(
              { state, pool, task: name, parkedFor: parked[index] ?? "", limitedBy: limited[index] ?? "" },
              hosts,
            ),
      host: host ? hostOf(host) : null,
      attemptsMade: Number(attemptsMade ?? 0),
      createdAt: Number(createdAt),
      startedAt: startedAt ? Number(startedAt) : null,
      finishedAt: finishedAt ? Number(finishedAt) : null,
      failedReason: failedReason ?? null,
    };
    return [{ row, worker: host ?? null, place: state }];
  });
}

/** What each of the jobs is parked for; "" = it is not parked. */
async function readParked(
  client: RedisClient,
  keys: Keys,
  { places, names }: { places: Place[]; names: string[] },
): Promise<string[]> {
  const isAsked = (index: number): boolean => places[index]?.state === "delayed" && names[index] !== "";
  const asked = places.map((_, index) => index).filter(isAsked);
  if (asked.length === 0) return places.map(() => "");
  const pipeline = client.pipeline();
  for (const index of asked) {
    const { pool, id } = places[index] as Place;
    pipeline.zscore(keys.parkedJobs(pool, names[index] ?? ""), id);
  }
  const scores = (await pipeline.exec()) ?? [];
  const parked = new Set(asked.filter((_, place) => scores[place]?.[1] !== null));
  return places.map((_, index) => (parked.has(index) ? (names[index] ?? "") : ""));
}

/** The place in which a limit holds each of the jobs back; "" = none does. */
async function readLimited(
  client: RedisClient,
  keys: Keys,
  { places, by }: { places: Place[]; by: string[] },
): Promise<string[]> {
  const asked = places.flatMap(({ pool, id, state }, index) =>
    state === "delayed" && by[index] ? [{ index, key: keys.limitWaiting(pool, by[index] ?? ""), id }] : [],
  );
  if (asked.length === 0) return places.map(() => "");
  const pipeline = client.pipeline();
  for (const { key, id } of asked) pipeline.zscore(key, id);
  const scores = (await pipeline.exec()) ?? [];
  const limited = places.map(() => "");
  for (const [order, { index }] of asked.entries()) if (scores[order]?.[1] != null) limited[index] = by[index] ?? "";
  return limited;
}

/** A heartbeat knows better than the job who runs it: the job may have been taken over. */
function nameHosts(found: FoundRow[], hosts: readonly HostRecord[]): void {
  const running = new Map(
    hosts.flatMap((host) => host.running.map((job) => [`${job.pool}:${job.jobId}`, host] as const)),
  );
  for (const one of found) {
    const host = one.row.state === "active" ? running.get(`${one.row.pool}:${one.row.id}`) : undefined;
    if (!host) continue;
    one.row.host = host.name;
    one.worker = workerOf(host);
  }
}

function workerOf({ name, pid }: HostRecord): string {
  return workerName(name, pid);
}

function lastChange(row: TaskRow): number {
  return row.finishedAt ?? row.startedAt ?? row.createdAt;
}
