import type { Logger } from "@manyhands/core";
import type { Isolation, TaskAnnouncement } from "@manyhands/core/internal";
import type { Executor } from "../executor/executor.ts";
import { REPLACEMENTS, wasKilledFromOutside } from "./killed-from-outside.ts";

/** Makes a child of the given kind and lets it load the task modules. */
export type CreateExecutor = (isolation: Isolation) => Executor;

export interface ChildSupplyOptions {
  create: CreateExecutor;
  /** Kind of the spares. */
  isolation: Isolation;
  /** Number of loaded children that wait for a pool. */
  spares: number;
  logger: Logger;
}

/** First pause after a child that could not load its modules, ms; it doubles up to {@link LONGEST_PAUSE}. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;
/** Modules that load for longer than this are mentioned, ms: they may never end. */
const LOAD_PATIENCE = 10_000;
/** A spare that was taken is replaced after this, when the job it was taken for has had its start, ms. */
const REFILL_DELAY = 250;

/** Task modules could not be loaded in a new child. */
export class ChildLoadError extends Error {
  override readonly name = "ChildLoadError";
}

/**
 * Where children come from.
 *
 * Duties: 1. the first child is the scout, which tells the task list, so that user code is not loaded in the host;
 * 2. keeps spares warm, one being made at a time; 3. after a child that could not load waits longer and longer,
 * so that a module that has become broken does not make a loop of dying children.
 */
export class ChildSupply {
  readonly #options: ChildSupplyOptions;
  readonly #spares: Executor[] = [];
  /** Children that load their modules for somebody. */
  readonly #loading = new Set<Executor>();
  #warming = false;
  #closed = false;
  #failures = 0;
  #pauseUntil = 0;
  /** Why the last child could not be made; null when it could. */
  lastError: string | null = null;

  constructor(options: ChildSupplyOptions) {
    this.#options = options;
  }

  /**
   * Loads the task modules in a first child.
   * @returns the tasks they define
   * @throws the error of a module that throws
   */
  async scout(): Promise<TaskAnnouncement[]> {
    const executor = this.#options.create(this.#options.isolation);
    const isSlow = setTimeout(() => {
      this.#options.logger.warn(
        `the task modules are still loading after ${LOAD_PATIENCE} ms; does one of them wait for something at its top level?`,
      );
    }, LOAD_PATIENCE).unref();
    const tasks = await executor.loaded.finally(() => clearTimeout(isSlow));
    if (this.#closed || this.#options.spares === 0) void executor.retire(1_000);
    else this.#keep(executor);
    this.#warm();
    return tasks;
  }

  /** Warm children that belong to no pool yet. */
  spares(): readonly Executor[] {
    return this.#spares;
  }

  /**
   * A child with loaded modules that belongs to nobody else.
   * @throws ChildLoadError when the modules cannot be loaded
   */
  async take(isolation: Isolation): Promise<Executor> {
    const index = this.#spares.findIndex((spare) => spare.isolation === isolation);
    const spare = index < 0 ? undefined : this.#spares.splice(index, 1)[0];
    if (spare) {
      setTimeout(() => this.#warm(), REFILL_DELAY).unref();
      return spare;
    }
    return this.#make(isolation);
  }

  /** Takes back a child that was taken and has not been used. */
  giveBack(executor: Executor): void {
    if (this.#closed || this.#spares.length >= this.#options.spares) void executor.retire(1_000);
    else this.#keep(executor);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const children = [...this.#spares.splice(0), ...this.#loading];
    await Promise.all(children.map((child) => child.kill("host stops")));
  }

  #keep(executor: Executor): void {
    this.#spares.push(executor);
    void executor.exited.then(() => {
      const index = this.#spares.indexOf(executor);
      if (index < 0) return;
      this.#spares.splice(index, 1);
      this.#warm();
    });
  }

  #warm(): void {
    if (this.#warming || this.#closed || this.#spares.length >= this.#options.spares) return;
    if (this.#options.isolation === "inline") return;
    this.#warming = true;
    void this.#make(this.#options.isolation)
      .then((executor) => {
        if (this.#closed) void executor.kill("host stops");
        else this.#keep(executor);
      })
      .catch(() => {})
      .finally(() => {
        this.#warming = false;
        if (this.#failures < 3) this.#warm();
      });
  }

  async #make(isolation: Isolation): Promise<Executor> {
    for (let attempt = 1; ; attempt += 1) {
      const pause = this.#pauseUntil - performance.now();
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      if (this.#closed) throw new ChildLoadError("the host stops");
      const executor = this.#options.create(isolation);
      this.#loading.add(executor);
      try {
        await executor.loaded.finally(() => this.#loading.delete(executor));
        this.#failures = 0;
        this.lastError = null;
        return executor;
      } catch (error) {
        if (this.#closed) throw new ChildLoadError("the host stops");
        if (attempt <= REPLACEMENTS && (await wasKilledFromOutside(executor))) continue;
        this.#failed(error);
        void executor.kill("could not load");
        const reason = (error as Error).message;
        throw new ChildLoadError(`a new child could not load the task modules: ${reason}`, { cause: error });
      }
    }
  }

  #failed(error: unknown): void {
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures);
    this.#failures += 1;
    this.#pauseUntil = performance.now() + pause;
    this.lastError = error instanceof Error ? error.message : String(error);
    this.#options.logger.error(`a child could not load the task modules (next try in ${pause} ms): ${this.lastError}`);
  }
}
