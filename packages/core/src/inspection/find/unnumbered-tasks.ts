import type { QueuePart } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { BUCKET, CHUNK, SPARSE_ZERO } from "../../redis/task-index/index.ts";
import type { FindSpec } from "./find-lua.ts";
import { type FindContext, type Found, readPlaces } from "./find-rows.ts";
import type { CheckedQuery, FindState } from "./task-query.ts";

/** Tasks of a pool and state that are looked at where the index does not know all tasks of the pool. */
export const MOST_UNNUMBERED = 5_000;
const SLICE = 500;

/** Lists and sorted sets of BullMQ, and the states of what is in them. */
const PARTS: readonly [part: QueuePart, states: readonly FindState[]][] = [
  ["wait", ["waiting", "blocked"]],
  ["paused", ["waiting", "blocked"]],
  ["active", ["active"]],
  ["prioritized", ["prioritized", "blocked"]],
  ["delayed", ["delayed", "waiting", "prioritized", "blocked"]],
  ["waiting-children", ["waiting-children"]],
  ["failed", ["failed", "cancelled"]],
  ["completed", ["completed"]],
];

/** Which tasks the index does not know. */
interface Coverage {
  /** Pools with such tasks, and how many they are. */
  missing: Map<string, number>;
  /** Nothing is in the index. */
  isEmpty: boolean;
}

/**
 * Finds tasks that the index does not know: other clients of BullMQ number none, and a host does so only when it takes one.
 * They are found where the counts of a pool differ.
 *
 * @returns what fits the query; `notes`: what was not looked at
 */
export async function findUnnumbered(
  context: FindContext,
  query: CheckedQuery,
  search: { spec: FindSpec; most: number; deadline: number },
): Promise<{ found: Found[]; notes: string[] }> {
  const { missing, isEmpty } = await readCoverage(context, query.pool);
  const found: Found[] = [];
  let skipped = 0;
  for (const [pool, count] of missing) {
    const read = await findInPool(context, query, { ...search, pool, count });
    found.push(...read.found);
    skipped += read.skipped;
  }
  const notes: string[] = [];
  if (skipped > 0) {
    const why = isEmpty ? "no task is in the index yet" : `${skipped} tasks are not in the index yet`;
    notes.push(`${why}: of those only the newest ${search.most} of each pool and state were searched`);
  }
  return { found, notes };
}

async function findInPool(
  context: FindContext,
  { states }: CheckedQuery,
  search: { spec: FindSpec; most: number; deadline: number; pool: string; count: number },
): Promise<{ found: Found[]; skipped: number }> {
  const { client, keys } = context;
  const { spec, most, deadline, pool, count } = search;
  const found: Found[] = [];
  let seen = 0;
  let isCut = false;
  const wanted = PARTS.filter(([, within]) => states === null || within.some((state) => states.includes(state)));
  for (const [part] of wanted) {
    const key = keys.queue(pool, part);
    const isList = part === "wait" || part === "paused" || part === "active";
    for (let from = 0; seen < count; from += SLICE) {
      if (from >= most || performance.now() > deadline) {
        isCut = true;
        break;
      }
      const to = Math.min(from + SLICE, most) - 1;
      // New jobs enter their list at the left and their sorted set at the end.
      const ids = isList ? await client.lrange(key, from, to) : await client.zrange(key, from, String(to), "REV");
      const places = ids.map((id) => [pool, id] as const);
      const read = await readPlaces(context, spec, { places, unnumberedOnly: true });
      seen += read.unnumbered;
      found.push(...read.found);
      if (ids.length < to + 1 - from) break;
    }
  }
  return { found, skipped: isCut ? Math.max(0, count - seen) : 0 };
}

/** Compares what BullMQ has with what the index has: all pools together, and each one where that differs. */
async function readCoverage(context: FindContext, pool: string | null): Promise<Coverage> {
  const { client, keys } = context;
  const missing = new Map<string, number>();
  const [counts, indexed] = await Promise.all([
    countJobs(context, context.pools),
    countAll.run(client, [keys.taskIndex], [keys.prefix]),
  ]);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (indexed === total) return { missing, isEmpty: false };
  let known = 0;
  const searched = context.pools.map((name, place) => ({ name, count: counts[place] ?? 0 }));
  await Promise.all(
    searched.map(async ({ name, count }) => {
      if (count === 0 || (pool !== null && name !== pool)) return;
      const ofPool = indexed === 0 ? 0 : await countPool(context, name);
      known += ofPool;
      if (count > ofPool) missing.set(name, count - ofPool);
    }),
  );
  return { missing, isEmpty: known === 0 };
}

async function countPool({ client, keys }: FindContext, pool: string): Promise<number> {
  const [first, next] = (await client.hmget(keys.taskIndex, "first", "next")).map(Number);
  const chunks: Promise<number>[] = [];
  for (let chunk = Math.floor((first ?? 0) / CHUNK); chunk * CHUNK < (next ?? 0); chunk += 1) {
    chunks.push(countInChunk.run(client, [keys.taskIndex], [keys.prefix, pool, chunk]));
  }
  return (await Promise.all(chunks)).reduce((sum, count) => sum + count, 0);
}

async function countJobs({ client, keys }: FindContext, pools: readonly string[]): Promise<number[]> {
  if (pools.length === 0) return [];
  const pipeline = client.pipeline();
  for (const pool of pools) {
    for (const [part] of PARTS) {
      if (part === "wait" || part === "paused" || part === "active") pipeline.llen(keys.queue(pool, part));
      else pipeline.zcard(keys.queue(pool, part));
    }
  }
  const replies = (await pipeline.exec()) ?? [];
  return pools.map((_, place) =>
    replies
      .slice(place * PARTS.length, (place + 1) * PARTS.length)
      .reduce((sum, [error, count]) => sum + (error ? 0 : Number(count)), 0),
  );
}

/**
 * KEYS[1] state of the index (hash)
 * ARGV[1] what our keys begin with
 * Returns how many tasks of all pools the index knows.
 */
const countAll = new Script<number>({
  name: "countIndexedTasks",
  lua: `
local prefix = ARGV[1]
local state = redis.call("HMGET", KEYS[1], "next", "first")
local first, next_number = tonumber(state[2]) or 0, tonumber(state[1]) or 0
local known = 0
for chunk = math.floor(first / ${CHUNK}), math.floor((next_number - 1) / ${CHUNK}) do
  local low, high = math.max(first, chunk * ${CHUNK}), math.min(next_number, (chunk + 1) * ${CHUNK})
  local has_open = high == next_number and next_number % ${BUCKET} > 0
  if has_open or redis.call("EXISTS", prefix .. "index-values/" .. chunk) == 1 then
    known = known + high - low - redis.call("BITCOUNT", prefix .. "index/" .. chunk .. "/s=gone")
  end
end
return known
`,
});

/**
 * KEYS[1] state of the index (hash)
 * ARGV[1] what our keys begin with; ARGV[2] name of a pool; ARGV[3] number of a chunk
 * Returns how many tasks of the pool the index knows in the chunk.
 */
const countInChunk = new Script<number>({
  name: "countIndexedTasksOfPool",
  lua: `
local prefix, pool, chunk = ARGV[1], ARGV[2], tonumber(ARGV[3])
local next_number = tonumber(redis.call("HGET", KEYS[1], "next")) or 0
local base = prefix .. "index/" .. chunk .. "/"
local key, gone = base .. "p=" .. pool, base .. "s=gone"
local kind = redis.call("TYPE", key).ok
local has_gone = redis.call("EXISTS", gone) == 1
local known = 0
-- Bits that both have, by windows of 256 bytes: nothing is written.
local function count_both()
  local bits = {[0] = 0}
  for byte = 1, 255 do bits[byte] = bits[math.floor(byte / 2)] + byte % 2 end
  local count = 0
  for window = 0, 31 do
    local left = redis.call("GETRANGE", gone, window * 256, window * 256 + 255)
    local right = string.find(left, "[^%z]") and redis.call("GETRANGE", key, window * 256, window * 256 + 255) or ""
    for place = 1, math.min(#left, #right) do
      count = count + bits[bit.band(string.byte(right, place), string.byte(left, place))]
    end
  end
  return count
end
if kind == "string" then
  known = redis.call("BITCOUNT", key) - (has_gone and count_both() or 0)
elseif kind == "set" then
  known = redis.call("SCARD", key)
  if has_gone then
    for _, member in ipairs(redis.call("SMEMBERS", key)) do
      known = known - redis.call("GETBIT", gone, member + ${SPARSE_ZERO})
    end
  end
end
local open = next_number - next_number % ${BUCKET}
if math.floor(open / ${CHUNK}) ~= chunk then return known end
for place, record in ipairs(redis.call("LRANGE", prefix .. "index-tasks/" .. open / ${BUCKET}, 0, -1)) do
  if open + place - 1 < next_number and string.sub(record, 1, #pool + 1) == pool .. "\\n" then
    known = known + 1 - redis.call("GETBIT", gone, (open + place - 1) % ${CHUNK})
  end
end
return known
`,
});
