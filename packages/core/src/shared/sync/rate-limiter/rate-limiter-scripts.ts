import { KNOWN_ANSWER, named, OnceScript } from "../../../redis/script/index.ts";
import { CLAIM_WINDOW, REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { ABSENCE, type Absence } from "../../object/existence.ts";
import { RATE_LIMITER } from "./rate-limiter-lua.ts";

const SHARED = SERVER_TIME + WAKE_UP + RATE_LIMITER;

/**
 * What {@link takeStart} replies. `isHeld`: the limiter has a concurrency, so that the place has to be given back; `dueIn`: ms
 * until another look can help, null = not known; `retryIn`: ms until this waiter is the one that may start.
 */
export type StartReply =
  | { is: "granted"; isHeld: boolean }
  | { is: "taken"; dueIn: Milliseconds | null; retryIn: Milliseconds | undefined }
  | { is: Absence };

/**
 * KEYS[1] rate limiter, hash: madeAt (server time in ms), max, per (ms), kind, concurrency ("" = none), running (how many hold
 * a place), reserved (starts reserved for waiters that were called), told (the waiter that knows when the rate allows it).
 * Beside it, under keys built from the prefix, those of a leasedQueue, with holders: holding -> "<since, ms>|<label>";
 * requests: waiter -> "1"; and starts, the state of the rate.
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] holding, "<session>|<id>"; ARGV[4] waiter to store if it may not start, "" =
 * none; ARGV[5] label of the caller; ARGV[6] 1 = the limiter must exist; ARGV[7..10] max, per, kind and concurrency of one
 * that is made now
 * Returns { 1, 1 = it holds a place } granted; { 0, ms or -1 until a look, microseconds or -1 until it may start } not; { -2 }
 * it is gone.
 */
export const takeStart: OnceScript<StartReply> = new OnceScript<StartReply>({
  name: "takeStart",
  read: readStartReply,
  shared: SHARED + REGISTER,
  lua: `
local prefix, name, holding, waiter = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local main, holders, _, _, called = queue_keys(prefix, name)
if redis.call("HEXISTS", holders, holding) == 1 then return { 1, 1 } end
local now = server_time()
if redis.call("EXISTS", KEYS[1]) == 0 then
  if ARGV[6] == "1" then return { -2 } end
  register(prefix, "rate-limiter/" .. name, "", now)
  redis.call("HSET", KEYS[1], "madeAt", now, "max", ARGV[7], "per", ARGV[8], "kind", ARGV[9], "concurrency", ARGV[10])
end
if has_uncalled(prefix, name) then call_next(prefix, name, now) end
local function was_called() return waiter ~= "" and redis.call("ZSCORE", called, waiter) end
if was_called() or (not has_uncalled(prefix, name) and is_free_for(main)) then
  if waiter ~= "" then forget_waiter(prefix, name, waiter) end
  local rule = rule_of(main)
  if rule.max then note_start(starts_of(main), rule, now_in_micros()) end
  if rule.concurrency then
    redis.call("HINCRBY", main, "running", 1)
    redis.call("HSET", holders, holding, string.format("%d", now) .. "|" .. ARGV[5])
    note_use(prefix, name, string.match(holding, "^[^|]+"), 1)
  end
  due_of_first(prefix, name)
  return { 1, rule.concurrency and 1 or 0 }
end
if waiter ~= "" then enqueue_waiter(prefix, name, waiter, "1") end
local due, first = due_of_first(prefix, name, waiter)
return { 0, redis.call("ZCARD", called) > 0 and ${CLAIM_WINDOW} or -1, first == waiter and due or -1 }
`,
});

function readStartReply([code, detail, micros]: [1 | 0 | -2, number, number]): StartReply {
  if (code === -2) return { is: ABSENCE[code] };
  if (code === 1) return { is: "granted", isHeld: detail === 1 };
  return { is: "taken", dueIn: detail < 0 ? null : detail, retryIn: micros < 0 ? undefined : micros / 1000 };
}

/**
 * Undoes a request: removes the waiter, and gives back the place that it was granted meanwhile. A start that the rate has
 * counted stays counted.
 *
 * KEYS[1] rate limiter; KEYS[2] where the answers to the tries are
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] holding; ARGV[4] waiter, "" = none; ARGV[5] operation id of the last try, "" =
 * none was sent
 * Returns 1. A try that has not run yet, because its script has to be sent again, does nothing any more.
 */
export const abandonStart: OnceScript<number> = new OnceScript<number>({
  name: "abandonStart",
  shared: SHARED + KNOWN_ANSWER,
  lua: `
local prefix, name = ARGV[1], ARGV[2]
if ARGV[5] ~= "" and not known_answer(KEYS[2], ARGV[5]) then forestall(KEYS[2], ARGV[5], { 0, -1, -1 }) end
if redis.call("EXISTS", KEYS[1]) == 0 then return 1 end
if ARGV[4] ~= "" then forget_waiter(prefix, name, ARGV[4]) end
give_back(prefix, name, ARGV[3])
settle(prefix, name, server_time())
return 1
`,
});

/**
 * KEYS[1] rate limiter
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] holding
 * Returns 1 = given back; 0 = it is not held.
 */
export const returnPlace: OnceScript<"released" | "not held"> = new OnceScript<"released" | "not held">({
  name: "returnPlace",
  read: named({ 1: "released", 0: "not held" }),
  shared: SHARED,
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
if not give_back(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
settle(ARGV[1], ARGV[2], server_time())
return 1
`,
});

/**
 * KEYS[1] rate limiter
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3..6] max, per, kind and concurrency from now on
 * Returns 1. One that does not exist is made.
 */
export const changeLimiter: OnceScript<number> = new OnceScript<number>({
  name: "changeLimiter",
  shared: SHARED + REGISTER,
  lua: `
local prefix, name, now = ARGV[1], ARGV[2], server_time()
local before = redis.call("HMGET", KEYS[1], "madeAt", "kind")
if not before[1] then
  register(prefix, "rate-limiter/" .. name, "", now)
  redis.call("HSET", KEYS[1], "madeAt", now)
elseif before[2] ~= ARGV[5] then
  -- The state of one kind says nothing to the other.
  redis.call("DEL", starts_of(KEYS[1]))
end
redis.call("HSET", KEYS[1], "max", ARGV[3], "per", ARGV[4], "kind", ARGV[5], "concurrency", ARGV[6])
redis.call("HDEL", KEYS[1], "told")
settle(prefix, name, now)
return 1
`,
});
