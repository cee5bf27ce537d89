import { leasedQueue } from "../leased/index.ts";

/** How long an idle lock is remembered, ms. */
const IDLE_TTL = 3_600_000;

const LINE = leasedQueue(
  "read-write-lock",
  `
local function is_free_for(main, mode, first)
  if first and (mode == "write" or first == "write") then return false end
  local state = redis.call("HMGET", main, "writer", "readers")
  return not state[1] and (mode == "read" or tonumber(state[2] or 0) == 0)
end
local function note_call() end
local function put_back(main, held)
  if string.match(held, "^write") then
    redis.call("HDEL", main, "writer")
  else
    redis.call("HINCRBY", main, "readers", -1)
  end
end
`,
);

/**
 * Lua that the scripts of read-write locks and their reaper have in common: the queue of waiters.
 *
 * Readers that are together at the head of the queue are called together, a writer alone. As no request overtakes one
 * that waits uncalled, writers do not starve.
 *
 * `rest(prefix, name, now)`: a lock without holders and waiters is forgotten after a while.
 * `settle(prefix, name, now)` calls the next, or lets the lock rest.
 */
export const READ_WRITE_LOCK: string = `${LINE}
local function rest(prefix, name, now)
  local main, holders, waiters = queue_keys(prefix, name)
  if redis.call("EXISTS", holders) == 1 or redis.call("EXISTS", waiters) == 1 then return end
  if redis.call("PEXPIRE", main, ${IDLE_TTL}) == 0 then return end
  redis.call("ZADD", prefix .. "deadlines", now + ${IDLE_TTL} + 1, "read-write-lock/" .. name)
end
local function settle(prefix, name, now)
  if not call_next(prefix, name, now) then rest(prefix, name, now) end
end
`;
