import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";

/** A command that took the server long, and everyone else waited. */
export interface SlowCommand {
  /** Epoch ms. */
  at: number;
  /** ms */
  took: number;
  command: string;
  /** Keys of the namespace in it; never values. */
  keys: string[];
  /** Name of the connection that sent it. */
  client: string;
}

const MOST = 128;
const MOST_KEYS = 3;
const LONGEST_KEY = 200;

/** The latest slow commands on keys of the namespace, the latest first, as far back as the server remembers. */
export async function readSlowCommands(client: RedisClient, keys: Keys): Promise<SlowCommand[]> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  const logs = await Promise.all(nodes.map((node) => node.call("SLOWLOG", "GET", MOST)));
  return logs
    .flatMap((log) => (Array.isArray(log) ? log : []).flatMap((entry) => read(entry, keys)))
    .sort((left, right) => right.at - left.at);
}

function read(entry: unknown, keys: Keys): SlowCommand[] {
  const [, seconds, micros, words, , name] = Array.isArray(entry) ? entry : [];
  if (!Array.isArray(words)) return [];
  const [command = "", ...rest] = words.map(String);
  const begin = keys.queuePrefix;
  const own = rest.filter((word) => word.startsWith(`${begin}:`) || word.startsWith(`${begin}/`));
  if (own.length === 0) return [];
  return [
    {
      at: Number(seconds) * 1_000,
      took: Number(micros) / 1_000,
      command: command.toUpperCase().slice(0, 30),
      keys: own.slice(0, MOST_KEYS).map((key) => key.slice(0, LONGEST_KEY)),
      client: String(name ?? "").slice(0, LONGEST_KEY),
    },
  ];
}
