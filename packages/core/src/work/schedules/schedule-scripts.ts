import { type AddingScript, bullFunction } from "../../redis/bull-queue/index.ts";
import { NOTE_CHANGE, named, Script, SERVER_TIME } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";

/** Lua: hosts look again when the next run is due. */
const TELL_HOSTS = `redis.call("PUBLISH", KEYS[3], '{"type":"schedules-changed"}')`;

/** Lua: those who watch the namespace hear of it. */
const TELL_WATCHERS = `note_change(KEYS[1], "schedules")`;

/** Due times whose outcome is kept, and runs that wait for the one before them. */
const KEPT_RUNS = 50;
export const LONGEST_QUEUE = 100;

/**
 * Lua: `note(runs, entry)`: keeps what became of a due time. `entry` is {due, outcome, pool and id = of the task that was
 * submitted, count = due times that it stands for}.
 */
const NOTE = `
local function note(runs, entry)
  entry.at, entry.id, entry.pool, entry.count = now, entry.id or cjson.null, entry.pool or cjson.null, entry.count or 1
  redis.call("LPUSH", runs, cjson.encode(entry))
  redis.call("LTRIM", runs, 0, ${KEPT_RUNS - 1})
end`;

/** Lua: `settle(schedules, hash, name)`: puts a schedule where its record says it belongs. */
const SETTLE = `
local function settle(schedules, hash, name)
  local state, at = unpack(redis.call("HMGET", hash, "state", "at"))
  if not state then return redis.call("ZREM", schedules, name) end
  redis.call("ZADD", schedules, "XX", state == "active" and tonumber(at) and at or "+inf", name)
end`;

/**
 * KEYS[1] sorted set of schedules; KEYS[2] hash of the schedule
 * ARGV[1] name; ARGV[2] version that cannot be read, "" = none
 * Puts a schedule where its record says it belongs: it was listed as due, and is not. One that cannot be read is not due
 * until it is set again.
 * Returns 1.
 */
export const settleSchedule: Script<number> = new Script({
  name: "settleSchedule",
  lua: `${SETTLE}
if ARGV[2] ~= "" and redis.call("HGET", KEYS[2], "version") == ARGV[2] then
  redis.call("ZADD", KEYS[1], "XX", "+inf", ARGV[1])
else
  settle(KEYS[1], KEYS[2], ARGV[1])
end
return 1
`,
});

/**
 * KEYS[1] sorted set of schedules; KEYS[2] hash of the schedule
 * ARGV[1] name; ARGV[2] version and ARGV[3] due time that the caller has seen; ARGV[4] next due time and ARGV[5] when its run
 * starts, epoch ms, both "" = there is none
 * For clocks of tests: gives it another due time, if it is still as it was seen.
 * Returns 1 if so, else 0.
 */
export const moveSchedule: Script<number> = new Script({
  name: "moveSchedule",
  lua: `
local seen = redis.call("HMGET", KEYS[2], "version", "due")
if seen[1] ~= ARGV[2] or seen[2] ~= ARGV[3] then return 0 end
redis.call("HSET", KEYS[2], "due", ARGV[4], "at", ARGV[5], "state", ARGV[4] == "" and "ended" or "active")
redis.call("ZADD", KEYS[1], ARGV[4] == "" and "+inf" or ARGV[5], ARGV[1])
return 1
`,
});

/**
 * KEYS[1] list of due times of a schedule that wait; KEYS[2] set of schedules with such
 * ARGV[1] name
 * Takes the schedule from the set, unless one waits.
 * Returns 1.
 */
export const forgetQueue: Script<number> = new Script({
  name: "forgetQueue",
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then redis.call("SREM", KEYS[2], ARGV[1]) end
return 1
`,
});

/** A file of schedules of which no host has had the version in force for so long gives way to an earlier one, or another file. */
const FILE_PATIENCE: Milliseconds = 60_000;
/** The record of a file that no host has had for so long is forgotten. */
const FILE_KEPT: Milliseconds = 30 * 86_400_000;
/** Earlier versions of a file that are remembered. */
const EARLIER_VERSIONS = 50;

/**
 * KEYS[1] hash of a file of schedules
 * ARGV[1] digest of the version that the host has; ARGV[2] name of the host
 * The version that came last is in force as long as hosts with it live. One that was in force earlier comes back when no host
 * has had the one in force for some time.
 * Returns {"ours", "1" = all of it is applied, else "0"}; {"other", host that brought it, when, epoch ms}.
 */
export const claimFile: Script<[whose: "ours", applied: string] | [whose: "other", host: string, since: string]> =
  new Script({
    name: "claimFile",
    lua: `${SERVER_TIME}
local mine, now = ARGV[1], server_time()
local digest, seen, applied, earlier, host, since =
  unpack(redis.call("HMGET", KEYS[1], "digest", "seen", "applied", "earlier", "host", "since"))
local reply
if digest == mine then
  redis.call("HSET", KEYS[1], "seen", now)
  reply = {"ours", applied == mine and "1" or "0"}
else
  local others, was_there = {}, false
  for one in string.gmatch(earlier or "", "%S+") do
    if one == mine then was_there = true else others[#others + 1] = one end
  end
  if was_there and now - tonumber(seen) < ${FILE_PATIENCE} then return {"other", host, since} end
  if digest then others[#others + 1] = digest end
  redis.call("HSET", KEYS[1], "digest", mine, "seen", now, "since", now, "host", ARGV[2], "applied", "",
    "earlier", table.concat(others, " ", math.max(1, #others - ${EARLIER_VERSIONS - 1})))
  reply = {"ours", "0"}
end
redis.call("PEXPIRE", KEYS[1], ${FILE_KEPT})
return reply
`,
  });

/**
 * KEYS[1] hash of a file of schedules
 * ARGV[1] digest of a version
 * Notes that all of it is applied, if it is still the one in force.
 * Returns 1 if so, else 0.
 */
export const fileApplied: Script<number> = new Script({
  name: "fileApplied",
  lua: `
if redis.call("HGET", KEYS[1], "digest") ~= ARGV[1] then return 0 end
redis.call("HSET", KEYS[1], "applied", ARGV[1])
return 1
`,
});

/**
 * KEYS[1] sorted set of schedules; KEYS[2] hash of the schedule; KEYS[3] channel of the hosts; KEYS[4] hash of the file of
 * schedules that sets it
 * ARGV[1] name; ARGV[2] version that the caller has seen, "" = none; ARGV[3] its new version; ARGV[4] spec, JSON;
 * ARGV[5] moment from which \`every\` counts, epoch ms; ARGV[6] next due time and ARGV[7] when its run starts, epoch ms,
 * both "" = there is none; ARGV[8] name of that file, "" = it is set by hand; ARGV[9] digest of the version of the file;
 * ARGV[10] prefix of the keys of files; ARGV[11] due time that the caller has seen, "" = none
 * Sets the schedule. One that was paused stays so; what it has counted stays.
 * Returns 1; 0 when another version is there than the caller has seen, or a host has triggered it since; 2 when another version of the file is in force; 3 when
 * the schedule is of another file, which hosts have.
 */
export const setSchedule: Script<"set" | "changed" | "superseded" | "owned"> = new Script({
  name: "setSchedule",
  lua: `${SERVER_TIME}${NOTE_CHANGE}
local before = redis.call("HMGET", KEYS[2], "version", "due")
if (before[1] or "") ~= ARGV[2] or (before[2] or "") ~= ARGV[11] then return 0 end
local now = server_time()
local file = ARGV[8]
if file ~= "" then
  if redis.call("HGET", KEYS[4], "digest") ~= ARGV[9] then return 2 end
  local owner = redis.call("HGET", KEYS[2], "file")
  local seen = owner and owner ~= file and redis.call("HGET", ARGV[10] .. owner, "seen")
  if seen and now - tonumber(seen) < ${FILE_PATIENCE} then return 3 end
  redis.call("HSET", KEYS[2], "file", file)
end
local state = "active"
if redis.call("HGET", KEYS[2], "state") == "paused" then state = "paused" end
if ARGV[6] == "" then state = "ended" end
redis.call("HSET", KEYS[2], "version", ARGV[3], "spec", ARGV[4], "anchor", ARGV[5], "due", ARGV[6], "at", ARGV[7],
  "state", state, "changed", now)
redis.call("HSETNX", KEYS[2], "created", now)
redis.call("ZADD", KEYS[1], state == "active" and ARGV[7] or "+inf", ARGV[1])
${TELL_HOSTS}
${TELL_WATCHERS}
return 1
`,
  read: named({ 1: "set", 0: "changed", 2: "superseded", 3: "owned" }),
});

/**
 * KEYS[1] sorted set of schedules; KEYS[2] hash of the schedule; KEYS[3] channel of the hosts
 * ARGV[1] name; ARGV[2] version that the caller has seen; ARGV[3] its new version; ARGV[4] "pause" or "resume";
 * ARGV[5] next due time and ARGV[6] when its run starts, epoch ms, of a schedule that goes on; both "" = there is none
 * Returns 2 when it is paused or goes on, 1 when it was so before, 0 when another version is there than the caller has seen.
 */
export const pauseSchedule: Script<"done" | "was so" | "changed"> = new Script({
  name: "pauseSchedule",
  lua: `${NOTE_CHANGE}
local seen = redis.call("HMGET", KEYS[2], "version", "state")
if seen[1] ~= ARGV[2] then return 0 end
if ARGV[4] == "pause" then
  if seen[2] ~= "active" then return 1 end
  redis.call("HSET", KEYS[2], "version", ARGV[3], "state", "paused")
  redis.call("ZADD", KEYS[1], "+inf", ARGV[1])
  ${TELL_WATCHERS}
  return 2
end
if seen[2] ~= "paused" then return 1 end
local state = ARGV[5] == "" and "ended" or "active"
redis.call("HSET", KEYS[2], "version", ARGV[3], "state", state, "due", ARGV[5], "at", ARGV[6])
redis.call("ZADD", KEYS[1], state == "active" and ARGV[6] or "+inf", ARGV[1])
${TELL_HOSTS}
${TELL_WATCHERS}
return 2
`,
  read: named({ 2: "done", 1: "was so", 0: "changed" }),
});

/**
 * KEYS[1] sorted set of schedules; KEYS[2] hash of the schedule; KEYS[3] list of its runs; KEYS[4] list of due times that
 * wait; KEYS[5] set of schedules with such; KEYS[6] hash of the file of schedules that names it no longer
 * ARGV[1] name; ARGV[2] name of that file, "" = it is removed by hand; ARGV[3] digest of the version of the file
 * Removes the schedule; for a file only if it is of that file, and this version is in force.
 * Returns 1 when it was there, else 0.
 */
export const removeSchedule: Script<number> = new Script({
  name: "removeSchedule",
  lua: `${NOTE_CHANGE}
if ARGV[2] ~= "" then
  if redis.call("HGET", KEYS[2], "file") ~= ARGV[2] or redis.call("HGET", KEYS[6], "digest") ~= ARGV[3] then return 0 end
end
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("SREM", KEYS[5], ARGV[1])
local removed = redis.call("DEL", KEYS[2])
redis.call("DEL", KEYS[3], KEYS[4])
if removed > 0 then ${TELL_WATCHERS} end
return removed
`,
});

/** Runs that are remembered as under way; of a schedule whose runs may overlap only the last ones, which are not looked at. */
const MOST_OPEN = 100;
const OPEN_OF_ALLOW = 10;

/**
 * Lua: `open_runs(text, queues)`: the runs of a list `<pool>/<id>` that have not ended; `remember(open, most)`: the list of
 * them as text, without the oldest ones.
 */
const OPEN_RUNS = `
local function open_runs(text, queues)
  local open = {}
  for run in string.gmatch(text or "", "%S+") do
    local pool, id = string.match(run, "^([^/]+)/(.+)$")
    local job = redis.pcall("HMGET", queues .. pool .. ":" .. id, "timestamp", "finishedOn")
    if not job.err and job[1] and not job[2] then open[#open + 1] = run end
  end
  return open
end
local function remember(open, most)
  return table.concat(open, " ", math.max(1, #open - most + 1))
end`;

/**
 * KEYS[1] sorted set of schedules; KEYS[2] hash of the schedule; KEYS[3] list of its runs; KEYS[4] list of due times that
 * wait; KEYS[5] set of schedules with such; KEYS[6...] those of BullMQ's script that adds a job to its pool, when ARGV[13]
 * has jobs
 * ARGV[1] name; ARGV[2] version and ARGV[3] due time that the caller has seen; ARGV[4] next due time and ARGV[5] when its run
 * starts, epoch ms, both "" = there is none; ARGV[6] when the last of these runs may start, epoch ms; ARGV[7] what happens to
 * one that is due before the last has ended; ARGV[8] most runs, "" = no limit; ARGV[9] prefix of the keys of all pools;
 * ARGV[10] pool of its runs; ARGV[11] due times left out because they are long over; ARGV[12] the last of them, epoch ms;
 * ARGV[13] due times to run, JSON list of {due time, id of the job}; ARGV[14] arguments of BullMQ's script for all of them,
 * MessagePack list of strings; ARGV[15] how many of them are one job's
 * Triggers the due times if the schedule is still as it was seen: adds the jobs, counts, and notes the next due time.
 * Returns {"fired", ids of the jobs that were added}; {"early", time until it is due, ms}; {"lost"} when another host was
 * first, or the schedule was changed.
 */
function triggerLua(script: AddingScript | null): string {
  return `${SERVER_TIME}${NOTE_CHANGE}
${SETTLE}
local seen = redis.call("HMGET", KEYS[2], "version", "due", "state", "last", "runs", "manual", "open")
if seen[1] ~= ARGV[2] or seen[2] ~= ARGV[3] or seen[3] ~= "active" then
  settle(KEYS[1], KEYS[2], ARGV[1])
  return {"lost"}
end
local now = server_time()
local early = tonumber(ARGV[6]) - now
if early > 0 then
  settle(KEYS[1], KEYS[2], ARGV[1])
  return {"early", early}
end
${NOTE}
${OPEN_RUNS}
${script === null ? "" : bullFunction(script)}
local bull = {unpack(KEYS, 6)}
local name, overlap = ARGV[1], ARGV[7]
local limit = tonumber(ARGV[8])
local runs, last = tonumber(seen[5]) or 0, seen[4]
local manual = tonumber(seen[6]) or 0
local missed = tonumber(ARGV[11])
if missed > 0 then
  redis.call("HINCRBY", KEYS[2], "missed", missed)
  note(KEYS[3], {due = tonumber(ARGV[12]), outcome = "missed", count = missed})
end
local packed = ARGV[14] ~= "" and cmsgpack.unpack(ARGV[14]) or {}
local each = tonumber(ARGV[15])
local added, skipped = {}, 0
local open = {}
if overlap == "allow" then
  for run in string.gmatch(seen[7] or "", "%S+") do open[#open + 1] = run end
else
  open = open_runs(seen[7], ARGV[9])
end
local queued = redis.call("LLEN", KEYS[4])
local planned = cjson.decode(ARGV[13])
for place, run in ipairs(planned) do
  local due, id = run[1], run[2]
  if not limit or runs - manual + queued < limit then
    local waits = queued > 0 and overlap == "queue" or #open > 0 and (overlap == "skip" or overlap == "queue")
    -- Of several that are to run at once each would be cancelled by the next one.
    if overlap == "cancel" and place < #planned then waits = true end
    if waits and overlap == "queue" and queued < ${LONGEST_QUEUE} then
      redis.call("RPUSH", KEYS[4], string.format("%.0f", due))
      redis.call("SADD", KEYS[5], name)
      queued = queued + 1
      note(KEYS[3], {due = due, outcome = "queued"})
    elseif waits then
      skipped = skipped + 1
      note(KEYS[3], {due = due, outcome = "skipped"})
    else
      local first = (place - 1) * each + 1
      ${script === null ? "" : `${script}(bull, {unpack(packed, first, first + each - 1)})`}
      runs, last = runs + 1, id
      open[#open + 1] = ARGV[10] .. "/" .. id
      added[#added + 1] = id
      note(KEYS[3], {due = due, outcome = "started", pool = ARGV[10], id = id})
    end
  end
end
if skipped > 0 then redis.call("HINCRBY", KEYS[2], "skipped", skipped) end
if last then redis.call("HSET", KEYS[2], "last", last) end
local is_over = ARGV[4] == "" or limit and runs - manual + queued >= limit
redis.call("HSET", KEYS[2], "runs", runs, "open", remember(open, overlap == "allow" and ${OPEN_OF_ALLOW} or ${MOST_OPEN}),
  "due", is_over and "" or ARGV[4], "at", is_over and "" or ARGV[5], "state", is_over and "ended" or "active")
redis.call("ZADD", KEYS[1], is_over and "+inf" or ARGV[5], name)
${TELL_WATCHERS}
return {"fired", added}
`;
}

export type TriggerReply = [what: "fired", ids: string[]] | [what: "early", wait: number] | [what: "lost"];

/** By the script of BullMQ that adds the jobs: its text is long, and which one it is depends on the options of the runs. */
export const triggers: Readonly<Record<AddingScript | "none", Script<TriggerReply>>> = {
  none: new Script({ name: "triggerSchedule", lua: () => triggerLua(null) }),
  addStandardJob: new Script({ name: "triggerSchedule:standard", lua: () => triggerLua("addStandardJob") }),
  addPrioritizedJob: new Script({ name: "triggerSchedule:prioritized", lua: () => triggerLua("addPrioritizedJob") }),
  addDelayedJob: new Script({ name: "triggerSchedule:delayed", lua: () => triggerLua("addDelayedJob") }),
};

/**
 * KEYS[1] hash of the schedule; KEYS[2] list of its runs; KEYS[3] list of due times that wait; KEYS[4] set of schedules with
 * such; KEYS[5...] those of BullMQ's script that adds a job to its pool
 * ARGV[1] name; ARGV[2] prefix of the keys of all pools; ARGV[3] pool of the run; ARGV[4] due time of the run, epoch ms;
 * ARGV[5] id of its job; ARGV[6] "queue" = the first of those that wait, if the runs before have ended; "manual" = at once;
 * ARGV[7] arguments of BullMQ's script, MessagePack list of strings
 * Returns 1 when the job was added; 2 when there is a job of that id, which another call has started by hand; else 0.
 */
function startLua(script: AddingScript): string {
  return `${SERVER_TIME}${NOTE_CHANGE}
local now = server_time()
${NOTE}
${OPEN_RUNS}
local name, due = ARGV[1], tonumber(ARGV[4])
local is_manual = ARGV[6] == "manual"
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
if is_manual and redis.call("EXISTS", ARGV[2] .. ARGV[3] .. ":" .. ARGV[5]) == 1 then return 2 end
local open = open_runs(redis.call("HGET", KEYS[1], "open"), ARGV[2])
if not is_manual and (#open > 0 or redis.call("LINDEX", KEYS[3], 0) ~= ARGV[4]) then return 0 end
${bullFunction(script)}
${script}({unpack(KEYS, 5)}, cmsgpack.unpack(ARGV[7]))
if is_manual then
  redis.call("HINCRBY", KEYS[1], "manual", 1)
else
  redis.call("LPOP", KEYS[3])
  if redis.call("LLEN", KEYS[3]) == 0 then redis.call("SREM", KEYS[4], name) end
end
open[#open + 1] = ARGV[3] .. "/" .. ARGV[5]
redis.call("HINCRBY", KEYS[1], "runs", 1)
redis.call("HSET", KEYS[1], "last", ARGV[5], "open", remember(open, ${MOST_OPEN}))
note(KEYS[2], {due = due, outcome = is_manual and "manual" or "started", pool = ARGV[3], id = ARGV[5]})
${TELL_WATCHERS}
return 1
`;
}

export type StartReply = "started" | "taken" | "not";
const STARTS = named<StartReply>({ 1: "started", 2: "taken", 0: "not" });

export const starts: Readonly<Record<AddingScript, Script<StartReply>>> = {
  addStandardJob: new Script({ name: "startScheduled:standard", lua: () => startLua("addStandardJob"), read: STARTS }),
  addPrioritizedJob: new Script({
    name: "startScheduled:prioritized",
    lua: () => startLua("addPrioritizedJob"),
    read: STARTS,
  }),
  addDelayedJob: new Script({ name: "startScheduled:delayed", lua: () => startLua("addDelayedJob"), read: STARTS }),
};

/**
 * KEYS[1] sorted set of schedules
 * ARGV[1] most names
 * Returns server time, epoch ms, then the schedules that are due first, each with when its run starts.
 */
export const firstSchedules: Script<[now: string, ...entries: string[]]> = new Script({
  name: "firstSchedules",
  lua: `${SERVER_TIME}
local entries = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", "(+inf", "WITHSCORES", "LIMIT", 0, ARGV[1])
return {string.format("%.0f", server_time()), unpack(entries)}
`,
});
