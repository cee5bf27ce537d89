import type { Milliseconds, PoolRecord } from "@manyhands/core/internal";
import { DelayedError } from "bullmq";
import type { JobHost } from "./job-host.ts";
import type { PoolJob } from "./pool-job.ts";

/** A job that another host can run comes back after this, ms. */
const SERVED_DELAY: Milliseconds = 200;
/** A job that no host can run comes back after this, to be parked, ms. */
const UNSERVED_DELAY: Milliseconds = 1_000;

/**
 * What becomes of jobs whose task this host does not know. It takes none (see the folder `routing`); one that it has was
 * taken because something has changed at that moment.
 */
export class UnknownTasks {
  readonly #host: JobHost;

  constructor(host: JobHost) {
    this.#host = host;
  }

  /**
   * Lets a job pass whose task, and whose pool's initializer, are known. Any other goes back without using up an attempt,
   * for the host that knows its task or may once do so.
   *
   * @throws DelayedError when the job was put back
   */
  async check({ job, token, pool }: { job: PoolJob; token: string; pool: PoolRecord }): Promise<void> {
    const { tasks, isServedElsewhere } = this.#host;
    const needed = pool.initializer ? [job.name, pool.initializer.task] : [job.name];
    const missing = needed.find((name) => !tasks.has(name));
    if (missing === undefined) return;
    const isServed = await isServedElsewhere(pool.name, missing).catch(() => true);
    await job.moveToDelayed(Date.now() + (isServed ? SERVED_DELAY : UNSERVED_DELAY), token);
    throw new DelayedError();
  }
}
