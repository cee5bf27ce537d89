import type { JobRun, StopReason } from "./job-run.ts";

/** The jobs that run on this host now. */
export class RunningJobs {
  completed = 0;
  failed = 0;
  readonly #runs = new Map<string, JobRun>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#runs.size;
  }

  add(run: JobRun): void {
    this.#runs.set(keyOf(run.pool, run.jobId), run);
    this.#onChange();
  }

  remove(run: JobRun): void {
    this.#runs.delete(keyOf(run.pool, run.jobId));
    if (run.stopReason === null) {
      if (run.failed > 0) this.failed += 1;
      else this.completed += 1;
    }
    this.#onChange();
  }

  find(pool: string, jobId: string): JobRun | undefined {
    return this.#runs.get(keyOf(pool, jobId));
  }

  list(): JobRun[] {
    return [...this.#runs.values()];
  }

  /** Takes all jobs, or those of one pool, away from their children. */
  stopAll(reason: StopReason, pool: string | null = null): void {
    for (const run of this.list()) if (pool === null || run.pool === pool) run.stop(reason);
  }
}

function keyOf(pool: string, jobId: string): string {
  return `${pool}:${jobId}`;
}
