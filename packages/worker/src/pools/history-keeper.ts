import {
  type FinishedSet,
  type Keep,
  type Keys,
  keepRule,
  type PoolRecord,
  type RedisClient,
  readableKeep,
  readNamespaceKeep,
  type TaskAnnouncement,
  trimOnce,
  UNNAMED_KEEP,
  type WholeRule,
} from "@manyhands/core/internal";

export interface HistoryKeeperOptions {
  client: RedisClient;
  keys: Keys;
  /** What this host was started with. */
  keep: Keep | undefined;
  tasks: ReadonlyMap<string, TaskAnnouncement>;
  pools: () => readonly PoolRecord[];
}

/** Time between two looks at the histories of all pools, ms: what is too old goes also where nothing finishes. */
export const HISTORY_INTERVAL = 10_000;
/** Scripts for one history in a look; the next look goes on. */
const MOST_SCRIPTS = 200;
const SETS: readonly FinishedSet[] = ["completed", "failed"];

/** The rule for the jobs of one task in one pool. */
export interface JobRule extends WholeRule {
  /** The task, where it has a rule of its own; else "". */
  task: string;
}

/**
 * Says how long finished jobs are kept: what their task says, then the pool, then this host, then the namespace. The scripts
 * that finish jobs trim the history by it; this removes what they leave: where nothing finishes any more, or where a rule
 * has become stricter.
 */
export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  #namespace: Keep | undefined;

  constructor(options: HistoryKeeperOptions) {
    this.#options = options;
  }

  ruleFor(pool: PoolRecord, task: string, set: FinishedSet): JobRule {
    const own = pool.owner === null ? readableKeep(this.#options.tasks.get(task)?.options?.keep) : undefined;
    return { task: own?.[set] ? task : "", ...this.#rule(pool, own, set) };
  }

  #rule(pool: PoolRecord, own: Keep | undefined, set: FinishedSet): WholeRule {
    const ofPool = readableKeep(pool.keep ?? undefined);
    if (pool.owner !== null) return keepRule(set, [ofPool], UNNAMED_KEEP);
    return keepRule(set, [own, ofPool, this.#options.keep, this.#namespace]);
  }

  async refresh(): Promise<void> {
    const { client, keys } = this.#options;
    this.#namespace = await readNamespaceKeep(client, keys);
  }

  /** One look at all histories. */
  async look(): Promise<void> {
    const { client, keys, pools } = this.#options;
    await this.refresh();
    const classes = await client.smembers(keys.keptTasks);
    for (const pool of pools()) {
      for (const set of SETS) {
        const start = `${set}/${pool.name}/`;
        const tasks = classes.filter((one) => one.startsWith(start)).map((one) => one.slice(start.length));
        for (const task of ["", ...tasks]) await this.#trim(pool, set, task);
      }
    }
  }

  async #trim(pool: PoolRecord, set: FinishedSet, task: string): Promise<void> {
    const place = { pool: pool.name, set, task };
    // The pool's rule counts for jobs of a task that has none of its own any more.
    const rule = this.ruleFor(pool, task, set);
    for (let scripts = 0; scripts < MOST_SCRIPTS; scripts += 1) {
      if (!(await trimOnce(this.#options, place, rule))) return;
    }
  }
}
