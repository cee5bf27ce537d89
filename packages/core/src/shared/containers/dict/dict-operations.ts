import type { Script } from "../../../redis/script/index.ts";
import type { CallsReply } from "../calls/calls-script.ts";
import { callsScript } from "../calls/index.ts";
import { NUMBER_TEXT } from "../calls/number-text.ts";

/** Answer for a value that is not a number. */
export const NO_NUMBER = -2;

/**
 * Calls of dicts. Main key: also `count`, how many keys were ever added; items, hash: key -> value, both as texts of values;
 * order, sorted set: key -> its number.
 */
export const dictCalls: Script<CallsReply> = callsScript({
  name: "dictCalls",
  make: `
for at = from, from + count - 1, 2 do
  if redis.call("HSET", part("items"), ARGV[at], ARGV[at + 1]) == 1 then
    redis.call("ZADD", part("order"), redis.call("HINCRBY", main, "count", 1), ARGV[at])
  end
end`,
  operations: `
local items, order = part("items"), part("order")
local function put(key, value)
  if redis.call("HSET", items, key, value) == 1 then
    redis.call("ZADD", order, redis.call("HINCRBY", main, "count", 1), key)
  end
end
local function drop(key)
  if redis.call("HDEL", items, key) == 0 then return 0 end
  redis.call("ZREM", order, key)
  return 1
end
local function values_of(keys)
  local values = {}
  each_part(1, #keys, function(first, last)
    for _, value in ipairs(redis.call("HMGET", items, unpack(keys, first, last))) do table.insert(values, value) end
  end)
  return values
end
-- get(key)
reads.get = true
operations.get = function(at) return redis.call("HGET", items, ARGV[at]) end
-- set(key, value, key, value, ...)
operations.set = function(at, count)
  for place = at, at + count - 1, 2 do put(ARGV[place], ARGV[place + 1]) end
  return 1
end
reads.exists = true
operations.exists = function() return 1 end
-- has(key)
reads.has = true
operations.has = function(at) return redis.call("HEXISTS", items, ARGV[at]) end
reads.length = true
operations.length = function() return redis.call("HLEN", items) end
-- getMany(key, ...)
reads.getMany = true
operations.getMany = function(at, count)
  local values = {}
  each_part(at, at + count - 1, function(first, last)
    for _, value in ipairs(redis.call("HMGET", items, unpack(ARGV, first, last))) do table.insert(values, value) end
  end)
  return values
end
-- delete(key, ...): how many were there
operations.delete = function(at, count)
  local dropped = 0
  for place = at, at + count - 1 do dropped = dropped + drop(ARGV[place]) end
  return dropped
end
-- pop(key): its value or false
operations.pop = function(at)
  local value = redis.call("HGET", items, ARGV[at])
  if value then drop(ARGV[at]) end
  return value
end
-- popitem(): the last one, or false
operations.popitem = function()
  local key = redis.call("ZPOPMAX", order)[1]
  if not key then return false end
  local value = redis.call("HGET", items, key)
  redis.call("HDEL", items, key)
  return { key, value }
end
-- setdefault(key, value): the value it has now
operations.setdefault = function(at)
  local value = redis.call("HGET", items, ARGV[at])
  if value then return value end
  put(ARGV[at], ARGV[at + 1])
  return ARGV[at + 1]
end
operations.clear = function()
  redis.call("UNLINK", items, order)
  return 1
end
reads.keys = true
operations.keys = function() return redis.call("ZRANGE", order, 0, -1) end
reads.values = true
operations.values = function() return values_of(redis.call("ZRANGE", order, 0, -1)) end
reads.items = true
operations.items = function()
  local keys = redis.call("ZRANGE", order, 0, -1)
  return { keys, values_of(keys) }
end
-- The number of the key added last.
reads.last = true
operations.last = function() return tonumber(redis.call("HGET", main, "count") or 0) end
-- page(after, up to, size): the next keys by their numbers, with the number of the last one, and their values
reads.page = true
operations.page = function(at)
  local page = redis.call("ZRANGE", order, "(" .. ARGV[at], ARGV[at + 1], "BYSCORE", "LIMIT", 0, ARGV[at + 2], "WITHSCORES")
  local keys = {}
  for index = 1, #page, 2 do table.insert(keys, page[index]) end
  return { keys, values_of(keys), page[#page] or ARGV[at + 1] }
end
${NUMBER_TEXT}
-- increment(key, by): the new value as text; one that is missing counts as 0
operations.increment = function(at)
  local text = redis.call("HGET", items, ARGV[at])
  local value = plain_number(text or "0")
  local sum = value and number_text(value + tonumber(ARGV[at + 1]))
  if not sum then return ${NO_NUMBER} end
  put(ARGV[at], sum)
  return sum
end
-- compareAndSet(key, 1 = it must have a value, that value, 1 = it gets a value, that value): 1 = done, 0 = it has another one
operations.compareAndSet = function(at)
  local key, text = ARGV[at], redis.call("HGET", items, ARGV[at])
  local expected = ARGV[at + 1] == "1" and ARGV[at + 2] or false
  if text ~= expected then return 0 end
  if ARGV[at + 3] == "1" then put(key, ARGV[at + 4]) else drop(key) end
  return 1
end
`,
});
