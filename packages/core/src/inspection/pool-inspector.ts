import { got, ValueError } from "../errors/index.ts";
import type { Milliseconds } from "../time/index.ts";
import type { LimitRule } from "../wire/records/limits.ts";
import type { PoolLimits } from "../work/limits/index.ts";
import type { PoolRemoval } from "../work/pool/index.ts";
import { type FindContext, type FoundTask, readNextTasks } from "./find/index.ts";
import { assertText, type InspectorPlace, liveHosts } from "./place.ts";
import {
  type NewPool,
  type PoolCourse,
  type PoolRates,
  Pools,
  type PoolView,
  poolNames,
  type RatesQuery,
  readPoolCourses,
  readPoolRows,
} from "./work/index.ts";

/** Pools that are read at once by their names, and tasks that are told to be next, at most. */
const MOST_NAMES = 100;
const MOST_NEXT = 200;

/** Looks at pools and steers them, whichever program made them (`mp.pools`). Every answer is read afresh. */
export class PoolInspector {
  readonly #place: InspectorPlace;
  readonly #pools: Pools;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
    this.#pools = new Pools(place.client, place.keys, place.queues);
  }

  /**
   * All pools, by name.
   * @param names - Only these, as far as they are there; 100 at most
   * @throws ValueError for more names
   */
  list(names?: readonly string[]): Promise<PoolView[]> {
    return this.#place.during(async () => {
      if (names !== undefined) assertNames(names);
      return this.#pools.list(await liveHosts(this.#place), names);
    });
  }

  /**
   * What happened in each pool lately, the busiest first; unnamed pools together as `(unnamed)`. Pools of which nothing
   * happened are left out.
   * @throws ValueError for a `last` that is not 1 minute to 8 days
   */
  rates(query: Pick<RatesQuery, "last"> = {}): Promise<PoolRates[]> {
    return this.#place.during(() => readPoolRows(this.#place.client, this.#place.keys, query));
  }

  /**
   * How many tasks ended in each of the last minutes, of some pools: what a small chart of each shows. 100 pools at most.
   * @param query - `last`: ms, up to 3 hours; an hour without it
   * @throws ValueError for another `last`, or more pools
   */
  courses(pools: readonly string[], query: { last?: Milliseconds | undefined } = {}): Promise<PoolCourse[]> {
    return this.#place.during(async () => {
      assertNames(pools);
      return readPoolCourses(this.#place.client, this.#place.keys, { pools, ...query });
    });
  }

  /**
   * The tasks of a pool that hosts take next, in their order; null when there is no such pool.
   * @param options - `limit`: 1 to 200, 20 without it
   */
  next(name: string, { limit = 20 }: { limit?: number | undefined } = {}): Promise<FoundTask[] | null> {
    return this.#place.during(async () => {
      assertText("the name of a pool", name);
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST_NEXT) {
        throw new ValueError(`limit must be a whole number from 1 to ${MOST_NEXT}; got ${got(limit)}`);
      }
      const { client, keys } = this.#place;
      const [pools, hosts] = await Promise.all([poolNames(client, keys), liveHosts(this.#place)]);
      if (!pools.includes(name)) return null;
      const context: FindContext = { client, keys, pools, hosts };
      return readNextTasks(context, { pool: name, limit });
    });
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

  /** The limits of a pool: what they allow, and the turns of their keys, at this moment; null = it has none. */
  limits(name: string, { limit = 50 }: { limit?: number | undefined } = {}): Promise<PoolLimits | null> {
    return this.#place.during(() => this.#pools.limits(name, limit));
  }

  /**
   * Limits how many calls of a pool may start, over all hosts, from now on and also of what waits.
   * @param limits - null = no limit but its size, or, with a task, none for that task.
   * @param options - `task`: of that task in this pool, instead of the limits that it has; `reset`: as its code says.
   * @returns false when there is no such pool
   * @throws ValueError for limits that are none
   */
  limit(
    name: string,
    limits: LimitRule | null,
    options: { task?: string | undefined; reset?: boolean | undefined } = {},
  ): Promise<boolean> {
    return this.#place.during(() => this.#pools.limit(name, limits, options));
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

function assertNames(names: unknown): void {
  if (Array.isArray(names) && names.length <= MOST_NAMES && names.every((name) => typeof name === "string")) return;
  throw new ValueError(`pools must be a list of up to ${MOST_NAMES} names; got ${got(names)}`);
}
