import { LIMIT_KEY_OPTION } from "../../wire/records/job.ts";
import { HOLD_BACK, LIMITS } from "./limit-lua.ts";

/** A line of a limited pool that is longer is sorted, so many of its jobs at a time: about 1 ms of Redis. */
const MOST_UNSORTED = 64;
/** Jobs of the line that are looked at for that: others may stand before them. */
const LOOKED_AT = 128;
/** Jobs that join a long line between two sorts: it becomes shorter meanwhile. */
const BETWEEN_SORTS = 32;

/** Whether options of a job, packed or as JSON, may tell a key of its limits. */
export function mayHaveLimitKey(options: unknown): boolean {
  return (typeof options === "string" || Buffer.isBuffer(options)) && options.includes(LIMIT_KEY_OPTION);
}

/**
 * Lua: `sort_long_line({prefix = of our keys, pool, queue = what keys of jobs begin with, delayed, line = keys of the delayed jobs
 * and of the line that the job has joined, is_prioritized = of that line, added = the job})`, of a script that has added a job.
 * When the line has become long, its first jobs are held back by their keys, as a take would do it, so that a key with very
 * many jobs does not stand before the first job of another one. The job that was added stays, so that hosts find the line. What
 * is not known here stays as well: a key that a host has to compute, a task that no live host knows, limits that no host has
 * told.
 */
export const SORT_LONG_LINE: string = `
local function sort_all(of)
  local prefix, pool, queue, delayed, line, is_prioritized = of.prefix, of.pool, of.queue, of.delayed, of.line, of.is_prioritized
  ${LIMITS}
  local now = math.floor(now_in_micros() / 1000)
  ${HOLD_BACK}
  local rules, ranks = {}, {}
  local state = redis.call("HGETALL", limit_state)
  for index = 1, #state, 2 do
    local kind = string.match(state[index], "^(r[a-z]+s) of ")
    if kind then
      local is_read, told = pcall(cjson.decode, state[index + 1])
      local into = kind == "rules" and rules or ranks
      for task, one in pairs(is_read and type(told) == "table" and told or {}) do into[task] = one end
    end
  end
  local known = {}
  local function is_known(task, id)
    if id == of.added then return false end
    if known[task] == nil then
      known[task] = false
      for _, host in ipairs(redis.call("SMEMBERS", prefix .. "task-hosts/" .. task)) do
        if redis.call("EXISTS", prefix .. "host-queues/" .. host) == 1 then
          known[task] = true
          break
        end
      end
    end
    return known[task]
  end
  if next(rules) then
    local first = {}
    if is_prioritized then
      first = redis.call("ZRANGE", line, 0, ${LOOKED_AT} - 1)
    else
      local jobs = redis.call("LRANGE", line, -${LOOKED_AT}, -1)
      for index = #jobs, 1, -1 do first[#first + 1] = jobs[index] end
    end
    sort_into_places(first, {rules = rules, ranks = ranks, knows = is_known, line = line, is_prioritized = is_prioritized,
      most = ${MOST_UNSORTED}})
  end
end
local function sort_long_line(of)
  local above = redis.call(of.is_prioritized and "ZCARD" or "LLEN", of.line) - ${MOST_UNSORTED + 1}
  if above < 0 or above % ${BETWEEN_SORTS} > 0 then return end
  -- A key of another type fails it; the job has been added all the same.
  pcall(sort_all, of)
end`;
