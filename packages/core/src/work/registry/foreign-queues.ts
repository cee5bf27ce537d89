import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script, SERVER_TIME } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { KEPT_EVENTS } from "../../wire/records/job.ts";
import { isPoolName } from "../../wire/records/pool-name.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";

/** A queue of BullMQ in the namespace that is no pool although jobs wait in it. */
export interface ForeignQueue {
  name: string;
  /** Jobs that wait, with and without a priority, or are delayed. */
  waiting: number;
}

/** Keys that one call of `SCAN` looks at, and calls in one look. */
const SCAN_COUNT = 1_000;
const SCANS = 5;
/** Pools at whose settings one look looks. */
const SETTINGS = 20;
/** What a look at the queues of a namespace is to do. */
export interface LookOptions {
  /** Looks that come sooner after another host's do nothing, ms. */
  interval: Milliseconds;
  /** Time between the two looks that find a queue, ms: one that is being removed is gone by then. */
  secondLook: Milliseconds;
}

/** What a look found. */
export interface LookAtQueues {
  /** Queues that are no pool, and that a look before this one found as well; null when this user may not `SCAN`. */
  queues: ForeignQueue[] | null;
  /** At what some pools are capped in BullMQ's settings, "" = not at all. */
  caps: [pool: string, cap: string][];
}

/**
 * One look at a part of the keys, the next part with each look, so that each costs the same however many keys and pools
 * there are. It also looks at the settings of some pools, in turns, which tools of BullMQ may have changed: it gives their
 * event streams the bound back which the `Queue` of another client raises, and says what their caps are.
 */
export async function lookForForeignQueues(
  client: RedisClient,
  keys: Keys,
  { interval, secondLook }: LookOptions,
): Promise<LookAtQueues> {
  const [caps, rows] = await lookAtQueues.run(
    client,
    [keys.queueSearch, keys.pools],
    [keys.queues, interval, secondLook, SCANS, SCAN_COUNT, KEPT_EVENTS, SETTINGS],
  );
  const queues = rows?.map(([name, waiting]) => ({ name, waiting })).filter(({ name }) => mayBePool(name)) ?? null;
  return { queues, caps };
}

/** All of them, for a command: reads every key of the server. */
export async function findForeignQueues(client: RedisClient, keys: Keys): Promise<ForeignQueue[]> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  const [before, after] = [keys.queues, ":meta"];
  const names = new Set<string>();
  for (const node of nodes) {
    for (let cursor = "0"; ; ) {
      const [next, found] = await node.scan(cursor, "MATCH", `${before}*${after}`, "COUNT", SCAN_COUNT);
      for (const key of found) names.add(key.slice(before.length, -after.length));
      if (next === "0") break;
      cursor = next;
    }
  }
  const pools = new Set(await client.hkeys(keys.pools));
  const queues: ForeignQueue[] = [];
  for (const name of [...names].sort()) {
    if (pools.has(name) || !mayBePool(name)) continue;
    const counts = await Promise.all(
      [
        client.llen(keys.queue(name, "wait")),
        client.llen(keys.queue(name, "paused")),
        client.zcard(keys.queue(name, "prioritized")),
        client.zcard(keys.queue(name, "delayed")),
      ].map((count) => count.catch(noneIfWrongType)),
    );
    const waiting = counts.reduce((sum, count) => sum + count, 0);
    if (waiting > 0) queues.push({ name, waiting });
  }
  return queues;
}

function noneIfWrongType(error: unknown): number {
  if (isWrongType(error)) return 0;
  throw error;
}

/** Queues of processes, and what an unnamed pool left that has just been removed, are not to be served. */
function mayBePool(name: string): boolean {
  return isPoolName(name) && !/^pool-[0-9a-f]{16}-[0-9a-z]+$/.test(name);
}

/**
 * KEYS[1] hash: `at` (server time of the last look, ms), `cursor` (where the next one goes on), `turn` (the pool after which
 * the next one looks at settings), `seen:<queue>` (server time of the first look that found it, ms); KEYS[2] registry of
 * pools
 * ARGV[1] what keys of queues begin with; ARGV[2] shortest time between two looks, ms; ARGV[3] time between the two
 * looks that find a queue, ms; ARGV[4] calls of SCAN; ARGV[5] their COUNT; ARGV[6] entries of an event stream; ARGV[7] pools
 * whose settings it looks at
 * Returns {for each of these pools {name, its cap, "" = none}, for each queue that is no pool {name, jobs that wait}}; the
 * second is absent when SCAN is refused.
 */
const lookAtQueues = new Script<[caps: [string, string][], queues?: [string, number][]]>({
  name: "lookAtQueues",
  lua: `${SERVER_TIME}
local now = server_time()
-- What cannot be read here is only how far the last look came: it begins again.
local kind = redis.call("TYPE", KEYS[1]).ok
if kind ~= "hash" and kind ~= "none" then redis.call("DEL", KEYS[1]) end
local known = redis.call("HMGET", KEYS[1], "at", "cursor", "turn")
local last = tonumber(known[1] or "")
if last and last <= now and now - last < tonumber(ARGV[2]) then return {{}, {}} end
local pools = redis.call("HKEYS", KEYS[2])
local is_pool = {}
for _, pool in ipairs(pools) do is_pool[pool] = true end
table.sort(pools)
local first = 1
while pools[first] and known[3] and pools[first] <= known[3] do first = first + 1 end
if first > #pools then first = 1 end
local turn, caps = "", {}
for place = first, math.min(#pools, first + tonumber(ARGV[7]) - 1) do
  turn = pools[place]
  local meta = ARGV[1] .. turn .. ":meta"
  local settings = redis.pcall("HMGET", meta, "opts.maxLenEvents", "concurrency")
  local bound = settings[1]
  if bound and bound ~= ARGV[6] then redis.call("HSET", meta, "opts.maxLenEvents", ARGV[6]) end
  if not settings.err then caps[#caps + 1] = {turn, settings[2] or ""} end
end
local cursor = string.match(known[2] or "", "^%d+$") or "0"
local rows = {}
local function count(command, key)
  local reply = redis.pcall(command, key)
  return type(reply) == "number" and reply or 0
end
local pattern = string.gsub(ARGV[1], "[%*%?%[%]\\\\]", "\\\\%0") .. "*:meta"
for _ = 1, tonumber(ARGV[4]) do
  local reply = redis.pcall("SCAN", cursor, "MATCH", pattern, "COUNT", ARGV[5])
  if reply.err then return {caps} end
  cursor = reply[1]
  for _, key in ipairs(reply[2]) do
    local queue = string.sub(key, 1, -5)
    local name = string.sub(key, #ARGV[1] + 1, -6)
    if not is_pool[name] then
      local waiting = count("LLEN", queue .. "wait") + count("LLEN", queue .. "paused")
        + count("ZCARD", queue .. "prioritized") + count("ZCARD", queue .. "delayed")
      local seen = tonumber(redis.call("HGET", KEYS[1], "seen:" .. name) or "")
      if waiting == 0 then
        redis.call("HDEL", KEYS[1], "seen:" .. name)
      elseif not seen then
        redis.call("HSET", KEYS[1], "seen:" .. name, string.format("%.0f", now))
      elseif now - seen >= tonumber(ARGV[3]) then
        rows[#rows + 1] = {name, waiting}
      end
    end
  end
  if cursor == "0" then break end
end
redis.call("HSET", KEYS[1], "at", string.format("%.0f", now), "cursor", cursor, "turn", turn)
redis.call("PEXPIRE", KEYS[1], 3600000)
return {caps, rows}
`,
});
