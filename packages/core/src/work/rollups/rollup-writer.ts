import { randomUUID } from "node:crypto";
import { isRefusal, type RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { type Milliseconds, settledWithin } from "../../time/index.ts";
import { type ErrorGroupKey, errorGroupOf, type GroupedError } from "./error-group.ts";
import { addErrors, addRollups, MOST_GROUPS, MOST_PAIRS, NAMED } from "./rollup-scripts.ts";
import { type TaskCounts, TaskTally } from "./task-counts.ts";

/** What was counted is written so much later, ms: the most that is lost with this program. */
const FLUSH_AFTER: Milliseconds = 1_000;
/** Longest time for which a flush is waited for, ms. */
const LONGEST_FLUSH: Milliseconds = 1_000;
/** Pairs, and groups of errors, that one script adds: Redis serves others in between. */
const PAIRS_PER_SCRIPT = 10;
const GROUPS_PER_SCRIPT = 25;

interface PendingErrors {
  group: ErrorGroupKey;
  count: number;
  pool: string;
  host: string;
  /** Of the last tasks that failed so, the last one first. */
  taskIds: string[];
}

/**
 * Counts what happens to calls, and adds it to the figures of the fleet once a second. Nothing is sent while nothing happens,
 * and its timer does not keep the program alive.
 */
export class RollupWriter {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #id = randomUUID();
  #batch = 0;
  #tally = new TaskTally(MOST_PAIRS);
  #errors = new Map<string, PendingErrors>();
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** What is counted of a pair until the next flush; to be added to at once. @param pool - Its label. */
  of(pool: string, task: string): TaskCounts {
    this.#flushSoon();
    return this.#tally.of(pool, task);
  }

  /** A call failed for good. */
  failed(failure: {
    task: string;
    error: GroupedError;
    count: number;
    pool: string;
    host: string;
    taskId: string;
  }): void {
    const { task, error, count, pool, host, taskId } = failure;
    const group = errorGroupOf(task, error);
    const known = this.#errors.get(group.id);
    if (!known && this.#errors.size >= MOST_GROUPS) return;
    const taskIds = [taskId, ...(known?.taskIds ?? [])].slice(0, NAMED);
    this.#errors.set(group.id, { group, count: (known?.count ?? 0) + count, pool, host, taskIds });
    this.#flushSoon();
  }

  /** Adds what was counted so far; waits for that for a second at most, as Redis may hang. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = this.#flushing.then(() => this.#flush());
    await settledWithin(this.#flushing, LONGEST_FLUSH);
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_AFTER).unref();
  }

  async #flush(): Promise<void> {
    if (this.#tally.size === 0 && this.#errors.size === 0) return;
    const { status } = this.#client;
    // Counted further, and added when it is back.
    if (status !== "ready" && status !== "end") return this.#flushSoon();
    const pairs = this.#tally.list();
    const errors = [...this.#errors.values()];
    this.#tally = new TaskTally(MOST_PAIRS);
    this.#errors = new Map();
    // Its owner has closed the connection: there is no way to Redis any more.
    if (status === "end") return;
    for (let from = 0; from < pairs.length; from += PAIRS_PER_SCRIPT) {
      await this.#addPairs(pairs.slice(from, from + PAIRS_PER_SCRIPT));
    }
    for (let from = 0; from < errors.length; from += GROUPS_PER_SCRIPT) {
      await this.#addErrors(errors.slice(from, from + GROUPS_PER_SCRIPT));
    }
  }

  async #addPairs(pairs: { pool: string; task: string; counts: TaskCounts }[]): Promise<void> {
    const keys = [this.#keys.rollupPairs, this.#keys.rollupWriter(this.#id)];
    this.#batch += 1;
    const args = pairs.flatMap(({ pool, task, counts }) => {
      const fields = counts.toFields();
      return [pool, task, fields.length, ...fields.flat()];
    });
    try {
      await addRollups.run(this.#client, keys, [this.#keys.prefix, this.#batch, ...args]);
    } catch (error) {
      // Not when the connection broke: it may have been added.
      if (isRefusal(error)) for (const { pool, task, counts } of pairs) this.of(pool, task).merge(counts);
    }
  }

  async #addErrors(errors: PendingErrors[]): Promise<void> {
    const keys = [this.#keys.errors, this.#keys.rollupWriter(this.#id)];
    this.#batch += 1;
    const args = errors.flatMap(({ group: { id, task, name, message, frame }, count, pool, host, taskIds }) => [
      ...[id, task, name, message, frame],
      ...[count, pool, host, taskIds.join("\n")],
    ]);
    // A refused one is lost: the failed tasks themselves are still there.
    await addErrors.run(this.#client, keys, [this.#keys.prefix, this.#batch, ...args]).catch(() => {});
  }
}

const writers = new WeakMap<RedisClient, Map<string, RollupWriter>>();

/** The writer of a connection and namespace, which all that count with it share. */
export function rollupsOf(client: RedisClient, keys: Keys): RollupWriter {
  const ofClient = writers.get(client) ?? new Map<string, RollupWriter>();
  writers.set(client, ofClient);
  const known = ofClient.get(keys.namespace);
  if (known) return known;
  const made = new RollupWriter(client, keys);
  ofClient.set(keys.namespace, made);
  return made;
}
