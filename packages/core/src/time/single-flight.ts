/** Something of which one run is under way at a time. */
export class SingleFlight<Value = unknown> {
  readonly #run: () => Value | Promise<Value>;
  #isRunning = false;
  /** The run under way; undefined also while its synchronous part runs. */
  #running: Promise<Value> | undefined;
  #following: Promise<Value> | undefined;

  constructor(run: () => Value | Promise<Value>) {
    this.#run = run;
  }

  /** Begins a run at once, or joins the one under way. @throws what it throws */
  async join(): Promise<Value> {
    if (!this.#isRunning) return this.#begin();
    // Asked for from within its synchronous part.
    if (!this.#running) await Promise.resolve();
    return this.#running ?? this.join();
  }

  /**
   * A run that begins after this call, at once or behind the one under way, which may not have seen what has changed since.
   * All that ask for it meanwhile share it. @throws what it throws
   */
  async again(): Promise<Value> {
    if (!this.#isRunning) return this.#begin();
    this.#following ??= Promise.resolve()
      .then(() => this.#running)
      .catch(() => {})
      .then(() => {
        this.#following = undefined;
        return this.join();
      });
    return this.#following;
  }

  /** Resolves when no run is under way. Never rejects. */
  async idle(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  #begin(): Value | Promise<Value> {
    this.#isRunning = true;
    try {
      const outcome = this.#run();
      if (!(outcome instanceof Promise)) {
        this.#over();
        return outcome;
      }
      this.#running = outcome.finally(() => this.#over());
      return this.#running;
    } catch (error) {
      this.#over();
      throw error;
    }
  }

  #over(): void {
    this.#isRunning = false;
    this.#running = undefined;
  }
}
