import type { Script } from "../../../redis/script/index.ts";
import type { CallsReply } from "../calls/calls-script.ts";
import { callsScript } from "../calls/index.ts";

/** Calls of sets. Main key: also `count`, how many items were ever added; items, sorted set: value as text -> its number. */
export const setCalls: Script<CallsReply> = callsScript({
  name: "setCalls",
  make: `
for at = from, from + count - 1 do
  if not redis.call("ZSCORE", part("items"), ARGV[at]) then
    redis.call("ZADD", part("items"), redis.call("HINCRBY", main, "count", 1), ARGV[at])
  end
end`,
  operations: `
local items = part("items")
local function add(item)
  if redis.call("ZSCORE", items, item) then return 0 end
  redis.call("ZADD", items, redis.call("HINCRBY", main, "count", 1), item)
  return 1
end
reads.exists = true
operations.exists = function() return 1 end
-- add(item, ...): how many are new
operations.add = function(at, count)
  local added = 0
  for place = at, at + count - 1 do added = added + add(ARGV[place]) end
  return added
end
-- discard(item, ...): how many were there
operations.discard = function(at, count)
  local gone = 0
  for place = at, at + count - 1 do gone = gone + redis.call("ZREM", items, ARGV[place]) end
  return gone
end
-- pop(): any, or false
operations.pop = function() return redis.call("ZPOPMIN", items)[1] or false end
-- retain(item, ...): no others
operations.retain = function(at, count)
  local kept = {}
  for place = at, at + count - 1 do kept[ARGV[place]] = true end
  for _, item in ipairs(redis.call("ZRANGE", items, 0, -1)) do
    if not kept[item] then redis.call("ZREM", items, item) end
  end
  return 1
end
-- toggle(item, ...): each is there if it was not
operations.toggle = function(at, count)
  for place = at, at + count - 1 do
    if redis.call("ZREM", items, ARGV[place]) == 0 then add(ARGV[place]) end
  end
  return 1
end
operations.clear = function()
  redis.call("UNLINK", items)
  return 1
end
-- has(item)
reads.has = true
operations.has = function(at) return redis.call("ZSCORE", items, ARGV[at]) and 1 or 0 end
reads.length = true
operations.length = function() return redis.call("ZCARD", items) end
reads.values = true
operations.values = function() return redis.call("ZRANGE", items, 0, -1) end
-- The number of the item added last.
reads.last = true
operations.last = function() return tonumber(redis.call("HGET", main, "count") or 0) end
-- page(after, up to, size): the next items by their numbers, each with it
reads.page = true
operations.page = function(at)
  return redis.call("ZRANGE", items, "(" .. ARGV[at], ARGV[at + 1], "BYSCORE", "LIMIT", 0, ARGV[at + 2], "WITHSCORES")
end
`,
});
