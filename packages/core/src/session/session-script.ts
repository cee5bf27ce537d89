/**
 * Lua that scripts about sessions and waits have in common. Prepend it to a script's own text.
 *
 * Its functions build keys from the prefix `{namespace}/`: everything of a namespace is in one slot of a cluster.
 */

// Leases are measured by Redis' own clock only.
export { SERVER_TIME } from "../redis/script/server-time.ts";

/** Least time in which a waiter that was called must come, before it is the next one's turn, ms. */
export const CLAIM_WINDOW = 1_000;
/** Longest such time, ms: so far away a program may be. */
export const LONGEST_CLAIM = 30_000;

/**
 * `claim_window(prefix, waiter)`: time in which it must come when it is called, ms: what its session says that it needs,
 * because it is far away.
 */
export const CLAIM_TIME: string = `
local function claim_window(prefix, waiter)
  local needed = redis.call("HGET", prefix .. "session/" .. string.match(waiter, "^[^|]+"), "claim")
  return math.max(${CLAIM_WINDOW}, math.min(${LONGEST_CLAIM}, tonumber(needed or 0) or 0))
end
`;

/**
 * A waiter is stored as "<session>|<number>|<its label>|<since, ms>".
 *
 * `is_alive(prefix, waiter)`; `wake(prefix, waiter)` tells it to look again, and is false when its session has ended;
 * `wake_first(prefix, list)` does so for the first living waiter of a list and forgets waiters of expired sessions
 * before it;
 * `wake_together(prefix, waiters, word)` tells many, with one message for all waiters of a session, and tells them the
 * word, if there is one (see `Turn.told`); it returns their sessions as the keys of a table; `wake_all(prefix, list)`.
 */
export const WAKE_UP = `
local function is_alive(prefix, waiter)
  return redis.call("EXISTS", prefix .. "session/" .. string.match(waiter, "^[^|]+")) == 1
end
local function wake(prefix, waiter)
  local session, number = string.match(waiter, "^([^|]+)|(%d+)")
  local key = prefix .. "session/" .. session
  if redis.call("EXISTS", key) == 0 then return false end
  local count = redis.call("HINCRBY", key, "wakeups", 1)
  redis.call("PUBLISH", prefix .. "wakeups/" .. session, string.format("%d", count) .. " " .. number)
  return true
end
local function wake_first(prefix, list)
  while true do
    local first = redis.call("LINDEX", list, 0)
    if not first then return false end
    if wake(prefix, first) then return true end
    redis.call("LPOP", list)
  end
end
local function wake_together(prefix, waiters, word)
  local numbers = {}
  for _, waiter in ipairs(waiters) do
    local session, number = string.match(waiter, "^([^|]+)|(%d+)")
    if not numbers[session] then numbers[session] = {} end
    table.insert(numbers[session], number)
  end
  for session, list in pairs(numbers) do
    local key = prefix .. "session/" .. session
    if redis.call("EXISTS", key) == 1 then
      local message = string.format("%d", redis.call("HINCRBY", key, "wakeups", 1)) .. " " .. table.concat(list, ",")
      redis.call("PUBLISH", prefix .. "wakeups/" .. session, word and message .. " " .. word or message)
    end
  end
  return numbers
end
local function wake_all(prefix, list)
  wake_together(prefix, redis.call("LRANGE", list, 0, -1))
end
`;

/**
 * `register(prefix, object, owner, now)` makes an object, "<kind>/<name>", known: to `object ls`, and to the reaper when
 * its maker dies. False when `owner`, the session of the maker of an unnamed object ("" = it is named), has ended.
 */
export const REGISTER = `
local function register(prefix, object, owner, now)
  if owner ~= "" then
    if redis.call("EXISTS", prefix .. "session/" .. owner) == 0 then return false end
    redis.call("SADD", prefix .. "session-objects/" .. owner, object)
  end
  redis.call("ZADD", prefix .. "objects", "NX", now, object)
  return true
end
`;

/**
 * What becomes of the objects of a session that has ended. Each kind of object states three functions in the table
 * `kinds` (see `ObjectKind`):
 * `look(prefix, name, now)` is called at the object's deadline and returns the next one, or nil;
 * `leave(prefix, name, session, now, exited)` gives up what the session held; `exited` when its process is known to be gone;
 * `remove(prefix, name)` removes the object.
 *
 * `give_up_holdings(prefix, session, now, exited)` is the first half: also for a session that comes back after its end,
 * whose process has been told that it lost everything;
 * `end_session(prefix, session, now, exited)` ends it, at most 500 objects at a time; true when nothing is left.
 */
export const END_SESSION = `
local function each_of(set, count, visit)
  for _, object in ipairs(redis.call("SPOP", set, count)) do
    local kind, name = string.match(object, "^([^/]+)/(.*)$")
    if kind and kinds[kind] then visit(kinds[kind], name) end
  end
  return redis.call("EXISTS", set) == 0
end
local function give_up_holdings(prefix, session, now, exited)
  return each_of(prefix .. "session-holdings/" .. session, 500, function(kind, name)
    kind.leave(prefix, name, session, now, exited)
  end)
end
local function end_session(prefix, session, now, exited)
  redis.call("DEL", prefix .. "session/" .. session)
  local left = give_up_holdings(prefix, session, now, exited)
  local removed = each_of(prefix .. "session-objects/" .. session, 500, function(kind, name)
    kind.remove(prefix, name)
  end)
  if not (left and removed) then return false end
  redis.call("DEL", prefix .. "session-answers/" .. session)
  -- A process that lives may send again what it changed of objects that outlive the session.
  if exited then redis.call("DEL", prefix .. "session-writes/" .. session) end
  redis.call("ZREM", prefix .. "deadlines", "session/" .. session)
  return true
end
kinds["session"] = {
  look = function(prefix, name, now)
    local left = redis.call("PTTL", prefix .. "session/" .. name)
    if left > 0 then return now + left + 1 end
    if not end_session(prefix, name, now, false) then return now end
  end,
}
`;
