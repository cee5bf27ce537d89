import { NOTE_CHANGE, Script, SERVER_TIME } from "../../redis/script/index.ts";

/** Server time in ms, as a whole number. */
const NOW = `${SERVER_TIME}${NOTE_CHANGE}
local now = string.format("%.0f", server_time())
`;

/** Moves process `id` (hash KEYS[1], set of live ones KEYS[2], of ended ones KEYS[3]) to its end. `ttl` in ms. */
const CONCLUDE = `
local function conclude(id, state, ttl, ...)
  redis.call("HSET", KEYS[1], "state", state, "endedAt", now, ...)
  redis.call("HDEL", KEYS[1], "wish", "run")
  redis.call("PEXPIRE", KEYS[1], ttl)
  redis.call("ZREM", KEYS[2], id)
  redis.call("ZADD", KEYS[3], now, id)
  redis.call("PEXPIRE", KEYS[3], ttl)
  note_change(KEYS[1], "processes")
end
`;

/**
 * KEYS[1] hash of the process; KEYS[2] sorted set of live processes; KEYS[3] set of queues of hosts and labels
 * ARGV[1] id; ARGV[2] queue to enter in that set, "" = none; ARGV[3..] fields and values
 * Returns 1, or 0 when it is there already.
 */
export const createProcess: Script<number> = new Script<number>({
  name: "createProcess",
  lua: `${NOW}
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
redis.call("HSET", KEYS[1], "createdAt", now, unpack(ARGV, 3))
redis.call("ZADD", KEYS[2], now, ARGV[1])
if ARGV[2] ~= "" then redis.call("SADD", KEYS[3], ARGV[2]) end
note_change(KEYS[1], "processes")
return 1
`,
});

/**
 * KEYS[1] hash of the process; KEYS[2] sorted set of live processes
 * ARGV[1] id
 * Returns 1 when it was forgotten, 0 when it is more than waiting.
 */
export const forgetProcess: Script<number> = new Script<number>({
  name: "forgetProcess",
  lua: `${NOTE_CHANGE}
if redis.call("HGET", KEYS[1], "state") ~= "waiting" then return 0 end
redis.call("UNLINK", KEYS[1])
redis.call("ZREM", KEYS[2], ARGV[1])
note_change(KEYS[1], "processes")
return 1
`,
});

/**
 * KEYS[1] hash of the process; KEYS[2] hash of its job
 * ARGV[1] name of the run; ARGV[2] id of the host; ARGV[3] its name; ARGV[4] pid;
 * ARGV[5] what stays in the job as its data
 * Returns {state, exit code, reason of the loss}: "begun" for this run, "elsewhere" when another has it, else "over".
 * The arguments leave the job in every case but "elsewhere", where they have left it already.
 */
export const beginProcess: Script<[string, string, string]> = new Script<[string, string, string]>({
  name: "beginProcess",
  lua: `${NOW}
local fields = redis.call("HMGET", KEYS[1], "state", "run", "exitcode", "lost")
if fields[1] == "running" then
  if fields[2] == ARGV[1] then return {"begun", "", ""} end
  return {"elsewhere", "", ""}
end
if redis.call("EXISTS", KEYS[2]) == 1 then redis.call("HSET", KEYS[2], "data", ARGV[5]) end
if fields[1] ~= "waiting" then return {"over", fields[3] or "", fields[4] or ""} end
redis.call("HSET", KEYS[1], "state", "running", "run", ARGV[1], "hostId", ARGV[2], "host", ARGV[3], "pid", ARGV[4],
  "startedAt", now)
note_change(KEYS[1], "processes")
return {"begun", "", ""}
`,
});

/**
 * KEYS[1] hash of the process; KEYS[2] sorted set of live processes; KEYS[3] of ended ones
 * ARGV[1] id; ARGV[2] name of the run, "" = it waits; ARGV[3] exit code, "" = none; ARGV[4] reason of the loss, "" = none;
 * ARGV[5] time to live of what has ended, ms
 * Returns {exit code, reason of the loss} as they stand now, or nil when the process is unknown or another run's.
 */
export const finishProcess: Script<[string, string] | null> = new Script<[string, string] | null>({
  name: "finishProcess",
  lua: `${NOW}${CONCLUDE}
local fields = redis.call("HMGET", KEYS[1], "state", "run", "exitcode", "lost")
if fields[1] == "ended" or fields[1] == "lost" then return {fields[3] or "", fields[4] or ""} end
if not fields[1] or (fields[2] or "") ~= ARGV[2] then return nil end
conclude(ARGV[1], ARGV[4] == "" and "ended" or "lost", ARGV[5], "exitcode", ARGV[3], "lost", ARGV[4])
return {ARGV[3], ARGV[4]}
`,
});

/**
 * KEYS[1] hash of the process; KEYS[2] sorted set of live processes; KEYS[3] of ended ones; KEYS[4] heartbeat of its host
 * ARGV[1] id; ARGV[2] id of the host; ARGV[3] reason; ARGV[4] time to live of what has ended, ms
 * Returns the client that started it, or nil when it does not run there or the host lives.
 */
export const loseProcess: Script<string | null> = new Script<string | null>({
  name: "loseProcess",
  lua: `${NOW}${CONCLUDE}
local fields = redis.call("HMGET", KEYS[1], "state", "hostId", "client")
if fields[1] ~= "running" or fields[2] ~= ARGV[2] or redis.call("EXISTS", KEYS[4]) == 1 then return nil end
conclude(ARGV[1], "lost", ARGV[4], "exitcode", "", "lost", ARGV[3])
return fields[3]
`,
});

/**
 * KEYS[1] hash of the process; KEYS[2] sorted set of live processes; KEYS[3] of ended ones
 * ARGV[1] id; ARGV[2] way of ending; ARGV[3] its exit code; ARGV[4] control channel; ARGV[5] its message;
 * ARGV[6] time to live of what has ended, ms
 * Returns {outcome, client, queue}: "withdrawn" before it ran, "told" its host, "ended" already, "unknown".
 * A stronger wish stays, also when a weaker one follows.
 */
export const endProcess: Script<["withdrawn" | "told" | "ended" | "unknown", string, string]> = new Script<
  ["withdrawn" | "told" | "ended" | "unknown", string, string]
>({
  name: "endProcess",
  lua: `${NOW}${CONCLUDE}
local fields = redis.call("HMGET", KEYS[1], "state", "client", "queue", "wish")
local state = fields[1]
if not state then return {"unknown", "", ""} end
if state == "waiting" then
  conclude(ARGV[1], "ended", ARGV[6], "exitcode", ARGV[3], "lost", "")
  return {"withdrawn", fields[2], fields[3]}
end
if state ~= "running" then return {"ended", fields[2], fields[3]} end
local strength = {interrupt = 1, terminate = 2, kill = 3}
if strength[ARGV[2]] > (strength[fields[4]] or 0) then redis.call("HSET", KEYS[1], "wish", ARGV[2]) end
redis.call("PUBLISH", ARGV[4], ARGV[5])
return {"told", fields[2], fields[3]}
`,
});

/**
 * KEYS any keys
 * Returns for each 1 when it exists, else 0.
 */
export const whichExist: Script<number[]> = new Script<number[]>({
  name: "whichExist",
  lua: `
local found = {}
for position, key in ipairs(KEYS) do found[position] = redis.call("EXISTS", key) end
return found
`,
});

/**
 * KEYS hashes of processes
 * ARGV names of fields
 * Returns for each the fields, "" where there is none.
 */
export const readFields: Script<string[][]> = new Script<string[][]>({
  name: "readProcessFields",
  lua: `
local rows = {}
for position, key in ipairs(KEYS) do
  -- A key of another type is no process, and hides no other.
  local fields = redis.call("TYPE", key).ok == "hash" and redis.call("HMGET", key, unpack(ARGV)) or {}
  for index = 1, #ARGV do fields[index] = fields[index] or "" end
  rows[position] = fields
end
return rows
`,
});

/**
 * KEYS[1] reply stream of the client; KEYS[2] its session; KEYS[3] hash of the process
 * ARGV[1] encoded list of ReplyItem; ARGV[2] time to live of the stream, ms; ARGV[3] end of stdout; ARGV[4] end of stderr
 * The stream of a client that is gone is not read. Returns 1 when the client was sent the output, else 0.
 */
export const appendOutput: Script<number> = new Script<number>({
  name: "appendProcessOutput",
  lua: `
if redis.call("EXISTS", KEYS[3]) == 1 then redis.call("HSET", KEYS[3], "stdout", ARGV[3], "stderr", ARGV[4]) end
if redis.call("EXISTS", KEYS[2]) == 0 then return 0 end
redis.call("XADD", KEYS[1], "*", "answers", ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
`,
});
