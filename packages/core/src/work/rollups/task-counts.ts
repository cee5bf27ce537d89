import { DurationBins } from "../../time/index.ts";

/** What is counted of the calls of a task. A chunk of a `map` is one call. */
export const TASK_COUNTS = ["submitted", "started", "completed", "failed", "retried", "cancelled", "expired"] as const;
export type TaskCount = (typeof TASK_COUNTS)[number];

/** Of what durations are kept: until a host starts a call, one try of it, and from its submission to its outcome. */
export const TASK_DURATIONS = ["wait", "run", "endToEnd"] as const;
export type TaskDuration = (typeof TASK_DURATIONS)[number];

/** One letter a field: a hash of few and short fields takes little of Redis. */
const COUNT_FIELDS: Readonly<Record<TaskCount, string>> = {
  submitted: "s",
  started: "t",
  completed: "c",
  failed: "f",
  retried: "x",
  cancelled: "k",
  expired: "d",
};
/** `w<bin>`: how many fell into the bin; `wm`: all together, microseconds. */
const DURATION_FIELDS: Readonly<Record<TaskDuration, string>> = { wait: "w", run: "r", endToEnd: "e" };

/** How often what happened to the calls of a task, and how long it took. */
export class TaskCounts {
  readonly counts: Map<TaskCount, number> = new Map();
  readonly durations: Readonly<Record<TaskDuration, DurationBins>> = {
    wait: new DurationBins(),
    run: new DurationBins(),
    endToEnd: new DurationBins(),
  };

  add(count: TaskCount, calls: number): void {
    if (calls > 0) this.counts.set(count, this.get(count) + calls);
  }

  get(count: TaskCount): number {
    return this.counts.get(count) ?? 0;
  }

  merge(other: TaskCounts): void {
    for (const [count, calls] of other.counts) this.add(count, calls);
    for (const duration of TASK_DURATIONS) this.durations[duration].merge(other.durations[duration]);
  }

  /** As fields of a hash, and what is to be added to each. */
  toFields(): [field: string, add: number][] {
    const fields: [string, number][] = [...this.counts].map(([count, calls]) => [COUNT_FIELDS[count], calls]);
    for (const duration of TASK_DURATIONS) {
      const { counts, micros } = this.durations[duration];
      const letter = DURATION_FIELDS[duration];
      for (const [bin, count] of counts) fields.push([`${letter}${bin}`, count]);
      if (micros > 0) fields.push([`${letter}m`, micros]);
    }
    return fields;
  }

  /** Adds the fields of a hash. What is none of ours, or no number, is left out. */
  addFields(fields: readonly string[]): void {
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const value = Number(fields[at + 1]);
      if (Number.isSafeInteger(value) && value > 0) this.#addField(fields[at] ?? "", value);
    }
  }

  #addField(field: string, value: number): void {
    const count = TASK_COUNTS.find((one) => COUNT_FIELDS[one] === field);
    if (count) return this.add(count, value);
    const duration = TASK_DURATIONS.find((one) => DURATION_FIELDS[one] === field[0]);
    const bin = field.slice(1);
    if (duration && bin === "m") this.durations[duration].micros += value;
    else if (duration && /^-?\d{1,3}$/.test(bin)) this.durations[duration].addBin(Number(bin), value);
  }
}

/** The label of pools that come and go with the programs that make them: one for all keeps their number bounded. */
export const UNNAMED_POOLS = "(unnamed)";
/** Name of a pool without one of its own: `pool-`, the client that made it, and a number. */
const UNNAMED = /^pool-[0-9a-f]{16}-[0-9a-z]+$/;

/** The label of a pool of that name. */
export function poolLabel(name: string): string {
  return UNNAMED.test(name) ? UNNAMED_POOLS : name;
}

/** The label of what is over the most pairs of a pool and a task. */
export const OTHER = "other";

/** Counts by pool and task, for a bounded number of pairs; those over it count together as {@link OTHER}. */
export class TaskTally {
  readonly #most: number;
  readonly #pairs = new Map<string, { pool: string; task: string; counts: TaskCounts }>();

  /** @param most - Most pairs besides {@link OTHER}. */
  constructor(most: number) {
    this.#most = most;
  }

  of(pool: string, task: string): TaskCounts {
    const key = `${pool}\n${task}`;
    const known = this.#pairs.get(key);
    if (known) return known.counts;
    if (this.#pairs.size >= this.#most && !(pool === OTHER && task === OTHER)) return this.of(OTHER, OTHER);
    const counts = new TaskCounts();
    this.#pairs.set(key, { pool, task, counts });
    return counts;
  }

  get size(): number {
    return this.#pairs.size;
  }

  list(): { pool: string; task: string; counts: TaskCounts }[] {
    return [...this.#pairs.values()];
  }
}
