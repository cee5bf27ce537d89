import type { AnyTask } from "../../tasks/index.ts";
import { startProducerSpan } from "../../tracing/index.ts";
import type { JobEnvelope } from "../../wire/records/job.ts";
import type { Limits } from "../../wire/records/limits.ts";
import { callData } from "./call-data.ts";
import { settingsOf } from "./call-settings.ts";
import { dateDelays, type JobQueue, type Submission } from "./job-queue.ts";
import { noteLimitKey } from "./limit-key.ts";
import type { Runtime } from "./runtime.ts";
import { noteOptions, type SubmitOptions, toJobsOptions } from "./submit-options.ts";

/** A call that goes on when this program ends. */
export interface DetachedTask {
  /** Its name. */
  task: string;
  /** Its definition, where this program has it. */
  definition: AnyTask | undefined;
  args: unknown[];
  options: SubmitOptions | undefined;
  /** Id of its job, where it follows from what submits it. Absent: that of the options, or a new one. */
  id?: string | undefined;
  addBy?: Submission["addBy"];
  /** The running task that it is a child of. */
  childOf?: JobEnvelope["childOf"];
}

interface Waiting {
  submission: Submission;
  resolve: (id: string) => void;
  reject: (error: unknown) => void;
}

/**
 * Adds jobs to one pool that nothing in this program waits for: their outcome stays in the job. Those of one tick travel
 * together.
 */
export class DetachedSubmitter {
  readonly #runtime: Runtime;
  readonly #jobs: JobQueue;
  readonly #ready: () => Promise<void>;
  readonly #limitKey: (() => Limits["key"]) | undefined;
  #outbox: Waiting[] = [];
  /** Calls that Redis has not answered for yet: those whose options or arguments are still looked at, too. */
  readonly #open = new Set<Promise<string>>();

  /** @param ready - Resolves when the pool exists in Redis. */
  constructor(
    runtime: Runtime,
    { jobs, ready, limitKey }: { jobs: JobQueue; ready: () => Promise<void>; limitKey?: () => Limits["key"] },
  ) {
    this.#runtime = runtime;
    this.#jobs = jobs;
    this.#ready = ready;
    this.#limitKey = limitKey;
  }

  /**
   * Resolves with the id of the job that stands for the call, once Redis has it; with deduplication it may be another's.
   * @throws SerializationError, PayloadTooLargeError, ValidationError, ValueError
   */
  async submit(call: DetachedTask): Promise<string> {
    const submitted = this.#submit(call);
    this.#open.add(submitted);
    try {
      return await submitted;
    } finally {
      this.#open.delete(submitted);
    }
  }

  /** Resolves when Redis has all that was submitted so far, or has refused it. */
  async delivered(): Promise<void> {
    await Promise.allSettled(this.#open);
  }

  async #submit(call: DetachedTask): Promise<string> {
    const { task, definition, args } = call;
    const settings = settingsOf(this.#runtime, call, call.options);
    const { options } = settings instanceof Promise ? await settings : settings;
    const data: JobEnvelope = await callData({ task, definition, args, maxPayload: this.#runtime.maxPayload });
    noteOptions(data, options);
    // 0 bytes: the job is the only place where its outcome can be looked up, so it is kept at any size.
    const opts = toJobsOptions(options?.jobId ?? call.id ?? this.#runtime.nextJobId(), options, 0);
    // Nothing else in the job would say that it is ours.
    if (call.id !== undefined) data.counted = true;
    noteLimitKey(opts, { task, definition, args, poolKey: this.#limitKey?.() });
    this.#runtime.unserved.glance(this.#jobs.pool, task);
    const span = startProducerSpan(
      { pool: this.#jobs.pool, task, jobId: opts.jobId ?? "", calls: 1 },
      { contexts: [], mode: this.#runtime.traces },
    );
    if (call.childOf !== undefined) data.childOf = call.childOf;
    Object.assign(data, span?.carrier);
    return new Promise<string>((resolve, reject) => {
      this.#outbox.push({ submission: { name: task, data, opts, span, addBy: call.addBy }, resolve, reject });
      if (this.#outbox.length === 1) queueMicrotask(() => this.#flush());
    });
  }

  #flush(): void {
    const outbox = this.#outbox;
    this.#outbox = [];
    void this.#runtime.keepAlive.during(this.#send(outbox));
  }

  async #send(outbox: readonly Waiting[]): Promise<void> {
    try {
      await this.#ready();
      const submissions = outbox.map(({ submission }) => submission);
      await dateDelays(this.#runtime.client, submissions);
      const ids = await this.#jobs.add(submissions);
      for (const [index, { submission, resolve }] of outbox.entries()) {
        resolve(ids[index] || (submission.opts.jobId as string));
      }
    } catch (error) {
      for (const { reject } of outbox) reject(error);
    }
  }
}
