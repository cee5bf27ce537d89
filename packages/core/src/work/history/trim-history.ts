import { bullFunction } from "../../redis/bull-queue/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import { INDEX_ENDED } from "../../redis/task-index/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { JOB_ANSWERS_FIELD } from "../../wire/records/job.ts";
import type { FinishedSet, WholeRule } from "../../wire/records/keep.ts";

/** Jobs that one script removes at most: about 2 ms of Redis. */
export const TRIMMED_AT_ONCE = 64;

/**
 * Lua: `forget_ended(at, id, score)` takes a job of that score out of the finished ones, with all of its keys, if it is there. `at`
 * has `queue`, `prefix`, `pool` and `set` as for `trim_history`. Loads BullMQ.
 */
export function forgetEnded(): string {
  return `
local function forget_ended(at, id, score)
  local set = at.queue .. at.set
  if redis.call("ZREM", set, id) == 0 then return end
  local own_key = at.queue .. id
  local fields = redis.call("HMGET", own_key, "n", "parentKey", "${JOB_ANSWERS_FIELD}")
  if fields[2] and fields[2] ~= "" then
    -- Of a flow: its parent has to be told.
    ${bullFunction("removeJob")}
    redis.call("ZADD", set, score, id)
    removeJob({own_key, at.queue .. "repeat"}, {id, "0", at.queue})
    redis.call("ZREM", set, id)
  end
  redis.call("DEL", own_key, own_key .. ":logs", own_key .. ":dependencies", own_key .. ":processed",
    own_key .. ":failed", own_key .. ":unsuccessful")
  if fields[3] then
    redis.call("UNLINK", at.prefix .. "result/" .. at.pool .. "/" .. id .. "/" .. fields[3])
    redis.call("ZREM", at.prefix .. "results/" .. at.pool, id .. "/" .. fields[3])
  end
  if fields[1] then
    ${INDEX_ENDED}
    pcall(index_ended, at.queue, own_key, {n = fields[1], state = "gone"})
  end
  if at.set == "failed" then redis.call("ZREM", at.prefix .. "cancelled/" .. at.pool, id) end
end
`;
}

/**
 * Lua: `trim_history(at)` removes the oldest finished jobs of a pool that are too many or too old, with all of their keys, and
 * returns how many it has looked at and removed, and when the oldest one that stays ended (nil: not known, or none stays).
 * `at` has `queue` (what the keys of the pool's jobs begin with), `prefix` (of
 * our keys), `pool`, `set` ("completed" or "failed"), `task` ("" = the jobs without a rule of their own), `age` (ms), `count`,
 * `now` (epoch ms) and `most` jobs to look at.
 *
 * Jobs of a task with a rule of its own are in the set of that task and in the set of all such jobs of the pool: the pool's
 * rule passes them over, and the hash "kept" says up to which time it has found nothing else. Loads BullMQ.
 */
export function trimHistory(): string {
  return `${forgetEnded()}
local function trim_history(at)
  local set = at.queue .. at.set
  local excepted = at.prefix .. "kept/" .. at.set .. "/" .. at.pool
  local class = at.task == "" and set or excepted .. "/" .. at.task
  local others = at.task == "" and redis.call("ZCARD", excepted) or 0
  local excess = redis.call("ZCARD", class) - others - at.count
  local horizon = at.now - at.age
  local place = at.set .. "/" .. at.pool
  local from = others > 0 and redis.call("HGET", at.prefix .. "kept", place) or "-inf"
  if excess <= 0 then
    local first = redis.call("ZRANGEBYSCORE", class, from, "+inf", "WITHSCORES", "LIMIT", 0, 1)
    if not first[2] or tonumber(first[2]) > horizon then return 0, first[2] end
  end
  local rows = redis.call("ZRANGEBYSCORE", class, from, "+inf", "WITHSCORES", "LIMIT", 0, at.most)
  local removed, passed, last, stays = 0, 0, nil, nil
  for index = 1, #rows, 2 do
    local id, score = rows[index], rows[index + 1]
    if others > 0 and redis.call("ZSCORE", excepted, id) then
      passed, last = passed + 1, score
    elseif excess > 0 or tonumber(score) <= horizon then
      -- A job of a task may have left the history, or run again, since.
      forget_ended(at, id, score)
      if at.task ~= "" then redis.call("ZREM", class, id) redis.call("ZREM", excepted, id) end
      removed, excess = removed + 1, excess - 1
    else
      stays = score
      break
    end
  end
  if others > 0 and removed == 0 and passed > 0 then redis.call("HSET", at.prefix .. "kept", place, last) end
  if passed == at.most then return passed end
  return removed, stays
end
`;
}

/** Which finished jobs of a pool are trimmed. */
export interface TrimPlace {
  pool: string;
  set: FinishedSet;
  /** A task with a rule of its own; "" = all others. */
  task: string;
}

/**
 * Removes what a rule does not keep, at most {@link TRIMMED_AT_ONCE} jobs.
 * @returns time until the next job is too old, ms: none that ends from now on is earlier; null = there may be more to remove
 */
export async function trimOnce(
  { client, keys }: { client: RedisClient; keys: Keys },
  { pool, set, task }: TrimPlace,
  rule: WholeRule,
): Promise<Milliseconds | null> {
  const [looked, pause] = await trim.run(
    client,
    [keys.queue(pool, set)],
    [keys.jobs(pool), keys.prefix, pool, set, task, rule.age, rule.count, TRIMMED_AT_ONCE],
  );
  return looked >= TRIMMED_AT_ONCE ? null : Number(pause);
}

/**
 * KEYS[1] finished jobs of the pool (sorted set)
 * ARGV[1] what the keys of its jobs begin with; ARGV[2] prefix of our keys; ARGV[3] pool; ARGV[4] "completed" or "failed";
 * ARGV[5] task with a rule of its own, "" = the others; ARGV[6] longest age, ms; ARGV[7] most jobs; ARGV[8] jobs to look at
 * Returns how many were looked at and removed, or passed over, then the time until the next one is too old, ms.
 */
const trim = new Script<[looked: number, pause: string]>({
  name: "trimHistory",
  lua: () => `${SERVER_TIME}${trimHistory()}
if redis.call("EXISTS", KEYS[1]) == 0 then return {0, ARGV[6]} end
local age, now = tonumber(ARGV[6]), server_time()
local looked, oldest = trim_history({queue = ARGV[1], prefix = ARGV[2], pool = ARGV[3], set = ARGV[4], task = ARGV[5],
  age = age, count = tonumber(ARGV[7]), now = now, most = tonumber(ARGV[8])})
return {looked, string.format("%.0f", math.max(0, math.min(age, (tonumber(oldest or "") or now) + age - now)))}
`,
});

/** Histories that one script looks for. */
const LOOKED_FOR_AT_ONCE = 1_000;

/** @returns those of which there are jobs; where there is none, for one command for each 1 000 */
export async function histories<Place extends TrimPlace>(
  { client, keys }: { client: RedisClient; keys: Keys },
  places: readonly Place[],
): Promise<Place[]> {
  const found: Place[] = [];
  for (let from = 0; from < places.length; from += LOOKED_FOR_AT_ONCE) {
    const part = places.slice(from, from + LOOKED_FOR_AT_ONCE);
    const there = await findHistories.run(
      client,
      part.map(({ pool, set }) => keys.queue(pool, set)),
      [],
    );
    found.push(...there.map((index) => part[index] as Place));
  }
  return found;
}

/** @returns those that may have more jobs than their rule keeps, for one command each */
export async function fullHistories<Place extends TrimPlace & { rule: WholeRule }>(
  { client, keys }: { client: RedisClient; keys: Keys },
  places: readonly Place[],
): Promise<Place[]> {
  const pipeline = client.pipeline();
  for (const { pool, set, task } of places) {
    pipeline.zcard(task === "" ? keys.queue(pool, set) : keys.kept(set, pool, task));
  }
  const replies = (await pipeline.exec()) ?? [];
  return places.filter((place, index) => {
    const [error, count] = replies[index] ?? [];
    return error != null || Number(count) > place.rule.count;
  });
}

/**
 * KEYS histories: finished jobs of pools (sorted sets)
 * Returns the places, from 0, of those that exist. Asks for all at once, and for halves where there is one.
 */
const findHistories = new Script<number[]>({
  name: "findHistories",
  lua: `
local found = {}
local function find(first, last)
  if redis.call("EXISTS", unpack(KEYS, first, last)) == 0 then return end
  if first == last then
    found[#found + 1] = first - 1
    return
  end
  local middle = math.floor((first + last) / 2)
  find(first, middle)
  find(middle + 1, last)
end
find(1, #KEYS)
return found
`,
});
