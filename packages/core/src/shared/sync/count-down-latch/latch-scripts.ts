import { named, OnceScript } from "../../../redis/script/index.ts";
import { SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import { HAS_WAITER } from "../has-waiter.ts";

/**
 * `latch_keys(prefix, name)`: main key, waiters; `sessions_of(entries)`: their sessions, each once;
 * `open_latch(prefix, name)`: all waiters may go on, also when the count is set anew before they look.
 */
const LATCH = `
local function latch_keys(prefix, name)
  return prefix .. "count-down-latch/" .. name, prefix .. "count-down-latch-waiters/" .. name
end
local function sessions_of(entries)
  local sessions, seen = {}, {}
  for _, entry in ipairs(entries) do
    local session = string.match(entry, "^[^|]+")
    if not seen[session] then sessions[#sessions + 1] = session end
    seen[session] = true
  end
  return sessions
end
local function open_latch(prefix, name)
  local latch, waiters = latch_keys(prefix, name)
  local waiting = redis.call("ZRANGE", waiters, 0, -1)
  redis.call("DEL", waiters)
  redis.call("HINCRBY", latch, "openings", 1)
  for _, session in ipairs(sessions_of(waiting)) do
    redis.call("SREM", prefix .. "session-holdings/" .. session, "count-down-latch/" .. name)
  end
  for _, waiter in ipairs(waiting) do wake(prefix, waiter) end
end
`;

const SHARED = SERVER_TIME + WAKE_UP + LATCH;

/** Forgets the waiters of expired sessions. */
export const LATCH_REAPER: string = `(function()
${LATCH}
return {
  look = function() return nil end,
  leave = function(prefix, name, session)
    local _, waiters = latch_keys(prefix, name)
    for _, waiter in ipairs(redis.call("ZRANGE", waiters, 0, -1)) do
      if string.match(waiter, "^[^|]+") == session then
        redis.call("ZREM", waiters, waiter)
        wake(prefix, waiter)
      end
    end
  end,
  remove = function(prefix, name)
    open_latch(prefix, name)
    redis.call("DEL", (latch_keys(prefix, name)))
    redis.call("ZREM", prefix .. "objects", "count-down-latch/" .. name)
    redis.call("ZREM", prefix .. "deadlines", "count-down-latch/" .. name)
  end,
}
end)()`;

/**
 * KEYS[1] latch, hash: value (the count), initial, variant (""), madeAt, openings (how often the count came to 0)
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] madeAt of the latch that is meant; ARGV[4] by how much
 * Returns the count, never below 0; -1 = that latch is gone.
 */
export const countDownLatch: OnceScript<number | "gone"> = new OnceScript<number | "gone">({
  name: "countDownLatch",
  read: (count: number) => (count === -1 ? "gone" : count),
  shared: SHARED,
  lua: `
local state = redis.call("HMGET", KEYS[1], "madeAt", "value")
if state[1] ~= ARGV[3] then return -1 end
local before = tonumber(state[2])
if before == 0 then return 0 end
local count = math.max(0, before - ARGV[4])
redis.call("HSET", KEYS[1], "value", string.format("%.0f", count))
if count == 0 then open_latch(ARGV[1], ARGV[2]) end
return count
`,
});

/**
 * KEYS[1] latch
 * ARGV[1..3] as of countDownLatch; ARGV[4] the new count
 * Returns 1 = set; 0 = it is not 0; -1 = that latch is gone.
 */
export const setLatch: OnceScript<"set" | "not zero" | "gone"> = new OnceScript<"set" | "not zero" | "gone">({
  name: "setLatch",
  read: named({ 1: "set", 0: "not zero", [-1]: "gone" }),
  lua: `
local state = redis.call("HMGET", KEYS[1], "madeAt", "value")
if state[1] ~= ARGV[3] then return -1 end
if state[2] ~= "0" then return 0 end
redis.call("HSET", KEYS[1], "value", ARGV[4])
return 1
`,
});

/** What {@link awaitLatch} replies. `openings`: how often the count came to 0 so far. */
export type LatchReply = { is: "open" } | { is: "closed"; openings: string } | { is: "gone" };

/**
 * KEYS[1] latch. Beside it: waiters, sorted set: waiter -> server time, ms, of its coming.
 * ARGV[1..3] as of countDownLatch; ARGV[4] waiter to store, "" = none; ARGV[5] openings when this wait began, "" = it
 * begins now
 * Returns { 1 } the count is 0, or was since; { 0, openings } it is not; { -1 } that latch is gone.
 */
export const awaitLatch: OnceScript<LatchReply> = new OnceScript<LatchReply>({
  name: "awaitLatch",
  read: readLatchReply,
  shared: SHARED,
  lua: `
local prefix, name, waiter = ARGV[1], ARGV[2], ARGV[4]
local _, waiters = latch_keys(prefix, name)
local state = redis.call("HMGET", KEYS[1], "madeAt", "value", "openings")
local openings = state[3] or "0"
if state[1] ~= ARGV[3] then return { -1 } end
if state[2] == "0" or (ARGV[5] ~= "" and ARGV[5] ~= openings) then return { 1 } end
if waiter ~= "" then
  redis.call("ZADD", waiters, "NX", server_time(), waiter)
  redis.call("SADD", prefix .. "session-holdings/" .. string.match(waiter, "^[^|]+"), "count-down-latch/" .. name)
end
return { 0, openings }
`,
});

function readLatchReply([code, openings]: [1 | 0 | -1, string]): LatchReply {
  if (code === 0) return { is: "closed", openings };
  return { is: code === 1 ? "open" : "gone" };
}

/**
 * KEYS[1] latch
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] waiter
 * Returns 1.
 */
export const leaveLatch: OnceScript<number> = new OnceScript<number>({
  name: "leaveLatch",
  shared: SHARED + HAS_WAITER,
  lua: `
local prefix, name, waiter = ARGV[1], ARGV[2], ARGV[3]
local _, waiters = latch_keys(prefix, name)
if redis.call("ZREM", waiters, waiter) == 0 then return 1 end
local own = string.match(waiter, "^[^|]+")
if has_waiter(waiters, own) then return 1 end
redis.call("SREM", prefix .. "session-holdings/" .. own, "count-down-latch/" .. name)
return 1
`,
});
