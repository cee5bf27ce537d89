import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";

/**
 * Whether a script of BullMQ failed because a setting of the queue is no number. The job may have been stored by then, in no
 * list.
 */
export function isBrokenSetting(error: unknown): boolean {
  return error instanceof Error && /user_script.*attempt to (compare|perform arithmetic)/.test(error.message);
}

/**
 * Writes the pool's size as the limit of its queue, where another tool has written something else than a number. The hosts do
 * so with any other limit, within seconds; with this one BullMQ cannot add a job until then.
 * @returns whether it was so
 */
export async function repairLimit(client: RedisClient, keys: Keys, pool: string): Promise<boolean> {
  return (await repair.run(client, [keys.pools, keys.queue(pool, "meta")], [pool])) === 1;
}

/**
 * KEYS[1] registry hash; KEYS[2] hash of the queue's settings
 * ARGV[1] pool name
 * Returns 1 when the limit was no number; without a record of the pool that can be read it is removed.
 */
const repair = new Script<number>({
  name: "repairLimit",
  lua: `
local limit = redis.call("HGET", KEYS[2], "concurrency")
if not limit or tonumber(limit) then return 0 end
local is_json, record = pcall(cjson.decode, redis.call("HGET", KEYS[1], ARGV[1]) or "")
local size = is_json and type(record) == "table" and tonumber(record.size)
if size then
  redis.call("HSET", KEYS[2], "concurrency", string.format("%.0f", size))
else
  redis.call("HDEL", KEYS[2], "concurrency")
end
return 1
`,
});
