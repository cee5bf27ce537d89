import {
  describeFailure,
  describeUnserved,
  type HostRecord,
  isServed,
  isWrongType,
  type Keys,
  type PoolRecord,
  type Reading,
  type RedisClient,
  readHostRecord,
  readPoolRecord,
} from "@manyhands/core/internal";
import type { JobCounts, PoolSnapshot, Snapshot } from "./snapshot.ts";

type Reply = [error: Error | null, value: unknown];

/** Counts of a pool, in the order in which their replies are read. */
const COUNTED: [state: keyof JobCounts, key: string, command: "llen" | "zcard"][] = [
  ["waiting", "wait", "llen"],
  ["prioritized", "prioritized", "zcard"],
  ["active", "active", "llen"],
  ["delayed", "delayed", "zcard"],
  ["waitingChildren", "waiting-children", "zcard"],
  ["completed", "completed", "zcard"],
  ["failed", "failed", "zcard"],
];
const COMMANDS_PER_POOL = COUNTED.length + 3;

/**
 * Reads the state of a namespace in three round trips, whatever the number of pools and hosts. It only reads, and only
 * commands whose cost does not grow with the number of jobs, so it neither disturbs the hosts nor recreates the keys of a pool that was removed.
 */
export async function readSnapshot(client: RedisClient, keys: Keys): Promise<Snapshot> {
  const [time, records, listed] = (await run(
    client.pipeline().time().hgetall(keys.pools).zrange(keys.hosts, 0, "-1"),
  )) as [[seconds: string, micros: string], { [name: string]: string } | null, string[] | null];
  const at = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000);
  const hostIds = listed ?? [];
  const pools = Object.entries(records ?? {}).flatMap(([name, text]) => readable(readPoolRecord(name, text)));
  pools.sort(namedFirst);

  const second = client.pipeline();
  for (const hostId of hostIds) second.get(keys.host(hostId));
  for (const pool of pools) {
    const key = (kind: string) => `${keys.queuePrefix}:${pool.name}:${kind}`;
    for (const [, kind, command] of COUNTED) second[command](key(kind));
    second.hexists(key("meta"), "paused");
    // BullMQ adds at the head of `wait` and takes from its tail, so the tail has waited longest.
    second.lindex(key("wait"), -1);
    second.zrange(key("prioritized"), 0, "0");
  }
  const replies = await run(second);
  const hosts = (replies.slice(0, hostIds.length) as (string | null)[])
    .flatMap((text, index) => (text === null ? [] : readable(readHostRecord(hostIds[index] ?? "", text))))
    .sort((left, right) => left.name.localeCompare(right.name));
  const snapshots = pools.map((pool, index) => {
    const from = hostIds.length + index * COMMANDS_PER_POOL;
    return poolSnapshot(pool, replies.slice(from, from + COMMANDS_PER_POOL));
  });
  await addWaiting(snapshots, { client, keys, at, hosts });
  return { at, pools: snapshots.map(({ pool }) => pool), hosts };
}

/** The record, unless it cannot be read: `manyhands doctor` names those. */
function readable<Stored>(reading: Reading<Stored>): Stored[] {
  return "record" in reading ? [reading.record] : [];
}

/** A pool, and the first of its waiting jobs, of which more is to be read. */
interface PoolWithHead {
  pool: PoolSnapshot;
  head: string | null;
}

function namedFirst(left: PoolRecord, right: PoolRecord): number {
  return Number(left.owner !== null) - Number(right.owner !== null) || left.name.localeCompare(right.name);
}

function poolSnapshot(pool: PoolRecord, replies: unknown[]): PoolWithHead {
  const jobs = Object.fromEntries(
    COUNTED.map(([state], index) => [state, Number(replies[index])]),
  ) as unknown as JobCounts;
  const snapshot: PoolSnapshot = {
    name: pool.name,
    size: pool.size,
    state: pool.state,
    failure: pool.state === "failed" && pool.failure !== null ? describeFailure(pool.failure) : null,
    unnamed: pool.owner !== null,
    isolation: pool.isolation,
    paused: replies[COUNTED.length] === 1,
    jobs,
    oldestWaiting: null,
    unserved: null,
  };
  const [oldest, urgent] = replies.slice(COUNTED.length + 1) as [string | null, string[] | null];
  return { pool: snapshot, head: oldest ?? urgent?.[0] ?? null };
}

async function addWaiting(
  pools: PoolWithHead[],
  { client, keys, at, hosts }: { client: RedisClient; keys: Keys; at: number; hosts: HostRecord[] },
): Promise<void> {
  const waiting = pools.filter(({ head }) => head !== null);
  if (waiting.length === 0) return;
  const pipeline = client.pipeline();
  for (const { pool, head } of waiting) pipeline.hmget(keys.job(pool.name, head ?? ""), "timestamp", "name");
  const jobs = (await run(pipeline)) as ([timestamp: string | null, task: string | null] | null)[];
  for (const [index, { pool }] of waiting.entries()) {
    const [timestamp, task] = jobs[index] ?? [null, null];
    // The job may have been taken and removed since.
    if (timestamp === null || task === null) continue;
    pool.oldestWaiting = Math.max(0, at - Number(timestamp));
    if (!isServed(hosts, pool.name, task)) pool.unserved = describeUnserved(hosts, pool.name, task);
  }
}

async function run(pipeline: { exec(): Promise<Reply[] | null> }): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    // A key of the wrong type is shown as an empty one: it must not hide all others.
    if (isWrongType(error)) return null;
    if (error) throw error;
    return value;
  });
}
