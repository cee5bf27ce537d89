import { JOB_ENDED_FIELD, JOB_LIMITED_FIELD } from "../../wire/records/job.ts";
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
    local owner, task, tags = string.match(line, "^([^\\n]*)\\n[^\\n]*\\n(.*)\\n([^\\n]*)$")
    if owner then
      add("p=" .. owner, index - 1)
      add("t=" .. task, index - 1)
      if string.find(tags, "\\\\", 1, true) then
        for _, tag in ipairs(cjson.decode("[" .. tags .. "]")) do add("g=" .. tag, index - 1) end
      elseif tags ~= "" then
        for tag in string.gmatch(tags, '"([^"]*)"') do add("g=" .. tag, index - 1) end
      end
    end
  end
  if #values == 0 then return end
  local counts = root .. "index-values/" .. chunk
  local totals, pairs_of = redis.call("HMGET", counts, unpack(values)), {}
  for at, value in ipairs(values) do
    totals[at] = (tonumber(totals[at] or "") or 0) + #groups[value]
    pairs_of[2 * at - 1], pairs_of[2 * at] = value, totals[at]
  end
  redis.call("HSET", counts, unpack(pairs_of))
  for at, value in ipairs(values) do
    local places = groups[value]
    local container = root .. "index/" .. chunk .. "/" .. value
    local total = totals[at]
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
 * those of other programs they are searched for. `index_number(prefix, key)`: gives a job the next number and returns it, nil
 * when it has one. `index_record(prefix, n, record)`: writes the record of the task with the number.
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
local function index_number(prefix, key)
  local n = redis.call("HINCRBY", prefix .. "index", "next", 1) - 1
  if redis.call("HSETNX", key, "${JOB_NUMBER_FIELD}", n) == 1 then return n end
  redis.call("HINCRBY", prefix .. "index", "next", -1)
  return nil
end
local function index_record(prefix, n, record)
  local own_bucket, own_place = math.floor(n / ${BUCKET}), n % ${BUCKET}
  local list = prefix .. "index-tasks/" .. own_bucket
  local length = redis.call("RPUSH", list, record)
  if length ~= own_place + 1 then
    redis.call("RPOP", list)
    for _ = length, own_place do redis.call("RPUSH", list, "") end
    if length <= own_place then redis.call("RPUSH", list, record) end
    redis.call("HSET", prefix .. "index", "dirty", "bucket " .. own_bucket .. " had " .. (length - 1) .. " records")
  end
  if n % ${TIME_STEP} == 0 then
    local time = redis.call("TIME")
    redis.call("ZADD", prefix .. "index-times", time[1] * 1000 + math.floor(time[2] / 1000), string.format("%.0f", n))
  end
  if own_place == ${BUCKET - 1} then
    ${SEAL}
    index_seal(prefix, own_bucket)
  end
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
  local fields = redis.call("HMGET", key, "${JOB_NUMBER_FIELD}", "name", "priority", "pb", "${JOB_ENDED_FIELD}",
    "${JOB_LIMITED_FIELD}")
  local n = tonumber(fields[1] or "")
  if before and before ~= fields[1] then index_mark(prefix, before, "s=gone", 1) end
  if not fields[2] then return end
  if not n then
    local tags = index_tags(redis.call("HGET", key, "data") or "", false)
    if string.find(own_id, "\\n", 1, true) then return end
    n = index_number(prefix, key)
    index_record(prefix, n, pool .. "\\n" .. own_id .. "\\n" .. fields[2] .. "\\n" .. tags)
  end
  local function bit_if(holds) return holds and 1 or 0 end
  local is_completed = redis.call("ZSCORE", queue .. "completed", own_id)
  local is_failed = redis.call("ZSCORE", queue .. "failed", own_id)
  local is_cancelled = is_failed and fields[5] == "cancelled"
  index_mark(prefix, n, "s=completed", bit_if(is_completed))
  index_mark(prefix, n, "s=failed", bit_if(is_failed and not is_cancelled))
  index_mark(prefix, n, "s=cancelled", bit_if(is_cancelled))
  -- One that a limit holds back waits, although BullMQ has it among the delayed ones.
  local limit_place = string.match(fields[6] or "", "^%d+ (.*)$")
  local is_held_back = limit_place and redis.call("ZSCORE", prefix .. "limit-waiting/" .. pool .. "/" .. limit_place, own_id)
  index_mark(prefix, n, "s=delayed", bit_if(not is_held_back and redis.call("ZSCORE", queue .. "delayed", own_id)))
  index_mark(prefix, n, "s=prioritized", bit_if((tonumber(fields[3] or "") or 0) > 0))
  -- Also of a task that waits for its next try: it has run there.
  if fields[4] then index_mark(prefix, n, "h=" .. index_host(fields[4]), 1) end
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
 * Lua: `index_added(key, id, job)`: writes the record of a job that an add has stored with its number; `key` is one of its
 * queue, `job` is `{n, task, delay, priority, data}`. In the usual case it makes no other function.
 */
export const INDEX_ADDED: string = `
local function index_added(one_key, own_id, new)
  local tag, pool = string.match(one_key, "^({[^}]*}):([^:]*):")
  local n, data, tags = new.n, new.data, ""
  local own_place = n % ${BUCKET}
  local has_tags = string.sub(data, 1, 9) == '{"tags":['
  local is_usual = own_place ~= ${BUCKET - 1} and own_place ~= 0 and not string.find(own_id, "\\n", 1, true)
  if has_tags then
    -- Most have neither a bracket nor an escape in them.
    tags = string.match(data, '^{"tags":%[("[^"%]\\\\]*")%]') or string.match(data, '^{"tags":%[("[^"%]\\\\]*","[^"%]\\\\]*")%]')
    is_usual = is_usual and tags
  end
  if is_usual then
    local list = tag .. "/index-tasks/" .. math.floor(n / ${BUCKET})
    local length = redis.call("RPUSH", list, pool .. "\\n" .. own_id .. "\\n" .. new.task .. "\\n" .. tags)
    is_usual = length == own_place + 1
    if not is_usual then redis.call("RPOP", list) end
  end
  if not is_usual then
    ${STORE}
    local record = ""
    if not string.find(own_id, "\\n", 1, true) then
      record = pool .. "\\n" .. own_id .. "\\n" .. new.task .. "\\n" .. index_tags(data, true)
    end
    index_record(tag .. "/", n, record)
  end
  local states = tag .. "/index/" .. math.floor(n / ${CHUNK}) .. "/s="
  if new.delay > 0 then redis.call("SETBIT", states .. "delayed", n % ${CHUNK}, 1) end
  if new.priority > 0 then redis.call("SETBIT", states .. "prioritized", n % ${CHUNK}, 1) end
end
`;

/**
 * Lua: `index_ended(queue, key, ended)`: notes how the job with that key ended; `ended` is `{n, state, worker}`.
 */
export const INDEX_ENDED: string = `
local function index_ended(queue, hash, ended)
  local tag, pool = string.match(queue, "^({[^}]*}):([^:]*):$")
  if pool == "${PROCESSES}" or string.find(pool, "^${PROCESSES}%.") then return end
  local containers = tag .. "/index/" .. math.floor(ended.n / ${CHUNK}) .. "/"
  local state, offset = ended.state, ended.n % ${CHUNK}
  if state == "failed" and redis.call("HGET", hash, "${JOB_ENDED_FIELD}") == "cancelled" then state = "cancelled" end
  redis.call("SETBIT", containers .. "s=" .. state, offset, 1)
  if ended.worker then
    redis.call("SETBIT", containers .. "h=" .. (string.match(ended.worker, "^([^/]+)/%d+$") or ended.worker), offset, 1)
  end
end
`;

/** Lua: `index_note(failure, key)`: notes in the index what went wrong in it; `key` is one of a queue. */
export const INDEX_NOTE: string = `
local function index_note(failure, one_key)
  local reason = type(failure) == "table" and failure.err or failure
  redis.pcall("HSET", string.match(one_key, "^{[^}]*}") .. "/index", "dirty", tostring(reason))
end
`;

/** Lua for scripts that seal a bucket themselves: `index_seal(prefix, bucket)`; see above. */
export const INDEX_SEAL: string = SEAL;
