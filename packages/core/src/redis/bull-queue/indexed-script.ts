import { PROCESSES } from "../../wire/records/process-queues.ts";
import { INDEX_ADDED, INDEX_ENDED, INDEX_NOTE, INDEX_RESTATE, JOB_NUMBER_FIELD } from "../task-index/index.ts";
import { partsOf } from "./hoisted-script.ts";

/**
 * Each script of BullMQ that stores, removes or moves jobs, and what the task index does with it.
 *
 * - `adds`, `takes`, `finishes`: the frequent ones, with a short way for the usual job.
 * - `observed`: what the script does is watched command by command. Of every job that it stores, removes, takes from those
 *   that are active, or moves into or out of a set with a state, the states are read afterwards and written.
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
    elseif command == "LREM" then
      -- A task that has run, and waits again.
      local own, part = string.match(key, "^({[^}]*}:[^:]*:)(.*)$")
      if part == "active" then touch(own .. select(2, ...)) end
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

/**
 * Places in BullMQ's texts at which a frequent script does what the index needs as well, so that it costs no further command.
 * The texts themselves are watched by their hashes; where a place is not found once, the script is observed.
 */
interface Place {
  text: string;
  becomes: string;
}

/** A job is stored: it gets its number. */
const STORES: Place = {
  text: 'rcall("HMSET", jobIdKey, "name", name,',
  becomes: 'index_new(optionalValues, name, delay, priority)\n    rcall("HMSET", jobIdKey, "name", name,',
};
/** What is due of the delayed jobs is put in line, by a take or by a finish that takes. */
const PROMOTES: Place = {
  text: 'rcall("ZREM", delayedKey, unpack(jobs))',
  becomes: 'rcall("ZREM", delayedKey, unpack(jobs))\n        index_due = jobs',
};
/** The job that ends is read. */
const READS: Place = {
  text: 'local jobAttributes = rcall("HMGET", jobIdKey, "parentKey", "parent", "deid")',
  becomes:
    `local jobAttributes = rcall("HMGET", jobIdKey, "parentKey", "parent", "deid", "${JOB_NUMBER_FIELD}", "pb")\n` +
    "    index_job = jobAttributes",
};

/** Lua: writes the states of the jobs that a take has put in line. */
const NOTE_DUE = `
  if index_due then
    ${INDEX_RESTATE}
    local queue = string.match(KEYS[1], "^{[^}]*}:[^:]*:") or ""
    for _, due in ipairs(index_due) do index_try(queue, index_restate, queue .. due, false) end
  end`;

interface Way {
  places: readonly Place[];
  /** Names of locals that hold something of a call. */
  locals: readonly string[];
  /** Lua before BullMQ's text. */
  before: string;
  /** Lua that calls it, as the function `bull(KEYS, ARGV, redis)`, and returns. */
  call: string;
}

const OBSERVES: Way = {
  places: [],
  locals: [],
  before: "",
  call: `${OBSERVED}  return index_observed(bull, KEYS, ARGV)`,
};

/** What runs in the place of BullMQ's script. */
const WAYS: Record<(typeof INDEXED_SCRIPTS)[IndexedScript], Way> = {
  adds: {
    places: [STORES],
    locals: ["index_job"],
    before: `
  local function index_new(values, task, delay, priority)
    -- A job with deduplication may remove another one, and a child may move its parent: such an add is observed.
    if index_job == false then return end
    local n = redis.pcall("HINCRBY", string.match(KEYS[1], "^{[^}]*}") .. "/index", "next", 1)
    if type(n) ~= "number" then
      index_job = {}
      return
    end
    values[#values + 1], values[#values + 2] = "${JOB_NUMBER_FIELD}", n - 1
    index_job = {n = n - 1, task = task, delay = tonumber(delay) or 0, priority = tonumber(priority) or 0, data = ARGV[2]}
  end`,
    call: `
  if string.find(ARGV[1], ":de:", 1, true) or string.find(KEYS[1], "^{[^}]*}:${PROCESSES}[.:]") then
    index_job = false
    ${OBSERVED}
    return index_observed(bull, KEYS, ARGV)
  end
  local id = bull(KEYS, ARGV, redis)
  if index_job then
    ${INDEX_ADDED}
    local is_noted, failure = pcall(index_added, KEYS[1], id, index_job)
    if not is_noted then
      ${INDEX_NOTE}
      index_note(failure, KEYS[1])
    end
  end
  return id`,
  },
  takes: {
    places: [PROMOTES],
    locals: ["index_due"],
    before: "",
    call: `
  local reply = bull(KEYS, ARGV, redis)
  ${NOTE_DUE}
  return reply`,
  },
  finishes: {
    places: [PROMOTES, READS],
    locals: ["index_due", "index_job"],
    before: "",
    call: `
  local reply = bull(KEYS, ARGV, redis)
  if index_job and (type(reply) ~= "number" or reply >= 0) then
    if index_job[4] and not index_job[1] then
      ${INDEX_ENDED}
      -- One that is not kept is gone.
      local state = string.find(ARGV[8], "count\\0", 1, true) and "gone" or ARGV[5]
      local ended = {n = index_job[4], state = state, worker = index_job[5]}
      local is_noted, failure = pcall(index_ended, ARGV[7], KEYS[12], ended)
      if not is_noted then
        ${INDEX_NOTE}
        index_note(failure, KEYS[12])
      end
    else
      ${INDEX_RESTATE}
      index_try(KEYS[12], index_restate, KEYS[12], index_job[4])
      if index_job[1] then index_try(KEYS[12], index_restate, index_job[1], false) end
    end
  end
  ${NOTE_DUE}
  return reply`,
  },
  observed: OBSERVES,
};

/**
 * A script of BullMQ as a Lua function that keeps the task index as well. An error of the index fails no script.
 */
export function indexedFunction(name: IndexedScript, script: string): string {
  const usual = WAYS[INDEXED_SCRIPTS[name]];
  const isRead = usual.places.every(({ text }) => script.split(text).length === 2);
  const { places, locals, before, call } = isRead ? usual : OBSERVES;
  let bull = script;
  for (const { text, becomes } of places) bull = bull.replace(text, () => becomes);
  return `local function ${name}(KEYS, ARGV)
${declare(locals)}${before}
  local function bull(KEYS, ARGV, redis)
${bull}
  end
${call}
end
`;
}

/**
 * The same as a function that makes what does not depend on a call only once; its parameters are those of the call that is
 * under way. `redis` is given anew with each call, as one may be observed.
 *
 * @returns null where it cannot be
 */
export function repeatedIndexedFunction(name: IndexedScript, script: string): string | null {
  const { places, locals, before, call } = WAYS[INDEXED_SCRIPTS[name]];
  if (!places.every(({ text }) => script.split(text).length === 2)) return null;
  let bull = script;
  for (const { text, becomes } of places) bull = bull.replace(text, () => becomes);
  const parts = partsOf(bull);
  if (!parts) return null;
  return `local function many_${name}(KEYS, ARGV)
  local rcall
${declare(locals)}${before}
${parts.functions}
  local function bull(KEYS, ARGV, redis)
    rcall = redis.call
${parts.call}
  end
  return function(given_keys, given_args)
    KEYS, ARGV = given_keys, given_args
    ${locals.map((one) => `${one} = nil`).join("\n    ")}
    ${call}
  end
end
local ${name} = many_${name}()
`;
}

function declare(locals: readonly string[]): string {
  return locals.length === 0 ? "" : `  local ${locals.join(", ")}\n`;
}

export function isIndexed(name: string): name is IndexedScript {
  return name in INDEXED_SCRIPTS;
}
