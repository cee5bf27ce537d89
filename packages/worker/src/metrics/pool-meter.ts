import type { Milliseconds, TaskCounts, TaskTally } from "@manyhands/core/internal";

/** What is counted of a job. */
export interface MeteredJob {
  name: string;
  timestamp: number;
  attemptsMade: number;
  attemptsStarted: number;
  opts: { delay?: number | undefined };
}

/** How the calls of a job ended. */
export interface MeteredEnd {
  completed: number;
  failed: number;
  cancelled: number;
  /** They failed, and are tried again. */
  retried: number;
}

/** Counts the calls of one pool: into the figures of this host, and into those of the fleet. */
export class PoolMeter {
  readonly #pool: string;
  readonly #tallies: readonly Pick<TaskTally, "of">[];

  /** @param pool - Its label. */
  constructor(pool: string, tallies: readonly Pick<TaskTally, "of">[]) {
    this.#pool = pool;
    this.#tallies = tallies;
  }

  /** A try begins. */
  started(job: MeteredJob, calls: number): void {
    // One that was given back, or lost with its host, has waited and been counted before.
    const isFirst = job.attemptsMade === 0 && job.attemptsStarted <= 1;
    const waited = sinceDue(job);
    this.#each(job.name, (counts) => {
      counts.add("started", calls);
      if (!isFirst) return;
      counts.add("submitted", calls);
      counts.durations.wait.add(waited, calls);
    });
  }

  /** A try has ended after `duration` ms. */
  ended(job: MeteredJob, end: MeteredEnd, duration: Milliseconds): void {
    const { completed, failed, cancelled, retried } = end;
    const calls = completed + failed + cancelled + retried;
    const since = sinceDue(job);
    this.#each(job.name, (counts) => {
      counts.add("completed", completed);
      counts.add("failed", failed);
      counts.add("cancelled", cancelled);
      counts.add("retried", retried);
      // The calls of a job run one after another.
      counts.durations.run.add(duration / Math.max(1, calls), calls);
      if (calls > retried) counts.durations.endToEnd.add(since, calls - retried);
    });
  }

  /** Its calls were ended without a run. */
  refused(job: MeteredJob, error: Error, calls: number): void {
    const since = sinceDue(job);
    const what = OUTCOMES.get(error.name) ?? "failed";
    this.#each(job.name, (counts) => {
      counts.add(what, calls);
      counts.durations.endToEnd.add(since, calls);
    });
  }

  #each(task: string, add: (counts: TaskCounts) => void): void {
    for (const tally of this.#tallies) add(tally.of(this.#pool, task));
  }
}

/** Classes of errors that are no failures of the task. */
const OUTCOMES: ReadonlyMap<string, "cancelled" | "expired"> = new Map([
  ["CancelledError", "cancelled"],
  ["ExpiredError", "expired"],
]);

/** Time since it could start. The clocks of the program and of this host may differ. */
function sinceDue({ timestamp, opts }: MeteredJob): Milliseconds {
  return Math.max(0, Date.now() - timestamp - (opts.delay ?? 0));
}
