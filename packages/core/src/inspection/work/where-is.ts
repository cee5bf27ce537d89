import type { QueuePart } from "../../redis/keys.ts";

/** Where a job of a state stands, in the order of the keys that `where_is` takes. */
export const STATE_PARTS: readonly QueuePart[] = [
  ...(["completed", "failed", "delayed", "prioritized", "active", "wait", "paused", "waiting-children"] as const),
];

/** Longest line in which a place is looked for. */
const LONGEST_LINE = 10_000;

/**
 * Lua: `where_is(id, first)`, the state of a job and how many are before it in line, or -1. KEYS from `first` on are those of
 * {@link STATE_PARTS}.
 */
export const WHERE_IS: string = `
local function where_is(id, first)
  if redis.call("ZSCORE", KEYS[first], id) then return "completed", -1 end
  if redis.call("ZSCORE", KEYS[first + 1], id) then return "failed", -1 end
  if redis.call("ZSCORE", KEYS[first + 2], id) then return "delayed", -1 end
  local rank = redis.call("ZRANK", KEYS[first + 3], id)
  if rank then return "prioritized", rank + redis.call("LLEN", KEYS[first + 5]) end
  if redis.call("LPOS", KEYS[first + 4], id) then return "active", -1 end
  for line = first + 5, first + 6 do
    local place = redis.call("LPOS", KEYS[line], id, "RANK", -1, "MAXLEN", ${LONGEST_LINE})
    if place then return "waiting", redis.call("LLEN", KEYS[line]) - 1 - place end
    if redis.call("LPOS", KEYS[line], id) then return "waiting", -1 end
  end
  if redis.call("ZSCORE", KEYS[first + 7], id) then return "waiting-children", -1 end
  return "unknown", -1
end
`;
