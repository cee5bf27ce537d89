import { bullFunction, repeatedBullFunction } from "../../redis/bull-queue/index.ts";
import { NOTE_CHANGE, SERVER_TIME } from "../../redis/script/index.ts";
import { INDEX_RESTATE, JOB_NUMBER_FIELD } from "../../redis/task-index/index.ts";

/** Fields of the job of a step: its workflow, its number, and where it belongs: `c<chain>`, `g<group> <parts>`, or "" for the whole. */
export const STEP_WORKFLOW_FIELD = "wf";
export const STEP_NUMBER_FIELD = "wk";
export const STEP_PLACE_FIELD = "wp";
/**
 * Tells it from the step of another workflow that had the id: `<token of the submission>.<how often the workflow had been
 * cancelled when the step was put in line>`.
 */
export const STEP_LIFE_FIELD = "wt";
/** The node whose result it takes, and that result where it is small JSON; both are absent when it takes none. */
export const STEP_INPUT_FIELD = "wr";
export const STEP_VALUE_FIELD = "wv";

/** Steps of one workflow that are in line or run at once: more than the slots of a fleet, and few enough to be dropped soon. */
const WINDOW = 1_000;
/** Longest result that goes with the job of the next step, bytes: it saves the look at the results. */
const LONGEST_BESIDE = 2_048;

/** Steps that a retry puts on the stack with one script: about 1 ms of Redis. */
const RESTORED = 250;

/** What the first byte of a result says of the rest. */
export const RESULT_JSON = "j";
/** `encode(UnitAnswer[])` of its only unit. */
export const RESULT_ANSWERS = "e";
/** It is in a key of its own: `Keys.workflowResult`. */
export const RESULT_STORED = "s";
/** `encodeError(error)` as base64, or "" and a message behind a space: a part that failed, in a group that returns errors. */
export const RESULT_ERROR = "!";
/** It was too large for the job, and gone before it could be kept. */
export const RESULT_LOST = "l";

/** Kinds of nodes as the record has them; places in their list: 1 kind, 2 parent, 3 place, then */
const STEP = 0;
const CHAIN = 1;
const GROUP = 2;
export const NODE_KINDS: { step: 0; chain: 1; group: 2 } = { step: STEP, chain: CHAIN, group: GROUP } as const;

/**
 * Lua: `is_stopped_step(prefix, jobs, id, seen)`: the job is a step of a workflow that no longer runs, or of a part of it that
 * has failed, or of an earlier workflow of the id: it must not start. For another job it costs a search in its id. `seen`, where it is
 * given: {the job's fields of its workflow and of its life, workflows that the script has open, by id, or nil}, which need not be
 * read again. `life_of(field)`: the token in the field of its life.
 */
export const IS_STOPPED_STEP: string = `
local function life_of(field) return field and string.match(field, "^[^.]*") end
local function is_stopped_step(ours, jobs, id, seen)
  if not string.find(id, ".", 1, true) then return false end
  local workflow, number = string.match(id, "^(.+)%.(%d+)$")
  if not workflow then return false end
  local noted = seen or redis.call("HMGET", jobs .. id, "${STEP_WORKFLOW_FIELD}", "${STEP_LIFE_FIELD}")
  if noted[1] ~= workflow then return false end
  local hash = ours .. "workflow/" .. workflow
  local opened = seen and seen[3] and seen[3][workflow]
  local state = opened and {opened.state, opened.broken, opened.token} or redis.call("HMGET", hash, "state", "broken", "token")
  if state[1] ~= "running" then return true end
  if noted[2] and life_of(noted[2]) ~= state[3] then return true end
  if not state[2] then return false end
  -- A part around it may have failed.
  local node = tonumber(number)
  while node >= 0 do
    if redis.call("HEXISTS", hash, "x" .. node) == 1 then return true end
    local packed = redis.call("LINDEX", ours .. "workflow-nodes/" .. workflow, node)
    if not packed then return true end
    node = cmsgpack.unpack(packed)[2]
  end
  return false
end
`;

/**
 * Lua: `drop_step(prefix, jobs, id)`: removes the job of a stopped step that has left its list, and notes it for a retry of
 * the workflow.
 */
export const DROP_STEP: string = `
local function drop_step(ours, jobs, id)
  local job = jobs .. id
  local workflow, place = string.match(id, "^(.+)%.(%d+)$")
  local fields = redis.call("HMGET", job, "${JOB_NUMBER_FIELD}", "${STEP_LIFE_FIELD}")
  local index_number = fields[1]
  redis.call("UNLINK", job, job .. ":logs")
  redis.call("XADD", jobs .. "events", "*", "event", "removed", "jobId", id, "prev", "wait")
  local function index_dropped(KEYS, ARGV)
    ${INDEX_RESTATE}
    index_try(ARGV[1], index_restate, KEYS[1], ARGV[2])
  end
  index_dropped({job}, {jobs, index_number})
  local known = redis.call("HMGET", ours .. "workflow/" .. workflow, "state", "token")
  -- Of an earlier workflow of the id: the step in line is another one.
  if fields[2] and known[2] and string.match(fields[2], "^[^.]*") ~= known[2] then return end
  -- What stops because a part around it has failed is not wanted any more.
  if redis.call("SREM", ours .. "workflow-line/" .. workflow, place) == 1 and known[1] ~= "running" then
    redis.call("SADD", ours .. "workflow-held/" .. workflow, place)
  end
end
`;

/**
 * Lua: `open_workflow(ours, queues, workflow_id)` gives a workflow as a table for the other functions:
 *
 * - `workflow_done(w, node, parent)`: the node has a result: what follows it in a chain may start; with its last part a group
 *   has one as well, and so on up to the whole.
 * - `workflow_result(w, number, where, result)`: the same for a step, with the result, which counts once. Returns whether it did.
 * - `workflow_failed(w, step, error, message)`: a step has failed for good. Returns whether that failed the whole.
 * - `workflow_end(w, state)`: the whole ends. `w.ended` has the state then.
 * - `workflow_again(w, step, life)`: a step, with that in its field of its life, ended as cancelled. Returns whether it starts again,
 *   as the whole was cancelled and goes on.
 * - `workflow_input(w, step)`: the node whose result the step takes, or "-".
 * - `workflow_restore(w)`: of the steps that a retry starts again, some may start now. What is left is found by the pump.
 * - `workflow_tell(w, data)`: adds the call that tells that the whole has failed, with this data, if one is wanted.
 * - `workflow_pump(w, most)`: puts steps in line that may start, up to so many. Returns how many, and whether there are more.
 *
 * What ends after the whole has failed or was cancelled is counted like everything else: a retry goes on from there. Only
 * the pump heeds the state.
 */
export function workflowLua(): string {
  return `${SERVER_TIME}${NOTE_CHANGE}
local function open_workflow(ours, queues, workflow_id)
  local w = {id = workflow_id, prefix = ours, queues = queues, hash = ours .. "workflow/" .. workflow_id, calls = {},
    values = {}, branches = {}, inputs = {}}
  for _, part in ipairs({"nodes", "results", "line", "stack", "held", "failed", "large"}) do
    w[part] = ours .. "workflow-" .. part .. "/" .. workflow_id
  end
  local state = redis.call("HMGET", w.hash, "state", "broken", "again", "token", "stops")
  w.state, w.broken, w.again, w.token, w.stops = state[1], state[2], state[3], state[4], state[5]
  return w
end
local function workflow_node(w, node)
  local packed = redis.call("LINDEX", w.nodes, node)
  return packed and cmsgpack.unpack(packed)
end
-- A part around the node, or it, has failed and is an error in the results of its group.
local function workflow_broken(w, node)
  if not w.broken then return false end
  while node >= 0 do
    if redis.call("HEXISTS", w.hash, "x" .. node) == 1 then return true end
    node = workflow_node(w, node)[2]
  end
  return false
end
local function workflow_end(w, state)
  local now = string.format("%.0f", server_time())
  redis.call("HSET", w.hash, "state", state, "ended", now)
  w.state, w.ended = state, state
  redis.call("ZADD", w.prefix .. "workflows/" .. (state == "completed" and "completed" or "failed"), now, w.id)
  if state == "completed" then redis.call("SREM", w.prefix .. "workflows/open", w.id) end
  note_change(w.hash, "workflows/" .. w.id)
end
local function workflow_done(w, node, parent)
  if workflow_broken(w, node) then return end
  while parent >= 0 do
    local around = workflow_node(w, parent)
    if around[1] == ${CHAIN} then
      if node + 1 < around[4] + around[5] then
        redis.call("RPUSH", w.stack, (node + 1) .. " " .. node .. " 0")
        return
      end
    elseif redis.call("HINCRBY", w.hash, "d" .. parent, 1) < around[5] then
      return
    end
    node, parent = parent, around[2]
  end
  -- One that was stopped stays so; a retry of it has nothing to do any more.
  if w.state == "running" then workflow_end(w, "completed") else redis.call("HSET", w.hash, "whole", 1) end
end
local function workflow_result(w, number, where, result)
  if not w.state then return false end
  redis.call("SREM", w.line, number)
  if redis.call("HSETNX", w.results, number, result) == 0 then return false end
  if w.state ~= "running" then redis.call("SREM", w.failed, number) end
  -- The usual number, a part of a group, needs no look at the tree.
  local group, parts = string.match(where, "^g(%d+) (%d+)$")
  if group and not w.broken then
    if redis.call("HINCRBY", w.hash, "d" .. group, 1) < tonumber(parts) then return true end
    workflow_done(w, tonumber(group), workflow_node(w, group)[2])
    return true
  end
  workflow_done(w, tonumber(number), workflow_node(w, number)[2])
  return true
end
local function workflow_failed(w, number, cause, message)
  if not w.state then return false end
  if redis.call("HEXISTS", w.results, number) == 1 then return false end
  redis.call("SREM", w.line, number)
  local failing = workflow_node(w, number)
  local node, parent = tonumber(number), failing[2]
  if workflow_broken(w, node) then return false end
  local path = {}
  while parent >= 0 do
    local around = workflow_node(w, parent)
    if around[1] == ${GROUP} and around[6] == 1 then
      if redis.call("HSETNX", w.results, node, "${RESULT_ERROR}" .. cause .. " " .. message) == 1 then
        redis.call("HINCRBY", w.hash, "returned", 1)
        for _, one in ipairs(path) do
          redis.call("HSET", w.hash, "x" .. one, 1, "broken", 1)
          w.broken = "1"
        end
        if redis.call("HINCRBY", w.hash, "d" .. parent, 1) == around[5] then workflow_done(w, parent, around[2]) end
      end
      return false
    end
    node, parent = parent, around[2]
    path[#path + 1] = node
  end
  if redis.call("SADD", w.failed, number) == 0 or w.state ~= "running" then return false end
  local call = cmsgpack.unpack(redis.call("HGET", w.hash, "c" .. failing[4]))
  redis.call("HSET", w.hash, "failedStep", number, "failedTask", call[2], "error", cause, "message", message)
  workflow_end(w, "failed")
  return true
end
-- Adds a job by BullMQ's script. \`call\`: pool, task, options, delay, priority.
local function workflow_add(w, id, call, data)
  local queue = w.queues .. call[1] .. ":"
  w.now = w.now or string.format("%.0f", server_time())
  local add = {cmsgpack.pack({queue, id, call[2], tonumber(w.now)}), data, call[3]}
  if call[4] > 0 then
    ${bullFunction("addDelayedJob")}
    addDelayedJob({queue .. "marker", queue .. "meta", queue .. "id", queue .. "delayed", queue .. "completed",
      queue .. "events"}, add)
  elseif call[5] > 0 then
    ${bullFunction("addPrioritizedJob")}
    addPrioritizedJob({queue .. "marker", queue .. "meta", queue .. "id", queue .. "prioritized", queue .. "delayed",
      queue .. "completed", queue .. "active", queue .. "events", queue .. "pc"}, add)
  else
    if not w.add then
      ${repeatedBullFunction("addStandardJob")}
      w.add = addStandardJob
    end
    w.add({queue .. "wait", queue .. "paused", queue .. "meta", queue .. "id", queue .. "completed",
      queue .. "delayed", queue .. "active", queue .. "events", queue .. "marker"}, add)
  end
end
-- The call that tells of a failure of the whole.
local function workflow_tell(w, data)
  local call = redis.call("HGET", w.hash, "onError")
  if not call then return end
  workflow_add(w, w.id .. ".error" .. redis.call("HINCRBY", w.hash, "failures", 1), cmsgpack.unpack(call), data)
end
-- A small result that goes with the job.
local function workflow_value(w, ref)
  local value = w.values[ref]
  if value == nil then
    local found = redis.call("HSTRLEN", w.results, ref) <= ${LONGEST_BESIDE} and redis.call("HGET", w.results, ref)
    value = found and string.sub(found, 1, 1) == "${RESULT_JSON}" and string.sub(found, 2) or false
    w.values[ref] = value
  end
  return value
end
-- Puts a step in line. Returns false while a job of its id, of an earlier run, is still running.
local function workflow_release(w, number, node, ref, where)
  local call = w.calls[node[4]]
  if not call then
    call = cmsgpack.unpack(redis.call("HGET", w.hash, "c" .. node[4]))
    w.calls[node[4]] = call
  end
  local id = w.id .. "." .. number
  local queue = w.queues .. call[1] .. ":"
  if redis.call("EXISTS", queue .. id) == 1 then
    if redis.call("EXISTS", queue .. id .. ":lock") == 1 then return false end
    ${bullFunction("removeJob")}
    if removeJob({queue .. id, queue .. "repeat"}, {id, "0", queue}) ~= 1 then return false end
  end
  workflow_add(w, id, call, node[5])
  -- One that has its time is looked for by the fleet.
  if node[7] then
    redis.call("ZADD", w.prefix .. "expiries", string.format("%.0f", w.now + node[7]), call[1] .. " " .. id)
  end
  local fields = {"${STEP_WORKFLOW_FIELD}", w.id, "${STEP_NUMBER_FIELD}", number, "${STEP_PLACE_FIELD}", where,
    "${STEP_LIFE_FIELD}", (w.token or "") .. "." .. (w.stops or "0")}
  if node[6] == 1 and ref ~= "-" then
    fields[9], fields[10] = "${STEP_INPUT_FIELD}", ref
    local value = workflow_value(w, ref)
    if value then fields[11], fields[12] = "${STEP_VALUE_FIELD}", value end
  end
  redis.call("HSET", queue .. id, unpack(fields))
  redis.call("SADD", w.line, number)
  return true
end
-- Whose result a step takes: that of what comes before it, or before what it is the first of; "-" = there is none.
local function workflow_input(w, number)
  local climbed, input = {}, nil
  while not input do
    local node = workflow_node(w, number)
    local parent = node[2]
    if parent >= 0 and not w.branches[parent] then w.branches[parent] = workflow_node(w, parent) end
    if parent < 0 then input = "-"
    elseif node[3] > 0 and w.branches[parent][1] == ${CHAIN} then input = tostring(number - 1)
    else
      number = parent
      climbed[#climbed + 1] = parent
      input = w.inputs[parent]
    end
  end
  -- Parts of a group have the same.
  for _, one in ipairs(climbed) do w.inputs[one] = input end
  return input
end
-- A step was cancelled because the whole was, which goes on by now: it starts again. Returns false for any other.
local function workflow_again(w, number, life)
  local stops = tonumber(string.match(life or "", "%d+$") or "")
  if w.state ~= "running" or not stops or stops >= (tonumber(w.stops or "") or 0) then return false end
  if redis.call("SREM", w.line, number) == 1 then
    redis.call("RPUSH", w.stack, number .. " " .. workflow_input(w, tonumber(number)) .. " 0")
  end
  return true
end
-- After a retry: steps that have failed or were held may start again, some at a time.
local function workflow_restore(w)
  local restored = 0
  for _, part in ipairs({w.failed, w.held}) do
    local entries = restored < ${RESTORED} and redis.call("SPOP", part, ${RESTORED} - restored) or {}
    for index, number in ipairs(entries) do
      entries[index] = number .. " " .. workflow_input(w, tonumber(number)) .. " 0"
    end
    if #entries > 0 then redis.call("RPUSH", w.stack, unpack(entries)) end
    restored = restored + #entries
  end
  if redis.call("EXISTS", w.failed, w.held) == 0 then
    redis.call("HDEL", w.hash, "again")
    w.again = false
  end
end
local function workflow_place(w, parent)
  if parent < 0 then return "" end
  local around = workflow_node(w, parent)
  if around[1] == ${CHAIN} then return "c" .. parent end
  return "g" .. parent .. " " .. around[5]
end
local function workflow_pump(w, most)
  if w.state ~= "running" then return 0, false end
  local room = math.min(most, ${WINDOW} - redis.call("SCARD", w.line))
  local added, turns = 0, most * 3 + 8
  while added < room and turns > 0 do
    turns = turns - 1
    local entry = redis.call("LINDEX", w.stack, -1)
    if not entry and w.again then
      workflow_restore(w)
      entry = redis.call("LINDEX", w.stack, -1)
    end
    if not entry then return added, false end
    local number, ref, from = string.match(entry, "^(%d+) (%S+) (%d+)$")
    number, from = tonumber(number), tonumber(from)
    local node = workflow_node(w, number)
    if workflow_broken(w, number) then
      redis.call("RPOP", w.stack)
    elseif node[1] == ${STEP} then
      if not workflow_release(w, number, node, ref, workflow_place(w, node[2])) then return added, true end
      redis.call("RPOP", w.stack)
      added = added + 1
    elseif node[1] == ${CHAIN} then
      redis.call("RPOP", w.stack)
      redis.call("RPUSH", w.stack, node[4] .. " " .. ref .. " 0")
    elseif node[5] == 0 then
      redis.call("RPOP", w.stack)
      workflow_done(w, number, node[2])
      if w.ended then return added, false end
    else
      local place = "g" .. number .. " " .. node[5]
      local upto = math.min(node[5], from + room - added)
      local branch, blocked
      local parts = redis.call("LRANGE", w.nodes, node[4] + from, node[4] + upto - 1)
      for _, packed in ipairs(parts) do
        local part = cmsgpack.unpack(packed)
        if part[1] ~= ${STEP} then
          branch = node[4] + from
          from = from + 1
          break
        end
        if not workflow_release(w, node[4] + from, part, ref, place) then
          blocked = true
          break
        end
        added, from = added + 1, from + 1
      end
      if from >= node[5] then redis.call("RPOP", w.stack)
      else redis.call("LSET", w.stack, -1, number .. " " .. ref .. " " .. from) end
      -- The parts of it come before the next part of this group.
      if branch then redis.call("RPUSH", w.stack, branch .. " " .. ref .. " 0") end
      if blocked then return added, true end
    end
  end
  return added, w.again or redis.call("LLEN", w.stack) > 0
end
`;
}
