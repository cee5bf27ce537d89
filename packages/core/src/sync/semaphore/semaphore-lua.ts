/** Time in which a waiter that was called must come, before it is the next one's turn, ms. */
export const CLAIM_WINDOW = 1_000;

/**
 * Lua that the scripts of semaphores and their reaper have in common.
 *
 * First come, first served, for requests of any size: when permits are free, the waiters at the head of the list for
 * whom they are enough are called, and what they asked for is reserved until they come or their claim window is over.
 * Whoever was called takes at once, in any order; everybody else only what is free and not reserved, and only when
 * nobody waits uncalled. So a large request at the head is not overtaken, and several called ones do not queue up.
 *
 * `semaphore_keys(prefix, name)`: main key, holders, waiters, requests, called.
 * `note_use(prefix, name, session, change)` counts what a session holds and waits for, so that the reaper finds it.
 * `forget_waiter(prefix, name, waiter)`: it is no longer in the line, nor is anything reserved for it.
 * `call_next(prefix, name, now)` calls whom the free permits are enough for; returns when the first claim window ends.
 * `give_back(prefix, name, holding)`: false when nothing is held by that name.
 */
export const SEMAPHORE: string = `
local function semaphore_keys(prefix, name)
  return prefix .. "semaphore/" .. name, prefix .. "semaphore-holders/" .. name, prefix .. "semaphore-waiters/" .. name,
    prefix .. "semaphore-requests/" .. name, prefix .. "semaphore-called/" .. name
end
local function note_use(prefix, name, session, change)
  local sessions = prefix .. "semaphore-sessions/" .. name
  local uses = redis.call("HINCRBY", sessions, session, change)
  local holdings = prefix .. "session-holdings/" .. session
  if uses > 0 then
    redis.call("SADD", holdings, "semaphore/" .. name)
  else
    redis.call("HDEL", sessions, session)
    redis.call("SREM", holdings, "semaphore/" .. name)
  end
end
local function forget_waiter(prefix, name, waiter)
  local semaphore, _, waiters, requests, called = semaphore_keys(prefix, name)
  local wanted = redis.call("HGET", requests, waiter)
  if not wanted then return end
  redis.call("LREM", waiters, 1, waiter)
  redis.call("HDEL", requests, waiter)
  if redis.call("ZREM", called, waiter) == 1 then redis.call("HINCRBY", semaphore, "reserved", -wanted) end
  note_use(prefix, name, string.match(waiter, "^[^|]+"), -1)
end
local function call_next(prefix, name, now)
  local semaphore, _, waiters, requests, called = semaphore_keys(prefix, name)
  local numbers = redis.call("HMGET", semaphore, "value", "reserved")
  local free = (numbers[1] or 0) - (numbers[2] or 0)
  local position = redis.call("ZCARD", called)
  while free > 0 do
    local waiter = redis.call("LINDEX", waiters, position)
    if not waiter then break end
    local wanted = tonumber(redis.call("HGET", requests, waiter))
    if not is_alive(prefix, waiter) then
      forget_waiter(prefix, name, waiter)
    elseif wanted > free then
      break
    else
      wake(prefix, waiter)
      redis.call("ZADD", called, now + ${CLAIM_WINDOW}, waiter)
      redis.call("HINCRBY", semaphore, "reserved", wanted)
      free = free - wanted
      position = position + 1
    end
  end
  local due = redis.call("ZRANGE", called, 0, 0, "WITHSCORES")[2]
  if not due then return nil end
  redis.call("ZADD", prefix .. "deadlines", due, "semaphore/" .. name)
  return tonumber(due)
end
local function give_back(prefix, name, holding)
  local semaphore, holders = semaphore_keys(prefix, name)
  local held = redis.call("HGET", holders, holding)
  if not held then return false end
  local permits = tonumber(string.match(held, "^%d+"))
  redis.call("HDEL", holders, holding)
  redis.call("HINCRBY", semaphore, "value", permits)
  redis.call("HINCRBY", semaphore, "leased", -permits)
  note_use(prefix, name, string.match(holding, "^[^|]+"), -1)
  return true
end
`;
