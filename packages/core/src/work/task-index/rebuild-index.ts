import { randomUUID } from "node:crypto";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import {
  BUCKET,
  CHUNK,
  INDEX_FORMAT,
  INDEX_RESTATE,
  INDEX_SEAL,
  JOB_NUMBER_FIELD,
  TIME_STEP,
} from "../../redis/task-index/index.ts";
import { type Milliseconds, pause } from "../../time/index.ts";
import { isProcessQueue } from "../../wire/records/process-queues.ts";
import { jobIds } from "./index-jobs.ts";

export interface RebuildOptions {
  /**
   * Part of the time for which Redis may be busy with it, above 0 to 1.
   * @defaultValue 1
   */
  load?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** How long a rebuild that stands still keeps others away, ms. */
const LEASE: Milliseconds = 15_000;
/** Jobs of which one pipeline reads when they were submitted. */
const READ = 500;
/** Keys that one step of the search for old containers looks at. */
const SCANNED = 1_000;

/** Our keys that belong to a chunk or a bucket, without their prefix. */
const CHUNKED = /^(index|index-tasks|index-values)\/(\d+)(\/|$)/;

interface Found {
  pool: string;
  id: string;
  timestamp: number;
}

/**
 * Makes the index anew, while jobs are added and run: the counter leaves room for all that is there, and jobs get numbers
 * below it from the newest down. Until the end the old containers stay, so that every job is found by its old number or its
 * new one. Also what brings the jobs of an older version into the index.
 *
 * @returns how many jobs got a number; null when another program is at it
 */
export async function rebuildIndex(
  client: RedisClient,
  keys: Keys,
  { load = 1, signal, onProgress }: RebuildOptions = {},
): Promise<number | null> {
  const token = randomUUID();
  if ((await client.set(keys.indexRebuild, token, "PX", LEASE, "NX")) === null) return null;
  const hold = async (): Promise<void> => {
    signal?.throwIfAborted();
    if ((await client.get(keys.indexRebuild)) !== token) throw new Error("another program has taken over the rebuild");
    await client.pexpire(keys.indexRebuild, LEASE);
  };
  try {
    const pools = (await client.hkeys(keys.pools)).filter((pool) => !isProcessQueue(pool));
    let room = 0;
    for (const pool of pools) room += await countJobs(client, keys, pool);
    const base = await beginRebuild.run(client, [keys.taskIndex], [room, INDEX_FORMAT]);
    const jobs = await findJobs(client, keys, { pools, base, hold, load });
    let first = base;
    let done = 0;
    for (let to = jobs.length; to > 0 && first > 0; to -= BUCKET) {
      await hold();
      first -= BUCKET;
      const part = jobs.slice(Math.max(0, to - BUCKET), to);
      const padding = Array.from({ length: BUCKET - part.length }, () => ["", ""]);
      const began = performance.now();
      done += await fillBucket.run(
        client,
        [keys.taskIndex],
        [keys.prefix, keys.queues, first / BUCKET, ...[...padding, ...part.map(({ pool, id }) => [pool, id])].flat()],
      );
      onProgress?.({ done, total: jobs.length });
      await rest(began, load);
    }
    await dropBelow(client, keys, { chunk: Math.floor(first / CHUNK), hold, load });
    await endRebuild.run(client, [keys.taskIndex, keys.indexTimes], [first]);
    return done;
  } finally {
    await releaseRebuild.run(client, [keys.indexRebuild], [token]).catch(() => {});
  }
}

/** So long that Redis is busy for that part of the time. */
export async function rest(began: number, load: number): Promise<void> {
  const pauseFor = (performance.now() - began) * (1 / load - 1);
  if (pauseFor >= 1) await pause(pauseFor);
}

async function countJobs(client: RedisClient, keys: Keys, pool: string): Promise<number> {
  const pipeline = client.pipeline();
  for (const list of ["wait", "paused", "active"] as const) pipeline.llen(keys.queue(pool, list));
  for (const set of ["prioritized", "delayed", "waiting-children", "completed", "failed"] as const) {
    pipeline.zcard(keys.queue(pool, set));
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.reduce((sum, [, count]) => sum + (typeof count === "number" ? count : 0), 0);
}

/** The jobs without a number from `base` on, the oldest first. */
async function findJobs(
  client: RedisClient,
  keys: Keys,
  { pools, base, hold, load }: { pools: readonly string[]; base: number; hold: () => Promise<void>; load: number },
): Promise<Found[]> {
  const found: Found[] = [];
  for (const pool of pools) {
    const seen = new Set<string>();
    for await (const page of jobIds(client, keys, pool)) {
      const ids = page.filter((id) => !seen.has(id));
      for (const id of ids) seen.add(id);
      for (let from = 0; from < ids.length; from += READ) {
        await hold();
        const began = performance.now();
        const part = ids.slice(from, from + READ);
        const pipeline = client.pipeline();
        for (const id of part) pipeline.hmget(keys.job(pool, id), JOB_NUMBER_FIELD, "timestamp");
        const replies = (await pipeline.exec()) ?? [];
        for (const [index, [error, fields]] of replies.entries()) {
          const [n, timestamp] = (error ? [] : fields) as (string | null)[];
          const isDone = n != null && Number(n) >= base;
          if (timestamp != null && !isDone) found.push({ pool, id: part[index] ?? "", timestamp: Number(timestamp) });
        }
        await rest(began, load);
      }
    }
  }
  return found.sort((one, other) => one.timestamp - other.timestamp);
}

/** Removes what belongs to smaller chunks. */
async function dropBelow(
  client: RedisClient,
  keys: Keys,
  { chunk, hold, load }: { chunk: number; hold: () => Promise<void>; load: number },
): Promise<void> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  for (const node of nodes) {
    for (let cursor = "0"; ; ) {
      await hold();
      const began = performance.now();
      const [next, names] = await node.scan(cursor, "MATCH", `${keys.prefix}index*/*`, "COUNT", SCANNED);
      const old = names.filter((name) => {
        const [, kind, number] = CHUNKED.exec(name.slice(keys.prefix.length)) ?? [];
        return kind !== undefined && Number(number) < (kind === "index-tasks" ? (chunk * CHUNK) / BUCKET : chunk);
      });
      if (old.length > 0) await client.unlink(...old);
      cursor = next;
      await rest(began, load);
      if (cursor === "0") break;
    }
  }
}

/**
 * KEYS[1] hash of the index
 * ARGV[1] jobs that are there; ARGV[2] version of the layout
 * The counter goes on behind room for all of them, and for a chunk more. A counter must begin at a multiple of a bucket.
 * Returns the number from which new tasks are numbered.
 */
const beginRebuild = new Script<number>({
  name: "beginIndexRebuild",
  lua: `
local next_number = tonumber(redis.call("HGET", KEYS[1], "next") or "0")
local chunks = math.ceil(next_number / ${CHUNK}) + math.ceil(tonumber(ARGV[1]) / ${CHUNK}) + 1
local base = chunks * ${CHUNK}
redis.call("HSET", KEYS[1], "next", base, "base", base, "format", ARGV[2], "filled", 0)
redis.call("HDEL", KEYS[1], "built", "dirty")
return base
`,
});

/**
 * KEYS[1] hash of the index; the keys of jobs and of the index are made here, all have the hash tag of the namespace
 * ARGV[1] what our keys begin with; ARGV[2] what the keys of queues begin with; ARGV[3] bucket; ARGV[4...] pool and id of each
 * of its jobs, "" = none
 * Gives a bucket of jobs their numbers, and writes their records, values and states.
 * Returns how many of them were there.
 */
const fillBucket = new Script<number>({
  name: "fillIndexBucket",
  isMeasured: false,
  lua: `${INDEX_RESTATE}${INDEX_SEAL}
local prefix, bucket = ARGV[1], tonumber(ARGV[3])
local list = prefix .. "index-tasks/" .. bucket
-- It has been sent again.
if redis.call("EXISTS", list) == 1 then return 0 end
local records, jobs, oldest = {}, {}, nil
for place = 0, ${BUCKET - 1} do
  local pool, id = ARGV[4 + place * 2], ARGV[5 + place * 2]
  local key = ARGV[2] .. pool .. ":" .. id
  local job = pool ~= "" and redis.pcall("HMGET", key, "name", "timestamp", "data", "${JOB_NUMBER_FIELD}") or {}
  local n = bucket * ${BUCKET} + place
  records[place + 1] = ""
  -- A larger number was given to it meanwhile.
  if job[1] and (tonumber(job[4] or "") or 0) <= n and not string.find(id, "\\n", 1, true) then
    redis.call("HSET", key, "${JOB_NUMBER_FIELD}", n)
    records[place + 1] = pool .. "\\n" .. id .. "\\n" .. job[1] .. "\\n" .. index_tags(job[3] or "", false)
    jobs[#jobs + 1] = key
    oldest = oldest or job[2]
  end
end
redis.call("RPUSH", list, unpack(records))
for _, key in ipairs(jobs) do index_try(KEYS[1], index_restate, key, false) end
index_try(KEYS[1], index_seal, prefix, bucket)
if oldest and bucket * ${BUCKET} % ${TIME_STEP} == 0 then
  redis.call("ZADD", prefix .. "index-times", oldest, string.format("%.0f", bucket * ${BUCKET}))
end
redis.call("HINCRBY", KEYS[1], "filled", #jobs)
return #jobs
`,
});

/**
 * KEYS[1] hash of the index; KEYS[2] times of numbers (sorted set)
 * ARGV[1] the smallest number in use
 */
const endRebuild = new Script<null>({
  name: "endIndexRebuild",
  lua: `${SERVER_TIME}
redis.call("HSET", KEYS[1], "built", string.format("%.0f", server_time()), "first", ARGV[1])
redis.call("HDEL", KEYS[1], "filled", "swept")
for _, n in ipairs(redis.call("ZRANGE", KEYS[2], 0, -1)) do
  if tonumber(n) < tonumber(ARGV[1]) then redis.call("ZREM", KEYS[2], n) end
end
`,
});

/**
 * KEYS[1] who rebuilds the index
 * ARGV[1] the token of the caller
 */
const releaseRebuild = new Script<null>({
  name: "releaseIndexRebuild",
  lua: `if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end`,
});
