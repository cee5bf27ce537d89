import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";

/** What takes memory. */
export const MEMORY_KINDS = ["tasks", "history", "results", "objects", "index", "figures", "other"] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

export interface MemorySample {
  /** Bytes of the namespace by what takes them, as far as the sample says. */
  bytes: Record<MemoryKind, number>;
  /** Keys that were looked at, of how many of the server, and how many of these are in the namespace. */
  looked: number;
  keys: number;
  own: number;
  /** Every key was looked at. */
  isWhole: boolean;
}

/** Keys that are looked at, at most: of more, a part is taken for all. */
const MOST_LOOKED = 2_000;
/** Lists and streams of so many pools are measured one by one: they are few and large, and a sample would miss them. */
const MOST_POOLS = 100;
const SCANNED = 500;
const PARTS = ["wait", "active", "prioritized", "delayed", "completed", "failed", "events"] as const;
const HISTORY = new Set(["completed", "failed", "events"]);

/**
 * Memory by what takes it. Keys are met in the order of their hash, so the first ones are as good a sample as any; large lists
 * of pools are measured by themselves. The server counts what is in a key by a few of its parts.
 * @throws what Redis says when it refuses MEMORY USAGE or SCAN
 */
export async function sampleMemory(
  { client, keys }: { client: RedisClient; keys: Keys },
  total: number,
  pools: readonly string[],
): Promise<MemorySample> {
  const bytes = Object.fromEntries(MEMORY_KINDS.map((kind) => [kind, 0])) as Record<MemoryKind, number>;
  const lists = pools
    .slice(0, MOST_POOLS)
    .flatMap((pool) => PARTS.map((part) => ({ key: keys.queue(pool, part), part })));
  const sizes = await measure(
    client,
    lists.map(({ key }) => key),
  );
  for (const [index, { part }] of lists.entries()) bytes[HISTORY.has(part) ? "history" : "tasks"] += sizes[index] ?? 0;
  const measured = new Set(lists.map(({ key }) => key));

  const { found, isWhole } = await scan(client);
  const own = found.filter((key) => key.startsWith(keys.queuePrefix));
  // A user may have no rights on the keys of others.
  const rest = own.filter((key) => !measured.has(key));
  const [usage, kinds] = await Promise.all([measure(client, rest), kindsOf({ client, keys }, rest)]);
  const share = isWhole || found.length === 0 ? 1 : Math.max(1, total / found.length);
  for (const [index, size] of usage.entries()) bytes[kinds[index] ?? "other"] += size * share;
  for (const kind of MEMORY_KINDS) bytes[kind] = Math.round(bytes[kind]);
  const all = isWhole ? found.length : Math.max(total, found.length);
  return { bytes, looked: found.length, keys: all, own: Math.round(own.length * share), isWhole };
}

async function scan(client: RedisClient): Promise<{ found: string[]; isWhole: boolean }> {
  const found = new Set<string>();
  for (const node of "nodes" in client ? client.nodes("master") : [client]) {
    for (let cursor = "0"; ; ) {
      const [next, some] = await node.scan(cursor, "COUNT", SCANNED);
      for (const key of some) found.add(key);
      if (next === "0") break;
      if (found.size >= MOST_LOOKED) return { found: [...found].slice(0, MOST_LOOKED), isWhole: false };
      cursor = next;
    }
  }
  return { found: [...found], isWhole: true };
}

async function measure(client: RedisClient, keys: readonly string[]): Promise<number[]> {
  if (keys.length === 0) return [];
  const pipeline = client.pipeline();
  for (const key of keys) pipeline.memory("USAGE", key);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, size]) => {
    if (error) throw error;
    return Number(size ?? 0);
  });
}

/** Of a job it is asked whether it has ended. */
async function kindsOf(
  { client, keys }: { client: RedisClient; keys: Keys },
  found: readonly string[],
): Promise<MemoryKind[]> {
  const jobs = found.filter((key) => key.startsWith(keys.queues));
  const pipeline = client.pipeline();
  for (const key of jobs) pipeline.hexists(key, "finishedOn");
  const replies = jobs.length === 0 ? [] : ((await pipeline.exec()) ?? []);
  // What is no hash is a list or a log of a pool.
  const ended = new Set(jobs.filter((_, index) => replies[index]?.[1] === 1));
  return found.map((key) => kindOf(key, keys, ended));
}

function kindOf(key: string, keys: Keys, ended: ReadonlySet<string>): MemoryKind {
  if (key.startsWith(keys.queues))
    return ended.has(key) || /:(logs|completed|failed|events)$/.test(key) ? "history" : "tasks";
  const kind = /^[^/]*/.exec(key.slice(keys.prefix.length))?.[0] ?? "";
  if (/^(result|results|replies)$/.test(kind)) return "results";
  if (/^index(-|$)/.test(kind)) return "index";
  if (/^(rollup|errors?|audit|changes|server)$/.test(kind)) return "figures";
  if (/^(cancelled|kept.*|expiries|parked|away|bulk)$/.test(kind)) return "tasks";
  if (OBJECTS.test(kind)) return "objects";
  return "other";
}

const OBJECTS =
  /^(r?lock|read-write-lock|condition|semaphore|event|barrier|count-down-latch|rate-limiter|queue|joinable-queue|simple-queue|pipe|dict|list|set|namespace|value|array|registered|manager|objects)(-|$)/;
