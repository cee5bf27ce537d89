import { named, Script } from "../../../redis/script/index.ts";
import { REGISTER, SERVER_TIME } from "../../../session/index.ts";

/** Removes what the manager owns with it. The owner of its objects is kept as a session without a lease. */
export const MANAGER_REAPER = `{
  look = function() return nil end,
  leave = function() end,
  remove = function(prefix, name)
    local owned = prefix .. "session-objects/manager:" .. name
    redis.call("DEL", prefix .. "session/manager:" .. name)
    for _, object in ipairs(redis.call("SMEMBERS", owned)) do
      local kind, own = string.match(object, "^([^/]+)/(.*)$")
      if kind and kinds[kind] then kinds[kind].remove(prefix, own) end
    end
    redis.call("UNLINK", prefix .. "manager/" .. name, owned)
    redis.call("ZREM", prefix .. "objects", "manager/" .. name)
  end,
}`;

/**
 * KEYS[1] manager, hash: madeAt (server time in ms); KEYS[2] the owner of its objects, hash: manager (its name). While that
 * is there, its objects can be made.
 * ARGV[1] prefix of keys; ARGV[2] name; ARGV[3] session of the maker of an unnamed one, ""
 * Returns 1 = it is there; -1 = the maker of the unnamed manager has ended.
 */
export const startManager: Script<"there" | "maker gone"> = new Script<"there" | "maker gone">({
  name: "startManager",
  read: named({ 1: "there", [-1]: "maker gone" }),
  lua: `${SERVER_TIME}${REGISTER}
if redis.call("EXISTS", KEYS[2]) == 1 then return 1 end
local now = server_time()
if not register(ARGV[1], "manager/" .. ARGV[2], ARGV[3], now) then return -1 end
redis.call("HSET", KEYS[1], "madeAt", string.format("%d", now))
redis.call("HSET", KEYS[2], "manager", ARGV[2])
return 1
`,
});

/**
 * KEYS[1] manager; KEYS[2] objects; KEYS[3] unnamed objects of its maker
 * ARGV[1] "manager/<name>"
 * Returns 1. Its objects are gone already.
 */
export const forgetManager: Script<number> = new Script<number>({
  name: "forgetManager",
  lua: `
redis.call("DEL", KEYS[1])
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("SREM", KEYS[3], ARGV[1])
return 1
`,
});
