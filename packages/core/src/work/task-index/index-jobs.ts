import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { BUCKET, INDEX_RESTATE, JOB_NUMBER_FIELD } from "../../redis/task-index/index.ts";

/** Jobs that one script looks at: about 1 ms of Redis. */
export const JOBS_A_STEP = 100;

/**
 * Takes jobs into the index, and writes their states as they are. One whose record is not where its number leads gets another
 * number.
 */
export async function indexJobs(
  client: RedisClient,
  keys: Keys,
  { pool, ids }: { pool: string; ids: readonly string[] },
): Promise<void> {
  for (let from = 0; from < ids.length; from += JOBS_A_STEP) {
    await repairJobs.run(client, [keys.taskIndex], [keys.jobs(pool), ...ids.slice(from, from + JOBS_A_STEP)]);
  }
}

/**
 * KEYS[1] hash of the index; the keys of jobs and of the index are made here, all have the hash tag of the namespace
 * ARGV[1] what the keys of the queue begin with; ARGV[2...] ids of jobs
 */
const repairJobs = new Script<null>({
  name: "indexJobs",
  isMeasured: false,
  lua: `${INDEX_RESTATE}
local prefix, pool = index_queue(ARGV[1])
if not prefix then return end
local function repair(key, id)
  local n = tonumber(redis.call("HGET", key, "${JOB_NUMBER_FIELD}") or "")
  if n then
    local record = redis.call("LINDEX", prefix .. "index-tasks/" .. math.floor(n / ${BUCKET}), n % ${BUCKET}) or ""
    local head = pool .. "\\n" .. id .. "\\n"
    if string.sub(record, 1, #head) ~= head then redis.call("HDEL", key, "${JOB_NUMBER_FIELD}") end
  end
  index_restate(key, false)
end
for place = 2, #ARGV do index_try(KEYS[1], repair, ARGV[1] .. ARGV[place], ARGV[place]) end
`,
});

/**
 * In the order in which jobs go through them: one that moves on while they are read is met again. What BullMQ appends comes
 * first, so that nothing moves to where was read already.
 */
const LISTS: readonly QueuePart[] = ["wait", "paused"];
const SETS: readonly QueuePart[] = ["prioritized", "delayed", "waiting-children"];
const ENDS: readonly QueuePart[] = ["completed", "failed"];
const PAGE = 1_000;

/** Ids of all jobs of a pool, a page at a time; some come twice. */
export async function* jobIds(client: RedisClient, keys: Keys, pool: string): AsyncGenerator<string[]> {
  for (const part of LISTS) yield* pages((from, to) => client.lrange(keys.queue(pool, part), from, to));
  for (const part of SETS) yield* pages((from, to) => client.zrange(keys.queue(pool, part), from, `${to}`, "REV"));
  yield* pages((from, to) => client.lrange(keys.queue(pool, "active"), from, to));
  for (const part of ENDS) yield* pages((from, to) => client.zrange(keys.queue(pool, part), from, `${to}`, "REV"));
}

/** A key of another type has no jobs. */
async function* pages(read: (from: number, to: number) => Promise<string[]>): AsyncGenerator<string[]> {
  for (let from = 0; ; from += PAGE) {
    const ids = await read(from, from + PAGE - 1).catch((error: Error) => {
      if (error.message.startsWith("WRONGTYPE")) return [];
      throw error;
    });
    if (ids.length > 0) yield ids.filter((id) => !id.startsWith("0:"));
    if (ids.length < PAGE) return;
  }
}
