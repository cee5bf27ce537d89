import { chunkOf, indexJobs, JOB_NUMBER_FIELD, type Keys, type RedisClient } from "@manyhands/core/internal";

export interface TakenTasksOptions {
  queue: string;
  client: RedisClient;
  keys: Keys;
  /** Name of the worker, as BullMQ notes it. */
  name: string;
}

/** Chunks of which it is remembered that they list this host. */
const REMEMBERED = 64;

/**
 * What the index of tasks has to know of jobs that this host takes, beside what the scripts write:
 *
 * - a job that another client of BullMQ has added gets its number;
 * - the host is listed among the values of each chunk whose tasks it runs.
 *
 * What fails here is found by the sweep of the index.
 */
export class TakenTasks {
  readonly #options: TakenTasksOptions;
  readonly #value: string;
  readonly #listed = new Set<number>();
  #unnumbered: string[] = [];

  constructor(options: TakenTasksOptions) {
    this.#options = options;
    this.#value = `h=${/^([^/]+)\/\d+$/.exec(options.name)?.[1] ?? options.name}`;
  }

  /** @param fields - Of the job's hash, name and value in turn. */
  note(jobId: string, fields: unknown): void {
    if (!Array.isArray(fields)) return;
    for (let place = 0; place < fields.length; place += 2) {
      if (fields[place] !== JOB_NUMBER_FIELD) continue;
      const chunk = chunkOf(Number(fields[place + 1]));
      if (!this.#listed.has(chunk)) this.#list(chunk);
      return;
    }
    this.#unnumbered.push(jobId);
    if (this.#unnumbered.length === 1) queueMicrotask(() => this.#take());
  }

  #list(chunk: number): void {
    const { client, keys } = this.#options;
    if (this.#listed.size === REMEMBERED) this.#listed.clear();
    this.#listed.add(chunk);
    client.hsetnx(keys.indexValues(chunk), this.#value, 0).catch(() => this.#listed.delete(chunk));
  }

  #take(): void {
    const { queue: pool, client, keys } = this.#options;
    const ids = this.#unnumbered;
    this.#unnumbered = [];
    indexJobs(client, keys, { pool, ids }).catch(() => {});
  }
}
