import { Script } from "../../redis/script/index.ts";
import { forgetEnded } from "../history/index.ts";
import { HELD_BACK, HELD_BACK_FIELDS } from "../submission/held-back.ts";
import { NOTE_CHILD } from "./children.ts";
import { DROP_STEP, STEP_WORKFLOW_FIELD, workflowLua } from "./workflow-lua.ts";

/** How long a workflow that is not wholly submitted stays, ms. */
const BUILDING_LIFE = 3_600_000;
/** Steps that the submission itself puts in line with its last part: about 1 ms of Redis. */
const FIRST_STEPS = 32;
/** A workflow that does not move is looked at so many times in a row, and then once in so many looks. */
const OFTEN = 3;
const SELDOM = 3;
/** Results in keys of their own that are removed by one script. */
const MOST_REMOVED = 200;
/** Nodes whose jobs one script looks for, and jobs that it removes from the history: about 1 ms of Redis. */
const FORGOTTEN = { looked: 250, removed: 40 };

export type PutReply = "more" | "created" | "exists" | "former" | "other" | "refused";

/**
 * KEYS[1] hash of the workflow; KEYS[2] list of its nodes; KEYS[3] sorted set of workflows; KEYS[4] set of those that are open;
 * KEYS[5] hash of the job of its parent and KEYS[6] set of the children of that, when there is one
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] token of the submission; ARGV[5] number of the
 * first node of this part; ARGV[6] the nodes, MessagePack list of strings; ARGV[7] calls that are new with them, the same: name
 * of the field, value; ARGV[8] nodes and ARGV[9] steps of the whole; ARGV[10] name and tags, JSON; ARGV[11] call for a failure, "" = none;
 * ARGV[12] what names the call of the parent's job behind its fields, "" = it has one; ARGV[13] the child as JSON, "" = no parent
 * Keeps a part of a workflow; with the last one it runs. A part that is sent again changes nothing.
 * Returns "more", "created" (it runs), "exists" (there is one of the id), "former" (there is one, of an earlier task that had the id
 * of the parent), "refused" (its parent is being cancelled: there is nothing of it), or "other" (another submission of the id is
 * under way, or this one has expired).
 */
export const putWorkflowPart: Script<PutReply> = new Script<PutReply>({
  name: "putWorkflowPart",
  lua: () => `${workflowLua()}${NOTE_CHILD}
local known = redis.call("HMGET", KEYS[1], "state", "token", "parentLife")
local is_mine = known[2] == ARGV[4]
-- An id that follows from the parent's has a "/"; others are chosen.
local life = ARGV[13] ~= "" and string.find(ARGV[1], "/", 1, true) and redis.call("HGET", KEYS[5], "timestamp")
local function may_be() return ARGV[13] == "" or note_child(KEYS[5], KEYS[6], ARGV[12], ARGV[13]) end
if known[1] and known[1] ~= "building" then
  if is_mine then return "created" end
  if life and known[3] and known[3] ~= life then return "former" end
  return may_be() and "exists" or "refused"
end
if not is_mine then
  if ARGV[5] ~= "0" then return "other" end
  redis.call("UNLINK", KEYS[1], KEYS[2])
  redis.call("HSET", KEYS[1], "state", "building", "token", ARGV[4], "created", string.format("%.0f", server_time()),
    "nodes", ARGV[8], "steps", ARGV[9], "label", ARGV[10])
  if ARGV[11] ~= "" then redis.call("HSET", KEYS[1], "onError", ARGV[11]) end
  if life then redis.call("HSET", KEYS[1], "parentLife", life) end
end
local length, first = redis.call("LLEN", KEYS[2]), tonumber(ARGV[5])
if length < first then return "other" end
if length == first then
  local nodes = cmsgpack.unpack(ARGV[6])
  redis.call("RPUSH", KEYS[2], unpack(nodes))
  length = length + #nodes
  local calls = cmsgpack.unpack(ARGV[7])
  if #calls > 0 then redis.call("HSET", KEYS[1], unpack(calls)) end
end
if length < tonumber(ARGV[8]) then
  redis.call("PEXPIRE", KEYS[1], ${BUILDING_LIFE})
  redis.call("PEXPIRE", KEYS[2], ${BUILDING_LIFE})
  return "more"
end
if not may_be() then
  redis.call("UNLINK", KEYS[1], KEYS[2])
  return "refused"
end
redis.call("PERSIST", KEYS[1])
redis.call("PERSIST", KEYS[2])
redis.call("HSET", KEYS[1], "state", "running")
redis.call("ZADD", KEYS[3], redis.call("HGET", KEYS[1], "created"), ARGV[1])
redis.call("SADD", KEYS[4], ARGV[1])
note_change(KEYS[1], "workflows/" .. ARGV[1])
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
redis.call("RPUSH", w.stack, "0 - 0")
workflow_pump(w, ${FIRST_STEPS})
return "created"
`,
});

/**
 * KEYS[1] hash of the workflow
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] most steps
 * Puts steps in line that may start.
 * Returns {how many, 1 = there are more}.
 */
export const pumpWorkflow: Script<[added: number, hasMore: 0 | 1]> = new Script<[number, 0 | 1]>({
  name: "pumpWorkflow",
  lua: () => `${workflowLua()}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
local added, has_more = workflow_pump(w, tonumber(ARGV[4]))
return {added, has_more and 1 or 0}
`,
});

/**
 * Lua, behind `workflowLua`: `look_at_line(w, cursor, {count, most, longest, reason})` looks at some `count` steps of the workflow's
 * line, from a cursor of SSCAN on. Those that wait leave it where the workflow was stopped: `most` of them, from lines of pools that
 * are no longer than `longest`. Returns the next cursor, the other steps as {@link SweptStep} says, and how many have left; those
 * that run only where a `reason` says that they are to be cancelled.
 */
const LOOK_AT_LINE = `${DROP_STEP}
local function look_at_line(w, cursor, of)
  local found, dropped = {}, 0
  local page = redis.call("SSCAN", w.line, cursor, "COUNT", of.count)
  for _, step in ipairs(page[2]) do
    -- A small set comes as one page: the rest of it is seen by the next call.
    if dropped == of.most then break end
    local node = workflow_node(w, step)
    local call = node and (w.calls[node[4]] or cmsgpack.unpack(redis.call("HGET", w.hash, "c" .. node[4])))
    if call then
      w.calls[node[4]] = call
      local queue, id = w.queues .. call[1] .. ":", w.id .. "." .. step
      if redis.call("EXISTS", queue .. id) == 0 then
        if w.state == "running" then found[#found + 1] = {step, "gone", call[1]}
        else
          redis.call("SREM", w.line, step)
          redis.call("SADD", w.held, step)
        end
      elseif redis.call("ZSCORE", queue .. "completed", id) then found[#found + 1] = {step, "completed", call[1]}
      elseif redis.call("ZSCORE", queue .. "failed", id) then found[#found + 1] = {step, "failed", call[1]}
      elseif w.state ~= "running" and redis.call("EXISTS", queue .. id .. ":lock") == 1 then
        if of.reason then found[#found + 1] = {step, "running", call[1], redis.call("HGET", queue .. id, "timestamp")} end
      elseif w.state ~= "running" then
        -- A host would drop it, but there may be none that takes jobs of the pool.
        local left = redis.call("ZREM", queue .. "delayed", id) + redis.call("ZREM", queue .. "prioritized", id)
        if left == 0 and redis.call("LLEN", queue .. "wait") <= of.longest then
          left = redis.call("LREM", queue .. "wait", -1, id)
        end
        if left > 0 then
          drop_step(w.prefix, queue, id)
          dropped = dropped + 1
        end
      end
    end
  end
  return page[1], found, dropped
end
`;

/** What a request to stop a workflow finds; "stopping": it has ended, but steps of it wait or run. */
type Cancellation = "cancelled" | "stopping" | "ended" | "missing";

/**
 * KEYS[1] hash of the workflow; KEYS[2] set of open workflows
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] reason; ARGV[5] steps to look at; ARGV[6] most
 * steps to drop; ARGV[7] longest line in which one is searched
 * Ends a workflow that runs, and takes its first steps that wait out of their lines. That there is a reason says that what still runs
 * of it is to be cancelled, also where it had ended before: sweeps see to that, if this program ends.
 * Returns {"cancelled", "stopping", "ended" or "missing", the reason that holds, clients that wait for it, steps that still run or
 * wait}.
 */
export const cancelWorkflowScript: Script<[outcome: Cancellation, reason: string, watchers: string, left: number]> =
  new Script<[Cancellation, string, string, number]>({
    name: "cancelWorkflow",
    lua: () => `${workflowLua()}${LOOK_AT_LINE}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
if not w.state or w.state == "building" then return {"missing", "", "", 0} end
local outcome = "cancelled"
if w.state == "running" then
  workflow_end(w, "cancelled")
elseif redis.call("EXISTS", w.line) == 0 then return {"ended", "", "", 0}
else
  outcome = "stopping"
  redis.call("SADD", KEYS[2], ARGV[1])
  note_change(KEYS[1], "workflows/" .. ARGV[1])
end
if redis.call("HSETNX", KEYS[1], "reason", ARGV[4]) == 1 then
  redis.call("HINCRBY", KEYS[1], "stops", 1)
end
look_at_line(w, "0", {count = ARGV[5], most = tonumber(ARGV[6]), longest = tonumber(ARGV[7])})
local known = redis.call("HMGET", KEYS[1], "reason", "watchers")
return {outcome, known[1], known[2] or "", redis.call("SCARD", w.line)}
`,
  });

/**
 * KEYS[1] hash of the workflow
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] where to go on, "0" = from the beginning; ARGV[5]
 * steps to look at; ARGV[6] most steps to drop; ARGV[7] longest line in which one is searched
 * Takes steps of a workflow that has ended out of their lines, some with each call.
 * Returns {where to go on, "" = all were looked at; those that have not left their line, when that part of them was looked through}.
 */
export const stopSteps: Script<[cursor: string, steps: SweptStep[]]> = new Script<[string, SweptStep[]]>({
  name: "stopSteps",
  lua: () => `${workflowLua()}${LOOK_AT_LINE}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
if not w.state or w.state == "building" or w.state == "running" then return {"", {}} end
local most = tonumber(ARGV[6])
local cursor, found, dropped = look_at_line(w, ARGV[4], {count = ARGV[5], most = most, longest = tonumber(ARGV[7]), reason = true})
if dropped >= most then return {ARGV[4], {}} end
return {cursor == "0" and "" or cursor, found}
`,
});

/**
 * KEYS[1] hash of the workflow; KEYS[2] set of open workflows; KEYS[3] sorted set of failed ones
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys
 * A workflow that failed or was cancelled goes on: what failed, and what was stopped, may start again.
 * Returns {"retried", "not failed" or "missing", steps that start again}.
 */
export const retryWorkflowScript: Script<["retried" | "not failed" | "missing", number]> = new Script<
  ["retried" | "not failed" | "missing", number]
>({
  name: "retryWorkflow",
  lua: () => `${workflowLua()}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
if not w.state or w.state == "building" then return {"missing", 0} end
if w.state ~= "failed" and w.state ~= "cancelled" then return {"not failed", 0} end
redis.call("HDEL", KEYS[1], "ended", "failedStep", "failedTask", "error", "message", "reason", "forgotten")
redis.call("HSET", KEYS[1], "state", "running")
redis.call("ZREM", KEYS[3], ARGV[1])
redis.call("SADD", KEYS[2], ARGV[1])
w.state = "running"
local steps = redis.call("SCARD", w.held) + redis.call("SCARD", w.failed)
if steps > 0 then
  redis.call("HSET", KEYS[1], "again", 1)
  w.again = "1"
  workflow_restore(w)
end
if redis.call("HEXISTS", KEYS[1], "whole") == 1 then
  workflow_end(w, "completed")
else
  note_change(KEYS[1], "workflows/" .. ARGV[1])
  workflow_pump(w, ${FIRST_STEPS})
end
return {"retried", steps}
`,
});

/**
 * KEYS[1] hash of the workflow; KEYS[2] sorted set of workflows; KEYS[3] set of open ones; KEYS[4] those that have completed;
 * KEYS[5] those that have not
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] life of a parent, "" = none: one that is a child of
 * that stays, as if there were none
 * Removes a workflow of which nothing runs, some of it with each call: first the jobs of its steps from the histories of their
 * pools, then large results, then the record. Jobs that wait are dropped by the hosts that find them.
 * Returns "removed", "more" (call again), "running" or "missing".
 */
export const removeWorkflowScript: Script<"removed" | "more" | "running" | "missing"> = new Script<
  "removed" | "more" | "running" | "missing"
>({
  name: "removeWorkflow",
  lua: () => `${workflowLua()}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
if not w.state then
  for index = 2, 5 do redis.call(index == 3 and "SREM" or "ZREM", KEYS[index], ARGV[1]) end
  return "missing"
end
if ARGV[4] ~= "" and redis.call("HGET", w.hash, "parentLife") == ARGV[4] then return "missing" end
if w.state == "running" then return "running" end
local function call_of(node)
  local call = w.calls[node[4]] or cmsgpack.unpack(redis.call("HGET", w.hash, "c" .. node[4]))
  w.calls[node[4]] = call
  return call
end
local begin = redis.call("HGET", w.hash, "forgotten")
-- Nothing of it starts any more.
for _, step in ipairs(begin and {} or redis.call("SMEMBERS", w.line)) do
  local node = workflow_node(w, step)
  if node and redis.call("EXISTS", w.queues .. call_of(node)[1] .. ":" .. w.id .. "." .. step .. ":lock") == 1 then
    return "running"
  end
end
${forgetEnded()}
-- Its job has ended; it is no other one of that id.
local function forget_step(number, pool, task)
  local queue, id = w.queues .. pool .. ":", w.id .. "." .. number
  if redis.call("HGET", queue .. id, "${STEP_WORKFLOW_FIELD}") ~= w.id then return 0 end
  for _, set in ipairs({"completed", "failed"}) do
    local score = redis.call("ZSCORE", queue .. set, id)
    if score then
      forget_ended({queue = queue, prefix = w.prefix, pool = pool, set = set}, id, score)
      local excepted = w.prefix .. "kept/" .. set .. "/" .. pool
      if redis.call("ZREM", excepted, id) == 1 then redis.call("ZREM", excepted .. "/" .. task, id) end
      return 1
    end
  end
  return 0
end
local at, removed = tonumber(begin or 0), 0
for _, packed in ipairs(redis.call("LRANGE", w.nodes, at, at + ${FORGOTTEN.looked} - 1)) do
  if removed == ${FORGOTTEN.removed} then break end
  local node = cmsgpack.unpack(packed)
  if node[1] == 0 then removed = removed + forget_step(at, call_of(node)[1], call_of(node)[2]) end
  at = at + 1
end
redis.call("HSET", w.hash, "forgotten", at)
if at < redis.call("LLEN", w.nodes) then return "more" end
for _, step in ipairs(redis.call("SPOP", w.large, ${MOST_REMOVED})) do
  redis.call("UNLINK", w.prefix .. "workflow-result/" .. w.id .. "/" .. step)
end
if redis.call("EXISTS", w.large) == 1 then return "more" end
redis.call("UNLINK", KEYS[1], w.nodes, w.results, w.line, w.stack, w.held, w.failed)
for index = 2, 5 do redis.call(index == 3 and "SREM" or "ZREM", KEYS[index], ARGV[1]) end
note_change(KEYS[1], "workflows/" .. ARGV[1])
return "removed"
`,
});

/**
 * KEYS[1] hash of the workflow; KEYS[2] results; KEYS[3] steps in line; KEYS[4] failed and KEYS[5] held steps
 * Returns fields of the hash, then how many results there are, and how many steps of each of the others; nothing = no workflow.
 */
export const readWorkflowScript: Script<
  [] | [fields: (string | null)[], results: number, inLine: number, failed: number, held: number]
> = new Script({
  name: "readWorkflow",
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then return {} end
return {redis.call("HMGET", KEYS[1], "state", "label", "created", "ended", "nodes", "steps", "returned", "reason", "failedStep",
    "failedTask", "error", "message"),
  redis.call("HLEN", KEYS[2]), redis.call("SCARD", KEYS[3]), redis.call("SCARD", KEYS[4]), redis.call("SCARD", KEYS[5])}
`,
});

/**
 * KEYS[1] hash of the workflow
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] number of the first node; ARGV[5] of the last
 * Returns for each node {kind, parent, place, then of a step: state, pool, task, and of one that is delayed what holds it back as
 * `held_back` says; of others: state, first, count, ended, 1 = errors are returned}.
 */
export const readNodesScript: Script<(string | number)[][]> = new Script<(string | number)[][]>({
  name: "readWorkflowNodes",
  lua: () => `${workflowLua()}${HELD_BACK}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
local views = {}
local number = tonumber(ARGV[4])
for _, packed in ipairs(redis.call("LRANGE", w.nodes, ARGV[4], ARGV[5])) do
  local node = cmsgpack.unpack(packed)
  local result = redis.call("HGET", w.results, number)
  local state = result and (string.sub(result, 1, 1) == "!" and "failed" or "completed")
  if node[1] == 0 then
    local call = w.calls[node[4]]
    if not call then
      call = cmsgpack.unpack(redis.call("HGET", w.hash, "c" .. node[4]))
      w.calls[node[4]] = call
    end
    local parked_for, limited_by = "", ""
    if state then
    elseif redis.call("SISMEMBER", w.line, number) == 1 then
      local queue = w.queues .. call[1] .. ":"
      local id = w.id .. "." .. number
      if redis.call("EXISTS", queue .. id .. ":lock") == 1 then state = "active"
      elseif w.state ~= "running" then state = "stopped"
      elseif redis.call("ZSCORE", queue .. "delayed", id) then
        state = "delayed"
        local fields = redis.call("HMGET", queue .. id, ${HELD_BACK_FIELDS})
        parked_for, limited_by = held_back(id, fields[1], fields[2],
          {w.prefix .. "parked/" .. call[1] .. "/", w.prefix .. "limit-waiting/" .. call[1] .. "/"})
      elseif redis.call("ZSCORE", queue .. "prioritized", id) then state = "prioritized"
      else state = "waiting" end
    elseif redis.call("SISMEMBER", w.failed, number) == 1 then state = "failed"
    elseif redis.call("SISMEMBER", w.held, number) == 1 or workflow_broken(w, number) then state = "stopped"
    else state = "pending" end
    views[#views + 1] = {node[1], node[2], node[3], state, call[1], call[2], parked_for, limited_by}
  else
    local ended = redis.call("HGET", w.hash, "d" .. number) or "0"
    views[#views + 1] = {node[1], node[2], node[3], state or "pending", node[4], node[5], tonumber(ended), node[6] or 0}
  end
  number = number + 1
end
return views
`,
});

/**
 * KEYS[1] list of nodes
 * ARGV numbers of nodes
 * Returns the kind, first child, count of children and 1 = errors are returned, of each; kind -1 = there is no such node.
 */
export const readShapes: Script<number[]> = new Script<number[]>({
  name: "readWorkflowShapes",
  lua: `
local shapes = {}
for _, number in ipairs(ARGV) do
  local packed = redis.call("LINDEX", KEYS[1], number)
  local node = packed and cmsgpack.unpack(packed) or {-1}
  shapes[#shapes + 1] = node[1]
  for place = 4, 6 do shapes[#shapes + 1] = node[1] > 0 and node[place] or 0 end
end
return shapes
`,
});

/**
 * KEYS[1] hash of the workflow
 * ARGV[1] id of the client
 * Notes a client that is to be told when the workflow ends.
 * Returns its state, "" = there is none.
 */
export const watchWorkflowScript: Script<string> = new Script<string>({
  name: "watchWorkflow",
  lua: `
local known = redis.call("HMGET", KEYS[1], "state", "watchers")
if not known[1] then return "" end
local watchers = " " .. (known[2] or "") .. " "
if known[1] == "running" and not string.find(watchers, " " .. ARGV[1] .. " ", 1, true) then
  redis.call("HSET", KEYS[1], "watchers", (known[2] and known[2] .. " " or "") .. ARGV[1])
end
return known[1]
`,
});

/** "running": it is to be cancelled. */
export type SweptStep = [
  step: string,
  found: "completed" | "failed" | "gone" | "running",
  pool: string,
  /** Of its job, where it runs. */
  timestamp?: string,
];

/** What a look has found. */
export interface SweepReply {
  outcome: "gone" | "busy" | "over" | "idle";
  steps: SweptStep[];
  /** Why it was cancelled, "" = it was not. */
  reason: string;
  /** Steps that have left their line. */
  dropped: number;
}

/**
 * KEYS[1] hash of the workflow; KEYS[2] set of open workflows
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] most steps to put in line; ARGV[5] steps to
 * look at; ARGV[6] most steps to drop; ARGV[7] longest line in which one is searched
 * Looks after a workflow that has not moved since the last look, or has steps that others end: what may start is put in line,
 * steps whose jobs have ended without word to the workflow are found. Of a workflow that was stopped, some steps that wait leave
 * their line; of one that was cancelled, those that run are found as well. One that goes on not to move is looked at with each
 * third look.
 * Returns {"gone", "busy", "over" or "idle", those steps, how many have left their line, why it was cancelled, "" = it was not}.
 */
export const sweepWorkflow: Script<SweepReply> = new Script<SweepReply>({
  name: "sweepWorkflow",
  lua: () => `${workflowLua()}${LOOK_AT_LINE}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
local reason = w.state ~= "running" and redis.call("HGET", w.hash, "reason") or nil
-- Parts that nothing waits for may still run when the whole has completed.
if not w.state or (w.state == "completed" and not reason) then
  redis.call("SREM", KEYS[2], ARGV[1])
  return {"gone", {}, 0, ""}
end
local line = redis.call("SCARD", w.line)
if w.state ~= "running" and line == 0 then
  redis.call("SREM", KEYS[2], ARGV[1])
  return {"over", {}, 0, ""}
end
local known = redis.call("HMGET", w.hash, "seen", "cursor", "foreign")
if w.state == "running" then
  local mark = table.concat({redis.call("HLEN", w.results), line, redis.call("LLEN", w.stack)}, " ")
  local looks = 0
  if known[1] and string.match(known[1], "^%d+ %d+ %d+") == mark then
    looks = tonumber(string.match(known[1], "%d+$")) + 1
  end
  redis.call("HSET", w.hash, "seen", mark .. " " .. looks)
  if looks == 0 and not known[3] then return {"busy", {}, 0, ""} end
  if looks > ${OFTEN} and looks % ${SELDOM} ~= 0 then return {"idle", {}, 0, ""} end
end
workflow_pump(w, tonumber(ARGV[4]))
local cursor, found, dropped = look_at_line(w, known[2] or "0", {count = ARGV[5], most = tonumber(ARGV[6]),
  longest = tonumber(ARGV[7]), reason = reason})
-- What is left of this page is seen with the next look.
if dropped < tonumber(ARGV[6]) then redis.call("HSET", w.hash, "cursor", cursor) end
return {"idle", found, dropped, reason or ""}
`,
  read: (reply) => {
    const [outcome, steps, dropped, reason] = reply as [SweepReply["outcome"], SweptStep[], number, string];
    return { outcome, steps, dropped, reason };
  },
});

/**
 * KEYS[1] hash of the workflow; KEYS[2] list of its nodes
 * ARGV[1] number of a step
 * Returns the name of its task and the data of its job; nothing = there is no such step.
 */
export const readStepCall: Script<[] | [task: string, data: string]> = new Script<[] | [string, string]>({
  name: "readStepCall",
  lua: `
local packed = redis.call("LINDEX", KEYS[2], ARGV[1])
local node = packed and cmsgpack.unpack(packed)
local call = node and redis.call("HGET", KEYS[1], "c" .. node[4])
if not call then return {} end
return {cmsgpack.unpack(call)[2], node[5]}
`,
});

/**
 * KEYS[1] hash of the workflow; KEYS[2] hash of the job of a step; KEYS[3] completed and KEYS[4] failed jobs of its pool
 * ARGV[1] id; ARGV[2] prefix of our keys; ARGV[3] prefix of BullMQ's keys; ARGV[4] step; ARGV[5] "completed", "failed" or "gone":
 * what was found; ARGV[6] its result, or its error as base64; ARGV[7] message of the error; ARGV[8] data of the call for a
 * failure; ARGV[9] most steps to put in line
 * Gives a workflow the outcome of a step whose job has ended without it. Where the job is no longer as it was found, nothing
 * happens.
 * Returns {state in which the workflow has ended, "" = it has not, clients that wait for it}.
 */
export const settleStep: Script<[ended: string, watchers: string]> = new Script<[string, string]>({
  name: "settleStep",
  lua: () => `${workflowLua()}
local w = open_workflow(ARGV[2], ARGV[3], ARGV[1])
local id = ARGV[1] .. "." .. ARGV[4]
if redis.call("SISMEMBER", w.line, ARGV[4]) == 0 then return {"", ""} end
local is_so
if ARGV[5] == "gone" then is_so = redis.call("EXISTS", KEYS[2]) == 0
else is_so = redis.call("ZSCORE", KEYS[ARGV[5] == "completed" and 3 or 4], id) end
if not is_so then return {"", ""} end
if ARGV[5] == "completed" then
  -- Something that knows nothing of workflows takes its steps: the next looks are for them, too.
  redis.call("HSET", w.hash, "foreign", 1)
  workflow_result(w, ARGV[4], "", ARGV[6])
elseif workflow_failed(w, ARGV[4], ARGV[6], ARGV[7]) then
  workflow_tell(w, ARGV[8])
end
workflow_pump(w, tonumber(ARGV[9]))
return {w.ended or "", w.ended and redis.call("HGET", w.hash, "watchers") or ""}
`,
});
