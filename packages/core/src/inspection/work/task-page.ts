import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys, QueuePart } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import type { TaskState } from "../../work/submission/task-view.ts";

/** One list or sorted set in which tasks of one state are. */
export interface TaskSource {
  pool: string;
  state: TaskState;
  key: string;
  isList: boolean;
  /** Number of tasks. */
  size: number;
}

/** What has to be read of a source for a page. */
export interface TaskRange {
  source: TaskSource;
  from: number;
  /** Behind the last one. */
  to: number;
}

/** Where a page is: the ranges hold it and `skip` tasks that come before it. */
export interface TaskPage {
  ranges: TaskRange[];
  skip: number;
}

/** States whose tasks stand in the order of their last change, the newest first. The others stand in another order. */
const BY_TIME: readonly TaskState[] = ["waiting", "active", "completed", "failed", "cancelled"];
/** So many tasks are rather read than searched for a place to begin. */
const FEW = 100;

/** The lists and sorted sets of pools that hold any task of these states. Those of failed ones hold the cancelled ones, too. */
export async function taskSources(
  client: RedisClient,
  keys: Keys,
  search: { pools: readonly string[]; states: readonly TaskState[] },
): Promise<TaskSource[]> {
  const pipeline = client.pipeline();
  const sources: TaskSource[] = [];
  for (const pool of search.pools) {
    for (const state of search.states) {
      for (const key of keysOf(keys, pool, state)) {
        const isList = state === "waiting" || state === "active";
        sources.push({ pool, state, key, isList, size: 0 });
        if (isList) pipeline.llen(key);
        else pipeline.zcard(key);
      }
    }
  }
  const replies = (await pipeline.exec()) ?? [];
  for (const [index, source] of sources.entries()) source.size = Number(replies[index]?.[1] ?? 0);
  return sources.filter(({ size }) => size > 0);
}

function keysOf(keys: Keys, pool: string, state: TaskState): string[] {
  if (state === "unknown" || state === "blocked") return [];
  if (state === "cancelled") return [keys.cancelled(pool)];
  const parts: QueuePart[] = state === "waiting" ? ["wait", "paused"] : [state];
  return parts.map((part) => keys.queue(pool, part));
}

/**
 * Finds a page of the tasks of several sources without reading what comes before it. Of one source it is a range. Of
 * several, the time before which it begins is searched: each of them is asked how many newer tasks it has. Sources that are
 * not in the order of time are read from their beginning.
 */
export async function findTaskPage(
  client: RedisClient,
  keys: Keys,
  { sources, offset, limit }: { sources: TaskSource[]; offset: number; limit: number },
): Promise<TaskPage> {
  if (sources.length === 1) return { ranges: sources.map((source) => cut(source, offset, limit)), skip: 0 };
  const inOrder = sources.filter(({ state }) => BY_TIME.includes(state));
  const others = sources
    .filter(({ state }) => !BY_TIME.includes(state))
    .map((source) => cut(source, 0, offset + limit));
  // Any number of these may come before the page.
  const read = others.reduce((sum, { to }) => sum + to, 0);
  const windows = await narrow(client, keys, { sources: inOrder, skip: Math.max(0, offset - read) });
  const skipped = windows.reduce((sum, { from }) => sum + from, 0);
  const skip = offset - skipped;
  return { ranges: [...windows.map(({ source, from }) => cut(source, from, skip + limit)), ...others], skip };
}

function cut(source: TaskSource, from: number, count: number): TaskRange {
  return { source, from: Math.min(from, source.size), to: Math.min(from + count, source.size) };
}

/** @returns for each source a window; what is before it is among the first `skip`, what is behind it is not */
async function narrow(
  client: RedisClient,
  keys: Keys,
  { sources, skip }: { sources: TaskSource[]; skip: number },
): Promise<TaskRange[]> {
  let windows = sources.map((source) => cut(source, 0, skip));
  const width = (): number => windows.reduce((sum, { from, to }) => sum + to - from, 0);
  if (width() <= FEW) return windows;
  let oldest = 0;
  // Clocks of programs that submit may be ahead.
  let newest = 2 * Date.now();
  while (width() > FEW && newest - oldest > 1) {
    const time = Math.floor((oldest + newest) / 2);
    const newer = await countNewer(client, keys, { windows, time });
    const total = newer.reduce((sum, count) => sum + count, 0);
    if (total <= skip) newest = time;
    else oldest = time;
    windows = windows.map((window, index) => {
      const place = newer[index] ?? 0;
      return total <= skip ? { ...window, from: place } : { ...window, to: place };
    });
  }
  return windows;
}

async function countNewer(
  client: RedisClient,
  keys: Keys,
  { windows, time }: { windows: TaskRange[]; time: number },
): Promise<number[]> {
  const args = windows.flatMap(({ source, from, to }) => [
    keys.jobs(source.pool),
    source.isList ? "list" : "set",
    from,
    to,
  ]);
  return newerTasks.run(
    client,
    windows.map(({ source }) => source.key),
    [time, ...args],
  );
}

/**
 * KEYS lists and sorted sets of job ids, the newest at the left of a list and at the end of a set
 * ARGV[1] time, epoch ms; then for each key: beginning of the keys of its jobs, "list" or "set", and the window in which
 * the answer is, [from, to)
 * Returns for each key how many of its jobs have last changed after that time.
 */
const newerTasks = new Script<number[]>({
  name: "newerTasks",
  lua: `
local time = tonumber(ARGV[1])
local function is_newer(key, jobs, kind, place)
  local id
  if kind == "list" then id = redis.call("LINDEX", key, place)
  else id = redis.call("ZREVRANGE", key, place, place)[1] end
  if not id then return false end
  -- Of what is no job nothing is known: it counts as the oldest.
  local times = redis.pcall("HMGET", jobs .. id, "finishedOn", "processedOn", "timestamp")
  return (tonumber(times[1] or times[2] or times[3]) or 0) > time
end
local counts = {}
for index, key in ipairs(KEYS) do
  local jobs, kind = ARGV[4 * index - 2], ARGV[4 * index - 1]
  local from, to = tonumber(ARGV[4 * index]), tonumber(ARGV[4 * index + 1])
  -- Most times that are asked for are outside of the window.
  if from < to and not is_newer(key, jobs, kind, from) then to = from end
  if from < to and is_newer(key, jobs, kind, to - 1) then from = to end
  while from < to do
    local middle = math.floor((from + to) / 2)
    if is_newer(key, jobs, kind, middle) then from = middle + 1 else to = middle end
  end
  counts[index] = from
end
return counts
`,
});
