import type { RedisClient } from "../connection/index.ts";
import { chooseHost, Fleet } from "../fleet/index.ts";
import type { Keys } from "../protocol/keys.ts";
import type { ControlMessage, HostRecord, Milliseconds } from "../protocol/records.ts";
import { BullQueues } from "./bull-queues.ts";
import { cancelTask } from "./cancel-task.ts";
import { findTask, type TaskPlace } from "./find-task.ts";
import { type NewPool, Pools, type PoolView } from "./pools.ts";
import { readTask } from "./read-task.ts";
import type { PoolRemoval } from "./remove-pool.ts";
import { retryTask } from "./retry-task.ts";
import { listTasks, type TaskFilter } from "./task-list.ts";
import type { CancelOutcome, RetryOutcome, TaskRow, TaskView } from "./task-view.ts";

/** Where a task is looked for; ids are unique in their pool only. @defaultValue all pools */
interface InPool {
  pool?: string;
}

/** Lines of a task's log, and where to go on reading. */
export interface TaskLog {
  lines: string[];
  next: number;
}

/**
 * Reads and steers a namespace from outside: what the command line and the dashboard show and do. It owns neither
 * the connection nor anything in Redis; every answer is read afresh.
 */
export class Inspector {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #fleet: Fleet;
  readonly #queues: BullQueues;
  readonly #pools: Pools;

  constructor(options: { client: RedisClient; keys: Keys }) {
    this.#client = options.client;
    this.#keys = options.keys;
    this.#fleet = new Fleet(options.client, options.keys);
    this.#queues = new BullQueues(options.client, options.keys);
    this.#pools = new Pools(options.client, options.keys, this.#queues);
  }

  /** All pools by name. */
  async pools(): Promise<PoolView[]> {
    return this.#pools.list(await this.hosts());
  }

  async pool(name: string): Promise<PoolView | null> {
    return this.#pools.get(name, await this.hosts());
  }

  /** @returns whether this call made it; an existing pool stays as it is */
  async createPool(pool: NewPool): Promise<boolean> {
    return this.#pools.create(pool);
  }

  /** @returns false when there is no such pool */
  async resizePool(name: string, size: number | null): Promise<boolean> {
    return this.#pools.resize(name, size);
  }

  /** Running tasks go on, waiting ones stay where they are. @returns false when there is no such pool */
  async pausePool(name: string): Promise<boolean> {
    return this.#pools.pause(name);
  }

  /**
   * Lets a pool be used again whose initializer threw.
   * @returns whether it had failed; null = there is no such pool
   */
  async resetPool(name: string): Promise<boolean | null> {
    return this.#pools.reset(name);
  }

  /**
   * Removes a pool with its tasks, for every program; callers that wait for them get a PoolTerminatedError.
   * @param options.force - Also when tasks of it run: hosts kill them.
   * @throws ValueError for the default pool
   */
  async removePool(name: string, options: { force?: boolean } = {}): Promise<PoolRemoval> {
    return this.#pools.remove(name, options);
  }

  /** A failed pool is reset as well. @returns false when there is no such pool */
  async resumePool(name: string): Promise<boolean> {
    return this.#pools.resume(name);
  }

  /** Live hosts by name. */
  async hosts(): Promise<HostRecord[]> {
    return this.#fleet.hosts();
  }

  /**
   * The live host of that id, or the only one of that name; null when there is none.
   * @throws ValueError when several have the name, with their ids
   */
  async host(idOrName: string): Promise<HostRecord | null> {
    return chooseHost(await this.hosts(), idOrName);
  }

  /**
   * Tells a host to take no more work, to finish what it runs and to end.
   * @param grace - Milliseconds for running tasks; null = what the host was started with.
   * @returns the host, or null when none of that id or name is live
   * @throws ValueError when several have the name, with their ids
   */
  async drainHost(idOrName: string, grace: Milliseconds | null = null): Promise<HostRecord | null> {
    const host = await this.host(idOrName);
    if (!host) return null;
    const message: ControlMessage = { type: "drain", grace };
    await this.#client.publish(this.#keys.hostControl(host.id), JSON.stringify(message));
    return host;
  }

  /** Newest first, by the last thing that happened to them. */
  async tasks(filter: TaskFilter = {}): Promise<TaskRow[]> {
    const [pools, hosts] = await Promise.all([this.#pools.names(), this.hosts()]);
    return listTasks(this.#client, this.#keys, { filter, pools, hosts });
  }

  /**
   * One task by its id; `<job>.<n>` is one call of a job that several calls share. Null when it is not kept.
   * @throws ValueError when several pools have a task of that id and none is given
   */
  async task(id: string, { pool }: InPool = {}): Promise<TaskView | null> {
    const [place, hosts] = await Promise.all([this.#find(id, pool), this.hosts()]);
    return place && readTask({ client: this.#client, keys: this.#keys }, place, hosts);
  }

  /** Log lines from the given one on (0 = the first); null when the task is not kept. */
  async logs(id: string, options: { from?: number } & InPool = {}): Promise<TaskLog | null> {
    const place = await this.#find(id, options.pool);
    if (!place) return null;
    const from = options.from ?? 0;
    const lines = await this.#client.lrange(`${this.#keys.job(place.pool, place.jobId)}:logs`, from, -1);
    return { lines, next: from + lines.length };
  }

  /** Cancels a task wherever it is: in line it is taken out, running it is stopped by its host. */
  async cancelTask(
    id: string,
    reason: string = "cancelled by request",
    { pool: within }: InPool = {},
  ): Promise<CancelOutcome> {
    const place = await this.#find(id, within);
    if (!place) return { outcome: "unknown" };
    const context = { client: this.#client, keys: this.#keys, queues: this.#queues };
    const withdrawal = await cancelTask(context, place, reason);
    const { pool } = place;
    if (withdrawal === "unknown") return { outcome: "unknown" };
    if (withdrawal === "removed") return { outcome: "removed", pool };
    if (withdrawal !== "marked") return { outcome: "finished", pool, state: withdrawal };
    const running = (await this.hosts()).find((host) =>
      host.running.some((run) => run.pool === pool && run.jobId === place.jobId),
    );
    return { outcome: "stopping", pool, host: running?.name ?? null };
  }

  /** Puts a failed task back into its queue, with all its attempts. */
  async retryTask(id: string, { pool }: InPool = {}): Promise<RetryOutcome> {
    const place = await this.#find(id, pool);
    if (!place) return { outcome: "unknown" };
    return retryTask({ client: this.#client, keys: this.#keys, queues: this.#queues }, place);
  }

  /** Lets go of BullMQ's objects; the connection belongs to the caller. */
  async close(): Promise<void> {
    await this.#queues.close();
  }

  async #find(id: string, pool: string | undefined): Promise<TaskPlace | null> {
    const pools = pool === undefined ? await this.#pools.names() : [pool];
    return findTask(this.#client, this.#keys, { id, pools });
  }
}
