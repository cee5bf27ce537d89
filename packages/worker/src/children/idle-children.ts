/** A child without a job. */
export interface IdleChild {
  /** Ends it to make room for another one. */
  makeRoom(): void;
}

/**
 * The idle children of all pools of a host, the one that has been idle for longest first. Each pool keeps its children warm
 * for a while; without a common bound, a host that is called in hundreds of pools would hold as many processes.
 */
export class IdleChildren {
  readonly #most: number;
  readonly #idle = new Set<IdleChild>();

  /** @param most - More than these are not kept. */
  constructor(most: number) {
    this.#most = most;
  }

  add(child: IdleChild): void {
    this.#idle.delete(child);
    this.#idle.add(child);
    if (this.#idle.size <= this.#most) return;
    const [oldest] = this.#idle;
    if (!oldest) return;
    this.#idle.delete(oldest);
    oldest.makeRoom();
  }

  /** It has a job, or has ended. */
  remove(child: IdleChild): void {
    this.#idle.delete(child);
  }
}
