import { CHUNK, MOST_SPARSE, SPARSE_ZERO } from "../../redis/task-index/index.ts";
import { STEP_WORKFLOW_FIELD } from "../../work/workflows/index.ts";

/** What scripts are told of a query; as JSON. Absent = no such filter. */
export interface FindSpec {
  /** BullMQ's prefix of all queues, such as `{ns}:`. */
  queues: string;
  /** What our keys begin with, such as `{ns}/`. */
  prefix: string;
  pool?: string | undefined;
  task?: string | undefined;
  tag?: string | undefined;
  /** How BullMQ's field `pb` begins for tasks of the host, and what it is where another kind of worker has that name. */
  host?: { begin: string; whole: string } | undefined;
  /** Wanted states -> true. */
  states?: Record<string, true> | undefined;
  since?: number | undefined;
  until?: number | undefined;
  error?: string | undefined;
  text?: string | undefined;
  /** Arguments and errors are searched for the text, too. */
  deep?: boolean | undefined;
  /** Arguments are not searched: who asks may not see all of them. */
  hidden?: boolean | undefined;
  /** Part that the id begins with. */
  idPrefix?: string | undefined;
  /** Id of a workflow. */
  workflow?: string | undefined;
  /** Which tasks live hosts take, and in which pools; absent pools = all but `except`. */
  served: { tasks: Record<string, true>; pools?: Record<string, true>; except?: Record<string, true> }[];
}

/**
 * Lua that reads tasks and tells whether they fit a query. It needs `spec` (a {@link FindSpec}).
 *
 * - `read_row(pool, id, n, tags)`: the row as the reply has it, or nil when there is no such job, it is the job of another
 *   number, or it does not fit. Its state is read from BullMQ's lists in the same step.
 * - `split(record)`: pool, id, task and tags of a record of the index.
 * - `job_may_have(jobs, id, part)`: whether a text may be in the arguments or the error of a job.
 */
export const READ_ROWS: string = `
local prefix, queues = spec.prefix, spec.queues
local function split(record)
  return string.match(record, "^([^\\n]*)\\n([^\\n]*)\\n(.*)\\n([^\\n]*)$")
end
local function has_part(value, part)
  return value and string.find(string.lower(value), part, 1, true) ~= nil
end
local function is_served(pool, task)
  for _, group in ipairs(spec.served) do
    if group.tasks[task] then
      if group.pools then
        if group.pools[pool] then return true end
      elseif not (group.except and group.except[pool]) then
        return true
      end
    end
  end
  return false
end
-- The place in which a limit holds back a job that BullMQ has among its delayed ones, or nil.
local function held_back_in(pool, id, limited)
  local place = limited and string.match(limited, "^%d+ (.*)$")
  return place and redis.call("ZSCORE", prefix .. "limit-waiting/" .. pool .. "/" .. place, id) and place
end
-- Where a job is; all but BullMQ's long lists are asked. Also returns the place in which a limit holds it back.
local function place_of(pool, id, job)
  local jobs = queues .. pool .. ":"
  if job[4] then
    if redis.call("ZSCORE", jobs .. "completed", id) then return "completed" end
    if redis.call("ZSCORE", jobs .. "failed", id) then return job[9] == "cancelled" and "cancelled" or "failed" end
  end
  if redis.call("EXISTS", jobs .. id .. ":lock") == 1 then return "active" end
  if redis.call("ZSCORE", jobs .. "delayed", id) then
    local limited = held_back_in(pool, id, job[12])
    if limited then return (tonumber(job[13]) or 0) > 0 and "prioritized" or "waiting", limited end
    return job[10] and "waiting" or "delayed"
  end
  if redis.call("ZSCORE", jobs .. "prioritized", id) then return "prioritized" end
  if job[3] and redis.call("LPOS", jobs .. "active", id) then return "active" end
  if redis.call("ZSCORE", jobs .. "waiting-children", id) then return "waiting-children" end
  return "waiting"
end
-- Words of a value that JSON has made a table.
local function leaf_has(value, part, depth)
  if type(value) ~= "table" then return has_part(tostring(value), part) end
  if depth > 20 then return false end
  for name, inner in pairs(value) do
    if type(name) == "string" and has_part(name, part) then return true end
    if leaf_has(inner, part, depth + 1) then return true end
  end
  return false
end
local function arguments_have(jobs, id, part)
  local data = redis.call("HGET", jobs .. id, "data")
  if not data then return false end
  -- A quote or a backslash stands in it with one more before it.
  local is_escaped = string.find(part, '["\\\\]')
  if not is_escaped and not has_part(data, part) then return false end
  local is_json, envelope = pcall(cjson.decode, data)
  if not is_json or type(envelope) ~= "table" then return has_part(data, part) end
  if envelope.args ~= nil then
    return leaf_has(envelope.args, part, 0)
      or has_part(string.gsub(cjson.encode(envelope.args), "\\\\/", "/"), part)
  end
  if type(envelope.units) == "string" then return has_part(envelope.units, part) end
  if envelope.encodedArgs ~= nil then return false end
  return leaf_has(envelope, part, 0)
end
local function error_has(jobs, id, reason, part)
  if has_part(reason, part) then return true end
  local failure = redis.call("HGET", jobs .. id, "failure")
  if not failure then return false end
  local is_json, read = pcall(cjson.decode, failure)
  if not is_json or type(read) ~= "table" then return false end
  return has_part(type(read.name) == "string" and read.name, part)
    or has_part(type(read.message) == "string" and read.message, part)
end
-- Whether a job may have the text outside of its record: a first look that is cheap.
local function job_may_have(jobs, id, part)
  if string.find(part, '["\\\\]') then return true end
  local job = redis.pcall("HMGET", jobs .. id, "data", "failedReason", "failure")
  return not job.err and (has_part(job[1], part) or has_part(job[2], part) or has_part(job[3], part))
end
local function record_has(id, task, tags, part)
  return has_part(id, part) or has_part(task, part) or (tags ~= "" and has_part(string.gsub(tags, '\\\\(.)', "%1"), part))
end
local function has_tag(tags, tag)
  local is_json, list = pcall(cjson.decode, "[" .. tags .. "]")
  if not is_json then return false end
  for _, one in ipairs(list) do
    if one == tag then return true end
  end
  return false
end
local function is_of_host(worker, host)
  if not worker then return false end
  if worker == host.whole then return true end
  return string.sub(worker, 1, #host.begin) == host.begin and string.find(worker, "^%d+$", #host.begin + 1) ~= nil
end
-- Without a record of the index: tags of the job itself.
local function tags_of(jobs, id)
  local is_json, data = pcall(cjson.decode, redis.call("HGET", jobs .. id, "data") or "")
  if not is_json or type(data) ~= "table" or type(data.tags) ~= "table" or #data.tags == 0 then return "" end
  return string.sub(cjson.encode(data.tags), 2, -2)
end
local function read_row(pool, id, n, tags)
  if spec.pool and pool ~= spec.pool then return nil end
  local jobs = queues .. pool .. ":"
  local job = redis.pcall("HMGET", jobs .. id, "name", "timestamp", "processedOn", "finishedOn", "atm", "failedReason", "pb",
    "n", "ended", "unservedSince", "${STEP_WORKFLOW_FIELD}", "limited", "priority")
  if job.err or not job[1] or not job[2] then return nil end
  -- A job that came later under the id.
  if n and tonumber(job[8]) ~= n then return nil end
  local task, time = job[1], tonumber(job[2]) or 0
  if spec.task and task ~= spec.task then return nil end
  if spec.since and time < spec.since then return nil end
  if spec["until"] and time > spec["until"] then return nil end
  if spec.host and not is_of_host(job[7], spec.host) then return nil end
  if spec.workflow and job[11] ~= spec.workflow then return nil end
  if spec.idPrefix and string.sub(id, 1, #spec.idPrefix) ~= spec.idPrefix then return nil end
  -- What costs least, or fails most often, comes first.
  if spec.error and not error_has(jobs, id, job[6], spec.error) then return nil end
  if (spec.tag or spec.text) and not tags then tags = tags_of(jobs, id) end
  if spec.tag and not has_tag(tags, spec.tag) then return nil end
  if spec.text and not record_has(id, task, tags, spec.text)
    and not (spec.deep and (error_has(jobs, id, job[6], spec.text)
      or (not spec.hidden and arguments_have(jobs, id, spec.text)))) then
    return nil
  end
  local place, limited_by = place_of(pool, id, job)
  local state = place
  if limited_by or ((place == "waiting" or place == "prioritized") and not is_served(pool, task)) then state = "blocked" end
  if spec.states and not spec.states[place] and not spec.states[state] then return nil end
  return {n or job[8], pool, id, task, state, job[2], job[3], job[4], job[5], job[6], job[7], tags or false, job[11],
    limited_by or false, limited_by and redis.call("ZSCORE", prefix .. "limit-later/" .. pool, limited_by)}
end
`;

/**
 * Lua that finds the numbers of a chunk for which clauses hold. It needs `prefix`, `all` (a list of lists of values `k=v`:
 * of each list one has to hold), `none` (a list of values that must not hold), `is_down` (the highest number first) and
 * `tally` (a function or nil).
 *
 * `walk(chunk, low, high, visit)` calls `visit(n)` in order for all that fit from `low` to `high`, both in the chunk, until it
 * answers true. It returns true then. `spend(cost)` notes how much was done; true = enough. Where that is so between two
 * numbers, `resume` is set to the number behind the last that was looked at.
 *
 * Where `tally` is set, numbers that need no further look are not visited: `tally(count)` is called with how many they are.
 *
 * Bitmaps are read in windows of 256 bytes, and combined here: nothing is written, so this works also where Redis is full. Only
 * a count has Redis combine whole bitmaps.
 */
export const WALK_CONTAINERS: string = `
local types = {}
local function type_of(key)
  local kind = types[key]
  if not kind then
    kind = redis.call("TYPE", key).ok
    types[key] = kind
  end
  return kind
end
local function holds(key, offset)
  local kind = type_of(key)
  if kind == "string" then return redis.call("GETBIT", key, offset) == 1 end
  if kind == "set" then return redis.call("SISMEMBER", key, offset - ${SPARSE_ZERO}) == 1 end
  return false
end
local function any_holds(keys, offset)
  for _, key in ipairs(keys) do
    if holds(key, offset) then return true end
  end
  return false
end
local function visit_sorted(offsets, chunk, visit)
  table.sort(offsets)
  local from, to, step = 1, #offsets, 1
  if is_down then from, to, step = #offsets, 1, -1 end
  for place = from, to, step do
    if visit(chunk * ${CHUNK} + offsets[place]) then return true end
  end
  return false
end
local function walk_sparse(keys, others, excluded, chunk, low, high, visit)
  local offsets, seen = {}, {}
  for _, key in ipairs(keys) do
    if type_of(key) == "set" then
      for _, member in ipairs(redis.call("SMEMBERS", key)) do
        local offset = member + ${SPARSE_ZERO}
        local n = chunk * ${CHUNK} + offset
        if n >= low and n <= high and not seen[offset] then
          local fits = not any_holds(excluded, offset)
          for _, clause in ipairs(others) do fits = fits and any_holds(clause, offset) end
          seen[offset] = true
          if fits then offsets[#offsets + 1] = offset end
        end
      end
    end
  end
  spend(#offsets / 2 + 20)
  return visit_sorted(offsets, chunk, visit)
end
-- A bitmap of a window, or false where the key is none and each number has to be asked for.
local function windows_of(keys, from, to)
  local texts = {}
  for _, key in ipairs(keys) do
    local kind = type_of(key)
    if kind == "set" then return false end
    if kind == "string" then
      local text = redis.call("GETRANGE", key, from, to)
      if string.find(text, "[^%z]") then texts[#texts + 1] = text end
    end
  end
  return texts
end
local function byte_of(texts, place)
  local byte = 0
  for _, text in ipairs(texts) do byte = bit.bor(byte, string.byte(text, place) or 0) end
  return byte
end
local FULL = string.rep("\\255", 256)
local bits = {[0] = 0}
if tally then
  for byte = 1, 255 do bits[byte] = bits[math.floor(byte / 2)] + byte % 2 end
end
local function walk_window(clauses, excluded, chunk, window, low, high, visit)
  local from, to = window * 256, window * 256 + 255
  local needed, slow = {}, {}
  for _, clause in ipairs(clauses) do
    local texts = windows_of(clause, from, to)
    if texts == false then slow[#slow + 1] = clause
    elseif #texts == 0 then return false
    else needed[#needed + 1] = texts end
  end
  local unwanted, tested = {}, {}
  for _, key in ipairs(excluded) do
    local texts = windows_of({key}, from, to)
    if texts == false then tested[#tested + 1] = key
    elseif #texts > 0 then unwanted[#unwanted + 1] = texts[1] end
  end
  local guide = needed[1] and #needed[1] == 1 and needed[1][1] or FULL
  local offsets, place, looked = {}, 0, 0
  local first_number = chunk * ${CHUNK} + from * 8
  local is_whole = tally and #slow == 0 and #tested == 0 and low <= first_number and high >= first_number + 2047
  local count = 0
  while true do
    place = string.find(guide, "[^%z]", place + 1)
    if not place then break end
    looked = looked + 1
    local byte = 255
    for _, texts in ipairs(needed) do byte = bit.band(byte, byte_of(texts, place)) end
    if byte ~= 0 and #unwanted > 0 then byte = bit.band(byte, bit.bnot(byte_of(unwanted, place))) end
    if is_whole then count = count + bits[bit.band(byte, 255)]
    elseif byte ~= 0 then
      local first = (from + place - 1) * 8
      for index = 0, 7 do
        if bit.band(byte, bit.rshift(128, index)) ~= 0 then
          local offset = first + index
          local n = chunk * ${CHUNK} + offset
          if n >= low and n <= high then
            local fits = #tested == 0 or not any_holds(tested, offset)
            for _, clause in ipairs(slow) do fits = fits and any_holds(clause, offset) end
            if fits then offsets[#offsets + 1] = offset end
          end
        end
      end
    end
  end
  if count > 0 then tally(count) end
  spend(3 + looked / 3 + #offsets / 10)
  return visit_sorted(offsets, chunk, visit)
end
-- How many bits are set in a range of bytes of what clauses make of bitmaps; nil where Redis refuses to combine them, as
-- when it is full. What is written for that is gone with the end of the script.
local function count_bits(clauses, excluded, from, to)
  local made = {}
  local function combine(operation, keys)
    if #keys == 1 then return keys[1] end
    local key = prefix .. "index-count/" .. #made
    redis.call("BITOP", operation, key, unpack(keys))
    made[#made + 1] = key
    return key
  end
  local is_done, count = pcall(function()
    local needed = {}
    for place, keys in ipairs(clauses) do needed[place] = combine("OR", keys) end
    if #needed == 0 then
      local unwanted = #excluded > 0 and redis.call("BITCOUNT", combine("OR", excluded), from, to) or 0
      return (to - from + 1) * 8 - unwanted
    end
    local wanted = combine("AND", needed)
    local total = redis.call("BITCOUNT", wanted, from, to)
    if #excluded == 0 then return total end
    return total - redis.call("BITCOUNT", combine("AND", {wanted, combine("OR", excluded)}), from, to)
  end)
  for _, key in ipairs(made) do redis.pcall("DEL", key) end
  return is_done and count or nil
end
-- Counts a chunk at once where all of its containers are bitmaps, and bytes begin and end with the range.
local function tally_chunk(clauses, excluded, low, high)
  if low % 8 ~= 0 or (high + 1) % 8 ~= 0 then return false end
  for _, keys in ipairs({excluded, unpack(clauses)}) do
    for _, key in ipairs(keys) do
      if type_of(key) ~= "string" then return false end
    end
  end
  local count = count_bits(clauses, excluded, low % ${CHUNK} / 8, (high % ${CHUNK} - 7) / 8)
  if not count then return false end
  tally(count)
  spend(20)
  return true
end
local function keys_of(chunk, values)
  local found = {}
  for _, value in ipairs(values) do
    local key = prefix .. "index/" .. chunk .. "/" .. value
    if type_of(key) ~= "none" then found[#found + 1] = key end
  end
  return found
end
local function walk(chunk, low, high, visit)
  types = {}
  local clauses, smallest, size = {}, nil, ${MOST_SPARSE} * 4
  for place, values in ipairs(all) do
    local keys = keys_of(chunk, values)
    if #keys == 0 then return false end
    clauses[place] = keys
    local members = 0
    for _, key in ipairs(keys) do members = members + (type_of(key) == "set" and redis.call("SCARD", key) or ${CHUNK}) end
    if members < size then smallest, size = place, members end
  end
  local excluded = keys_of(chunk, none)
  if smallest then
    local others = {}
    for place, keys in ipairs(clauses) do if place ~= smallest then others[#others + 1] = keys end end
    return walk_sparse(clauses[smallest], others, excluded, chunk, low, high, visit)
  end
  if tally and tally_chunk(clauses, excluded, low, high) then return false end
  local from, to, step = math.floor(low % ${CHUNK} / 2048), math.floor(high % ${CHUNK} / 2048), 1
  if is_down then from, to, step = to, from, -1 end
  for window = from, to, step do
    if walk_window(clauses, excluded, chunk, window, low, high, visit) then return true end
    if spend(0) then
      resume = chunk * ${CHUNK} + (is_down and window * 2048 or window * 2048 + 2047)
      return true
    end
  end
  return false
end
`;
