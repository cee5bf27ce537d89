import { Script, SERVER_TIME, SET_ASIDE } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";

export const MINUTE: Milliseconds = 60_000;
export const HOUR: Milliseconds = 3_600_000;
export const DAY: Milliseconds = 86_400_000;
/** How long the figures of a minute, and of an hour, are kept, ms. */
export const MINUTES_KEPT: Milliseconds = 10_800_000;
export const HOURS_KEPT: Milliseconds = 691_200_000;
/** Most pairs of a pool and a task, and pools, that have figures of their own; the others count together. */
export const MOST_PAIRS = 500;
/** Most groups of errors that are told apart, and how long one is kept after its last error, ms. */
export const MOST_GROUPS = 1_000;
export const GROUPS_KEPT: Milliseconds = 2_592_000_000;
/** A group that had an error this lately does not make room for a new one, ms. */
const SILENT_GROUP: Milliseconds = 3_600_000;
/** Hosts and tasks that a group of errors names. */
export const NAMED = 5;
/** How long it is remembered which batch a writer has sent last, ms. */
const BATCH_KEPT: Milliseconds = 120_000;

/** Number of the figures of everything, and of what is over the most pairs. */
export const ALL_PAIRS = "0";
export const OTHER_PAIR = "1";

/**
 * Lua: `is_sent(key, batch)`: true when this batch of a writer, or a later one, was taken before: the connection has sent it
 * again. `add(key, field, value)`: what another client has left in the place of a counter is dropped.
 */
const COUNTING = `
local function is_sent(key, batch)
  local last = redis.pcall("GET", key)
  if type(last) == "string" and (tonumber(last) or 0) >= tonumber(batch) then return true end
  redis.call("SET", key, batch, "PX", ${BATCH_KEPT})
  return false
end
local function add(key, field, value)
  local reply = redis.pcall("HINCRBY", key, field, value)
  if type(reply) ~= "table" or not reply.err then return end
  redis.call("DEL", key)
  redis.call("HINCRBY", key, field, value)
end
`;

/**
 * KEYS[1] hash: pair -> its number; KEYS[2] string: last batch of this writer
 * ARGV[1] prefix of keys; ARGV[2] number of the batch; then for each pair: pool, task, number of fields, and each field with
 * what is added to it
 * Adds to the figures of the present minute of each pair, of its pool and of everything, and to the totals of each pair.
 * End-to-end times (fields e...) go to the totals alone.
 * Returns 1, or 0 when the batch was added before.
 */
export const addRollups: Script<number> = new Script<number>({
  name: "addRollups",
  lua: `${SET_ASIDE}${SERVER_TIME}${COUNTING}
if is_sent(KEYS[2], ARGV[2]) then return 0 end
set_aside(KEYS[1], "hash")
local prefix = ARGV[1] .. "rollup/"
local function number_of(pool, task)
  local pair = pool .. "\\n" .. task
  local known = redis.call("HGET", KEYS[1], pair)
  if known then return known end
  if redis.call("HLEN", KEYS[1]) > ${MOST_PAIRS} then return "${OTHER_PAIR}" end
  redis.call("HSETNX", KEYS[1], "next", "${OTHER_PAIR}")
  local number = string.format("%d", redis.call("HINCRBY", KEYS[1], "next", 1))
  redis.call("HSET", KEYS[1], pair, number)
  return number
end
local minutes, totals = {}, {}
local function gather(sums, number, field, value)
  sums[number] = sums[number] or {}
  sums[number][field] = (sums[number][field] or 0) + value
end
local at = 3
while at <= #ARGV do
  local pool, task, fields = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local pair, whole = number_of(pool, task), number_of(pool, "")
  for index = at + 3, at + 1 + 2 * fields, 2 do
    local field, value = ARGV[index], tonumber(ARGV[index + 1])
    gather(totals, pair, field, value)
    if string.sub(field, 1, 1) ~= "e" then
      gather(minutes, pair, field, value)
      if whole ~= pair then gather(minutes, whole, field, value) end
      gather(minutes, "${ALL_PAIRS}", field, value)
    end
  end
  at = at + 3 + 2 * fields
end
local minute = string.format("%d", math.floor(server_time() / ${MINUTE}))
local function write(sums, place, kept)
  for number, fields in pairs(sums) do
    local key = prefix .. place .. number
    for field, value in pairs(fields) do add(key, field, string.format("%.0f", value)) end
    redis.call("PEXPIRE", key, kept)
  end
end
write(minutes, "1m/" .. minute .. "/", ${MINUTES_KEPT})
write(totals, "total/", ${HOURS_KEPT})
redis.call("PEXPIRE", KEYS[1], ${HOURS_KEPT})
return 1
`,
});

/**
 * KEYS[1] hash: pair -> its number
 * ARGV[1] prefix of keys; ARGV[2] the hour, hours since 1970; ARGV[3..] numbers of pairs
 * Writes the figures of an hour that is over from those of its minutes; once more changes nothing.
 * Returns 1, or 0 when the hour is not over.
 */
export const sumHour: Script<number> = new Script<number>({
  name: "sumHour",
  isMeasured: false,
  lua: `${SERVER_TIME}
local hour = tonumber(ARGV[2])
if math.floor(server_time() / ${HOUR}) <= hour then return 0 end
local prefix = ARGV[1] .. "rollup/"
for index = 3, #ARGV do
  local sums, is_empty = {}, true
  for minute = hour * 60, hour * 60 + 59 do
    local fields = redis.pcall("HGETALL", prefix .. "1m/" .. string.format("%d", minute) .. "/" .. ARGV[index])
    if not fields.err then
      for at = 1, #fields, 2 do
        sums[fields[at]] = (sums[fields[at]] or 0) + (tonumber(fields[at + 1]) or 0)
        is_empty = false
      end
    end
  end
  if not is_empty then
    local key = prefix .. "1h/" .. string.format("%d", hour) .. "/" .. ARGV[index]
    redis.call("DEL", key)
    for field, sum in pairs(sums) do redis.call("HSET", key, field, string.format("%.0f", sum)) end
    redis.call("PEXPIRE", key, ${HOURS_KEPT})
  end
end
return 1
`,
});

/**
 * KEYS[1] hash: pair -> its number
 * ARGV[1] prefix of keys; ARGV[2] 1 = the sum of all places, 0 = each place; ARGV[3] how many numbers of pairs follow; then
 * these; then the places: step and bucket, "1m/29000000"
 * Returns for each number a list of {place, from 1, list of fields and values}; places that hold nothing are left out.
 */
export const readFigures: Script<[place: number, fields: string[]][][]> = new Script<
  [place: number, fields: string[]][][]
>({
  name: "readFigures",
  isMeasured: false,
  lua: `
local prefix, is_sum, numbers = ARGV[1] .. "rollup/", ARGV[2] == "1", tonumber(ARGV[3])
local rows = {}
for index = 4, 3 + numbers do
  local row, sums = {}, {}
  for at = 4 + numbers, #ARGV do
    local fields = redis.pcall("HGETALL", prefix .. ARGV[at] .. "/" .. ARGV[index])
    if not fields.err and #fields > 0 then
      if is_sum then
        for field = 1, #fields, 2 do
          sums[fields[field]] = (sums[fields[field]] or 0) + (tonumber(fields[field + 1]) or 0)
        end
      else
        row[#row + 1] = { at - 3 - numbers, fields }
      end
    end
  end
  if is_sum and next(sums) then
    local fields = {}
    for field, sum in pairs(sums) do
      fields[#fields + 1] = field
      fields[#fields + 1] = string.format("%.0f", sum)
    end
    row[1] = { 1, fields }
  end
  rows[#rows + 1] = row
end
return rows
`,
});

/**
 * KEYS[1] hash: pair -> its number
 * ARGV[1] prefix of keys
 * Forgets the pairs of which nothing has happened for so long that no figures are left.
 * Returns how many.
 */
export const forgetPairs: Script<number> = new Script<number>({
  name: "forgetPairs",
  isMeasured: false,
  lua: `
local pairs_of = redis.pcall("HGETALL", KEYS[1])
if pairs_of.err then return 0 end
local used, forgotten = {}, 0
for at = 1, #pairs_of, 2 do
  local pool, task = string.match(pairs_of[at], "^(.-)\\n(.*)$")
  if task and task ~= "" then
    if redis.call("EXISTS", ARGV[1] .. "rollup/total/" .. pairs_of[at + 1]) == 1 then
      used[pool] = true
    else
      forgotten = forgotten + redis.call("HDEL", KEYS[1], pairs_of[at])
    end
  end
end
for at = 1, #pairs_of, 2 do
  local pool = string.match(pairs_of[at], "^(.-)\\n$")
  if pool and not used[pool] then forgotten = forgotten + redis.call("HDEL", KEYS[1], pairs_of[at]) end
end
return forgotten
`,
});

/**
 * KEYS[1] sorted set: group of errors -> server time of its last one, ms; KEYS[2] string: last batch of this writer
 * ARGV[1] prefix of keys; ARGV[2] number of the batch; then for each group: its id, task, class, message, frame, number of
 * errors, pool, host, ids of the last tasks with line breaks between, the last one first
 * Returns 1, or 0 when the batch was added before.
 */
export const addErrors: Script<number> = new Script<number>({
  name: "addErrors",
  lua: `${SET_ASIDE}${SERVER_TIME}${COUNTING}
if is_sent(KEYS[2], ARGV[2]) then return 0 end
set_aside(KEYS[1], "zset")
local prefix = ARGV[1] .. "error/"
local now = server_time()
local day, hour = math.floor(now / ${DAY}), math.floor(now % ${DAY} / ${HOUR})
local function with_latest(key, field, latest)
  local names, is_known = {}, {}
  for name in string.gmatch(latest .. "\\n" .. (redis.call("HGET", key, field) or ""), "[^\\n]+") do
    if not is_known[name] and #names < ${NAMED} then names[#names + 1] = name end
    is_known[name] = true
  end
  redis.call("HSET", key, field, table.concat(names, "\\n"))
end
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", string.format("(%.0f", now - ${GROUPS_KEPT}))
for at = 3, #ARGV, 9 do
  local group, task, class, message, frame = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local is_other = false
  if not redis.call("ZSCORE", KEYS[1], group) and redis.call("ZCARD", KEYS[1]) >= ${MOST_GROUPS} then
    -- The group that has been silent for longest makes room.
    local oldest = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")
    if tonumber(oldest[2]) < now - ${SILENT_GROUP} then
      redis.call("ZREM", KEYS[1], oldest[1])
      redis.call("DEL", prefix .. oldest[1])
    else
      group, is_other = "other", true
    end
  end
  local key = prefix .. group
  if redis.call("TYPE", key).ok ~= "hash" then redis.call("DEL", key) end
  if is_other then task, class, message, frame = "", "", "errors of more than ${MOST_GROUPS} kinds", "" end
  redis.call("HSETNX", key, "first", string.format("%.0f", now))
  redis.call("HSET", key, "task", task, "name", class, "message", message, "frame", frame, "last", string.format("%.0f", now))
  add(key, "count", ARGV[at + 5])
  with_latest(key, "pools", ARGV[at + 6])
  with_latest(key, "hosts", ARGV[at + 7])
  with_latest(key, "ids", ARGV[at + 8])
  redis.call("PEXPIRE", key, ${GROUPS_KEPT})
  local by_day = key .. "/" .. string.format("%d", day)
  add(by_day, string.format("%d", hour), ARGV[at + 5])
  redis.call("PEXPIRE", by_day, ${HOURS_KEPT})
  local by_hour = key .. "/1h/" .. string.format("%d", math.floor(now / ${HOUR}))
  add(by_hour, string.format("%d", math.floor(now % ${HOUR} / ${MINUTE})), ARGV[at + 5])
  redis.call("PEXPIRE", by_hour, ${MINUTES_KEPT + HOUR})
  redis.call("ZADD", KEYS[1], string.format("%.0f", now), group)
end
redis.call("PEXPIRE", KEYS[1], ${GROUPS_KEPT})
return 1
`,
});
