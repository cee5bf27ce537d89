import { addAwaitSite, resultPromise, TimeoutError, ValueError } from "../../errors/index.ts";
import type { Logger } from "../../package/index.ts";
import { type Patience, toLimit, waitWith } from "../../time/index.ts";
import type { Outcome } from "../results/index.ts";
import type { TaskState, TaskUpdate, Unit, UpdateOptions } from "../submission/index.ts";

/** Called with the outcome before the result becomes ready, in the order of arrival. */
export interface Callbacks<Value> {
  callback?: ((value: Value) => void) | undefined;
  errorCallback?: ((error: unknown) => void) | undefined;
}

/** What a result is of. One serves many results, which wait by the hundred thousand: they hold no functions of their own. */
export interface ResultOrigin {
  readonly logger: Logger;
  /** Names it in messages. */
  describe(): string;
  /** Resolves when the next jobs have got to Redis, or have failed on the way there. */
  delivery(): Promise<void>;
  /** Where the job of that id is. */
  state(jobId: string): Promise<TaskState>;
  /** What happens to that job. */
  updates(jobId: string, options: UpdateOptions): AsyncGenerator<TaskUpdate, void, undefined>;
  /** Stops what it stands for. @returns false when that was finished already */
  cancel(result: Rejectable, units: readonly Unit[], reason: string): Promise<boolean>;
}

interface Rejectable {
  reject(error: unknown): void;
}

/** Decided: the outcome is here; while its callback runs, the result is not ready yet. */
type State = "pending" | "decided" | "value" | "error";

/**
 * A result on its way (Python's AsyncResult). Also awaitable.
 *
 * A failure that is never read is not an unhandled rejection.
 */
export class AsyncResult<Value> implements PromiseLike<Value> {
  #state: State = "pending";
  /** The value or the error. */
  #outcome: unknown = undefined;
  /** Most results have one waiter. */
  #waiters: (() => void) | Set<() => void> | undefined = undefined;
  /** `never`: a result of a text is also one of something unknown, with any callbacks. */
  readonly #callbacks: Callbacks<never> | undefined;
  readonly #origin: ResultOrigin;
  /** What it stands for; undefined while that is being prepared. */
  #units: Unit | readonly Unit[] | undefined = undefined;

  /** @internal */
  constructor(origin: ResultOrigin, callbacks: Callbacks<Value> | undefined) {
    this.#origin = origin;
    this.#callbacks = callbacks;
  }

  /** @internal */
  standsFor(units: Unit | readonly Unit[]): void {
    this.#units = units;
  }

  /** True once there is a value or an error. */
  ready(): boolean {
    return this.#state === "value" || this.#state === "error";
  }

  /**
   * True when the call gave a value, false when it failed.
   * @throws ValueError while it is not ready (PL16)
   */
  successful(): boolean {
    if (!this.ready()) throw new ValueError("the result is not ready; await wait() or get() first");
    return this.#state === "value";
  }

  /**
   * The value, or the error that the task threw.
   * @throws TimeoutError when the time was over first, and the result can still be had later (PL16); the signal's reason
   */
  get(patience?: Patience): Promise<Value> {
    return resultPromise(() => this.#get(patience));
  }

  async #get(patience: Patience | undefined): Promise<Value> {
    await this.wait(patience);
    if (this.#state === "value") return this.#outcome as Value;
    if (this.#state === "error") {
      addAwaitSite(this.#outcome);
      throw this.#outcome;
    }
    const { limit } = toLimit(patience);
    throw new TimeoutError(`no result of ${this.#origin.describe()} within ${limit} ms; it is still under way`);
  }

  /**
   * Waits until the result is ready; never throws for a failed task (PL16).
   * @returns false when the time was over first
   * @throws the signal's reason
   */
  async wait(patience?: Patience): Promise<boolean> {
    const { limit, signal } = toLimit(patience);
    signal?.throwIfAborted();
    if (this.ready()) return true;
    if (limit <= 0) return false;
    return waitWith(limit, { signal }, (done) => {
      this.#addWaiter(done);
      return () => this.#deleteWaiter(done);
    });
  }

  /**
   * The task's id, with which any program finds it (`mp.task(id)`): `<job>.<n>` for a call that shares a job, and for a
   * `map` that of its first chunk. Undefined until Redis has it; see `submitted()`.
   */
  get id(): string | undefined {
    const [first] = this.#all();
    return first?.ticket && isInRedis(first) ? idOf(first, first.ticket) : undefined;
  }

  /**
   * Resolves when Redis has the task: from then on it goes on without this program. Gives its id.
   * @throws the error with which it failed, when it never got there
   */
  submitted(): Promise<string> {
    return resultPromise(async () => {
      while (!this.ready()) {
        const units = this.#all();
        if (units.length > 0 && units.every(isInRedis)) return this.id as string;
        await new Promise<void>((resolve) => {
          this.#addWaiter(resolve);
          void this.#origin.delivery().then(() => {
            this.#deleteWaiter(resolve);
            resolve();
          });
        });
      }
      if (this.id !== undefined) return this.id;
      if (this.#state === "error") throw this.#outcome;
      throw new ValueError("a map without items is no task: nothing was submitted");
    });
  }

  /** Where the task is now; the first chunk of a `map`. `unknown` before Redis has it, and when it is kept no more. */
  async state(): Promise<TaskState> {
    const [first] = this.#all();
    return first?.ticket && isInRedis(first) ? this.#origin.state(first.ticket.jobId) : "unknown";
  }

  /**
   * What happens to the task, from when Redis has it until it is finished: of a call that shares a job, to that job, and of
   * a `map` to that of its first chunk. See `TaskHandle.updates`.
   * @throws the error with which it failed, when it never got to Redis; TimeoutError when the time is over; the signal's
   *   reason
   */
  async *updates(options: UpdateOptions = {}): AsyncGenerator<TaskUpdate, void, undefined> {
    await this.submitted();
    const [first] = this.#all();
    if (first?.ticket) yield* this.#origin.updates(first.ticket.jobId, options);
  }

  #all(): readonly Unit[] {
    const units = this.#units ?? [];
    return "payload" in units ? [units] : units;
  }

  /**
   * Stops the call wherever it is: what was not sent yet fails here at once, what waits is removed, what runs is told
   * through its signal and then killed. The result fails with CancelledError.
   * @returns false when it was finished already
   */
  async cancel(reason: string = "cancelled by the caller"): Promise<boolean> {
    if (this.ready()) return false;
    return this.#origin.cancel(this, this.#all(), reason);
  }

  then<Result = Value, Failure = never>(
    onValue?: ((value: Value) => Result | PromiseLike<Result>) | null,
    onError?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    return this.#promise().then(onValue, onError);
  }

  /** Waits without a limit; the shortest way for a call that is awaited at once. @internal */
  async awaited(): Promise<Value> {
    try {
      return await this.#promise();
    } catch (error) {
      addAwaitSite(error);
      throw error;
    }
  }

  #promise(): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      const settle = (): void => {
        if (this.#state === "value") resolve(this.#outcome as Value);
        else reject(this.#outcome);
      };
      if (this.ready()) return settle();
      this.#addWaiter(settle);
    });
  }

  #addWaiter(waiter: () => void): void {
    if (this.#waiters instanceof Set) this.#waiters.add(waiter);
    else this.#waiters = this.#waiters === undefined ? waiter : new Set([this.#waiters, waiter]);
  }

  #deleteWaiter(waiter: () => void): void {
    if (this.#waiters instanceof Set) this.#waiters.delete(waiter);
    else if (this.#waiters === waiter) this.#waiters = undefined;
  }

  /** @internal Takes the answer of a single call. */
  answer(_unit: number, outcome: Outcome): void {
    if (outcome.ok) this.resolve(outcome.value as Value);
    else this.reject(outcome.value);
  }

  /** @internal */
  resolve(value: Value): void {
    if (this.#state !== "pending") return;
    this.#state = "decided";
    this.#call("callback", this.#callbacks?.callback as Callbacks<Value>["callback"], value);
    this.#settle("value", value);
  }

  /** @internal Ready without a call of the callback: the outcome of an empty `map` (PL6). */
  settleEmpty(value: Value): void {
    this.#settle("value", value);
  }

  /** @internal */
  reject(error: unknown): void {
    if (this.#state !== "pending") return;
    this.#state = "decided";
    this.#call("errorCallback", this.#callbacks?.errorCallback, error);
    this.#settle("error", error);
  }

  #settle(state: "value" | "error", outcome: unknown): void {
    this.#state = state;
    this.#outcome = outcome;
    const waiters = this.#waiters;
    this.#waiters = undefined;
    if (waiters instanceof Set) for (const wake of waiters) wake();
    else waiters?.();
  }

  /** A callback that throws is reported; the result is settled all the same (PL13). */
  #call<Argument>(name: string, callback: ((argument: Argument) => unknown) | undefined, argument: Argument): void {
    if (!callback) return;
    const report = (error: unknown): void =>
      this.#origin.logger.error(
        `${name} of ${this.#origin.describe()} threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    try {
      const returned = callback(argument);
      if (returned instanceof Promise) returned.catch(report);
    } catch (error) {
      report(error);
    }
  }
}

/** Redis has acknowledged its job. */
function isInRedis({ ticket }: Unit): boolean {
  return ticket !== undefined && (ticket.submitted || ticket.isDuplicate);
}

function idOf({ position }: Unit, ticket: NonNullable<Unit["ticket"]>): string {
  return ticket.units > 1 ? `${ticket.jobId}.${position}` : ticket.jobId;
}
