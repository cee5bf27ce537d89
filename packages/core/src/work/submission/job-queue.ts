import type { Queue as BullQueue, JobsOptions, Telemetry } from "bullmq";
import { ClosedError } from "../../errors/index.ts";
import type { Logger } from "../../package/index.ts";
import { AddRecorder, openBullQueue, type RecordedAdd } from "../../redis/bull-queue/index.ts";
import { isPassingRefusal, type RedisClient, serverTime } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { retry } from "../../time/index.ts";
import type { OpenSpan } from "../../tracing/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import { isReservedPoolName } from "../../wire/records/pool-name.ts";
import { expiryMember } from "../results/expiries.ts";
import { bringJobBack } from "../results/unlisted-jobs.ts";
import { poolLabel, rollupsOf } from "../rollups/index.ts";
import { assignAtOnce } from "./assigning-queue.ts";
import { isBrokenSetting, repairLimit } from "./repair-limit.ts";

/** One job on its way to BullMQ. */
export interface Submission {
  name: string;
  data: JobEnvelope;
  opts: JobsOptions;
  /** Ends when Redis has it, or has refused it. */
  span?: OpenSpan | undefined;
  /** Does what BullMQ would do to add it, in one step with something else. Gives its id; "" = it was not added. */
  addBy?: ((add: RecordedAdd) => Promise<string>) | undefined;
}

/** Jobs in one pipeline, and pipelines under way at the same time: the fastest that BullMQ was seen to take. */
const BULK = 250;
const OVERLAP = 4;
/** How often a submission is tried while Redis fails over or is not reachable: for about 50 s. */
const ATTEMPTS = 54;
/** How long a submission is tried again before that is told, ms: a failover within a near network is shorter. */
const SILENCE = 1_000;

export interface JobQueueOptions {
  client: RedisClient;
  keys: Keys;
  telemetry?: Telemetry | undefined;
  /** Told when calls wait because Redis takes none. */
  logger?: Pick<Logger, "warn"> | undefined;
  /** How often a submission is sent while a state passes, such as a failover. @defaultValue 60, about a minute */
  attempts?: number;
}

/**
 * The queue of one pool, as programs that submit use it.
 *
 * Every job carries an id of its own, so sending it twice adds it once: also when the connection breaks, a submission
 * is repeated until Redis has acknowledged it.
 */
export class JobQueue {
  readonly pool: string;
  readonly #options: JobQueueOptions;
  #queue: BullQueue | undefined;
  #recorder: AddRecorder | undefined;
  #stopped = false;
  /** Whether it was told that calls wait; until one is taken again. */
  #isTold = false;

  constructor(pool: string, options: JobQueueOptions) {
    this.pool = pool;
    this.#options = options;
  }

  /** Opened with the first use, because BullMQ writes a key for a queue as soon as there is one. */
  get #open(): BullQueue {
    if (this.#queue) return this.#queue;
    const { client, keys, telemetry } = this.#options;
    this.#queue = openBullQueue({ client, keys }, this.pool, { writesSettings: true, telemetry });
    assignAtOnce(this.#queue, { client, keys });
    return this.#queue;
  }

  /**
   * Adds jobs in order.
   * @returns for each the id of the job that now stands for it (another's, if deduplicated)
   * @throws ClosedError when `stop()` was called before all of them were added
   */
  async add(submissions: Submission[]): Promise<string[]> {
    for (const submission of submissions) submission.data = tagsFirst(submission.data);
    try {
      const ids = await this.#add(submissions);
      this.#count(submissions, ids);
      for (const { span } of submissions) span?.end();
      return ids;
    } catch (error) {
      for (const { span } of submissions) span?.end(error);
      throw error;
    }
  }

  /** Jobs that stand for another one's submission were counted with that. Processes are no calls. */
  #count(submissions: readonly Submission[], ids: readonly string[]): void {
    const { client, keys } = this.#options;
    if (isReservedPoolName(this.pool)) return;
    const label = poolLabel(this.pool);
    for (const [index, { name, data, opts }] of submissions.entries()) {
      if (ids[index] !== opts.jobId) continue;
      rollupsOf(client, keys)
        .of(label, name)
        .add("submitted", data.count ?? 1);
    }
  }

  async #add(submissions: Submission[]): Promise<string[]> {
    const [only] = submissions;
    if (submissions.length === 1 && only) {
      const add = async (): Promise<string> => {
        await this.#noteExpiries(submissions);
        if (only.addBy) return this.#addBy(only, only.addBy);
        return (await this.#open.add(only.name, only.data, only.opts)).id ?? "";
      };
      return [await this.#persist(submissions, add)];
    }
    if (submissions.some(({ addBy }) => addBy)) {
      return (await Promise.all(submissions.map((one) => this.#add([one])))).flat();
    }
    const parts: Submission[][] = [];
    for (let from = 0; from < submissions.length; from += BULK) parts.push(submissions.slice(from, from + BULK));
    const ids: string[][] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < parts.length) {
        const index = next;
        next += 1;
        const part = parts[index] ?? [];
        const jobs = await this.#persist(part, async () => {
          await this.#noteExpiries(part);
          return this.#open.addBulk(part);
        });
        ids[index] = jobs.map((job) => job.id ?? "");
      }
    };
    await Promise.all(Array.from({ length: Math.min(OVERLAP, parts.length) }, lane));
    return ids.flat();
  }

  async #addBy(submission: Submission, addBy: (add: RecordedAdd) => Promise<string>): Promise<string> {
    this.#recorder ??= new AddRecorder(this.#options, this.pool);
    const [add] = await this.#recorder.record([submission]);
    return add ? addBy(add) : "";
  }

  /** Before the jobs are there: an entry without a job is dropped when it is due; a job without one might never expire. */
  async #noteExpiries(submissions: readonly Submission[]): Promise<void> {
    const expiring = submissions.flatMap(({ data, opts }) => {
      if (data.expires === undefined || opts.jobId === undefined) return [];
      return [(opts.timestamp ?? Date.now()) + data.expires, expiryMember(this.pool, opts.jobId)];
    });
    const { client, keys } = this.#options;
    if (expiring.length > 0) await client.zadd(keys.expiries, ...expiring);
  }

  /** Limits how many jobs of this pool run at once over all hosts; null = no limit. */
  async limit(size: number | null): Promise<void> {
    if (size === null) await this.#open.removeGlobalConcurrency();
    else await this.#open.setGlobalConcurrency(size);
  }

  /** Adds nothing more. What is on its way to Redis at this moment still arrives. */
  stop(): void {
    this.#stopped = true;
  }

  /** Removes everything the pool has in Redis, running jobs included. */
  async obliterate(): Promise<void> {
    await this.#open.obliterate({ force: true });
  }

  async close(): Promise<void> {
    this.stop();
    await Promise.all([this.#queue?.close().catch(() => {}), this.#recorder?.close()]);
  }

  async #persist<Value>(submissions: readonly Submission[], send: () => Promise<Value>): Promise<Value> {
    const began = performance.now();
    const attempt = async (): Promise<Value> => {
      if (this.#stopped) throw new ClosedError(`pool "${this.pool}" was stopped before these calls were sent`);
      const value = await send().catch(async (error) => {
        if (!isBrokenSetting(error) || !(await this.#repair(submissions))) throw error;
        return send();
      });
      this.#isTold = false;
      return value;
    };
    const isFinal = (error: unknown, failures: number): boolean => {
      if (!isPassing(error) || failures >= (this.#options.attempts ?? ATTEMPTS)) return true;
      if (performance.now() - began > SILENCE) this.#tellOnce(error as Error);
      return false;
    };
    return retry(attempt, { first: 50, longest: 1_000, isFinal });
  }

  /** Mends the limit of the queue, and lists the jobs that were stored before a script met it. @returns false when it is sound */
  async #repair(submissions: readonly Submission[]): Promise<boolean> {
    const { client, keys, logger } = this.#options;
    const pool = this.pool;
    const wasBroken = await repairLimit(client, keys, pool);
    if (wasBroken) logger?.warn(`pool "${pool}": another tool of BullMQ set a limit that is no number; it is restored`);
    const ids = submissions.flatMap(({ opts: { jobId } }) => jobId ?? []);
    const found = await Promise.all(ids.map((jobId) => bringJobBack(client, keys, { pool, jobId })));
    // Another program may have mended it since.
    return wasBroken || found.some((place) => place !== "gone");
  }

  #tellOnce({ message }: Error): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#options.logger?.warn(`pool "${this.pool}": calls wait, and are tried again for up to 50 s: ${message}`);
  }
}

/** The script that takes a job into the task index finds its tags at the start of the data, and looks no further. */
function tagsFirst(data: JobEnvelope): JobEnvelope {
  return data.tags === undefined ? data : { tags: data.tags, ...data };
}

/** Errors of a failover, a restart (which forgets scripts) or a broken connection: the same submission can be sent again. */
function isPassing(error: unknown): boolean {
  if (isPassingRefusal(error)) return true;
  const message = error instanceof Error ? error.message : String(error);
  return /NOSCRIPT|CLUSTERDOWN|TRYAGAIN|ECONNRESET|EPIPE|ECONNREFUSED|Connection is closed|Command timed out/.test(
    message,
  );
}

/**
 * A delay, or an expiry, counts from the server's time: BullMQ adds it to the clock of the submitting program, which may be
 * wrong.
 */
export async function dateDelays(client: RedisClient, submissions: readonly Submission[]): Promise<void> {
  const delayed = submissions.filter(({ data, opts }) => opts.delay !== undefined || data.expires !== undefined);
  if (delayed.length === 0) return;
  const timestamp = await serverTime(client);
  for (const { opts } of delayed) opts.timestamp = timestamp;
}
