import { CancelledError, type RunningTask, TimeoutError } from "@manyhands/core/child";
import type { CancelReason, OutputStream } from "./messages.ts";
import type { TaskOutput } from "./task-output.ts";

/** Facts that all units of one job share. */
export interface JobFacts {
  readonly id: string;
  /** How messages name it. */
  readonly jobId: string;
  readonly task: string;
  readonly attempt: number;
  readonly count: number;
  readonly hostName: string;
}

/**
 * One unit of a job while it runs: what `currentTask()` gives to the task's code. Everything that costs is made when
 * first asked for, because most calls ask for nothing.
 */
export class RunningUnit implements RunningTask {
  readonly unit: number;
  /** Which item of its chunk failed, from 0. */
  failedItem: number | undefined = undefined;
  readonly #job: JobFacts;
  readonly #output: TaskOutput;
  #controller: AbortController | undefined;
  #aborted: CancelReason | undefined;

  constructor(job: JobFacts, unit: number, output: TaskOutput) {
    this.#job = job;
    this.unit = unit;
    this.#output = output;
  }

  get jobId(): string {
    return this.#job.jobId;
  }

  get id(): string {
    return this.#job.count > 1 ? `${this.#job.id}.${this.unit}` : this.#job.id;
  }

  /** Where its job is. Messages name a job by its pool and its id. */
  get place(): { pool: string; jobId: string; unit: number | null } {
    const { jobId, id, count } = this.#job;
    return { pool: jobId.slice(0, jobId.indexOf("/")), jobId: id, unit: count > 1 ? this.unit : null };
  }

  get name(): string {
    return this.#job.task;
  }

  get attempt(): number {
    return this.#job.attempt;
  }

  get host(): string {
    return this.#job.hostName;
  }

  get pid(): number {
    return process.pid;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.abortError());
    }
    return this.#controller.signal;
  }

  /** Whether the unit's code has ever looked at its signal. */
  get listens(): boolean {
    return this.#controller !== undefined;
  }

  /** Why the signal is, or would be, aborted. */
  get aborted(): CancelReason | undefined {
    return this.#aborted;
  }

  /** A function of its own, so that `const { progress } = currentTask()` works. */
  get progress(): (value: unknown) => void {
    return (value) => this.#output.progress(this, value);
  }

  get log(): (line: string) => void {
    return (line) => this.#output.log(this, line);
  }

  /** Takes what the unit's code wrote to a standard stream. */
  write(stream: OutputStream, chunk: string | Uint8Array): void {
    this.#output.write(this, stream, chunk);
  }

  abort(reason: CancelReason): void {
    if (this.#aborted !== undefined && this.#aborted !== "softTimeout") return;
    if (this.#aborted === reason) return;
    this.#aborted = reason;
    this.#controller?.abort(this.abortError());
  }

  /** A soft limit counts per item: the next item of a chunk starts with a signal of its own. */
  startItem(): void {
    if (this.#aborted !== "softTimeout") return;
    this.#aborted = undefined;
    this.#controller = undefined;
  }

  abortError(): Error {
    if (this.#aborted === "softTimeout")
      return new TimeoutError(`task "${this.name}" ran longer than its soft time limit`);
    if (this.#aborted === "cancelled") return new CancelledError(`task "${this.name}" was cancelled`);
    return new CancelledError(`task "${this.name}" is stopped because its host stops; it will run again`);
  }
}
