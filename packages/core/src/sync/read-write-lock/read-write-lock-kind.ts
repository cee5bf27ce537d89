import type { ObjectKind } from "../../session/index.ts";
import { READ_WRITE_LOCK } from "./read-write-lock-lua.ts";

/** Gives back what the dead held, takes them out of the line, and calls the next after who did not come. */
export const READ_WRITE_LOCK_KIND: ObjectKind = {
  kind: "read-write-lock",
  reaper: `(function()
${READ_WRITE_LOCK}
local function of_session(key, session)
  local entries = {}
  for _, entry in ipairs(redis.call("HKEYS", key)) do
    if string.match(entry, "^[^|]+") == session then entries[#entries + 1] = entry end
  end
  return entries
end
return {
  look = function(prefix, name, now)
    local main, _, waiters, requests, called = rw_keys(prefix, name)
    for _, waiter in ipairs(redis.call("ZRANGE", called, "-inf", now, "BYSCORE")) do
      local mode = redis.call("HGET", requests, waiter)
      forget_waiter(prefix, name, waiter)
      if is_alive(prefix, waiter) then
        redis.call("RPUSH", waiters, waiter)
        redis.call("HSET", requests, waiter, mode)
        note_use(prefix, name, string.match(waiter, "^[^|]+"), 1)
      end
    end
    local due = call_next(prefix, name, now)
    if due then return due end
    local left = redis.call("PTTL", main)
    if left > 0 then return now + left + 1 end
    if left == -2 then redis.call("ZREM", prefix .. "objects", "read-write-lock/" .. name) end
    return nil
  end,
  leave = function(prefix, name, session, now, exited)
    local _, holders, _, requests = rw_keys(prefix, name)
    for _, holding in ipairs(of_session(holders, session)) do give_back(prefix, name, holding) end
    -- A session that lives had its share taken back; what it waits for it still waits for.
    if redis.call("EXISTS", prefix .. "session/" .. session) == 0 then
      for _, waiter in ipairs(of_session(requests, session)) do forget_waiter(prefix, name, waiter) end
    end
    settle(prefix, name, now)
  end,
  remove = function(prefix, name)
    local main, holders, waiters, requests, called = rw_keys(prefix, name)
    local sessions = prefix .. "read-write-lock-sessions/" .. name
    wake_all(prefix, waiters)
    for _, session in ipairs(redis.call("HKEYS", sessions)) do
      redis.call("SREM", prefix .. "session-holdings/" .. session, "read-write-lock/" .. name)
    end
    redis.call("DEL", main, holders, waiters, requests, called, sessions)
    redis.call("ZREM", prefix .. "objects", "read-write-lock/" .. name)
    redis.call("ZREM", prefix .. "deadlines", "read-write-lock/" .. name)
  end,
}
end)()`,
};
