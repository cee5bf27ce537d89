/** Keeps a host from taking work as long as it is told to. What it runs goes on. */
export class Quiet {
  readonly #listeners = new Set<() => void>();
  #reason: string | null = null;

  /** Why the host takes nothing; null = it takes work. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Calls `listener` at each beginning and end. @returns removes it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  begin(): void {
    this.#set("it was told to take no work");
  }

  end(): void {
    this.#set(null);
  }

  #set(reason: string | null): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    for (const listener of this.#listeners) listener();
  }
}
