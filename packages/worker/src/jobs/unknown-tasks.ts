import { TaskNotFoundError } from "@manyhands/core";
import type { Milliseconds, PoolRecord } from "@manyhands/core/internal";
import { DelayedError } from "bullmq";
import type { JobHost } from "./job-host.ts";
import type { PoolJob } from "./pool-job.ts";

/** A job whose task no live host knows is kept this long for a host that may come, ms. */
const PATIENCE: Milliseconds = 15_000;
/** An older job is kept this long, because a host that knows its task may just be restarting, ms. */
const RESTART_PATIENCE: Milliseconds = 5_000;
/** A job that another host can run comes back after this, ms. */
const SERVED_DELAY: Milliseconds = 200;
/** A job that nobody can run comes back after this, ms. */
const UNSERVED_DELAY: Milliseconds = 1_000;

/** What becomes of jobs whose task this host does not know. */
export class UnknownTasks {
  readonly #host: JobHost;
  /** Tasks that no live host knows, and since when, by the monotonic clock. */
  readonly #unserved = new Map<string, number>();

  constructor(host: JobHost) {
    this.#host = host;
  }

  /**
   * Lets a job pass whose task, and whose pool's initializer, are known. Any other goes back without using up an attempt,
   * for the host that knows its task or may soon do.
   *
   * @returns why the job is to fail: nobody came to know its task; null when it can run
   * @throws DelayedError when the job was put back
   */
  async check({ job, token, pool }: { job: PoolJob; token: string; pool: PoolRecord }): Promise<Error | null> {
    const { tasks, isServedElsewhere } = this.#host;
    const needed = pool.initializer ? [job.name, pool.initializer.task] : [job.name];
    const missing = needed.find((name) => !tasks.has(name));
    if (missing === undefined) return null;
    const isServed = await isServedElsewhere(pool.name, missing).catch(() => true);
    if (isServed) this.#unserved.delete(missing);
    else if (!this.#unserved.has(missing)) this.#unserved.set(missing, performance.now());
    if (!isServed && this.#isHopeless(job, missing)) return this.#notFound(missing);
    await job.moveToDelayed(Date.now() + (isServed ? SERVED_DELAY : UNSERVED_DELAY), token);
    throw new DelayedError();
  }

  #isHopeless(job: PoolJob, task: string): boolean {
    const dueAt = job.timestamp + (job.opts.delay ?? 0);
    const unservedFor = performance.now() - (this.#unserved.get(task) ?? performance.now());
    return Date.now() - dueAt > PATIENCE && unservedFor > RESTART_PATIENCE;
  }

  #notFound(task: string): Error {
    const known = [...this.#host.tasks.keys()].sort().join(", ") || "none";
    return new TaskNotFoundError(
      `no live host knows task "${task}"; host "${this.#host.name}" knows: ${known}; ` +
        `start one with: manyhands worker --tasks <module that defines "${task}">`,
    );
  }
}
