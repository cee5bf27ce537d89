import type { Logger } from "@manyhands/core";
import { Duty, type Isolation, type Milliseconds, type PoolRecord, plural } from "@manyhands/core/internal";
import type { Executor } from "../executor/executor.ts";
import { Trouble } from "../trouble/trouble.ts";
import { Adoption } from "./adoption.ts";
import type { ChildSupply } from "./child-supply.ts";
import { ChildUnavailable } from "./child-unavailable.ts";
import type { IdleChild } from "./idle-children.ts";
import { endedItself, REPLACEMENTS, wasKilledFromOutside } from "./killed-from-outside.ts";
import { noteChildEnd, type Retirement } from "./note-child-end.ts";
import { usageOf } from "./process-usage.ts";

export interface ChildPoolOptions {
  pool: PoolRecord;
  supply: ChildSupply;
  logger: Logger;
  /** An initializer that runs for longer than this is mentioned: it may never end. @defaultValue 3_000 */
  initializerPatience?: Milliseconds;
}

/** What a job asks of a child. */
export interface ChildRequest {
  /** How many tasks are to run in it. @defaultValue 1 */
  tasks?: number;
  /** The child is no longer waited for. With the reason {@link KEEP_CHILD} it is made all the same, for the next job. */
  signal?: AbortSignal;
  /** Called when the pool's initializer begins, or when the wait is for a child in which it runs already. */
  onInitializing?: (executor: Executor) => void;
}

/** Reason of an abort that leaves the child being made to the next job. */
export const KEEP_CHILD = "keep the child";

/** A child lent to one job. */
export interface ChildLease {
  readonly executor: Executor;
  /** How many tasks may run in it, at least 1; the others need another child. */
  readonly tasks: number;
  /** The job is over and the child is well. */
  release(): void;
  /** The child has ended, or is not to be trusted with another job. */
  discard(): void;
}

/** The pool's initializer threw or exited: the pool fails. `cause` is its error. */
export class InitializerFailed extends Error {
  override readonly name = "InitializerFailed";
  /** The pool as it was when its initializer began. */
  readonly pool: PoolRecord;

  constructor(pool: PoolRecord, cause: unknown) {
    super(`the initializer of pool "${pool.name}" failed`, { cause });
    this.pool = pool;
  }
}

/** A child and what the pool knows of it. */
interface Child extends IdleChild {
  executor: Executor;
  /** Record of the pool for which it was initialized. */
  pool: PoolRecord;
  jobs: number;
  jobsRun: number;
  /** Tasks that have been given to it. */
  tasks: number;
  idleSince: number;
  /** Why it was told to end, once it was. */
  retired: Retirement | null;
  /** Another pool has it. */
  isHandedOver: boolean;
}

const NONE: readonly never[] = [];
const MEGABYTE = 1_048_576;
/** Time an idle child gets to end by itself, ms. */
const RETIRE_GRACE = 2_000;

/**
 * The children of one pool on this host. Pools with an initializer or a limit of tasks have children of their own; the
 * others take idle ones from one another, so that a call in a pool that was not called lately needs no new child.
 *
 * A child that cannot be had is a {@link ChildUnavailable}, which is this host's trouble: of the supply, or of this pool
 * here when the child is lost in the pool's initializer (a signal, a full heap). Only an initializer that throws, or exits,
 * is the pool's own fault.
 */
export class ChildPool {
  /** Why no child of this pool can be had on this host, though others can. */
  readonly trouble: Trouble;
  #pool: PoolRecord;
  readonly #supply: ChildSupply;
  readonly #logger: Logger;
  readonly #initializerPatience: Milliseconds;
  readonly #children = new Set<Child>();
  /** Children being made that no job waits for: successors, and those whose job has given up. */
  readonly #pending = new Map<Isolation, Adoption<Child>>();
  readonly #adoptions = new Set<Adoption<Child>>();
  /** Looks only while there is something to look at. */
  readonly #duty: Duty;
  #inline: Adoption<Child> | undefined;
  /** Kind of child that could not be had. */
  #missing: Isolation = "process";
  #closed = false;

  constructor({ pool, supply, logger, initializerPatience = 3_000 }: ChildPoolOptions) {
    this.#pool = pool;
    this.#supply = supply;
    this.#logger = logger;
    this.#initializerPatience = initializerPatience;
    const { idle, age } = supply.limits;
    const interval = Math.max(100, Math.min(idle, age, initializerPatience) / 4);
    const what = `looking at the children of pool "${pool.name}"`;
    this.#duty = new Duty({ what, interval, jitter: 0, logger, look: () => this.#look() });
    this.trouble = new Trouble({
      tryAgain: () => this.#probe(),
      onChange: (reason, nextTry) => {
        const name = `pool "${pool.name}"`;
        if (reason === null) logger.warn(`${name} can be served by this host again`);
        else logger.error(`this host takes no work of ${name}, because ${reason} (next try in ${nextTry} ms)`);
      },
    });
  }

  /**
   * Lends a child: an idle one, else a new one, initialized for this pool.
   * @throws InitializerFailed, ChildUnavailable
   */
  async acquire(isolation: Isolation, request: ChildRequest = {}): Promise<ChildLease> {
    if (isolation === "inline") return this.#lend(await this.#sharedInline(request), request);
    const idle = this.#idle(isolation);
    if (idle) {
      this.#occupy(idle);
      return this.#lend(idle, request);
    }
    if (this.trouble.reason !== null) throw new ChildUnavailable(this.trouble.reason);
    const adoption = this.#pending.get(isolation) ?? this.#startAdoption(isolation);
    this.#pending.delete(isolation);
    const child = await this.#await(adoption, isolation, request);
    return child ? this.#lend(child, request) : this.acquire(isolation, request);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Takes over what changed in the pool's record; children of another initializer run no further job. */
  update(pool: PoolRecord): void {
    const isAnother = !isSameInitializer(this.#pool, pool);
    this.#pool = pool;
    if (!isAnother) return;
    for (const child of [...this.#children]) if (child.jobs === 0) this.#retire(child, "outdated");
    for (const adoption of this.#pending.values()) adoption.end("the initializer of its pool was changed");
    this.#pending.clear();
    this.#inline = undefined;
  }

  /** The task modules were loaded anew: children from before run no further job, those that run one end after it. */
  renew(): void {
    for (const child of [...this.#children])
      if (child.jobs === 0 && this.#isOutdated(child)) this.#retire(child, "outdated");
  }

  /** For the heartbeat. */
  describe(): readonly { pid: number; isolation: Isolation; busy: boolean; jobsRun: number }[] {
    if (this.#children.size === 0) return NONE;
    return [...this.#children].map(({ executor, jobs, jobsRun }) => ({
      pid: executor.pid,
      isolation: executor.isolation,
      busy: jobs > 0,
      jobsRun,
    }));
  }

  /** Since when, by the wall clock, the pool's initializer has been running for remarkably long; null = it does not. */
  get initializingSince(): number | null {
    if (this.#adoptions.size === 0) return null;
    const longest = Math.max(0, ...[...this.#adoptions].map((adoption) => adoption.initializingFor));
    return longest < this.#initializerPatience ? null : Date.now() - longest;
  }

  /** Kills every child. */
  async close(reason: string): Promise<void> {
    this.#closed = true;
    void this.#duty.stop();
    this.trouble.stop();
    const executors = [...this.#children].map(({ executor }) => executor);
    for (const child of [...this.#children]) this.#forget(child);
    for (const adoption of this.#adoptions) adoption.end(reason);
    await Promise.all([
      ...executors.map((executor) => executor.kill(reason)),
      ...[...this.#adoptions].map((adoption) => adoption.child.catch(() => {})),
    ]);
  }

  #idle(isolation: Isolation): Child | undefined {
    let latest: Child | undefined;
    for (const child of this.#children) {
      if (child.jobs > 0 || child.executor.isolation !== isolation || child.executor.isKilled) continue;
      if (!latest || child.idleSince > latest.idleSince) latest = child;
    }
    return latest;
  }

  async #sharedInline(request: ChildRequest): Promise<Child> {
    this.#inline ??= this.#startAdoption("inline");
    const adoption = this.#inline;
    if (request.onInitializing) adoption.onInitializing(request.onInitializing);
    try {
      const child = await adoption.child;
      // Its modules were loaded anew: it was ended, or is as soon as nothing runs in it.
      if ((child.executor.isKilled || this.#supply.isOutdated(child.executor)) && !this.#closed) {
        if (this.#inline === adoption) this.#inline = undefined;
        return this.#sharedInline(request);
      }
      // Another initializer than the pool has by now.
      if (this.#inline !== adoption && !isSameInitializer(child.pool, this.#pool)) return this.#sharedInline(request);
      this.#occupy(child);
      return child;
    } catch (error) {
      if (this.#inline === adoption) this.#inline = undefined;
      throw error;
    }
  }

  /** Waits for a child that is being made, and has it. @returns undefined when another job was faster */
  async #await(adoption: Adoption<Child>, isolation: Isolation, request: ChildRequest): Promise<Child | undefined> {
    const { signal, onInitializing } = request;
    adoption.isWanted = true;
    if (onInitializing) adoption.onInitializing(onInitializing);
    const leave = (): void => {
      adoption.isWanted = false;
      if (adoption.isDone) return;
      if (signal?.reason === KEEP_CHILD && !this.#pending.has(isolation)) this.#pending.set(isolation, adoption);
      else adoption.end("no call waits for it any more");
    };
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted) leave();
    const child = await adoption.child.finally(() => signal?.removeEventListener("abort", leave));
    if (!signal?.aborted) {
      if (adoption.isReserved && !this.#isOutdated(child)) return child;
      if (adoption.isReserved) {
        child.jobs -= 1;
        this.#retire(child, "outdated");
        return undefined;
      }
      if (child.jobs > 0 || !this.#children.has(child)) return undefined;
      this.#occupy(child);
      return child;
    }
    if (adoption.isReserved) this.#free(child);
    throw new Error(`no call waits for a child of pool "${this.#pool.name}" any more`);
  }

  #startAdoption(isolation: Isolation): Adoption<Child> {
    const pool = this.#pool;
    const adoption = new Adoption<Child>((own) => this.#adopt(own, pool, isolation));
    this.#adoptions.add(adoption);
    if (!this.#closed) this.#duty.start();
    const forget = (): void => {
      this.#adoptions.delete(adoption);
      if (this.#pending.get(isolation) === adoption) this.#pending.delete(isolation);
    };
    adoption.child.then(forget, forget);
    return adoption;
  }

  /** Takes a child without a job from another pool, or a loaded one from the supply, in which it runs the initializer once. */
  async #adopt(adoption: Adoption<Child>, pool: PoolRecord, isolation: Isolation): Promise<Child> {
    const idle =
      asksNothing(pool) && !adoption.isEnded && !this.#closed ? this.#supply.idle.take(isolation) : undefined;
    if (idle) {
      adoption.begin(idle.executor, false);
      return this.#keep(adoption, idle.executor, { pool, tasks: idle.tasks });
    }
    for (let attempt = 1; ; attempt += 1) {
      if (this.#closed) adoption.end("the pool is closed");
      const executor = await this.#supply.take(isolation, adoption.ended).catch((error: unknown) => {
        throw adoption.isEnded ? this.#givenUp(error) : error;
      });
      if (this.#closed) adoption.end("the pool is closed");
      adoption.begin(executor, pool.initializer !== null);
      try {
        await executor.adopt(pool.name, pool.initializer);
        if (this.#supply.isOutdated(executor) && !adoption.isEnded) {
          void executor.retire(RETIRE_GRACE);
          continue;
        }
        return this.#keep(adoption, executor, { pool, tasks: 0 });
      } catch (error) {
        if (adoption.isEnded) throw this.#givenUp(error);
        if (attempt <= REPLACEMENTS && (await wasKilledFromOutside(executor))) continue;
        void executor.kill("it could not be adopted");
        if (executor.initializerThrew || (await this.#isEndedByInitializer(executor, pool))) {
          throw new InitializerFailed(pool, error);
        }
        throw this.#unavailable(isolation, error as Error);
      }
    }
  }

  #givenUp(cause: unknown): Error {
    return new Error(`a child of pool "${this.#pool.name}" was given up`, { cause });
  }

  /** An initializer that exits, or whose code throws beside it, is at fault; its child alone would live. */
  async #isEndedByInitializer(executor: Executor, { initializer }: PoolRecord): Promise<boolean> {
    return initializer !== null && (await endedItself(executor)) && (await this.#supply.survives());
  }

  /** A child that was lost on the way: without an initializer only its own modules can have ended it. */
  #unavailable(isolation: Isolation, error: Error): ChildUnavailable {
    const { name, initializer } = this.#pool;
    const cannot = `a new child could not be made ready for pool "${name}": ${error.message}`;
    const failure = new ChildUnavailable(cannot, { cause: error });
    if (this.#closed) return failure;
    this.#missing = isolation;
    if (initializer && this.#supply.trouble.reason === null) this.trouble.met(failure);
    else this.#supply.trouble.met(failure);
    return failure;
  }

  /** Makes one child, for the next job. An initializer that throws is met, and reported, by that job. */
  async #probe(): Promise<void> {
    if (this.#closed) return;
    await this.#startAdoption(this.#missing).child.catch((error: unknown) => {
      if (!(error instanceof InitializerFailed)) throw error;
    });
  }

  #keep(adoption: Adoption<Child>, executor: Executor, { pool, tasks }: { pool: PoolRecord; tasks: number }): Child {
    const jobs = adoption.isWanted ? 1 : 0;
    adoption.isReserved = adoption.isWanted;
    const own = (): PoolRecord => this.#pool;
    const child: Child = {
      executor,
      pool,
      jobs,
      jobsRun: 0,
      tasks,
      idleSince: performance.now(),
      retired: null,
      isHandedOver: false,
      // What the pool asks of its children may have changed since.
      get isShared() {
        return asksNothing(pool) && asksNothing(own());
      },
      makeRoom: () => this.#retire(child, "idle"),
      handOver: () => {
        child.isHandedOver = true;
        this.#forget(child);
      },
    };
    if (this.#closed) {
      void executor.kill("the pool is closed");
      return child;
    }
    this.#children.add(child);
    void executor.exited.then((exit) => {
      if (child.isHandedOver) return;
      this.#forget(child);
      // Of a pool that is closed all children end, which is no news.
      if (!this.#closed && executor.isolation !== "inline") {
        noteChildEnd(this.#logger, { ...child, pool: this.#pool.name }, exit);
      }
    });
    if (jobs > 0) return child;
    if (this.#isOutdated(child)) this.#retire(child, "outdated");
    else this.#rest(child);
    return child;
  }

  #occupy(child: Child): void {
    child.jobs += 1;
    this.#supply.idle.remove(child);
  }

  #free(child: Child): void {
    child.jobs -= 1;
    this.#rest(child);
  }

  /** Without a job it may have to make room for a child of another pool. */
  #rest(child: Child): void {
    const isKept = child.jobs === 0 && this.#children.has(child) && child.executor.isolation !== "inline";
    if (isKept) this.#supply.idle.add(child);
  }

  /** It runs no more jobs of this pool. */
  #forget(child: Child): void {
    this.#children.delete(child);
    this.#supply.idle.remove(child);
  }

  #lend(child: Child, { tasks = 1 }: ChildRequest): ChildLease {
    const granted = Math.max(1, Math.min(tasks, this.#room(child)));
    child.tasks += granted;
    if (this.#room(child) <= 0) this.#prepareReplacement(child.executor.isolation);
    let isOver = false;
    const end = (isWell: boolean): void => {
      if (isOver) return;
      isOver = true;
      child.jobs -= 1;
      child.jobsRun += 1;
      child.idleSince = performance.now();
      // The last words of a child that is being killed may say that its job is done.
      if (!isWell || child.executor.isKilled) this.#forget(child);
      else this.#replaceOrRest(child);
    };
    return { executor: child.executor, tasks: granted, release: () => end(true), discard: () => end(false) };
  }

  /** How many more tasks may run in a child. */
  #room({ executor, tasks }: Child): number {
    const limit = this.#pool.maxTasksPerChild ?? this.#supply.limits.tasks;
    return executor.isolation === "inline" ? Number.POSITIVE_INFINITY : limit - tasks;
  }

  /** Between two tasks a child is replaced, never in one. */
  #replaceOrRest(child: Child): void {
    const reason = child.jobs === 0 ? this.#reasonToReplace(child) : null;
    if (reason === null) this.#rest(child);
    else this.#retire(child, reason);
  }

  #reasonToReplace(child: Child): Retirement | null {
    if (this.#room(child) <= 0) return "worn out";
    if (this.#isOutdated(child)) return "outdated";
    return child.executor.isolation === "inline" ? null : (this.#tooOld(child) ?? this.#tooLarge(child));
  }

  #tooOld({ executor, jobsRun }: Child): Retirement | null {
    const { age } = this.#supply.limits;
    if (this.#supply.ageOf(executor) < age) return null;
    return { limit: `it is older than ${age} ms (maxChildAge), after ${plural(jobsRun, "job")}` };
  }

  /** Threads share the memory of the host. */
  #tooLarge({ executor, jobsRun }: Child): Retirement | null {
    const { memory } = this.#supply.limits;
    if (memory === Number.POSITIVE_INFINITY || executor.isolation !== "process") return null;
    const used = usageOf(executor.pid);
    if (used === null || used.memory <= memory) return null;
    const [uses, most] = [used.memory, memory].map((bytes) => Math.round(bytes / MEGABYTE));
    return { limit: `it uses ${uses} MB (maxChildMemory ${most} MB), after ${plural(jobsRun, "job")}` };
  }

  /** It has run another initializer than the pool has by now, or has loaded modules that have changed. */
  #isOutdated({ pool, executor }: Child): boolean {
    return !isSameInitializer(pool, this.#pool) || this.#supply.isOutdated(executor);
  }

  /** Makes the successor of a child that runs its last task, so that the next one does not wait for it. */
  #prepareReplacement(isolation: Isolation): void {
    if (this.#idle(isolation) || this.#pending.has(isolation) || this.#closed) return;
    if (this.trouble.reason !== null || this.#supply.trouble.reason !== null) return;
    // A failure is met, and reported, again by the job that needs the child.
    this.#pending.set(isolation, this.#startAdoption(isolation));
  }

  #look(): void {
    this.#retireIdle();
    if (this.#adoptions.size === 0 && [...this.#children].every(({ executor }) => executor.isolation === "inline")) {
      void this.#duty.stop();
      return;
    }
    const slow = [...this.#adoptions].filter((one) => one.initializingFor >= this.#initializerPatience);
    if (slow.every((one) => one.isMentioned)) return;
    for (const one of slow) one.isMentioned = true;
    this.#logger.warn(this.describeSlowInitializer());
  }

  /** For people, while `initializingSince` is not null. */
  describeSlowInitializer(): string {
    const seconds = Math.round((Date.now() - (this.initializingSince ?? Date.now())) / 1_000);
    const pids = [...this.#adoptions].filter((one) => one.initializingFor > 0).map((one) => one.executor?.pid);
    return (
      `the initializer "${this.#pool.initializer?.task}" of pool "${this.#pool.name}" has been running for ${seconds} s ` +
      `(pid ${pids.join(", ")}); calls wait for it, each for its own time limit at most`
    );
  }

  #retireIdle(): void {
    const now = performance.now();
    for (const child of [...this.#children]) {
      if (child.jobs > 0 || child.executor.isolation === "inline") continue;
      const isIdle = now - child.idleSince > this.#supply.limits.idle && this.#supply.hasMoreThanMin;
      const reason = isIdle ? "idle" : this.#tooOld(child);
      if (reason !== null) this.#retire(child, reason);
    }
  }

  #retire(child: Child, why: Retirement): void {
    child.retired = why;
    this.#forget(child);
    this.#supply.uncount(child.executor);
    void child.executor.retire(RETIRE_GRACE);
  }
}

/** Its jobs may run in a child in which jobs of other such pools have run. */
function asksNothing({ initializer, maxTasksPerChild }: PoolRecord): boolean {
  return initializer === null && maxTasksPerChild === null;
}

function isSameInitializer(left: PoolRecord, right: PoolRecord): boolean {
  return left.initializer?.task === right.initializer?.task && left.initializer?.args === right.initializer?.args;
}
