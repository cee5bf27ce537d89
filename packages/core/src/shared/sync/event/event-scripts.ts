import { named, OnceScript, Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import { ABSENCE, type Absence } from "../../object/existence.ts";
import { HAS_WAITER } from "../has-waiter.ts";

/** Word of the wake-up that {@link setEvent} sends: its receiver had been waiting when the event was set (E3). */
export const SET_WORD = "set";

/** `exists_or_made(prefix, name, owner, must_exist)`: 1, or what a script returns instead: -1 or -2. */
const EXISTS_OR_MADE = `
local function exists_or_made(prefix, name, owner, must_exist)
  local event = prefix .. "event/" .. name
  if redis.call("EXISTS", event) == 1 then return 1 end
  if must_exist == "1" then return -2 end
  if not register(prefix, "event/" .. name, owner, server_time()) then return -1 end
  redis.call("HSET", event, "set", 0, "generation", 0)
  return 1
end
`;

/** `wake_waiters(prefix, name, word)` tells all waiters and forgets them. */
const WAKE_WAITERS = `
local function wake_waiters(prefix, name, word)
  local waiters = prefix .. "event-waiters/" .. name
  for session in pairs(wake_together(prefix, redis.call("ZRANGE", waiters, 0, -1), word)) do
    redis.call("SREM", prefix .. "session-holdings/" .. session, "event/" .. name)
  end
  redis.call("DEL", waiters)
end
`;

const SHARED = SERVER_TIME + WAKE_UP + REGISTER + EXISTS_OR_MADE + WAKE_WAITERS;

/** Forgets waiters whose session has ended. */
export const EVENT_REAPER: string = `(function()
${WAKE_WAITERS}
return {
  look = function() return nil end,
  leave = function(prefix, name, session)
    local waiters = prefix .. "event-waiters/" .. name
    for _, waiter in ipairs(redis.call("ZRANGE", waiters, 0, -1)) do
      if string.match(waiter, "^[^|]+") == session then redis.call("ZREM", waiters, waiter) end
    end
  end,
  remove = function(prefix, name)
    redis.call("DEL", prefix .. "event/" .. name)
    wake_waiters(prefix, name)
    redis.call("ZREM", prefix .. "objects", "event/" .. name)
  end,
}
end)()`;

/** What {@link awaitEvent} replies. */
export type AwaitReply = { is: "set" } | { is: "not set"; generation: number } | { is: Absence };

/**
 * KEYS[1] event, hash: set (0 or 1), generation (how often it was set); KEYS[2] waiters, sorted set: waiter -> its place
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] session of the maker of an unnamed event, ""; ARGV[4] 1 = it must exist;
 * ARGV[5] waiter to store if it is not set, "" = none; ARGV[6] generation in which the wait began, "" = in this one
 * Returns { 1 } it is set, or was since that generation; { 0, generation } not; { -1 } the maker of the unnamed event is
 * gone; { -2 } it should exist and does not.
 *
 * Once, because a second first try could miss that it was set and cleared after the first one (E3).
 */
export const awaitEvent: OnceScript<AwaitReply> = new OnceScript<AwaitReply>({
  name: "awaitEvent",
  read: readAwaitReply,
  shared: SHARED,
  lua: `
local prefix, name, waiter = ARGV[1], ARGV[2], ARGV[5]
if waiter ~= "" or ARGV[4] == "1" then
  local existence = exists_or_made(prefix, name, ARGV[3], ARGV[4])
  if existence < 1 then return { existence } end
end
local state = redis.call("HMGET", KEYS[1], "set", "generation")
local generation = tonumber(state[2] or 0)
if state[1] == "1" or (ARGV[6] ~= "" and generation > tonumber(ARGV[6])) then
  if waiter ~= "" then redis.call("ZREM", KEYS[2], waiter) end
  return { 1 }
end
if waiter ~= "" then
  local last = redis.call("ZRANGE", KEYS[2], -1, -1, "WITHSCORES")
  redis.call("ZADD", KEYS[2], "NX", (last[2] or 0) + 1, waiter)
  redis.call("SADD", prefix .. "session-holdings/" .. string.match(waiter, "^[^|]+"), "event/" .. name)
end
return { 0, generation }
`,
});

function readAwaitReply([code, generation]: [1 | 0 | -1 | -2, number]): AwaitReply {
  if (code === 1) return { is: "set" };
  return code === 0 ? { is: "not set", generation } : { is: ABSENCE[code] };
}

/**
 * KEYS[1..2] as of awaitEvent
 * ARGV[1..4] as of awaitEvent
 * Returns 1 = it is set; -1 and -2 as of awaitEvent. One message wakes all waiters of a session.
 */
export const setEvent: OnceScript<"there" | Absence> = new OnceScript<"there" | Absence>({
  name: "setEvent",
  read: named({ 1: "there", ...ABSENCE }),
  shared: SHARED,
  lua: `
local existence = exists_or_made(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if existence < 1 then return existence end
if redis.call("HGET", KEYS[1], "set") == "1" then return 1 end
redis.call("HSET", KEYS[1], "set", 1)
redis.call("HINCRBY", KEYS[1], "generation", 1)
wake_waiters(ARGV[1], ARGV[2], "${SET_WORD}")
return 1
`,
});

/**
 * KEYS[1..2] and ARGV[1..4] as of awaitEvent
 * Returns 1 = it is not set; -1 and -2 as of awaitEvent.
 */
export const clearEvent: OnceScript<"there" | Absence> = new OnceScript<"there" | Absence>({
  name: "clearEvent",
  read: named({ 1: "there", ...ABSENCE }),
  shared: SHARED,
  lua: `
local existence = exists_or_made(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if existence == 1 then redis.call("HSET", KEYS[1], "set", 0) end
return existence
`,
});

/**
 * KEYS[1..2] as of awaitEvent
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] waiter
 * Returns 1.
 */
export const abandonEvent: Script<number> = new Script<number>({
  name: "abandonEvent",
  lua: `${HAS_WAITER}
redis.call("ZREM", KEYS[2], ARGV[3])
local session = string.match(ARGV[3], "^[^|]+")
if not has_waiter(KEYS[2], session) then
  redis.call("SREM", ARGV[1] .. "session-holdings/" .. session, "event/" .. ARGV[2])
end
return 1
`,
});
