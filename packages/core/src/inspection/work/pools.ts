import { randomUUID } from "node:crypto";
import { got, ValueError } from "../../errors/index.ts";
import type { BullQueues } from "../../redis/bull-queue/bull-queues.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { checkTaskName, isTaskName } from "../../tasks/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import { checkKeep, type Keep } from "../../wire/records/keep.ts";
import { checkLimitRule, type LimitRule } from "../../wire/records/limits.ts";
import { assertPoolName } from "../../wire/records/pool-name.ts";
import type { HostRecord, Isolation, PoolRecord } from "../../wire/records/records.ts";
import { isWrongType } from "../../wire/records/stored-record.ts";
import { slotsOf } from "../../work/fleet/index.ts";
import { type PoolLimits, readLimits } from "../../work/limits/index.ts";
import { type PoolRemoval, removePool } from "../../work/pool/remove-pool.ts";
import { PoolRegistry } from "../../work/registry/index.ts";
import { describeFailure } from "./error-view.ts";
import { longerOf, readPoolCounts } from "./pool-counts.ts";
import { hindranceOf, type ParkedTasks, type PoolHindrance, readParkedTasks } from "./pool-hindrance.ts";

/** A pool with what goes on in it. */
export interface PoolView extends PoolRecord {
  paused: boolean;
  /** How many BullMQ lets run at once, null = any number. Hosts make it equal to `size` when another tool has changed it. */
  globalConcurrency: number | null;
  /** Not started, without a priority; BullMQ runs these first. */
  waiting: number;
  /** Not started, with a priority. */
  prioritized: number;
  delayed: number;
  active: number;
  /** Finished ones as far as they are kept. */
  completed: number;
  failed: number;
  cancelled: number;
  /**
   * How long the oldest has been waiting of the jobs that are next in line, that no live host knows, or that limits hold back, by
   * the server's clock; null = none waits.
   */
  oldestWaiting: Milliseconds | null;
  /** Live hosts that take work of this pool, and their slots. */
  hosts: number;
  slots: number;
  /** Tasks that are parked because no live host knows them; they count among the delayed ones. */
  parked: number;
  /** Tasks that limits hold back; they count among the delayed ones. */
  limited: number;
  /** Why what waits does not go on; null = it goes on, or nothing waits. */
  hindrance: PoolHindrance | null;
}

/** What a new pool is to be like; absent fields as in `PoolRecord`. */
export interface NewPool {
  name: string;
  /** At most this many run at once over all hosts; null = as many as the hosts have slots. */
  size: number | null;
  isolation?: Isolation | null | undefined;
  maxTasksPerChild?: number | null | undefined;
  keep?: Keep | null | undefined;
  /** Name of the task that is called for each one that fails for good. */
  onDead?: string | null | undefined;
}

/** Reads and changes pools from outside. */
export class Pools {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #queues: BullQueues;
  readonly #registry: PoolRegistry;

  constructor(client: RedisClient, keys: Keys, queues: BullQueues) {
    this.#client = client;
    this.#keys = keys;
    this.#queues = queues;
    this.#registry = new PoolRegistry(client, keys);
  }

  /** All pools by name, or those of `names` that are there; `hosts` are the live ones. */
  async list(hosts: readonly HostRecord[], names?: readonly string[]): Promise<PoolView[]> {
    const records = await (names === undefined ? this.#registry.list() : this.#registry.some([...new Set(names)]));
    records.sort((left, right) => left.name.localeCompare(right.name));
    return this.#look(records, hosts);
  }

  async get(name: string, hosts: readonly HostRecord[]): Promise<PoolView | null> {
    const record = await this.#registry.get(name);
    if (!record) return null;
    const [view] = await this.#look([record], hosts);
    return view ?? null;
  }

  /** @returns whether this call made it: a pool of that name may exist already and then stays as it is */
  async create(pool: NewPool): Promise<boolean> {
    assertPoolName(pool.name);
    checkSize(pool.size);
    checkKeep(`pool "${pool.name}"`, pool.keep ?? undefined);
    if (pool.onDead && !isTaskName(pool.onDead)) {
      throw new ValueError(`onDead must be the name of a task; got ${got(pool.onDead)}`);
    }
    const generation = randomUUID();
    const { record } = await this.#registry.create({
      name: pool.name,
      size: pool.size,
      generation,
      owner: null,
      state: "running",
      isolation: pool.isolation ?? null,
      initializer: null,
      maxTasksPerChild: pool.maxTasksPerChild ?? null,
      fence: "strict",
      failure: null,
      ...(pool.keep && { keep: pool.keep }),
      ...(pool.onDead && { onDead: pool.onDead }),
    });
    // Where the answer was lost and the script was sent again, it met what it had made.
    const created = record.generation === generation;
    if (created) await this.#applySize(pool.name, pool.size);
    return created;
  }

  /** @returns false when there is no such pool */
  async resize(name: string, size: number | null): Promise<boolean> {
    checkSize(size);
    const record = await this.#registry.update(name, null, { size });
    if (!record) return false;
    await this.#applySize(name, size);
    return true;
  }

  limits(name: string, most: number): Promise<PoolLimits | null> {
    return readLimits({ client: this.#client, keys: this.#keys }, name, { most });
  }

  /** @returns false when there is no such pool */
  async limit(
    name: string,
    limits: LimitRule | null,
    { task, reset = false }: { task?: string | undefined; reset?: boolean | undefined },
  ): Promise<boolean> {
    const rule = limits === null ? null : checkLimitRule(`pool "${name}"`, limits);
    if (task === undefined) return (await this.#registry.update(name, null, { limits: rule })) !== null;
    checkTaskName(task);
    const record = await this.#registry.get(name);
    if (!record) return false;
    const { [task]: _before, ...others } = record.taskLimits ?? {};
    const taskLimits = reset ? others : { ...others, [task]: rule };
    return (await this.#registry.update(name, null, { taskLimits })) !== null;
  }

  /** Running tasks go on, waiting ones stay where they are. @returns false when there is no such pool */
  async pause(name: string): Promise<boolean> {
    if (!(await this.#registry.get(name))) return false;
    await this.#queues.get(name).pause();
    return true;
  }

  /** A failed pool is reset as well. @returns false when there is no such pool */
  async resume(name: string): Promise<boolean> {
    if (!(await this.#registry.reset(name, null))) return false;
    await this.#queues.get(name).resume();
    return true;
  }

  /** Lets a pool be used again whose initializer threw. @returns whether it had failed; null = there is no such pool */
  async reset(name: string): Promise<boolean | null> {
    return (await this.#registry.reset(name, null))?.reset ?? null;
  }

  /** Removes a pool with its tasks. @throws ValueError for the default pool */
  async remove(name: string, options: { force?: boolean | undefined } = {}): Promise<PoolRemoval> {
    return removePool({ client: this.#client, keys: this.#keys, queues: this.#queues }, name, options);
  }

  async #applySize(name: string, size: number | null): Promise<void> {
    const queue = this.#queues.get(name);
    if (size === null) await queue.removeGlobalConcurrency();
    else await queue.setGlobalConcurrency(size);
    // A raised limit is not announced to idle workers; resuming a queue that is not paused is.
    if (!(await queue.isPaused())) await queue.resume();
  }

  async #look(records: PoolRecord[], hosts: readonly HostRecord[]): Promise<PoolView[]> {
    if (records.length === 0) return [];
    const names = records.map(({ name }) => name);
    const [{ counts }, parked] = await Promise.all([
      readPoolCounts(this.#client, this.#keys, names),
      readParkedTasks(this.#client, this.#keys, new Set(names)),
    ]);
    return records.flatMap((record, index) => {
      const read = counts[index];
      if (!read) return [];
      const parkedHere = parked.get(record.name) ?? NONE_PARKED;
      const { paused, globalConcurrency } = read;
      const { waiting, prioritized, delayed, active, completed, failed, cancelled } = read.jobs;
      return {
        ...record,
        failure: record.failure === null ? null : describeFailure(record.failure),
        ...{
          paused,
          globalConcurrency,
          waiting,
          prioritized,
          delayed,
          active,
          completed,
          failed,
          cancelled,
          oldestWaiting: longerOf(read.oldestWaiting, read.oldestLimited),
        },
        hosts: hosts.filter((host) => slotsOf([host], record.name) > 0).length,
        slots: slotsOf(hosts, record.name),
        parked: sumOf(parkedHere),
        limited: read.jobs.limited,
        hindrance: hindranceOf(record, { counts: read, hosts, parked: parkedHere }),
      };
    });
  }
}

const NONE_PARKED: ParkedTasks = new Map();

function sumOf(parked: ParkedTasks): number {
  return [...parked.values()].reduce((sum, count) => sum + count, 0);
}

/** Names of all pools, sorted. */
export async function poolNames(client: RedisClient, keys: Keys): Promise<string[]> {
  const names = await client.hkeys(keys.pools).catch((error) => {
    if (isWrongType(error)) return [];
    throw error;
  });
  return names.sort();
}

function checkSize(size: unknown): void {
  if (size === null || (Number.isInteger(size) && (size as number) >= 1)) return;
  throw new ValueError(`the size of a pool must be a whole number from 1; got ${JSON.stringify(size) ?? String(size)}`);
}
