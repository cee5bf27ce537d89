import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import type { HostLogEntry } from "../../wire/records/records.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";

/** Lines that are kept of one host: warnings and errors, and others. */
const MOST_WARNINGS = 300;
const MOST_LINES = 300;
/** How long they are kept after the last one, ms: as long as hosts that are gone, and an hour. */
const WARNINGS_KEPT: Milliseconds = 86_400_000;
const LINES_KEPT: Milliseconds = 3_600_000;

/** Which lines of a host's log are wanted. */
export interface HostLogQuery {
  /** The last so many. @defaultValue 200 */
  limit?: number | undefined;
  /** The lowest level. @defaultValue "info" */
  level?: "info" | "warn" | "error" | undefined;
  /** Only later ones than this, epoch ms. */
  since?: number | undefined;
  /** Only those that contain it, in any case of letters. */
  text?: string | undefined;
}

/** A line of a host's log. */
export interface HostLogLine {
  /** Host's wall clock, ms. */
  at: number;
  level: "info" | "warn" | "error";
  message: string;
  /** What is known beside the words: pool, task, id, attempt, duration, ... */
  facts: { [name: string]: string | number | boolean };
}

/** The last lines of a host's log. */
export interface HostLogLines {
  /** Id and name of the host. */
  id: string;
  name: string;
  /** The oldest first. */
  lines: HostLogLine[];
}

/** Keeps lines of a host's log; the oldest ones make room. */
export async function keepHostLog(
  client: RedisClient,
  keys: Keys,
  { hostId, entries }: { hostId: string; entries: readonly HostLogEntry[] },
): Promise<void> {
  const lines = entries.filter(([, , level]) => level === "info").map((entry) => JSON.stringify(entry));
  const warnings = entries.filter(([, , level]) => level !== "info").map((entry) => JSON.stringify(entry));
  await keepLines.run(
    client,
    [keys.hostLog(hostId, "lines"), keys.hostLog(hostId, "warnings")],
    [MOST_LINES, LINES_KEPT, MOST_WARNINGS, WARNINGS_KEPT, lines.length, ...lines, ...warnings],
  );
}

export async function readHostLog(
  client: RedisClient,
  keys: Keys,
  { hostId, query }: { hostId: string; query: HostLogQuery },
): Promise<HostLogLine[]> {
  const { limit = 200, level = "info", since, text } = query;
  const parts = level === "info" ? (["lines", "warnings"] as const) : (["warnings"] as const);
  const read = await Promise.all(
    parts.map((part) => client.lrange(keys.hostLog(hostId, part), 0, -1).catch(noneIfWrongType)),
  );
  const wanted = text?.toLowerCase();
  return read
    .flat()
    .map(entryOf)
    .filter((entry) => entry !== null)
    .filter(([, at, of]) => (since === undefined || at > since) && (level !== "error" || of === "error"))
    .filter(
      ([, , , message, facts]) =>
        wanted === undefined || `${message} ${Object.values(facts).join(" ")}`.toLowerCase().includes(wanted),
    )
    .sort(([left], [right]) => left - right)
    .slice(-limit)
    .map(([, at, of, message, facts]) => ({ at, level: of, message, facts }));
}

/** Null for what is no line of ours. */
function entryOf(text: string): HostLogEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  const [number, at, level, message, facts] = value as unknown[];
  const isLevel = level === "info" || level === "warn" || level === "error";
  if (!Number.isFinite(number) || !Number.isFinite(at) || !isLevel || typeof message !== "string") return null;
  const isFacts = typeof facts === "object" && facts !== null && !Array.isArray(facts);
  const plain = Object.entries(isFacts ? facts : {}).filter(([, fact]) =>
    ["string", "number", "boolean"].includes(typeof fact),
  );
  return [number as number, at as number, level, message, Object.fromEntries(plain)];
}

function noneIfWrongType(error: unknown): string[] {
  if (isWrongType(error)) return [];
  throw error;
}

/**
 * KEYS[1] list of lines; KEYS[2] list of warnings and errors
 * ARGV[1] most lines; ARGV[2] how long they are kept, ms; ARGV[3], ARGV[4] the same of warnings; ARGV[5] number of lines;
 * then the lines, then the warnings
 * Returns 1.
 */
const keepLines = new Script<number>({
  name: "keepLines",
  lua: `
local first_warning = 6 + tonumber(ARGV[5])
local function keep(key, first, last, most, life)
  if first > last then return end
  if redis.call("TYPE", key).ok ~= "list" then redis.call("UNLINK", key) end
  -- A call of Lua takes some thousand values at most.
  for index = first, last, 1000 do
    redis.call("RPUSH", key, unpack(ARGV, index, math.min(last, index + 999)))
  end
  redis.call("LTRIM", key, -tonumber(most), -1)
  redis.call("PEXPIRE", key, life)
end
keep(KEYS[1], 6, first_warning - 1, ARGV[1], ARGV[2])
keep(KEYS[2], first_warning, #ARGV, ARGV[3], ARGV[4])
return 1
`,
});
