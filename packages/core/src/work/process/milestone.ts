/** What a process comes to once in its life. A wait that has ended is forgotten, which a promise cannot do. */
export class Milestone {
  /** Resolves when it is reached. Never rejects. */
  readonly whenReached: Promise<void>;
  isReached = false;
  readonly #resolve: () => void;
  readonly #waiters = new Set<() => void>();

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.whenReached = promise;
    this.#resolve = resolve;
  }

  reach(): void {
    if (this.isReached) return;
    this.isReached = true;
    this.#resolve();
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  /** Calls `wake` when it is reached, if it is not yet. @returns takes that back */
  wait(wake: () => void): () => void {
    this.#waiters.add(wake);
    return () => void this.#waiters.delete(wake);
  }
}
