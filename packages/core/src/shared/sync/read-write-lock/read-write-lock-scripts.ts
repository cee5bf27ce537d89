import { named, OnceScript, Script } from "../../../redis/script/index.ts";
import { CLAIM_WINDOW, REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { NEW_FENCE } from "../new-fence.ts";
import { READ_WRITE_LOCK } from "./read-write-lock-lua.ts";

/** Whether it is requested with others or alone. */
export type ReadWriteMode = "read" | "write";

/** What {@link acquireShare} replies. `fence`: 0 for readers; `dueIn`: ms until it is worth looking again, null = not known. */
export type ShareReply =
  | { is: "granted"; fence: number }
  | { is: "taken"; dueIn: Milliseconds | null }
  | { is: "maker gone" };

const SHARED = SERVER_TIME + WAKE_UP + READ_WRITE_LOCK;

/**
 * KEYS[1] read-write lock, hash: madeAt, readers (how many hold it), writer (its holding), fence (of the present or last
 * writer). Beside it, under keys built from the prefix, those of a leasedQueue, with holders: holding ->
 * "<mode>|<since, ms>|<fence>|<label>"; requests: waiter -> mode.
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] "read" or "write"; ARGV[4] holding, "<session>|<id>"; ARGV[5] waiter to
 * store if it is not to be had, "" = none; ARGV[6] label of the caller; ARGV[7] session of the maker of an
 * unnamed one, ""
 * Returns { 1, fence } granted; { 0, ms or -1 } not; { -1 } the maker of the unnamed one is gone.
 *
 * A repeated call finds its own holding.
 */
export const acquireShare: Script<ShareReply> = new Script<ShareReply>({
  name: "acquireShare",
  read: readShareReply,
  lua: `${SHARED}${REGISTER}${NEW_FENCE}
local prefix, name, mode, holding, waiter = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local main, holders, waiters, requests, called = queue_keys(prefix, name)
local held = redis.call("HGET", holders, holding)
if held then return { 1, string.match(held, "^%a+|%d+|(%d+)") } end
local now = server_time()
if redis.call("EXISTS", KEYS[1]) == 0 then
  if not register(prefix, "read-write-lock/" .. name, ARGV[7], now) then return { -1 } end
  redis.call("HSET", KEYS[1], "madeAt", now)
end
if has_uncalled(prefix, name) then call_next(prefix, name, now) end
local function may_have()
  if waiter ~= "" and redis.call("ZSCORE", called, waiter) then return is_free_for(main, mode) end
  if has_uncalled(prefix, name) then return false end
  local first = redis.call("LINDEX", waiters, 0)
  return is_free_for(main, mode, first and redis.call("HGET", requests, first) or nil)
end
if may_have() then
  if waiter ~= "" then forget_waiter(prefix, name, waiter) end
  local fence = "0"
  if mode == "write" then
    fence = new_fence(redis.call("HGET", KEYS[1], "fence"))
    redis.call("HSET", KEYS[1], "fence", fence, "writer", holding)
  else
    redis.call("HINCRBY", KEYS[1], "readers", 1)
  end
  redis.call("HSET", holders, holding, mode .. "|" .. string.format("%d", now) .. "|" .. fence .. "|" .. ARGV[6])
  redis.call("PERSIST", KEYS[1])
  note_use(prefix, name, string.match(holding, "^[^|]+"), 1)
  return { 1, fence }
end
if waiter ~= "" and enqueue_waiter(prefix, name, waiter, mode) then redis.call("PERSIST", KEYS[1]) end
return { 0, redis.call("ZCARD", called) > 0 and ${CLAIM_WINDOW} or -1 }
`,
});

function readShareReply([code, detail]: [1 | 0 | -1, string | number]): ShareReply {
  if (code === -1) return { is: "maker gone" };
  const number = Number(detail);
  return code === 1 ? { is: "granted", fence: number } : { is: "taken", dueIn: number < 0 ? null : number };
}

/**
 * Undoes a request: removes the waiter, and gives back what it was granted meanwhile.
 *
 * KEYS[1] read-write lock
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] holding; ARGV[4] waiter, "" = none
 * Returns 1.
 */
export const abandonShare: Script<number> = new Script<number>({
  name: "abandonShare",
  lua: `${SHARED}
if ARGV[4] ~= "" then forget_waiter(ARGV[1], ARGV[2], ARGV[4]) end
give_back(ARGV[1], ARGV[2], ARGV[3])
settle(ARGV[1], ARGV[2], server_time())
return 1
`,
});

/**
 * KEYS[1] read-write lock
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] holding
 * Returns 1 = released, 0 = it is not held.
 */
export const releaseShare: OnceScript<"released" | "not held"> = new OnceScript<"released" | "not held">({
  name: "releaseShare",
  read: named({ 1: "released", 0: "not held" }),
  shared: SHARED,
  lua: `
if not give_back(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
settle(ARGV[1], ARGV[2], server_time())
return 1
`,
});
