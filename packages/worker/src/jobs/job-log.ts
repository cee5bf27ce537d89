import {
  JOB_LINE_TIMES_FIELD,
  JOB_LOG_DROPPED_FIELD,
  type Keys,
  type RedisClient,
  Script,
} from "@manyhands/core/internal";

/** Lines kept of one job. */
const KEPT_LINES = 1_000;
/** Longest line, characters. */
const LONGEST_LINE = 8_192;
/** Lines are collected this long before they are written, ms. */
const COLLECT = 50;

export interface JobLogOptions {
  client: RedisClient;
  keys: Keys;
  pool: string;
  jobId: string;
  /** Token of the run's lock. */
  token: string;
  /** When the run has begun, epoch ms. */
  since: number;
  /** Prints captured output too, when it is set. */
  echo: ((line: string, stream: "stdout" | "stderr") => void) | null;
  onError: (error: unknown) => void;
  /** Lines are in Redis. */
  onWritten: () => void;
}

/** Writes what a job logs and prints to its BullMQ log, in batches and bounded. */
export class JobLog {
  readonly #options: JobLogOptions;
  #lines: string[] = [];
  /** When each of them came, epoch ms. */
  #times: number[] = [];
  /** Lines that were dropped before they were written: there were too many. */
  #skipped = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  readonly #unfinished = { stdout: "", stderr: "" };

  constructor(options: JobLogOptions) {
    this.#options = options;
  }

  /** One line of `currentTask().log`. */
  add(line: string): void {
    this.#lines.push(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line);
    this.#times.push(Date.now());
    if (this.#lines.length > 2 * KEPT_LINES) {
      this.#skipped += this.#lines.splice(0, KEPT_LINES).length;
      this.#times.splice(0, KEPT_LINES);
    }
    this.#timer ??= setTimeout(() => this.#write(), COLLECT);
  }

  /** A piece of captured output; lines may come in several pieces. */
  addOutput(stream: "stdout" | "stderr", text: string): void {
    const lines = (this.#unfinished[stream] + text).split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) this.#addOutputLine(stream, line);
    if (rest.length > LONGEST_LINE) this.#addOutputLine(stream, rest);
    this.#unfinished[stream] = rest.length > LONGEST_LINE ? "" : rest;
  }

  /** Writes what is left; resolves when it is in Redis. */
  async finish(): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#unfinished[stream] !== "") this.#addOutputLine(stream, this.#unfinished[stream]);
      this.#unfinished[stream] = "";
    }
    if (this.#timer) this.#write();
    await this.#writing;
  }

  #addOutputLine(stream: "stdout" | "stderr", line: string): void {
    this.#options.echo?.(line, stream);
    this.add(`${stream} | ${line}`);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#lines.slice(-KEPT_LINES);
    const times = this.#times.slice(-KEPT_LINES);
    const skipped = this.#skipped + this.#lines.length - lines.length;
    this.#skipped = 0;
    this.#lines = [];
    this.#times = [];
    if (lines.length === 0) return;
    const { client, keys, pool, jobId, token, since, onError, onWritten } = this.#options;
    const places = [keys.job(pool, jobId), keys.jobLogs(pool, jobId), keys.jobLock(pool, jobId)];
    const written = appendLog
      .run(client, places, [
        ...[KEPT_LINES, token, JOB_LOG_DROPPED_FIELD, skipped, JOB_LINE_TIMES_FIELD, since],
        ...[times.join(" "), ...lines],
      ])
      .then(onWritten)
      .catch(onError);
    this.#writing = Promise.all([this.#writing, written]);
  }
}

/**
 * KEYS[1] hash of the job; KEYS[2] its log, a list; KEYS[3] its lock
 * ARGV[1] lines kept; ARGV[2] token of the run's lock; ARGV[3] field of the job with the number of lines that are not kept;
 * ARGV[4] lines that were dropped before they came here; ARGV[5] field of the job with the times of its lines; ARGV[6] when the
 * run has begun, epoch ms; ARGV[7] when the new lines came, epoch ms, with spaces between; ARGV[8..] new lines
 * Returns the length of the log, or -1 when the job is gone or another run has it: it may be another job of the same id.
 */
const appendLog = new Script<number>({
  name: "appendLog",
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then return -1 end
if (redis.call("GET", KEYS[3]) or ARGV[2]) ~= ARGV[2] then return -1 end
local skipped = tonumber(ARGV[4])
local dropped = tonumber(redis.call("HGET", KEYS[1], ARGV[3]) or "0") or 0
if skipped > 0 then
  -- Those that are kept come before the ones that were dropped.
  skipped = skipped + redis.call("LLEN", KEYS[2])
  redis.call("DEL", KEYS[2])
end
local marks, number, before = {}, dropped + skipped + redis.call("LLEN", KEYS[2]), nil
for mark in string.gmatch(redis.call("HGET", KEYS[1], ARGV[5]) or "", "%S+") do marks[#marks + 1] = mark end
for at in string.gmatch(ARGV[7], "%d+") do
  if at ~= before then marks[#marks + 1] = string.format("%d:%s:%s", number, at, ARGV[6]) end
  number, before = number + 1, at
end
for index = 8, #ARGV do redis.call("RPUSH", KEYS[2], ARGV[index]) end
local over = math.max(0, redis.call("LLEN", KEYS[2]) - tonumber(ARGV[1]))
if over > 0 then redis.call("LTRIM", KEYS[2], over, -1) end
-- The last mark at or before the first line that is kept holds for it.
local first = 1
while marks[first + 1] and tonumber(string.match(marks[first + 1], "^%d+")) <= dropped + skipped + over do first = first + 1 end
redis.call("HSET", KEYS[1], ARGV[5], table.concat(marks, " ", first))
if over + skipped > 0 then redis.call("HINCRBY", KEYS[1], ARGV[3], over + skipped) end
return redis.call("LLEN", KEYS[2])
`,
});
