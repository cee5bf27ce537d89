import type { ObjectKind } from "../../session/index.ts";
import { SEMAPHORE } from "./semaphore-lua.ts";

/** Returns the leased permits of the dead, takes them out of the line, and calls the next after who did not come. */
export const SEMAPHORE_KIND: ObjectKind = {
  kind: "semaphore",
  reaper: `(function()
${SEMAPHORE}
local function of_session(key, session)
  local entries = {}
  for _, entry in ipairs(redis.call("HKEYS", key)) do
    if string.match(entry, "^[^|]+") == session then entries[#entries + 1] = entry end
  end
  return entries
end
return {
  look = function(prefix, name, now)
    local _, _, waiters, requests, called = semaphore_keys(prefix, name)
    for _, waiter in ipairs(redis.call("ZRANGE", called, "-inf", now, "BYSCORE")) do
      local wanted = redis.call("HGET", requests, waiter)
      forget_waiter(prefix, name, waiter)
      if is_alive(prefix, waiter) then
        redis.call("RPUSH", waiters, waiter)
        redis.call("HSET", requests, waiter, wanted)
        note_use(prefix, name, string.match(waiter, "^[^|]+"), 1)
      end
    end
    return call_next(prefix, name, now)
  end,
  leave = function(prefix, name, session, now, exited)
    local _, holders, _, requests = semaphore_keys(prefix, name)
    for _, holding in ipairs(of_session(holders, session)) do give_back(prefix, name, holding) end
    -- A session that lives had its permits taken back; what it waits for it still waits for.
    if redis.call("EXISTS", prefix .. "session/" .. session) == 0 then
      for _, waiter in ipairs(of_session(requests, session)) do forget_waiter(prefix, name, waiter) end
    end
    call_next(prefix, name, now)
  end,
  remove = function(prefix, name)
    local semaphore, holders, waiters, requests, called = semaphore_keys(prefix, name)
    local sessions = prefix .. "semaphore-sessions/" .. name
    wake_all(prefix, waiters)
    for _, session in ipairs(redis.call("HKEYS", sessions)) do
      redis.call("SREM", prefix .. "session-holdings/" .. session, "semaphore/" .. name)
    end
    redis.call("DEL", semaphore, holders, waiters, requests, called, sessions)
    redis.call("ZREM", prefix .. "objects", "semaphore/" .. name)
    redis.call("ZREM", prefix .. "deadlines", "semaphore/" .. name)
  end,
}
end)()`,
};
