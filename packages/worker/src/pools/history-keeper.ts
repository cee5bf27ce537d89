import {
  type FinishedSet,
  fullHistories,
  histories,
  type Keep,
  type Keys,
  keepRule,
  type Milliseconds,
  type PoolRecord,
  type RedisClient,
  readableKeep,
  readNamespaceKeep,
  type TaskAnnouncement,
  type TrimPlace,
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
/** A count up to this one is exact after each job: the scripts that finish jobs see to it. */
const EXACT_COUNT = 8;
/** Time from the first job that finishes here until the histories in which jobs have finished are counted, ms. */
const COUNT_SOON: Milliseconds = 2_000;
/** Histories that a look counts though no job of them is too old: what other clients leave is no more of a load in many. */
const COUNTED_A_LOOK = 20;
const SETS: readonly FinishedSet[] = ["completed", "failed"];

/** A history with jobs. */
interface History {
  rule: WholeRule;
  /** When a job of it becomes too old, by `performance.now()`. */
  dueAt: number;
}

interface Place extends TrimPlace {
  name: string;
  rule: WholeRule;
}

/** The rule for the jobs of one task in one pool. */
export interface JobRule extends WholeRule {
  /** The task, where it has a rule of its own; else "". */
  task: string;
}

/**
 * Says how long finished jobs are kept: what their task says, then the pool, then this host, then the namespace. The scripts
 * that finish jobs trim the history by it; this removes what they leave: where nothing finishes any more, or where a rule
 * has become stricter.
 *
 * A look costs what there is to do: where nothing has finished it asks for many histories at once, and of a history with
 * jobs it knows when the oldest one becomes too old.
 */
export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  readonly #histories = new Map<string, History>();
  /** In which jobs have finished here since they were counted. */
  readonly #grown = new Map<string, Place>();
  #soon: NodeJS.Timeout | undefined;
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

  /** A job finishes here: the last ones of many leave some too many to the script of a next one, which may not come. */
  grows(pool: PoolRecord, set: FinishedSet, { task, ...rule }: JobRule): void {
    if (rule.count <= EXACT_COUNT) return;
    const name = nameOf(pool, set, task);
    this.#grown.set(name, { name, pool: pool.name, set, task, rule });
    this.#soon ??= setTimeout(() => void this.#countGrown(), COUNT_SOON).unref();
  }

  async #countGrown(): Promise<void> {
    this.#soon = undefined;
    const grown = [...this.#grown.values()];
    this.#grown.clear();
    try {
      for (const place of await fullHistories(this.#options, grown)) await this.#trim(place);
    } catch {
      // The looks of the fleet count them in turn.
    }
  }

  stop(): void {
    clearTimeout(this.#soon);
    this.#grown.clear();
  }

  /** One look at all histories. One that cannot be trimmed keeps no other from it. @throws its error, afterwards */
  async look(): Promise<void> {
    await this.refresh();
    const places = await this.#places();
    this.#forgetOthers(places);
    const known = places.filter(({ name }) => this.#histories.has(name));
    const found = await histories(
      this.#options,
      places.filter(({ name }) => !this.#histories.has(name)),
    );
    const due = known.filter((place) => this.#isDue(place));
    const full = await fullHistories(this.#options, inTurn(known.filter((place) => !due.includes(place))));
    let failure: { error: unknown } | undefined;
    for (const place of [...found, ...due, ...full]) {
      await this.#trim(place).catch((error: unknown) => {
        failure ??= { error };
      });
    }
    if (failure !== undefined) throw failure.error;
  }

  async #places(): Promise<Place[]> {
    const { client, keys, pools } = this.#options;
    const classes = (await client.smembers(keys.keptTasks)).sort();
    return pools().flatMap((pool) =>
      SETS.flatMap((set) => {
        const start = nameOf(pool, set, "");
        const tasks = classes.filter((one) => one.startsWith(start)).map((one) => one.slice(start.length));
        return ["", ...tasks].map((task) => {
          // The pool's rule counts for jobs of a task that has none of its own any more.
          const { age, count } = this.ruleFor(pool, task, set);
          return { name: `${start}${task}`, pool: pool.name, set, task, rule: { age, count } };
        });
      }),
    );
  }

  /** Those of pools that are gone. */
  #forgetOthers(places: readonly Place[]): void {
    const names = new Set(places.map(({ name }) => name));
    for (const name of this.#histories.keys()) if (!names.has(name)) this.#histories.delete(name);
  }

  #isDue({ name, rule }: Place): boolean {
    const history = this.#histories.get(name);
    if (history === undefined || history.dueAt <= performance.now()) return true;
    return history.rule.age !== rule.age || history.rule.count !== rule.count;
  }

  async #trim(place: Place): Promise<void> {
    const { name, rule } = place;
    let pause: Milliseconds | null = null;
    for (let scripts = 0; scripts < MOST_SCRIPTS && pause === null; scripts += 1) {
      pause = await trimOnce(this.#options, place, rule);
    }
    this.#histories.set(name, { rule, dueAt: performance.now() + (pause ?? 0) });
  }
}

function nameOf(pool: PoolRecord, set: FinishedSet, task: string): string {
  return `${set}/${pool.name}/${task}`;
}

/** The next ones, on all hosts by the same clock: each look may be that of another host. */
function inTurn(places: readonly Place[]): Place[] {
  if (places.length <= COUNTED_A_LOOK) return [...places];
  const first = (Math.floor(Date.now() / HISTORY_INTERVAL) * COUNTED_A_LOOK) % places.length;
  return [...places.slice(first), ...places.slice(0, first)].slice(0, COUNTED_A_LOOK);
}
