import { Script } from "../../script/index.ts";
import { REGISTER, SERVER_TIME } from "../../session/index.ts";
import { RECORD_TTL } from "./lock-scripts.ts";

/**
 * Notes who holds a lock that others voted on, for the line of those who wait and for people.
 *
 * KEYS[1..4] as of acquireLock
 * ARGV[1] prefix of keys; ARGV[2] "<kind>/<name>"; ARGV[3] token; ARGV[4] lease, ms; ARGV[5] waiter that need not wait
 * any more, "" = none; ARGV[6] session of the holder; ARGV[7] what it says of itself; ARGV[8] session of the maker of an
 * unnamed lock, ""; ARGV[9] fence
 * Returns 1 = noted, 0 = it is somebody else's turn, or the maker of the unnamed lock is gone.
 */
export const noteHolder: Script<number> = new Script<number>({
  name: "noteHolder",
  lua: `${SERVER_TIME}${REGISTER}
local prefix, lock, token, session = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local holder = redis.call("GET", KEYS[1])
if ARGV[5] ~= "" then redis.call("LREM", KEYS[3], 1, ARGV[5]) end
if holder and holder ~= token then return 0 end
local now = server_time()
if not holder then
  if not register(prefix, lock, ARGV[8], now) then return 0 end
  redis.call("HSET", KEYS[2], "session", session, "label", ARGV[7], "since", now, "count", 1, "holder", token)
  redis.call("ZADD", KEYS[4], "NX", now + ${RECORD_TTL}, lock)
end
redis.call("SET", KEYS[1], token, "PX", ARGV[4])
redis.call("HSET", KEYS[2], "fence", ARGV[9], "noted", session)
redis.call("PEXPIRE", KEYS[2], ${RECORD_TTL} + ARGV[4])
redis.call("SADD", prefix .. "session-holdings/" .. session, lock)
if redis.call("EXISTS", KEYS[3]) == 1 then redis.call("ZADD", KEYS[4], now + ARGV[4] + 1, lock) end
return 1
`,
});
