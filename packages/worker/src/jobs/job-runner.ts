import { ManyhandsError, ValueError, WorkerLostError } from "@manyhands/core";
import {
  encodeToString,
  type FinishedSet,
  JOB_WATCHERS_FIELD,
  type JobReturn,
  type Milliseconds,
  type PoolRecord,
  readWatchers,
  withinReach,
} from "@manyhands/core/internal";
import { DelayedError, WaitingError } from "bullmq";
import { type ChildPool, InitializerFailed } from "../children/child-pool.ts";
import { forgetCancellation, heedRequests, isCancelledWhole } from "../control/cancellation.ts";
import { type Fence, holdOf } from "../fence/fence.ts";
import { lacksKey, noteKey } from "../limits/missing-key.ts";
import type { PoolMeter } from "../metrics/pool-meter.ts";
import { Note } from "../notes/note.ts";
import { withInput } from "../workflows/step-input.ts";
import { stepOf } from "../workflows/step-of-job.ts";
import { expiryOf } from "./expiry.ts";
import { forgetLosses, forgiveLoss, isSetAside, setAsideError } from "./host-losses.ts";
import { noteEnding } from "./job-ending.ts";
import type { JobHost } from "./job-host.ts";
import { JobJournal } from "./job-journal.ts";
import { JobLog } from "./job-log.ts";
import { isFinalFailure, JobOutcome } from "./job-outcome.ts";
import { JobProgress } from "./job-progress.ts";
import { JobRun } from "./job-run.ts";
import { traceOf } from "./job-trace.ts";
import { poolFailedError, poolTerminatedError } from "./pool-errors.ts";
import type { PoolJob } from "./pool-job.ts";
import { checkJobOptions, type JobRequest, readEnvelope } from "./read-envelope.ts";
import { honourTaskOptions } from "./task-options.ts";
import { UnknownTasks } from "./unknown-tasks.ts";
import { addWatcher } from "./watchers.ts";

export interface JobRunnerOptions {
  host: JobHost;
  pool: {
    /** As this host knows it. */
    readonly record: PoolRecord;
    /** As it is in the registry now. */
    lookAgain(): Promise<PoolRecord>;
    /** Whether it is there and not terminated. */
    isInForce(): Promise<boolean>;
    /** Whether a job of the task is still there once it is finished. */
    keeps(task: string, set: FinishedSet): boolean;
  };
  children: ChildPool;
  fence: Fence;
}

/** How long giving a job back may take before it is left to the expiry of its lock, ms. */
const GIVE_BACK_DEADLINE: Milliseconds = 1_000;
/** What a child reports of a key function that throws, or gives no key. */
const KEY_ERROR = new ValueError("").name;

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
  readonly #seen = new Note<PoolJob, true>("answered here");
  /** Jobs of which at least one call was cancelled here. */
  readonly #cancelled = new WeakSet<PoolJob>();
  /** Runs whose outcome is final, of jobs of which nothing will be kept. */
  readonly #over = new WeakSet<JobRun>();
  readonly #meter: PoolMeter;
  readonly #outcome: JobOutcome;
  readonly #journal: JobJournal;
  readonly #unknownTasks: UnknownTasks;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#host = options.host;
    this.#meter = options.host.meters.pool(options.pool.record);
    this.#outcome = new JobOutcome(options.host, this.#meter);
    this.#journal = new JobJournal(options.host.logger, options.host);
    this.#unknownTasks = new UnknownTasks(options.host);
  }

  async run(job: PoolJob, token: string): Promise<JobReturn> {
    this.#seen.set(job, true);
    const hasCancellation = await this.#outcome.forgetEarlierRuns(job);
    const request = await this.#readRequest(job);
    let pool = this.#options.pool.record;
    if (isSetAside(job)) {
      const error = setAsideError(job);
      this.#journal.refused(job, error);
      throw await this.#outcome.refuse(job, error, { count: request.count });
    }
    if (pool.state === "failed") pool = await this.#options.pool.lookAgain();
    if (pool.state === "failed") throw await this.#outcome.refuse(job, poolFailedError(pool), { count: request.count });
    // A job that is put back again and again must not outlive its cancellation.
    const mayBeCancelled = hasCancellation || !this.#host.tasks.has(job.name);
    const isCancelled = mayBeCancelled && (await isCancelledWhole(this.#host.client, this.#host.keys, job));
    const expired = isCancelled ? null : await expiryOf(this.#host, job);
    if (expired) {
      this.#journal.refused(job, expired);
      noteEnding(job, "expired");
      throw await this.#outcome.refuse(job, expired, { count: request.count });
    }
    if (!isCancelled) await this.#unknownTasks.check({ job, token, pool });
    await this.#requireLock(job, token);
    pool = this.#options.pool.record;
    const step = stepOf(job);
    if (step && step.input !== null && !isCancelled) {
      request.envelope = await withInput(this.#host, step, request.envelope).catch((error: Error) =>
        this.#withoutInput({ job, token, error }),
      );
    }
    const task = this.#host.tasks.get(job.name);
    if (!isCancelled && (await lacksKey(this.#host, job, { pool, task }))) {
      await this.#findKey(job, token, { pool, request });
    }
    const startedAt = performance.now();
    const run = this.#prepare(job, pool, request);
    try {
      await this.#attempt(run, { job, pool, hasCancellation: mayBeCancelled });
    } catch (error) {
      return this.#startFailed(run, { job, token, pool, error });
    }
    if (run.stopReason === "fence" || run.stopReason === "shutdown") {
      this.#journal.givenBack(run, job, run.stopReason === "fence" ? "its lock cannot be trusted" : "the host stops");
      throw await this.#giveBack(job, token);
    }
    if (run.stopReason === null && pool.fence === "lenient") await this.#forgiveIfLost(job, token);
    if (run.stopReason === "terminated") await this.#answerTerminated(run, { job, token, pool });
    if (run.failed > 0) return this.#fail(run, job, startedAt);
    if (!this.#options.pool.keeps(job.name, "completed")) await this.#tellWatchers(run, job);
    const outcome = await this.#outcome.complete(run, job, startedAt);
    this.#journal.done(run, job, performance.now() - startedAt);
    return outcome;
  }

  /**
   * Asks a child for the key that the limits of the task count the job under, and puts the job back with it: it has started
   * without its turn. A key function that fails fails the job; all else that ends it does so as it ends a job that runs.
   */
  async #findKey(
    job: PoolJob,
    token: string,
    { pool, request }: { pool: PoolRecord; request: JobRequest },
  ): Promise<never> {
    const { running } = this.#host;
    const run = this.#prepare(job, pool, { ...request, computesKey: true });
    running.add(run);
    try {
      await run.run();
    } catch (error) {
      return this.#startFailed(run, { job, token, pool, error });
    } finally {
      running.remove(run);
      if (run.isCancelled) this.#cancelled.add(job);
    }
    if (run.stopReason !== null) throw await this.#giveBack(job, token);
    // It was cancelled, or its child was lost.
    if (run.failure && run.failure.name !== KEY_ERROR) return this.#fail(run, job, run.begunAt);
    if (run.failure) {
      const error = new ValueError(run.failure.message);
      this.#journal.refused(job, error);
      throw await this.#outcome.refuse(job, error, { count: request.count });
    }
    const key: unknown = JSON.parse(run.json ?? '""');
    await noteKey(this.#host, { pool: pool.name, jobId: run.jobId }, String(key));
    await job.moveToDelayed(Date.now(), token);
    throw new DelayedError();
  }

  async #fail(run: JobRun, job: PoolJob, startedAt: number): Promise<never> {
    if (run.failure) {
      const isFinal = isFinalFailure(run, job);
      if (isFinal && !this.#options.pool.keeps(job.name, "failed")) await this.#tellWatchers(run, job);
      const retryIn = isFinal ? undefined : this.#outcome.chooseRetry(job, run.failure);
      const duration = performance.now() - startedAt;
      this.#journal.failed(run, job, { failure: run.failure, isFinal, retryIn, duration });
    }
    return this.#outcome.fail(run, job);
  }

  /**
   * Before a job ends of which nothing is kept: its outcome goes to all that wait for it, also where their message was lost, and
   * for a moment to those who begin to wait.
   */
  async #tellWatchers(run: JobRun, job: PoolJob): Promise<void> {
    this.#over.add(run);
    this.#host.running.remember(run);
    const watchers = await this.#host.client.hget(this.#host.keys.job(run.pool, run.jobId), JOB_WATCHERS_FIELD);
    for (const client of readWatchers(watchers)) run.watch(client);
  }

  /** A run has ended: the job is finished, or is tried again. */
  ended(job: PoolJob): void {
    this.#outcome.tellChange(job);
  }

  /** A job that BullMQ failed by itself is answered here. */
  async failedByBullMQ(job: PoolJob | undefined, reason: Error): Promise<void> {
    if (!job?.id) return;
    // Carried out: a tool that has the job run again wants it to run.
    if (this.#cancelled.has(job))
      await forgetCancellation(this.#host.client, this.#host.keys, { pool: job.queueName, jobId: job.id });
    if (isSetAside(job)) await forgetLosses(this.#host, job);
    if (this.#seen.of(job)) return;
    const { client, keys } = this.#host;
    const watchers = await client.hget(keys.job(job.queueName, job.id), JOB_WATCHERS_FIELD);
    for (const watcher of readWatchers(watchers)) addWatcher(job, watcher);
    const error = new WorkerLostError(`task "${job.name}" (job ${job.id}) was given up: ${reason.message}`);
    await this.#outcome.refuse(job, error, { count: countOf(job), isOver: true });
  }

  /** Tells the client of a job that was failed because it could not be read, as far as its data says who that is. */
  answerUnreadable({ id, data, error }: { id: string; data: string; error: Error }): void {
    try {
      this.#outcome.answer({ id, data: JSON.parse(data) as PoolJob["data"] }, error);
    } catch {
      // There is no one left to tell.
    }
  }

  async #readRequest(job: PoolJob): Promise<JobRequest> {
    try {
      const request = readEnvelope(job.data);
      checkJobOptions(job);
      honourTaskOptions(job, this.#host.tasks.get(job.name));
      return request;
    } catch (error) {
      this.#journal.refused(job, error as Error);
      throw await this.#outcome.refuse(job, error as Error, { count: countOf(job) });
    }
  }

  /** A result that cannot be had fails the step; a Redis that does not answer is no reason for that. */
  async #withoutInput({ job, token, error }: { job: PoolJob; token: string; error: Error }): Promise<never> {
    if (!(error instanceof ManyhandsError)) throw await this.#giveBack(job, token);
    this.#journal.refused(job, error);
    throw await this.#outcome.refuse(job, error, { count: 1 });
  }

  /** The answer that brought the job may have been on its way for so long that its lock needs renewing first. */
  async #requireLock(job: PoolJob, token: string): Promise<void> {
    if (!(await this.#hasLock(job, token))) throw new WaitingError();
  }

  /** In a lenient pool a job runs to its end also when another host has it by now: this host was not lost. */
  async #forgiveIfLost(job: PoolJob, token: string): Promise<void> {
    if (await this.#hasLock(job, token)) return;
    await forgiveLoss(this.#host, job, new Error("Missing lock"));
  }

  async #hasLock(job: PoolJob, token: string): Promise<boolean> {
    const jobId = job.id ?? "";
    if (this.#options.fence.isTrusted(holdOf(jobId, token))) return true;
    const sentAt = performance.now();
    const worker = job as unknown as {
      queue: {
        extendJobLocks(ids: string[], tokens: string[], ms: number): Promise<string[]>;
        opts: { lockDuration: number };
      };
    };
    const refused = await worker.queue.extendJobLocks([jobId], [token], worker.queue.opts.lockDuration);
    if (refused.length > 0) return false;
    this.#options.fence.granted(holdOf(jobId, token), sentAt);
    return true;
  }

  async #exists(job: PoolJob): Promise<boolean> {
    const { client, keys } = this.#host;
    return (await client.exists(keys.job(job.queueName, job.id ?? ""))) === 1;
  }

  #prepare(job: PoolJob, pool: PoolRecord, request: JobRequest & { computesKey?: boolean }): JobRun {
    const host = this.#host;
    const jobId = job.id ?? "";
    const onError = (error: unknown): void => host.logger.warn(`job ${jobId}: ${(error as Error).message}`);
    const onWritten = (): void => this.#outcome.tellChange(job, run.pid);
    const since = Date.now();
    const run: JobRun = new JobRun({
      jobId,
      since,
      runName: `${job.timestamp}/${job.attemptsStarted}`,
      task: job.name,
      pool: pool.name,
      attempt: job.attemptsMade + 1,
      fatal: host.tasks.get(job.name)?.options?.fatal ?? [],
      hasTriesLeft: request.count === 1 && job.attemptsMade + 1 < (job.opts.attempts ?? 1),
      request,
      ...(request.computesKey && { computesKey: true }),
      trace: traceOf(job),
      isolation: host.tasks.get(job.name)?.isolation ?? pool.isolation ?? host.isolation,
      children: this.#options.children,
      hostName: host.name,
      maxPayload: host.maxPayload,
      progress: new JobProgress(job, host, { onError, onWritten }),
      log: new JobLog({
        ...{ client: host.client, keys: host.keys, pool: pool.name, jobId },
        ...{ since, token: job.token ?? "" },
        echo: host.echoOutput ? (line, stream) => this.#echo(run, line, stream) : null,
        ...{ onError, onWritten },
      }),
      onKill: (reason) => host.meters.childKilled(reason),
      onLoss: (reason) => host.meters.childLost(reason),
      onTimeLimit: () => this.#journal.timeLimit(run, job),
      onAnswers: (answers, failed) => {
        if (request.computesKey) return;
        // The failure of a single call is not final while attempts remain.
        if (failed === 0 || request.count > 1) this.#outcome.post(job, answers, run.pid);
      },
      onWatch: (client) => {
        if (!addWatcher(job, client)) return;
        if (job.data.client === client) return;
        // Its failure is not final while attempts remain.
        if (run.failed > 0 && request.count === 1 && !this.#over.has(run)) return;
        for (const answers of run.answers) this.#outcome.postTo(client, { job, answers, pid: run.pid });
      },
    });
    return run;
  }

  /** @param hasCancellation - The job holds a cancellation, which takes effect before anything starts. */
  async #attempt(
    run: JobRun,
    { job, pool, hasCancellation }: { job: PoolJob; pool: PoolRecord; hasCancellation: boolean },
  ): Promise<void> {
    const { fence } = this.#options;
    const { client, keys, running, logger } = this.#host;
    fence.watch(holdOf(run.jobId, job.token), () => {
      logger.warn(
        `the lock of job ${run.jobId} (task "${job.name}") can no longer be trusted; ` +
          (pool.fence === "strict" ? "its child is killed and the job will run again" : "it may run elsewhere as well"),
      );
      if (pool.fence === "strict") run.stop("fence");
    });
    running.add(run);
    this.#outcome.tellChange(job);
    this.#meter.started(job, run.count);
    try {
      // What cannot be read now is found by a heartbeat.
      if (hasCancellation) await heedRequests(client, keys, [run]).catch((error: Error) => logger.warn(error.message));
      await run.run();
    } finally {
      running.remove(run);
      if (run.isCancelled) this.#cancelled.add(job);
      if (run.hasOutput) await run.finishOutput();
    }
  }

  async #answerTerminated(run: JobRun, { job, token, pool }: JobInPool): Promise<void> {
    // A Redis that lost its data has lost both the pool and the job: it was not terminated, and its caller is told so.
    if (!(await this.#exists(job))) throw new WaitingError();
    // It is a job of the pool that was made again under the name before this host had closed the one before.
    if (await this.#options.pool.isInForce()) throw await this.#giveBack(job, token);
    run.answerRest(poolTerminatedError(pool, job.name, run.jobId), false);
  }

  /** No child could be had for the job. Where that is this host's own trouble, the job is for another, or for later. */
  async #startFailed(run: JobRun, context: JobInPool & { error: unknown }): Promise<never> {
    const { job, token, pool, error } = context;
    if (run.stopReason !== null) throw await this.#giveBack(job, token);
    // It was on its way when the jobs of its pool were stopped.
    if (this.#options.children.isClosed) {
      await this.#answerTerminated(run, { job, token, pool });
      return this.#outcome.fail(run, job);
    }
    if (error instanceof InitializerFailed) {
      if (!(await this.#host.failPool(error.pool, error.cause))) {
        this.#journal.givenBack(run, job, "its pool was reset while the initializer ran");
        await this.#options.pool.lookAgain();
        throw await this.#giveBack(job, token);
      }
      const failed = { ...pool, failure: encodeToString(error.cause) };
      throw await this.#outcome.refuse(job, poolFailedError(failed), { count: run.count });
    }
    // Nothing is known to get here; the call is answered in any case.
    run.answerRest(
      new WorkerLostError(`task "${job.name}" (job ${job.id}) could not start: ${(error as Error).message}`, {
        cause: error,
      }),
      true,
    );
    return this.#fail(run, job, performance.now());
  }

  /** Puts the job back in front of the line without using up an attempt; if Redis is away, its lock will expire. */
  async #giveBack(job: PoolJob, token: string): Promise<Error> {
    const givenBack = job.moveToWait(token);
    givenBack.catch((error: Error) => forgiveLoss(this.#host, job, error)).catch(() => {});
    await withinReach(this.#host.client, givenBack, GIVE_BACK_DEADLINE);
    this.#outcome.tellChange(job);
    return new WaitingError();
  }

  #echo(run: JobRun, line: string, stream: "stdout" | "stderr"): void {
    process[stream].write(`${run.task}#${run.jobId} ${this.#host.name}/${run.pid} | ${line}\n`);
  }
}

/** Units of a job whose data may be anything. */
function countOf(job: PoolJob): number {
  try {
    return readEnvelope(job.data).count;
  } catch {
    return 1;
  }
}

interface JobInPool {
  job: PoolJob;
  token: string;
  pool: PoolRecord;
}
