import { leasedQueue } from "../leased/index.ts";

/**
 * Lua that the scripts of semaphores and their reaper have in common: the queue of waiters.
 *
 * Requests may be of any size. What a called waiter asked for is reserved until it comes or its claim window is over.
 * Called waiters take at once, in any order; other requests take only what is free and not reserved, and only when
 * no waiter is left that was not called. So a large request at the head is not overtaken, and several called ones do
 * not queue up.
 */
export const SEMAPHORE: string = leasedQueue(
  "semaphore",
  `
local function is_free_for(semaphore, wanted)
  local numbers = redis.call("HMGET", semaphore, "value", "reserved")
  return (numbers[1] or 0) - (numbers[2] or 0) >= tonumber(wanted)
end
local function note_call(semaphore, wanted, change)
  redis.call("HINCRBY", semaphore, "reserved", change * wanted)
end
local function put_back(semaphore, held)
  local permits = tonumber(string.match(held, "^%d+"))
  redis.call("HINCRBY", semaphore, "value", permits)
  redis.call("HINCRBY", semaphore, "leased", -permits)
end
`,
);
