/**
 * Lua: `has_waiter(waiters, session)`: whether one of a session is in a sorted set of waiters. A few at once, because where
 * many wait most are of few sessions.
 */
export const HAS_WAITER = `
local function has_waiter(waiters, session)
  local position = 0
  while true do
    local some = redis.call("ZRANGE", waiters, position, position + 99)
    if #some == 0 then return false end
    for _, waiter in ipairs(some) do
      if string.match(waiter, "^[^|]+") == session then return true end
    end
    position = position + 100
  end
end
`;
