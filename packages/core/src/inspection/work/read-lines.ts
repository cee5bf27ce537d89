import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { Script } from "../../redis/script/index.ts";
import { JOB_LINE_TIMES_FIELD, JOB_LOG_DROPPED_FIELD } from "../../wire/records/job.ts";
import type { TaskPlace } from "../../work/submission/find-task.ts";

/** How bad a line says that it is, as far as it says so. */
export type LineLevel = "debug" | "info" | "warn" | "error";

/** A line of a task's log. */
export interface TaskLine {
  /** From 0, also of those that are not kept any more. */
  number: number;
  /** When it was written, epoch ms, by the clock of its host; null = that is not kept. */
  at: number | null;
  /** When the try that wrote it has begun, epoch ms. */
  tryAt: number | null;
  /** `log`: `currentTask().log`; the others: what the task printed. */
  source: "log" | "stdout" | "stderr";
  /** What the line itself says, else `error` for stderr and `info` for the others. */
  level: LineLevel;
  text: string;
}

/** Lines of a task's log. */
export interface TaskLines {
  lines: TaskLine[];
  /** Number of the line after the last one that was looked at. */
  next: number;
  /** Lines written so far. */
  total: number;
  /** Lines at the beginning that are not kept any more. */
  dropped: number;
}

/** Which lines are wanted. */
export interface LinesQuery {
  /** Number of the first line. @defaultValue 0 */
  from?: number | undefined;
  /** In place of `from`: that many of the last lines that fit. */
  last?: number | undefined;
  /** Part of the line; case does not matter. */
  text?: string | undefined;
  /** Only lines of the try that began then, epoch ms. */
  tryAt?: number | undefined;
  /** Only lines that are as bad as that, or worse. */
  level?: LineLevel | undefined;
  /** Most lines. @defaultValue 1 000 */
  limit?: number | undefined;
}

export const LINE_LEVELS: readonly LineLevel[] = ["debug", "info", "warn", "error"];
/** Characters of the lines of one answer, about: of long lines there are fewer. */
const MOST_TEXT = 1_000_000;

/** @returns null when the job is not kept */
export async function readLines(
  { client, keys }: { client: RedisClient; keys: Keys },
  { pool, jobId }: TaskPlace,
  query: LinesQuery,
): Promise<TaskLines | null> {
  const { from = 0, last, limit = 1_000, text, tryAt, level } = query;
  const isFiltered = [text, tryAt, level].some((filter) => filter !== undefined);
  const reply = await linesOf.run(
    client,
    [keys.job(pool, jobId), keys.jobLogs(pool, jobId)],
    [JOB_LOG_DROPPED_FIELD, JOB_LINE_TIMES_FIELD, from, isFiltered ? 0 : (last ?? 0)],
  );
  if (reply === null) return null;
  const [dropped, times, total, first, texts] = reply;
  const timeOf = timesOf(times);
  const fits = matcherOf(query);
  const all = texts.map((text, index) => lineOf(text, first + index, timeOf));
  const found = all.filter((line) => line.number >= from && fits(line));
  const wanted = last === undefined ? found.slice(0, limit) : found.slice(-last);
  const lines = last === undefined ? cutAtSize(wanted) : cutAtSize(wanted.reverse()).reverse();
  const isAll = last !== undefined || lines.length === found.length;
  return { lines, next: isAll ? total : (lines.at(-1)?.number ?? from) + 1, total, dropped };
}

function cutAtSize(lines: TaskLine[]): TaskLine[] {
  let size = 0;
  const end = lines.findIndex((line) => {
    size += line.text.length;
    return size > MOST_TEXT;
  });
  // One at least: the next page begins behind it.
  return end === -1 ? lines : lines.slice(0, Math.max(1, end));
}

function matcherOf({ text, tryAt, level }: LinesQuery): (line: TaskLine) => boolean {
  const part = text?.toLowerCase();
  const least = level === undefined ? 0 : LINE_LEVELS.indexOf(level);
  return (line) =>
    (part === undefined || line.text.toLowerCase().includes(part)) &&
    (tryAt === undefined || line.tryAt === tryAt) &&
    LINE_LEVELS.indexOf(line.level) >= least;
}

interface LineTime {
  at: number;
  tryAt: number;
}

/** Reads the marks of a log: each holds for its line and those behind it. */
function timesOf(field: string): (line: number) => LineTime | null {
  const marks = [...field.matchAll(/(\d+):(\d+):(\d+)/g)].map(([, line, at, tryAt]) => ({
    ...{ line: Number(line), at: Number(at), tryAt: Number(tryAt) },
  }));
  return (line) => {
    let [low, high] = [0, marks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((marks[middle]?.line ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return marks[low - 1] ?? null;
  };
}

function lineOf(line: string, number: number, timeOf: (line: number) => LineTime | null): TaskLine {
  const [, stream, printed = ""] = /^(stdout|stderr) \| (.*)$/s.exec(line) ?? [];
  const source = (stream ?? "log") as TaskLine["source"];
  const text = stream === undefined ? line : printed;
  const time = timeOf(number);
  return { number, at: time?.at ?? null, tryAt: time?.tryAt ?? null, source, level: levelOf(text, source), text };
}

/** Levels of pino, the most used logger that writes numbers. */
const PINO: Readonly<Record<string, LineLevel>> = {
  ...({ 10: "debug", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "error" } as const),
};
const WORDS: Readonly<Record<string, LineLevel>> = {
  ...({ trace: "debug", debug: "debug", verbose: "debug", info: "info", notice: "info" } as const),
  ...({ warn: "warn", warning: "warn", error: "error", err: "error", fatal: "error", critical: "error" } as const),
};

/** A logger says the level at the beginning of its line, or in a member `level` of its JSON. */
function levelOf(text: string, source: TaskLine["source"]): LineLevel {
  const start = text.slice(0, 200);
  const [, named = ""] = /^\{.*?"level":\s*"?(\w+)/.exec(start) ?? /^[[(]?(\w+)[\])]?(?::|\s)/.exec(start) ?? [];
  const [, thrown] = /^(?:Uncaught )?\w*(Error)\b/.exec(start) ?? [];
  return (
    PINO[start.startsWith("{") ? named : ""] ??
    WORDS[named.toLowerCase()] ??
    (thrown !== undefined || source === "stderr" ? "error" : "info")
  );
}

/**
 * KEYS[1] hash of a job; KEYS[2] its log, a list
 * ARGV[1] field with the number of lines that are not kept any more; ARGV[2] field with the times of the lines;
 * ARGV[3] number of the first line that is wanted; ARGV[4] how many of the last ones, 0 = all
 * Returns nil when the job is not kept, else {lines that are not kept, times of lines, lines written so far, number of the
 * first that follows, {lines}}.
 */
const linesOf = new Script<[dropped: number, times: string, total: number, first: number, lines: string[]] | null>({
  name: "linesOfJob",
  lua: `
local fields = redis.call("HMGET", KEYS[1], "timestamp", ARGV[1], ARGV[2])
if not fields[1] then return nil end
-- Any client can have written something else there.
local kept = redis.pcall("LLEN", KEYS[2])
if type(kept) ~= "number" then kept = 0 end
local dropped = tonumber(fields[2] or "0") or 0
local last = tonumber(ARGV[4])
local first = math.max(0, tonumber(ARGV[3]) - dropped, last > 0 and kept - last or 0)
local lines = kept > 0 and redis.call("LRANGE", KEYS[2], first, -1) or {}
return {dropped, fields[3] or "", dropped + kept, dropped + first, lines}
`,
});
