import { RATE } from "../../../redis/script/index.ts";
import { leasedQueue } from "../leased/index.ts";

const LINE = leasedQueue(
  "rate-limiter",
  `${RATE}
local function starts_of(main)
  local at = string.find(main, "}/rate-limiter/", 1, true)
  return string.sub(main, 1, at + 1) .. "rate-limiter-starts/" .. string.sub(main, at + 15)
end
local function rule_of(main)
  local state = redis.call("HMGET", main, "max", "per", "kind", "concurrency", "running", "reserved")
  return { max = tonumber(state[1] or ""), per = tonumber(state[2] or ""), kind = state[3],
    concurrency = tonumber(state[4] or ""), running = tonumber(state[5] or 0), reserved = tonumber(state[6] or 0) }
end
local function has_place(rule)
  return not rule.concurrency or rule.running + rule.reserved < rule.concurrency
end
local function is_free_for(main)
  local rule = rule_of(main)
  if not has_place(rule) then return false end
  local micros = now_in_micros()
  return not rule.max or rate_due(starts_of(main), rule, micros, rule.reserved) <= micros
end
local function note_call(main, _, change)
  redis.call("HINCRBY", main, "reserved", change)
end
local function put_back(main)
  redis.call("HINCRBY", main, "running", -1)
end
`,
);

/**
 * Lua that the scripts of rate limiters and their reaper have in common: the queue of waiters.
 *
 * A waiter that was called has its start, and its place, reserved until it comes. Only the rate can open by itself: the first
 * waiter that is not called is told when it does, and asks again then by its own clock.
 *
 * `due_of_first(prefix, name, asking)`: time until the rate allows the first uncalled waiter to start, in microseconds; nil
 * when there is none, or when the rate is not what it waits for. The waiter is told to look, once, unless it is the one that
 * asks; the reaper looks at that time as well.
 */
export const RATE_LIMITER: string = `${LINE}
local function due_of_first(prefix, name, asking)
  local main, _, waiters, _, called = queue_keys(prefix, name)
  local first = redis.call("LINDEX", waiters, redis.call("ZCARD", called))
  if not first then return nil end
  local rule = rule_of(main)
  if not rule.max or not has_place(rule) then return nil end
  local micros = now_in_micros()
  local due = rate_due(starts_of(main), rule, micros, rule.reserved)
  redis.call("ZADD", prefix .. "deadlines", "LT", math.ceil(due / 1000), "rate-limiter/" .. name)
  if redis.call("HGET", main, "told") ~= first then
    redis.call("HSET", main, "told", first)
    if first ~= asking then wake(prefix, first) end
  end
  return math.max(0, due - micros), first
end
local function settle(prefix, name, now)
  local claim = call_next(prefix, name, now)
  local due = due_of_first(prefix, name)
  local looks_at = due and now + math.ceil(due / 1000)
  return claim and looks_at and math.min(claim, looks_at) or claim or looks_at
end
`;
