/** Time in which a waiter that was called must come, before it is the next one's turn, ms. */
export const CLAIM_WINDOW = 1_000;
/** How long an idle lock is remembered, ms. */
export const IDLE_TTL = 3_600_000;

/**
 * Lua that the scripts of read-write locks and their reaper have in common.
 *
 * First come, first served: readers that stand together at the head of the line are called together, a writer alone.
 * Nobody overtakes who waits uncalled, so writers do not starve.
 *
 * `rw_keys(prefix, name)`: main key, holders, waiters, requests, called.
 * `note_use(prefix, name, session, change)` counts what a session holds and waits for, so that the reaper finds it.
 * `forget_waiter(prefix, name, waiter)`: it is no longer in the line.
 * `is_free_for(prefix, name, mode)`: whether those who hold it let somebody in.
 * `call_next(prefix, name, now)` calls whom it is free for; returns when the first claim window ends, or nil.
 * `give_back(prefix, name, holding)`: false when nothing is held by that name.
 * `settle(prefix, name, now)` calls the next; a lock that nobody holds or waits for is forgotten after a while.
 */
export const READ_WRITE_LOCK: string = `
local function rw_keys(prefix, name)
  local kind = prefix .. "read-write-lock"
  return kind .. "/" .. name, kind .. "-holders/" .. name, kind .. "-waiters/" .. name, kind .. "-requests/" .. name,
    kind .. "-called/" .. name
end
local function note_use(prefix, name, session, change)
  local sessions = prefix .. "read-write-lock-sessions/" .. name
  local holdings = prefix .. "session-holdings/" .. session
  if redis.call("HINCRBY", sessions, session, change) > 0 then
    redis.call("SADD", holdings, "read-write-lock/" .. name)
  else
    redis.call("HDEL", sessions, session)
    redis.call("SREM", holdings, "read-write-lock/" .. name)
  end
end
local function forget_waiter(prefix, name, waiter)
  local _, _, waiters, requests, called = rw_keys(prefix, name)
  if redis.call("HDEL", requests, waiter) == 0 then return end
  redis.call("LREM", waiters, 1, waiter)
  redis.call("ZREM", called, waiter)
  note_use(prefix, name, string.match(waiter, "^[^|]+"), -1)
end
local function is_free_for(prefix, name, mode)
  local main = rw_keys(prefix, name)
  local state = redis.call("HMGET", main, "writer", "readers")
  return not state[1] and (mode == "read" or tonumber(state[2] or 0) == 0)
end
local function call_next(prefix, name, now)
  local _, _, waiters, requests, called = rw_keys(prefix, name)
  local position = redis.call("ZCARD", called)
  while true do
    local waiter = redis.call("LINDEX", waiters, position)
    if not waiter then break end
    local mode = redis.call("HGET", requests, waiter)
    local together = position == 0
      or (mode == "read" and redis.call("HGET", requests, redis.call("LINDEX", waiters, 0)) == "read")
    if not is_alive(prefix, waiter) then
      forget_waiter(prefix, name, waiter)
    elseif together and is_free_for(prefix, name, mode) then
      wake(prefix, waiter)
      redis.call("ZADD", called, now + ${CLAIM_WINDOW}, waiter)
      position = position + 1
    else
      break
    end
  end
  local due = redis.call("ZRANGE", called, 0, 0, "WITHSCORES")[2]
  if not due then return nil end
  redis.call("ZADD", prefix .. "deadlines", due, "read-write-lock/" .. name)
  return tonumber(due)
end
local function give_back(prefix, name, holding)
  local main, holders = rw_keys(prefix, name)
  local held = redis.call("HGET", holders, holding)
  if not held then return false end
  redis.call("HDEL", holders, holding)
  if string.match(held, "^write") then
    redis.call("HDEL", main, "writer")
  else
    redis.call("HINCRBY", main, "readers", -1)
  end
  note_use(prefix, name, string.match(holding, "^[^|]+"), -1)
  return true
end
local function settle(prefix, name, now)
  local due = call_next(prefix, name, now)
  if due then return due end
  local main, holders, waiters = rw_keys(prefix, name)
  if redis.call("EXISTS", holders) == 1 or redis.call("EXISTS", waiters) == 1 then return nil end
  if redis.call("PEXPIRE", main, ${IDLE_TTL}) == 0 then return nil end
  redis.call("ZADD", prefix .. "deadlines", now + ${IDLE_TTL} + 1, "read-write-lock/" .. name)
  return now + ${IDLE_TTL} + 1
end
`;
