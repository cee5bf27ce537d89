import type { Logger } from "@manyhands/core";
import { LongTimer, type Milliseconds, pause, plural, type StopStep, settledWithin } from "@manyhands/core/internal";
import type { RunningJobs } from "../jobs/running-jobs.ts";
import { describeDuration } from "../log/describe-duration.ts";
import type { ProcessRunner } from "../processes/process-runner.ts";

export interface DrainOptions {
  running: RunningJobs;
  processes: ProcessRunner;
  /** False while Redis does not answer: then queues do not close. */
  isRedisThere: () => boolean;
  /** A step begins. */
  onStep: (step: StopStep) => void;
  logger: Logger;
}

/** How long code that listens to its signal may take to stop once the grace time is over, ms. */
const COLD_STOP_TIME: Milliseconds = 1_000;
/** How long jobs may take to be given back after their children were killed, ms. */
const GIVE_BACK_TIME: Milliseconds = 1_500;

/** Ends the jobs and processes that run on a host that stops: in time by themselves, or killed and given back. */
export class Drain {
  readonly #options: DrainOptions;
  #grace = Number.POSITIVE_INFINITY;
  #timer: LongTimer | undefined;
  /** Ends the wait for what runs, in the warm step. */
  #waiting: AbortController | undefined;
  /** Ends the cold step. */
  readonly #cold = new AbortController();
  #isCold = false;
  #left = 0;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get grace(): Milliseconds {
    return this.#grace;
  }

  /** How long what runs may go on, from now on. */
  set grace(grace: Milliseconds) {
    this.#grace = grace;
    if (this.#waiting) this.#startTimer(this.#waiting);
  }

  /** Ends the warm step, also one that has not begun, or the cold one. */
  hurry(): void {
    if (this.#isCold) this.#cold.abort();
    else this.grace = 0;
  }

  /** Jobs and processes that still ran when the warm step was over: they were not left to end by themselves. */
  get left(): number {
    return this.#left;
  }

  /** Jobs and processes that run here. */
  get busy(): number {
    return this.#options.running.size + this.#options.processes.list().length;
  }

  /** For messages. */
  describeWork(): string {
    const { running, processes } = this.#options;
    return `${plural(running.size, "job")} and ${plural(processes.list().length, "process", "processes")}`;
  }

  /**
   * Three steps: warm, what runs may finish within the grace time; cold, its signals are aborted; at last it is killed, and
   * its jobs are given back.
   * @param closed - The queues of the host are closed.
   */
  async run(closed: Promise<unknown>): Promise<void> {
    const { running, processes } = this.#options;
    // A worker that was replaced may still run something.
    await this.#waitWarm(closed.then(() => this.#untilIdle()));
    const left = this.busy;
    this.#left = left;
    if (left > 0) await this.#stopCold();
    if (this.busy > 0) this.#begin("kill", `killing what still runs: ${this.describeWork()}`);
    running.stopAll("shutdown");
    processes.abandonAll();
    await settledWithin(this.#untilIdle(), left > 0 ? GIVE_BACK_TIME : 0);
  }

  async #waitWarm(idle: Promise<unknown>): Promise<void> {
    const { onStep, logger } = this.#options;
    onStep("warm");
    if (this.busy > 0 && this.#grace > 0) {
      const time = this.#grace === Number.POSITIVE_INFINITY ? "" : `up to ${describeDuration(this.#grace)} `;
      logger.info(`waiting ${time}for ${this.describeWork()} to end`, { step: "warm" });
    }
    const waiting = new AbortController();
    this.#waiting = waiting;
    this.#startTimer(waiting);
    void idle.finally(() => waiting.abort());
    await this.#idleWithoutRedis(waiting.signal);
    this.#waiting = undefined;
    this.#timer?.clear();
  }

  #startTimer(waiting: AbortController): void {
    this.#timer?.clear();
    this.#timer = new LongTimer(this.#grace, () => waiting.abort());
  }

  async #stopCold(): Promise<void> {
    const { running, processes } = this.#options;
    this.#isCold = true;
    const [jobs, own] = [running.size, processes.list().length];
    const deeds = [
      ...(jobs > 0 ? [`giving back ${plural(jobs, "running job")}`] : []),
      ...(own > 0 ? [`ending ${plural(own, "running process", "running processes")}`] : []),
    ];
    this.#begin("cold", `${deeds.join(" and ")}: asked to stop within ${describeDuration(COLD_STOP_TIME)}`);
    running.askAllToStop();
    processes.askAllToStop();
    await settledWithin(this.#untilIdle(), COLD_STOP_TIME, { signal: this.#cold.signal });
  }

  #begin(step: StopStep, words: string): void {
    this.#options.onStep(step);
    this.#options.logger.warn(words, { step });
  }

  /** While Redis is away queues do not close; then it is enough that nothing runs. */
  async #idleWithoutRedis(signal: AbortSignal): Promise<void> {
    const { isRedisThere } = this.#options;
    while (!signal.aborted && (this.busy > 0 || isRedisThere()))
      await pause(50, { signal, ref: false }).catch(() => {});
  }

  async #untilIdle(): Promise<void> {
    while (this.busy > 0) await pause(20, { ref: false });
  }
}
