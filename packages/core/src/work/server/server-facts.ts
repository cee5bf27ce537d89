import type { RedisClient } from "../../redis/connection/index.ts";

/** What a server says of itself (INFO). */
export interface ServerFacts {
  product: "Redis" | "Valkey";
  version: string;
  /** `standalone`, `cluster` or `sentinel`. */
  mode: string;
  /** `master` or `slave`. */
  role: string;
  /** ms */
  uptime: number;
  memory: {
    /** Bytes of data and of what the server needs for it. */
    used: number;
    /** The most that it was. */
    peak: number;
    /** What the process has of the machine; null = it does not say. */
    resident: number | null;
    /** Most bytes; null = as many as the machine has. */
    limit: number | null;
    /** What it does at the limit; anything but `noeviction` loses tasks. */
    policy: string;
  };
  persistence: {
    isLoading: boolean;
    /** Last snapshot, epoch ms; null = there was none. */
    snapshotAt: number | null;
    isSnapshotGood: boolean;
    /** Writes since then. */
    unsaved: number;
    appendOnly: boolean;
    isAppendGood: boolean;
  };
  /** Keys of all databases of this server. */
  keys: number;
  connections: { open: number; blocked: number; limit: number | null; refused: number };
  /** Commands in the last second. */
  commandsPerSecond: number;
  evicted: number;
}

/** One server, or the first one of a cluster that has slots. */
export async function readServerFacts(client: RedisClient): Promise<ServerFacts> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  const texts = await Promise.all(nodes.map((node) => node.info()));
  const all = texts.map(parse);
  const facts = all[0] ?? new Map<string, string>();
  const number = (name: string, from = facts): number => Number(from.get(name) ?? 0) || 0;
  const sum = (name: string): number => all.reduce((total, one) => total + number(name, one), 0);
  const orNull = (value: number): number | null => (value === 0 ? null : value);
  const saved = number("rdb_last_save_time") * 1_000;
  return {
    product: facts.has("valkey_version") ? "Valkey" : "Redis",
    version: facts.get("valkey_version") ?? facts.get("redis_version") ?? "",
    mode: facts.get("server_mode") ?? facts.get("redis_mode") ?? "standalone",
    role: facts.get("role") ?? "",
    uptime: number("uptime_in_seconds") * 1_000,
    memory: {
      used: sum("used_memory"),
      peak: sum("used_memory_peak"),
      resident: orNull(sum("used_memory_rss")),
      limit: orNull(sum("maxmemory")),
      policy: facts.get("maxmemory_policy") ?? "noeviction",
    },
    persistence: {
      isLoading: sum("loading") > 0,
      snapshotAt: orNull(saved),
      isSnapshotGood: all.every((one) => (one.get("rdb_last_bgsave_status") ?? "ok") === "ok"),
      unsaved: sum("rdb_changes_since_last_save"),
      appendOnly: all.every((one) => one.get("aof_enabled") === "1"),
      isAppendGood: all.every((one) => (one.get("aof_last_write_status") ?? "ok") === "ok"),
    },
    keys: all.reduce((total, one) => total + keysOf(one), 0),
    connections: {
      open: sum("connected_clients"),
      blocked: sum("blocked_clients"),
      limit: orNull(sum("maxclients")),
      refused: sum("rejected_connections"),
    },
    commandsPerSecond: sum("instantaneous_ops_per_sec"),
    evicted: sum("evicted_keys"),
  };
}

function parse(text: string): Map<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const [, name, value] = /^([^#:]+):(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function keysOf(facts: ReadonlyMap<string, string>): number {
  let keys = 0;
  for (const [name, value] of facts) if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0);
  return keys;
}
