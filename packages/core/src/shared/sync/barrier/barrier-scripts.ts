import { KNOWN_ANSWER, OnceScript, Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import { ABSENCE, type Absence } from "../../object/existence.ts";

/** Word of the wake-up that ends a cycle: a party that gets it may go on. */
export const PASSED_WORD = "passed";

/** How many broken cycles are remembered, for those who have not heard yet. */
const BROKEN_CYCLES_KEPT = 1_000;

/**
 * A cycle ends in one script: it is passed, or recorded as broken with the reason, and the number of the barrier's cycle
 * grows. So it is drained at once: the next party to come is in the next cycle, and one that has not heard yet finds the
 * outcome of its own.
 *
 * `outcome_of(prefix, name, cycle)`: 1 = passed; 0 and the reason = broken; nil = still under way.
 * `pass(prefix, name)`; `break_cycle(prefix, name, reason)` breaks the present cycle, and leaves the barrier's state to
 * the caller; `break_barrier(prefix, name, reason)`.
 */
const CYCLES = `
local function barrier_keys(prefix, name)
  return prefix .. "barrier/" .. name, prefix .. "barrier-members/" .. name, prefix .. "barrier-broken/" .. name,
    prefix .. "barrier-newcomers/" .. name
end
local function outcome_of(prefix, name, cycle)
  local barrier, _, broken = barrier_keys(prefix, name)
  local present = tonumber(redis.call("HGET", barrier, "cycle"))
  if cycle >= present then return nil end
  local found = redis.call("ZRANGE", broken, cycle, cycle, "BYSCORE")[1]
  if found then return 0, string.match(found, "^%d+ (.*)$") end
  return 1
end
local function end_cycle(prefix, name, word)
  local barrier, members, _, newcomers = barrier_keys(prefix, name)
  local waiting = redis.call("ZRANGE", members, 0, -1)
  local actor = redis.call("HGET", barrier, "actor")
  local woken = {}
  for _, waiter in ipairs(waiting) do
    if waiter ~= actor then table.insert(woken, waiter) end
  end
  wake_together(prefix, woken, word)
  for _, waiter in ipairs(waiting) do
    redis.call("SREM", prefix .. "session-holdings/" .. string.match(waiter, "^[^|]+"), "barrier/" .. name)
  end
  redis.call("DEL", members)
  redis.call("HSET", barrier, "state", "filling", "waiting", 0, "actor", "")
  redis.call("HINCRBY", barrier, "cycle", 1)
  if redis.call("EXISTS", newcomers) == 1 then
    wake_all(prefix, newcomers)
    redis.call("DEL", newcomers)
  end
end
local function break_cycle(prefix, name, reason)
  local barrier, _, broken = barrier_keys(prefix, name)
  local cycle = redis.call("HGET", barrier, "cycle")
  redis.call("ZADD", broken, cycle, cycle .. " " .. reason)
  redis.call("ZREMRANGEBYRANK", broken, 0, -${BROKEN_CYCLES_KEPT + 1})
  end_cycle(prefix, name)
end
local function break_barrier(prefix, name, reason)
  local barrier = barrier_keys(prefix, name)
  if redis.call("HGET", barrier, "state") == "broken" then return end
  break_cycle(prefix, name, reason)
  redis.call("HSET", barrier, "state", "broken", "reason", reason, "breaks_next", "")
end
local function pass(prefix, name)
  local barrier = barrier_keys(prefix, name)
  end_cycle(prefix, name, "${PASSED_WORD}")
  local reason = redis.call("HGET", barrier, "breaks_next")
  if reason and reason ~= "" then break_barrier(prefix, name, reason) end
end
`;

/** `exists_or_made(prefix, name, parties, owner, must_exist)`: { 1 }, or what a script returns instead. */
const EXISTS_OR_MADE = `
local function exists_or_made(prefix, name, parties, owner, must_exist)
  local barrier = prefix .. "barrier/" .. name
  local known = redis.call("HGET", barrier, "parties")
  if known then return known == parties and { 1 } or { -3, tonumber(known) } end
  if must_exist == "1" then return { -2 } end
  if not register(prefix, "barrier/" .. name, owner, server_time()) then return { -1 } end
  redis.call("HSET", barrier, "parties", parties, "cycle", 0, "state", "filling", "waiting", 0)
  return { 1 }
end
`;

const SHARED = SERVER_TIME + WAKE_UP + REGISTER + CYCLES + EXISTS_OR_MADE;

/** Breaks barriers of which a member's session has ended (B9). */
export const BARRIER_REAPER: string = `(function()
${CYCLES}
return {
  look = function() return nil end,
  leave = function(prefix, name, session)
    local _, members = barrier_keys(prefix, name)
    for _, waiter in ipairs(redis.call("ZRANGE", members, 0, -1)) do
      if string.match(waiter, "^[^|]+") == session then
        break_barrier(prefix, name, "the program of one of its parties ended or stopped answering")
        return
      end
    end
  end,
  remove = function(prefix, name)
    local barrier, members, broken, newcomers = barrier_keys(prefix, name)
    if redis.call("EXISTS", barrier) == 1 then break_cycle(prefix, name, "it was removed") end
    redis.call("DEL", barrier, members, broken, newcomers)
    redis.call("ZREM", prefix .. "objects", "barrier/" .. name)
  end,
}
end)()`;

/** Why a script has done nothing. */
export type BarrierRefusal = { is: Absence } | { is: "made for others"; parties: number };

/** What {@link arriveAtBarrier} replies. */
export type ArrivalReply =
  | { is: "passed" | "waits" | "acts"; cycle: number; index: number }
  | { is: "broken"; reason: string }
  /** The action of a cycle runs: it is for the next one. */
  | { is: "next cycle" }
  | BarrierRefusal;

type RefusalCode = [-1] | [-2] | [-3, number];

function readRefusal(reply: RefusalCode): BarrierRefusal {
  return reply[0] === -3 ? { is: "made for others", parties: reply[1] } : { is: ABSENCE[reply[0]] };
}

/**
 * KEYS[1] barrier, hash: parties, cycle (its number), state (filling, acting = its action runs, broken), waiting (members
 * while it fills), reason (why it is broken), actor (member that runs the action), breaks_next (why the next cycle is
 * broken from the start, ""); KEYS[2] members, sorted set: waiter -> index; KEYS[3] broken, sorted set:
 * "<cycle> <reason>" -> cycle; KEYS[4] newcomers, list: waiters that came while the action runs
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] parties; ARGV[4] session of the maker of an unnamed barrier, "";
 * ARGV[5] 1 = it must exist; ARGV[6] waiter; ARGV[7] 1 = it has an action to run when it is the last; ARGV[8] reason to
 * break the barrier for when it would have to wait, "" = it waits
 * Returns { 1, cycle, index } it was the last, and the cycle is passed; { 2, cycle, index } it waits; { 3, cycle, index }
 * it was the last, and runs the action; { 0, reason } broken; { 4 } the action runs: come again when woken; { -1 } the maker
 * of the unnamed barrier is gone; { -2 } it should exist and does not; { -3, parties } it was made for that many.
 */
export const arriveAtBarrier: OnceScript<ArrivalReply> = new OnceScript<ArrivalReply>({
  name: "arriveAtBarrier",
  read: readArrival,
  shared: SHARED,
  lua: `
local prefix, name, waiter, break_reason = ARGV[1], ARGV[2], ARGV[6], ARGV[8]
local existence = exists_or_made(prefix, name, ARGV[3], ARGV[4], ARGV[5])
if existence[1] < 1 then return existence end
local state, cycle = unpack(redis.call("HMGET", KEYS[1], "state", "cycle"))
cycle = tonumber(cycle)
if state == "broken" then return { 0, redis.call("HGET", KEYS[1], "reason") } end
if state == "acting" then
  if break_reason ~= "" then
    redis.call("HSET", KEYS[1], "breaks_next", break_reason)
    return { 0, break_reason }
  end
  if not redis.call("LPOS", KEYS[4], waiter) then redis.call("RPUSH", KEYS[4], waiter) end
  return { 4 }
end
local index = redis.call("ZCARD", KEYS[2])
if index + 1 < tonumber(ARGV[3]) then
  if break_reason ~= "" then
    break_barrier(prefix, name, break_reason)
    return { 0, break_reason }
  end
  redis.call("ZADD", KEYS[2], index, waiter)
  redis.call("HSET", KEYS[1], "waiting", index + 1)
  redis.call("SADD", prefix .. "session-holdings/" .. string.match(waiter, "^[^|]+"), "barrier/" .. name)
  return { 2, cycle, index }
end
if ARGV[7] == "1" then
  redis.call("ZADD", KEYS[2], index, waiter)
  redis.call("HSET", KEYS[1], "state", "acting", "waiting", 0, "actor", waiter)
  redis.call("SADD", prefix .. "session-holdings/" .. string.match(waiter, "^[^|]+"), "barrier/" .. name)
  return { 3, cycle, index }
end
pass(prefix, name)
return { 1, cycle, index }
`,
});

function readArrival(reply: [1 | 2 | 3, number, number] | [0, string] | [4] | RefusalCode): ArrivalReply {
  switch (reply[0]) {
    case 1:
    case 2:
    case 3:
      return { is: PLACES[reply[0]], cycle: reply[1], index: reply[2] };
    case 0:
      return { is: "broken", reason: reply[1] };
    case 4:
      return { is: "next cycle" };
    default:
      return readRefusal(reply);
  }
}

const PLACES = { 1: "passed", 2: "waits", 3: "acts" } as const;

/** Outcome of a cycle. */
export type OutcomeReply = { is: "passed" | "under way" | "gone" } | { is: "broken"; reason: string };

function readOutcomeReply([code, reason]: [0 | 1 | 2 | -2, string]): OutcomeReply {
  return code === 0 ? { is: "broken", reason } : { is: OUTCOMES[code] };
}

const OUTCOMES = { 1: "passed", 2: "under way", [-2]: "gone" } as const;

/**
 * KEYS[1..4] as of arriveAtBarrier
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] cycle; ARGV[4] waiter that is in it
 * Returns { 1 } passed; { 2 } still under way; { 0, reason } broken; { -2 } the barrier is gone, or was made anew since.
 */
export const readOutcome: Script<OutcomeReply> = new Script<OutcomeReply>({
  name: "readOutcome",
  read: readOutcomeReply,
  lua: `${WAKE_UP + CYCLES}
if redis.call("EXISTS", KEYS[1]) == 0 then return { -2 } end
local outcome, reason = outcome_of(ARGV[1], ARGV[2], tonumber(ARGV[3]))
if not outcome then return { redis.call("ZSCORE", KEYS[2], ARGV[4]) and 2 or -2 } end
return { outcome, reason }
`,
});

/**
 * KEYS[1..4] as of arriveAtBarrier
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] cycle; ARGV[4] waiter that ran the action; ARGV[5] why the barrier breaks,
 * "" = it does not
 * Returns as readOutcome. A repeated call finds the cycle ended.
 */
export const endAction: Script<OutcomeReply> = new Script<OutcomeReply>({
  name: "endAction",
  read: readOutcomeReply,
  lua: `${WAKE_UP + CYCLES}
if redis.call("EXISTS", KEYS[1]) == 0 then return { -2 } end
local outcome, reason = outcome_of(ARGV[1], ARGV[2], tonumber(ARGV[3]))
if outcome then return { outcome, reason } end
if redis.call("HGET", KEYS[1], "actor") ~= ARGV[4] then return { 2 } end
if ARGV[5] ~= "" then
  break_barrier(ARGV[1], ARGV[2], ARGV[5])
  return { 0, ARGV[5] }
end
pass(ARGV[1], ARGV[2])
return { 1 }
`,
});

/**
 * KEYS[1..4] as of arriveAtBarrier; KEYS[5] answers of the session
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] waiter that gives up; ARGV[4] cycle it is in, "" = it does not know;
 * ARGV[5] reason; ARGV[6] operation id of its last arrival; ARGV[7] what that answered: 1 = to come again, 0 = something
 * else, "" = not known
 * Returns as readOutcome: { 0, reason } also when it had not arrived. A member breaks the barrier; one that is not in a
 * cycle yet, because the action of the last one runs, breaks the next, also when that has begun meanwhile. An arrival
 * that has not run yet, because its script has to be sent again, does nothing any more, and breaks the barrier all the same.
 */
export const giveUpBarrier: OnceScript<OutcomeReply> = new OnceScript<OutcomeReply>({
  name: "giveUpBarrier",
  read: readOutcomeReply,
  shared: WAKE_UP + CYCLES + KNOWN_ANSWER,
  lua: `
local prefix, name, reason = ARGV[1], ARGV[2], ARGV[5]
local answer = known_answer(KEYS[5], ARGV[6])
local has_run = ARGV[4] ~= "" or ARGV[7] ~= "" or answer
if not has_run then forestall(KEYS[5], ARGV[6], { 0, reason }) end
if redis.call("EXISTS", KEYS[1]) == 0 then return { -2 } end
if ARGV[4] ~= "" then
  local outcome, why = outcome_of(prefix, name, tonumber(ARGV[4]))
  if outcome then return { outcome, why } end
end
local is_for_next_cycle = redis.call("LREM", KEYS[4], 1, ARGV[3]) == 1 or ARGV[7] == "1" or (answer and answer[1] == 4)
if is_for_next_cycle and redis.call("HGET", KEYS[1], "state") == "acting" then
  redis.call("HSET", KEYS[1], "breaks_next", reason)
elseif is_for_next_cycle or not has_run or redis.call("ZSCORE", KEYS[2], ARGV[3]) then
  break_barrier(prefix, name, reason)
end
return { 0, reason }
`,
});

/**
 * KEYS[1..4] as of arriveAtBarrier
 * ARGV[1..5] as of arriveAtBarrier; ARGV[6] why it is broken from now on, "" = it is usable afterwards
 * Returns { 1 }, or { -1 }, { -2 }, { -3, parties } as of arriveAtBarrier.
 */
export const breakBarrier: OnceScript<{ is: "there" } | BarrierRefusal> = new OnceScript<
  { is: "there" } | BarrierRefusal
>({
  name: "breakBarrier",
  read: (reply: [1] | RefusalCode) => (reply[0] === 1 ? { is: "there" } : readRefusal(reply)),
  shared: SHARED,
  lua: `
local prefix, name = ARGV[1], ARGV[2]
local existence = exists_or_made(prefix, name, ARGV[3], ARGV[4], ARGV[5])
if existence[1] < 1 then return existence end
if ARGV[6] ~= "" then
  break_barrier(prefix, name, ARGV[6])
  return { 1 }
end
if redis.call("EXISTS", KEYS[2]) == 1 then break_cycle(prefix, name, "it was reset") end
redis.call("HSET", KEYS[1], "state", "filling", "reason", "", "breaks_next", "")
return { 1 }
`,
});
