import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import {
  BITMAP_BYTES,
  BUCKET,
  CHUNK,
  INDEX_FORMAT,
  INDEX_STATES,
  JOB_NUMBER_FIELD,
  MOST_SPARSE,
  SPARSE_ZERO,
} from "../../redis/task-index/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { isProcessQueue } from "../../wire/records/process-queues.ts";
import { indexJobs, JOBS_A_STEP, jobIds } from "./index-jobs.ts";
import { rebuildIndex, rest } from "./rebuild-index.ts";

export interface SweepOptions {
  /** Time of Redis that one look may take, ms. @defaultValue no limit */
  budget?: Milliseconds;
  /** Part of the time for which Redis may be busy with a look, above 0 to 1. @defaultValue 1 */
  load?: number;
  signal?: AbortSignal;
}

/** What a look at the index has found and mended. */
export interface SweepReport {
  /** It was made anew, with so many jobs. */
  rebuilt: number | null;
  /** Jobs of pools in which index and queue differed, or of all after an error, that were looked at. */
  repaired: number;
  /** Tasks that were gone without a note. */
  gone: number;
  /** Chunks without a task that were removed. */
  dropped: number;
}

/** Buckets that one script looks at: about 1 ms of Redis. */
const BUCKETS_A_STEP = 8;
/** Pools that one look compares with the index: 200 idle ones must cost little. */
const POOLS_A_LOOK = 20;
/** Values of a chunk that one script looks at. */
const VALUES_A_STEP = 20;
/** A chunk is compacted when so many more of its tasks are gone. */
const GONE_STEP: number = CHUNK / 4;

/** In the order of the keys of `countPool`. */
const QUEUE_PARTS: readonly QueuePart[] = [
  ...(["completed", "failed", "delayed", "prioritized", "waiting-children", "wait", "active", "paused"] as const),
];

/** A look that has used up its budget ends here. */
class Spent extends Error {}

/**
 * Looks after the index of tasks, a part with each look: makes it when it was never made; takes in what other clients of
 * BullMQ have added or changed; notes tasks that are gone; and removes what belongs to them.
 */
export async function sweepIndex(client: RedisClient, keys: Keys, options: SweepOptions = {}): Promise<SweepReport> {
  const { budget = Number.POSITIVE_INFINITY, load = 1, signal } = options;
  const report: SweepReport = { rebuilt: null, repaired: 0, gone: 0, dropped: 0 };
  let spent = 0;
  let compared: string | undefined;
  const step = async <Of>(work: () => Promise<Of>): Promise<Of> => {
    signal?.throwIfAborted();
    if (spent >= budget) throw new Spent();
    const began = performance.now();
    const found = await work();
    spent += performance.now() - began;
    await rest(began, load);
    return found;
  };
  try {
    const [built, format, dirty, last] = await client.hmget(keys.taskIndex, "built", "format", "dirty", "compared");
    if (built == null || format !== String(INDEX_FORMAT)) {
      report.rebuilt = await makeIndex(client, keys, { load, ...(signal && { signal }) });
      return report;
    }
    const pools = (await client.hkeys(keys.pools)).filter((pool) => !isProcessQueue(pool));
    await sweepBuckets(client, keys, { step, report });
    const inTurn = dirty == null ? nextOf(pools.sort(), last ?? "") : pools;
    for (const pool of inTurn) {
      if (dirty == null && !(await step(() => differs(client, keys, pool)))) continue;
      for await (const page of jobIds(client, keys, pool)) {
        for (let from = 0; from < page.length; from += JOBS_A_STEP) {
          const ids = page.slice(from, from + JOBS_A_STEP);
          await step(() => indexJobs(client, keys, { pool, ids }));
          report.repaired += ids.length;
        }
      }
      compared = pool;
    }
    if (dirty != null) await cleared.run(client, [keys.taskIndex], [dirty]);
  } catch (error) {
    if (!(error instanceof Spent)) throw error;
  }
  if (compared !== undefined) await client.hset(keys.taskIndex, "compared", compared);
  return report;
}

/** Those behind the last one, as many as one look compares. */
function nextOf(pools: readonly string[], last: string): string[] {
  const behind = pools.filter((pool) => pool > last);
  return [...behind, ...pools.slice(0, pools.length - behind.length)].slice(0, POOLS_A_LOOK);
}

/** The first time; where every job is in the index already, because the namespace is new, that is noted. */
async function makeIndex(
  client: RedisClient,
  keys: Keys,
  options: { load: number; signal?: AbortSignal },
): Promise<number | null> {
  const pools = (await client.hkeys(keys.pools)).filter((pool) => !isProcessQueue(pool));
  for (const pool of pools) {
    if ((await client.exists(QUEUE_PARTS.map((part) => keys.queue(pool, part)))) === 0) continue;
    for await (const ids of jobIds(client, keys, pool)) {
      const began = performance.now();
      const pipeline = client.pipeline();
      for (const id of ids) pipeline.hexists(keys.job(pool, id), JOB_NUMBER_FIELD);
      const replies = (await pipeline.exec()) ?? [];
      await rest(began, options.load);
      if (replies.some(([error, has]) => !error && has === 0)) return rebuildIndex(client, keys, options);
    }
  }
  await isBuilt.run(client, [keys.taskIndex], [INDEX_FORMAT]);
  return null;
}

type Step = <Of>(work: () => Promise<Of>) => Promise<Of>;

async function sweepBuckets(
  client: RedisClient,
  keys: Keys,
  { step, report }: { step: Step; report: SweepReport },
): Promise<void> {
  const [next = 0, first = 0, swept = 0] = (await client.hmget(keys.taskIndex, "next", "first", "swept")).map(Number);
  const [lowest, end] = [Math.floor(first / BUCKET), Math.ceil(next / BUCKET)];
  const buckets = Math.min(end - lowest, Math.ceil((end - lowest) / BUCKETS_A_STEP) * BUCKETS_A_STEP);
  let bucket = swept >= lowest && swept < end ? swept : lowest;
  for (let looked = 0; looked < buckets; looked += BUCKETS_A_STEP) {
    const from = bucket;
    const chunk = Math.floor(from / (CHUNK / BUCKET));
    const to = Math.min(end, from + BUCKETS_A_STEP, (chunk + 1) * (CHUNK / BUCKET));
    report.gone += await step(() =>
      sweepRecords.run(client, [keys.taskIndex], [keys.prefix, keys.queues, from, to - from]),
    );
    if (to === (chunk + 1) * (CHUNK / BUCKET)) await sweepChunk(client, keys, { chunk, step, report });
    bucket = to >= end ? lowest : to;
  }
}

async function sweepChunk(
  client: RedisClient,
  keys: Keys,
  { chunk, step, report }: { chunk: number; step: Step; report: SweepReport },
): Promise<void> {
  const place = [keys.prefix, chunk];
  let state = await step(() => dropChunk.run(client, [keys.taskIndex], place));
  while (state === "dropping") state = await step(() => dropChunk.run(client, [keys.taskIndex], place));
  if (state === "dropped") report.dropped += 1;
  if (state !== "crowded") return;
  let cursor = "0";
  do {
    cursor = await step(() => compactValues.run(client, [keys.taskIndex], [...place, cursor]));
  } while (cursor !== "0");
}

/** Sets of BullMQ and how many of the pool's tasks have the state in the index. */
async function differs(client: RedisClient, keys: Keys, pool: string): Promise<boolean> {
  const queue = QUEUE_PARTS.map((part) => keys.queue(pool, part));
  return (await countPool.run(client, [keys.taskIndex, ...queue], [keys.prefix, pool])) !== "";
}

/**
 * KEYS[1] hash of the index
 * ARGV[1] version of the layout
 */
const isBuilt = new Script<null>({
  name: "indexIsBuilt",
  lua: `${SERVER_TIME}
redis.call("HSET", KEYS[1], "built", string.format("%.0f", server_time()), "format", ARGV[1])
`,
});

/**
 * KEYS[1] hash of the index
 * ARGV[1] what went wrong, which is mended: what went wrong since stays
 */
const cleared = new Script<null>({
  name: "indexIsMended",
  lua: `if redis.call("HGET", KEYS[1], "dirty") == ARGV[1] then redis.call("HDEL", KEYS[1], "dirty") end`,
});

/**
 * KEYS[1] hash of the index; other keys are made here, all have the hash tag of the namespace
 * ARGV[1] what our keys begin with; ARGV[2] what the keys of queues begin with; ARGV[3] first bucket; ARGV[4] how many
 * Notes tasks whose job is gone, or has another number, and removes buckets that are full and have no other tasks.
 * Returns how many were noted.
 */
const sweepRecords = new Script<number>({
  name: "sweepIndexRecords",
  isMeasured: false,
  lua: `
local prefix, first = ARGV[1], tonumber(ARGV[3])
local open = math.floor(tonumber(redis.call("HGET", KEYS[1], "next") or "0") / ${BUCKET})
local noted = 0
for bucket = first, first + tonumber(ARGV[4]) - 1 do
  local list = prefix .. "index-tasks/" .. bucket
  local gone = prefix .. "index/" .. math.floor(bucket * ${BUCKET} / ${CHUNK}) .. "/s=gone"
  local records = redis.call("LRANGE", list, 0, -1)
  local is_used = false
  for index, record in ipairs(records) do
    local pool, id = string.match(record, "^([^\\n]*)\\n([^\\n]*)\\n")
    local n = bucket * ${BUCKET} + index - 1
    if pool then
      local number = redis.pcall("HGET", ARGV[2] .. pool .. ":" .. id, "${JOB_NUMBER_FIELD}")
      if number == string.format("%.0f", n) then is_used = true
      elseif redis.call("SETBIT", gone, n % ${CHUNK}, 1) == 0 then noted = noted + 1 end
    end
  end
  if #records > 0 and not is_used and bucket < open then redis.call("DEL", list) end
end
redis.call("HSET", KEYS[1], "swept", first + tonumber(ARGV[4]))
return noted
`,
});

/**
 * KEYS[1] hash of the index; other keys are made here, all have the hash tag of the namespace
 * ARGV[1] what our keys begin with; ARGV[2] chunk
 * Removes a part of what belongs to a chunk without a task.
 * Returns "dropping" (more is left), "dropped", "" (there was nothing to do) or "crowded" (many of its tasks are gone, and their values are
 * still there).
 */
const dropChunk = new Script<"dropping" | "dropped" | "" | "crowded">({
  name: "dropIndexChunk",
  isMeasured: false,
  lua: `
local prefix, chunk = ARGV[1], tonumber(ARGV[2])
if (chunk + 1) * ${CHUNK} > tonumber(redis.call("HGET", KEYS[1], "next") or "0") then return "" end
local lists = {}
for place = 0, ${CHUNK / BUCKET - 1} do lists[place + 1] = prefix .. "index-tasks/" .. (chunk * ${CHUNK / BUCKET} + place) end
local values, containers = prefix .. "index-values/" .. chunk, prefix .. "index/" .. chunk .. "/"
if redis.call("EXISTS", unpack(lists)) > 0 then
  local gone = redis.call("BITCOUNT", containers .. "s=gone")
  local compacted = tonumber(redis.call("HGET", KEYS[1], "gone:" .. chunk) or "0")
  return gone - compacted >= ${GONE_STEP} and "crowded" or ""
end
local part = redis.call("HSCAN", values, 0, "COUNT", ${VALUES_A_STEP * 10})[2]
for index = 1, #part, 2 do
  redis.call("UNLINK", containers .. part[index])
  redis.call("HDEL", values, part[index])
end
if redis.call("EXISTS", values) == 1 then return "dropping" end
local states = 0
for _, state in ipairs({${INDEX_STATES.map((state) => `"${state}"`).join(", ")}}) do
  states = states + redis.call("UNLINK", containers .. "s=" .. state)
end
redis.call("HDEL", KEYS[1], "gone:" .. chunk)
local first = tonumber(redis.call("HGET", KEYS[1], "first") or "0")
if math.floor(first / ${CHUNK}) == chunk then
  redis.call("HSET", KEYS[1], "first", (chunk + 1) * ${CHUNK})
  for _, n in ipairs(redis.call("ZRANGE", prefix .. "index-times", 0, ${CHUNK / 1024})) do
    if tonumber(n) < (chunk + 1) * ${CHUNK} then redis.call("ZREM", prefix .. "index-times", n) end
  end
end
return states + #part > 0 and "dropped" or ""
`,
});

/**
 * KEYS[1] hash of the index; other keys are made here, all have the hash tag of the namespace
 * ARGV[1] what our keys begin with; ARGV[2] chunk, all of whose buckets are full; ARGV[3] cursor, "0" = from the start
 * Takes tasks that are gone out of a part of the containers, and makes bitmaps with few members sets again.
 * Returns the cursor of the next part, "0" = all were looked at.
 */
const compactValues = new Script<string>({
  name: "compactIndexValues",
  isMeasured: false,
  lua: `
local prefix, chunk = ARGV[1], ARGV[2]
local values, containers = prefix .. "index-values/" .. chunk, prefix .. "index/" .. chunk .. "/"
local gone, kept = containers .. "s=gone", prefix .. "index-rebuild/kept"
local count = redis.call("BITCOUNT", gone)
-- NOT of a short bitmap is as short.
redis.call("SETBIT", gone, ${CHUNK - 1}, redis.call("GETBIT", gone, ${CHUNK - 1}))
redis.call("BITOP", "NOT", kept, gone)
local scan = redis.call("HSCAN", values, ARGV[3], "COUNT", ${VALUES_A_STEP})
for index = 1, #scan[2], 2 do
  local value = scan[2][index]
  local key = containers .. value
  local left
  local kind = redis.call("TYPE", key).ok
  if kind == "set" then
    for _, member in ipairs(redis.call("SMEMBERS", key)) do
      if redis.call("GETBIT", gone, member + ${SPARSE_ZERO}) == 1 then redis.call("SREM", key, member) end
    end
    left = redis.call("SCARD", key)
  elseif kind == "string" then
    redis.call("BITOP", "AND", key, key, kept)
    left = redis.call("BITCOUNT", key)
    if left <= ${MOST_SPARSE} and string.sub(value, 1, 2) ~= "h=" then
      local bytes, members = redis.call("GETRANGE", key, 0, ${BITMAP_BYTES - 1}), {}
      for at in string.gmatch(bytes, "()[^%z]") do
        local byte = string.byte(bytes, at)
        for place = 0, 7 do
          if math.floor(byte / 2 ^ (7 - place)) % 2 == 1 then members[#members + 1] = (at - 1) * 8 + place - ${SPARSE_ZERO} end
        end
      end
      redis.call("DEL", key)
      if left > 0 then redis.call("SADD", key, unpack(members)) end
    end
  end
  if left and string.sub(value, 1, 2) ~= "h=" then
    if left == 0 then redis.call("HDEL", values, value) else redis.call("HSET", values, value, left) end
  end
end
redis.call("DEL", kept)
if scan[1] == "0" then redis.call("HSET", KEYS[1], "gone:" .. chunk, count) end
return scan[1]
`,
});

/**
 * KEYS[1] hash of the index; KEYS[2] completed; KEYS[3] failed; KEYS[4] delayed; KEYS[5] prioritized; KEYS[6] waiting-children
 * (sorted sets); KEYS[7] wait; KEYS[8] active; KEYS[9] paused (lists)
 * ARGV[1] what our keys begin with; ARGV[2] pool
 * Compares how many jobs BullMQ has in a state with how many tasks the index has.
 * Returns "", or what differs.
 */
const countPool = new Script<string>({
  name: "countIndexedJobs",
  isMeasured: false,
  lua: `
local prefix, value = ARGV[1], "p=" .. ARGV[2]
local has_jobs = redis.call("EXISTS", unpack(KEYS, 2)) > 0
local state = redis.call("HMGET", KEYS[1], "next", "first")
local next_number, first = tonumber(state[1] or "0"), tonumber(state[2] or "0")
local found = {all = 0, completed = 0, failed = 0, cancelled = 0, delayed = 0}
local part, both, rest = prefix .. "index-rebuild/part", prefix .. "index-rebuild/both", prefix .. "index-rebuild/rest"
local function count_one(containers, offset)
  if redis.call("GETBIT", containers .. "s=gone", offset) == 1 then return end
  found.all = found.all + 1
  for _, one in ipairs({"completed", "failed", "cancelled", "delayed"}) do
    found[one] = found[one] + redis.call("GETBIT", containers .. "s=" .. one, offset)
  end
end
for chunk = math.floor(first / ${CHUNK}), math.floor(next_number / ${CHUNK}) do
  local containers = prefix .. "index/" .. chunk .. "/"
  local kind = redis.call("TYPE", containers .. value).ok
  if kind == "set" then
    for _, member in ipairs(redis.call("SMEMBERS", containers .. value)) do count_one(containers, member + ${SPARSE_ZERO}) end
  elseif kind == "string" then
    redis.call("BITOP", "AND", part, containers .. value, containers .. "s=gone")
    redis.call("BITOP", "XOR", rest, containers .. value, part)
    found.all = found.all + redis.call("BITCOUNT", rest)
    for _, one in ipairs({"completed", "failed", "cancelled", "delayed"}) do
      redis.call("BITOP", "AND", both, rest, containers .. "s=" .. one)
      found[one] = found[one] + redis.call("BITCOUNT", both)
    end
    redis.call("DEL", part, both, rest)
  end
end
local open = math.floor(next_number / ${BUCKET})
local containers = prefix .. "index/" .. math.floor(next_number / ${CHUNK}) .. "/"
for index, record in ipairs(redis.call("LRANGE", prefix .. "index-tasks/" .. open, 0, -1)) do
  if string.sub(record, 1, #value - 1) == string.sub(value, 3) .. "\\n" then
    count_one(containers, (open * ${BUCKET} + index - 1) % ${CHUNK})
  end
end
if not has_jobs and found.all == 0 then return "" end
local jobs = {}
for place = 2, 6 do jobs[place] = redis.pcall("ZCARD", KEYS[place]) end
for place = 7, 9 do jobs[place] = redis.pcall("LLEN", KEYS[place]) end
local gated = redis.pcall("HGET", prefix .. "limits/" .. ARGV[2], "gated")
local all = 0
for place = 2, 9 do all = all + (type(jobs[place]) == "number" and jobs[place] or 0) end
-- What limits hold back is among BullMQ's delayed ones, and waits.
if type(jobs[4]) == "number" and type(gated) == "string" then jobs[4] = math.max(0, jobs[4] - tonumber(gated)) end
local differences = {}
local function compare(what, indexed, there)
  if type(there) == "number" and indexed ~= there then
    differences[#differences + 1] = what .. " " .. indexed .. "/" .. there
  end
end
compare("all", found.all, all)
compare("completed", found.completed, jobs[2])
compare("failed", found.failed + found.cancelled, jobs[3])
compare("delayed", found.delayed, jobs[4])
return table.concat(differences, ", ")
`,
});
