import { named, OnceScript } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import { CALL_NEXT } from "../lock/index.ts";

/** How long a condition outlives its last waiter, ms. */
const RECORD_TTL = 3_600_000;

/**
 * `condition_keys(prefix, name)`; `remove_waiter(prefix, name, waiter)`: it no longer waits and is not notified;
 * `expire_if_unused(prefix, name)`: the condition has no waiters and no notified ones: it
 * expires later.
 */
const WAITERS = `
local function condition_keys(prefix, name)
  return prefix .. "condition/" .. name, prefix .. "condition-sleepers/" .. name,
    prefix .. "condition-notified/" .. name, prefix .. "condition-sessions/" .. name
end
local function remove_waiter(prefix, name, waiter)
  local _, _, _, sessions = condition_keys(prefix, name)
  local session = string.match(waiter, "^[^|]+")
  if redis.call("HINCRBY", sessions, session, -1) <= 0 then
    redis.call("HDEL", sessions, session)
    redis.call("SREM", prefix .. "session-holdings/" .. session, "condition/" .. name)
  end
end
local function expire_if_unused(prefix, name)
  local condition, sleepers, notified_waiters = condition_keys(prefix, name)
  if redis.call("EXISTS", sleepers, notified_waiters) > 0 or redis.call("EXISTS", condition) == 0 then return end
  redis.call("PEXPIRE", condition, ${RECORD_TTL})
  redis.call("ZADD", prefix .. "deadlines", server_time() + ${RECORD_TTL} + 1, "condition/" .. name)
end
`;

/**
 * `notify(prefix, name, count)` takes the first `count` living waiters and returns their number. Where the lock is on this
 * Redis they are moved to its queue of waiters and woken when it is their turn; else they are woken and request the lock.
 */
const NOTIFY = `
local function notify(prefix, name, count)
  local condition, sleepers, notified_waiters = condition_keys(prefix, name)
  local lock = redis.call("HGET", condition, "lock")
  local is_here = redis.call("HGET", condition, "here") == "1"
  local notified = 0
  while notified < count do
    local waiter = redis.call("LPOP", sleepers)
    if not waiter then break end
    if not is_alive(prefix, waiter) then
      remove_waiter(prefix, name, waiter)
    else
      notified = notified + 1
      redis.call("SADD", notified_waiters, waiter)
      if is_here then
        local _, _, queue = lock_keys(prefix, lock)
        redis.call("RPUSH", queue, waiter)
      else
        wake(prefix, waiter)
      end
    end
  end
  if is_here and notified > 0 then
    local left = redis.call("PTTL", prefix .. lock)
    if left > 0 then
      redis.call("ZADD", prefix .. "deadlines", server_time() + left + 1, lock)
    else
      call_next(prefix, lock, server_time())
    end
  end
  expire_if_unused(prefix, name)
  return notified
end
`;

const SHARED = SERVER_TIME + WAKE_UP + REGISTER + CALL_NEXT + WAITERS + NOTIFY;

/** Forgets waiters that are gone (C9), and notifies others for those of them that were notified. */
export const CONDITION_REAPER: string = `(function()
${CALL_NEXT}
${WAITERS}
${NOTIFY}
return {
  look = function(prefix, name, now)
    local condition = condition_keys(prefix, name)
    local kept = redis.call("PTTL", condition)
    if kept > 0 then return now + kept + 1 end
    if kept == -2 then redis.call("ZREM", prefix .. "objects", "condition/" .. name) end
    return nil
  end,
  leave = function(prefix, name, session)
    local _, sleepers, notified_waiters, sessions = condition_keys(prefix, name)
    for _, waiter in ipairs(redis.call("LRANGE", sleepers, 0, -1)) do
      if string.match(waiter, "^[^|]+") == session then redis.call("LREM", sleepers, 1, waiter) end
    end
    local missed = 0
    for _, waiter in ipairs(redis.call("SMEMBERS", notified_waiters)) do
      if string.match(waiter, "^[^|]+") == session then missed = missed + redis.call("SREM", notified_waiters, waiter) end
    end
    redis.call("HDEL", sessions, session)
    notify(prefix, name, missed)
  end,
  remove = function(prefix, name)
    local condition, sleepers, notified_waiters, sessions = condition_keys(prefix, name)
    for _, session in ipairs(redis.call("HKEYS", sessions)) do
      redis.call("SREM", prefix .. "session-holdings/" .. session, "condition/" .. name)
    end
    local waiting = redis.call("LRANGE", sleepers, 0, -1)
    redis.call("DEL", condition, sleepers, notified_waiters, sessions)
    for _, waiter in ipairs(waiting) do wake(prefix, waiter) end
    redis.call("ZREM", prefix .. "objects", "condition/" .. name)
    redis.call("ZREM", prefix .. "deadlines", "condition/" .. name)
  end,
}
end)()`;

/**
 * KEYS[1] condition, hash: lock ("<kind>/<name>"), here (1 = its lock is in this Redis); KEYS[2] waiters, list, first is
 * notified first; KEYS[3] notified, set: waiters that are notified and do not have the lock yet; KEYS[4] sessions, hash: session -> how many of
 * both are its
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] waiter; ARGV[4] session of the maker of an unnamed condition, "";
 * ARGV[5] lock, "<kind>/<name>"; ARGV[6] token with which the caller holds it; ARGV[7] 1 = the lock is here
 * Returns 1 = it waits and the lock, if it is on this Redis, is free; 0 = the lock is not held with this token; -1 = the maker of
 * the unnamed condition is gone. One step, so no notify can come between (C3).
 */
export const startWait: OnceScript<"waiting" | "not held" | "maker gone"> = new OnceScript<
  "waiting" | "not held" | "maker gone"
>({
  name: "startWait",
  read: named({ 1: "waiting", 0: "not held", [-1]: "maker gone" }),
  shared: SHARED,
  lua: `
local prefix, name, waiter, lock = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
if ARGV[7] == "1" and redis.call("GET", prefix .. lock) ~= ARGV[6] then return 0 end
if not register(prefix, "condition/" .. name, ARGV[4], server_time()) then return -1 end
local session = string.match(waiter, "^[^|]+")
redis.call("HSET", KEYS[1], "lock", lock, "here", ARGV[7])
redis.call("PERSIST", KEYS[1])
redis.call("RPUSH", KEYS[2], waiter)
redis.call("HINCRBY", KEYS[4], session, 1)
redis.call("SADD", prefix .. "session-holdings/" .. session, "condition/" .. name)
if ARGV[7] == "1" then set_free(prefix, lock) end
return 1
`,
});

/** What becomes of a wait; "not known" = it may have been notified; "gone" = the condition was removed. */
export type WaitReply = "waiting" | "notified" | "not known" | "gone";

/**
 * KEYS[1..4] as of startWait
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] waiter; ARGV[4] 1 = the wait ends in any case
 * Returns 1 = it is not notified (and waits on, unless the wait ends); 0 = it was notified; 2 = it is not known: its
 * session expired, or it was told before; -2 = the condition is gone.
 */
export const checkWait: OnceScript<WaitReply> = new OnceScript<WaitReply>({
  name: "checkWait",
  read: named({ 1: "waiting", 0: "notified", 2: "not known", [-2]: "gone" }),
  shared: SHARED,
  lua: `
local prefix, name, waiter = ARGV[1], ARGV[2], ARGV[3]
if redis.call("EXISTS", KEYS[1]) == 0 then return -2 end
if ARGV[4] == "1" then
  if redis.call("LREM", KEYS[2], 1, waiter) == 1 then
    remove_waiter(prefix, name, waiter)
    expire_if_unused(prefix, name)
    return 1
  end
elseif redis.call("LPOS", KEYS[2], waiter) then
  return 1
end
if redis.call("SREM", KEYS[3], waiter) == 0 then return 2 end
remove_waiter(prefix, name, waiter)
expire_if_unused(prefix, name)
return 0
`,
});

/**
 * KEYS[1..4] as of startWait
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] how many at most; ARGV[4] lock, "<kind>/<name>"; ARGV[5] token with which
 * the caller holds it, "" = not looked at
 * Returns how many were notified; -1 = the lock is not held with this token.
 */
export const notifyWaiters: OnceScript<number | "not held"> = new OnceScript<number | "not held">({
  name: "notifyWaiters",
  read: (notified: number) => (notified === -1 ? "not held" : notified),
  shared: SHARED,
  lua: `
if ARGV[5] ~= "" and redis.call("GET", ARGV[1] .. ARGV[4]) ~= ARGV[5] then return -1 end
return notify(ARGV[1], ARGV[2], tonumber(ARGV[3]))
`,
});
