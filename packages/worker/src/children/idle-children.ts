import type { Isolation } from "@manyhands/core/internal";
import type { Executor } from "../executor/executor.ts";

/** A child without a job. */
export interface IdleChild {
  readonly executor: Executor;
  /** Tasks that have been given to it. */
  readonly tasks: number;
  /** Any pool that asks nothing special of its children may have it. */
  readonly isShared: boolean;
  /** Ends it to make room for another one. */
  makeRoom(): void;
  /** It is another pool's from now on. */
  handOver(): void;
}

/**
 * The idle children of all pools of a host, the one that has been idle for longest first. Each pool keeps its children warm
 * for a while; without a common bound, a host that is called in hundreds of pools would hold as many processes. Pools that
 * ask nothing special of their children take them from one another.
 */
export class IdleChildren {
  readonly #most: () => number;
  readonly #idle = new Set<IdleChild>();

  /** @param most - More than these are not kept; that may change. */
  constructor(most: () => number) {
    this.#most = most;
  }

  add(child: IdleChild): void {
    this.#idle.delete(child);
    this.#idle.add(child);
    if (this.#idle.size > this.#most()) this.endOldest();
  }

  /** The child that became idle last, of those that any pool may have. It is the caller's from now on. */
  take(isolation: Isolation): IdleChild | undefined {
    let latest: IdleChild | undefined;
    for (const child of this.#idle) {
      if (child.isShared && child.executor.isolation === isolation && !child.executor.isKilled) latest = child;
    }
    if (!latest) return undefined;
    this.#idle.delete(latest);
    latest.handOver();
    return latest;
  }

  /** Ends the child that has been idle for longest. @returns that one; undefined: none is idle */
  endOldest(): Executor | undefined {
    const [oldest] = this.#idle;
    if (!oldest) return undefined;
    this.#idle.delete(oldest);
    oldest.makeRoom();
    return oldest.executor;
  }

  /** It has a job, or has ended. */
  remove(child: IdleChild): void {
    this.#idle.delete(child);
  }
}
