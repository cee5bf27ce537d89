import { addAwaitSite, TimeoutError, ValueError } from "../errors/index.ts";
import type { Logger } from "../logger/logger.ts";
import type { Milliseconds } from "../protocol/records.ts";
import type { Outcome } from "../results/index.ts";

/** How long a wait may take. */
export interface WaitOptions {
  /** Milliseconds; 0 or less = one look, absent = for ever. */
  timeout?: Milliseconds;
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal;
}

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
  #waiters: (() => void)[] | undefined;
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
  async get(options: WaitOptions = {}): Promise<Value> {
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
    options.signal?.throwIfAborted();
    if (this.#state.kind !== "pending") return;
    if (options.timeout !== undefined && options.timeout <= 0) return;
    await waitWith(options, (done) => {
      this.#waiters ??= [];
      this.#waiters.push(done);
    });
  }

  /**
   * Asks hosts to stop the call: what waits is removed, what runs is told through its signal and then killed. The
   * result fails with CancelledError.
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
      this.#waiters ??= [];
      this.#waiters.push(settle);
    });
  }

  /** @internal Takes the answer of a single call. */
  answer(_unit: number, outcome: Outcome): void {
    if (outcome.ok) this.resolve(outcome.value as Value);
    else this.reject(outcome.value);
  }

  /** @internal */
  resolve(value: Value): void {
    if (this.#state.kind !== "pending") return;
    this.#call("callback", this.#callbacks?.callback, value);
    this.#settle({ kind: "value", value });
  }

  /** @internal Ready without a call of the callback: the outcome of an empty `map` (PL6). */
  settleEmpty(value: Value): void {
    this.#settle({ kind: "value", value });
  }

  /** @internal */
  reject(error: unknown): void {
    if (this.#state.kind !== "pending") return;
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

/** Waits for `register`'s callback, the time limit or the signal, whichever is first; rejects only for the signal. */
export async function waitWith(options: WaitOptions, register: (done: () => void) => void): Promise<void> {
  const { timeout, signal } = options;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      register(resolve);
      if (timeout !== undefined && Number.isFinite(timeout)) timer = setTimeout(resolve, timeout);
      if (!signal) return;
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
  }
}
