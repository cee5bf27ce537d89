import type { Script } from "../../../redis/script/index.ts";
import type { CallsReply } from "../calls/calls-script.ts";
import { callsScript } from "../calls/index.ts";
import { LIST_LUA } from "../calls/list-lua.ts";

/** Answer for an index or an item that is not there. */
export const MISSING = -1;

/** Calls of lists. items, list of values as texts. A place in the middle is marked by what no value is stored as. */
export const listCalls: Script<CallsReply> = callsScript({
  name: "listCalls",
  make: `
local list = part("items")
each_part(from, from + count - 1, function(first, last) redis.call("RPUSH", list, unpack(ARGV, first, last)) end)`,
  operations: `${LIST_LUA}
local list = part("items")
local MARK = "\\1\\1"
-- The bounds of a slice as Python takes them, "" = none.
local function bounds(start, stop)
  local length = redis.call("LLEN", list)
  local function clamp(text, absent)
    if text == "" then return absent end
    local index = tonumber(text)
    if index < 0 then index = index + length end
    return math.max(0, math.min(length, index))
  end
  local first = clamp(start, 0)
  return first, math.max(first, clamp(stop, length))
end
reads.exists = true
operations.exists = function() return 1 end
reads.length = true
operations.length = function() return redis.call("LLEN", list) end
-- get(index)
reads.get = true
operations.get = function(at)
  return redis.call("LINDEX", list, ARGV[at]) or ${MISSING}
end
-- range(first, last): as LRANGE
reads.range = true
operations.range = function(at) return redis.call("LRANGE", list, ARGV[at], ARGV[at + 1]) end
-- set(index, value)
operations.set = function(at)
  local place = place_of(list, ARGV[at])
  if not place then return ${MISSING} end
  redis.call("LSET", list, place, ARGV[at + 1])
  return 1
end
-- extend(value, ...)
operations.extend = function(at, count)
  push_all(list, at, at + count - 1)
  return 1
end
-- insert(index, value): before that place, at an end if it is beyond
operations.insert = function(at)
  local place = bounds(ARGV[at], "")
  if place == 0 then
    redis.call("LPUSH", list, ARGV[at + 1])
  elseif place == redis.call("LLEN", list) then
    redis.call("RPUSH", list, ARGV[at + 1])
  else
    local item = redis.call("LINDEX", list, place)
    redis.call("LSET", list, place, MARK)
    redis.call("LINSERT", list, "BEFORE", MARK, ARGV[at + 1])
    redis.call("LSET", list, place + 1, item)
  end
  return 1
end
-- pop(index): { its value }
operations.pop = function(at)
  local place = place_of(list, ARGV[at])
  if not place then return ${MISSING} end
  if place == 0 then return { redis.call("LPOP", list) } end
  local item = redis.call("LINDEX", list, place)
  if place == redis.call("LLEN", list) - 1 then
    redis.call("RPOP", list)
  else
    redis.call("LSET", list, place, MARK)
    redis.call("LREM", list, 1, MARK)
  end
  return { item }
end
-- remove(value): the first one
operations.remove = function(at)
  if redis.call("LREM", list, 1, ARGV[at]) == 0 then return ${MISSING} end
  return 1
end
-- index(value, start, stop): its first place between them
reads.index = true
operations.index = function(at)
  local first, past = bounds(ARGV[at + 1], ARGV[at + 2])
  if first == 0 then
    local place = redis.call("LPOS", list, ARGV[at])
    return place and place < past and place or ${MISSING}
  end
  for _, place in ipairs(redis.call("LPOS", list, ARGV[at], "COUNT", 0)) do
    if place >= first and place < past then return place end
  end
  return ${MISSING}
end
-- count(value)
reads.count = true
operations.count = function(at) return #redis.call("LPOS", list, ARGV[at], "COUNT", 0) end
operations.clear = function()
  redis.call("UNLINK", list)
  return 1
end
operations.reverse = function()
  local items = redis.call("LRANGE", list, 0, -1)
  redis.call("DEL", list)
  each_part(1, #items, function(first, last) redis.call("LPUSH", list, unpack(items, first, last)) end)
  return 1
end
-- setSlice(start, stop, value, ...)
operations.setSlice = function(at, count)
  local first, past = bounds(ARGV[at], ARGV[at + 1])
  replace(list, first, past, at + 2, at + count - 1)
  return 1
end
-- replaceAll(SHA-1 of the items as they should be, value, ...): 1 = done, 0 = they are others
operations.replaceAll = function(at, count)
  if redis.sha1hex(table.concat(redis.call("LRANGE", list, 0, -1), "\\n")) ~= ARGV[at] then return 0 end
  redis.call("DEL", list)
  push_all(list, at + 1, at + count - 1)
  return 1
end
`,
});
