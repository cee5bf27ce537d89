import { KNOWN_ANSWER, named, OnceScript } from "../../../redis/script/index.ts";
import { CLAIM_WINDOW, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { SEMAPHORE } from "./semaphore-lua.ts";

const SHARED = SERVER_TIME + WAKE_UP + SEMAPHORE;

/** What {@link acquirePermits} replies. `dueIn`: ms until it is worth looking again; null = not known. */
export type PermitReply = { is: "granted" } | { is: "taken"; dueIn: Milliseconds | null } | { is: "gone" };

/**
 * KEYS[1] semaphore, hash: value (free permits), initial, variant ("bounded" or ""), madeAt, reserved (part of value, for
 * waiters that were called), leased (permits held with a lease). Beside it, under keys built from the prefix, those of
 * a leasedQueue, with holders: holding -> "<permits>|<since, ms>|<label>"; requests: waiter -> permits.
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] madeAt of the semaphore that is meant; ARGV[4] permits; ARGV[5] holding,
 * "<session>|<id>", "" = anonymous permits; ARGV[6] waiter to store if they are not to be had, "" = none; ARGV[7] what the
 * caller says of itself
 * Returns { 1 } granted; { 0, ms or -1 } not; { -1 } that semaphore is gone.
 */
export const acquirePermits: OnceScript<PermitReply> = new OnceScript<PermitReply>({
  name: "acquirePermits",
  read: readPermitReply,
  shared: SHARED,
  lua: `
local prefix, name, permits, holding, waiter = ARGV[1], ARGV[2], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local semaphore, holders, _, _, called = queue_keys(prefix, name)
if redis.call("HGET", KEYS[1], "madeAt") ~= ARGV[3] then return { -1 } end
if holding ~= "" and redis.call("HEXISTS", holders, holding) == 1 then return { 1 } end
local now = server_time()
local function was_called() return waiter ~= "" and redis.call("ZSCORE", called, waiter) end
if has_uncalled(prefix, name) then call_next(prefix, name, now) end
if was_called() or (not has_uncalled(prefix, name) and is_free_for(semaphore, permits)) then
  if waiter ~= "" then forget_waiter(prefix, name, waiter) end
  redis.call("HINCRBY", semaphore, "value", -permits)
  if holding ~= "" then
    redis.call("HSET", holders, holding, ARGV[4] .. "|" .. string.format("%d", now) .. "|" .. ARGV[7])
    redis.call("HINCRBY", semaphore, "leased", permits)
    note_use(prefix, name, string.match(holding, "^[^|]+"), 1)
  end
  return { 1 }
end
if waiter ~= "" then enqueue_waiter(prefix, name, waiter, permits) end
return { 0, redis.call("ZCARD", called) > 0 and ${CLAIM_WINDOW} or -1 }
`,
});

function readPermitReply([code, dueIn]: [1 | 0 | -1, number]): PermitReply {
  if (code === 0) return { is: "taken", dueIn: dueIn < 0 ? null : dueIn };
  return { is: code === 1 ? "granted" : "gone" };
}

/**
 * Undoes a request: removes the waiter, and gives back what it was granted meanwhile.
 *
 * KEYS[1] semaphore; KEYS[2] where the answers to the tries are
 * ARGV[1..5] as of acquirePermits; ARGV[6] waiter, "" = none; ARGV[7] operation id of the last try; ARGV[8] what it answered:
 * 1 = granted, 0 = not, "" = not known
 * Returns 1. A try that has not run yet, because its script has to be sent again, does nothing any more.
 */
export const abandonPermits: OnceScript<number> = new OnceScript<number>({
  name: "abandonPermits",
  shared: SHARED + KNOWN_ANSWER,
  lua: `
local prefix, name, holding, waiter = ARGV[1], ARGV[2], ARGV[5], ARGV[6]
if redis.call("HGET", KEYS[1], "madeAt") ~= ARGV[3] then return 1 end
if waiter ~= "" then forget_waiter(prefix, name, waiter) end
local answer = ARGV[8] ~= "" and { tonumber(ARGV[8]) } or known_answer(KEYS[2], ARGV[7])
if not answer then
  forestall(KEYS[2], ARGV[7], { 0, -1 })
elseif holding ~= "" then
  give_back(prefix, name, holding)
elseif answer[1] == 1 then
  redis.call("HINCRBY", KEYS[1], "value", ARGV[4])
end
call_next(prefix, name, server_time())
return 1
`,
});

/**
 * KEYS[1] semaphore
 * ARGV[1..4] as of acquirePermits; ARGV[5] "any", or "taken" = the value may not rise above the initial one, as that of a
 *   bounded semaphore never may
 * Returns 1 = released; 0 = refused: the value would rise above the initial one; -1 = that semaphore is gone.
 */
export const releasePermits: OnceScript<"released" | "refused" | "gone"> = new OnceScript<
  "released" | "refused" | "gone"
>({
  name: "releasePermits",
  read: named({ 1: "released", 0: "refused", [-1]: "gone" }),
  shared: SHARED,
  lua: `
local state = redis.call("HMGET", KEYS[1], "madeAt", "variant", "value", "leased", "initial")
if state[1] ~= ARGV[3] then return -1 end
local isLimited = state[2] == "bounded" or ARGV[5] == "taken"
if isLimited and state[3] + (state[4] or 0) + ARGV[4] > tonumber(state[5]) then return 0 end
redis.call("HINCRBY", KEYS[1], "value", ARGV[4])
call_next(ARGV[1], ARGV[2], server_time())
return 1
`,
});

/**
 * KEYS[1] semaphore
 * ARGV[1..3] as of acquirePermits
 * Returns how many permits were free, and are taken now; -1 = that semaphore is gone.
 */
export const drainPermits: OnceScript<number | "gone"> = new OnceScript<number | "gone">({
  name: "drainPermits",
  read: (permits: number) => (permits === -1 ? "gone" : permits),
  lua: `
local state = redis.call("HMGET", KEYS[1], "madeAt", "value", "reserved")
if state[1] ~= ARGV[3] then return -1 end
local free = state[2] - (state[3] or 0)
if free > 0 then redis.call("HINCRBY", KEYS[1], "value", -free) end
return free
`,
});

/**
 * KEYS[1] semaphore
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] holding
 * Returns 1 = given back; 0 = it is not held.
 */
export const returnHolding: OnceScript<"released" | "not held"> = new OnceScript<"released" | "not held">({
  name: "returnHolding",
  read: named({ 1: "released", 0: "not held" }),
  shared: SHARED,
  lua: `
if not give_back(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
call_next(ARGV[1], ARGV[2], server_time())
return 1
`,
});
