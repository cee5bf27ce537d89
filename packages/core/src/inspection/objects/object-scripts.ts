import { named, Script } from "../../redis/script/index.ts";
import { kindsTable, SERVER_TIME, WAKE_UP } from "../../session/index.ts";
import { REAPED_KINDS } from "../../shared/kinds.ts";

const SHARED = SERVER_TIME + WAKE_UP + kindsTable(REAPED_KINDS);

/**
 * KEYS[1] objects
 * ARGV[1] prefix of keys; ARGV[2] kind; ARGV[3] name; ARGV[4..] sessions
 * Takes back what the sessions hold of the object, and wakes who can go on.
 * Returns 1, 0 = this version does not know the kind.
 */
export const takeBack: Script<number> = new Script<number>({
  name: "takeBack",
  lua: `${SHARED}
local prefix, kind, name = ARGV[1], ARGV[2], ARGV[3]
if not kinds[kind] then return 0 end
for index = 4, #ARGV do
  redis.call("SREM", prefix .. "session-holdings/" .. ARGV[index], kind .. "/" .. name)
  kinds[kind].leave(prefix, name, ARGV[index], server_time(), true)
end
return 1
`,
});

/**
 * KEYS[1] objects
 * ARGV[1] prefix of keys; ARGV[2] kind; ARGV[3] name; ARGV[4] session of its maker, "" = it is named
 * Returns 1 = removed, 0 = it was not there, -1 = this version does not know the kind.
 */
export const removeObject: Script<"removed" | "not there" | "unknown kind"> = new Script<
  "removed" | "not there" | "unknown kind"
>({
  name: "removeObject",
  read: named({ 1: "removed", 0: "not there", [-1]: "unknown kind" }),
  lua: `${SHARED}
local prefix, kind, name = ARGV[1], ARGV[2], ARGV[3]
local object = kind .. "/" .. name
if not kinds[kind] then return -1 end
local existed = redis.call("ZSCORE", KEYS[1], object)
kinds[kind].remove(prefix, name)
redis.call("ZREM", KEYS[1], object)
redis.call("ZREM", prefix .. "deadlines", object)
if ARGV[4] ~= "" then redis.call("SREM", prefix .. "session-objects/" .. ARGV[4], object) end
return existed and 1 or 0
`,
});

/**
 * KEYS[1] objects; KEYS[2] deadlines; KEYS[3..] all keys that the object may have
 * ARGV[1] object as "<kind>/<name>"
 * Forgets an object of which nothing is left. Returns 1 = forgotten, 0 = something is there.
 */
export const forgetObject: Script<"forgotten" | "there"> = new Script<"forgotten" | "there">({
  name: "forgetObject",
  read: named({ 1: "forgotten", 0: "there" }),
  lua: `
for index = 3, #KEYS do
  if redis.call("EXISTS", KEYS[index]) == 1 then return 0 end
end
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("ZREM", KEYS[2], ARGV[1])
return 1
`,
});

/**
 * KEYS any keys
 * Returns the positions of those that exist, from 0.
 */
export const whichExist: Script<number[]> = new Script<number[]>({
  name: "whichExist",
  lua: `
local found = {}
for position, key in ipairs(KEYS) do
  if redis.call("EXISTS", key) == 1 then found[#found + 1] = position - 1 end
end
return found
`,
});
