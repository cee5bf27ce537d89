import type { Script } from "../../../redis/script/index.ts";
import type { CallsReply } from "../calls/calls-script.ts";
import { callsScript } from "../calls/index.ts";
import { OTHER_TYPE, TOO_LARGE, TYPED_LUA } from "../typed/index.ts";

/** Calls of values; each names the type first. Main key: also `type`, `value` (a number as text). */
export const valueCalls: Script<CallsReply> = callsScript({
  name: "valueCalls",
  make: `redis.call("HSET", main, "type", ARGV[from], "value", ARGV[from + 1])`,
  operations: `${TYPED_LUA}
local function current(wanted)
  local kept = redis.call("HMGET", main, "type", "value")
  return kept[1] == wanted and kept[2]
end
reads.exists = true
operations.exists = function() return 1 end
-- get(type)
reads.get = true
operations.get = function(at) return current(ARGV[at]) or ${OTHER_TYPE} end
-- set(type, value)
operations.set = function(at)
  if not current(ARGV[at]) then return ${OTHER_TYPE} end
  redis.call("HSET", main, "value", ARGV[at + 1])
  return 1
end
-- add(type, by, sort, bits, 1 = signed): the sum
operations.add = function(at)
  local value = current(ARGV[at])
  if not value then return ${OTHER_TYPE} end
  local sum = add(value, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  if not sum then return ${TOO_LARGE} end
  redis.call("HSET", main, "value", sum)
  return sum
end
-- compareAndSet(type, sort, expected, value): 1 = done, 0 = it has another value
operations.compareAndSet = function(at)
  local value = current(ARGV[at])
  if not value then return ${OTHER_TYPE} end
  if not same(value, ARGV[at + 2], ARGV[at + 1]) then return 0 end
  redis.call("HSET", main, "value", ARGV[at + 3])
  return 1
end
`,
});
