import { CancelledError, TimeoutError, WorkerLostError } from "@manyhands/core";
import {
  decode,
  encode,
  type Isolation,
  isJsonUnits,
  type TraceCarrier,
  type UnitAnswer,
  unlessAborted,
} from "@manyhands/core/internal";
import type { FailureReport, RunRequest } from "../child/messages.ts";
import { type ChildLease, type ChildPool, KEEP_CHILD } from "../children/child-pool.ts";
import { ChildUnavailable } from "../children/child-unavailable.ts";
import type { Executor, ExecutorExit, RunMessage } from "../executor/executor.ts";
import type { KillReason, LossReason } from "../metrics/host-meters.ts";
import { describeFailure, failureAnswers } from "./failure.ts";
import type { JobLog } from "./job-log.ts";
import type { JobProgress } from "./job-progress.ts";
import type { JobRequest } from "./read-envelope.ts";
import { TimeLimits } from "./time-limits.ts";

export interface JobRunOptions {
  jobId: string;
  /** When it begins, epoch ms. */
  since: number;
  /** Tells the runs of an id apart, as a control message names them. */
  runName: string;
  task: string;
  pool: string;
  attempt: number;
  /** Names of errors after which the task is not tried again. */
  fatal: readonly string[];
  /** Another attempt follows if this one fails. */
  hasTriesLeft: boolean;
  /** The task is not called: its limits tell the key of the call. */
  computesKey?: boolean;
  request: JobRequest;
  /** The trace that it belongs to. */
  trace?: TraceCarrier | undefined;
  isolation: Isolation;
  children: ChildPool;
  hostName: string;
  maxPayload: number;
  log: JobLog;
  progress: JobProgress;
  /** A call is over its time limit, and about to be ended. */
  onTimeLimit?: () => void;
  /** A child is killed on purpose. */
  onKill?: (reason: KillReason) => void;
  /** A child ended that was not to. */
  onLoss?: (reason: LossReason) => void;
  /** Each message of answers, as soon as it is there. */
  onAnswers: (answers: Uint8Array, failed: number) => void;
  /** Another client waits for the job. */
  onWatch: (client: string) => void;
}

/** Why a job is taken away from its child without an answer. */
export type StopReason = "fence" | "shutdown" | "terminated" | "unavailable";

/** What ends the present child on purpose. */
type KillCause = { for: "timeout"; unit: number } | { for: "cancel"; unit: number | null } | { for: "stop" };

/** How long a cancelled call may take to stop by itself before its child is killed, ms. */
const CANCEL_GRACE = 2_000;
/** Units with more characters than this are sent to the child as bytes. */
const LONG_TEXT = 8_192;
/** Children that die one after the other before they start any unit. */
const FRUITLESS_CHILDREN = 3;

/**
 * One attempt at one job: runs its units in children until each has exactly one answer.
 *
 * - A child that dies takes the unit with it that it was running; units already answered stay answered and the rest
 *   goes on in another child. If it is not known which unit was running, the rest runs again with every start reported.
 * - A child takes as many units as its pool lets one child run; the others go on in the next.
 * - A unit over its time limit, or cancelled and not willing to stop, costs the child its life. Inline calls cannot
 *   be ended; the host stops waiting for them.
 */
export class JobRun {
  readonly since: number;
  /** By the monotonic clock. */
  readonly begunAt: number = performance.now();
  /** Calls whose answer is that they were cancelled. */
  cancelledCalls = 0;
  readonly task: string;
  readonly pool: string;
  readonly jobId: string;
  readonly runName: string;
  /** Messages of answers, in the order of arrival. */
  readonly answers: Uint8Array[] = [];
  failed = 0;
  failure: FailureReport | null = null;
  /** Value of a single call as JSON text, when it is plain. */
  json: string | undefined;
  /** Whether `json` says all of the value. */
  isExact = false;
  stopReason: StopReason | null = null;
  pid: number;
  readonly #options: JobRunOptions;
  readonly #limits: TimeLimits;
  readonly #answered = new Set<number>();
  readonly #cancelled = new Map<number | null, string>();
  /** Cancelled calls that were answered here while the present child has yet to come to them. */
  readonly #answeredEarly = new Set<number>();
  #lease: ChildLease | undefined;
  #lastStarted: number | undefined;
  #reportStarts: boolean;
  #killCause: KillCause | null = null;
  #abandon: (() => void) | undefined;
  /** Waits for a child no longer, for that reason; undefined while it does not wait for one. */
  #giveUp: ((reason: string) => void) | undefined;
  /** Units that the present child was given, and those that it was told to leave out. */
  #given: { units: number[]; skipped: number[] } = { units: [], skipped: [] };
  #initializerClock: NodeJS.Timeout | undefined;
  #fruitless = 0;
  #isAskedToStop = false;
  #hasOutput = false;

  constructor(options: JobRunOptions) {
    this.#options = options;
    this.since = options.since;
    this.task = options.task;
    this.pool = options.pool;
    this.jobId = options.jobId;
    this.runName = options.runName;
    this.pid = process.pid;
    const { timeout, softTimeout } = options.request.envelope;
    this.#limits = new TimeLimits({
      timeout,
      softTimeout,
      onSoftTimeout: (unit) => this.#lease?.executor.cancel(this.#nameInChild, unit, "softTimeout"),
      onTimeout: (unit) => this.#end({ for: "timeout", unit }),
    });
    this.#reportStarts = this.#limits.areSet;
  }

  /** Resolves when every unit is answered, or the run was stopped. Rejects when no child can be had. */
  async run(): Promise<void> {
    // A job that was cancelled before it was taken needs no child.
    this.#answerCancelledCalls();
    while (!this.#isComplete && this.stopReason === null) {
      const lease = await this.#acquire();
      if (!lease) return;
      // Calls that were cancelled meanwhile never start.
      this.#answerCancelledCalls();
      if (this.stopReason !== null || this.#isComplete) return lease.release();
      const exit = await this.#runOn(lease);
      if (this.#isAskedToStop && !this.#isComplete) this.stopReason ??= "shutdown";
      else if (exit === null) this.#answerForgotten();
      else if (this.stopReason === null) this.#afterExit(exit);
    }
  }

  #answerCancelledCalls(): void {
    this.#answerCancelled(this.#unanswered().filter((unit) => this.#cancelReason(unit) !== undefined));
  }

  /** Takes the job away from its child: the child is killed, the units stay unanswered. */
  stop(reason: StopReason): void {
    if (this.#isComplete || this.stopReason !== null) return;
    this.stopReason = reason;
    this.#end({ for: "stop" });
  }

  /**
   * Asks the running call to stop, because the host does. A value that it gives now still counts; all else, an error as
   * well, leaves the job to run again without using up an attempt. A call that does not listen is stopped at once.
   */
  askToStop(): void {
    if (this.#isComplete || this.stopReason !== null || this.#isAskedToStop) return;
    if (!this.#lease) return this.stop("shutdown");
    this.#isAskedToStop = true;
    this.#lease.executor.cancel(this.#nameInChild, null, "shutdown");
  }

  /** Cancels one unit, or all. The call is asked to stop and, if it does not, ended with its child. */
  cancel(unit: number | null, reason: string): void {
    if (this.#cancelled.has(unit) || this.#isComplete || (unit !== null && this.#answered.has(unit))) return;
    this.#cancelled.set(unit, reason);
    this.#lease?.executor.cancel(this.#nameInChild, unit, "cancelled");
    const isAtIt = unit === null || this.#runningUnit === unit;
    setTimeout(() => this.#endCancelled(unit, isAtIt), CANCEL_GRACE).unref();
  }

  /**
   * A call that was cancelled before its turn came is answered, and costs those before it nothing; the child, which may
   * begin it before it hears of that, is looked at until it is past it.
   * @param wasAtIt - Whether the child was running it a while ago.
   */
  #endCancelled(unit: number | null, wasAtIt: boolean): void {
    const isOver = unit === null ? this.#isComplete : this.#answered.has(unit) && !this.#answeredEarly.has(unit);
    if (isOver) return;
    const isAtIt = unit === null || this.#runningUnit === unit;
    if (unit === null || !this.#lease || (isAtIt && wasAtIt)) return this.#end({ for: "cancel", unit });
    if (!isAtIt && !this.#answered.has(unit)) {
      this.#answeredEarly.add(unit);
      this.#answerCancelled([unit]);
    }
    setTimeout(() => this.#endCancelled(unit, isAtIt), CANCEL_GRACE).unref();
  }

  /** The call that the present child is running, as far as its answers tell: it runs one after another. */
  get #runningUnit(): number | undefined {
    if (!this.#lease) return undefined;
    return this.#given.units.find((unit) => !this.#answered.has(unit) || this.#answeredEarly.has(unit));
  }

  /** Another client waits for the job. */
  watch(client: string): void {
    this.#options.onWatch(client);
  }

  /** True when there is log or progress to be written before the job is finished. */
  get hasOutput(): boolean {
    return this.#hasOutput;
  }

  /** True when at least one of its calls was to be cancelled. */
  get isCancelled(): boolean {
    return this.#cancelled.size > 0;
  }

  /** True when all that failed was cancelled, and nothing has a value. */
  get endsCancelled(): boolean {
    return this.failed === this.count && this.cancelledCalls === this.failed;
  }

  async finishOutput(): Promise<void> {
    await Promise.all([this.#options.log.finish(), this.#options.progress.finish()]);
  }

  get isInline(): boolean {
    return this.#options.isolation === "inline";
  }

  get count(): number {
    return this.#options.request.count;
  }

  get #isComplete(): boolean {
    return this.#answered.size >= this.count;
  }

  /** Gives every unit without an answer an error. */
  answerRest(error: Error, retry: boolean): void {
    this.#answerRest(() => error, retry);
  }

  /** @returns undefined when the job was stopped, or answered, before it had a child: an initializer may never end */
  async #acquire(): Promise<ChildLease | undefined> {
    const { children, isolation } = this.#options;
    const gaveUp = new AbortController();
    this.#giveUp = (reason) => gaveUp.abort(reason);
    const acquired = children.acquire(isolation, {
      tasks: this.count - this.#answered.size,
      signal: gaveUp.signal,
      onInitializing: (executor) => this.#limitInitializer(executor),
    });
    const lease = await unlessAborted(acquired, gaveUp.signal)
      .catch((error) => {
        if (error instanceof ChildUnavailable) this.stopReason ??= "unavailable";
        throw error;
      })
      .finally(() => {
        clearTimeout(this.#initializerClock);
        this.#giveUp = undefined;
      });
    if (gaveUp.signal.aborted) {
      acquired.then(
        (late) => late.release(),
        () => {},
      );
      return undefined;
    }
    return lease?.value;
  }

  /** A call's time limit counts behind the initializer of its pool, which may never end, as it does for the call. */
  #limitInitializer(executor: Executor): void {
    const { timeout } = this.#options.request.envelope;
    if (timeout === undefined || !this.#giveUp) return;
    clearTimeout(this.#initializerClock);
    this.#initializerClock = setTimeout(() => {
      if (!this.#giveUp) return;
      const waited =
        `task "${this.task}" (job ${this.jobId}) could not start within its time limit of ${timeout} ms: the initializer ` +
        `of pool "${this.pool}" is still running on host "${this.#options.hostName}" (pid ${executor.pid})`;
      this.#answerRest(() => new TimeoutError(waited));
      this.#giveUp?.(KEEP_CHILD);
    }, timeout);
  }

  async #runOn(lease: ChildLease): Promise<ExecutorExit | null> {
    this.#lease = lease;
    this.#killCause = null;
    this.#lastStarted = undefined;
    this.pid = lease.executor.pid;
    let isCurrent = true;
    const abandoned = new Promise<ExecutorExit>((resolve) => {
      this.#abandon = () => resolve(NOT_ENDED);
    });
    const open = this.#unanswered();
    const units = open.slice(0, lease.tasks);
    this.#given = { units, skipped: [...this.#answered, ...open.slice(lease.tasks)] };
    const ended = lease.executor.run(this.#request(), (message) => {
      if (isCurrent) this.#receive(message);
    });
    // Both end with this run, which is too frequent for a signal.
    const exit = await Promise.race([ended, abandoned]);
    isCurrent = false;
    this.#lease = undefined;
    this.#answeredEarly.clear();
    this.#limits.clear();
    if (exit === null || exit === NOT_ENDED) lease.release();
    else lease.discard();
    return exit;
  }

  /** Jobs of several pools run in a child, one after another, and may have the same id. */
  get #nameInChild(): string {
    return `${this.pool}/${this.jobId}`;
  }

  #request(): RunRequest {
    const { trace } = this.#options;
    const { envelope, kind, count } = this.#options.request;
    return {
      ...(trace && { trace }),
      jobId: this.#nameInChild,
      ownId: this.jobId,
      task: this.task,
      attempt: this.#options.attempt,
      hasTriesLeft: this.#options.hasTriesLeft,
      ...(this.#options.computesKey && { computesKey: true }),
      kind,
      count,
      reportStarts: this.#reportStarts,
      maxPayload: this.#options.maxPayload,
      isDetached: envelope.client === undefined,
      ...(envelope.units !== undefined
        ? unitsOf(envelope.units)
        : envelope.encodedArgs !== undefined
          ? { encodedArgs: envelope.encodedArgs }
          : { args: envelope.args ?? [] }),
      ...(this.#given.skipped.length > 0 ? { skip: this.#given.skipped } : {}),
    };
  }

  #receive(message: RunMessage): void {
    switch (message.type) {
      case "started":
        this.#lastStarted = message.unit;
        this.#fruitless = 0;
        return this.#limits.started(message.unit);
      case "answers":
        return this.#takeAnswers(message);
      case "unheard":
        // Sent by a task's own code, it means nothing: the host does not stop.
        return this.#isAskedToStop ? this.stop("shutdown") : undefined;
      case "output":
        this.#hasOutput = true;
        return this.#options.log.addOutput(message.stream, message.text);
      case "log":
        this.#hasOutput = true;
        return this.#options.log.add(message.line);
      case "progress":
        this.#hasOutput = true;
        return this.#options.progress.report(message.value);
    }
  }

  #takeAnswers(message: Extract<RunMessage, { type: "answers" }>): void {
    // What a child sends may come from its task, and a unit that there is not would count as an answered one.
    if (message.units.some((unit) => unit >= this.count)) return;
    for (const unit of message.units) {
      this.#limits.ended(unit);
      this.#answeredEarly.delete(unit);
    }
    if (message.units.length === 0) return;
    const isDropped = this.#isAskedToStop && message.failed > 0;
    if (isDropped || message.units.some((unit) => this.#answered.has(unit) || this.#cancelReason(unit) !== undefined)) {
      return this.#takePart(message);
    }
    if (message.json !== undefined) {
      this.json = message.json;
      this.isExact = message.isExact === true;
    }
    this.#keep({ answers: message.answers, units: message.units, failed: message.failed, failure: message.failure });
  }

  /**
   * A cancelled unit's answer is that it was cancelled, also if its call ignored the signal; a late answer to an
   * inline call that was given up is dropped, and so is the failure of a call that was asked to stop.
   */
  #takePart(message: Extract<RunMessage, { type: "answers" }>): void {
    const open = this.#open(message.units);
    const cancelled = open.filter((unit) => this.#cancelReason(unit) !== undefined);
    const others = (decode(message.answers) as UnitAnswer[]).filter(
      ([unit, ok]) => open.includes(unit) && !cancelled.includes(unit) && !(this.#isAskedToStop && ok === 0),
    );
    if (others.length > 0) {
      const failed = others.filter(([, ok]) => ok === 0).length;
      this.#keep({
        answers: encode(others),
        units: others.map(([unit]) => unit),
        failed,
        failure: failed > 0 ? message.failure : undefined,
      });
    }
    this.#answerCancelled(cancelled);
  }

  #cancelReason(unit: number): string | undefined {
    return this.#cancelled.get(unit) ?? this.#cancelled.get(null);
  }

  #keep(part: { answers: Uint8Array; units: number[]; failed: number; failure: FailureReport | undefined }): void {
    for (const unit of part.units) this.#answered.add(unit);
    this.failed += part.failed;
    if (part.failure) this.failure ??= part.failure;
    this.answers.push(part.answers);
    this.#options.onAnswers(part.answers, part.failed);
  }

  #answerWith(units: number[], error: Error, retry: boolean): void {
    if (units.length === 0) return;
    const isFatal = this.#options.fatal.includes(error.name);
    const failure = describeFailure(
      error,
      { host: this.#options.hostName, pid: this.pid, taskId: this.jobId },
      retry && !isFatal,
    );
    this.#keep({ answers: failureAnswers(units, failure), units, failed: units.length, failure });
  }

  #answerRest(error: () => Error, retry = true): void {
    const rest = this.#unanswered();
    if (rest.length > 0) this.#answerWith(rest, error(), retry);
  }

  /** The child said that it has done its part: what it did not answer is lost. */
  #answerForgotten(): void {
    const forgotten = this.#open(this.#given.units);
    if (forgotten.length > 0)
      this.#answerWith(forgotten, this.#lost("the child ended the job without an answer"), true);
  }

  #answerCancelled(units: number[]): void {
    this.cancelledCalls += units.length;
    for (const unit of units) {
      const reason = this.#cancelReason(unit) ?? "cancelled";
      this.#answerWith(
        [unit],
        new CancelledError(`task "${this.task}" (job ${this.jobId}) was cancelled: ${reason}`),
        false,
      );
    }
  }

  #unanswered(): number[] {
    const units: number[] = [];
    for (let unit = 0; unit < this.count; unit += 1) if (!this.#answered.has(unit)) units.push(unit);
    return units;
  }

  /** Ends the child. An inline call cannot be ended: it gets its answer now, and what it does later is ignored. */
  #end(cause: KillCause): void {
    const lease = this.#lease;
    if (cause.for === "timeout") this.#options.onTimeLimit?.();
    if (!lease) return this.#endWaiting(cause);
    this.#killCause ??= cause;
    if (lease.executor.isolation !== "inline") {
      const reason = cause.for === "timeout" ? "time limit" : cause.for;
      this.#options.onKill?.(reason);
      void lease.executor.kill(reason);
      return;
    }
    lease.executor.cancel(this.#nameInChild, cause.for === "stop" ? null : cause.unit, "cancelled");
    if (cause.for !== "stop") this.#answerCause(cause);
    if (cause.for === "stop" || this.#isComplete) this.#abandon?.();
  }

  /** Ends the wait for a child, if there is one. */
  #endWaiting(cause: KillCause): void {
    if (!this.#giveUp) return;
    if (cause.for !== "stop") this.#answerCause(cause);
    if (cause.for === "stop" || this.#isComplete) this.#giveUp(cause.for);
  }

  #answerCause(cause: Exclude<KillCause, { for: "stop" }>): void {
    if (cause.for === "timeout") this.#answerWith(this.#open([cause.unit]), this.#timeoutError(cause.unit), true);
    else this.#answerCancelled(cause.unit === null ? this.#unanswered() : this.#open([cause.unit]));
  }

  /** Gives the unit that went down with the child its error; the others run again. */
  #afterExit(exit: ExecutorExit): void {
    const cause = this.#killCause;
    if (cause && cause.for !== "stop") return this.#answerCause(cause);
    // It had come to its child when the jobs of its pool were stopped.
    if (exit.killedFor !== null && this.#options.children.isClosed) {
      this.stopReason = "terminated";
      return;
    }
    if (!exit.killedFor) this.#options.onLoss?.(lossOf(exit));
    const culprit = this.#culprit(exit);
    if (culprit !== undefined && !this.#answered.has(culprit)) {
      return this.#answerWith([culprit], this.#lost(describeExit(exit)), true);
    }
    this.#reportStarts = true;
    this.#fruitless += 1;
    if (this.#fruitless >= FRUITLESS_CHILDREN) this.#answerRest(() => this.#lost(describeExit(exit)));
  }

  /** The unit that ended the child, as far as it is known. */
  #culprit(exit: ExecutorExit): number | undefined {
    const thrower = exit.crash?.jobId ?? this.#nameInChild;
    // Code that an earlier job left behind threw: this job is a victim and only runs again.
    if (thrower !== this.#nameInChild) return undefined;
    const rest = this.#open(this.#given.units);
    return rest.length === 1 ? rest[0] : (exit.crash?.unit ?? this.#lastStarted);
  }

  #open(units: number[]): number[] {
    return units.filter((unit) => !this.#answered.has(unit));
  }

  #lost(what: string): Error {
    return new WorkerLostError(
      `the child (pid ${this.pid}) of host "${this.#options.hostName}" that ran task "${this.task}" (job ${this.jobId}) was lost: ${what}`,
    );
  }

  #timeoutError(unit: number): Error {
    const limit = this.#options.request.envelope.timeout;
    const which = this.count > 1 ? `call ${unit + 1} of ${this.count} in job ${this.jobId}` : `job ${this.jobId}`;
    const consequence =
      this.#options.isolation === "inline"
        ? 'an inline task cannot be killed: it may still be running in the host; use isolation "process" for hard limits'
        : `its child (pid ${this.pid}) was killed`;
    return new TimeoutError(
      `task "${this.task}" (${which}) ran longer than its time limit of ${limit} ms; ${consequence}`,
    );
  }
}

/** Text goes through as it is; where it is long, bytes cost less on their way to the child. */
function unitsOf(text: string): Pick<RunRequest, "units" | "unitBytes"> {
  return text.length > LONG_TEXT && !isJsonUnits(text) ? { unitBytes: Buffer.from(text, "base64") } : { units: text };
}

/** Stands for the end of a child that has not ended: an inline call that is no longer waited for. */
const NOT_ENDED: ExecutorExit = { code: null, signal: null, crash: null, outOfMemory: false, killedFor: null };

function lossOf({ outOfMemory, crash, signal }: ExecutorExit): LossReason {
  if (outOfMemory) return "memory";
  if (crash) return "crash";
  return signal ? "signal" : "exit";
}

function describeExit(exit: ExecutorExit): string {
  if (exit.outOfMemory) return "it ran out of memory; raise maxHeap (--max-heap) or make the task use less";
  const end = exit.signal
    ? `it was ended by ${exit.signal}`
    : exit.killedFor === null
      ? `it exited with code ${exit.code}`
      : `it was ended: ${exit.killedFor}`;
  return exit.crash ? `${end} after an uncaught error: ${exit.crash.message}` : end;
}
