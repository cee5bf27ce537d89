import { type Keys, type RedisClient, Script } from "@manyhands/core/internal";

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
  /** Prints captured output too, when it is set. */
  echo: ((line: string, stream: "stdout" | "stderr") => void) | null;
  onError: (error: unknown) => void;
}

/** Writes what a job logs and prints to its BullMQ log, in batches and bounded. */
export class JobLog {
  readonly #options: JobLogOptions;
  #lines: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  readonly #unfinished = { stdout: "", stderr: "" };

  constructor(options: JobLogOptions) {
    this.#options = options;
  }

  /** One line of `currentTask().log`. */
  add(line: string): void {
    this.#lines.push(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line);
    if (this.#lines.length > 2 * KEPT_LINES) this.#lines.splice(0, KEPT_LINES);
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
    this.#lines = [];
    if (lines.length === 0) return;
    const { client, keys, pool, jobId, token, onError } = this.#options;
    const places = [keys.job(pool, jobId), keys.jobLogs(pool, jobId), keys.jobLock(pool, jobId)];
    const written = appendLog.run(client, places, [KEPT_LINES, token, ...lines]).catch(onError);
    this.#writing = Promise.all([this.#writing, written]);
  }
}

/**
 * KEYS[1] hash of the job; KEYS[2] its log, a list; KEYS[3] its lock
 * ARGV[1] lines kept; ARGV[2] token of the run's lock; ARGV[3..] new lines
 * Returns the length of the log, or -1 when the job is gone or another run has it: it may be another job of the same id.
 */
const appendLog = new Script<number>({
  name: "appendLog",
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then return -1 end
if (redis.call("GET", KEYS[3]) or ARGV[2]) ~= ARGV[2] then return -1 end
for index = 3, #ARGV do redis.call("RPUSH", KEYS[2], ARGV[index]) end
redis.call("LTRIM", KEYS[2], -tonumber(ARGV[1]), -1)
return redis.call("LLEN", KEYS[2])
`,
});
