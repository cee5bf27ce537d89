import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import { INDEX_JOB } from "../../redis/task-index/index.ts";
import { KEPT_EVENTS } from "../../wire/records/job.ts";

/** A job by its place. */
export interface JobPlace {
  pool: string;
  jobId: string;
}

/** `there`: in one of BullMQ's lists, or held by a run; `unlisted`: in none; `gone`: Redis does not know it. */
type Whereabouts = "there" | "unlisted" | "gone";

/**
 * Entries of a list that are searched for one job. In a longer list a job that was not found may be further ahead, and
 * counts as there.
 */
const SEARCHED = 100_000;

/**
 * Whether a job is in any of BullMQ's lists. One that is in none is never run: a list was overwritten or deleted by a tool,
 * or Redis has lost it. BullMQ itself moves a job from one list to another in one step.
 */
async function locateJob(client: RedisClient, keys: Keys, place: JobPlace): Promise<Whereabouts> {
  return (await locate.run(client, keysOf(keys, place), [place.jobId, SEARCHED, 0, KEPT_EVENTS])) as Whereabouts;
}

/**
 * Puts a job that is in no list back to where it belongs: a finished one into the history, one with a time that is still
 * to come among the delayed, any other to the front of its queue.
 *
 * @returns what it was before
 */
export async function bringJobBack(client: RedisClient, keys: Keys, place: JobPlace): Promise<Whereabouts> {
  return (await locate.run(client, keysOf(keys, place), [place.jobId, SEARCHED, 1, KEPT_EVENTS])) as Whereabouts;
}

/** Hashes of jobs that are in no list, over the pools of a namespace. Reads every key of BullMQ's there. */
export async function findUnlistedJobs(client: RedisClient, keys: Keys): Promise<JobPlace[]> {
  const unlisted: JobPlace[] = [];
  const prefix = keys.queues;
  const pattern = `${prefix.replaceAll(/[*?[\]\\]/g, "\\$&")}*`;
  for (const node of "nodes" in client ? client.nodes("master") : [client]) {
    for (let cursor = "0"; ; ) {
      const [next, found] = await node.scan(cursor, "MATCH", pattern, "COUNT", 1_000, "TYPE", "hash");
      for (const key of found) {
        const colon = key.indexOf(":", prefix.length);
        const place = { pool: key.slice(prefix.length, colon), jobId: key.slice(colon + 1) };
        if (colon < 0 || !(await isJob(client, key))) continue;
        if ((await locateJob(client, keys, place)) === "unlisted") unlisted.push(place);
      }
      if (next === "0") break;
      cursor = next;
    }
  }
  return unlisted;
}

/** BullMQ keeps other hashes beside its jobs: settings, job schedulers, outcomes of children. */
async function isJob(client: RedisClient, key: string): Promise<boolean> {
  const [timestamp, data] = await client.hmget(key, "timestamp", "data");
  return timestamp != null && data != null;
}

function keysOf(keys: Keys, { pool, jobId }: JobPlace): string[] {
  const sets = ["completed", "failed", "delayed", "prioritized", "waiting-children"] as const;
  const lists = ["active", "wait", "paused"] as const;
  return [
    keys.job(pool, jobId),
    keys.jobLock(pool, jobId),
    ...([...sets, ...lists, "marker", "pc", "events"] as const).map((part) => keys.queue(pool, part)),
  ];
}

/**
 * KEYS[1] hash of the job; KEYS[2] its lock; KEYS[3] completed; KEYS[4] failed; KEYS[5] delayed; KEYS[6] prioritized;
 * KEYS[7] waiting-children (sorted sets); KEYS[8] active; KEYS[9] wait; KEYS[10] paused (lists); KEYS[11] markers (sorted set);
 * KEYS[12] counter of jobs with a priority; KEYS[13] event stream
 * ARGV[1] job id; ARGV[2] entries of a list that are searched; ARGV[3] 1 = put it back, 0 = only look; ARGV[4] events kept
 * Returns "there", "unlisted" (it was in no list) or "gone".
 */
const locate = new Script<string>({
  name: "locateJob",
  lua: `
local id = ARGV[1]
local job = redis.call("HMGET", KEYS[1], "timestamp", "delay", "priority", "processedOn", "finishedOn", "returnvalue")
if not job[1] then return "gone" end
-- Most jobs that are looked for have not begun.
local function stands_in(line) return redis.call("LPOS", line, id, "RANK", -1, "MAXLEN", ARGV[2]) end
if not job[4] and stands_in(KEYS[9]) then return "there" end
if redis.call("EXISTS", KEYS[2]) == 1 then return "there" end
for set = 3, 7 do
  if redis.call("ZSCORE", KEYS[set], id) then return "there" end
end
for line = 8, 10 do
  if stands_in(KEYS[line]) then return "there" end
  if redis.call("LLEN", KEYS[line]) > tonumber(ARGV[2]) then return "there" end
end
if ARGV[3] == "0" then return "unlisted" end
${SERVER_TIME}
local now = server_time()
local due = (tonumber(job[1]) or 0) + (tonumber(job[2]) or 0)
local priority = tonumber(job[3]) or 0
if job[5] then
  redis.call("ZADD", job[6] and KEYS[3] or KEYS[4], tonumber(job[5]) or now, id)
  ${INDEX_JOB}
  return "unlisted"
elseif not job[4] and due > now then
  redis.call("ZADD", KEYS[5], due * 0x1000, id)
  local marked = redis.call("ZSCORE", KEYS[11], "1")
  if not marked or tonumber(marked) > due then redis.call("ZADD", KEYS[11], due, "1") end
elseif priority > 0 then
  redis.call("ZADD", KEYS[6], priority * 0x100000000 + redis.call("INCR", KEYS[12]) % 0x100000000, id)
else
  redis.call("RPUSH", KEYS[9], id)
end
redis.call("ZADD", KEYS[11], 0, "0")
redis.call("XADD", KEYS[13], "MAXLEN", "~", ARGV[4], "*", "event", "waiting", "jobId", id, "prev", "unknown")
${INDEX_JOB}
return "unlisted"
`,
});
