import {
  bullFunction,
  HOLD_BACK,
  IS_STOPPED_STEP,
  JOB_EXPIRED_FIELD,
  JOB_LIMITED_FIELD,
  LIMITS,
  MOVE_TO_ACTIVE_KEYS,
  Script,
  STEP_LIFE_FIELD,
  STEP_WORKFLOW_FIELD,
  WHOLE,
} from "@manyhands/core/internal";

/** Jobs of the line that one look sorts by their limits at most: about 2 ms of Redis. */
const MOST_SORTED = 128;
/** Places that one look passes over, because nothing of them may start now. */
const MOST_PASSED = 64;

const TAKE_KEYS = MOVE_TO_ACTIVE_KEYS.map((kind, index) => `${kind} = bull_keys[${index + 1}]`).join(", ");

/** What a look in a limited pool has come to. */
export type LimitedLook = [
  /** What BullMQ's take replies. */
  reply: unknown,
  /**
   * 1: more jobs have to be sorted, or places looked at, before it is known what may start; 2: all slots that this host offers
   * have been assigned.
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
 * Lua, of a script with `prefix`, `host`, `pool`, `queue` (what keys of its jobs begin with), `can_run` (this host knows the
 * initializer of the pool, or there is none), `bull_keys` and `bull_args` (those of BullMQ's moveToActive), and `told` in local
 * variables: `take_in_turn()` takes the next job of a limited pool whose turn it is, among those whose task this host knows. `told`
 * is what this host knows of limits: `rules` (JSON: task, or "" for the pool, -> its limits, `everywhere` where they count over
 * all pools), `priorities` (JSON: task -> its priority, "" = none has one), `of` (what the rules are stored under: the same for
 * hosts that know limits of the same tasks) and `news` ("0": it knows the same as at its last take; "1": others; "2": others, by which
 * no job of the pool may be assigned to a host). `micros` and `now`: Redis' clock.
 *
 * 1. What is due is put in line by BullMQ's take. 2. Jobs of the line that have a limit leave it: they are delayed, and stand
 * in the order of their place. While more of them stand there, none is taken: one of a key with very many would start before
 * the first of another key, which is behind them. 3. The place whose turn it is, and of which one more may start, gives its first
 * job: it is put where BullMQ takes from, BullMQ's take is called, and its start is counted; when BullMQ refuses, it goes back. A
 * job in line that is counted as running does not run any more, as its host is gone: it is counted anew, as the first of its
 * place. The keys of jobs, places and tasks are made here; all have the hash tag of the namespace.
 *
 * Returns {@link LimitedLook}.
 */
export const TAKE_IN_TURN = (): string => `${LIMITS}${IS_STOPPED_STEP}
local micros = now_in_micros()
local now = math.floor(micros / 1000)
local keys = {${TAKE_KEYS}}
local delayed = keys.delayed
${HOLD_BACK}
local function take_in_turn()
  ${bullFunction("moveToActive")}
  local rules = cjson.decode(told.rules)
  local priorities = told.priorities ~= "" and cjson.decode(told.priorities) or {}
  local known = {}
  local function knows(task)
    if known[task] == nil then
      known[task] = can_run and redis.call("SISMEMBER", prefix .. "task-hosts/" .. task, host) == 1
    end
    return known[task]
  end
  local function rule_of(place) return rules[string.match(place, "^[^|]*")] end

  local is_new = told.news ~= "0"
  -- What this host offers is withdrawn later: a job that is assigned until then would be counted nowhere.
  if told.news == "2" then redis.pcall("HDEL", prefix .. "offers/" .. host, "p:" .. pool) end
  local stored = redis.call("HMGET", limit_state, told.of, "turning")
  local has_changed = stored[1] ~= told.rules
  if stored[2] or (is_new and has_changed) then some_have_turns() end
  if is_new then
    for _, field in ipairs(redis.call("HKEYS", limit_state)) do
      if string.match(field, "^r[a-z]+s of ") then redis.call("HDEL", limit_state, field) end
    end
  end
  if is_new or has_changed then
    redis.call("HSET", limit_state, told.of, told.rules)
    if told.priorities ~= "" then
      redis.call("HSET", limit_state, "ranks" .. string.sub(told.of, 6), told.priorities)
    end
  end
  local settings = redis.call("HMGET", keys.meta, "paused", "concurrency")
  if settings[1] or (settings[2] and redis.call("LLEN", keys.active) >= tonumber(settings[2])) then
    return {moveToActive(bull_keys, bull_args), 0, 0, 0, 0, now, 0}
  end
  local first = redis.call("ZRANGE", delayed, 0, 0, "WITHSCORES")
  if first[2] and tonumber(first[2]) < (tonumber(bull_args[2]) + 1) * 4096 then
    -- A take from a paused queue puts in line what is due, and takes nothing.
    redis.call("HSET", keys.meta, "paused", 1)
    local is_done, failure = pcall(moveToActive, bull_keys, bull_args)
    redis.call("HDEL", keys.meta, "paused")
    if not is_done then error(failure) end
  end
  for _, place in ipairs(redis.call("ZRANGE", later, "-inf", now, "BYSCORE", "LIMIT", 0, 1000)) do
    redis.call("ZREM", later, place)
    redis.call("ZADD", turns, "NX", next_number(), place)
  end

  -- Steps of a workflow that was stopped are dropped by the take that knows no limits.
  local function takes(task, id) return knows(task) and not is_stopped_step(prefix, queue, id) end
  local from = {rules = rules, ranks = priorities, knows = takes, most = ${MOST_SORTED}, stops = true}
  local ids = {}
  local line = redis.call("LRANGE", keys.wait, -${MOST_SORTED}, -1)
  for index = #line, 1, -1 do ids[#ids + 1] = line[index] end
  from.line = keys.wait
  local sorted, others, chosen = sort_into_places(ids, from)
  local is_unfinished = sorted > 0 and #line == ${MOST_SORTED}
  local is_prioritized = false
  if not chosen and sorted < ${MOST_SORTED} then
    ids = redis.call("ZRANGE", keys.prioritized, 0, ${MOST_SORTED} - 1)
    from.line, from.is_prioritized, from.most = keys.prioritized, true, ${MOST_SORTED} - sorted
    local sorted_too, other_ones, chosen_one = sort_into_places(ids, from)
    is_unfinished = is_unfinished or (sorted_too > 0 and #ids == ${MOST_SORTED}) or sorted_too == from.most
    sorted, others, chosen, is_prioritized = sorted + sorted_too, others + other_ones, chosen_one, chosen_one ~= nil
  end

  local passed, put_back, was_empty = 0, {}, false
  local chosen_place, chosen_score
  while not chosen and not is_unfinished do
    local place = redis.call("ZRANGE", turns, 0, 0)[1]
    if not place then
      was_empty = true
      break
    end
    passed = passed + 1
    if passed > ${MOST_PASSED} then
      is_unfinished = true
      break
    end
    redis.call("ZREM", turns, place)
    local waiting = waiting_of(place)
    local id, score, task
    for _ = 1, ${MOST_PASSED} do
      local entry = redis.call("ZRANGE", waiting, 0, 0, "WITHSCORES")
      if not entry[1] then break end
      -- One that was removed, promoted or is delayed anew is not held back any more.
      local job = redis.call("HMGET", queue .. entry[1], "${JOB_LIMITED_FIELD}", "name", "${STEP_WORKFLOW_FIELD}",
        "${STEP_LIFE_FIELD}")
      local is_held_back = job[1] and redis.call("ZSCORE", delayed, entry[1])
      local is_stopped = is_held_back and is_stopped_step(prefix, queue, entry[1], {job[3], job[4]})
      if is_held_back and not is_stopped then
        id, score, task = entry[1], entry[2], job[2] or ""
        break
      end
      redis.call("ZREM", waiting, entry[1])
      count_gated(-1)
      if is_stopped then
        redis.call("ZREM", delayed, entry[1])
        redis.call("HDEL", queue .. entry[1], "${JOB_LIMITED_FIELD}")
        redis.call("RPUSH", keys.wait, entry[1])
        others = others + 1
      end
    end
    if not id then
      if redis.call("EXISTS", waiting) == 1 then put_back[#put_back + 1] = place end
    else
      local rule = rule_of(place) or {}
      local runs = rule.concurrency
        and tonumber(redis.call("HGET", rule.everywhere and all_running or running, place) or "") or 0
      if rule.concurrency and runs >= rule.concurrency then
        redis.call("ZADD", full, next_number(), place)
        if rule.everywhere then redis.call("SADD", prefix .. "limit-all-full/" .. place, pool) end
      else
        local due = rule.rate and rate_due(rate_of(place, rule.everywhere), rule.rate, micros, 0) or 0
        if due > micros then
          redis.call("ZADD", later, math.ceil(due / 1000), place)
        elseif not knows(task) then
          put_back[#put_back + 1] = place
        else
          chosen, chosen_place, chosen_score = id, place, score
        end
      end
    end
  end
  for _, place in ipairs(put_back) do redis.call("ZADD", turns, "NX", next_number(), place) end

  local function reply_of(bull_reply, did_take)
    local due = redis.call("ZRANGE", later, 0, 0, "WITHSCORES")[2]
    local others_wait = others > 0 or redis.call("LLEN", keys.wait) + redis.call("ZCARD", keys.prioritized) > 0
    local with_turn = (was_empty and not did_take) and 0 or redis.call("ZCARD", turns)
    -- BullMQ announces work after each take. Where there is none, a host would look in vain.
    if did_take and with_turn == 0 and not others_wait then redis.call("ZREM", keys.marker, "0") end
    local is_idle = not did_take and redis.call("EXISTS", turns, full, later, held) == 0
    return {bull_reply, is_unfinished and 1 or 0, others_wait and 1 or 0, with_turn > #put_back and 1 or 0, due and tonumber(due) or 0, now,
      is_idle and 1 or 0}
  end
  if not chosen then
    local next_due = redis.call("ZRANGE", delayed, 0, 0, "WITHSCORES")[2]
    return reply_of({0, 0, 0, next_due and tonumber(next_due) / 4096 or 0}, false)
  end
  if chosen_place then
    redis.call("ZREM", delayed, chosen)
    redis.call("ZREM", waiting_of(chosen_place), chosen)
  elseif is_prioritized then
    redis.call("ZREM", keys.prioritized, chosen)
  else
    redis.call("LREM", keys.wait, -1, chosen)
  end
  redis.call("RPUSH", keys.wait, chosen)
  local taken_job = moveToActive(bull_keys, bull_args)
  if taken_job[2] == 0 then
    if chosen_place then
      redis.call("LREM", keys.wait, -1, chosen)
      count_gated(-1)
      local job = queue .. chosen
      local fields = redis.call("HMGET", job, "timestamp", "ats", "${JOB_EXPIRED_FIELD}")
      local expiry = wanted_until(job, fields[1], {fields[2], fields[3]})
      hold_back({{id = chosen, place = chosen_place, score = chosen_score, expiry = expiry}})
      redis.call("ZADD", turns, 0, chosen_place)
    end
    return reply_of(taken_job, false)
  end
  if chosen_place then
    count_gated(-1)
    redis.call("HDEL", queue .. chosen, "${JOB_LIMITED_FIELD}")
    local rule = rule_of(chosen_place) or {}
    redis.call("HSET", held, chosen, (rule.everywhere and "*" or "") .. chosen_place)
    count_in(running, chosen_place, 1)
    if rule.everywhere then count_in(all_running, chosen_place, 1) end
    if rule.rate then note_start(rate_of(chosen_place, rule.everywhere), rule.rate, micros) end
    -- It had the turn: it is neither full nor waits for a time.
    if redis.call("EXISTS", waiting_of(chosen_place)) == 1 then redis.call("ZADD", turns, "NX", next_number(), chosen_place) end
  end
  return reply_of(taken_job, true)
end
`;

/**
 * KEYS[1..11] those of BullMQ's moveToActive; KEYS[12] sorted set of hosts that offer slots and KEYS[13] hash of this host's
 * offers, where a slot of them is used
 * ARGV[1..3] those of moveToActive; ARGV[4] prefix of our keys; ARGV[5] id of this host; ARGV[6] name of the pool; ARGV[7] JSON:
 * limits; ARGV[8] 1 = this host knows the initializer of the pool, or there is none; ARGV[9] JSON: priorities; ARGV[10] what the
 * limits are stored under; ARGV[11] epoch of the offers of which one is withdrawn first, "" = none; ARGV[12] 1 = this host knows other
 * limits than at its last take, 2 = and by them no job of the pool may be assigned to a host, 0 = it knows the same
 *
 * Takes the next job whose turn it is: see {@link TAKE_IN_TURN}.
 *
 * Returns {@link LimitedLook}.
 */
export const takeInTurn: Script<LimitedLook> = new Script<LimitedLook>({
  name: "takeInTurn",
  lua: () => `
local queue, prefix, host, pool, can_run = ARGV[1], ARGV[4], ARGV[5], ARGV[6], ARGV[8] == "1"
local bull_keys, bull_args = KEYS, ARGV
local told = {rules = ARGV[7], priorities = ARGV[9], of = ARGV[10], news = ARGV[12]}
${WHOLE}${TAKE_IN_TURN()}
if ARGV[11] ~= "" then
  local offer = redis.pcall("HMGET", KEYS[13], "epoch", "offered", "given")
  if offer[1] ~= ARGV[11] then return {{0, 0, 0, 0}, 2, 0, 0, 0, now, 0} end
  local offered, given = (whole(offer[2]) or 0) - 1, whole(offer[3])
  if not given or offered < given then return {{0, 0, 0, 0}, 2, 0, 0, 0, now, 0} end
  redis.call("HSET", KEYS[13], "offered", offered)
  if offered == given then redis.pcall("ZREM", KEYS[12], host) end
end
return take_in_turn()
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
