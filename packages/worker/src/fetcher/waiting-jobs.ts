/**
 * Lua: `waiting_jobs(wait, prioritized, meta)`: how many jobs of a queue could be taken at once; 0 while it is paused. Of keys
 * that hold other types nothing counts.
 */
export const WAITING_JOBS = `
local function waiting_jobs(wait, prioritized, meta)
  local function count(command, key)
    local reply = redis.pcall(command, key)
    return type(reply) == "number" and reply or 0
  end
  local waiting = count("LLEN", wait) + count("ZCARD", prioritized)
  if waiting > 0 and redis.pcall("HEXISTS", meta, "paused") ~= 0 then return 0 end
  return waiting
end
`;
