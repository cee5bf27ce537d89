import { inspect } from "node:util";
import type { LogFacts } from "@manyhands/core";
import { decodeFromString, type JobEnvelope, type Milliseconds, plural } from "@manyhands/core/internal";
import type { FailureReport } from "../child/messages.ts";
import { describeDuration } from "../log/describe-duration.ts";
import type { HostLog } from "../log/host-log.ts";
import type { JobRun } from "./job-run.ts";
import type { PoolJob } from "./pool-job.ts";

/** Longest text of the arguments of a call, characters. */
const MAX_ARGUMENTS = 1_000;

/** What the host's log says of jobs: one line for each thing that happens to one. */
export class JobJournal {
  readonly #log: HostLog;
  readonly #logArgs: boolean;

  constructor(log: HostLog, options: { logArgs: boolean }) {
    this.#log = log;
    this.#logArgs = options.logArgs;
  }

  done(run: JobRun, job: PoolJob, duration: Milliseconds): void {
    if (!this.#log.isEnabled("debug")) return;
    const took = describeDuration(duration);
    const count = run.count > 1 ? `, ${run.count} calls` : "";
    this.#log.debug(`${nameOf(job)} is done in ${took}${count}`, this.#facts(run, job, duration));
  }

  /** @param outcome.isFinal - False: it is tried again, `retryIn` says in how many ms where that is known */
  failed(
    run: JobRun,
    job: PoolJob,
    outcome: { failure: FailureReport; isFinal: boolean; retryIn?: Milliseconds | undefined; duration: Milliseconds },
  ): void {
    const { failure, isFinal, retryIn, duration } = outcome;
    const { name, message, stack } = failure;
    // As was asked for: that is no failure. Its message is the sentence to say.
    if (run.isCancelled && run.count === 1 && name === "CancelledError") {
      return this.#log.info(message, this.#facts(run, job, duration));
    }
    const attempts = job.opts.attempts ?? 1;
    const what =
      run.count > 1 ? `${run.failed} of ${run.count} calls of ${nameOf(job)} failed` : `${nameOf(job)} failed`;
    const next = isFinal
      ? ""
      : `, try ${job.attemptsMade + 1} of ${attempts}; it is tried again${describeWait(retryIn)}`;
    this.#log.warn(`${what}${next}: ${name}: ${message}`, {
      ...this.#facts(run, job, duration),
      ...(!isFinal && retryIn !== undefined && { retryIn }),
      error: { name, message, stack },
    });
  }

  refused(job: PoolJob, error: Error): void {
    const { name, message } = error;
    const facts = { pool: job.queueName, task: job.name, id: job.id ?? "", error: { name, message } };
    this.#log.warn(`${nameOf(job)} does not run here: ${message}`, facts);
  }

  timeLimit(run: JobRun, job: PoolJob): void {
    const consequence = run.isInline ? "an inline task cannot be ended" : `its child (pid ${run.pid}) is killed`;
    this.#log.warn(`${nameOf(job)} ran over its time limit; ${consequence}`, this.#facts(run, job));
  }

  givenBack(run: JobRun, job: PoolJob, why: string): void {
    this.#log.warn(`${nameOf(job)} goes back to its queue with all its tries: ${why}`, this.#facts(run, job));
  }

  #facts(run: JobRun, job: PoolJob, duration?: Milliseconds): LogFacts {
    return {
      pool: run.pool,
      task: job.name,
      id: run.jobId,
      attempt: job.attemptsMade + 1,
      ...(duration !== undefined && { duration: Math.round(duration * 10) / 10 }),
      pid: run.pid,
      ...(this.#logArgs && { args: describeArguments(job.data) }),
    };
  }
}

function describeWait(wait: Milliseconds | undefined): string {
  if (wait === undefined) return "";
  return wait === 0 ? " at once" : ` in ${describeDuration(wait)}`;
}

function nameOf(job: PoolJob): string {
  return `task "${job.name}" (${job.id})`;
}

function describeArguments(data: Partial<JobEnvelope>): string {
  try {
    if (data.units !== undefined) return plural(Number(data.count), "unit");
    const args = data.encodedArgs === undefined ? (data.args ?? []) : decodeFromString(data.encodedArgs);
    const text = inspect(args, { depth: 4, breakLength: Number.POSITIVE_INFINITY });
    return text.length > MAX_ARGUMENTS ? `${text.slice(0, MAX_ARGUMENTS)}…` : text;
  } catch {
    return "unreadable";
  }
}
