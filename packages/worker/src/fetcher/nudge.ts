import { type Keys, type RedisClient, Script } from "@manyhands/core/internal";
import { WAITING_JOBS } from "./waiting-jobs.ts";

/** Wakes a worker of some host that waits for a job of the pool, if there is one to be had. */
export async function nudgeWorkers(client: RedisClient, keys: Keys, pool: string): Promise<void> {
  const parts = (["wait", "prioritized", "meta", "marker"] as const).map((part) => keys.queue(pool, part));
  await nudge.run(client, parts, []);
}

/**
 * BullMQ announces freed or raised capacity by a marker, but not when the cap is raised, nor when a worker finishes its
 * last job while it closes.
 *
 * KEYS[1] list of waiting jobs; KEYS[2] sorted set of prioritized jobs; KEYS[3] hash of the queue's settings;
 * KEYS[4] sorted set of markers
 * Returns 1 when a worker was woken, 0 when the queue is paused or empty.
 */
const nudge = new Script<number>({
  name: "nudgeWorkers",
  lua: `${WAITING_JOBS}
if waiting_jobs(KEYS[1], KEYS[2], KEYS[3]) == 0 then return 0 end
redis.call("ZADD", KEYS[4], 0, "0")
return 1
`,
});
