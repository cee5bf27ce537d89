import type { Logger } from "@manyhands/core";
import {
  DEFAULT_POOL,
  Duty,
  isReservedPoolName,
  type Milliseconds,
  type PoolRecord,
  type PoolRegistry,
  SingleFlight,
  unlimitedPool,
} from "@manyhands/core/internal";
import type { RunningJobs } from "../jobs/running-jobs.ts";
import type { ServedPool } from "./served-pool.ts";

export interface PoolDiscoveryOptions {
  registry: PoolRegistry;
  /** Names of the pools to serve; null = all. */
  pools: string[] | null;
  open: (record: PoolRecord) => ServedPool;
  running: RunningJobs;
  logger: Logger;
  /** Time between two readings of the registry without a message. @defaultValue 3_000 */
  interval?: Milliseconds;
}

const WHAT = "reading the pools";
/** More pools than these that have changed are read with all others. */
const MOST_BY_NAME = 50;

/**
 * Keeps the pools that this host serves equal to the registry.
 *
 * The registry is read at the start, after a reconnect, and every few seconds, and the record of a pool on every message
 * that it changed; the readings follow one another, and one asked for during another is done after it.
 */
export class PoolDiscovery {
  readonly #options: PoolDiscoveryOptions;
  readonly #served = new Map<string, ServedPool>();
  /** Records of all pools as they were read last. */
  readonly #known = new Map<string, PoolRecord>();
  readonly #closing = new Map<string, Promise<void>>();
  readonly #readings = new SingleFlight(() => this.#readDue());
  /** Pools whose records are to be read. */
  readonly #changed = new Set<string>();
  #isAllDue = false;
  readonly #duty: Duty;
  #stopped = false;

  constructor(options: PoolDiscoveryOptions) {
    this.#options = options;
    const { logger, interval = 3_000 } = options;
    this.#duty = new Duty({ what: WHAT, interval, logger, look: () => this.refresh() });
  }

  /** Reads the registry for the first time. @throws when Redis cannot be read */
  async start(): Promise<void> {
    this.#isAllDue = true;
    // Not the rest of one under way, which may have been asked for by the connection: it does not see what is due now.
    await this.#readings.again();
    if (!this.#stopped) this.#duty.start();
  }

  served(): ServedPool[] {
    return [...this.#served.values()];
  }

  /** Records of all pools as they were read last, served here or not. */
  known(): PoolRecord[] {
    return [...this.#known.values()];
  }

  /** Reads the registry soon. @param pool - That one has changed: only its record is read. */
  refresh(pool?: string): void {
    if (this.#stopped) return;
    const isAsked = this.#isAllDue || this.#changed.size > 0;
    if (pool === undefined) this.#isAllDue = true;
    else this.#changed.add(pool);
    if (!isAsked) this.#readSoon();
  }

  /** What is asked for during a reading is done after it: an older answer must not come after a newer one. */
  #readSoon(): void {
    this.#readings
      .again()
      .catch((error: Error) => this.#options.logger.warn(`${WHAT} failed, trying again: ${error.message}`));
  }

  async #readDue(): Promise<void> {
    if (this.#stopped) return;
    const isAll = this.#isAllDue || this.#changed.size > MOST_BY_NAME;
    const names = [...this.#changed];
    this.#isAllDue = false;
    this.#changed.clear();
    await (isAll ? this.#read() : this.#readSome(names));
  }

  /** Opens and closes no more pools; resolves when those that were being closed are. */
  async stop(): Promise<void> {
    this.#stopped = true;
    void this.#duty.stop();
    await Promise.all(this.#closing.values());
  }

  async #read(): Promise<void> {
    const records = await this.#list();
    if (this.#stopped) return;
    this.#known.clear();
    for (const record of records) this.#known.set(record.name, record);
    const wanted = new Map(records.filter((record) => this.#isOurs(record)).map((record) => [record.name, record]));
    for (const pool of this.served()) {
      if (wanted.get(pool.record.name)?.generation !== pool.record.generation) this.#close(pool);
    }
    for (const record of wanted.values()) this.#tryToTake(record);
  }

  /** Programs that come and go change one pool each: what a host reads for that must not grow with all the others. */
  async #readSome(names: readonly string[]): Promise<void> {
    const { registry } = this.#options;
    const readings = await Promise.allSettled(names.map((name) => registry.get(name)));
    if (this.#stopped) return;
    for (const [index, name] of names.entries()) {
      const reading = readings[index];
      const record = reading?.status === "fulfilled" ? reading.value : null;
      // What cannot be read is told by a reading of all, which also makes the default pool again.
      if (reading?.status !== "fulfilled" || (record === null && name === DEFAULT_POOL)) {
        this.refresh();
        continue;
      }
      if (record) this.#known.set(name, record);
      else this.#known.delete(name);
      const isWanted = record !== null && this.#isOurs(record);
      const served = this.#served.get(name);
      if (served && !(isWanted && record.generation === served.record.generation)) this.#close(served);
      if (isWanted) this.#tryToTake(record);
    }
  }

  #tryToTake(record: PoolRecord): void {
    try {
      this.#take(record);
    } catch (error) {
      // One pool that cannot be served keeps no other from it.
      this.#options.logger.warn(`pool "${record.name}" cannot be served: ${(error as Error).message}`);
    }
  }

  /** All pools; the default pool is made where it is missing, because a Redis that lost its data has lost it too. */
  async #list(): Promise<PoolRecord[]> {
    const { registry } = this.#options;
    const records = await registry.list();
    if (records.some((record) => record.name === DEFAULT_POOL)) return records;
    try {
      await this.#makeDefaultPool();
    } catch (error) {
      // Its record cannot be read, which the list has told: the other pools are served.
      if ((error as { code?: unknown }).code !== "ERR_UNREADABLE_RECORD") throw error;
    }
    return registry.list();
  }

  #isOurs(record: PoolRecord): boolean {
    // A pool of such a name, written by another version or by hand, would take the jobs of processes.
    if (record.state === "terminated" || isReservedPoolName(record.name)) return false;
    return this.#options.pools === null || this.#options.pools.includes(record.name);
  }

  #take(record: PoolRecord): void {
    const known = this.#served.get(record.name);
    if (known) return known.update(record);
    // A pool that was made again under its name is opened when the one before it is closed.
    if (this.#stopped || this.#closing.has(record.name)) return;
    const pool = this.#options.open(record);
    this.#served.set(record.name, pool);
    void pool.start();
    this.#options.logger.info(
      `serving pool "${record.name}" (${record.size === null ? "no cap" : `at most ${record.size}`})`,
    );
  }

  #close(pool: ServedPool): void {
    const { name } = pool.record;
    this.#served.delete(name);
    this.#options.running.stopAll("terminated", name);
    const closed = pool
      .close(`pool "${name}" was terminated`)
      .catch((error: Error) => this.#options.logger.warn(`closing pool "${name}": ${error.message}`))
      .finally(() => {
        this.#closing.delete(name);
        this.#options.logger.info(`pool "${name}" is gone`);
        this.refresh(name);
      });
    this.#closing.set(name, closed);
  }

  async #makeDefaultPool(): Promise<void> {
    await this.#options.registry.create(unlimitedPool(DEFAULT_POOL));
  }
}
