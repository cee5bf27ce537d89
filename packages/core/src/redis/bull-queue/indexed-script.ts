import { INDEX_ADDED, INDEX_ENDED, INDEX_RESTATE, JOB_NUMBER_FIELD } from "../task-index/index.ts";

/**
 * Each script of BullMQ that stores, removes or moves jobs, and what the task index does with it.
 *
 * - `adds`, `takes`, `finishes`: the frequent ones, with a short way for the usual job.
 * - `observed`: what the script does is watched command by command. Of every job that it stores, removes, or moves into or
 *   out of a set with a state, the states are read afterwards and written.
 * - `unchanged`: jobs that it moves wait before and after it, or are active, which the index does not tell apart.
 */
export const INDEXED_SCRIPTS = {
  addStandardJob: "adds",
  addDelayedJob: "adds",
  addPrioritizedJob: "adds",
  addParentJob: "adds",
  moveToActive: "takes",
  moveToFinished: "finishes",
  moveToDelayed: "observed",
  retryJob: "observed",
  reprocessJob: "observed",
  promote: "observed",
  changeDelay: "observed",
  changePriority: "observed",
  moveJobsToWait: "observed",
  moveToWaitingChildren: "observed",
  removeJob: "observed",
  removeChildDependency: "observed",
  removeUnprocessedChildren: "observed",
  removeOrphanedJobs: "observed",
  cleanJobsInSet: "observed",
  drain: "observed",
  obliterate: "observed",
  addJobScheduler: "observed",
  updateJobScheduler: "observed",
  removeJobScheduler: "observed",
  releaseParentIfNoPendingDependencies: "observed",
} as const;

export type IndexedScript = keyof typeof INDEXED_SCRIPTS;

/** Further scripts, read and found to change nothing that the index tells. */
export const UNCHANGED_SCRIPTS: readonly string[] = [
  // Lists of jobs that wait or are active
  ..."moveJobFromActiveToWait moveStalledJobsToWait pause".split(" "),
  // Fields of jobs, locks, deduplication
  ..."addLog extendLock extendLocks releaseLock removeDeduplicationKey saveStacktrace updateData updateProgress".split(
    " ",
  ),
  // Reads
  ..."getCounts getCountsPerPriority getDependencyCounts getJobScheduler getJobs getMetrics getRanges".split(" "),
  ..."getRateLimitTtl getState getStateV2 isFinished isJobInList isMaxed paginate".split(" "),
];

/** Scripts of BullMQ's relay, which is about messages and not about jobs. */
export const isRelayScript = (name: string): boolean => name.startsWith("relay");

/**
 * Lua: `index_observed(run, KEYS, ARGV)`: runs a script of BullMQ and writes the states of the jobs that it changed.
 */
const OBSERVED = `${INDEX_RESTATE}
local function index_observed(run, KEYS, ARGV)
  local numbers, jobs = {}, {}
  local queue = string.match(KEYS[1], "^{[^}]*}:[^:]*:") or ""
  local function touch(key, is_removed)
    if numbers[key] ~= nil then return end
    local n = redis.pcall("HGET", key, "${JOB_NUMBER_FIELD}")
    if type(n) ~= "string" then n = false end
    if is_removed and not n then return end
    numbers[key] = n
    jobs[#jobs + 1] = key
  end
  local function call(command, key, ...)
    if command == "ZREM" or command == "ZADD" then
      local own, part = string.match(key, "^({[^}]*}:[^:]*:)(.*)$")
      if part == "completed" or part == "failed" or part == "delayed" or part == "prioritized" then
        local members = {...}
        for place = command == "ZADD" and 2 or 1, #members, command == "ZADD" and 2 or 1 do
          touch(own .. members[place])
        end
      end
    elseif command == "DEL" then
      for _, one in ipairs({key, ...}) do touch(one, true) end
    elseif command == "HMSET" and (...) == "name" or command == "HSET" and (...) == "priority" then
      touch(key)
    end
    return redis.call(command, key, ...)
  end
  local reply = run(KEYS, ARGV, setmetatable({call = call}, {__index = redis}))
  for _, key in ipairs(jobs) do index_try(queue, index_restate, key, numbers[key]) end
  return reply
end
`;

/** Lua: what runs in place of BullMQ's script, which is the function `bull(KEYS, ARGV, redis)`. */
const WAYS: Record<(typeof INDEXED_SCRIPTS)[IndexedScript], string> = {
  // A job with deduplication may remove another one; a child may move its parent.
  adds: `
  if string.find(ARGV[1], ":de", 1, true) then
    ${OBSERVED}
    return index_observed(bull, KEYS, ARGV)
  end
  local id = bull(KEYS, ARGV, redis)
  if type(id) == "string" then
    ${INDEX_ADDED}
    local queue = string.match(KEYS[1], "^{[^}]*}:[^:]*:") or ""
    index_try(queue, index_added, queue, id, ARGV[2])
  end
  return id`,
  // It puts in line what is due of the delayed jobs.
  takes: `
  local due = redis.pcall("ZRANGEBYSCORE", KEYS[7], 0, (tonumber(ARGV[2]) + 1) * 4096 - 1, "LIMIT", 0, 1)
  if not due[1] then return bull(KEYS, ARGV, redis) end
  ${OBSERVED}
  return index_observed(bull, KEYS, ARGV)`,
  finishes: `
  local job = redis.pcall("HMGET", KEYS[12], "${JOB_NUMBER_FIELD}", "parentKey", "deid", "pb")
  local due = ARGV[6] == "1"
    and redis.pcall("ZRANGEBYSCORE", KEYS[7], 0, (tonumber(ARGV[2]) + 1) * 4096 - 1, "LIMIT", 0, 1)
  if not job[1] or job[2] or job[3] or (due and due[1]) then
    ${OBSERVED}
    return index_observed(bull, KEYS, ARGV)
  end
  local reply = bull(KEYS, ARGV, redis)
  if type(reply) ~= "number" or reply >= 0 then
    ${INDEX_ENDED}
    index_try(ARGV[7], index_ended, {queue = ARGV[7], key = KEYS[12], n = job[1], worker = job[4], state = ARGV[5]})
  end
  return reply`,
  observed: `  ${OBSERVED}
  return index_observed(bull, KEYS, ARGV)`,
};

/**
 * A script of BullMQ as a Lua function that keeps the task index as well. An error of the index fails no script.
 */
export function indexedFunction(name: IndexedScript, script: string): string {
  return `local function ${name}(KEYS, ARGV)
  local function bull(KEYS, ARGV, redis)
${script}
  end
${WAYS[INDEXED_SCRIPTS[name]]}
end
`;
}

export function isIndexed(name: string): name is IndexedScript {
  return name in INDEXED_SCRIPTS;
}
