import type { Logger } from "@manyhands/core";
import type { Isolation, Milliseconds, PoolRecord } from "@manyhands/core/internal";
import type { Executor } from "../executor/executor.ts";
import type { ChildSupply } from "./child-supply.ts";
import { REPLACEMENTS, wasKilledFromOutside } from "./killed-from-outside.ts";

export interface ChildPoolOptions {
  pool: PoolRecord;
  supply: ChildSupply;
  logger: Logger;
  /** An idle child ends after this. @defaultValue 60_000 */
  retireAfter?: Milliseconds;
}

/** A child lent to one job. */
export interface ChildLease {
  readonly executor: Executor;
  /** The job is over and the child is well. */
  release(): void;
  /** The child has ended, or is not to be trusted with another job. */
  discard(): void;
}

/** The pool's initializer threw: the pool fails. `cause` is its error. */
export class InitializerFailed extends Error {
  override readonly name = "InitializerFailed";
}

/** A child and what the pool knows of it. */
interface Child {
  executor: Executor;
  jobs: number;
  jobsRun: number;
  idleSince: number;
}

/** Time an idle child gets to end by itself, ms. */
const RETIRE_GRACE = 2_000;

/** The children of one pool on this host; no other pool's job ever runs in them. */
export class ChildPool {
  readonly #options: ChildPoolOptions;
  readonly #retireAfter: Milliseconds;
  /** Successors of children that run their last job. */
  readonly #preparing = new Map<Isolation, Promise<Child | undefined>>();
  readonly #children = new Set<Child>();
  /** Children in which the initializer runs. */
  readonly #adopting = new Set<Executor>();
  readonly #timer: NodeJS.Timeout;
  #inline: Promise<Child> | undefined;
  #closed = false;

  constructor(options: ChildPoolOptions) {
    this.#options = options;
    this.#retireAfter = options.retireAfter ?? 60_000;
    this.#timer = setInterval(() => this.#retireIdle(), Math.max(100, this.#retireAfter / 4)).unref();
  }

  /**
   * Lends a child: an idle one, else a new one, initialized for this pool.
   * @param signal - Ends a child that is made for the caller alone: nobody waits for it any more.
   * @throws InitializerFailed, ChildLoadError
   */
  async acquire(isolation: Isolation, signal?: AbortSignal): Promise<ChildLease> {
    const child =
      isolation === "inline"
        ? await this.#sharedInline()
        : (this.#idle(isolation) ?? (await this.#takePrepared(isolation)) ?? (await this.#adopt(isolation, signal)));
    child.jobs += 1;
    if (this.#isLastJob(child)) this.#prepareReplacement(isolation);
    return this.#lend(child);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** For the heartbeat. */
  describe(): { pid: number; isolation: Isolation; busy: boolean; jobsRun: number }[] {
    return [...this.#children].map(({ executor, jobs, jobsRun }) => ({
      pid: executor.pid,
      isolation: executor.isolation,
      busy: jobs > 0,
      jobsRun,
    }));
  }

  /** Kills every child. */
  async close(reason: string): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const executors = [...[...this.#children].map(({ executor }) => executor), ...this.#adopting];
    this.#children.clear();
    await Promise.all(executors.map((executor) => executor.kill(reason)));
  }

  #idle(isolation: Isolation): Child | undefined {
    let latest: Child | undefined;
    for (const child of this.#children) {
      if (child.jobs > 0 || child.executor.isolation !== isolation) continue;
      if (!latest || child.idleSince > latest.idleSince) latest = child;
    }
    return latest;
  }

  async #sharedInline(): Promise<Child> {
    this.#inline ??= this.#adopt("inline");
    try {
      return await this.#inline;
    } catch (error) {
      this.#inline = undefined;
      throw error;
    }
  }

  /** Takes a loaded child from the supply and runs the initializer in it, once in its life. */
  async #adopt(isolation: Isolation, signal?: AbortSignal): Promise<Child> {
    const { pool, supply } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const executor = await supply.take(isolation);
      this.#adopting.add(executor);
      const end = (): void => void executor.kill("nobody waits for it any more");
      signal?.addEventListener("abort", end, { once: true });
      if (this.#closed || signal?.aborted) end();
      try {
        await executor.adopt(pool.name, pool.initializer).finally(() => {
          this.#adopting.delete(executor);
          signal?.removeEventListener("abort", end);
        });
        return this.#keep(executor);
      } catch (error) {
        if (this.#closed || signal?.aborted) {
          throw new Error(`the initializer of pool "${pool.name}" was given up`, { cause: error });
        }
        if (attempt <= REPLACEMENTS && (await wasKilledFromOutside(executor))) continue;
        void executor.kill("the initializer failed");
        throw new InitializerFailed(`the initializer of pool "${pool.name}" failed`, { cause: error });
      }
    }
  }

  #keep(executor: Executor): Child {
    const child: Child = { executor, jobs: 0, jobsRun: 0, idleSince: performance.now() };
    if (this.#closed) {
      void executor.kill("the pool is closed");
      return child;
    }
    this.#children.add(child);
    void executor.exited.then(() => this.#children.delete(child));
    return child;
  }

  #lend(child: Child): ChildLease {
    let isOver = false;
    const end = (isWell: boolean): void => {
      if (isOver) return;
      isOver = true;
      child.jobs -= 1;
      child.jobsRun += 1;
      child.idleSince = performance.now();
      if (!isWell) this.#children.delete(child);
      else if (this.#isWornOut(child)) this.#retire(child);
    };
    return { executor: child.executor, release: () => end(true), discard: () => end(false) };
  }

  #isWornOut(child: Child): boolean {
    const limit = this.#options.pool.maxTasksPerChild;
    return limit !== null && child.jobsRun >= limit && child.executor.isolation !== "inline";
  }

  #isLastJob(child: Child): boolean {
    const limit = this.#options.pool.maxTasksPerChild;
    return limit !== null && child.jobsRun + 1 === limit && child.executor.isolation !== "inline";
  }

  /** Makes the successor of a child that runs its last job, so that the next job does not wait for it. */
  #prepareReplacement(isolation: Isolation): void {
    if (this.#idle(isolation) || this.#preparing.has(isolation) || this.#closed) return;
    // A failure is met, and reported, again by the job that needs the child.
    const preparing = this.#adopt(isolation)
      .catch(() => undefined)
      .finally(() => {
        if (this.#preparing.get(isolation) === preparing) this.#preparing.delete(isolation);
      });
    this.#preparing.set(isolation, preparing);
  }

  /** The successor that is being made, for the first job that asks; another child would be one too many. */
  async #takePrepared(isolation: Isolation): Promise<Child | undefined> {
    const preparing = this.#preparing.get(isolation);
    if (!preparing) return undefined;
    this.#preparing.delete(isolation);
    const child = await preparing;
    return child && child.jobs === 0 && this.#children.has(child) ? child : undefined;
  }

  #retireIdle(): void {
    const now = performance.now();
    for (const child of [...this.#children]) {
      if (child.jobs > 0 || child.executor.isolation === "inline") continue;
      if (now - child.idleSince > this.#retireAfter) this.#retire(child);
    }
  }

  #retire(child: Child): void {
    this.#children.delete(child);
    void child.executor.retire(RETIRE_GRACE);
  }
}
