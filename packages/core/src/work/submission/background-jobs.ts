import type { Milliseconds } from "../../time/index.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import { unlimitedPool } from "../registry/index.ts";
import { DetachedSubmitter, type DetachedTask } from "./detached-submitter.ts";
import { JobQueue } from "./job-queue.ts";
import type { Runtime } from "./runtime.ts";

/** A pool may be removed by others: it is made again with a submission at least this long after the last time, ms. */
const MAKE_AGAIN_AFTER: Milliseconds = 1_000;

interface OpenPool {
  jobs: JobQueue;
  submitter: DetachedSubmitter;
}

/** Submits calls to pools by their names, without a handle of the pool. A pool that does not exist is made, without a limit. */
export class BackgroundJobs {
  readonly #runtime: Runtime;
  readonly #pools = new Map<string, OpenPool>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Resolves with the id of the job once Redis has it.
   * @throws as `DetachedSubmitter.submit`; ValueError for a bad name of a pool
   */
  async submit(pool: string, call: DetachedTask): Promise<string> {
    assertPoolName(pool);
    return this.#open(pool).submitter.submit(call);
  }

  /** Resolves when Redis has all that was submitted so far, or has refused it. */
  async delivered(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ submitter }) => submitter.delivered()));
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ jobs }) => jobs.close()));
  }

  #open(pool: string): OpenPool {
    const known = this.#pools.get(pool);
    if (known) return known;
    const { client, keys, telemetry, logger, registry } = this.#runtime;
    const jobs = new JobQueue(pool, { client, keys, telemetry, logger });
    let madeAt = Number.NEGATIVE_INFINITY;
    const ready = async (): Promise<void> => {
      if (performance.now() - madeAt < MAKE_AGAIN_AFTER) return;
      await registry.create(unlimitedPool(pool));
      madeAt = performance.now();
    };
    const opened = { jobs, submitter: new DetachedSubmitter(this.#runtime, { jobs, ready }) };
    this.#pools.set(pool, opened);
    return opened;
  }
}
