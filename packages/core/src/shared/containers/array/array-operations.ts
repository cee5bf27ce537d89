import type { Script } from "../../../redis/script/index.ts";
import type { CallsReply } from "../calls/calls-script.ts";
import { callsScript } from "../calls/index.ts";
import { LIST_LUA } from "../calls/list-lua.ts";
import { OTHER_TYPE, OUTSIDE, TOO_LARGE, TYPED_LUA } from "../typed/index.ts";

/** From so many items on, a part is written anew with all that follows it. */
const LARGE_PART = 64;

/**
 * Calls of arrays; each names the type first. Main key: also `type`, `length`; items, list: numbers as texts. Made with its
 * type and length, and its items unless they are zeros.
 */
export const arrayCalls: Script<CallsReply> = callsScript({
  name: "arrayCalls",
  make: `
redis.call("HSET", main, "type", ARGV[from], "length", ARGV[from + 1])
each_part(from + 2, from + count - 1, function(first, last) redis.call("RPUSH", part("items"), unpack(ARGV, first, last)) end)
if count == 2 then
  local zeros = {}
  for index = 1, math.min(4000, tonumber(ARGV[from + 1])) do zeros[index] = "0" end
  each_part(1, tonumber(ARGV[from + 1]), function(first, last)
    redis.call("RPUSH", part("items"), unpack(zeros, 1, last - first + 1))
  end)
end`,
  operations: `${LIST_LUA}${TYPED_LUA}
local list = part("items")
local function is_other(wanted) return redis.call("HGET", main, "type") ~= wanted end
reads.exists = true
operations.exists = function() return 1 end
reads.length = true
operations.length = function(at)
  if is_other(ARGV[at]) then return ${OTHER_TYPE} end
  return redis.call("LLEN", list)
end
-- get(type, index)
reads.get = true
operations.get = function(at)
  if is_other(ARGV[at]) then return ${OTHER_TYPE} end
  return redis.call("LINDEX", list, ARGV[at + 1]) or ${OUTSIDE}
end
-- range(type, first, last): as LRANGE
reads.range = true
operations.range = function(at)
  if is_other(ARGV[at]) then return ${OTHER_TYPE} end
  return redis.call("LRANGE", list, ARGV[at + 1], ARGV[at + 2])
end
-- set(type, index, value)
operations.set = function(at)
  if is_other(ARGV[at]) then return ${OTHER_TYPE} end
  local place = place_of(list, ARGV[at + 1])
  if not place then return ${OUTSIDE} end
  redis.call("LSET", list, place, ARGV[at + 2])
  return 1
end
-- setRange(type, first, stop or "", value, ...): 1 = done, 0 = they are not as many as the part has
operations.setRange = function(at, count)
  if is_other(ARGV[at]) then return ${OTHER_TYPE} end
  local length = redis.call("LLEN", list)
  local function clamp(text, absent)
    if text == "" then return absent end
    local index = tonumber(text)
    if index < 0 then index = index + length end
    return math.max(0, math.min(length, index))
  end
  local first = clamp(ARGV[at + 1], 0)
  local past = math.max(first, clamp(ARGV[at + 2], length))
  if past - first ~= count - 3 then return 0 end
  if past - first >= ${LARGE_PART} then
    replace(list, first, past, at + 3, at + count - 1)
  else
    for place = first, past - 1 do redis.call("LSET", list, place, ARGV[at + 3 + place - first]) end
  end
  return 1
end
-- add(type, index, by, sort, bits, 1 = signed): the sum
operations.add = function(at)
  if is_other(ARGV[at]) then return ${OTHER_TYPE} end
  local place = place_of(list, ARGV[at + 1])
  if not place then return ${OUTSIDE} end
  local sum = add(redis.call("LINDEX", list, place), ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
  if not sum then return ${TOO_LARGE} end
  redis.call("LSET", list, place, sum)
  return sum
end
-- compareAndSet(type, index, sort, expected, value): 1 = done, 0 = it has another value
operations.compareAndSet = function(at)
  if is_other(ARGV[at]) then return ${OTHER_TYPE} end
  local place = place_of(list, ARGV[at + 1])
  if not place then return ${OUTSIDE} end
  if not same(redis.call("LINDEX", list, place), ARGV[at + 3], ARGV[at + 2]) then return 0 end
  redis.call("LSET", list, place, ARGV[at + 4])
  return 1
end
`,
});
