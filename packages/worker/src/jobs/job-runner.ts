import { type Logger, PoolTerminatedError, TaskNotFoundError, ValidationError, WorkerLostError } from "@manyhands/core";
import {
  decodeFromString,
  encode,
  encodeToString,
  type Isolation,
  JOB_ERROR_FIELD,
  type JobEnvelope,
  type JobReturn,
  type Keys,
  MAX_INLINE_ANSWERS,
  type Milliseconds,
  type PoolRecord,
  type RedisClient,
  Script,
  type TaskAnnouncement,
} from "@manyhands/core/internal";
import { DelayedError, WaitingError } from "bullmq";
import type { FailureReport } from "../child/messages.ts";
import { type ChildPool, InitializerFailed } from "../children/child-pool.ts";
import type { Fence } from "../fence/fence.ts";
import { describeFailure, failureAnswers, type Origin, toJobError } from "./failure.ts";
import { JobLog } from "./job-log.ts";
import { JobProgress } from "./job-progress.ts";
import { JobRun } from "./job-run.ts";
import type { PoolJob } from "./pool-job.ts";
import { type JobRequest, readEnvelope } from "./read-envelope.ts";
import type { ReplyPost } from "./reply-post.ts";
import type { RunningJobs } from "./running-jobs.ts";

/** What a job needs from the host that runs it. */
export interface JobHost {
  id: string;
  name: string;
  isolation: Isolation;
  client: RedisClient;
  keys: Keys;
  logger: Logger;
  replies: ReplyPost;
  running: RunningJobs;
  maxPayload: number;
  echoOutput: boolean;
  tasks: ReadonlyMap<string, TaskAnnouncement>;
  /** True when another live host serves the pool and knows the task. */
  isServedElsewhere: (pool: string, task: string) => Promise<boolean>;
  /** Marks the pool as failed for all hosts. */
  failPool: (pool: PoolRecord, error: unknown) => Promise<void>;
}

export interface JobRunnerOptions {
  host: JobHost;
  pool: () => PoolRecord;
  children: ChildPool;
  fence: Fence;
}

/** How long the outcome of a job is kept by default, ms. */
const RESULT_TTL: Milliseconds = 3_600_000;
/** A job whose task no live host knows is kept this long for a host that may come, ms. */
const UNKNOWN_TASK_PATIENCE: Milliseconds = 15_000;
/** An older job is kept this long, because a host that knows its task may just be restarting, ms. */
const RESTART_PATIENCE: Milliseconds = 5_000;
const PUT_BACK_DELAY: Milliseconds = 200;
const UNKNOWN_TASK_DELAY: Milliseconds = 1_000;
/** How long giving a job back may take before it is left to the expiry of its lock, ms. */
const GIVE_BACK_DEADLINE: Milliseconds = 1_000;

/**
 * Runs one job of BullMQ from its envelope to its outcome.
 *
 * Duties: 1. refuse what cannot run here; 2. post answers to the client as they come, always before the job is
 * finished in Redis; 3. tell BullMQ the outcome: a value, a failure with or without further attempts, or that the
 * job was put back; 4. write log, progress and error to the job. Delivery is at least once: a job whose lock was lost
 * runs again elsewhere, and its client ignores the second answer.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #host: JobHost;
  /** Jobs that were given an answer here, so that a failure by BullMQ itself can be told apart. */
  readonly #seen = new WeakSet<PoolJob>();
  /** Tasks that no live host knows, and since when, by the monotonic clock. */
  readonly #unserved = new Map<string, number>();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#host = options.host;
  }

  async run(job: PoolJob, token: string): Promise<JobReturn> {
    this.#seen.add(job);
    const pool = this.#options.pool();
    const request = await this.#readRequest(job);
    if (pool.state === "failed") throw await this.#refuse(job, request, poolFailed(pool));
    await this.#requireTask({ job, token, pool, request });
    await this.#requireLock(job, token);
    const startedAt = performance.now();
    const run = this.#prepare(job, pool, request);
    try {
      await this.#attempt(run, job, pool);
    } catch (error) {
      return this.#startFailed(run, { job, token, pool, request, error });
    }
    if (run.stopReason === "fence" || run.stopReason === "shutdown") throw await this.#giveBack(job, token);
    if (run.stopReason === "terminated") {
      // A Redis that lost its data has lost the pool and the job alike: nobody terminated it, and its caller learns so.
      if (!(await this.#exists(job))) throw new WaitingError();
      run.answerRest(poolTerminated(pool, job), false);
    }
    return run.failed === 0 ? this.#complete(run, job, startedAt) : this.#fail(run, job);
  }

  /** A job that BullMQ failed by itself, because its hosts died again and again, is answered here. */
  async failedByBullMQ(job: PoolJob | undefined, reason: Error): Promise<void> {
    if (!job?.id || this.#seen.has(job)) return;
    const error = new WorkerLostError(`task "${job.name}" (job ${job.id}) was given up: ${reason.message}`);
    await this.#refuse(job, readEnvelope(job.data), error);
  }

  async #readRequest(job: PoolJob): Promise<JobRequest> {
    try {
      return readEnvelope(job.data);
    } catch (error) {
      throw await this.#refuse(job, { envelope: {}, kind: "calls", count: 1 }, error as Error);
    }
  }

  /** Puts a job back whose task is known elsewhere, or may soon be; fails it when nobody came to know it. */
  async #requireTask({ job, token, pool, request }: JobInPool): Promise<void> {
    const { tasks } = this.#host;
    const missing = [job.name, ...(pool.initializer ? [pool.initializer.task] : [])].find((name) => !tasks.has(name));
    if (missing === undefined) return;
    const isServed = await this.#host.isServedElsewhere(pool.name, missing).catch(() => true);
    if (isServed) this.#unserved.delete(missing);
    else if (!this.#unserved.has(missing)) this.#unserved.set(missing, performance.now());
    if (!isServed && this.#isHopeless(job, missing)) {
      const known = [...tasks.keys()].sort().join(", ") || "none";
      throw await this.#refuse(
        job,
        request,
        new TaskNotFoundError(
          `no live host knows task "${missing}"; host "${this.#host.name}" knows: ${known}; ` +
            `start one with: manyhands worker --tasks <module that defines "${missing}">`,
        ),
      );
    }
    await job.moveToDelayed(Date.now() + (isServed ? PUT_BACK_DELAY : UNKNOWN_TASK_DELAY), token);
    throw new DelayedError();
  }

  #isHopeless(job: PoolJob, task: string): boolean {
    const dueAt = job.timestamp + (job.opts.delay ?? 0);
    const unservedFor = performance.now() - (this.#unserved.get(task) ?? performance.now());
    return Date.now() - dueAt > UNKNOWN_TASK_PATIENCE && unservedFor > RESTART_PATIENCE;
  }

  /** The answer that brought the job may have been on its way for so long that its lock needs renewing first. */
  async #requireLock(job: PoolJob, token: string): Promise<void> {
    const jobId = job.id ?? "";
    if (this.#options.fence.isTrusted(jobId)) return;
    const sentAt = performance.now();
    const worker = job as unknown as {
      queue: {
        extendJobLocks(ids: string[], tokens: string[], ms: number): Promise<string[]>;
        opts: { lockDuration: number };
      };
    };
    const refused = await worker.queue.extendJobLocks([jobId], [token], worker.queue.opts.lockDuration);
    if (refused.length > 0) throw new WaitingError();
    this.#options.fence.granted(jobId, sentAt);
  }

  async #exists(job: PoolJob): Promise<boolean> {
    const { client, keys } = this.#host;
    return (await client.exists(keys.job(job.queueName, job.id ?? ""))) === 1;
  }

  #prepare(job: PoolJob, pool: PoolRecord, request: JobRequest): JobRun {
    const host = this.#host;
    const jobId = job.id ?? "";
    const onError = (error: unknown): void => host.logger.warn(`job ${jobId}: ${(error as Error).message}`);
    const run: JobRun = new JobRun({
      jobId,
      task: job.name,
      pool: pool.name,
      attempt: job.attemptsMade + 1,
      request,
      isolation: host.tasks.get(job.name)?.isolation ?? pool.isolation ?? host.isolation,
      children: this.#options.children,
      hostName: host.name,
      maxPayload: host.maxPayload,
      progress: new JobProgress(job, onError),
      log: new JobLog({
        client: host.client,
        jobKey: host.keys.job(pool.name, jobId),
        echo: host.echoOutput ? (line, stream) => this.#echo(run, line, stream) : null,
        onError,
      }),
      onAnswers: (answers, failed) => {
        // The failure of a single call is not final while attempts remain.
        if (failed === 0 || request.count > 1) this.#post(job, answers, run.pid);
      },
    });
    return run;
  }

  async #attempt(run: JobRun, job: PoolJob, pool: PoolRecord): Promise<void> {
    const { fence } = this.#options;
    const { running, logger } = this.#host;
    fence.watch(run.jobId, () => {
      logger.warn(
        `the lock of job ${run.jobId} (task "${job.name}") can no longer be trusted; ` +
          (pool.fence === "strict" ? "its child is killed and the job will run again" : "it may run elsewhere as well"),
      );
      if (pool.fence === "strict") run.stop("fence");
    });
    running.add(run);
    try {
      await run.run();
    } finally {
      running.remove(run);
      if (run.hasOutput) await run.finishOutput();
    }
  }

  /** No child could be had for the job. */
  async #startFailed(run: JobRun, context: JobInPool & { error: unknown }): Promise<JobReturn> {
    const { job, token, pool, request, error } = context;
    if (run.stopReason !== null) throw await this.#giveBack(job, token);
    if (error instanceof InitializerFailed) {
      await this.#host.failPool(pool, error.cause);
      throw await this.#refuse(job, request, poolFailed({ ...pool, failure: encodeToString(error.cause) }));
    }
    run.answerRest(
      new WorkerLostError(`task "${job.name}" (job ${job.id}) could not start: ${(error as Error).message}`, {
        cause: error,
      }),
      true,
    );
    return this.#fail(run, job);
  }

  async #complete(run: JobRun, job: PoolJob, startedAt: number): Promise<JobReturn> {
    const { id, name, replies } = this.#host;
    const outcome: JobReturn = {
      host: name,
      hostId: id,
      pid: run.pid,
      duration: Math.round((performance.now() - startedAt) * 1000) / 1000,
    };
    if (run.count === 1 && run.json !== undefined) outcome.value = JSON.parse(run.json);
    else if (totalLength(run.answers) <= MAX_INLINE_ANSWERS) outcome.answers = run.answers.map(toBase64);
    else if (job.opts.removeOnComplete === true && job.data.client !== undefined) outcome.answers = [];
    else {
      await this.#store(run, job);
      outcome.stored = true;
    }
    if (job.data.client !== undefined) await replies.sent();
    return outcome;
  }

  async #fail(run: JobRun, job: PoolJob): Promise<never> {
    const failure = run.failure as FailureReport;
    if (run.count > 1) {
      await this.#store(run, job);
      await this.#storeError(job, failure);
      await this.#host.replies.sent();
      const summary = `${run.failed} of ${run.count} calls failed; first: ${failure.message}`;
      throw toJobError({ ...failure, message: summary }, true);
    }
    const attempts = job.opts.attempts ?? 1;
    const isFinal = !failure.retry || job.attemptsMade + 1 >= attempts;
    await this.#storeError(job, failure);
    if (isFinal) {
      for (const answers of run.answers) this.#post(job, answers, run.pid);
      await this.#host.replies.sent();
    }
    throw toJobError(failure, isFinal);
  }

  /** Answers every unit of a job that does not run with one error. @returns what to tell BullMQ */
  async #refuse(job: PoolJob, request: JobRequest, error: Error): Promise<Error> {
    const failure = describeFailure(error, this.#origin(job), false);
    const units = Array.from({ length: request.count }, (_, unit) => unit);
    await this.#storeError(job, failure);
    this.#post(job, failureAnswers(units, failure), process.pid);
    await this.#host.replies.sent();
    return toJobError(failure, true);
  }

  #post(job: PoolJob, answers: Uint8Array, pid: number): void {
    const client = readClient(job.data);
    if (client !== undefined) this.#host.replies.post(client, [job.id ?? "", answers, this.#host.name, pid]);
  }

  async #store(run: JobRun, job: PoolJob): Promise<void> {
    const { client, keys } = this.#host;
    const bytes = Buffer.from(encode(run.answers));
    await client.set(keys.result(run.jobId), bytes, "PX", job.data.resultTtl ?? RESULT_TTL);
  }

  async #storeError(job: PoolJob, failure: FailureReport): Promise<void> {
    const { client, keys } = this.#host;
    const jobKey = keys.job(job.queueName, job.id ?? "");
    await storeJobError.run(client, [jobKey], [JOB_ERROR_FIELD, toBase64(failure.error)]);
  }

  /** Puts the job back in front of the line without using up an attempt; if Redis is away, its lock will expire. */
  async #giveBack(job: PoolJob, token: string): Promise<Error> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise((resolve) => {
      timer = setTimeout(resolve, GIVE_BACK_DEADLINE);
    });
    await Promise.race([job.moveToWait(token).catch(() => {}), deadline]);
    clearTimeout(timer);
    return new WaitingError();
  }

  #echo(run: JobRun, line: string, stream: "stdout" | "stderr"): void {
    process[stream].write(`${run.task}#${run.jobId} ${this.#host.name}/${run.pid} | ${line}\n`);
  }

  #origin(job: PoolJob): Origin {
    return { host: this.#host.name, pid: process.pid, taskId: job.id ?? "" };
  }
}

interface JobInPool {
  job: PoolJob;
  token: string;
  pool: PoolRecord;
  request: JobRequest;
}

/**
 * KEYS[1] hash of the job
 * ARGV[1] name of the field; ARGV[2] base64 of the encoded error
 * Returns 1, or 0 when the job is gone.
 */
const storeJobError = new Script<number>({
  name: "storeJobError",
  lua: `
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
redis.call("HSET", KEYS[1], ARGV[1], ARGV[2])
return 1
`,
});

function poolFailed(pool: PoolRecord): Error {
  let cause: unknown;
  try {
    cause = pool.failure === null ? undefined : decodeFromString(pool.failure);
  } catch (error) {
    cause = new ValidationError(`the reason cannot be read: ${(error as Error).message}`);
  }
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new PoolTerminatedError(`pool "${pool.name}" has failed: its initializer threw${reason}`, { cause });
}

function poolTerminated(pool: PoolRecord, job: PoolJob): Error {
  return new PoolTerminatedError(
    `pool "${pool.name}" was terminated while task "${job.name}" (job ${job.id}) was running`,
  );
}

/** Id of the client that waits for the answers, as far as the data says so. */
function readClient(data: unknown): string | undefined {
  const client = (data as Partial<JobEnvelope> | null)?.client;
  return typeof client === "string" ? client : undefined;
}

function totalLength(parts: Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
