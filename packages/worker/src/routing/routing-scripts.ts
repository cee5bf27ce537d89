import {
  bullFunction,
  DROP_STEP,
  EXPIRY_OF,
  INDEX_RESTATE,
  IS_STOPPED_STEP,
  JOB_CANCEL_FIELD,
  JOB_ERROR_FIELD,
  JOB_EXPIRED_FIELD,
  JOB_RANKED_FIELD,
  JOB_UNSERVED_FIELD,
  MOVE_TO_ACTIVE_KEYS,
  NOTE_ENDING,
  READ_MICROS,
  RESULT_LOST,
  repeatedBullFunction,
  Script,
  STEP_LIFE_FIELD,
  STEP_WORKFLOW_FIELD,
  trimHistory,
  WHOLE,
  workflowLua,
} from "@manyhands/core/internal";
import { PARKED_FOR } from "./parking.ts";

/** What a look for a job has come to, besides what BullMQ's script replies. */
export type LookState =
  /** BullMQ's take decided, or all that waits was looked at. */
  | ""
  /** All slots that this host offers have been assigned. */
  | "refused"
  /** This host is not announced: what it knows is not to be found in Redis. */
  | "unannounced"
  /** As many jobs were parked as one script may; the look goes on from the place in the line. */
  | "more"
  /** Nothing was found as far as was looked; the line is longer. */
  | "beyond"
  /** The same, and among the last jobs of the line there is one that this host knows. */
  | "behind"
  /** The next job that this host knows has a limit: it is taken in turn, by another script. */
  | "limited";

export type Look = [reply: unknown, state: LookState, place: number, last: string, hasLost: 0 | 1];

/** Jobs of the line that each look for a known one sees. */
export const USUAL_DEPTH = 32;
/** Jobs that are parked by one script at most: about 1 ms of Redis. */
const MOST_PARKED = 256;
/** Giving a job the priority of its task costs as much as parking so many. */
const RANK_COST = 4;
/** Dropping a step of a stopped workflow costs as much as parking so many. */
const DROP_COST = 2;
/** Jobs at the end of a long line that are looked at as well: the newest ones. */
const NEWEST = 32;
/** Jobs that one command reads from the line. */
const SLICE = 128;
/** Further jobs that a look brings in front together with the one that it takes: the next looks need not go so far. */
const MOST_BROUGHT = 8;
/** Of the hosts that know a task, so many are woken at most. */
const MOST_WOKEN = 4;
/** How long a wake-up is kept that a host has not read, ms. */
const WAKE_LIFE = 10_000;
/** What is kept about parked jobs outlives them by this, ms. */
const PARKED_LIFE = 60_000;
/** How long it is kept since when a task has no host, beyond the time that its jobs stay in line, ms. */
const AWAY_LIFE = 5_000;

/**
 * Lua, of a script with \`prefix\` (of our keys), \`host\` and \`can_run\` (false: this host lacks the initializer of the pool)
 * and \`priorities\` (of its tasks that have one, by name, 0 = its jobs have limits; or nil) in local variables: \`knows(task)\`; \`knows_job(prefix of the queue, id)\`, true also for a job that is gone, which is
 * BullMQ's matter; \`is_next_known(keys, prefix of the queue, now, known)\`: BullMQ would take nothing, or what the host knows. In
 * the usual case that is one look at the head of the line; \`known\`: workflows that the script has open, by id.
 */
const KNOWS = `${IS_STOPPED_STEP}
local own = {}
local function knows(task)
  if own[task] == nil then own[task] = redis.call("SISMEMBER", prefix .. "task-hosts/" .. task, host) == 1 end
  return own[task]
end
local function knows_job(jobs, id, name)
  local task = name
  if task == nil then task = redis.call("HGET", jobs .. id, "name") end
  return not task or (can_run and knows(task)), task
end
local function is_limited(task) return priorities and (priorities[task] == 0 or priorities["*"] == 0) end
-- The priority that its task gives to a job of the line of those without one; nil: it is where it belongs.
local function rank_of(jobs, id, task)
  local priority = priorities and task and priorities[task]
  if not priority or priority == 0 or redis.call("HEXISTS", jobs .. id, "${JOB_RANKED_FIELD}") == 1 then return nil end
  return priority
end
local function is_due(delayed, at)
  local first = redis.call("ZRANGE", delayed, 0, 0, "WITHSCORES")
  return first[2] and tonumber(first[2]) < (at + 1) * 4096
end
local function is_next_known(lines, jobs, at, known)
  local id = redis.call("LINDEX", lines.wait, -1)
  local is_plain = id
  if not id then
    if is_due(lines.delayed, at) then return false end
    id = redis.call("ZRANGE", lines.prioritized, 0, 0)[1]
    if not id then return true end
  end
  local fields = redis.call("HMGET", jobs .. id, "name", "${STEP_WORKFLOW_FIELD}", "${STEP_LIFE_FIELD}")
  if is_stopped_step(prefix, jobs, id, {fields[2], fields[3], known}) then return false end
  local is_known, task = knows_job(jobs, id, fields[1])
  return is_known and not is_limited(task) and not (is_plain and rank_of(jobs, id, task))
end
`;

/** Positions of keys in `moveToActive`, by name. */
const TAKE_KEYS = MOVE_TO_ACTIVE_KEYS.map((kind, index) => `${kind} = KEYS[${index + 1}]`).join(", ");
const FIRST_OWN_KEY = MOVE_TO_ACTIVE_KEYS.length + 1;

/**
 * Takes the first job of a queue whose task this host knows, also if other jobs stand before it.
 *
 * KEYS[1..11] those of BullMQ's moveToActive; KEYS[12] queues of this host; KEYS[13] set of what is parked;
 * KEYS[14] sorted set of hosts that offer slots and KEYS[15] hash of this host's offers, where a slot of them is used
 * ARGV[1..3] those of moveToActive; ARGV[4] prefix of our keys; ARGV[5] id of this host; ARGV[6] name of the queue;
 * ARGV[7] "*" for a pool, "" for a queue of processes; ARGV[8] initializer of the pool, "" = none; ARGV[9] 1 = this host knows
 * it; ARGV[10] place in the line, counted from the job that is next, from which to look; ARGV[11] how many jobs that stay in
 * line to look at; ARGV[12] job behind which to look while it is in line, "" = none; ARGV[13] 1 = a job that is only to end has
 * its turn like one that can run, else it comes last; ARGV[14] epoch of the offers of which one is withdrawn first, "" = none;
 * ARGV[15] JSON: task that this host knows -> its priority, "" = none has one; ARGV[16] how long jobs stay in line when the
 * last host of their task has gone, ms
 *
 * The normal case, in which the next job is known, is BullMQ's own take. Else: 1. what is due is put in line by BullMQ's
 * take; 2. the first known job is moved to where BullMQ takes from and BullMQ's take is called; when that refuses, the job
 * goes back to its place; 3. hosts that know what was passed over are woken; 4. what no live host knows stays in line for a
 * while and is parked then: delayed, and noted with its order in a set of its task; 5. a step of a workflow that was stopped
 * leaves the line and is noted in the workflow. One that has expired, or that is to be
 * cancelled, is taken by any host. The keys of job hashes, tasks and hosts are made here; all have the hash tag of the namespace.
 *
 * Returns {what moveToActive returns, state (see LookState), place in the line up to which was looked, the last job there,
 * 1 = a job that is only to end was seen and left}.
 */
export const takeKnown: Script<Look> = new Script<Look>({
  name: "takeKnown",
  lua: `
local keys = {${TAKE_KEYS}}
local queue, now, prefix, host = ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5]
local initializer, can_run = ARGV[8], ARGV[9] == "1"
local priorities = ARGV[15] ~= "" and cjson.decode(ARGV[15])
local grace = tonumber(ARGV[16])
${KNOWS}${WHOLE}
if ARGV[14] ~= "" then
  local offer = redis.pcall("HMGET", KEYS[${FIRST_OWN_KEY + 3}], "epoch", "offered", "given")
  if offer[1] ~= ARGV[14] then return {{0, 0, 0, 0}, "refused", 0, "", 0} end
  local offered, given = (whole(offer[2]) or 0) - 1, whole(offer[3])
  if not given or offered < given then return {{0, 0, 0, 0}, "refused", 0, "", 0} end
  redis.call("HSET", KEYS[${FIRST_OWN_KEY + 3}], "offered", offered)
  if offered == given then redis.pcall("ZREM", KEYS[${FIRST_OWN_KEY + 2}], host) end
end
local is_plain = ARGV[10] == "0" and is_next_known(keys, queue, now)
${bullFunction("moveToActive")}
if is_plain then return {moveToActive(KEYS, ARGV), "", 0, "", 0} end

if redis.call("EXISTS", KEYS[${FIRST_OWN_KEY}]) == 0 then return {{0, 0, 0, 0}, "unannounced", 0, "", 0} end
local settings = redis.call("HMGET", keys.meta, "paused", "concurrency")
if settings[1] or (settings[2] and redis.call("LLEN", keys.active) >= tonumber(settings[2])) then
  return {moveToActive(KEYS, ARGV), "", 0, "", 0}
end
if is_due(keys.delayed, now) then
  -- A take from a paused queue puts in line what is due, and takes nothing.
  redis.call("HSET", keys.meta, "paused", 1)
  local isDone, failure = pcall(moveToActive, KEYS, ARGV)
  redis.call("HDEL", keys.meta, "paused")
  if not isDone then error(failure) end
end

${READ_MICROS}
local serves, served, lacks_initializer = {}, {}, {}
-- Whether a host takes jobs of the queue; nil: it is no more.
local function serves_queue(id)
  if serves[id] == nil then
    local queues = prefix .. "host-queues/" .. id
    serves[id] = (redis.call("SISMEMBER", queues, ARGV[6]) == 1
      or (ARGV[7] ~= "" and redis.call("SISMEMBER", queues, ARGV[7]) == 1))
      and redis.call("SISMEMBER", queues, "!" .. ARGV[6]) == 0
    if not serves[id] and redis.call("EXISTS", queues) == 0 then return nil end
  end
  return serves[id]
end
-- A few live hosts that can run the task in the queue, or false.
local function hosts_of(task)
  if served[task] == nil then
    local found = {}
    local key = prefix .. "task-hosts/" .. task
    local ids = redis.call("SMEMBERS", key)
    for turn = 1, #ids do
      -- Not always the same ones are woken.
      local id = ids[(micros + turn) % #ids + 1]
      local does_serve = serves_queue(id)
      if does_serve == nil then redis.call("SREM", key, id) end
      if does_serve then
        if initializer == "" or redis.call("SISMEMBER", prefix .. "task-hosts/" .. initializer, id) == 1 then
          found[#found + 1] = id
        else
          lacks_initializer[task] = true
        end
      end
      if #found == ${MOST_WOKEN} then break end
    end
    served[task] = #found > 0 and found or false
  end
  return served[task]
end

-- Whether the hosts of a task have been away for so long that its jobs leave the line; the first look notes the time.
local away = {}
local function is_away_long(place)
  if away[place] == nil then
    local key = prefix .. "away/" .. place
    local at = math.floor(micros / 1000)
    redis.call("SET", key, string.format("%.0f", at), "NX", "PX", grace + ${AWAY_LIFE})
    away[place] = at - (tonumber(redis.call("GET", key)) or at) >= grace
  end
  return away[place]
end
${EXPIRY_OF}
local parked, orders = 0, {}
local inspected = 0
local max_events
-- A job that no live host can run. Returns "over": it is to be taken, so that it ends; "stays": in line, as its host may be
-- restarting; or "parked".
local function set_aside_unserved(id, task, is_prioritized)
  local job = queue .. id
  local name = lacks_initializer[task] and initializer or task
  local place = ARGV[6] .. "/" .. name
  local is_long = is_away_long(place)
  inspected = inspected + 1
  -- In a long line of them, only the first ones are looked at closely.
  if not is_long and inspected > ${USUAL_DEPTH} then return "stays" end
  local fields = redis.call("HMGET", job, "${JOB_UNSERVED_FIELD}", "${JOB_CANCEL_FIELD}", "timestamp", "ats",
    "${JOB_EXPIRED_FIELD}")
  if fields[2] then return "over" end
  local timestamp = tonumber(fields[3] or "") or now
  local expiry = not fields[4] and not fields[5] and expiry_of(job, timestamp)
  if expiry and now >= expiry then return "over" end
  -- One that expires is parked at once: nothing else would look at it in time.
  if not is_long and not expiry and not fields[1] then return "stays" end
  local ends = math.min(expiry or math.huge, now + ${PARKED_FOR})
  local score = ""
  if is_prioritized then
    score = redis.call("ZSCORE", keys.prioritized, id)
    redis.call("ZREM", keys.prioritized, id)
  else
    redis.call("LREM", keys.wait, -1, id)
  end
  parked = parked + 1
  redis.call("ZADD", keys.delayed, ends * 4096 + parked, id)
  redis.call("HSET", job, "delay", string.format("%.0f", math.max(0, ends - timestamp)), "${JOB_UNSERVED_FIELD}",
    fields[1] or string.format("%.0f %s %s", now, score, name))
  max_events = max_events or redis.call("HGET", keys.meta, "opts.maxLenEvents") or 10000
  redis.call("XADD", keys.events, "MAXLEN", "~", max_events, "*", "event", "delayed", "jobId", id, "delay",
    string.format("%.0f", ends))
  local key = prefix .. "parked/" .. place
  local before = orders[key] or tonumber(redis.call("ZRANGE", key, -1, -1, "WITHSCORES")[2] or "") or 0
  orders[key] = math.max(micros + parked, before + 1)
  redis.call("ZADD", key, "NX", string.format("%.0f", orders[key]), id)
  redis.call("SADD", KEYS[${FIRST_OWN_KEY + 1}], place)
  for _, one in ipairs({key, KEYS[${FIRST_OWN_KEY + 1}]}) do
    redis.call("PEXPIRE", one, math.max(redis.call("PTTL", one), math.floor(ends - now) + ${PARKED_LIFE}))
  end
  return "parked"
end

local ranked, ranked_jobs = 0, {}
-- Another client has added it without the priority of its task, which it did not know.
local function give_rank(id, priority)
  redis.call("LREM", keys.wait, -1, id)
  local order = redis.call("INCR", keys.pc) % 0x100000000
  redis.call("ZADD", keys.prioritized, priority * 0x100000000 + order, id)
  redis.call("HSET", queue .. id, "priority", priority, "${JOB_RANKED_FIELD}", 1)
  ranked = ranked + 1
  ranked_jobs[ranked] = queue .. id
end

local dropped = 0
${DROP_STEP}
-- Jobs from a place in the line on, in the order in which BullMQ takes them, how many of them are not prioritized, and how many
-- were steps that must not start any more: these have left the line.
local function line(from, count)
  local waiting = redis.call("LLEN", keys.wait)
  local ids = {}
  if from < waiting then
    local part = redis.call("LRANGE", keys.wait, -(from + count), -(from + 1))
    for index = #part, 1, -1 do ids[#ids + 1] = part[index] end
  end
  local plain = #ids
  if plain < count then
    local first = math.max(0, from - waiting)
    for _, id in ipairs(redis.call("ZRANGE", keys.prioritized, first, first + count - plain - 1)) do ids[#ids + 1] = id end
  end
  local staying, staying_plain = {}, 0
  for index, id in ipairs(ids) do
    if is_stopped_step(prefix, queue, id) then
      if index <= plain then redis.call("LREM", keys.wait, -1, id) else redis.call("ZREM", keys.prioritized, id) end
      drop_step(prefix, queue, id)
    else
      staying[#staying + 1] = id
      if index <= plain then staying_plain = staying_plain + 1 end
    end
  end
  dropped = dropped + #ids - #staying
  return staying, staying_plain, #ids - #staying
end

local place, depth = tonumber(ARGV[10]), tonumber(ARGV[11])
if ARGV[12] ~= "" then
  -- The line moves between two looks.
  local index = redis.call("LPOS", keys.wait, ARGV[12], "RANK", -1)
  local rank = not index and redis.call("ZRANK", keys.prioritized, ARGV[12])
  if index then place = redis.call("LLEN", keys.wait) - index end
  if rank then place = redis.call("LLEN", keys.wait) + rank + 1 end
end
local first, state, last = place, "", ""
local chosen, is_prioritized
-- The first job that is only to end, whose turn comes before that of a known one now and then.
local lost, lost_place, is_lost_prioritized
local is_turn_of_lost = ARGV[13] == "1"
local passed, brought = {}, {}
while true do
  local count = math.min(${SLICE}, depth - (place - first))
  if count <= 0 then
    state = "beyond"
    break
  end
  local ids, plain, gone = line(place, count)
  local ranked_before = ranked
  for index, id in ipairs(ids) do
    local is_plain_one = index <= plain
    -- One that was ranked may come before those that were read.
    if not is_plain_one and ranked > ranked_before then break end
    local is_known, task = knows_job(queue, id)
    if is_known and is_limited(task) then
      if not chosen then state = "limited" end
      break
    end
    local priority = is_known and is_plain_one and rank_of(queue, id, task)
    if chosen then
      if is_known and task and is_plain_one and not priority then brought[#brought + 1] = id end
      if #brought == ${MOST_BROUGHT} then break end
    elseif priority then
      give_rank(id, priority)
    else
      if not is_known then
        local hosts = hosts_of(task)
        if hosts then
          passed[task] = hosts
          place = place + 1
          last = id
        else
          local fate = set_aside_unserved(id, task, not is_plain_one)
          if fate == "stays" then
            place = place + 1
            last = id
          elseif fate == "over" then
            is_known = is_turn_of_lost
            if not lost then lost, lost_place, is_lost_prioritized = id, place, not is_plain_one end
            if not is_known then
              place = place + 1
              last = id
            end
          end
        end
      end
      if is_known then
        chosen, is_prioritized = id, not is_plain_one
        -- Only a look that went far brings more.
        if place < ${USUAL_DEPTH} then break end
      end
    end
    if not chosen and parked + ${RANK_COST} * ranked >= ${MOST_PARKED} then
      state = "more"
      break
    end
  end
  if not chosen and state == "" and ${DROP_COST} * dropped >= ${MOST_PARKED} then state = "more" end
  if chosen or state ~= "" or (#ids + gone < count and ranked == ranked_before) then break end
end
if state == "beyond" and ARGV[10] == "0" then
  for _, id in ipairs(redis.call("LRANGE", keys.wait, 0, ${NEWEST - 1})) do
    local is_known, task = knows_job(queue, id)
    if is_known then state = "behind" elseif hosts_of(task) then passed[task] = hosts_of(task) end
  end
end
-- While the line goes on, a known one may be further behind.
if not chosen and lost and state == "" then
  chosen, place, is_prioritized = lost, lost_place, is_lost_prioritized
end

if ranked > 0 then
  local function index_ranked(KEYS, ARGV)
    ${INDEX_RESTATE}
    for _, job in ipairs(KEYS) do index_try(ARGV[1], index_restate, job, false) end
  end
  index_ranked(ranked_jobs, {queue})
end
if parked > 0 then
  local next_due = redis.call("ZRANGE", keys.delayed, 0, 0, "WITHSCORES")[2]
  redis.call("ZADD", keys.marker, math.floor(tonumber(next_due) / 4096), "1")
end
for _, hosts in pairs(passed) do
  for _, id in ipairs(hosts) do
    local key = prefix .. "host-wake/" .. id
    redis.call("ZADD", key, 0, keys.marker)
    redis.call("PEXPIRE", key, ${WAKE_LIFE})
  end
end

if not chosen then
  local next_due = redis.call("ZRANGE", keys.delayed, 0, 0, "WITHSCORES")[2]
  return {{0, 0, 0, next_due and tonumber(next_due) / 4096 or 0}, state, place, last, lost and 1 or 0}
end
local score, behind
if is_prioritized then
  score = redis.call("ZSCORE", keys.prioritized, chosen)
  redis.call("ZREM", keys.prioritized, chosen)
else
  if place > 0 then behind = redis.call("LINDEX", keys.wait, -place) end
  redis.call("LREM", keys.wait, -1, chosen)
end
redis.call("RPUSH", keys.wait, chosen)
local reply = moveToActive(KEYS, ARGV)
if reply[2] == 0 then
  redis.call("LREM", keys.wait, -1, chosen)
  if score then redis.call("ZADD", keys.prioritized, score, chosen)
  elseif behind then redis.call("LINSERT", keys.wait, "BEFORE", behind, chosen)
  else redis.call("RPUSH", keys.wait, chosen) end
  return {reply, "", place, "", 0}
end
for index = #brought, 1, -1 do
  redis.call("LREM", keys.wait, -1, brought[index])
  redis.call("RPUSH", keys.wait, brought[index])
end
return {reply, "", place, "", 0}
`,
});

/** What follows BullMQ's part of a finish, for a job that has failed. */
const AFTER_FAILURE = (firstAdd: number): string => `
  note_ending(own_id, KEYS[11], KEYS[15], ARGV[14])
  for index = ${firstAdd}, #ARGV, 3 do
    ${bullFunction("addStandardJob")}
    addStandardJob({KEYS[1], KEYS[8], KEYS[9], KEYS[16], KEYS[17], KEYS[7], KEYS[2], KEYS[4], KEYS[14]},
      {ARGV[index], ARGV[index + 1], ARGV[index + 2]})
  end
`;

/**
 * Lua: `note_history(history, id, kept)`: what the history is to know of a job that has ended: as `trim_history` takes it; `most` = 0:
 * now is not the time to trim it. `kept`: the set of tasks with a rule of their own.
 */
const NOTE_HISTORY = (): string => `
local function note_history(history, ended_id, kept)
  if history.task ~= "" then
    local ended_at = redis.call("ZSCORE", history.queue .. history.set, ended_id)
    if ended_at then
      local excepted = history.prefix .. "kept/" .. history.set .. "/" .. history.pool
      redis.call("ZADD", excepted, ended_at, ended_id)
      redis.call("ZADD", excepted .. "/" .. history.task, ended_at, ended_id)
      redis.call("SADD", kept, history.set .. "/" .. history.pool .. "/" .. history.task)
    end
  end
  if history.most > 0 then
    ${trimHistory()}
    trim_history(history)
  end
end
`;

/** What follows BullMQ's part of a finish, for every job: as `finishAndTakeKnown` takes it. */
export const AFTER_FINISH = (firstAdd: number): string => `
if is_failed then ${AFTER_FAILURE(firstAdd)} end
if own_task ~= "" or ARGV[19] ~= "0" then
  ${NOTE_HISTORY()}
  note_history({queue = ARGV[7], prefix = ARGV[10], pool = own_pool, set = ARGV[5], task = own_task, age = tonumber(ARGV[17]),
    count = tonumber(ARGV[18]), now = tonumber(ARGV[2]), most = tonumber(ARGV[19])}, own_id, KEYS[18])
end
`;

/**
 * Finishes a job, notes how it has ended and, if it may, takes the next one of its queue if this host knows its task.
 *
 * KEYS[1..14], ARGV[1..9] those of BullMQ's moveToFinished; KEYS[15] cancelled jobs of the pool; KEYS[16] last id
 * that BullMQ gave; KEYS[17] completed jobs; KEYS[18] tasks with a rule of their own; ARGV[10] prefix of our keys;
 * ARGV[11] id of this host; ARGV[12] 1 = this host knows the initializer of the pool, or there is none; ARGV[13] JSON: task
 * that this host knows -> its priority, "" = none has one; ARGV[14] how a job that has not completed has ended: "cancelled",
 * "expired", or "" for a failure; ARGV[15] pool; ARGV[16] task of the job, where it has a rule of its own for the history, else
 * ""; ARGV[17] age, ms, and ARGV[18] count of what the history keeps; ARGV[19] jobs to look at that it may keep no longer, 0 =
 * now is not the time; ARGV[20..] three arguments of BullMQ's addStandardJob for each job to add when this one has failed
 * Returns {what moveToFinished returns, 1 = the next job was left because it is another host's, or must be looked for; else 0}.
 */
export const finishAndTakeKnown: Script<[reply: unknown, isLeft: 0 | 1]> = new Script<[unknown, 0 | 1]>({
  name: "finishAndTakeKnown",
  lua: `
local is_left = false
if ARGV[6] == "1" then
  local prefix, host, can_run = ARGV[10], ARGV[11], ARGV[12] == "1"
  local priorities = ARGV[13] ~= "" and cjson.decode(ARGV[13])
  ${KNOWS}
  local keys = {wait = KEYS[1], prioritized = KEYS[3], delayed = KEYS[7]}
  is_left = not is_next_known(keys, ARGV[7], tonumber(ARGV[2]))
end
${bullFunction("moveToFinished")}
local arguments = {unpack(ARGV, 1, 9)}
if is_left then arguments[6] = "0" end
local is_failed = ARGV[5] == "failed"
local own_id, own_pool, own_task = ARGV[1], ARGV[15], ARGV[16]
${NOTE_ENDING}
if is_failed then
  arguments[9] = with_ending(KEYS[12], ARGV[9] == "" and {} or cmsgpack.unpack(ARGV[9]), ARGV[14])
end
local reply = moveToFinished(KEYS, arguments)
if type(reply) == "number" and reply < 0 then return {reply, is_left and 1 or 0} end
${AFTER_FINISH(20)}
return {reply, is_left and 1 or 0}
`,
});

/** Steps that are put in line with each one that ends: more than one, so that a line whose submitter is gone gets full. */
export const PUMPED_BY_FINISH = 4;
/** Steps that one script finishes at most: about 1 ms of Redis. */
export const MOST_FINISHED = 16;
/** Arguments of `finishStepsAndTake` before those of its steps, and for each of them. */
const COMMON_ARGUMENTS = 9;
const STEP_ARGUMENTS = 15;

/**
 * Lua, of a script with the keys of BullMQ's take in the table `keys`, `own_lines` and `own_jobs` (what is_next_known takes) and the
 * local variables of `KNOWS`: `take_next(now, options, known)` takes the next job of the queue if this host knows its task.
 * Returns what moveToActive returns, nil = it was left; `known` as of `is_stopped_step`.
 */
const TAKE_NEXT = (): string => `
${KNOWS}
${repeatedBullFunction("moveToActive")}
local function take_next(now, options, known)
  if not is_next_known(own_lines, own_jobs, tonumber(now), known) then return nil end
  return moveToActive(keys, {own_jobs, now, options})
end
`;

/**
 * Finishes the jobs of steps of workflows that have completed, keeps their results, puts in line what may start now, and takes
 * a next job for each that wants one, like `finishAndTakeKnown`. Each step is for itself: of one whose lock this host has lost
 * nothing changes, and an error in one is the error of that one.
 *
 * KEYS[1..10] the first ones of BullMQ's moveToFinished; KEYS[11] completed jobs; KEYS[12] metrics of them; KEYS[13] markers;
 * KEYS[14] tasks with a rule of their own
 * ARGV[1] what the keys of the jobs begin with; ARGV[2] prefix of our keys; ARGV[3] id of this host; ARGV[4] 1 = this host knows
 * the initializer of the pool, or there is none; ARGV[5] JSON: task that this host knows -> its priority, "" = none has one;
 * ARGV[6] pool; ARGV[7] prefix of BullMQ's keys; ARGV[8] most steps to put in line for each that ends; ARGV[9] steps that
 * follow, with for each of them ARGV[10..]: id of the job; now, ms; value; 1 = the next job is wanted; options and fields as
 * moveToFinished takes them; then task, age in ms, count and how many to trim as ARGV[16..19] of `finishAndTakeKnown`; id of the
 * workflow; number and place of the step; result; run whose answers are stored beside the job, "" = the result is all
 * Returns {for each step {what moveToFinished returns, 1 = the next job was left, error or ""}, then id of each workflow that has
 * completed with them and the clients that wait for that}.
 */
export const finishStepsAndTake: Script<[[reply: unknown, isLeft: 0 | 1, error: string][], string[]]> = new Script<
  [[unknown, 0 | 1, string][], string[]]
>({
  name: "finishStepsAndTake",
  lua: () => `
local own_jobs, prefix, host, can_run, own_pool = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == "1", ARGV[6]
local last_place = ${COMMON_ARGUMENTS} + tonumber(ARGV[9]) * ${STEP_ARGUMENTS}
${repeatedBullFunction("moveToFinished")}
${workflowLua()}
local workflows, order = {}, {}
local function finish_one(given)
  local own_id, job = ARGV[given], own_jobs .. ARGV[given]
  local reply = moveToFinished({KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10],
    KEYS[11], job, KEYS[12], KEYS[13]}, {own_id, ARGV[given + 1], "returnvalue", ARGV[given + 2], "completed", "0", own_jobs, ARGV[given + 4],
    ARGV[given + 5]})
  if type(reply) == "number" and reply < 0 then return reply end
  local w = workflows[ARGV[given + 10]]
  if not w then
    w = open_workflow(prefix, ARGV[7], ARGV[given + 10])
    w.finished = 0
    workflows[w.id] = w
    order[#order + 1] = w
  end
  w.finished = w.finished + 1
  local step, result = ARGV[given + 11], ARGV[given + 13]
  if w.state then
    local run = ARGV[given + 14]
    if run ~= "" and redis.call("HEXISTS", w.results, step) == 0 then
      local stored = redis.call("GET", prefix .. "result/" .. own_pool .. "/" .. own_id .. "/" .. run)
      if stored then
        redis.call("SET", prefix .. "workflow-result/" .. w.id .. "/" .. step, stored)
        redis.call("SADD", w.large, step)
      else
        result = "${RESULT_LOST}"
      end
    end
    workflow_result(w, step, ARGV[given + 12], result)
  end
  if ARGV[given + 6] ~= "" or ARGV[given + 9] ~= "0" then
    ${NOTE_HISTORY()}
    note_history({queue = own_jobs, prefix = prefix, pool = own_pool, set = "completed", task = ARGV[given + 6],
      age = tonumber(ARGV[given + 7]), count = tonumber(ARGV[given + 8]), now = tonumber(ARGV[given + 1]),
      most = tonumber(ARGV[given + 9])}, own_id, KEYS[14])
  end
  return reply
end
local function text_of(failure) return type(failure) == "table" and failure.err or tostring(failure) end
-- Redis refuses all of it, before anything was done: no fault of the step.
local function is_refused(failure)
  local code = string.match((string.gsub(text_of(failure), "^@user_script:%s*%d+:%s*%-?", "")), "^(%u+) ")
  return code and code ~= "WRONGTYPE" and code ~= "ERR"
end
local replies, wanted = {}, false
for at = ${COMMON_ARGUMENTS + 1}, last_place, ${STEP_ARGUMENTS} do
  local is_done, reply = pcall(finish_one, at)
  if not is_done and #replies == 0 and is_refused(reply) then error(reply) end
  local answer = is_done and {reply, 0, ""} or {0, 0, text_of(reply)}
  answer.workflow = ARGV[at + 10]
  replies[#replies + 1] = answer
  wanted = wanted or (is_done and ARGV[at + 3] == "1")
end
local ended = {}
for _, w in ipairs(order) do
  local is_done, failure = pcall(workflow_pump, w, w.finished * tonumber(ARGV[8]))
  for _, reply in ipairs(replies) do
    if not is_done and reply.workflow == w.id then reply[3] = text_of(failure) end
  end
  if w.ended then
    ended[#ended + 1] = w.id
    ended[#ended + 1] = redis.call("HGET", w.hash, "watchers") or ""
  end
end
if wanted then
  local priorities = ARGV[5] ~= "" and cjson.decode(ARGV[5])
  local own_lines = {wait = KEYS[1], prioritized = KEYS[3], delayed = KEYS[7]}
  local keys = {KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[13]}
  ${TAKE_NEXT()}
  local taken, is_over, did_take = nil, false, false
  for index, reply in ipairs(replies) do
    local at = ${COMMON_ARGUMENTS + 1} + (index - 1) * ${STEP_ARGUMENTS}
    if ARGV[at + 3] == "1" and reply[3] == "" and not (type(reply[1]) == "number" and reply[1] < 0) then
      if not is_over then
        -- What cannot be taken is left to a look, which says why.
        local is_done, found = pcall(take_next, ARGV[at + 1], ARGV[at + 4], workflows)
        taken = is_done and found
        is_over = not taken or taken[1] == 0
        did_take = did_take or not is_over
      end
      if not taken then reply[2] = 1
      elseif taken[1] ~= 0 or taken[3] ~= 0 or taken[4] ~= 0 then reply[1] = taken end
    end
  end
  -- The marker that the pump has left for the steps that this host has taken would wake another one in vain.
  if did_take and redis.call("EXISTS", KEYS[1], KEYS[3]) == 0 then redis.call("ZREM", KEYS[13], "0") end
end
return {replies, ended}
`,
});

/**
 * Finishes the job of a step of a workflow that has failed or was cancelled, tells the workflow, puts in line what may start now,
 * and takes the next job like `finishAndTakeKnown`. A host that has lost the lock of the job changes nothing.
 *
 * KEYS[1..18], ARGV[1..19] those of finishAndTakeKnown; ARGV[20] id of the workflow; ARGV[21] number of the step; ARGV[22] data of
 * the call that tells of a failure; ARGV[23] prefix of BullMQ's keys; ARGV[24] most steps to put in line; ARGV[25..] as
 * ARGV[20..] of finishAndTakeKnown
 * Returns {what moveToFinished returns, 1 = the next job was left, state in which the workflow has ended, "" = it has not,
 * clients that wait for that}.
 */
export const failStepAndTake: Script<[reply: unknown, isLeft: 0 | 1, ended: string, watchers: string]> = new Script<
  [unknown, 0 | 1, string, string]
>({
  name: "failStepAndTake",
  lua: () => `
${bullFunction("moveToFinished")}
local arguments = {unpack(ARGV, 1, 9)}
arguments[6] = "0"
local own_id, own_pool, own_task = ARGV[1], ARGV[15], ARGV[16]
local prefix, step, is_failed = ARGV[10], ARGV[21], true
${NOTE_ENDING}
local own_fields = redis.call("HMGET", KEYS[12], "${JOB_ERROR_FIELD}", "${STEP_LIFE_FIELD}")
local error_text = own_fields[1] or ""
arguments[9] = with_ending(KEYS[12], ARGV[9] == "" and {} or cmsgpack.unpack(ARGV[9]), ARGV[14])
local reply = moveToFinished(KEYS, arguments)
if type(reply) == "number" and reply < 0 then return {reply, 0, "", ""} end
${workflowLua()}
local w = open_workflow(prefix, ARGV[23], ARGV[20])
local starts_again = ARGV[14] == "cancelled" and workflow_again(w, step, own_fields[2])
if not starts_again and workflow_failed(w, step, error_text, ARGV[4]) then workflow_tell(w, ARGV[22]) end
workflow_pump(w, tonumber(ARGV[24]))
${AFTER_FINISH(25)}
local is_left = false
if ARGV[6] == "1" then
  local host, can_run, own_jobs = ARGV[11], ARGV[12] == "1", ARGV[7]
  local priorities = ARGV[13] ~= "" and cjson.decode(ARGV[13])
  local own_lines = {wait = KEYS[1], prioritized = KEYS[3], delayed = KEYS[7]}
  local keys = {KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[14]}
  ${TAKE_NEXT()}
  local taken = take_next(ARGV[2], ARGV[8])
  is_left = not taken
  if taken then
    if taken[1] ~= 0 or taken[3] ~= 0 or taken[4] ~= 0 then reply = taken end
    -- The marker that the pump has left for the step that this host has taken would wake another one in vain.
    if taken[1] ~= 0 and redis.call("EXISTS", KEYS[1], KEYS[3]) == 0 then redis.call("ZREM", KEYS[14], "0") end
  end
end
return {reply, is_left and 1 or 0, w.ended or "", w.ended and redis.call("HGET", w.hash, "watchers") or ""}
`,
});
