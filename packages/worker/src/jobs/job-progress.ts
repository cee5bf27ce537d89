import { KEPT_EVENTS, type Keys, type RedisClient, Script } from "@manyhands/core/internal";
import type { PoolJob } from "./pool-job.ts";

/** Least time between two writes, ms. */
const INTERVAL = 200;

/** Writes a job's progress, not more often than {@link INTERVAL}, and the last value always. */
export class JobProgress {
  readonly #job: PoolJob;
  readonly #place: { client: RedisClient; keys: Keys };
  readonly #listener: { onError: (error: unknown) => void; onWritten: () => void };
  #waiting: { value: unknown } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(
    job: PoolJob,
    place: { client: RedisClient; keys: Keys },
    listener: { onError: (error: unknown) => void; onWritten: () => void },
  ) {
    this.#job = job;
    this.#place = place;
    this.#listener = listener;
  }

  report(value: unknown): void {
    this.#waiting = { value };
    if (this.#timer) return;
    this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#waiting) this.report(this.#waiting.value);
    }, INTERVAL);
  }

  /** Writes the last value; resolves when it is in Redis. */
  async finish(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#write();
    await this.#writing;
  }

  #write(): void {
    if (!this.#waiting) return;
    const { value } = this.#waiting;
    this.#waiting = undefined;
    const { client, keys } = this.#place;
    const { id = "", queueName, token = "" } = this.#job;
    const key = keys.job(queueName, id);
    const events = keys.queue(queueName, "events");
    const text = JSON.stringify(value ?? null);
    const { onError, onWritten } = this.#listener;
    this.#writing = writeProgress
      .run(client, [key, keys.jobLock(queueName, id), events], [id, token, text, KEPT_EVENTS])
      .then(onWritten)
      .catch(onError);
  }
}

/**
 * What BullMQ does with a job's progress, for the run that holds the job.
 *
 * KEYS[1] hash of the job; KEYS[2] its lock; KEYS[3] event stream
 * ARGV[1] job id; ARGV[2] token of the run's lock; ARGV[3] progress as JSON; ARGV[4] events kept
 * Returns 1, or 0 when the job is gone or another run has it: it may be another job of the same id.
 */
const writeProgress = new Script<number>({
  name: "writeProgress",
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
if (redis.call("GET", KEYS[2]) or ARGV[2]) ~= ARGV[2] then return 0 end
redis.call("HSET", KEYS[1], "progress", ARGV[3])
redis.call("XADD", KEYS[3], "MAXLEN", "~", ARGV[4], "*", "event", "progress", "jobId", ARGV[1], "data", ARGV[3])
return 1
`,
});
