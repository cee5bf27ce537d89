import type { PoolJob } from "./pool-job.ts";

/** Least time between two writes, ms. */
const INTERVAL = 200;

/** Writes a job's progress, not more often than {@link INTERVAL}, and the last value always. */
export class JobProgress {
  readonly #job: PoolJob;
  readonly #onError: (error: unknown) => void;
  #waiting: { value: unknown } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(job: PoolJob, onError: (error: unknown) => void) {
    this.#job = job;
    this.#onError = onError;
  }

  report(value: unknown): void {
    this.#waiting = { value };
    if (this.#timer) return;
    this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#waiting) this.report(this.#waiting.value);
    }, INTERVAL);
  }

  /** Writes the last value; resolves when it is in Redis. */
  async finish(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#write();
    await this.#writing;
  }

  #write(): void {
    if (!this.#waiting) return;
    const { value } = this.#waiting;
    this.#waiting = undefined;
    this.#writing = this.#job.updateProgress(value as object).catch(this.#onError);
  }
}
