import { Script } from "../../redis/script/index.ts";
import { BUCKET, CHUNK } from "../../redis/task-index/index.ts";
import { READ_ROWS, WALK_CONTAINERS } from "./find-lua.ts";

/** How far one script looks, and in which order. */
export interface Walk {
  /** Of each list of values `<kind>=<value>`, one has to hold. */
  all: string[][];
  /** Values that must not hold. */
  none: string[];
  is_down: boolean;
  /** Smallest and largest number that is looked at. */
  low: number;
  high: number;
  /** Rows at most. */
  limit: number;
  /** Work at most, about microseconds of Redis. */
  budget: number;
  /** Tasks are counted, those in containers without a look at them. */
  counts: boolean;
  /** Only tasks that no live host takes, or that a limit may hold back. */
  blocked: boolean;
  /** Pools in which limits hold tasks back -> true; asked for with `blocked` only. */
  limited: Record<string, true>;
  /** Text: whole buckets of records are searched first. */
  buckets: boolean;
  /** Text: tasks from the beginning to this number whose record has the text were told before; null = none. */
  told: number | null;
}

/** A task as a script replies it. */
export type RawRow = [
  n: string | number | null,
  pool: string,
  id: string,
  task: string,
  state: string,
  timestamp: string,
  processedOn: string | null,
  finishedOn: string | null,
  attemptsMade: string | null,
  failedReason: string | null,
  worker: string | null,
  tags: string | null,
  workflow: string | null,
  /** Place of the limit that holds it back. */
  limited: string | null,
  /** When the rate of that place allows the next start, epoch ms. */
  nextAt: string | null,
];

type FindReply = [isDone: number, resume: number, counted: number, next: number, rows: RawRow[]];

/** Clocks of programs that submit may differ by so much from that of Redis, ms. */
const CLOCK_SLACK = 5_000;
/** Numbers that are given at the same time may come in another order than the times. */
const NUMBER_SLACK = 1_024;

/**
 * One step through the index of tasks: reads, and writes nothing.
 *
 * KEYS[1] state of the index (hash); KEYS[2] times of numbers (sorted set)
 * ARGV[1] the query, a FindSpec as JSON; ARGV[2] the walk, a Walk as JSON
 * Returns {1 = nothing is left, 0 = go on, the number behind which to go on or -1, tasks counted, number of the next task,
 * rows}.
 */
export const findTasksInIndex: Script<FindReply> = new Script({
  name: "findTasksInIndex",
  lua: `
local spec, how = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local all, none, is_down = how.all, how.none, how.is_down
local spent, rows = 0, {}
local resume = -1
local function spend(cost)
  spent = spent + cost
  return spent >= how.budget
end
local counted = 0
local tally = how.counts and function(count) counted = counted + count end or nil
${READ_ROWS}${WALK_CONTAINERS}
local told = how.told ~= cjson.null and how.told or nil
local function passes(n, pool, id, task, tags)
  if spec.pool and pool ~= spec.pool or spec.task and task ~= spec.task then return false end
  if spec.idPrefix and string.sub(id, 1, #spec.idPrefix) ~= spec.idPrefix then return false end
  if how.blocked and is_served(pool, task) and not how.limited[pool] then return false end
  if spec.text then
    local is_recorded = record_has(id, task, tags, spec.text)
    if is_recorded and told and (is_down and n >= told or not is_down and n <= told) then return false end
    if not is_recorded then
      if not spec.deep then return false end
      spend(3)
      if not job_may_have(queues .. pool .. ":", id, spec.text) then return false end
    end
  end
  return true
end
local function visit(n, record)
  if tally and not record then
    counted = counted + 1
    resume = n
    return spend(0.2)
  end
  record = record or redis.call("LINDEX", prefix .. "index-tasks/" .. math.floor(n / ${BUCKET}), n % ${BUCKET})
  resume = n
  local is_enough = spend(1)
  if record and record ~= "" then
    local pool, id, task, tags = split(record)
    if pool and passes(n, pool, id, task, tags) then
      is_enough = spend(5)
      local row = read_row(pool, id, n, tags)
      if row and tally then counted = counted + 1 elseif row then rows[#rows + 1] = row end
    end
  end
  return is_enough or #rows >= how.limit
end
local function visit_bucket(bucket, low, high)
  local records = redis.call("LRANGE", prefix .. "index-tasks/" .. bucket, 0, -1)
  local from, to, step = low, high, 1
  if is_down then from, to, step = high, low, -1 end
  for n = from, to, step do
    if visit(n, records[n % ${BUCKET} + 1] or "") then return true end
  end
  return false
end
local function search_buckets(low, high)
  local from, to, step = math.floor(low / ${BUCKET}), math.floor(high / ${BUCKET}), 1
  if is_down then from, to, step = to, from, -1 end
  for bucket = from, to, step do
    local first, last = math.max(low, bucket * ${BUCKET}), math.min(high, bucket * ${BUCKET} + ${BUCKET - 1})
    local may_have = spec.text and spec.deep
    if not may_have then
      spend(40)
      local records = redis.call("LRANGE", prefix .. "index-tasks/" .. bucket, 0, -1)
      -- A tag may hold what JSON writes with a backslash.
      local text = table.concat(records, "\\n")
      if string.find(text, "\\\\", 1, true) then text = string.gsub(text, '\\\\(.)', "%1") end
      may_have = has_part(text, spec.text or string.lower(spec.idPrefix))
    end
    if may_have and visit_bucket(bucket, first, last) then return true end
    resume = is_down and first or last
    if spend(0) then return true end
  end
  return false
end
-- The tasks of a chunk that hosts do not take are among those whose name some host does not take everywhere; those that limits
-- hold back are of certain pools.
local function names_by_service(chunk)
  local unserved, served, has_limited = {}, {}, false
  local values = redis.call("HKEYS", prefix .. "index-values/" .. chunk)
  spend(#values / 15)
  for _, value in ipairs(values) do
    if string.sub(value, 1, 2) == "t=" then
      local task, is_everywhere = string.sub(value, 3), false
      for _, group in ipairs(spec.served) do
        is_everywhere = is_everywhere or group.tasks[task] and not group.pools and not group.except
      end
      if is_everywhere then served[#served + 1] = value else unserved[#unserved + 1] = value end
    elseif string.sub(value, 1, 2) == "p=" and how.limited[string.sub(value, 3)] then
      unserved[#unserved + 1] = value
      has_limited = true
    end
  end
  return unserved, served, has_limited
end
local function walk_chunk(chunk, low, high)
  if spend(2) then
    resume = is_down and high + 1 or low - 1
    return true
  end
  if not how.blocked then return walk(chunk, low, high, visit) end
  local unserved, served, has_limited = names_by_service(chunk)
  if #unserved == 0 then return false end
  -- Each task has one name: the shorter list says the same, as long as pools are not in it.
  local is_shorter = not has_limited and #served < #unserved
  local length = #none
  if is_shorter then
    for _, value in ipairs(served) do none[#none + 1] = value end
  else
    all[#all + 1] = unserved
  end
  local is_stopped = walk(chunk, low, high, visit)
  for place = #none, length + 1, -1 do none[place] = nil end
  if not is_shorter then all[#all] = nil end
  return is_stopped
end
local function walk_chunks(low, high)
  if low > high then return false end
  if how.buckets then return search_buckets(low, high) end
  local from, to, step = math.floor(low / ${CHUNK}), math.floor(high / ${CHUNK}), 1
  if is_down then from, to, step = to, from, -1 end
  for chunk = from, to, step do
    local first, last = math.max(low, chunk * ${CHUNK}), math.min(high, chunk * ${CHUNK} + ${CHUNK - 1})
    if walk_chunk(chunk, first, last) then return true end
  end
  return false
end
local state = redis.call("HMGET", KEYS[1], "next", "first")
local next_number = tonumber(state[1]) or 0
local low, high = math.max(how.low, tonumber(state[2]) or 0), math.min(how.high, next_number - 1)
if spec.since then
  local before = string.format("(%.0f", spec.since - ${CLOCK_SLACK})
  local mark = redis.call("ZREVRANGEBYSCORE", KEYS[2], before, "-inf", "LIMIT", 0, 1)[1]
  if mark then low = math.max(low, mark - ${NUMBER_SLACK}) end
end
if spec["until"] then
  local behind = string.format("(%.0f", spec["until"] + ${CLOCK_SLACK})
  local mark = redis.call("ZRANGEBYSCORE", KEYS[2], behind, "+inf", "LIMIT", 0, 1)[1]
  if mark then high = math.min(high, mark + ${NUMBER_SLACK}) end
end
-- Values of the last numbers get into containers when their bucket is full.
local open = next_number - next_number % ${BUCKET}
local is_stopped = false
if is_down then
  if high >= open then is_stopped = visit_bucket(open / ${BUCKET}, math.max(low, open), high) end
  is_stopped = is_stopped or walk_chunks(low, math.min(high, open - 1))
else
  is_stopped = walk_chunks(low, math.min(high, open - 1))
  if not is_stopped and high >= open then is_stopped = visit_bucket(open / ${BUCKET}, math.max(low, open), high) end
end
return {is_stopped and 0 or 1, resume, counted, next_number, rows}
`,
});

/**
 * Reads tasks by their place, and leaves out what does not fit the query.
 *
 * KEYS[1] state of the index (hash)
 * ARGV[1] the query, a FindSpec as JSON; ARGV[2] 1 = only jobs without a number in the index; then for each job its pool and
 * its id
 * Returns {how many of the jobs have no number, rows}.
 */
export const readTasks: Script<[unnumbered: number, rows: RawRow[]]> = new Script({
  name: "readTasks",
  lua: `
local spec = cjson.decode(ARGV[1])
${READ_ROWS}
local is_indexed = redis.call("EXISTS", KEYS[1]) == 1
local unnumbered, rows = 0, {}
for place = 3, #ARGV, 2 do
  local pool, id = ARGV[place], ARGV[place + 1]
  local numbers = redis.pcall("HMGET", queues .. pool .. ":" .. id, "n", "timestamp")
  if not numbers.err and numbers[2] then
    local n = is_indexed and tonumber(numbers[1]) or nil
    local record = n and redis.call("LINDEX", prefix .. "index-tasks/" .. math.floor(n / ${BUCKET}), n % ${BUCKET})
    local tags
    if record and record ~= "" then
      local _, recorded, _, listed = split(record)
      if recorded == id then tags = listed end
    end
    if not tags then unnumbered = unnumbered + 1 end
    if not tags or ARGV[2] == "0" then rows[#rows + 1] = read_row(pool, id, nil, tags) end
  end
end
return {unnumbered, rows}
`,
});
