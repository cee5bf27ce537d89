import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { JOB_LIMITED_FIELD } from "../../wire/records/job.ts";
import { LIMITS } from "./limit-lua.ts";

interface Place {
  client: RedisClient;
  keys: Keys;
}

/** Jobs that one script puts back in line at most. */
const BATCH = 500;
/** Scripts of one call: what is left is for the next sweep. */
const MOST_BATCHES = 200;

/** Puts back in line what limits hold back, once a pool has none any more. @returns whether nothing is left */
export async function releaseHeldBack({ client, keys }: Place, pool: string): Promise<boolean> {
  const parts = (["wait", "prioritized", "delayed", "meta", "marker", "pc"] as const).map((part) =>
    keys.queue(pool, part),
  );
  for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
    if ((await releaseSome.run(client, parts, [keys.prefix, pool, keys.jobs(pool), BATCH])) < BATCH) return true;
  }
  return false;
}

/**
 * KEYS[1] list of waiting jobs; KEYS[2] sorted sets of prioritized and KEYS[3] of delayed jobs; KEYS[4] hash of the queue's
 * settings; KEYS[5] sorted set of markers; KEYS[6] counter of prioritized jobs
 * ARGV[1] prefix of our keys; ARGV[2] name of the pool; ARGV[3] what the keys of its jobs begin with; ARGV[4] how many at most
 * Returns how many jobs it has looked at: fewer than that many when none is left, and that many when places are left.
 */
const releaseSome = new Script<number>({
  name: "releaseHeldBack",
  lua: `
local prefix, pool, jobs, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
${LIMITS}
local has_more = some_have_turns()
local looked, back = 0, 0
while looked < most do
  local place = redis.call("ZRANGE", turns, 0, 0)[1]
  if not place then break end
  local entries = redis.call("ZPOPMIN", waiting_of(place), most - looked)
  for index = 1, #entries, 2 do
    local id = entries[index]
    looked = looked + 1
    count_gated(-1)
    if redis.call("HDEL", jobs .. id, "${JOB_LIMITED_FIELD}") == 1 and redis.call("ZREM", KEYS[3], id) == 1 then
      back = back + 1
      local priority = tonumber(redis.call("HGET", jobs .. id, "priority") or "") or 0
      if priority == 0 then
        redis.call("LPUSH", KEYS[1], id)
      else
        redis.call("ZADD", KEYS[2], priority * 0x100000000 + redis.call("INCR", KEYS[6]) % 0x100000000, id)
      end
    end
  end
  if redis.call("EXISTS", waiting_of(place)) == 0 then redis.call("ZREM", turns, place) end
end
if back > 0 and redis.call("HEXISTS", KEYS[4], "paused") == 0 then redis.call("ZADD", KEYS[5], 0, "0") end
return has_more and most or looked
`,
});

/** Removes all that is kept of the limits of a pool; what of it runs is not counted any more. */
export async function forgetLimits({ client, keys }: Place, pool: string): Promise<void> {
  while ((await forgetSome.run(client, [keys.limits(pool)], [keys.prefix, pool, BATCH])) === 0);
}

/**
 * KEYS[1] hash of the limits
 * ARGV[1] prefix of our keys; ARGV[2] name of the pool; ARGV[3] how many places at most
 * Returns 1 = nothing is left, 0 = call again.
 */
const forgetSome = new Script<number>({
  name: "forgetLimits",
  lua: `
local prefix, pool = ARGV[1], ARGV[2]
${LIMITS}
-- What runs may count in all pools.
local page = redis.call("HSCAN", held, 0, "COUNT", ARGV[3])[2]
for index = 1, #page, 2 do release(page[index]) end
if #page > 0 then return 0 end
for _, from in ipairs({turns, full, later}) do
  local places = redis.call("ZPOPMIN", from, ARGV[3])
  for index = 1, #places, 2 do redis.call("UNLINK", waiting_of(places[index])) end
  if #places > 0 then return 0 end
end
redis.call("UNLINK", KEYS[1], held, running)
return 1
`,
});
