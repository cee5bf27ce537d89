import type { Milliseconds } from "@manyhands/core/internal";
import type { Executor } from "../executor/executor.ts";

/** A child on its way into a pool: taken from the supply, then initialized. */
export class Adoption<Child> {
  readonly child: Promise<Child>;
  /** A job waits for it. */
  isWanted = false;
  /** The child was ready while a job waited for it, and is kept for that job. */
  isReserved = false;
  isDone = false;
  /** It was told that the initializer takes long. */
  isMentioned = false;
  executor: Executor | undefined;
  #initializingAt: number | undefined;
  readonly #ending = new AbortController();
  #endedFor: string | undefined;
  readonly #listeners: ((executor: Executor) => void)[] = [];

  constructor(adopt: (own: Adoption<Child>) => Promise<Child>) {
    this.child = Promise.resolve().then(() => adopt(this));
    // Where no job waits for it, the next one meets the same failure.
    this.child.then(
      () => this.#over(),
      () => this.#over(),
    );
  }

  /** The child is there; with an initializer, that runs from now on. */
  begin(executor: Executor, hasInitializer: boolean): void {
    this.executor = executor;
    if (this.#endedFor !== undefined) void executor.kill(this.#endedFor);
    if (!hasInitializer) return;
    this.#initializingAt = performance.now();
    for (const listener of this.#listeners.splice(0)) listener(executor);
  }

  /** Called when the initializer begins, at once when it runs already. */
  onInitializing(listener: (executor: Executor) => void): void {
    if (this.executor && this.#initializingAt !== undefined) listener(this.executor);
    else this.#listeners.push(listener);
  }

  /** How long the initializer has been running, ms; 0 while it does not. */
  get initializingFor(): Milliseconds {
    return this.#initializingAt === undefined ? 0 : performance.now() - this.#initializingAt;
  }

  get isEnded(): boolean {
    return this.#endedFor !== undefined;
  }

  /** Aborted once the child is not needed. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** The child is not needed: what there is of it is killed, and `child` rejects unless it was ready before. */
  end(reason: string): void {
    this.#endedFor ??= reason;
    this.#ending.abort();
    void this.executor?.kill(this.#endedFor);
  }

  #over(): void {
    this.isDone = true;
    this.#initializingAt = undefined;
    this.#listeners.length = 0;
  }
}
