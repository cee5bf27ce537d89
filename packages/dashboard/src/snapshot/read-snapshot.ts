import type { HostRecord, Keys, PoolRecord, RedisClient } from "@manyhands/core/internal";
import type { JobCounts, PoolSnapshot, Snapshot } from "./snapshot.ts";

type Reply = [error: Error | null, value: unknown];

/** Commands per pool, in the order in which their replies are read. */
const COUNTED: [state: keyof JobCounts, key: string, command: "llen" | "zcard"][] = [
  ["waiting", "wait", "llen"],
  ["prioritized", "prioritized", "zcard"],
  ["active", "active", "llen"],
  ["delayed", "delayed", "zcard"],
  ["waitingChildren", "waiting-children", "zcard"],
  ["completed", "completed", "zcard"],
  ["failed", "failed", "zcard"],
];
const COMMANDS_PER_POOL = COUNTED.length + 2;

/**
 * Reads the state of a namespace in three round trips, whatever the number of pools and hosts. It only reads, and only
 * commands of constant cost, so it neither disturbs the hosts nor recreates the keys of a pool that was removed.
 */
export async function readSnapshot(client: RedisClient, keys: Keys): Promise<Snapshot> {
  const [time, records, hostIds] = (await run(
    client.pipeline().time().hvals(keys.pools).zrange(keys.hosts, 0, "-1"),
  )) as [[seconds: string, micros: string], string[], string[]];
  const at = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000);
  const pools = records.map((text) => JSON.parse(text) as PoolRecord);
  pools.sort(namedFirst);

  const second = client.pipeline();
  for (const hostId of hostIds) second.get(keys.host(hostId));
  for (const pool of pools) {
    const key = (kind: string) => `${keys.queuePrefix}:${pool.name}:${kind}`;
    for (const [, kind, command] of COUNTED) second[command](key(kind));
    second.hexists(key("meta"), "paused");
    second.lindex(key("wait"), -1);
  }
  const replies = await run(second);
  const hosts = (replies.slice(0, hostIds.length) as (string | null)[])
    .filter((text) => text !== null)
    .map((text) => JSON.parse(text) as HostRecord)
    .sort((left, right) => left.name.localeCompare(right.name));
  const oldest: (string | null)[] = [];
  const snapshots = pools.map((pool, index) => {
    const own = replies.slice(
      hostIds.length + index * COMMANDS_PER_POOL,
      hostIds.length + (index + 1) * COMMANDS_PER_POOL,
    );
    oldest.push((own.at(-1) as string | null) ?? null);
    return poolSnapshot(pool, own);
  });
  await addOldestWaiting(snapshots, oldest, { client, keys, at });
  return { at, pools: snapshots, hosts };
}

function namedFirst(left: PoolRecord, right: PoolRecord): number {
  return Number(left.owner !== null) - Number(right.owner !== null) || left.name.localeCompare(right.name);
}

function poolSnapshot(pool: PoolRecord, replies: unknown[]): PoolSnapshot {
  const jobs = Object.fromEntries(
    COUNTED.map(([state], index) => [state, Number(replies[index])]),
  ) as unknown as JobCounts;
  return {
    name: pool.name,
    size: pool.size,
    state: pool.state,
    unnamed: pool.owner !== null,
    isolation: pool.isolation,
    paused: replies[COUNTED.length] === 1,
    jobs,
    oldestWaiting: null,
  };
}

/** BullMQ adds at the head of `wait` and takes from its tail, so the tail has waited longest. */
async function addOldestWaiting(
  pools: PoolSnapshot[],
  oldest: (string | null)[],
  { client, keys, at }: { client: RedisClient; keys: Keys; at: number },
): Promise<void> {
  const waiting = pools.flatMap((pool, index) => {
    const jobId = oldest[index];
    return jobId ? [{ pool, jobId }] : [];
  });
  if (waiting.length === 0) return;
  const pipeline = client.pipeline();
  for (const { pool, jobId } of waiting) pipeline.hget(keys.job(pool.name, jobId), "timestamp");
  const timestamps = await run(pipeline);
  for (const [index, { pool }] of waiting.entries()) {
    const timestamp = timestamps[index];
    // The job may have been taken and removed since.
    if (timestamp !== null) pool.oldestWaiting = Math.max(0, at - Number(timestamp));
  }
}

async function run(pipeline: { exec(): Promise<Reply[] | null> }): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}
