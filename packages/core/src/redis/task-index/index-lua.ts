import { JOB_ENDED_FIELD } from "../../wire/records/job.ts";
import { PROCESSES } from "../../wire/records/process-queues.ts";
import {
  BITMAP_BYTES,
  BUCKET,
  CHUNK,
  JOB_NUMBER_FIELD,
  LONGEST_TAG,
  MOST_SPARSE,
  MOST_TAGS,
  SPARSE_ZERO,
  TIME_STEP,
} from "./layout.ts";

/**
 * Lua: `index_queue(queue)`: what our keys begin with, and the pool, from what the keys of its jobs begin with; nil for a
 * queue of processes. `index_mark(prefix, n, value, bit)`: sets one bit. `index_try(queue, act, ...)`: what fails in the
 * index is noted in its `dirty`, and fails nothing else.
 */
const BASIC = `
local function index_queue(queue)
  local tag, pool = string.match(queue, "^({[^}]*}):([^:]*):$")
  if not pool or pool == "${PROCESSES}" or string.find(pool, "^${PROCESSES}%.") then return nil end
  return tag .. "/", pool
end
local function index_mark(prefix, n, value, on)
  local key = prefix .. "index/" .. math.floor(n / ${CHUNK}) .. "/" .. value
  if on == 1 or redis.call("GETBIT", key, n % ${CHUNK}) == 1 then redis.call("SETBIT", key, n % ${CHUNK}, on) end
end
local function index_try(queue, act, ...)
  local did_act, failure = pcall(act, ...)
  if did_act then return end
  local text = type(failure) == "table" and failure.err or failure
  redis.pcall("HSET", string.gsub(queue, ":.*$", "") .. "/index", "dirty", tostring(text))
end
`;

/**
 * Lua: `index_seal(prefix, bucket)`: puts the tasks of a full bucket into the containers of their values. All numbers of a
 * bucket stand in 16 bytes of a bitmap, which no other bucket shares.
 */
const SEAL = `
local function index_seal(root, full)
  local chunk = math.floor(full / ${CHUNK / BUCKET})
  local first = full * ${BUCKET} - chunk * ${CHUNK}
  local groups, values = {}, {}
  local function add(value, spot)
    local places = groups[value]
    if not places then
      places = {}
      groups[value] = places
      values[#values + 1] = value
    end
    if places[#places] ~= spot then places[#places + 1] = spot end
  end
  for index, line in ipairs(redis.call("LRANGE", root .. "index-tasks/" .. full, 0, -1)) do
    local owner, rest = string.match(line, "^([^\\n]*)\\n[^\\n]*\\n(.*)$")
    if owner then
      local task, tags = string.match(rest, "^(.*)\\n([^\\n]*)$")
      add("p=" .. owner, index - 1)
      add("t=" .. task, index - 1)
      if tags ~= "" then
        for _, tag in ipairs(cjson.decode("[" .. tags .. "]")) do add("g=" .. tag, index - 1) end
      end
    end
  end
  local counts = root .. "index-values/" .. chunk
  for _, value in ipairs(values) do
    local places = groups[value]
    local container = root .. "index/" .. chunk .. "/" .. value
    local total = redis.call("HINCRBY", counts, value, #places)
    if total <= ${MOST_SPARSE} then
      local members = {}
      for index, spot in ipairs(places) do members[index] = first + spot - ${SPARSE_ZERO} end
      redis.call("SADD", container, unpack(members))
    else
      if total - #places <= ${MOST_SPARSE} then
        local before = redis.call("SMEMBERS", container)
        redis.call("DEL", container)
        redis.call("SETRANGE", container, ${BITMAP_BYTES - 1}, "\\0")
        for _, member in ipairs(before) do redis.call("SETBIT", container, member + ${SPARSE_ZERO}, 1) end
      end
      local bytes = {${Array.from({ length: BUCKET / 8 }, () => 0).join(",")}}
      for _, spot in ipairs(places) do
        local byte = math.floor(spot / 8) + 1
        bytes[byte] = bytes[byte] + 2 ^ (7 - spot % 8)
      end
      redis.call("SETRANGE", container, first / 8, string.char(unpack(bytes)))
    end
  end
end
`;

/**
 * Lua: `index_tags(data, is_ours)`: the tags in the data of a job, as JSON without its brackets. Ours begin with them; in
 * those of other programs they are searched for. `index_store(prefix, pool, job)`: gives the job `{key, id, task, tags}` the
 * next number, and returns it.
 */
const STORE = `
local function index_tags(data, is_ours)
  if string.sub(data, 1, 9) == '{"tags":[' then
    local at = 10
    while true do
      local _, to, mark = string.find(data, '^"[^"\\\\]*"(.)', at)
      if not to then break end
      if mark == "]" then return string.sub(data, 10, to - 1) end
      at = to + 1
    end
  elseif is_ours or not string.find(data, '"tags"', 1, true) then
    return ""
  end
  local is_read, decoded = pcall(cjson.decode, data)
  local tags = is_read and type(decoded) == "table" and decoded.tags
  local texts = {}
  if type(tags) ~= "table" then return "" end
  for _, tag in ipairs(tags) do
    if type(tag) == "string" and tag ~= "" and #tag <= ${LONGEST_TAG} and #texts < ${MOST_TAGS} then
      texts[#texts + 1] = cjson.encode(tag)
    end
  end
  return table.concat(texts, ",")
end
local function index_store(prefix, pool, entry)
  if string.find(entry.id, "\\n", 1, true) then return nil end
  local n = redis.call("HINCRBY", prefix .. "index", "next", 1) - 1
  redis.call("HSET", entry.key, "${JOB_NUMBER_FIELD}", n)
  local bucket, place = math.floor(n / ${BUCKET}), n % ${BUCKET}
  local key = prefix .. "index-tasks/" .. bucket
  local record = pool .. "\\n" .. entry.id .. "\\n" .. entry.task .. "\\n" .. entry.tags
  local length = redis.call("RPUSH", key, record)
  if length ~= place + 1 then
    redis.call("RPOP", key)
    for _ = length, place do redis.call("RPUSH", key, "") end
    if length <= place then redis.call("RPUSH", key, record) end
    redis.call("HSET", prefix .. "index", "dirty", "bucket " .. bucket .. " had " .. (length - 1) .. " records")
  end
  if n % ${TIME_STEP} == 0 then
    local time = redis.call("TIME")
    redis.call("ZADD", prefix .. "index-times", time[1] * 1000 + math.floor(time[2] / 1000), string.format("%.0f", n))
  end
  if place == ${BUCKET - 1} then
    ${SEAL}
    index_seal(prefix, bucket)
  end
  return n
end
`;

/**
 * Lua: `index_restate(key, before)`: writes the states of the job with this key as they are now, and takes it in when it has
 * no number; `before` is the number that it had, false = none.
 */
const RESTATE = `
local function index_host(worker)
  return string.match(worker, "^([^/]+)/%d+$") or worker
end
local function index_restate(key, before)
  local queue, own_id = string.match(key, "^({[^}]*}:[^:]*:)(.*)$")
  local prefix, pool = index_queue(queue)
  if not prefix then return end
  local fields = redis.call("HMGET", key, "${JOB_NUMBER_FIELD}", "name", "priority", "pb", "${JOB_ENDED_FIELD}")
  local n = tonumber(fields[1] or "")
  if before and before ~= fields[1] then index_mark(prefix, before, "s=gone", 1) end
  if not fields[2] then return end
  if not n then
    local tags = index_tags(redis.call("HGET", key, "data") or "", false)
    n = index_store(prefix, pool, {key = key, id = own_id, task = fields[2], tags = tags})
    if not n then return end
  end
  local function bit_if(holds) return holds and 1 or 0 end
  local is_completed = redis.call("ZSCORE", queue .. "completed", own_id)
  local is_failed = redis.call("ZSCORE", queue .. "failed", own_id)
  local is_cancelled = is_failed and fields[5] == "cancelled"
  index_mark(prefix, n, "s=completed", bit_if(is_completed))
  index_mark(prefix, n, "s=failed", bit_if(is_failed and not is_cancelled))
  index_mark(prefix, n, "s=cancelled", bit_if(is_cancelled))
  index_mark(prefix, n, "s=delayed", bit_if(redis.call("ZSCORE", queue .. "delayed", own_id)))
  index_mark(prefix, n, "s=prioritized", bit_if((tonumber(fields[3] or "") or 0) > 0))
  if fields[4] and (is_completed or is_failed) then index_mark(prefix, n, "h=" .. index_host(fields[4]), 1) end
end
`;

/**
 * Lua for scripts that change states of jobs: `index_try` and `index_restate`, and what they need. Functions cost Redis time
 * whenever a script makes them: it belongs into the branch that needs it.
 */
export const INDEX_RESTATE: string = `${BASIC}${STORE}${RESTATE}`;

/** Lua: writes the states of the job whose hash is KEYS[1], at the end of a script of ours that has moved it. */
export const INDEX_JOB: string = `${INDEX_RESTATE}index_try(KEYS[1], index_restate, KEYS[1], false)`;

/**
 * Lua: `index_try(queue, index_added, queue, id, data)`: takes in the job that an add has just stored; one that has a number
 * stays as it is.
 */
export const INDEX_ADDED: string = `${BASIC}${STORE}
local function index_added(queue, id, data)
  local prefix, pool = index_queue(queue)
  if not prefix then return end
  local key = queue .. id
  local stored = redis.call("HMGET", key, "${JOB_NUMBER_FIELD}", "name", "delay", "priority", "processedOn")
  if stored[1] or not stored[2] then return end
  if stored[5] then
    ${RESTATE}
    return index_restate(key, false)
  end
  local n = index_store(prefix, pool, {key = key, id = id, task = stored[2], tags = index_tags(data, true)})
  if n and stored[3] ~= "0" then index_mark(prefix, n, "s=delayed", 1) end
  if n and stored[4] ~= "0" then index_mark(prefix, n, "s=prioritized", 1) end
end
`;

/**
 * Lua: `index_try(queue, index_ended, {queue, key, n, worker, state})`: notes how a job ended, for one that has a number; it
 * is gone when its hash is.
 */
export const INDEX_ENDED: string = `${BASIC}
local function index_ended(job)
  local prefix = index_queue(job.queue)
  if not prefix then return end
  local ended = redis.call("HMGET", job.key, "finishedOn", "${JOB_ENDED_FIELD}")
  local state = not ended[1] and "gone" or ended[2] == "cancelled" and "cancelled" or job.state
  index_mark(prefix, job.n, "s=" .. state, 1)
  if job.worker then
    index_mark(prefix, job.n, "h=" .. (string.match(job.worker, "^([^/]+)/%d+$") or job.worker), 1)
  end
end
`;

/** Lua for scripts that seal a bucket themselves: `index_seal(prefix, bucket)`; see above. */
export const INDEX_SEAL: string = SEAL;
