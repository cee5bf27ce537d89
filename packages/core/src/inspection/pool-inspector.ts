import type { PoolRemoval } from "../work/pool/index.ts";
import { assertText, type InspectorPlace, liveHosts } from "./place.ts";
import { type NewPool, type PoolRates, Pools, type PoolView, type RatesQuery, readPoolRows } from "./work/index.ts";

/** Looks at pools and steers them, whichever program made them (`mp.pools`). Every answer is read afresh. */
export class PoolInspector {
  readonly #place: InspectorPlace;
  readonly #pools: Pools;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
    this.#pools = new Pools(place.client, place.keys, place.queues);
  }

  /** All pools, by name. */
  list(): Promise<PoolView[]> {
    return this.#place.during(async () => this.#pools.list(await liveHosts(this.#place)));
  }

  /**
   * What happened in each pool lately, the busiest first; unnamed pools together as `(unnamed)`. Pools of which nothing
   * happened are left out.
   * @throws ValueError for a `last` that is not 1 minute to 8 days
   */
  rates(query: Pick<RatesQuery, "last"> = {}): Promise<PoolRates[]> {
    return this.#place.during(() => readPoolRows(this.#place.client, this.#place.keys, query));
  }

  /** Null when there is no such pool. */
  get(name: string): Promise<PoolView | null> {
    return this.#place.during(async () => {
      assertText("the name of a pool", name);
      return this.#pools.get(name, await liveHosts(this.#place));
    });
  }

  /**
   * Makes a named pool, which stays until it is removed.
   * @returns whether this call made it; one that exists stays as it is
   * @throws ValueError for a bad name or size
   */
  create(pool: NewPool): Promise<boolean> {
    return this.#place.during(() => this.#pools.create(pool));
  }

  /**
   * @param size - Most calls that run at once over all hosts; null = as many as there are slots.
   * @returns false when there is no such pool
   * @throws ValueError for a bad size
   */
  resize(name: string, size: number | null): Promise<boolean> {
    return this.#place.during(() => this.#pools.resize(name, size));
  }

  /** Running tasks go on, waiting ones stay where they are. @returns false when there is no such pool */
  pause(name: string): Promise<boolean> {
    return this.#place.during(() => this.#pools.pause(name));
  }

  /** A failed pool is reset as well. @returns false when there is no such pool */
  resume(name: string): Promise<boolean> {
    return this.#place.during(() => this.#pools.resume(name));
  }

  /**
   * Lets a pool be used again whose initializer threw.
   * @returns whether it had failed; null = there is no such pool
   */
  reset(name: string): Promise<boolean | null> {
    return this.#place.during(() => this.#pools.reset(name));
  }

  /**
   * Removes a pool with its tasks, for every program; callers that wait for them get a PoolTerminatedError.
   * @param options - `force`: also when tasks of it run; hosts kill them.
   * @throws ValueError for the default pool
   */
  remove(name: string, options: { force?: boolean | undefined } = {}): Promise<PoolRemoval> {
    return this.#place.during(() => this.#pools.remove(name, options));
  }
}
