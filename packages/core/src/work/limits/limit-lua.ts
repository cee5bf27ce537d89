import { RATE, READ_MICROS } from "../../redis/script/index.ts";

/**
 * Lua: jobs of one pool that a limit holds back, and the turns of their keys. Of a script with `prefix` (of our keys)
 * and `pool` in local variables.
 *
 * A *place* is one limit with one key: `<task>|<key>`, or `|<key>` for a limit of the pool. A job that is held back is among
 * the delayed ones of BullMQ, far ahead, so that BullMQ and its tools see where it is; its order is beside:
 *
 * - `limit-waiting/<pool>/<place>`: sorted set, job -> its priority x 2^32 + a running number;
 * - `limit-turns/<pool>`: sorted set, places that may have a turn, in their order; `limit-full/<pool>`: those of which as many
 *   jobs run as may; `limit-later/<pool>`: those whose rate allows the next start later -> that time, ms;
 * - `limit-held/<pool>`: hash, job that runs -> its place; `limit-running/<pool>`: hash, place -> how many run;
 * - `limit-rate/<pool>/<place>`: the state of its rate;
 * - `limits/<pool>`: hash: `next` (running number), `gated` (jobs held back), and the rules that hosts know, by their tasks.
 *
 * A place without jobs has nothing but its rate, which expires.
 */
export const LIMITS: string = `${RATE}
local limit_state = prefix .. "limits/" .. pool
local turns, full, later = prefix .. "limit-turns/" .. pool, prefix .. "limit-full/" .. pool, prefix .. "limit-later/" .. pool
local held, running = prefix .. "limit-held/" .. pool, prefix .. "limit-running/" .. pool
local function waiting_of(place) return prefix .. "limit-waiting/" .. pool .. "/" .. place end
local function next_number() return redis.call("HINCRBY", limit_state, "next", 1) end
local function read_micros()
  ${READ_MICROS}
  return micros
end
local function count_gated(change)
  if change == 0 then return end
  if redis.call("HINCRBY", limit_state, "gated", change) <= 0 then redis.call("HDEL", limit_state, "gated") end
end
-- A place is among those that wait for a turn, at the end of them, unless it is somewhere already.
local function give_turn(place)
  if redis.call("ZSCORE", full, place) or redis.call("ZSCORE", later, place) then return end
  redis.call("ZADD", turns, "NX", next_number(), place)
end
-- What waits for others, or for a time, may go on: a job has ended, or a rule has changed.
local function all_have_turns(from)
  for _, place in ipairs(redis.call("ZRANGE", from, 0, -1)) do redis.call("ZADD", turns, "NX", next_number(), place) end
  redis.call("DEL", from)
end
local function release(id)
  local place = redis.call("HGET", held, id)
  if not place then return false end
  redis.call("HDEL", held, id)
  if redis.call("HINCRBY", running, place, -1) <= 0 then redis.call("HDEL", running, place) end
  if redis.call("ZREM", full, place) == 1 then redis.call("ZADD", turns, "NX", next_number(), place) end
  return true
end
`;
