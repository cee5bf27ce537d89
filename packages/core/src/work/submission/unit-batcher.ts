import type { UnitKind } from "../../wire/records/job.ts";
import type { AnswerSink, Ticket } from "../results/index.ts";
import type { TaskDurations } from "./task-durations.ts";

/** One call, or one chunk of items, that waits to be put into a job. */
export interface Unit {
  /** Arguments of a call, or items of a chunk. */
  payload: unknown[];
  /** Items that it stands for, 1 for a call. */
  items: number;
  /** Position under which `sink` knows it. */
  index: number;
  sink: AnswerSink;
  /** Arguments are plain JSON, so a lone call can be stored readable. */
  plain: boolean;
  /** The job that it was put into, and its position there. */
  ticket: Ticket | undefined;
  position: number;
  /** Where it was submitted, while something is traced. */
  context?: unknown;
}

/** Where a unit is in Redis. */
export interface UnitPlace {
  pool: string;
  jobId: string;
  /** Position in a shared job; null = the job is this unit's alone. */
  unit: number | null;
  /** The life of the id that is meant, where another job may have it by now (`lifeOf`). */
  life?: string;
}

/** Run time that one shared job should hold, ms: enough to pay for the job, short enough to spread over the hosts. */
const TARGET = 5;
/** Most units in one job. */
const MOST_UNITS = 64;
/** How long calls of a task of unknown duration are held back for the answers to the first of them, ms. */
const PROBE = 10;
/**
 * How many of them go out, one by one, each time that no answer has come: enough for the slots of hosts that are not
 * known yet, and few enough that a burst does not become thousands of jobs while a host starts its children.
 */
const PROBE_STEP = 32;
/** While there is no host, each step has twice the calls of the last, up to this many: Redis has all of them soon. */
const LARGEST_STEP = 4_096;
/** Items that take longer to encode than a turn of the event loop should last. */
const LARGE = 10_000;
/** Shortest run time that is believed, ms; an empty function takes less than the clock shows. */
const SHORTEST = 0.005;

export interface UnitBatcherOptions {
  task: string;
  kind: UnitKind;
  durations: TaskDurations;
  /** Calls that can run at the same time: the pool's size or the hosts' slots, whichever is less; at least 1. */
  parallelism: () => number;
  /** A host takes calls of the pool, or is about to, so that an answer can be expected. */
  isServed: () => boolean;
  /** Most calls that one child may run, so more than these in one job would wait for another child; null = any number. */
  tasksPerChild?: () => number | null;
  /** Jobs of this client in this pool that have no complete answer yet. */
  inFlight: () => number;
  /** Sends groups of units, each group as one job. Resolves when Redis has them or their calls have failed. */
  send: (groups: Unit[][]) => Promise<void>;
}

/**
 * Puts calls made in the same tick into shared jobs, where that costs no parallelism.
 *
 * - A lone call goes out at once, by itself.
 * - While nothing is known of a task's duration, as many calls as can run at once go out one by one; the rest waits
 *   for the first answer, and as long as none comes, 32 of it follow every 10 ms, one by one too. Without a host each
 *   step is twice the last one, up to 4 096 jobs that travel together; what follows such a step waits until Redis has it.
 * - Once the mean is known, a job gets what takes about 5 ms, at most 64 calls, and never more than an even share of
 *   what waits while slots are free, nor more than one child may run.
 */
export class UnitBatcher {
  readonly #options: UnitBatcherOptions;
  #waiting: Unit[] = [];
  #scheduled = false;
  #probe: NodeJS.Timeout | undefined;
  /** Calls of the next step while there is no host. */
  #step = PROBE_STEP;
  /** A large step is on its way to Redis in several pipelines; calls that are sent now could overtake it. */
  #isDelivering = false;

  constructor(options: UnitBatcherOptions) {
    this.#options = options;
  }

  push(unit: Unit): void {
    this.#waiting.push(unit);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** Tells that an answer came: a duration may be known now. */
  answered(): void {
    if (this.#waiting.length > 0 && !this.#scheduled) this.#flush();
  }

  /** Takes one unit back. @returns false when it has been sent */
  remove(unit: Unit): boolean {
    const index = this.#waiting.indexOf(unit);
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
  }

  /** Sends all that waits, in as few jobs as a child may take: nothing here will wait for an answer. */
  flushAll(): void {
    const most = Math.min(MOST_UNITS, this.#options.tasksPerChild?.() ?? MOST_UNITS);
    const units = this.withdraw();
    const groups: Unit[][] = [];
    for (let from = 0; from < units.length; from += most) groups.push(units.slice(from, from + most));
    if (groups.length > 0) void this.#options.send(groups);
  }

  /** Takes back what has not been sent. */
  withdraw(): Unit[] {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    const units = this.#waiting;
    this.#waiting = [];
    return units;
  }

  #flush(): void {
    const { task, durations, parallelism } = this.#options;
    if (this.#waiting.length === 0 || this.#isDelivering) return;
    const mean = durations.mean(task);
    if (mean !== undefined) {
      const units = this.withdraw();
      this.#sendInParts(this.#group(units, mean));
      return;
    }
    if (this.#probe) return;
    this.#step = PROBE_STEP;
    this.#sendSingly(parallelism());
  }

  #sendSingly(count: number): void {
    const units = this.#waiting.splice(0, Math.max(1, count));
    const delivered = this.#options.send(units.map((unit) => [unit]));
    if (units.length > Math.max(PROBE_STEP, this.#options.parallelism())) {
      this.#isDelivering = true;
      void delivered.then(() => {
        this.#isDelivering = false;
        if (this.#probe) this.#flush();
        else this.#follow();
      });
    }
    if (this.#waiting.length === 0) return;
    this.#probe = setTimeout(() => {
      this.#probe = undefined;
      if (!this.#isDelivering) this.#follow();
    }, PROBE);
  }

  /** The next step, or everything if an answer has come. */
  #follow(): void {
    const { task, durations, parallelism, isServed } = this.#options;
    if (this.#waiting.length === 0) return;
    if (durations.mean(task) !== undefined) return this.#flush();
    const step = isServed() ? PROBE_STEP : this.#step;
    this.#step = Math.min(LARGEST_STEP, step * 2);
    this.#sendSingly(Math.max(step, parallelism()));
  }

  /** Hosts work on the first large jobs while the next are still being encoded here. */
  #sendInParts(groups: Unit[][]): void {
    let items = 0;
    let count = 0;
    while (count < groups.length && items < LARGE) {
      for (const unit of groups[count] ?? []) items += unit.items;
      count += 1;
    }
    void this.#options.send(groups.slice(0, count));
    if (count === groups.length) return;
    // A caller that heard that a call could not be sent may have made another one.
    this.#waiting = [...groups.slice(count).flat(), ...this.#waiting];
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #group(units: Unit[], mean: number): Unit[][] {
    const groups: Unit[][] = [];
    let free = Math.max(0, this.#options.parallelism() - this.#options.inFlight());
    let from = 0;
    const most = Math.min(MOST_UNITS, this.#options.tasksPerChild?.() ?? MOST_UNITS);
    while (from < units.length) {
      const itemsEach = units[from]?.items ?? 1;
      const fitting = Math.floor(TARGET / Math.max(mean * itemsEach, SHORTEST));
      let size = Math.min(most, Math.max(1, fitting));
      if (free > 0) {
        size = Math.min(size, Math.ceil((units.length - from) / free));
        free -= 1;
      }
      groups.push(units.slice(from, from + size));
      from += size;
    }
    return groups;
  }
}
