import { CLAIM_TIME } from "../../../session/index.ts";

/**
 * Lua about objects that are held on a session's lease, and their queues of waiters.
 *
 * First come, first served: the waiters at the head of the queue that can be granted are called, and keep their claim
 * until they come or their claim window is over. No request overtakes a waiter that is not called.
 *
 * Beside the object's main key there are: holders, hash: holding -> what it holds; waiters, list, first comes first;
 * requests, hash: waiter -> what it wants; called, sorted set: waiter -> server time, ms, by which it must have come;
 * sessions, hash: session -> what it holds and waits for, a number.
 *
 * `queue_keys(prefix, name)`: main key, holders, waiters, requests, called.
 * `note_use(prefix, name, session, change)` counts what a session holds and waits for, so that the reaper finds it.
 * `enqueue_waiter(prefix, name, waiter, wanted)`: false when it is stored already.
 * `forget_waiter(prefix, name, waiter)`: it no longer waits, and nothing is kept for it.
 * `has_uncalled(prefix, name)`: whether the queue has a waiter that was not called.
 * `call_next(prefix, name, now)` calls whom it is free for; returns when the first claim window ends, or nil.
 * `give_back(prefix, name, holding)`: false when nothing is held by that name.
 *
 * @param kind - Kind of the objects.
 * @param rules - Lua functions that say what is held.
 * `is_free_for(main, wanted, first)`: whether the request can be granted; first = what the first one called wants, or
 * nil.
 * `note_call(main, wanted, change)`: a waiter is called (1) or no longer so (-1).
 * `put_back(main, held)`: what an entry of the holders says is held no more.
 */
export function leasedQueue(kind: string, rules: string): string {
  return `${CLAIM_TIME}${rules}
local function queue_keys(prefix, name)
  local kind = prefix .. "${kind}"
  return kind .. "/" .. name, kind .. "-holders/" .. name, kind .. "-waiters/" .. name, kind .. "-requests/" .. name,
    kind .. "-called/" .. name
end
local function note_use(prefix, name, session, change)
  local sessions = prefix .. "${kind}-sessions/" .. name
  local holdings = prefix .. "session-holdings/" .. session
  if redis.call("HINCRBY", sessions, session, change) > 0 then
    redis.call("SADD", holdings, "${kind}/" .. name)
    -- One that has ended, as with a context that closes meanwhile, is looked at once more.
    redis.call("ZADD", prefix .. "deadlines", "NX", 0, "session/" .. session)
  else
    redis.call("HDEL", sessions, session)
    redis.call("SREM", holdings, "${kind}/" .. name)
  end
end
local function enqueue_waiter(prefix, name, waiter, wanted)
  local _, _, waiters, requests = queue_keys(prefix, name)
  if redis.call("HSETNX", requests, waiter, wanted) == 0 then return false end
  redis.call("RPUSH", waiters, waiter)
  note_use(prefix, name, string.match(waiter, "^[^|]+"), 1)
  return true
end
local function forget_waiter(prefix, name, waiter)
  local main, _, waiters, requests, called = queue_keys(prefix, name)
  local wanted = redis.call("HGET", requests, waiter)
  if not wanted then return end
  redis.call("LREM", waiters, 1, waiter)
  redis.call("HDEL", requests, waiter)
  if redis.call("ZREM", called, waiter) == 1 then note_call(main, wanted, -1) end
  note_use(prefix, name, string.match(waiter, "^[^|]+"), -1)
end
local function has_uncalled(prefix, name)
  local _, _, waiters, _, called = queue_keys(prefix, name)
  return redis.call("LLEN", waiters) > redis.call("ZCARD", called)
end
local function call_next(prefix, name, now)
  local main, _, waiters, requests, called = queue_keys(prefix, name)
  local position = redis.call("ZCARD", called)
  while true do
    local waiter = redis.call("LINDEX", waiters, position)
    if not waiter then break end
    local wanted = redis.call("HGET", requests, waiter)
    local first = position > 0 and redis.call("HGET", requests, redis.call("LINDEX", waiters, 0)) or nil
    if not is_alive(prefix, waiter) then
      forget_waiter(prefix, name, waiter)
    elseif is_free_for(main, wanted, first) then
      wake(prefix, waiter)
      redis.call("ZADD", called, now + claim_window(prefix, waiter), waiter)
      note_call(main, wanted, 1)
      position = position + 1
    else
      break
    end
  end
  local due = redis.call("ZRANGE", called, 0, 0, "WITHSCORES")[2]
  if not due then return nil end
  redis.call("ZADD", prefix .. "deadlines", due, "${kind}/" .. name)
  return tonumber(due)
end
local function give_back(prefix, name, holding)
  local main, holders = queue_keys(prefix, name)
  local held = redis.call("HGET", holders, holding)
  if not held then return false end
  redis.call("HDEL", holders, holding)
  put_back(main, held)
  note_use(prefix, name, string.match(holding, "^[^|]+"), -1)
  return true
end
`;
}
