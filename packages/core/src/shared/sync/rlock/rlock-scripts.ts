import { named, Script } from "../../../redis/script/index.ts";
import { SERVER_TIME } from "../../../session/index.ts";

/**
 * KEYS[1..3] as of acquireLock
 * ARGV[1] token; ARGV[2] how often its owner holds it now; ARGV[3] session of the holder; ARGV[4] its label
 * Returns 1 = noted, 0 = not held with this token. The lease stays as it is, and so does the fence (R4).
 */
export const countLock: Script<"noted" | "not held"> = new Script<"noted" | "not held">({
  name: "countLock",
  read: named({ 1: "noted", 0: "not held" }),
  lua: `${SERVER_TIME}
local token, count, session, label = unpack(ARGV)
if redis.call("GET", KEYS[1]) ~= token then return 0 end
redis.call("HSET", KEYS[2], "count", count)
if redis.call("HGET", KEYS[2], "holder") ~= token then
  redis.call("HSET", KEYS[2], "holder", token, "session", session, "label", label, "since", server_time())
end
return 1
`,
});
