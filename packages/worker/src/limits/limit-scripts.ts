import {
  bullFunction,
  HOLD_BACK,
  IS_STOPPED_STEP,
  JOB_LIMITED_FIELD,
  LIMITS,
  MOVE_TO_ACTIVE_KEYS,
  Script,
  WHOLE,
} from "@manyhands/core/internal";

/** Jobs of the line that one look sorts by their limits at most: about 2 ms of Redis. */
const MOST_SORTED = 128;
/** Places that one look passes over, because nothing of them may start now. */
const MOST_PASSED = 64;

const TAKE_KEYS = MOVE_TO_ACTIVE_KEYS.map((kind, index) => `${kind} = KEYS[${index + 1}]`).join(", ");

/** What a look in a limited pool has come to. */
export type LimitedLook = [
  /** What BullMQ's take replies. */
  reply: unknown,
  /**
   * 1: more jobs have to be sorted, or places looked at, before it is known that nothing may start; 2: all slots that this
   * host offers have been assigned.
   */
  isUnfinished: 0 | 1 | 2,
  /** Jobs wait in line that no limit holds back, or that this host does not know. */
  hasOthers: 0 | 1,
  /** A place may have a turn now. */
  hasTurns: 0 | 1,
  /** When the rate of a place allows the next start, epoch ms by Redis' clock; 0 = none waits for that. */
  dueAt: number,
  /** Redis' clock, epoch ms. */
  now: number,
  /** Nothing is held back, and nothing that was taken in turn runs. */
  isIdle: 0 | 1,
];

/**
 * Takes the next job of a limited pool whose turn it is, among those whose task this host knows.
 *
 * KEYS[1..11] those of BullMQ's moveToActive; KEYS[12] sorted set of hosts that offer slots and KEYS[13] hash of this host's
 * offers, where a slot of them is used
 * ARGV[1..3] those of moveToActive; ARGV[4] prefix of our keys; ARGV[5] id of this host; ARGV[6] name of the pool; ARGV[7] JSON:
 * task, or "" for the pool, -> its limits, `everywhere` where they count over all pools; ARGV[8] 1 = this host knows the initializer of the pool, or there is none; ARGV[9]
 * JSON: task that this host knows -> its priority, "" = none has one; ARGV[10] what the limits are known under: the same for
 * hosts that know limits of the same tasks; ARGV[11] epoch of the offers of which one is withdrawn first, "" = none; ARGV[12] 1 =
 * this host knows other limits than at its last take
 *
 * 1. What is due is put in line by BullMQ's take. 2. Jobs of the line that have a limit leave it: they are delayed, and stand
 * in the order of their place. 3. The place whose turn it is, and of which one more may start, gives its first job: it is
 * put where BullMQ takes from, BullMQ's take is called, and its start is counted; when BullMQ refuses, it goes back. A job in line
 * that is counted as running does not run any more, as its host is gone: it is counted anew, as the first of its place. The
 * keys of jobs, places and tasks are made here; all have the hash tag of the namespace.
 *
 * Returns {@link LimitedLook}.
 */
export const takeInTurn: Script<LimitedLook> = new Script<LimitedLook>({
  name: "takeInTurn",
  lua: () => `
local keys = {${TAKE_KEYS}}
local queue, prefix, host, pool = ARGV[1], ARGV[4], ARGV[5], ARGV[6]
local rules, can_run = cjson.decode(ARGV[7]), ARGV[8] == "1"
local priorities = ARGV[9] ~= "" and cjson.decode(ARGV[9]) or {}
${LIMITS}${WHOLE}${IS_STOPPED_STEP}
${bullFunction("moveToActive")}
local micros = now_in_micros()
local now = math.floor(micros / 1000)
local known = {}
local function knows(task)
  if known[task] == nil then
    known[task] = can_run and redis.call("SISMEMBER", prefix .. "task-hosts/" .. task, host) == 1
  end
  return known[task]
end
local function rule_of(place) return rules[string.match(place, "^[^|]*")] end

if ARGV[11] ~= "" then
  local offer = redis.pcall("HMGET", KEYS[13], "epoch", "offered", "given")
  if offer[1] ~= ARGV[11] then return {{0, 0, 0, 0}, 2, 0, 0, 0, now, 0} end
  local offered, given = (whole(offer[2]) or 0) - 1, whole(offer[3])
  if not given or offered < given then return {{0, 0, 0, 0}, 2, 0, 0, 0, now, 0} end
  redis.call("HSET", KEYS[13], "offered", offered)
  if offered == given then redis.pcall("ZREM", KEYS[12], host) end
end
if ARGV[12] == "1" then
  for _, field in ipairs(redis.call("HKEYS", limit_state)) do
    if string.match(field, "^r[a-z]+s of ") then redis.call("HDEL", limit_state, field) end
  end
  all_have_turns(full)
  all_have_turns(later)
end
if redis.call("HGET", limit_state, ARGV[10]) ~= ARGV[7] then
  redis.call("HSET", limit_state, ARGV[10], ARGV[7])
  if ARGV[9] ~= "" then redis.call("HSET", limit_state, "ranks" .. string.sub(ARGV[10], 6), ARGV[9]) end
end
local settings = redis.call("HMGET", keys.meta, "paused", "concurrency")
if settings[1] or (settings[2] and redis.call("LLEN", keys.active) >= tonumber(settings[2])) then
  return {moveToActive(KEYS, ARGV), 0, 0, 0, 0, now, 0}
end
local first = redis.call("ZRANGE", keys.delayed, 0, 0, "WITHSCORES")
if first[2] and tonumber(first[2]) < (tonumber(ARGV[2]) + 1) * 4096 then
  -- A take from a paused queue puts in line what is due, and takes nothing.
  redis.call("HSET", keys.meta, "paused", 1)
  local is_done, failure = pcall(moveToActive, KEYS, ARGV)
  redis.call("HDEL", keys.meta, "paused")
  if not is_done then error(failure) end
end
for _, place in ipairs(redis.call("ZRANGE", later, "-inf", now, "BYSCORE", "LIMIT", 0, 1000)) do
  redis.call("ZREM", later, place)
  redis.call("ZADD", turns, "NX", next_number(), place)
end

local delayed = keys.delayed
${HOLD_BACK}
local chosen, chosen_place, chosen_score
local others, sorted, is_unfinished = 0, 0, false
-- Steps of a workflow that was stopped are dropped by the take that knows no limits.
local function takes(task, id) return knows(task) and not is_stopped_step(prefix, queue, id) end
-- One job of the line. Returns true when it is to be taken at once: the host computes its key, and puts it back with it, or its
-- time is over.
local function sort(id, is_prioritized)
  local line = is_prioritized and keys.prioritized or keys.wait
  local fate = sort_into_place(id, {rules = rules, ranks = priorities, knows = takes, line = line, is_prioritized = is_prioritized})
  if fate == "" then others = others + 1 end
  if fate == "held" then sorted = sorted + 1 end
  return fate == "keyless" or fate == "over"
end
local line = redis.call("LRANGE", keys.wait, -${MOST_SORTED}, -1)
for index = #line, 1, -1 do
  if sort(line[index], false) then
    chosen = line[index]
    break
  end
end
if not chosen and sorted < ${MOST_SORTED} then
  for _, id in ipairs(redis.call("ZRANGE", keys.prioritized, 0, ${MOST_SORTED} - 1)) do
    if sort(id, true) then
      chosen = id
      redis.call("ZREM", keys.prioritized, id)
      redis.call("RPUSH", keys.wait, id)
      break
    end
  end
end
if sorted >= ${MOST_SORTED} then is_unfinished = true end

local passed, put_back = 0, {}
while not chosen do
  local place = redis.call("ZRANGE", turns, 0, 0)[1]
  if not place then break end
  passed = passed + 1
  if passed > ${MOST_PASSED} then
    is_unfinished = true
    break
  end
  redis.call("ZREM", turns, place)
  local waiting = waiting_of(place)
  local id, score
  for _ = 1, ${MOST_PASSED} do
    local entry = redis.call("ZRANGE", waiting, 0, 0, "WITHSCORES")
    if not entry[1] then break end
    -- One that was removed, promoted or is delayed anew is not held back any more.
    local is_held_back = redis.call("ZSCORE", keys.delayed, entry[1])
      and redis.call("HEXISTS", queue .. entry[1], "${JOB_LIMITED_FIELD}") == 1
    local is_stopped = is_held_back and is_stopped_step(prefix, queue, entry[1])
    if is_held_back and not is_stopped then
      id, score = entry[1], entry[2]
      break
    end
    redis.call("ZREM", waiting, entry[1])
    count_gated(-1)
    if is_stopped then
      redis.call("ZREM", keys.delayed, entry[1])
      redis.call("HDEL", queue .. entry[1], "${JOB_LIMITED_FIELD}")
      redis.call("RPUSH", keys.wait, entry[1])
      others = others + 1
    end
  end
  if not id then
    if redis.call("EXISTS", waiting) == 1 then put_back[#put_back + 1] = place end
  else
    local rule = rule_of(place) or {}
    local runs = tonumber(redis.call("HGET", rule.everywhere and all_running or running, place) or "") or 0
    if rule.concurrency and runs >= rule.concurrency then
      redis.call("ZADD", full, next_number(), place)
      if rule.everywhere then redis.call("SADD", prefix .. "limit-all-full/" .. place, pool) end
    else
      local due = rule.rate and rate_due(rate_of(place, rule.everywhere), rule.rate, micros, 0) or 0
      if due > micros then
        redis.call("ZADD", later, math.ceil(due / 1000), place)
      elseif not knows(redis.call("HGET", queue .. id, "name") or "") then
        put_back[#put_back + 1] = place
      else
        chosen, chosen_place, chosen_score = id, place, score
      end
    end
  end
end
for _, place in ipairs(put_back) do redis.call("ZADD", turns, "NX", next_number(), place) end

local function reply_of(reply)
  local due = redis.call("ZRANGE", later, 0, 0, "WITHSCORES")[2]
  local others_wait = others > 0 or redis.call("LLEN", keys.wait) + redis.call("ZCARD", keys.prioritized) > 0
  local has_turns = redis.call("ZCARD", turns) > #put_back
  return {reply, is_unfinished and 1 or 0, others_wait and 1 or 0, has_turns and 1 or 0, due and tonumber(due) or 0, now,
    redis.call("EXISTS", turns, full, later, held) == 0 and 1 or 0}
end
if not chosen then
  local next_due = redis.call("ZRANGE", keys.delayed, 0, 0, "WITHSCORES")[2]
  return reply_of({0, 0, 0, next_due and tonumber(next_due) / 4096 or 0})
end
if chosen_place then
  redis.call("ZREM", keys.delayed, chosen)
  redis.call("ZREM", waiting_of(chosen_place), chosen)
else
  redis.call("LREM", keys.wait, -1, chosen)
end
redis.call("RPUSH", keys.wait, chosen)
local reply = moveToActive(KEYS, ARGV)
if reply[2] == 0 then
  if chosen_place then
    redis.call("LREM", keys.wait, -1, chosen)
    count_gated(-1)
    hold_back(chosen, chosen_place, chosen_score, expiry_of(queue .. chosen, redis.call("HGET", queue .. chosen, "timestamp")))
    redis.call("ZADD", turns, 0, chosen_place)
  end
  return reply_of(reply)
end
if chosen_place then
  count_gated(-1)
  redis.call("HDEL", queue .. chosen, "${JOB_LIMITED_FIELD}")
  local rule = rule_of(chosen_place) or {}
  redis.call("HSET", held, chosen, (rule.everywhere and "*" or "") .. chosen_place)
  count_in(running, chosen_place, 1)
  if rule.everywhere then count_in(all_running, chosen_place, 1) end
  if rule.rate then note_start(rate_of(chosen_place, rule.everywhere), rule.rate, micros) end
  if redis.call("EXISTS", waiting_of(chosen_place)) == 1 then give_turn(chosen_place) end
end
return reply_of(reply)
`,
});

/**
 * Jobs do not run any more: their places come free. One that is locked is another host's by now, and still runs.
 *
 * KEYS[1] hash of the queue's settings; KEYS[2] sorted set of markers
 * ARGV[1] prefix of our keys; ARGV[2] name of the pool; ARGV[3] what the keys of its jobs begin with; ARGV[4..] ids of jobs
 * A host is woken when a place may have a turn.
 * Returns how many were released.
 */
export const releaseTurns: Script<number> = new Script<number>({
  name: "releaseTurns",
  lua: `
local prefix, pool, jobs = ARGV[1], ARGV[2], ARGV[3]
${LIMITS}
local released = 0
for index = 4, #ARGV do
  local id = ARGV[index]
  if redis.call("EXISTS", jobs .. id .. ":lock") == 0 and release(id) then released = released + 1 end
end
if released > 0 and redis.call("EXISTS", turns) == 1 and redis.call("HEXISTS", KEYS[1], "paused") == 0 then
  redis.call("ZADD", KEYS[2], 0, "0")
end
return released
`,
});

/**
 * Mends what kills and hands leave behind: places of jobs that do not run, and turns that nothing announces.
 *
 * KEYS[1] list of active jobs; KEYS[2] list of waiting jobs; KEYS[3] sorted set of prioritized jobs; KEYS[4] hash of the
 * queue's settings; KEYS[5] sorted set of markers
 * ARGV[1] prefix of our keys; ARGV[2] name of the pool; ARGV[3] what the keys of its jobs begin with; ARGV[4] where to go on,
 * "0" = from the beginning
 * Returns {where to go on, "0" = done; how many were released; 1 = places have, or wait for, a turn}.
 */
export const sweepTurns: Script<[cursor: string, released: number, isOpen: 0 | 1]> = new Script<
  [string, number, 0 | 1]
>({
  name: "sweepTurns",
  lua: `
local prefix, pool, jobs = ARGV[1], ARGV[2], ARGV[3]
${LIMITS}
local released = 0
local page = redis.call("HSCAN", held, ARGV[4], "COUNT", 100)
for index = 1, #page[2], 2 do
  local id = page[2][index]
  local is_in_use = redis.call("EXISTS", jobs .. id .. ":lock") == 1 or redis.call("LPOS", KEYS[1], id)
    or redis.call("LPOS", KEYS[2], id, "RANK", -1, "MAXLEN", 1000) or redis.call("ZSCORE", KEYS[3], id)
  if not is_in_use and release(id) then released = released + 1 end
end
if page[1] == "0" then
  local now = math.floor(now_in_micros() / 1000)
  local due = redis.call("ZRANGE", later, 0, 0, "WITHSCORES")[2]
  local is_open = redis.call("EXISTS", turns) == 1 or (due and tonumber(due) <= now)
  local settings = redis.call("HMGET", KEYS[4], "paused", "concurrency")
  local has_room = not settings[2] or redis.call("LLEN", KEYS[1]) < tonumber(settings[2])
  if is_open and has_room and not settings[1] and redis.call("EXISTS", KEYS[5]) == 0 then
    redis.call("ZADD", KEYS[5], 0, "0")
  end
end
return {page[1], released, redis.call("EXISTS", turns, full, later) > 0 and 1 or 0}
`,
});
