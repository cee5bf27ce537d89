/**
 * Lua that comes after a `leasedQueue`: the duties of such objects before the reaper.
 *
 * Gives back what expired sessions held, removes their waiters, and calls the next waiter after one that did not come.
 *
 * @param kind - Kind of the objects.
 * @returns text that sets `reaper`, whose `look` and `leave` return when the first claim window ends, or nil
 */
export function leasedReaper(kind: string): string {
  return `
local function of_session(key, session)
  local entries = {}
  for _, entry in ipairs(redis.call("HKEYS", key)) do
    if string.match(entry, "^[^|]+") == session then entries[#entries + 1] = entry end
  end
  return entries
end
local reaper = {
  look = function(prefix, name, now)
    local _, _, _, requests, called = queue_keys(prefix, name)
    for _, waiter in ipairs(redis.call("ZRANGE", called, "-inf", now, "BYSCORE")) do
      local wanted = redis.call("HGET", requests, waiter)
      forget_waiter(prefix, name, waiter)
      if is_alive(prefix, waiter) then enqueue_waiter(prefix, name, waiter, wanted) end
    end
    return call_next(prefix, name, now)
  end,
  leave = function(prefix, name, session, now)
    local _, holders, _, requests = queue_keys(prefix, name)
    for _, holding in ipairs(of_session(holders, session)) do give_back(prefix, name, holding) end
    -- A session that lives had what it held taken back; what it waits for it still waits for.
    if redis.call("EXISTS", prefix .. "session/" .. session) == 0 then
      for _, waiter in ipairs(of_session(requests, session)) do forget_waiter(prefix, name, waiter) end
    end
    return call_next(prefix, name, now)
  end,
  remove = function(prefix, name)
    local main, holders, waiters, requests, called = queue_keys(prefix, name)
    local sessions = prefix .. "${kind}-sessions/" .. name
    wake_all(prefix, waiters)
    for _, session in ipairs(redis.call("HKEYS", sessions)) do
      redis.call("SREM", prefix .. "session-holdings/" .. session, "${kind}/" .. name)
    end
    redis.call("DEL", main, holders, waiters, requests, called, sessions)
    redis.call("ZREM", prefix .. "objects", "${kind}/" .. name)
    redis.call("ZREM", prefix .. "deadlines", "${kind}/" .. name)
  end,
}
`;
}
