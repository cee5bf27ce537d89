import {
  encode,
  JOB_ERROR_FIELD,
  type JobEnvelope,
  type JobReturn,
  MAX_INLINE_ANSWERS,
  type Milliseconds,
  Script,
} from "@manyhands/core/internal";
import type { FailureReport } from "../child/messages.ts";
import { describeFailure, failureAnswers, toJobError } from "./failure.ts";
import type { JobHost } from "./job-host.ts";
import type { JobRun } from "./job-run.ts";
import type { PoolJob } from "./pool-job.ts";

/** How long the outcome of a job is kept by default, ms. */
const RESULT_TTL: Milliseconds = 3_600_000;

/**
 * Writes the outcome of a job to where it is looked for: the answers to the client's reply stream, then the rest to the
 * job. What is returned or thrown is what BullMQ is to be told.
 */
export class JobOutcome {
  readonly #host: JobHost;

  constructor(host: JobHost) {
    this.#host = host;
  }

  /** Posts answers to the client that waits for them, if there is one. */
  post(job: PoolJob, answers: Uint8Array, pid: number): void {
    const client = readClient(job.data);
    if (client !== undefined) this.#host.replies.post(client, [job.id ?? "", answers, this.#host.name, pid]);
  }

  /** Every unit has a value. @returns the job's return value */
  async complete(run: JobRun, job: PoolJob, startedAt: number): Promise<JobReturn> {
    const { id, name, replies } = this.#host;
    const outcome: JobReturn = {
      host: name,
      hostId: id,
      pid: run.pid,
      duration: Math.round((performance.now() - startedAt) * 1000) / 1000,
    };
    const plain = run.count === 1 ? readPlain(run.json) : undefined;
    if (plain) outcome.value = plain.value;
    else if (totalLength(run.answers) <= MAX_INLINE_ANSWERS) outcome.answers = run.answers.map(toBase64);
    else if (job.opts.removeOnComplete === true && job.data.client !== undefined) outcome.answers = [];
    else {
      await this.#store(run, job);
      outcome.stored = true;
    }
    if (job.data.client !== undefined) await replies.sent();
    return outcome;
  }

  /** At least one unit failed. @throws what BullMQ is to be told, always */
  async fail(run: JobRun, job: PoolJob): Promise<never> {
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
      for (const answers of run.answers) this.post(job, answers, run.pid);
      await this.#host.replies.sent();
    }
    throw toJobError(failure, isFinal);
  }

  /** Answers all `count` units of a job that does not run with one error. @returns what BullMQ is to be told */
  async refuse(job: PoolJob, count: number, error: Error): Promise<Error> {
    const origin = { host: this.#host.name, pid: process.pid, taskId: job.id ?? "" };
    const failure = describeFailure(error, origin, false);
    await this.#storeError(job, failure);
    this.post(job, failureAnswers(Array(count).keys(), failure), process.pid);
    await this.#host.replies.sent();
    return toJobError(failure, true);
  }

  async #store(run: JobRun, job: PoolJob): Promise<void> {
    const { client, keys } = this.#host;
    const bytes = Buffer.from(encode(run.answers));
    // Redis takes whole milliseconds, up to 64 bits.
    const ttl = Math.min(Math.ceil(job.data.resultTtl ?? RESULT_TTL), Number.MAX_SAFE_INTEGER);
    await client.set(keys.result(run.jobId), bytes, "PX", ttl);
  }

  async #storeError(job: PoolJob, failure: FailureReport): Promise<void> {
    const { client, keys } = this.#host;
    const jobKey = keys.job(job.queueName, job.id ?? "");
    await storeJobError.run(client, [jobKey], [JOB_ERROR_FIELD, toBase64(failure.error)]);
  }
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
