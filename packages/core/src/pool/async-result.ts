import { addAwaitSite, resultPromise, TimeoutError, ValueError } from "../errors/index.ts";
import type { Logger } from "../logger/logger.ts";
import type { Outcome } from "../results/index.ts";
import { timeLimit, type WaitOptions, waitWith } from "../waiting/index.ts";

/** Called with the outcome before the result becomes ready, in the order of arrival. */
export interface Callbacks<Value> {
  callback?: (value: Value) => void;
  errorCallback?: (error: unknown) => void;
}

type State<Value> = { kind: "pending" } | { kind: "value"; value: Value } | { kind: "error"; error: unknown };

/**
 * A result on its way (Python's AsyncResult). Also awaitable.
 *
 * A failure that nobody asks for is not an unhandled rejection.
 */
export class AsyncResult<Value> implements PromiseLike<Value> {
  #state: State<Value> = { kind: "pending" };
  /** The outcome is here; while its callback runs, the result is not ready yet. */
  #isDecided = false;
  #waiters: Set<() => void> | undefined;
  readonly #callbacks: Callbacks<Value> | undefined;
  readonly #logger: Logger;
  readonly #cancel: (reason: string) => Promise<boolean>;
  readonly #describe: () => string;

  /** @internal */
  constructor(options: {
    callbacks?: Callbacks<Value> | undefined;
    logger: Logger;
    cancel: (reason: string) => Promise<boolean>;
    describe: () => string;
  }) {
    this.#callbacks = options.callbacks;
    this.#logger = options.logger;
    this.#cancel = options.cancel;
    this.#describe = options.describe;
  }

  /** True once there is a value or an error. */
  ready(): boolean {
    return this.#state.kind !== "pending";
  }

  /**
   * True when the call gave a value, false when it failed.
   * @throws ValueError while it is not ready (PL16)
   */
  successful(): boolean {
    if (this.#state.kind === "pending") throw new ValueError("the result is not ready; await wait() or get() first");
    return this.#state.kind === "value";
  }

  /**
   * The value, or the error that the task threw.
   * @throws TimeoutError after `timeout` ms; the result can still be had later (PL16)
   */
  get(options: WaitOptions = {}): Promise<Value> {
    return resultPromise(() => this.#get(options));
  }

  async #get(options: WaitOptions): Promise<Value> {
    await this.wait(options);
    if (this.#state.kind === "value") return this.#state.value;
    if (this.#state.kind === "error") {
      addAwaitSite(this.#state.error);
      throw this.#state.error;
    }
    throw new TimeoutError(`no result of ${this.#describe()} within ${options.timeout} ms; it is still under way`);
  }

  /** Returns when the result is ready or `timeout` ms have passed; never throws for a failed task (PL16). */
  async wait(options: WaitOptions = {}): Promise<void> {
    const limit = timeLimit(options);
    options.signal?.throwIfAborted();
    if (this.#state.kind !== "pending") return;
    if (limit <= 0) return;
    await waitWith(limit, options.signal, (done) => {
      this.#waiters ??= new Set();
      this.#waiters.add(done);
      return () => this.#waiters?.delete(done);
    });
  }

  /**
   * Stops the call wherever it is: what was not sent yet fails here at once, what waits is removed, what runs is told
   * through its signal and then killed. The result fails with CancelledError.
   * @returns false when it was finished already
   */
  async cancel(reason: string = "cancelled by the caller"): Promise<boolean> {
    return this.ready() ? false : this.#cancel(reason);
  }

  then<Result = Value, Failure = never>(
    onValue?: ((value: Value) => Result | PromiseLike<Result>) | null,
    onError?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    return this.#outcome().then(onValue, onError);
  }

  /** Waits without a limit; the shortest way for a call that is awaited at once. @internal */
  async awaited(): Promise<Value> {
    try {
      return await this.#outcome();
    } catch (error) {
      addAwaitSite(error);
      throw error;
    }
  }

  #outcome(): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      const settle = (): void => {
        if (this.#state.kind === "value") resolve(this.#state.value);
        else if (this.#state.kind === "error") reject(this.#state.error);
      };
      if (this.#state.kind !== "pending") return settle();
      this.#waiters ??= new Set();
      this.#waiters.add(settle);
    });
  }

  /** @internal Takes the answer of a single call. */
  answer(_unit: number, outcome: Outcome): void {
    if (outcome.ok) this.resolve(outcome.value as Value);
    else this.reject(outcome.value);
  }

  /** @internal */
  resolve(value: Value): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#call("callback", this.#callbacks?.callback, value);
    this.#settle({ kind: "value", value });
  }

  /** @internal Ready without a call of the callback: the outcome of an empty `map` (PL6). */
  settleEmpty(value: Value): void {
    this.#isDecided = true;
    this.#settle({ kind: "value", value });
  }

  /** @internal */
  reject(error: unknown): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#call("errorCallback", this.#callbacks?.errorCallback, error);
    this.#settle({ kind: "error", error });
  }

  #settle(state: State<Value>): void {
    this.#state = state;
    const waiters = this.#waiters;
    this.#waiters = undefined;
    if (waiters) for (const wake of waiters) wake();
  }

  /** A callback that throws is reported; the result is settled all the same (PL13). */
  #call<Argument>(name: string, callback: ((argument: Argument) => unknown) | undefined, argument: Argument): void {
    if (!callback) return;
    const report = (error: unknown): void =>
      this.#logger.error(
        `${name} of ${this.#describe()} threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    try {
      const returned = callback(argument);
      if (returned instanceof Promise) returned.catch(report);
    } catch (error) {
      report(error);
    }
  }
}
