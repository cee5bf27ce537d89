import {
  type GroupedError,
  isCounted,
  type Milliseconds,
  type RollupWriter,
  type TaskCounts,
  type TaskTally,
} from "@manyhands/core/internal";

/** What is counted of a job. */
export interface MeteredJob {
  id?: string | undefined;
  name: string;
  data: unknown;
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
  readonly #host: string;
  readonly #tasks: TaskTally;
  readonly #rollups: RollupWriter;

  /** @param options - `pool`: its label. */
  constructor(options: { pool: string; host: string; tasks: TaskTally; rollups: RollupWriter }) {
    this.#pool = options.pool;
    this.#host = options.host;
    this.#tasks = options.tasks;
    this.#rollups = options.rollups;
  }

  /** A try begins. */
  started(job: MeteredJob, calls: number): void {
    // One that was given back, or lost with its host, has waited and been counted before.
    const isFirst = job.attemptsMade === 0 && job.attemptsStarted <= 1;
    const waited = sinceDue(job);
    this.#each(job.name, (counts) => {
      counts.add("started", calls);
      if (isFirst) counts.durations.wait.add(waited, calls);
    });
    if (!isFirst) return;
    this.#tasks.of(this.#pool, job.name).add("submitted", calls);
    if (!isCounted(job.id ?? "", job.data)) this.#rollups.of(this.#pool, job.name).add("submitted", calls);
  }

  /** A try has ended after `duration` ms. @param failure - The first error, where there is one. */
  ended(
    job: MeteredJob,
    end: MeteredEnd,
    { duration, failure }: { duration: Milliseconds; failure?: GroupedError },
  ): void {
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
    if (failure && failed > 0) this.#group(job, failure, failed);
  }

  /** Its calls were ended without a run. */
  refused(job: MeteredJob, error: Error, calls: number): void {
    const since = sinceDue(job);
    const what = OUTCOMES.get(error.name) ?? "failed";
    this.#each(job.name, (counts) => {
      counts.add(what, calls);
      counts.durations.endToEnd.add(since, calls);
    });
    if (what === "failed") this.#group(job, { ...facts(error), stack: "" }, calls);
  }

  #each(task: string, add: (counts: TaskCounts) => void): void {
    add(this.#tasks.of(this.#pool, task));
    add(this.#rollups.of(this.#pool, task));
  }

  #group(job: MeteredJob, error: GroupedError, count: number): void {
    const place = { pool: this.#pool, host: this.#host, taskId: job.id ?? "" };
    this.#rollups.failed({ task: job.name, error, count, ...place });
  }
}

/** Classes of errors that are no failures of the task. */
const OUTCOMES: ReadonlyMap<string, "cancelled" | "expired"> = new Map([
  ["CancelledError", "cancelled"],
  ["ExpiredError", "expired"],
]);

function facts({ name, message }: Error): { name: string; message: string } {
  return { name, message };
}

/** Time since it could start. The clocks of the program and of this host may differ. */
function sinceDue({ timestamp, opts }: MeteredJob): Milliseconds {
  return Math.max(0, Date.now() - timestamp - (opts.delay ?? 0));
}
