import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";

/** When the oldest of the tasks of a pool were submitted that wait outside of its line, epoch ms; null = none is known. */
export interface OldestHeldBack {
  /** Of those that no live host knows. */
  unserved: number | null;
  /** Of those that limits hold back. */
  limited: number | null;
}

/** Pools that one script looks at: about 2 ms of Redis. */
const BATCH = 200;
/** Keys of limits of which the first task is looked at: those that have a turn, are full, or start later; and delayed jobs. */
const LOOKED_AT = 20;

/**
 * Reads how long tasks wait that BullMQ has among its delayed ones, by pool. Of what limits hold back it knows the first of the
 * keys that come first, and those that were held back first.
 */
export async function readOldestHeldBack(
  client: RedisClient,
  keys: Keys,
  pools: readonly string[],
): Promise<Map<string, OldestHeldBack>> {
  const found = new Map<string, OldestHeldBack>();
  for (let from = 0; from < pools.length; from += BATCH) {
    const batch = pools.slice(from, from + BATCH);
    const times = await oldestHeldBack.run(client, [keys.parked], [keys.prefix, keys.queues, ...batch]);
    for (const [index, pool] of batch.entries()) {
      const [unserved, limited] = (times[index] ?? []).map((time) => (time === "" ? null : Number(time)));
      found.set(pool, { unserved: unserved ?? null, limited: limited ?? null });
    }
  }
  return found;
}

/**
 * KEYS[1] set of what is parked because no live host knows it, <pool>/<task>
 * ARGV[1] what our keys begin with; ARGV[2] what the keys of queues begin with; ARGV[3..] pools
 * Returns for each pool {when the oldest was submitted that no live host knows, epoch ms, or ""; the same of what limits hold back}.
 */
const oldestHeldBack = new Script<[unserved: string, limited: string][]>({
  name: "oldestHeldBack",
  lua: `
local prefix, queues = ARGV[1], ARGV[2]
-- A key of the wrong type counts as an empty one.
local function first_of(key, last)
  local found = redis.pcall("ZRANGE", key, 0, last)
  return found.err and {} or found
end
local function older(time, pool, id)
  if not redis.pcall("ZSCORE", queues .. pool .. ":delayed", id) then return time end
  local job = redis.pcall("HMGET", queues .. pool .. ":" .. id, "timestamp")
  local submitted = not job.err and tonumber(job[1] or "")
  if not submitted or time and time <= submitted then return time end
  return submitted
end
local places, rows, unserved = {}, {}, {}
for index = 3, #ARGV do places[ARGV[index]] = index - 2 end
local parked = redis.pcall("SMEMBERS", KEYS[1])
for _, member in ipairs(parked.err and {} or parked) do
  local pool = string.match(member, "^([^/]*)/")
  if pool and places[pool] then
    for _, id in ipairs(first_of(prefix .. "parked/" .. member, 0)) do unserved[pool] = older(unserved[pool], pool, id) end
  end
end
for index = 3, #ARGV do
  local pool = ARGV[index]
  local limited = nil
  for _, part in ipairs({"turns", "full", "later"}) do
    for _, place in ipairs(first_of(prefix .. "limit-" .. part .. "/" .. pool, ${LOOKED_AT - 1})) do
      for _, id in ipairs(first_of(prefix .. "limit-waiting/" .. pool .. "/" .. place, 0)) do limited = older(limited, pool, id) end
    end
  end
  -- Those that were held back first are due first.
  for _, id in ipairs(first_of(queues .. pool .. ":delayed", ${LOOKED_AT - 1})) do
    local job = redis.pcall("HMGET", queues .. pool .. ":" .. id, "limited")
    local place = not job.err and string.match(job[1] or "", "^%d+ (.*)$")
    if place and redis.pcall("ZSCORE", prefix .. "limit-waiting/" .. pool .. "/" .. place, id) then
      limited = older(limited, pool, id)
    end
  end
  local function text_of(time) return time and string.format("%.0f", time) or "" end
  rows[index - 2] = {text_of(unserved[pool]), text_of(limited)}
end
return rows
`,
});
