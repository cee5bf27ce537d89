import { isDeepStrictEqual } from "node:util";
import { type Milliseconds, pause } from "../../time/index.ts";
import type { LimitRule } from "../../wire/records/limits.ts";
import type { PoolRecord } from "../../wire/records/records.ts";
import { StoredAnswers } from "../results/index.ts";
import type { JobQueue, Runtime } from "../submission/index.ts";
import type { StoredPool } from "./pool-options.ts";

/** How often a lost pool is tried to be made again. */
const RESTORE_ATTEMPTS = 75;
const RESTORE_PAUSE: Milliseconds = 200;
/** How long after a call was sent its pool is looked for: it may have been removed by a command or another program, ms. */
const LOOK_AFTER: Milliseconds = 1_000;

/**
 * What a pool has in Redis. Apart from the pool and without a reference to it, so that the pool can be collected as
 * garbage and what it left can still be removed.
 */
export class PoolRegistration {
  readonly record: StoredPool;
  /** The pool is not closed or terminated. */
  isRunning = true;
  /** What is in the registry, as far as it is known. */
  #inForce: StoredPool;
  readonly #runtime: Runtime;
  readonly #jobs: JobQueue;
  readonly #onGone: (registration: PoolRegistration) => void;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #touched = false;
  #restoring: Promise<void> = Promise.resolve();
  #stopRestoring: () => void = () => {};
  #looking: NodeJS.Timeout | undefined;
  #terminated = false;
  /** This program removes the pool right now, for every program: it must not make it again. */
  #isBeingRemoved = false;
  #removing: Promise<void> | undefined;

  constructor(
    runtime: Runtime,
    pool: { record: StoredPool; jobs: JobQueue; onGone: (registration: PoolRegistration) => void },
  ) {
    this.#runtime = runtime;
    this.record = pool.record;
    this.#inForce = pool.record;
    this.#jobs = pool.jobs;
    this.#onGone = pool.onGone;
  }

  /** An unnamed pool vanishes with its maker. */
  get isNamed(): boolean {
    return this.record.owner === null;
  }

  /** Most calls that one child of the pool may run; null = any number. A pool that exists already has its own limit. */
  get tasksPerChild(): number | null {
    return this.#inForce.maxTasksPerChild;
  }

  /** The pool has limits, as far as this program knows: each call counts as one start. */
  get isLimited(): boolean {
    return Boolean(this.#inForce.limits);
  }

  /** Changes the limits of the pool, which is made if it does not exist. */
  async limit(limits: LimitRule | null): Promise<void> {
    await this.open();
    const { registry, keepAlive } = this.#runtime;
    const changed = await keepAlive.during(registry.update(this.record.name, null, { limits }));
    if (changed) this.#inForce = changed;
  }

  /** Hosts know the pool. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Something of it may be in Redis. */
  get isTouched(): boolean {
    return this.#touched;
  }

  /** Makes the pool known to the hosts, with its limit in force before the first job. After a failure, call it again. */
  open(): Promise<void> {
    this.#opening ??= this.#runtime.keepAlive.during(this.#register()).then(
      () => {
        this.#isOpen = true;
      },
      (error) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  /** Resolves when no opening is under way. */
  async settled(): Promise<void> {
    await this.#opening?.catch(() => {});
  }

  /** Jobs were added: if the pool has been removed meanwhile, it is made again, so that they do not wait without end. */
  used(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#restoring = this.#restoring.then(() => this.#restore());
    }, LOOK_AFTER).unref();
  }

  /** Makes the pool not again while `removing` is under way; when that fails, the pool goes on. */
  async duringRemoval<Value>(removing: () => Promise<Value>, isRemoved: (value: Value) => boolean): Promise<Value> {
    this.#isBeingRemoved = true;
    try {
      await this.#restoring;
      const value = await removing();
      this.#isBeingRemoved = isRemoved(value);
      return value;
    } catch (error) {
      this.#isBeingRemoved = false;
      throw error;
    } finally {
      if (!this.#isBeingRemoved) this.used();
    }
  }

  /** Tells hosts to kill what runs. */
  async terminate(): Promise<void> {
    this.#terminated = true;
    await this.#endRestoring();
    if (this.#touched) await this.#runtime.registry.terminate(this.record.name, this.record.generation);
  }

  /** An unnamed pool leaves nothing in Redis; a named one stays. */
  remove(): Promise<void> {
    this.#removing ??= this.#remove().catch((error) => {
      this.#removing = undefined;
      throw error;
    });
    return this.#removing;
  }

  async #remove(): Promise<void> {
    await this.#endRestoring();
    if (!this.isNamed && this.#touched) {
      await this.#runtime.registry.remove(this.record.name, this.record.generation);
      await this.#jobs.obliterate();
      const { client, keys } = this.#runtime;
      await new StoredAnswers(client, keys).removeAll(this.record.name);
      await client.unlink(keys.cancelled(this.record.name));
    }
    this.#onGone(this);
    await this.#jobs.close();
  }

  async #register(): Promise<void> {
    const { session, registry, fleet } = this.#runtime;
    this.#touched = true;
    // In one round trip. A registered pool without a session would be taken for an orphan, so the session comes first.
    const [, { created, record }] = await Promise.all([
      session.start(),
      registry.create(this.record),
      fleet.hosts(),
      this.isNamed ? undefined : this.#jobs.limit(this.record.size),
    ]);
    this.#inForce = this.isNamed && !created ? await this.#useExisting(record) : record;
    this.#stopRestoring();
    this.#stopRestoring = session.whenLost(() => {
      this.#restoring = this.#restoring.then(() => this.#restore());
    });
    if (this.isNamed) await this.#adjust(created, record.size);
  }

  /**
   * A named pool that exists already is taken as it is; one that had failed is tried again, with this handle's initializer
   * if it has one, and one that is just being removed is made again.
   */
  async #useExisting(found: PoolRecord): Promise<StoredPool> {
    const { registry, logger } = this.#runtime;
    const { name, initializer } = this.record;
    if (found.state === "terminated") {
      await this.#restore();
      return (await registry.get(name)) ?? this.record;
    }
    if (found.state === "failed") {
      const reset = await registry.reset(name, found.generation, initializer ?? undefined);
      if (reset?.reset) logger.warn(`pool "${name}" had failed because its initializer threw; it is tried again`);
      return reset?.record ?? this.record;
    }
    if (initializer && !isSameInitializer(initializer, found.initializer)) {
      const other = found.initializer
        ? `the initializer "${found.initializer.task}", or other arguments for it`
        : "none";
      logger.warn(
        `pool "${name}" exists already with ${other}; it keeps that, and "${initializer.task}" of this handle is not used`,
      );
    }
    return this.#complete(found);
  }

  /** Gives the pool what it lacks of the options of this handle, and says which of them it has otherwise. */
  async #complete(found: PoolRecord): Promise<StoredPool> {
    const { registry, logger } = this.#runtime;
    const { name, limits, keep, onDead, maxTasksPerChild } = this.record;
    const own = Object.entries({ limits, keep, onDead, maxTasksPerChild });
    const given = Object.fromEntries(own.filter(([, value]) => value !== undefined && value !== null));
    const isLacking = Object.keys(given).some((field) => found[field as keyof PoolRecord] == null);
    const record = isLacking ? ((await registry.complete(name, found.generation, given)) ?? found) : found;
    const others = [
      ...Object.keys(given),
      ...(this.record.isolation === null ? [] : ["isolation"]),
      // Of a handle that does not say it "strict" is stored as well.
      ...(this.record.fence === "strict" ? [] : ["fence"]),
    ].filter((field) => !isDeepStrictEqual(fieldOf(this.record, field), fieldOf(record, field)));
    if (others.length > 0) {
      const kept = others.map((field) => `${field} ${shown(fieldOf(record, field))}`).join(", ");
      const unused = others.map((field) => shown(fieldOf(this.record, field))).join(", ");
      const limit = others.includes("limits")
        ? `; to change limits: pool.limit(), or manyhands pool limit ${name}`
        : "";
      logger.warn(
        `pool "${name}" exists already with ${kept}; it keeps that, and ${unused} of this handle is not used${limit}`,
      );
    }
    return record;
  }

  /** A named pool may exist already, with another size; without one of its own this handle takes it as it is. */
  async #adjust(created: boolean, sizeBefore: number | null): Promise<void> {
    const { registry, logger } = this.#runtime;
    const { name, size } = this.record;
    if (!created && size === null) return;
    if (!created && size !== sizeBefore) {
      logger.warn(`pool "${name}" had size ${sizeBefore ?? "of all slots"}; it is ${size} now`);
      await registry.update(name, null, { size });
    }
    await this.#jobs.limit(size);
  }

  /**
   * Redis has lost the pool, or hosts removed it because the session of this program expired: it is made again. Its
   * jobs are lost, which their callers are told; new ones are served.
   */
  async #restore(): Promise<void> {
    const { registry, logger } = this.#runtime;
    try {
      for (let attempt = 1; attempt <= RESTORE_ATTEMPTS && !this.#isGivenUp; attempt += 1) {
        const { created, record } = await registry.create(this.record);
        if (created) await this.#jobs.limit(this.record.size);
        if (record.state !== "terminated") return;
        // It is just being removed.
        await pause(RESTORE_PAUSE, { ref: false });
      }
      if (this.#isGivenUp) return;
      logger.warn(
        `pool "${this.record.name}" has been terminated for a while and is not removed; run: manyhands pool rm ${this.record.name} -y`,
      );
    } catch (error) {
      logger.warn(`pool "${this.record.name}" could not be made again: ${(error as Error).message}`);
    }
  }

  get #isGivenUp(): boolean {
    return this.#terminated || this.#isBeingRemoved;
  }

  async #endRestoring(): Promise<void> {
    this.#stopRestoring();
    clearTimeout(this.#looking);
    // It is removed: nothing is made again from now on.
    this.#terminated = true;
    await this.#restoring;
  }
}

function fieldOf(record: StoredPool, field: string): unknown {
  return record[field as keyof StoredPool] ?? null;
}

function shown(value: unknown): string {
  return value === null ? "none" : typeof value === "string" ? value : JSON.stringify(value);
}

function isSameInitializer(left: PoolRecord["initializer"], right: PoolRecord["initializer"]): boolean {
  return left?.task === right?.task && left?.args === right?.args;
}
