import { named, Script } from "../../../redis/script/index.ts";
import { CLAIM_TIME, CLAIM_WINDOW, REGISTER, SERVER_TIME, WAKE_UP } from "../../../session/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { NEW_FENCE } from "../new-fence.ts";
import type { LockKind } from "./lock-request.ts";

/** Who has a token, "<session>:<number>" or that of a waiter to whom the lock was granted, which says more of itself. */
export function holderOfToken(token: string): { session: string; label: string } {
  if (!token.startsWith(GRANTED)) return { session: token.split(":")[0] ?? "", label: "" };
  const [session = "", , ...label] = token.slice(GRANTED.length).split("|");
  return { session, label: label.join("|") };
}

/** How long the record of a lock outlives its last use, ms. */
export const RECORD_TTL = 3_600_000;
/** A waiter to whom the lock was granted holds it with this and its own name as token; other tokens begin "<session>:". */
export const GRANTED = "granted|";
const GRANTED_PATTERN = "granted%|";

/**
 * Locks are called by their whole name here, such as "lock/stock" or "rlock/stock".
 *
 * `lock_keys(prefix, lock)`; `next_fence(prefix, lock, now)`: noted in the record, which is made when it has expired, as it
 * does while the lock is used but never renewed; `call_next(prefix, lock, now)`: the lock
 * is free and is granted to the first living waiter, in the same step, so no other request can come in between. The
 * wake-up carries the fence, the server's time and the lease, and with them the waiter holds the lock without asking;
 * it has a short lease at first, its claim window, in case the waiter is dead or frozen.
 */
const NEXT_HOLDER = `${CLAIM_TIME}
local function lock_keys(prefix, lock)
  local kind, name = string.match(lock, "^([^/]+)/(.*)$")
  return prefix .. lock, prefix .. kind .. "-record/" .. name, prefix .. kind .. "-waiters/" .. name
end
local function next_fence(prefix, lock, now)
  local key, record = lock_keys(prefix, lock)
  local last = redis.call("HGET", record, "fence")
  local fence = new_fence(last)
  redis.call("HSET", record, "fence", fence)
  if last then return fence end
  redis.call("PEXPIRE", record, ${RECORD_TTL})
  redis.call("ZADD", prefix .. "objects", "NX", now, lock)
  redis.call("ZADD", prefix .. "deadlines", "NX", now + ${RECORD_TTL}, lock)
  return fence
end
local function session_of(token)
  return token and string.match(token, "^${GRANTED_PATTERN}([^|]+)") or token and string.match(token, "^[^:]+")
end
local function call_next(prefix, lock, now)
  local key, record, waiters = lock_keys(prefix, lock)
  while true do
    local waiter = redis.call("LPOP", waiters)
    if not waiter then return false end
    local session, number = string.match(waiter, "^([^|]+)|(%d+)|")
    local session_key = prefix .. "session/" .. session
    if redis.call("EXISTS", session_key) == 1 then
      local fence = next_fence(prefix, lock, now)
      local claim = string.format("%d", claim_window(prefix, waiter))
      redis.call("SET", key, "${GRANTED}" .. waiter, "PX", claim)
      local count = string.format("%d", redis.call("HINCRBY", session_key, "wakeups", 1))
      redis.call("PUBLISH", prefix .. "wakeups/" .. session, count .. " " .. number .. " " .. fence .. "@" .. now .. "@" .. claim)
      if redis.call("EXISTS", waiters) == 1 then
        redis.call("ZADD", prefix .. "deadlines", now + claim + 1, lock)
      end
      return true
    end
  end
end
local function set_free(prefix, lock)
  local key, record, waiters = lock_keys(prefix, lock)
  local session = redis.call("HGET", record, "noted")
  if session then
    redis.call("SREM", prefix .. "session-holdings/" .. session, lock)
    redis.call("HDEL", record, "noted")
  end
  if redis.call("EXISTS", waiters) == 1 and call_next(prefix, lock, server_time()) then return end
  redis.call("DEL", key)
end
`;

/** {@link NEXT_HOLDER} and what it needs. */
export const CALL_NEXT: string = NEW_FENCE + NEXT_HOLDER;

/** Lua: prefix of keys and whole name of the lock, from its key. */
export const WHICH_LOCK = `
local prefix = string.match(KEYS[1], "^[^/]*/")
local lock = string.sub(KEYS[1], #prefix + 1)
`;

/** The mean of how long it was held moves with each counted hold by a share that becomes no smaller than 1 / this. */
const COUNTED_HOLDS = 16;

/** Lua: `note_hold(record)`, before the lock is passed on; the fence of the holder says since when it holds it. */
const NOTE_HOLD = `
local function note_hold(record)
  local known = redis.call("HMGET", record, "fence", "usual", "holds")
  if not known[1] then return end
  local held = math.max(0, server_time() - math.floor(tonumber(known[1]) / 1000))
  local holds = math.min((tonumber(known[3]) or 0) + 1, ${COUNTED_HOLDS})
  local usual = tonumber(known[2]) or held
  redis.call("HSET", record, "usual", string.format("%.0f", usual + (held - usual) / holds), "holds", holds)
end
`;

const TO_FREE = SERVER_TIME + CALL_NEXT + WHICH_LOCK;
const SHARED = WAKE_UP + REGISTER + TO_FREE;

/** Looks after locks whose lease ended without a release, those of waiters that were granted one and did not come included. */
export function lockReaper(kind: LockKind): string {
  return `(function()
${CALL_NEXT}
return {
  look = function(prefix, name, now)
    local lock = "${kind}/" .. name
    local key, record, waiters = lock_keys(prefix, lock)
    local left = redis.call("PTTL", key)
    if redis.call("EXISTS", waiters) == 0 then
      local kept = redis.call("PTTL", record)
      if kept > 0 then return now + kept + 1 end
      redis.call("ZREM", prefix .. "objects", lock)
      return nil
    end
    if left > 0 then return now + left + 1 end
    -- A waiter that was granted it and did not come, but lives, still gets the wake-up, and then enqueues again.
    if call_next(prefix, lock, now) then return now + ${CLAIM_WINDOW} + 1 end
    return now + ${RECORD_TTL}
  end,
  leave = function(prefix, name, session, now, exited)
    local lock = "${kind}/" .. name
    local key = lock_keys(prefix, lock)
    -- A process that may still run trusts the lock's own lease.
    if exited and session_of(redis.call("GET", key)) == session then set_free(prefix, lock) end
  end,
  remove = function(prefix, name)
    local lock = "${kind}/" .. name
    local key, record, waiters = lock_keys(prefix, lock)
    wake_all(prefix, waiters)
    redis.call("DEL", key, record, waiters)
    redis.call("ZREM", prefix .. "objects", lock)
    redis.call("ZREM", prefix .. "deadlines", lock)
  end,
}
end)()`;
}

/** Lua: makes the caller, of whom `token` is, the holder; needs `last`, the last fence or false. */
function grant(then: string): string {
  return `
  local fence = new_fence(last)
  redis.call("SET", KEYS[1], token, "PX", ARGV[2])
  redis.call("HSET", KEYS[2], "fence", fence, "session", session_of(token), "label", ARGV[4] or "", "since", string.sub(fence, 1, -4), "count", 1, "holder", token)
  ${then}`;
}

/** What {@link acquireLock} replies. `dueIn`: ms until the lease in the way ends. */
export type AcquireReply =
  | { is: "acquired"; fence: number }
  | { is: "taken"; dueIn: Milliseconds }
  /** The maker of the unnamed lock has ended. */
  | { is: "gone" }
  /** It is no longer held with the token to take it over from. */
  | { is: "not handed over" };

/**
 * KEYS[1] lock, string with PX: the holder's token; KEYS[2] its record, hash with PX: fence, and of the
 * holder (token) session, label, since (ms), count, usual (how long it was held of late, mean, ms), holds (counted in that), noted (its session, where that knows of the lock), lease (ms, of the last renewal); KEYS[3] waiters, list, first comes first
 * ARGV[1] token, "<session of the caller>:<number>"; ARGV[2] lease, ms; ARGV[3] waiter to store if it is not free, "" = none;
 * ARGV[4] label of the caller; ARGV[5] session of the maker of an unnamed lock, ""; ARGV[6] token that the lock is
 * taken over from, ""; "" at the end may be left out, which allows the short way
 * Returns { 1, fence } acquired; { 0, ms until the lease in the way ends } not; { -1 } the maker of the unnamed lock is
 * gone; { -2 } it is no longer held with the token to take over from.
 *
 * A lock that is free and not waited for is granted in few commands, and what people want to know of the holder is noted
 * with its first renewal, unless it runs a task. A repeated call with the same token finds the lock held by itself, and
 * gets a new fence: Redis may have lost the one before.
 */
export const acquireLock: Script<AcquireReply> = new Script<AcquireReply>({
  name: "acquireLock",
  read: readAcquireReply,
  // What most calls need comes first and is told no more than it needs, because each function that Lua defines and each
  // argument costs time in every call.
  lua: `${NEW_FENCE}
local has_line = redis.call("EXISTS", KEYS[3]) == 1
if not has_line and not ARGV[6] and (ARGV[4] or "") == "" and redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2], "NX") then
  local last = redis.call("HGET", KEYS[2], "fence")
  if last then
    local fence = new_fence(last)
    redis.call("HSET", KEYS[2], "fence", fence)
    return { 1, fence }
  end
  redis.call("DEL", KEYS[1])
end
${WAKE_UP + REGISTER + SERVER_TIME + NEXT_HOLDER + WHICH_LOCK}
local holder = redis.call("GET", KEYS[1])
local token, waiter, owner, from = ARGV[1], ARGV[3] or "", ARGV[5] or "", ARGV[6] or ""
local deadlines = prefix .. "deadlines"
if holder == token then return { 1, next_fence(prefix, lock, server_time()) } end
if waiter ~= "" and holder == "${GRANTED}" .. waiter then
  redis.call("SET", KEYS[1], token, "PX", ARGV[2])
  redis.call("HSET", KEYS[2], "holder", token, "session", session_of(token), "label", ARGV[4] or "", "since", server_time(), "count", 1)
  return { 1, next_fence(prefix, lock, server_time()) }
end
local function enqueue_waiter()
  if waiter ~= "" and not redis.call("LPOS", KEYS[3], waiter) then redis.call("RPUSH", KEYS[3], waiter) end
end
if from ~= "" then
  if holder ~= from then return { -2 } end
elseif holder then
  local left = redis.call("PTTL", KEYS[1])
  if waiter ~= "" then
    enqueue_waiter()
    redis.call("ZADD", deadlines, server_time() + left + 1, lock)
  end
  return { 0, left }
elseif has_line then
  local first = redis.call("LINDEX", KEYS[3], 0)
  while first and first ~= waiter and not is_alive(prefix, first) do
    redis.call("LPOP", KEYS[3])
    first = redis.call("LINDEX", KEYS[3], 0)
  end
  if first == waiter then
    redis.call("LPOP", KEYS[3])
  elseif first then
    enqueue_waiter()
    call_next(prefix, lock, server_time())
    return { 0, ${CLAIM_WINDOW} }
  end
end
local last = redis.call("HGET", KEYS[2], "fence")
if not last then
  local now = server_time()
  if not register(prefix, lock, owner, now) then return { -1 } end
  redis.call("ZADD", deadlines, "NX", now + ${RECORD_TTL}, lock)
end
${grant(`
  redis.call("HDEL", KEYS[2], "noted")
  if not last then redis.call("PEXPIRE", KEYS[2], ${RECORD_TTL}) end
  if redis.call("EXISTS", KEYS[3]) == 1 then redis.call("ZADD", deadlines, server_time() + ARGV[2] + 1, lock) end
  return { 1, fence }`)}
`,
});

function readAcquireReply([code, detail]: [1 | 0 | -1 | -2, string | number]): AcquireReply {
  switch (code) {
    case 1:
      return { is: "acquired", fence: Number(detail) };
    case 0:
      return { is: "taken", dueIn: Number(detail) };
    case -1:
      return { is: "gone" };
    case -2:
      return { is: "not handed over" };
  }
}

/**
 * KEYS[1..3] as of acquireLock
 * ARGV[1] token; ARGV[2] "1" = it may be noted with a session, "" may be left out
 * Returns 1 = released, 0 = not held with this token.
 *
 * How long it was held is noted in the record where others wait for it, or it was ever renewed: a lock that is held for a
 * moment, and that no one waits for, costs no more than before.
 */
export const releaseLock: Script<"released" | "not held"> = new Script<"released" | "not held">({
  name: "releaseLock",
  read: named({ 1: "released", 0: "not held" }),
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= "1" and redis.call("EXISTS", KEYS[3]) == 0 then
  redis.call("DEL", KEYS[1])
  return 1
end
${TO_FREE + NOTE_HOLD}
note_hold(KEYS[2])
if ARGV[2] ~= "1" and call_next(prefix, lock, server_time()) then return 1 end
set_free(prefix, lock)
return 1
`,
});

/**
 * KEYS[1..3] as of acquireLock
 * ARGV[1] token; ARGV[2] lease, ms; ARGV[3] session of the holder; ARGV[4] how long it has held the lock, ms; ARGV[5] what
 * it says of itself, where its token tells; ARGV[6] fence of the holder
 * Returns 1 = extended, 0 = not held with this token.
 *
 * Also notes with the holder's session that it has the lock: when its host says that the process has ended, the lock is
 * free at once. A lock held so short that it is never extended is not worth the note. A fence that Redis has lost with its
 * last writes is noted again, so that the next one is larger also by a server whose clock is behind.
 */
export const extendLock: Script<"extended" | "not held"> = new Script<"extended" | "not held">({
  name: "extendLock",
  read: named({ 1: "extended", 0: "not held" }),
  lua: `${SERVER_TIME + WHICH_LOCK}
local token, lease, session, held_for, label, fence = unpack(ARGV)
if redis.call("GET", KEYS[1]) ~= token then return 0 end
redis.call("PEXPIRE", KEYS[1], lease)
redis.call("HSET", KEYS[2], "noted", session, "lease", lease)
local last = redis.call("HGET", KEYS[2], "fence")
if not last or tonumber(last) < tonumber(fence) then redis.call("HSET", KEYS[2], "fence", fence) end
if redis.call("HGET", KEYS[2], "holder") ~= token then
  redis.call("HSET", KEYS[2], "holder", token, "session", session, "label", label, "count", 1, "since", server_time() - held_for)
end
redis.call("PEXPIRE", KEYS[2], ${RECORD_TTL} + lease)
redis.call("SADD", prefix .. "session-holdings/" .. session, lock)
-- One that has ended is looked at once more.
redis.call("ZADD", prefix .. "deadlines", "NX", 0, "session/" .. session)
if redis.call("EXISTS", KEYS[3]) == 1 then redis.call("ZADD", prefix .. "deadlines", server_time() + lease + 1, lock) end
return 1
`,
});

/**
 * KEYS[1..3] as of acquireLock
 * ARGV[1] token that the waiter would have had; ARGV[2] waiter, "" = none
 * Returns 1 = it had been granted and is released now, 0 = it had not.
 */
export const abandonLock: Script<"released" | "not granted"> = new Script<"released" | "not granted">({
  name: "abandonLock",
  read: named({ 1: "released", 0: "not granted" }),
  lua: `${SHARED}
local token, waiter = unpack(ARGV)
local was_first = false
if waiter ~= "" then
  was_first = redis.call("LINDEX", KEYS[3], 0) == waiter
  redis.call("LREM", KEYS[3], 1, waiter)
end
local holder = redis.call("GET", KEYS[1])
if holder == token or (waiter ~= "" and holder == "${GRANTED}" .. waiter) then
  set_free(prefix, lock)
  return 1
end
if was_first and not holder then call_next(prefix, lock, server_time()) end
return 0
`,
});
