import { RATE } from "../../redis/script/index.ts";
import { JOB_EXPIRED_FIELD, JOB_LIMIT_KEY_FIELD, JOB_LIMITED_FIELD, LIMIT_KEY_OPTION } from "../../wire/records/job.ts";

/** How far ahead the time of a job is set that a limit holds back, ms: a host looks then whether that is still right. */
const HELD_BACK_FOR = 86_400_000;
/** Bytes of a job's data that a look reads at most. */
const LONGEST_READ = 65_536;

/** Places of each kind that one script gives a turn again, when all of them may have one. */
const MOST_TURNED = 500;

/**
 * Lua: jobs of one pool that a limit holds back, and the turns of their keys. Of a script with `prefix` (of our keys)
 * and `pool` in local variables.
 *
 * A *place* is one limit with one key: `<task>|<key>`, or `|<key>` for a limit of the pool. A job that is held back is among
 * the delayed ones of BullMQ, far ahead, so that BullMQ and its tools see where it is; its order is beside:
 *
 * - `limit-waiting/<pool>/<place>`: sorted set, job -> its priority x 2^32 + a running number;
 * - `limit-turns/<pool>`: sorted set, places that may have a turn, in their order; `limit-full/<pool>`: those of which as many
 *   jobs run as may; `limit-later/<pool>`: those whose rate allows the next start later -> that time, ms;
 * - `limit-held/<pool>`: hash, job that runs -> its place, behind a `*` when it counts in all pools; `limit-running/<pool>`: hash,
 *   place -> how many run in the pool;
 * - `limit-rate/<pool>/<place>`: the state of its rate;
 * - `limits/<pool>`: hash: `next` (running number), `gated` (jobs held back), and the rules that hosts know, by
 *   their tasks, with the priorities of the tasks of these hosts.
 *
 * The limits that a task has by its code count over all pools:
 *
 * - `limit-all-running`: hash, place -> how many run in all pools; `limit-all-rate/<place>`: the state of its rate;
 * - `limit-all-full/<place>`: set, pools in which it is among the full ones.
 *
 * A place without jobs has nothing but its rate, which expires.
 */
export const LIMITS: string = `${RATE}
local limit_state = prefix .. "limits/" .. pool
local turns, full, later = prefix .. "limit-turns/" .. pool, prefix .. "limit-full/" .. pool, prefix .. "limit-later/" .. pool
local held, running = prefix .. "limit-held/" .. pool, prefix .. "limit-running/" .. pool
local function waiting_of(place) return prefix .. "limit-waiting/" .. pool .. "/" .. place end
local all_running = prefix .. "limit-all-running"
local function next_number() return redis.call("HINCRBY", limit_state, "next", 1) end
local function rate_of(place, is_everywhere)
  if is_everywhere then return prefix .. "limit-all-rate/" .. place end
  return prefix .. "limit-rate/" .. pool .. "/" .. place
end
local function count_in(counter, place, change)
  if redis.call("HINCRBY", counter, place, change) <= 0 then redis.call("HDEL", counter, place) end
end
-- One less of a place runs in all pools: it may have a turn in each of them in which it is full, and hosts are told.
local function open_everywhere(place)
  local pools = prefix .. "limit-all-full/" .. place
  local queues = string.sub(prefix, 1, -2) .. ":"
  local others = redis.call("SMEMBERS", pools)
  if #others == 0 then return end
  for _, other in ipairs(others) do
    if redis.call("ZREM", prefix .. "limit-full/" .. other, place) == 1 then
      local number = redis.call("HINCRBY", prefix .. "limits/" .. other, "next", 1)
      redis.call("ZADD", prefix .. "limit-turns/" .. other, "NX", number, place)
      local is_paused = redis.call("HEXISTS", queues .. other .. ":meta", "paused") == 1
      if other ~= pool and not is_paused then redis.call("ZADD", queues .. other .. ":marker", 0, "0") end
    end
  end
  redis.call("DEL", pools)
end
local function count_gated(change)
  if change == 0 then return end
  if redis.call("HINCRBY", limit_state, "gated", change) <= 0 then redis.call("HDEL", limit_state, "gated") end
end
-- Places, one or more, go to the end of those that may have a turn, unless they are among these.
local function append_turns(places)
  local last = redis.call("HINCRBY", limit_state, "next", #places)
  local order = {}
  for index, place in ipairs(places) do order[#order + 1], order[#order + 2] = last - #places + index, place end
  redis.call("ZADD", turns, "NX", unpack(order))
end
-- Places are among those that wait for a turn, at the end of them, unless they are somewhere already.
local function give_turns(places)
  local some_wait = redis.call("EXISTS", full, later) > 0
  local free = {}
  for _, place in ipairs(places) do
    if not some_wait or not (redis.call("ZSCORE", full, place) or redis.call("ZSCORE", later, place)) then
      free[#free + 1] = place
    end
  end
  if #free > 0 then append_turns(free) end
end
-- What waits for others, or for a time, may go on: a job has ended, or a rule has changed.
-- Some of them with each call, as there may be 100 000. Returns whether there are more, which is noted in "turning".
local function some_have_turns()
  local places = {}
  for _, from in ipairs({full, later}) do
    local popped = redis.call("ZPOPMIN", from, ${MOST_TURNED})
    for index = 1, #popped, 2 do places[#places + 1] = popped[index] end
  end
  if #places > 0 then append_turns(places) end
  local has_more = redis.call("EXISTS", full, later) > 0
  if has_more then redis.call("HSET", limit_state, "turning", 1) else redis.call("HDEL", limit_state, "turning") end
  return has_more
end
local function release(id)
  local place = redis.call("HGET", held, id)
  if not place then return false end
  redis.call("HDEL", held, id)
  local is_everywhere = string.sub(place, 1, 1) == "*"
  if is_everywhere then place = string.sub(place, 2) end
  count_in(running, place, -1)
  if is_everywhere then
    count_in(all_running, place, -1)
    open_everywhere(place)
  end
  if redis.call("ZREM", full, place) == 1 then redis.call("ZADD", turns, "NX", next_number(), place) end
  return true
end
`;

/**
 * Lua: `expiry_of(job, timestamp)`: when a job that has not been started expires, epoch ms, from its hash and the time at which it
 * was added; nil: never, or its data is long, and the fleet looks after it.
 */
export const EXPIRY_OF: string = `
local function expiry_of(job, timestamp)
  if redis.call("HSTRLEN", job, "data") > ${LONGEST_READ} then return nil end
  local data = redis.call("HGET", job, "data") or ""
  if not string.find(data, '"expires"', 1, true) then return nil end
  local is_read, envelope = pcall(cjson.decode, data)
  local life = is_read and type(envelope) == "table" and tonumber(envelope.expires)
  return life and timestamp + life
end
`;

/**
 * Lua, behind `LIMITS`, of a script with `queue` (what keys of jobs begin with), `delayed` (key of the delayed jobs) and `now`
 * (Redis' clock, ms) in local variables: what it takes to hold back jobs that stand in line.
 */
export const HOLD_BACK: string = `${EXPIRY_OF}
-- Until when a job is wanted, epoch ms; nil: it never expires. One that has expired and is tried again is wanted all the same.
local function wanted_until(job, timestamp, before)
  if (tonumber(before[1] or "") or 0) > 0 or before[2] then return nil end
  return expiry_of(job, tonumber(timestamp or "") or now)
end
-- Of the options of a job, and of the key that a host has computed.
local function key_of(options, computed)
  if computed then return computed end
  if not string.find(options or "", '"${LIMIT_KEY_OPTION}"', 1, true) then return "" end
  local is_read, read = pcall(cjson.decode, options)
  local key = is_read and type(read) == "table" and read["${LIMIT_KEY_OPTION}"]
  return type(key) == "string" and key or ""
end
-- Jobs with their id, place, score in it, expiry or nil, and since when they are held back (nil: from now on).
local function hold_back(jobs)
  local ends, orders = {}, {}
  local since = string.format("%.0f", now)
  for _, job in ipairs(jobs) do
    local till = now + ${HELD_BACK_FOR}
    if job.expiry and job.expiry < till then till = job.expiry end
    ends[#ends + 1], ends[#ends + 2] = math.floor(till) * 4096, job.id
    local order = orders[job.place] or {}
    orders[job.place] = order
    order[#order + 1], order[#order + 2] = job.score, job.id
    redis.call("HSET", queue .. job.id, "${JOB_LIMITED_FIELD}", (job.since or since) .. " " .. job.place)
  end
  redis.call("ZADD", delayed, unpack(ends))
  local added = 0
  -- One that was promoted by hand has its entry still.
  for place, order in pairs(orders) do added = added + redis.call("ZADD", waiting_of(place), unpack(order)) end
  count_gated(added)
end
-- Since when a job that is in line was held back, and its score in its place, if it was in that place: it was only due, or was
-- promoted by hand. It leaves any other one.
local function held_before(id, noted, place)
  local since, before = string.match(noted or "", "^(%d+) (.*)$")
  if not since then return nil, nil end
  if before == place then
    local score = tonumber(redis.call("ZSCORE", waiting_of(place), id) or "")
    return score and since, score
  end
  count_gated(-redis.call("ZREM", waiting_of(before), id))
  return nil, nil
end
-- Jobs go to the end of their places, or are the first ones of these, or go back to where they were.
local function take_places(jobs)
  local last = redis.call("HINCRBY", limit_state, "next", #jobs)
  local places, seen = {}, {}
  for index, job in ipairs(jobs) do
    job.score = job.score or job.priority * 0x100000000 + (job.comes_first and 0 or last - #jobs + index)
    if not seen[job.place] then
      seen[job.place] = true
      places[#places + 1] = job.place
    end
  end
  hold_back(jobs)
  give_turns(places)
end
-- Holds back the jobs of a line for which there is a limit. "from" is {rules, ranks = priorities of tasks, knows = whether a task
-- and its job are known here, line = key, is_prioritized = of the line, most = how many at most, stops = whether to look no
-- further than a job that is to be taken at once: a host has to compute its key, or its time is over}. Returns how many are held
-- back, how many stay in line that no limit is for, or that are not known here, and the job at which it has stopped or nil.
local function sort_into_places(ids, from)
  if #ids == 0 then return 0, 0, nil end
  local were = redis.call("HMGET", held, unpack(ids))
  local found, others, stopped = {}, 0, nil
  for index, id in ipairs(ids) do
    -- It is in line: what is counted as running does not run any more, as its host is gone, or it waits for its next attempt.
    if were[index] then release(id) end
    local job = redis.call("HMGET", queue .. id, "name", "opts", "${JOB_LIMIT_KEY_FIELD}", "priority", "timestamp", "ats",
      "${JOB_EXPIRED_FIELD}", "${JOB_LIMITED_FIELD}")
    local task = job[1]
    local gate = task and (from.rules[task] and task or from.rules[""] and "")
    if not gate or not from.knows(task, id) then
      others = others + 1
    else
      local is_keyed = from.rules[gate].keyed
      local key = is_keyed and key_of(job[2], job[3]) or ""
      local is_keyless = gate ~= "" and is_keyed and key == ""
      local expiry = not is_keyless and wanted_until(queue .. id, job[5], {job[6], job[7]})
      if is_keyless or (expiry and now >= expiry) then
        if from.stops then
          stopped = id
          break
        end
      else
        if from.is_prioritized then redis.call("ZREM", from.line, id) else redis.call("LREM", from.line, -1, id) end
        local priority = tonumber(job[4] or "") or 0
        if priority == 0 then priority = tonumber(from.ranks[task]) or 0 end
        local place = gate .. "|" .. key
        local since, score = held_before(id, job[8], place)
        found[#found + 1] = {id = id, place = place, priority = priority, comes_first = were[index], expiry = expiry,
          since = since, score = score}
        if #found == from.most then break end
      end
    end
  end
  if #found > 0 then take_places(found) end
  return #found, others, stopped
end
`;

/**
 * Lua: `leave_turn(key, id)`: a limit does not hold the job back any more whose hash has that key. Returns whether one did.
 */
export const LEAVE_TURN: string = `
local function leave_turn(job, id)
  local tag, pool = string.match(job, "^({[^}]*}):([^:]*):")
  local place = string.match(redis.call("HGET", job, "${JOB_LIMITED_FIELD}") or "", "^%d+ (.*)$")
  if not tag or not place then return false end
  redis.call("HDEL", job, "${JOB_LIMITED_FIELD}")
  if redis.call("ZREM", tag .. "/limit-waiting/" .. pool .. "/" .. place, id) == 0 then return false end
  if redis.call("HINCRBY", tag .. "/limits/" .. pool, "gated", -1) <= 0 then
    redis.call("HDEL", tag .. "/limits/" .. pool, "gated")
  end
  return true
end
`;
