import { type Keys, type RedisClient, Script } from "@manyhands/core/internal";

/**
 * Removes what serving a pool writes for its queue, if the pool is no more: it may have been removed just before a host
 * opened it.
 */
export async function removeTraces(client: RedisClient, keys: Keys, pool: string): Promise<void> {
  const parts = (["id", "meta", "marker", "stalled-check"] as const).map((part) => keys.queue(pool, part));
  await traces.run(client, [keys.pools, ...parts], [pool]);
}

/**
 * KEYS[1] registry hash; KEYS[2] BullMQ's counter of jobs; KEYS[3] hash of the queue's settings; KEYS[4] sorted set of markers;
 * KEYS[5] mark of the last look for stalled jobs
 * ARGV[1] pool name
 * A queue with a counter has had jobs and is in use; one that is paused is being removed.
 * Returns how many keys were removed.
 */
const traces = new Script<number>({
  name: "removeTraces",
  lua: `
if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 1 or redis.call("EXISTS", KEYS[2]) == 1 then return 0 end
if redis.call("HEXISTS", KEYS[3], "paused") == 1 then return 0 end
return redis.call("UNLINK", KEYS[3], KEYS[4], KEYS[5])
`,
});
