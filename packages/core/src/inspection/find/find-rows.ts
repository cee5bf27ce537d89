import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { hostOf, workerName } from "../../wire/records/worker-name.ts";
import { limitPlaceParts } from "../../work/limits/index.ts";
import type { HeldBack, TaskRow, TaskState } from "../../work/submission/task-view.ts";
import type { FindSpec } from "./find-lua.ts";
import { type RawRow, readTasks } from "./find-scripts.ts";
import { type CheckedQuery, type Cursor, checkQuery, type FindState } from "./task-query.ts";

/** A task that was found. */
export interface FoundTask extends Omit<TaskRow, "state"> {
  state: TaskState | FindState;
  tags: string[];
  /** Id of the workflow that it is a step of. */
  workflow: string | null;
  /** Of one that a limit holds back: which limit, and when its rate allows the next start. */
  limit: HeldBack | null;
}

/** A page of tasks. */
export interface FoundTasks {
  tasks: FoundTask[];
  /** Where the next page begins; absent = this is the last one. */
  cursor?: string;
  /** What was not searched, in words; absent = everything was. */
  partial?: string;
}

/** A task that was found, and what it is sorted by. */
export interface Found {
  task: FoundTask;
  /** Its number in the index; null = it has none. */
  number: number | null;
  /** BullMQ worker that has taken it last. */
  worker: string | null;
}

/** A page of tasks with their numbers. */
export interface FoundPage {
  found: Found[];
  /** Where the next page begins; null = this is the last one. */
  next: Cursor | null;
  partial?: string;
}

/** Where and for whom tasks are searched. */
export interface FindContext {
  client: RedisClient;
  keys: Keys;
  pools: readonly string[];
  hosts: readonly HostRecord[];
  /** Arguments are not searched: who asks may not see all of them. @defaultValue false */
  hidesArguments?: boolean | undefined;
}

/** What scripts are told of a query. */
export function specOf({ keys, hosts, hidesArguments }: FindContext, query: CheckedQuery): FindSpec {
  const { pool, states, task, tag, workflow, since, until, error, text } = query;
  return {
    queues: keys.queues,
    prefix: keys.prefix,
    served: servedBy(hosts),
    ...(pool === null ? {} : { pool }),
    ...(task === null ? {} : { task }),
    ...(tag === null ? {} : { tag }),
    ...(workflow === null ? {} : { workflow }),
    ...(states === null ? {} : { states: Object.fromEntries(states.map((state) => [state, true as const])) }),
    ...(since === null ? {} : { since }),
    ...(until === null ? {} : { until }),
    ...(error === null ? {} : { error }),
    ...(text === null ? {} : { text }),
    ...(hidesArguments === true ? { hidden: true } : {}),
    ...(query.idPrefix === null ? {} : { idPrefix: query.idPrefix }),
    ...(query.host === null ? {} : { host: workersOf(query.host, hosts) }),
  };
}

/** BullMQ's workers of a host: of one live process where its id is given, else of all that have the name. */
export function workersOf(idOrName: string, hosts: readonly HostRecord[]): { begin: string; whole: string } {
  const host = hosts.find(({ id }) => id === idOrName);
  const whole = host ? workerName(host.name, host.pid) : idOrName;
  return { begin: host ? `${whole}/` : workerName(idOrName, 0).slice(0, -1), whole };
}

/** Which tasks the live hosts take, and in which pools; hosts that take the same count once. */
function servedBy(hosts: readonly HostRecord[]): FindSpec["served"] {
  const groups = new Map<string, FindSpec["served"][number]>();
  for (const host of hosts) {
    if (host.state !== "running" && host.state !== "starting") continue;
    const troubles = (host.troubles ?? []).filter((trouble) => !trouble.takesWork).map((trouble) => trouble.pool);
    if (troubles.includes(null)) continue;
    const names = host.tasks.map(({ name }) => name).sort();
    const pools = host.pools?.filter((pool) => !troubles.includes(pool));
    const key = JSON.stringify([names, pools ?? null, pools ? null : troubles]);
    groups.set(key, {
      tasks: setOf(names),
      ...(pools ? { pools: setOf(pools) } : {}),
      ...(pools || troubles.length === 0 ? {} : { except: setOf(troubles as string[]) }),
    });
  }
  return [...groups.values()];
}

function setOf(names: readonly string[]): Record<string, true> {
  return Object.fromEntries(names.map((name) => [name, true as const]));
}

export function foundOf(raw: RawRow): Found {
  const [
    n,
    pool,
    id,
    name,
    state,
    createdAt,
    startedAt,
    finishedAt,
    attemptsMade,
    failedReason,
    worker,
    tags,
    workflow,
    place,
    nextAt,
  ] = raw;
  return {
    number: n === null || n === "" ? null : Number(n),
    worker,
    task: {
      ...{ id, name, pool },
      state: state as FindState,
      host: worker ? hostOf(worker) : null,
      attemptsMade: Number(attemptsMade ?? 0),
      createdAt: Number(createdAt),
      startedAt: startedAt ? Number(startedAt) : null,
      finishedAt: finishedAt ? Number(finishedAt) : null,
      failedReason: failedReason ?? null,
      tags: readTags(tags),
      workflow: workflow ?? null,
      limit: place ? { ...limitPlaceParts(place), nextAt: nextAt ? Number(nextAt) : null } : null,
    },
  };
}

function readTags(text: string | null): string[] {
  if (!text) return [];
  try {
    return (JSON.parse(`[${text}]`) as unknown[]).filter((tag) => typeof tag === "string");
  } catch {
    return [];
  }
}

/** A heartbeat knows better than the job who runs it: the job may have been taken over. */
export function nameHosts(found: readonly Found[], hosts: readonly HostRecord[]): void {
  if (!found.some(({ task }) => task.state === "active")) return;
  const running = new Map(hosts.flatMap((host) => host.running.map((job) => [`${job.pool}:${job.jobId}`, host])));
  for (const one of found) {
    const host = one.task.state === "active" ? running.get(`${one.task.pool}:${one.task.id}`) : undefined;
    if (!host) continue;
    one.task.host = host.name;
    one.worker = workerName(host.name, host.pid);
  }
}

/** Jobs that are read by one script: about 1 ms of Redis. */
const BATCH = 200;

/** Where a job is. */
export type JobPlace = readonly [pool: string, id: string];

/** Reads jobs by their place, in that order, and gives those that fit. */
export async function readPlaces(
  { client, keys }: FindContext,
  spec: FindSpec,
  { places, unnumberedOnly = false }: { places: readonly JobPlace[]; unnumberedOnly?: boolean },
): Promise<{ unnumbered: number; found: Found[] }> {
  const found: Found[] = [];
  let unnumbered = 0;
  const text = JSON.stringify(spec);
  for (let from = 0; from < places.length; from += BATCH) {
    const args = [text, unnumberedOnly ? 1 : 0, ...places.slice(from, from + BATCH).flat()];
    const [count, rows] = await readTasks.run(client, [keys.taskIndex], args);
    unnumbered += count;
    for (const row of rows) found.push(foundOf(row));
  }
  return { unnumbered, found };
}

/** The states of jobs, in their order; null = it is not kept. It reads no list of waiting jobs, however long they are. */
export async function readStates(
  { client, keys, hosts }: Omit<FindContext, "pools">,
  places: readonly JobPlace[],
): Promise<(TaskState | null)[]> {
  if (places.length === 0) return [];
  const context = { client, keys, hosts, pools: [] };
  const { found } = await readPlaces(context, specOf(context, checkQuery("states", {})), { places });
  const states = new Map(found.map(({ task: { pool, id, state } }) => [placeName(pool, id), state as TaskState]));
  return places.map(([pool, id]) => states.get(placeName(pool, id)) ?? null);
}

/** Names of pools have no slash. */
function placeName(pool: string, id: string): string {
  return `${pool}/${id}`;
}
