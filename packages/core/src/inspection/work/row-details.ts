import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { announcedOptions } from "../../tasks/index.ts";
import { decode, decodeUnits, forViewing } from "../../wire/codec/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import type { HostRecord } from "../../wire/records/records.ts";
import { announcedTasks } from "../../work/fleet/index.ts";
import type { HeldBack } from "../../work/submission/task-view.ts";
import { readPoolCounts } from "./pool-counts.ts";

/** What a list shows of a task besides its row. */
export interface RowDetails {
  /** Argument list, or the list of its units; undefined: it is too long for a list, or cannot be read. */
  args: unknown;
  /** Tries allowed in total. */
  attempts: number;
  priority: number | null;
  /** When a delayed one may start, or the rate of the limit that holds it back allows that, epoch ms. */
  dueAt: number | null;
  /**
   * Why one that waits does not start: no host knows it, a limit holds it back, its pool is paused, or all that may run at once
   * in the pool do.
   */
  why: "unserved" | "limited" | "paused" | "full" | null;
}

/** Longest data of a job that is read for a list, bytes. */
const LONGEST_DATA = 8_192;
/** BullMQ multiplies the time at which a delayed job is due. */
const DELAYED_STEP = 0x1000;

/** What is known of a task of the page. */
interface RowOfTask {
  pool: string;
  id: string;
  name: string;
  state: string;
  limit: HeldBack | null;
}

/** Reads more of the tasks of one page, in their order. */
export async function readRowDetails(
  { client, keys }: { client: RedisClient; keys: Keys },
  { rows, hosts }: { rows: readonly RowOfTask[]; hosts: readonly HostRecord[] },
): Promise<RowDetails[]> {
  if (rows.length === 0) return [];
  const announced = announcedTasks(hosts);
  const pools = [...new Set(rows.filter(({ state }) => WAITING.has(state)).map(({ pool }) => pool))];
  const [parts, reading] = await Promise.all([
    rowParts.run(
      client,
      rows.flatMap(({ pool, id }) => [keys.job(pool, id), keys.queue(pool, "delayed")]),
      [LONGEST_DATA, ...rows.map(({ id }) => id)],
    ),
    pools.length === 0 ? null : readPoolCounts(client, keys, pools),
  ]);
  return rows.map((row, index): RowDetails => {
    const [data, opts, priority, due] = parts[index] ?? ["", "", "", ""];
    const counts = reading?.counts[pools.indexOf(row.pool)];
    const limit = counts?.globalConcurrency ?? null;
    const isFull = counts !== undefined && limit !== null && counts.jobs.active >= limit;
    return {
      args: argumentsIn(data),
      attempts: attemptsIn(opts) || announcedOptions(announced.get(row.name)).attempts || 1,
      priority: Number(priority) || null,
      dueAt: row.limit ? row.limit.nextAt : due === "" ? null : Math.floor(Number(due) / DELAYED_STEP),
      why: row.limit
        ? "limited"
        : row.state === "blocked"
          ? "unserved"
          : counts?.paused
            ? "paused"
            : isFull
              ? "full"
              : null,
    };
  });
}

const WAITING: ReadonlySet<string> = new Set(["waiting", "prioritized"]);

function argumentsIn(data: string): unknown {
  if (data === "") return undefined;
  try {
    const { args, encodedArgs, units } = JSON.parse(data) as JobEnvelope;
    if (args !== undefined) return args;
    if (encodedArgs !== undefined) return forViewing(() => decode(Buffer.from(encodedArgs, "base64")));
    return units === undefined ? [] : forViewing(() => decodeUnits(units));
  } catch {
    return undefined;
  }
}

function attemptsIn(opts: string): number {
  try {
    return Number((JSON.parse(opts) as { attempts?: unknown }).attempts) || 0;
  } catch {
    return 0;
  }
}

/**
 * KEYS of each task: the hash of its job, and the delayed jobs of its pool
 * ARGV[1] longest data that is told, bytes; ARGV[2..] ids of the jobs
 * Returns for each {data, or "" when it is longer; options; priority; score among the delayed ones, or ""}.
 */
const rowParts = new Script<[data: string, opts: string, priority: string, due: string][]>({
  name: "rowParts",
  lua: `
local rows = {}
for index = 2, #ARGV do
  local job, delayed = KEYS[2 * index - 3], KEYS[2 * index - 2]
  local is_short = redis.call("HSTRLEN", job, "data") <= tonumber(ARGV[1])
  local data = is_short and redis.call("HGET", job, "data") or ""
  local fields = redis.call("HMGET", job, "opts", "priority")
  rows[index - 1] = {data, fields[1] or "", fields[2] or "", redis.call("ZSCORE", delayed, ARGV[index]) or ""}
end
return rows
`,
});
