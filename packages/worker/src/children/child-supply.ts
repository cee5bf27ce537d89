import type { Logger } from "@manyhands/core";
import {
  type Isolation,
  type Milliseconds,
  type TaskAnnouncement,
  unlessAborted,
  within,
} from "@manyhands/core/internal";
import type { LoadedFile } from "../child/loaded-files.ts";
import type { Executor } from "../executor/executor.ts";
import { Trouble } from "../trouble/trouble.ts";
import { type ChildLimits, NO_CHILD_LIMITS } from "./child-limits.ts";
import { ChildUnavailable } from "./child-unavailable.ts";
import { IdleChildren } from "./idle-children.ts";
import { REPLACEMENTS, wasKilledFromOutside } from "./killed-from-outside.ts";

/** Makes a child of the given kind and lets it load the task modules. */
export type CreateExecutor = (isolation: Isolation) => Executor;

export interface ChildSupplyOptions {
  create: CreateExecutor;
  /** Kind of the spares. */
  isolation: Isolation;
  /** Number of loaded children that wait for a pool. */
  spares: number;
  /** Most children of all pools together that are kept without a job. @defaultValue no bound */
  mostIdle?: () => number;
  /** @defaultValue none */
  limits?: ChildLimits;
  /** The task modules are loaded anew when they change. @defaultValue false */
  isWatched?: boolean;
  logger: Logger;
}

/** Modules that load for longer than this are mentioned, ms: they may never end. */
const LOAD_PATIENCE: Milliseconds = 10_000;
/** A child that has not loaded its modules after this, and after ten times what the first one took, is given up, ms. */
const LOAD_LIMIT: Milliseconds = 60_000;
/** A spare that was taken is replaced after this, when the job it was taken for has had its start, ms. */
const REFILL_DELAY: Milliseconds = 250;
/** After a failure a child counts as well when it still lives this long after it has loaded, ms. */
const PROBATION: Milliseconds = 300;
/** A spare that ends by itself within this time after it has loaded could not have run anything, ms. */
const SHORT_LIFE: Milliseconds = 10_000;

/** A child that makes room is gone within this time, or is not waited for, ms. */
const END_LIMIT: Milliseconds = 2_000;

/** Task modules could not be loaded in a new child, or it was not one that can run what this host announces. */
export class ChildLoadError extends ChildUnavailable {
  override readonly name = "ChildLoadError";
}

/** What task modules define, and the files that were loaded for it. */
export interface Loaded {
  tasks: TaskAnnouncement[];
  /** Where children were asked to tell them. */
  files: readonly LoadedFile[];
}

/**
 * Where children come from.
 *
 * Duties: 1. the first child is the scout, which tells the task list, so that user code is not loaded in the host;
 * 2. keeps spares warm, one being made at a time; 3. knows whether children can be made: one that cannot load, does not
 * define what the scout did, or ends right after it has loaded is a {@link Trouble} of this host, which is tried again
 * after longer and longer pauses, so that a module that has become broken does not make a loop of dying children.
 */
export class ChildSupply {
  /** Why no children can be made at present. */
  readonly trouble: Trouble;
  /** Children of pools that have no job. */
  readonly idle: IdleChildren;
  readonly limits: ChildLimits;
  readonly #options: ChildSupplyOptions;
  /** Children that count for the limits, and when they were made, by the monotonic clock: those of pools, and spares. */
  readonly #counted = new Map<Executor, number>();
  readonly #spares: Executor[] = [];
  /** Children that load their modules and are waited for. */
  readonly #loading = new Set<Executor>();
  /** Tasks that the scout found and this host announces. */
  #announced: readonly string[] = [];
  #loadLimit = LOAD_LIMIT;
  #warming = false;
  /** Rises with each load of changed modules. */
  #generation = 0;
  /** The modules have changed and cannot be loaded: no child is made that nothing waits for. */
  #isBroken = false;
  /** Of which generation a child is. */
  readonly #generations = new WeakMap<Executor, number>();
  #closed = false;

  constructor(options: ChildSupplyOptions) {
    this.#options = options;
    this.limits = options.limits ?? NO_CHILD_LIMITS;
    this.idle = new IdleChildren(options.mostIdle ?? (() => Number.POSITIVE_INFINITY));
    this.trouble = new Trouble({
      tryAgain: () => this.#probe(),
      onChange: (reason, nextTry) => {
        if (reason === null) {
          options.logger.warn("children can be made again: this host takes work");
          this.#warm();
        } else {
          options.logger.error(`this host takes no work, because ${reason} (next try in ${nextTry} ms)`);
        }
      },
    });
  }

  /**
   * Loads the task modules in a first child.
   * @throws the error of a module that throws
   */
  async scout(): Promise<Loaded> {
    const executor = this.#create(this.#options.isolation);
    const startedAt = performance.now();
    // A host whose start fails meanwhile ends it.
    this.#loading.add(executor);
    const isSlow = setTimeout(() => {
      this.#options.logger.warn(
        `the task modules are still loading after ${LOAD_PATIENCE} ms; does one of them wait for something at its top level?`,
      );
    }, LOAD_PATIENCE).unref();
    const tasks = await executor.loaded.finally(() => {
      clearTimeout(isSlow);
      this.#loading.delete(executor);
    });
    this.#announced = tasks.map(({ name }) => name);
    this.#loadLimit = Math.max(LOAD_LIMIT, 10 * (performance.now() - startedAt));
    this.giveBack(executor);
    this.#warm();
    return { tasks, files: executor.files };
  }

  /**
   * Loads task modules that have changed in a new child. From then on the children from before are outdated: spares end, and
   * those of pools run no further job. When the modules cannot be loaded, everything stays as it is.
   *
   * @param onFiles - Hears which files were loaded, also when that failed.
   * @throws the error of a module that throws
   */
  async reload(onFiles: (files: readonly LoadedFile[]) => void): Promise<TaskAnnouncement[]> {
    const executor = this.#create(this.#options.isolation);
    this.#generations.set(executor, this.#generation + 1);
    this.#loading.add(executor);
    let tasks: TaskAnnouncement[];
    try {
      const loaded = await within(executor.loaded, this.#loadLimit);
      if (!loaded) throw new Error(`they were still loading after ${Math.round(this.#loadLimit)} ms`);
      tasks = loaded.value;
    } catch (error) {
      void executor.kill("could not load");
      this.#isBroken = true;
      throw error;
    } finally {
      this.#loading.delete(executor);
      onFiles(executor.files);
    }
    this.#isBroken = false;
    this.#generation += 1;
    this.#announced = tasks.map(({ name }) => name);
    for (const spare of this.#spares.splice(0)) this.#retire(spare);
    this.giveBack(executor);
    this.trouble.tryNow();
    this.#warm();
    return tasks;
  }

  /** What tasks a child would define now. */
  async look(): Promise<TaskAnnouncement[]> {
    const executor = this.#create(this.#options.isolation);
    return executor.loaded.finally(() => void executor.retire(1_000));
  }

  /** Whether the task modules have been loaded anew since the child loaded them. */
  isOutdated(executor: Executor): boolean {
    return (this.#generations.get(executor) ?? this.#generation) < this.#generation;
  }

  /** It is told to end, or is a process from now on. */
  uncount(executor: Executor): void {
    this.#counted.delete(executor);
  }

  /** Whether there are more children than are to stay when nothing runs. */
  get hasMoreThanMin(): boolean {
    return this.#counted.size > this.limits.min;
  }

  /** Since when the child is there, ms; 0 = not known. */
  ageOf(executor: Executor): Milliseconds {
    return performance.now() - (this.#counted.get(executor) ?? performance.now());
  }

  /** Warm children that belong to no pool yet. */
  spares(): readonly Executor[] {
    return this.#spares;
  }

  /**
   * A child with loaded modules for the sole use of the caller.
   * @param signal - Once aborted, a child that still loads is not waited for; when it has loaded it is given back.
   * @throws ChildLoadError when none can be made, at once while that is known
   */
  async take(isolation: Isolation, signal?: AbortSignal): Promise<Executor> {
    const index = this.#spares.findIndex((spare) => spare.isolation === isolation);
    const spare = index < 0 ? undefined : this.#spares.splice(index, 1)[0];
    if (spare) {
      setTimeout(() => this.#warm(), REFILL_DELAY).unref();
      return spare;
    }
    if (this.trouble.reason !== null) throw new ChildLoadError(this.trouble.reason);
    const made = await this.#unlessUnwanted(this.#make(isolation), signal);
    if (!this.isOutdated(made)) return made;
    this.#retire(made);
    return this.take(isolation, signal);
  }

  /** Takes back a child that was taken and has not been used. */
  giveBack(executor: Executor): void {
    const { spares } = this.#options;
    const isWanted = !this.#closed && !this.isOutdated(executor) && !executor.isKilled;
    if (isWanted && (this.#spares.length < spares || !this.hasMoreThanMin)) this.#keep(executor);
    else this.#retire(executor);
  }

  #retire(executor: Executor): void {
    this.uncount(executor);
    void executor.retire(1_000);
  }

  /** Ends children that have nothing to do until another one may be made: every slot may have one. */
  async #makeRoom(): Promise<void> {
    while (this.#counted.size >= this.limits.max()) {
      const ended = this.idle.endOldest() ?? this.#spares.shift();
      if (!ended) return;
      this.#retire(ended);
      await within(ended.exited, END_LIMIT);
    }
  }

  get #isShort(): boolean {
    const count = this.#counted.size;
    return (this.#spares.length < this.#options.spares && count < this.limits.max()) || count < this.limits.min;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.trouble.stop();
    const children = [...this.#spares.splice(0), ...this.#loading];
    await Promise.all(children.map((child) => child.kill("host stops")));
  }

  /** True when a child lives that has nothing to do: then it was what ran in another one that ended it. */
  async survives(): Promise<boolean> {
    try {
      await this.#probe();
      return true;
    } catch (error) {
      if (!this.#closed) this.trouble.met(error);
      return false;
    }
  }

  #keep(executor: Executor): void {
    const keptAt = performance.now();
    this.#spares.push(executor);
    void executor.exited.then(async (exit) => {
      const index = this.#spares.indexOf(executor);
      if (index < 0) return;
      this.#spares.splice(index, 1);
      const isShort = performance.now() - keptAt < SHORT_LIFE;
      if (isShort && !this.#closed && exit.killedFor === null && !(await wasKilledFromOutside(executor))) {
        this.trouble.met(endedTooSoon(exit.crash?.message));
      }
      this.#warm();
    });
  }

  /** While children cannot be made, only the trouble tries. */
  #warm(): void {
    if (this.#warming || this.#closed || this.#isBroken || !this.#isShort) return;
    if (this.#options.isolation === "inline" || this.trouble.reason !== null) return;
    this.#warming = true;
    // Modules that are being changed are no trouble as long as the children there are do.
    const made = this.#options.isWatched ? this.#start(this.#options.isolation) : this.#make(this.#options.isolation);
    void made
      .then((executor) => {
        if (this.#closed) void executor.kill("host stops");
        else this.giveBack(executor);
      })
      .catch(() => {
        this.#isBroken = this.#options.isWatched === true;
      })
      .finally(() => {
        this.#warming = false;
        this.#warm();
      });
  }

  async #probe(): Promise<void> {
    const executor = await this.#start(this.#options.isolation);
    const exit = await within(executor.exited, PROBATION);
    if (exit) throw endedTooSoon(exit.value.crash?.message);
    this.giveBack(executor);
  }

  async #unlessUnwanted(made: Promise<Executor>, signal: AbortSignal | undefined): Promise<Executor> {
    if (!signal) return made;
    const taken = await unlessAborted(made, signal);
    if (taken) return taken.value;
    made.then(
      (executor) => this.giveBack(executor),
      () => {},
    );
    throw new ChildUnavailable("the child is not needed any more");
  }

  async #make(isolation: Isolation): Promise<Executor> {
    try {
      const executor = await this.#start(isolation);
      this.#isBroken = false;
      return executor;
    } catch (error) {
      if (!this.#closed) this.trouble.met(error);
      throw error;
    }
  }

  async #start(isolation: Isolation): Promise<Executor> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.#closed) throw new ChildLoadError("the host stops");
      let executor: Executor | undefined;
      try {
        // A system without processes or descriptors to spare may throw here already.
        await this.#makeRoom();
        executor = this.#create(isolation);
        this.#loading.add(executor);
        await this.#untilLoaded(executor);
        return executor;
      } catch (error) {
        if (this.#closed) throw new ChildLoadError("the host stops");
        if (executor && attempt <= REPLACEMENTS && (await wasKilledFromOutside(executor))) continue;
        void executor?.kill("could not load");
        const reason = (error as Error).message;
        throw new ChildLoadError(`a new child could not load the task modules: ${reason}`, { cause: error });
      } finally {
        if (executor) this.#loading.delete(executor);
      }
    }
  }

  #create(isolation: Isolation): Executor {
    const executor = this.#options.create(isolation);
    this.#generations.set(executor, this.#generation);
    if (isolation === "inline") return executor;
    this.#counted.set(executor, performance.now());
    void executor.exited.then(() => {
      this.uncount(executor);
      if (!this.hasMoreThanMin) this.#warm();
    });
    return executor;
  }

  async #untilLoaded(executor: Executor): Promise<void> {
    const limit = this.#loadLimit;
    const loaded = await within(executor.loaded, limit);
    if (!loaded) throw new Error(`they were still loading after ${Math.round(limit)} ms`);
    const defined = new Set(loaded.value.map(({ name }) => name));
    const missing = this.#announced.filter((name) => !defined.has(name));
    if (missing.length === 0) return;
    throw new Error(
      `they have changed and no longer define ${missing.join(", ")}; restore them, or start the host again to serve what they define now`,
    );
  }
}

function endedTooSoon(crash: string | undefined): ChildLoadError {
  const how = crash === undefined ? "" : `: ${crash}`;
  return new ChildLoadError(`a new child ended by itself right after it had loaded the task modules${how}`);
}
