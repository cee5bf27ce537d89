import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script, SERVER_TIME, SET_ASIDE } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import { MEMORY_KINDS, type MemoryKind, sampleMemory } from "./memory-sample.ts";
import { readServerFacts } from "./server-facts.ts";

/** How the server was at a time. */
export interface ServerPoint {
  /** Epoch ms of the server. */
  at: number;
  /** Bytes. */
  used: number;
  limit: number | null;
  keys: number;
  connections: number;
  commandsPerSecond: number;
  /** Bytes by what takes them; null = Redis does not let the hosts ask. */
  bytes: Record<MemoryKind, number> | null;
}

/** How often hosts note the figures, and how many are kept: a week. */
export const SERVER_INTERVAL: Milliseconds = 300_000;
const MOST_POINTS = 2_016;
const POINTS_KEPT: Milliseconds = 8 * 86_400_000;

/** Notes how the server is. One host does it for the fleet. @param pools - Names of the pools */
export async function noteServer(
  { client, keys }: { client: RedisClient; keys: Keys },
  pools: readonly string[],
): Promise<void> {
  const facts = await readServerFacts(client);
  const sample = mayNotMeasure.has(client)
    ? null
    : await sampleMemory({ client, keys }, facts.keys, pools).catch(refused);
  if (sample === null) mayNotMeasure.add(client);
  const point: Omit<ServerPoint, "at"> = {
    used: facts.memory.used,
    limit: facts.memory.limit,
    keys: facts.keys,
    connections: facts.connections.open,
    commandsPerSecond: facts.commandsPerSecond,
    bytes: sample?.bytes ?? null,
  };
  await notePoint.run(client, [keys.server], [JSON.stringify(point)]);
}

/** Without the right, the figures of the server alone are noted; asked again, Redis would log each refusal. */
const mayNotMeasure = new WeakSet<RedisClient>();

function refused(error: Error): null {
  if (/NOPERM|no permissions|unknown (sub)?command/i.test(error.message)) return null;
  throw error;
}

/** What was noted since a time, the oldest first. */
export async function readServerTrend(
  { client, keys }: { client: RedisClient; keys: Keys },
  since: number,
): Promise<ServerPoint[]> {
  const rows = await client.xrange(keys.server, String(since), "+").catch((error: unknown): [string, string[]][] => {
    if (isWrongType(error)) return [];
    throw error;
  });
  return rows.flatMap(([id, fields]) => {
    const point = parse(fields[1] ?? "");
    return point === null ? [] : [{ ...point, at: Number(id.split("-")[0]) }];
  });
}

function parse(text: string): Omit<ServerPoint, "at"> | null {
  try {
    const read = JSON.parse(text) as Partial<Omit<ServerPoint, "at">>;
    const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
    const { bytes } = read;
    return {
      used: number(read.used),
      limit: typeof read.limit === "number" ? read.limit : null,
      keys: number(read.keys),
      connections: number(read.connections),
      commandsPerSecond: number(read.commandsPerSecond),
      bytes:
        typeof bytes === "object" && bytes !== null
          ? (Object.fromEntries(MEMORY_KINDS.map((kind) => [kind, number(bytes[kind])])) as ServerPoint["bytes"])
          : null,
    };
  } catch {
    return null;
  }
}

/**
 * KEYS[1] stream: how the server was
 * ARGV[1] figures as JSON
 * Notes them; leaves about 2 016.
 * Returns 1.
 */
const notePoint = new Script<number>({
  name: "noteServer",
  lua: `${SET_ASIDE}
set_aside(KEYS[1], "stream")
${SERVER_TIME}
redis.call("XADD", KEYS[1], "MAXLEN", "~", ${MOST_POINTS}, "*", "figures", ARGV[1])
redis.call("XTRIM", KEYS[1], "MINID", "~", string.format("%.0f", server_time() - ${POINTS_KEPT}))
redis.call("PEXPIRE", KEYS[1], ${POINTS_KEPT})
return 1
`,
});
