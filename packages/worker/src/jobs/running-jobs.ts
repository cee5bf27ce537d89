import type { JobRun, StopReason } from "./job-run.ts";

/** Jobs of which something is asked, and that are remembered before they run. */
const MOST_ASKED = 10_000;
/** How long, ms. */
const ASKED_LIFE = 60_000;
/** The same of runs that have ended. */
const MOST_ENDED = 1_000;
const ENDED_LIFE = 5_000;

/** The jobs that run on this host now. */
export class RunningJobs {
  completed = 0;
  failed = 0;
  /** In a lenient pool one job may run twice. */
  readonly #runs = new Set<JobRun>();
  readonly #onChange: () => void;
  /** Looks into the job for calls that are still to be cancelled (it may have been retried since), and for who waits. */
  readonly #confirm: (run: JobRun) => void;
  /** Why nothing may run any more, once all jobs were stopped. */
  #stoppedFor: StopReason | null = null;
  /** Runs that have ended, of jobs of which nothing will be kept: who begins to wait just then has no other way to the outcome. */
  readonly #ended = new Map<string, JobRun>();
  /** Jobs that do not run here yet and that calls were cancelled of or others wait for. Hints: the oldest may be forgotten. */
  readonly #asked = new Map<string, { until: number }>();

  constructor(onChange: () => void, confirm: (run: JobRun) => void) {
    this.#onChange = onChange;
    this.#confirm = confirm;
  }

  get size(): number {
    return this.#runs.size;
  }

  add(run: JobRun): void {
    const key = keyOf(run.pool, run.jobId);
    this.#runs.add(run);
    const early = this.#asked.get(key);
    this.#asked.delete(key);
    if (early && performance.now() < early.until) this.#confirm(run);
    // It was on its way when all the others were stopped.
    if (this.#stoppedFor !== null) run.stop(this.#stoppedFor);
    this.#onChange();
  }

  remove(run: JobRun): void {
    this.#runs.delete(run);
    if (run.stopReason === null) {
      if (run.failed > 0) this.failed += 1;
      else this.completed += 1;
    }
    this.#onChange();
  }

  /** Nothing of the job will be kept: for a moment, who begins to wait for it is still given its outcome. */
  remember(run: JobRun): void {
    const key = keyOf(run.pool, run.jobId);
    this.#ended.set(key, run);
    setTimeout(() => {
      if (this.#ended.get(key) === run) this.#ended.delete(key);
    }, ENDED_LIFE).unref();
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MOST_ENDED && oldest !== undefined) this.#ended.delete(oldest);
  }

  /**
   * Cancels one call of a job, or all, if it runs here; another run of the job than the one that is meant looks into the job,
   * which may have brought the cancellation along. That of one call is remembered for the case that its job
   * still waits and comes here; a waiting job as a whole is taken out of its queue by the script that cancels it.
   */
  cancel(job: { pool: string; jobId: string; unit: number | null; run?: string }, reason: string): void {
    const key = keyOf(job.pool, job.jobId);
    const runs = this.list().filter((run) => keyOf(run.pool, run.jobId) === key);
    for (const run of runs) {
      if (job.run === undefined || job.run === run.runName) run.cancel(job.unit, reason);
      else this.#confirm(run);
    }
    if (runs.length === 0 && job.unit !== null) this.#rememberAsked(key);
  }

  /** Another client waits for the job. One that comes here later is looked into. */
  watch(job: { pool: string; jobId: string }, client: string): void {
    const key = keyOf(job.pool, job.jobId);
    const runs = this.list().filter((run) => keyOf(run.pool, run.jobId) === key);
    const ended = this.#ended.get(key);
    for (const run of ended ? [...runs, ended] : runs) run.watch(client);
    if (runs.length === 0) this.#rememberAsked(key);
  }

  list(): JobRun[] {
    return [...this.#runs];
  }

  #rememberAsked(key: string): void {
    this.#asked.delete(key);
    this.#asked.set(key, { until: performance.now() + ASKED_LIFE });
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > MOST_ASKED && oldest !== undefined) this.#asked.delete(oldest);
  }

  /** Asks all jobs to stop, because the host does; those still to come do not start. */
  askAllToStop(): void {
    this.#stoppedFor = "shutdown";
    for (const run of this.list()) run.askToStop();
  }

  /** Takes all jobs, also those still to come, or the present ones of one pool away from their children. */
  stopAll(reason: StopReason, pool: string | null = null): void {
    if (pool === null) this.#stoppedFor = reason;
    for (const run of this.list()) if (pool === null || run.pool === pool) run.stop(reason);
  }
}

function keyOf(pool: string, jobId: string): string {
  return `${pool}:${jobId}`;
}
