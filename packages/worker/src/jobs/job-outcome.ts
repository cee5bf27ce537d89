import {
  type JobEnvelope,
  type JobReturn,
  type JobTry,
  MAX_INLINE_ANSWERS,
  type Milliseconds,
  type OutcomePlace,
  StoredAnswers,
  type StoredError,
  submissionOf,
  updatesName,
} from "@manyhands/core/internal";
import type { FailureReport } from "../child/messages.ts";
import type { MeteredEnd, PoolMeter } from "../metrics/pool-meter.ts";
import { noteFailure } from "./dead-calls.ts";
import { describeFailure, failureAnswers, toJobError } from "./failure.ts";
import { noteEnding } from "./job-ending.ts";
import type { JobHost } from "./job-host.ts";
import type { JobRun } from "./job-run.ts";
import type { PoolJob } from "./pool-job.ts";
import { retryDelay } from "./retry-delay.ts";
import { watchersOf } from "./watchers.ts";

const NOTHING = new Uint8Array();

/** How long the outcome of a job is kept by default, ms. */
const RESULT_TTL: Milliseconds = 3_600_000;

/**
 * Writes the outcome of a job to where it is looked for: the answers to the client's reply stream, then the rest to the
 * job. What is returned or thrown is what BullMQ is to be told.
 */
export class JobOutcome {
  readonly #host: JobHost;
  readonly #meter: PoolMeter;
  readonly #stored: StoredAnswers;

  constructor(host: JobHost, meter: PoolMeter) {
    this.#host = host;
    this.#meter = meter;
    this.#stored = new StoredAnswers(host.client, host.keys);
  }

  /**
   * Removes what earlier runs of the job have left in it, before it runs again: the new run may fail without mention of
   * its own, and a task that was cancelled and is run again by request is not to be cancelled again.
   * @returns whether the job, or a call of it, is to be cancelled: its host was lost before that took effect
   */
  async forgetEarlierRuns(job: PoolJob): Promise<boolean> {
    const hasEnded = job.attemptsMade > 0 || (job.stacktrace?.length ?? 0) > 0;
    if (!hasEnded && job.attemptsStarted <= 1) return false;
    // A job that is tried again by itself still has the reason of its last try; who retries a finished one removes it.
    const isRetried = hasEnded && !job.failedReason;
    return this.#stored.forget(placeOf(job), { isRetried });
  }

  /** Posts answers to the clients that wait for them: the one that submitted the job, and others. */
  post(job: PoolJob, answers: Uint8Array, pid: number): void {
    const own = readClient(job.data);
    if (own !== undefined) this.postTo(own, { job, answers, pid });
    for (const client of watchersOf(job)) if (client !== own) this.postTo(client, { job, answers, pid });
  }

  postTo(client: string, { job, answers, pid }: { job: PoolJob; answers: Uint8Array; pid: number }): void {
    this.#host.replies.post(client, [submissionOf(job.id ?? "", job.opts), answers, this.#host.name, pid]);
  }

  /** Has the clients that wait for the job, or follow it, look at it: it has changed. */
  tellChange(job: PoolJob, pid: number = process.pid): void {
    for (const client of watchersOf(job)) {
      this.#host.replies.post(client, [updatesName(job.queueName, job.id ?? ""), NOTHING, this.#host.name, pid]);
    }
  }

  /** Answers a job that is known by its id and data alone, with one error. */
  answer({ id, data }: { id: string; data: unknown }, error: Error): void {
    const client = readClient(data);
    if (client === undefined) return;
    const failure = describeFailure(error, { host: this.#host.name, pid: process.pid, taskId: id }, false);
    this.#host.replies.post(client, [id, failureAnswers([0], failure), this.#host.name, process.pid]);
  }

  /** Every unit has a value. @returns the job's return value */
  async complete(run: JobRun, job: PoolJob, startedAt: number): Promise<JobReturn> {
    const { id, name, replies } = this.#host;
    this.#meter.ended(job, { ...NONE, completed: run.count }, { duration: performance.now() - startedAt });
    const outcome: JobReturn = {
      host: name,
      hostId: id,
      pid: run.pid,
      duration: Math.round((performance.now() - startedAt) * 1000) / 1000,
    };
    const isSmall = totalLength(run.answers) <= MAX_INLINE_ANSWERS;
    const plain = run.count === 1 ? readPlain(run.json) : undefined;
    if (plain && isSmall) outcome.value = plain.value;
    if (isSmall && !(plain && run.isExact)) outcome.answers = run.answers.map(toBase64);
    if (isSmall) {
      // All of it is in the return value.
    } else if (job.opts.removeOnComplete === true && job.data.client !== undefined) outcome.answers = [];
    else {
      const text = plain && run.isExact ? run.json : undefined;
      const stored = await this.#stored.store(placeOf(job), { answers: run.answers, text, ttl: resultTtl(job) });
      // Without one, the job has been taken over or removed: BullMQ refuses the outcome.
      if (stored !== null) outcome.stored = stored;
      if (stored !== null && text !== undefined) outcome.storedAs = "json";
    }
    if (job.data.client !== undefined || watchersOf(job).size > 0) await replies.sent();
    return outcome;
  }

  /** At least one unit failed. @throws what BullMQ is to be told, always */
  async fail(run: JobRun, job: PoolJob): Promise<never> {
    const failure = run.failure as FailureReport;
    this.#meter.ended(job, endOf(run, job), { duration: performance.now() - run.begunAt, failure });
    if (run.endsCancelled) noteEnding(job, "cancelled");
    noteFailure(job, run);
    if (run.count > 1) {
      const summary = `${run.failed} of ${run.count} calls failed; first: ${failure.message}`;
      const error = this.#describe({ ...failure, message: summary }, run.pid, triedBy(run, job));
      await this.#stored.store(placeOf(job), { answers: run.answers, ttl: resultTtl(job), error });
      await this.#host.replies.sent();
      throw toJobError({ ...failure, message: summary }, true);
    }
    const isFinal = isFinalFailure(run, job);
    await this.#stored.storeError(placeOf(job), this.#describe(failure, run.pid, triedBy(run, job)));
    if (isFinal) {
      for (const answers of run.answers) this.post(job, answers, run.pid);
      await this.#host.replies.sent();
    }
    throw toJobError(failure, isFinal);
  }

  /**
   * Answers all `count` units of a job that does not run with one error; `isOver`: BullMQ has failed it already.
   * @returns what BullMQ is to be told
   */
  async refuse(
    job: PoolJob,
    error: Error,
    { count, isOver = false }: { count: number; isOver?: boolean },
  ): Promise<Error> {
    const origin = { host: this.#host.name, pid: process.pid, taskId: job.id ?? "" };
    const failure = describeFailure(error, origin, false);
    this.#meter.refused(job, error, count);
    noteFailure(job, failure.error);
    const place = isOver ? { ...placeOf(job), token: null } : placeOf(job);
    await this.#stored.storeError(place, this.#describe(failure, process.pid));
    this.post(job, failureAnswers(Array(count).keys(), failure), process.pid);
    await this.#host.replies.sent();
    return toJobError(failure, true);
  }

  /**
   * Chooses when a job that has failed is tried again. Before {@link fail}.
   * @returns in how many ms; undefined = only BullMQ knows
   */
  chooseRetry(job: PoolJob, failure: FailureReport): Milliseconds | undefined {
    const task = this.#host.tasks.get(job.name);
    const { delay, problem } = retryDelay(job, { failure, task });
    // BullMQ knows neither a longest wait nor functions of tasks. It does not store these options again.
    if (delay !== undefined) job.opts.backoff = { type: "fixed", delay };
    if (problem !== undefined)
      this.#host.logger.warn(problem, { pool: job.queueName, task: job.name, id: job.id ?? "" });
    return delay;
  }

  #describe(
    { name, message, error }: FailureReport,
    pid: number,
    tried?: Pick<JobTry, "attempt" | "startedAt">,
  ): StoredError {
    const failure = { name, message, host: this.#host.name, pid };
    return { error, failure, tried: tried && { ...tried, ...failure, endedAt: Date.now() } };
  }
}

/** Which try a run is. */
function triedBy({ since }: JobRun, { attemptsMade }: PoolJob): Pick<JobTry, "attempt" | "startedAt"> {
  return { attempt: attemptsMade + 1, startedAt: since };
}

const NONE = { completed: 0, failed: 0, cancelled: 0, retried: 0 };

/** How the calls of a run ended of which at least one failed. */
function endOf(run: JobRun, job: PoolJob): MeteredEnd {
  const { count, failed } = run;
  const cancelled = Math.min(failed, run.cancelledCalls);
  const isFinal = isFinalFailure(run, job);
  const rest = failed - cancelled;
  return { completed: count - failed, cancelled, failed: isFinal ? rest : 0, retried: isFinal ? 0 : rest };
}

/** Whether the job is not tried again. */
export function isFinalFailure(run: JobRun, job: PoolJob): boolean {
  return run.count > 1 || !run.failure?.retry || job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
}

function placeOf(job: PoolJob): OutcomePlace {
  return { pool: job.queueName, jobId: job.id ?? "", token: job.token ?? "no token" };
}

function resultTtl(job: PoolJob): Milliseconds {
  return job.data.resultTtl ?? RESULT_TTL;
}

/** Id of the client that waits for the answers, as far as the data says so. */
function readClient(data: unknown): string | undefined {
  const client = (data as Partial<JobEnvelope> | null)?.client;
  return typeof client === "string" ? client : undefined;
}

/** The value in the child's own text; undefined where there is none that can be read. */
function readPlain(json: string | undefined): { value: unknown } | undefined {
  if (json === undefined) return undefined;
  try {
    return { value: JSON.parse(json) };
  } catch {
    return undefined;
  }
}

function totalLength(parts: Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
