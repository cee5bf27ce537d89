import { TaskNotFoundError } from "@manyhands/core";
import { JOB_UNSERVED_FIELD, type Milliseconds, type PoolRecord } from "@manyhands/core/internal";
import { DelayedError } from "bullmq";
import { patienceEnd } from "../routing/patience.ts";
import type { JobHost } from "./job-host.ts";
import type { PoolJob } from "./pool-job.ts";

/** A job that another host can run comes back after this, ms. */
const SERVED_DELAY: Milliseconds = 200;
/** A job that no host can run comes back after this, to be parked, ms. */
const UNSERVED_DELAY: Milliseconds = 1_000;

/**
 * What becomes of jobs whose task this host does not know. It takes none (see the folder `routing`), but one that no live
 * host has come to know: it has to fail. Any other was taken because something has changed at that moment.
 */
export class UnknownTasks {
  readonly #host: JobHost;

  constructor(host: JobHost) {
    this.#host = host;
  }

  /**
   * Lets a job pass whose task, and whose pool's initializer, are known. Any other goes back without using up an attempt,
   * for the host that knows its task or may soon do.
   *
   * @returns why the job is to fail: no host came to know its task; null when it can run
   * @throws DelayedError when the job was put back
   */
  async check({ job, token, pool }: { job: PoolJob; token: string; pool: PoolRecord }): Promise<Error | null> {
    const { tasks, isServedElsewhere } = this.#host;
    const needed = pool.initializer ? [job.name, pool.initializer.task] : [job.name];
    const missing = needed.find((name) => !tasks.has(name));
    if (missing === undefined) return null;
    const isServed = await isServedElsewhere(pool.name, missing).catch(() => true);
    if (!isServed && (await this.#isHopeless(job))) return this.#notFound(missing);
    await job.moveToDelayed(Date.now() + (isServed ? SERVED_DELAY : UNSERVED_DELAY), token);
    throw new DelayedError();
  }

  async #isHopeless(job: PoolJob): Promise<boolean> {
    const { client, keys } = this.#host;
    const since = Number.parseInt(
      (await client.hget(keys.job(job.queueName, job.id ?? ""), JOB_UNSERVED_FIELD)) ?? "",
      10,
    );
    if (Number.isNaN(since)) return false;
    return Date.now() >= patienceEnd({ since, timestamp: job.timestamp, delay: job.opts.delay ?? 0 });
  }

  #notFound(task: string): Error {
    const known = [...this.#host.tasks.keys()].sort().join(", ") || "none";
    return new TaskNotFoundError(
      `no live host knows task "${task}"; host "${this.#host.name}" knows: ${known}; ` +
        `start one with: manyhands worker --tasks <module that defines "${task}">`,
    );
  }
}
