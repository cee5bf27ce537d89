import { named, Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME } from "../../../session/index.ts";
import { RECORD_TTL, WHICH_LOCK } from "./lock-scripts.ts";

/**
 * Notes who holds a lock that others voted on, for the queue of waiters and for people.
 *
 * KEYS[1..3] as of acquireLock
 * ARGV[1] token; ARGV[2] lease, ms; ARGV[3] waiter that need not wait any more, "" = none; ARGV[4] session of the holder;
 * ARGV[5] its label; ARGV[6] session of the maker of an unnamed lock, ""; ARGV[7] fence
 * Returns 1 = noted, 0 = another one holds it or has the turn, or the maker of the unnamed lock is gone.
 */
export const noteHolder: Script<"noted" | "not held"> = new Script<"noted" | "not held">({
  name: "noteHolder",
  read: named({ 1: "noted", 0: "not held" }),
  lua: `${SERVER_TIME}${REGISTER}${WHICH_LOCK}
local token, lease, waiter, session, label, owner, fence = unpack(ARGV)
local deadlines = prefix .. "deadlines"
local holder = redis.call("GET", KEYS[1])
if waiter ~= "" then redis.call("LREM", KEYS[3], 1, waiter) end
if holder and holder ~= token then return 0 end
local now = server_time()
if not holder then
  if not register(prefix, lock, owner, now) then return 0 end
  redis.call("HSET", KEYS[2], "session", session, "label", label, "since", now, "count", 1, "holder", token)
  redis.call("ZADD", deadlines, "NX", now + ${RECORD_TTL}, lock)
end
redis.call("SET", KEYS[1], token, "PX", lease)
redis.call("HSET", KEYS[2], "fence", fence, "noted", session)
redis.call("PEXPIRE", KEYS[2], ${RECORD_TTL} + lease)
redis.call("SADD", prefix .. "session-holdings/" .. session, lock)
-- One that has ended is looked at once more.
redis.call("ZADD", deadlines, "NX", 0, "session/" .. session)
if redis.call("EXISTS", KEYS[3]) == 1 then redis.call("ZADD", deadlines, now + lease + 1, lock) end
return 1
`,
});
