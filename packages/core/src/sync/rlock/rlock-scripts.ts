import { Script } from "../../script/index.ts";

/**
 * KEYS[1] lock, string with PX: the holder's token; KEYS[2] its record, hash with PX: count and more (see acquireLock)
 * ARGV[1] token; ARGV[2] how often its owner holds it now
 * Returns 1 = noted, 0 = not held with this token. The lease stays as it is, and so does the fence (R4).
 */
export const countLock: Script<number> = new Script<number>({
  name: "countLock",
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("HSET", KEYS[2], "count", ARGV[2])
return 1
`,
});
