import type { Backoff } from "../../tasks/index.ts";
import type { Milliseconds } from "../../time/index.ts";

/** When a schedule is due, and how its runs are submitted. */
export interface ScheduleOptions {
  /**
   * `minute hour day month weekday`, six fields with a second in front, or a word such as `@daily`. A time that does not
   * exist, because clocks are put forward, runs at the next one that does; one that comes twice runs once.
   */
  cron?: string | undefined;
  /** In place of `cron`: milliseconds between two due times, from 100; counted from `from`, or from when it was set. */
  every?: Milliseconds | undefined;
  /** Of `cron`: a name of the time zone database. @defaultValue "UTC" */
  timeZone?: string | undefined;
  /** No run is due before. Epoch ms, or a Date. */
  from?: number | Date | undefined;
  /** No run is due after. Epoch ms, or a Date. */
  until?: number | Date | undefined;
  /** It ends after so many runs. */
  limit?: number | undefined;
  /** Each run starts up to so many ms after it is due, by a number that its name and due time give. */
  jitter?: Milliseconds | undefined;
  /**
   * What happens to a run that is due while the one before has not ended: it runs as well, is left out, has the other one
   * cancelled, or waits for it (100 at most).
   * @defaultValue "allow"
   */
  overlap?: Overlap | undefined;
  /**
   * Which of the due times run that no host has seen to in time: none, the last one, or all of them (100 at most).
   * @defaultValue "last"
   */
  missed?: Missed | undefined;
  /** @defaultValue "default" */
  pool?: string | undefined;
  tags?: string[] | undefined;
  /** As for one submission: 1 (first) to 2 097 151 (last). */
  priority?: number | undefined;
  /** Tries of a run in total. */
  attempts?: number | undefined;
  /** Milliseconds between tries, or a {@link Backoff}. */
  backoff?: Milliseconds | Backoff | undefined;
  /** Hard limit of a run, ms. */
  timeout?: Milliseconds | undefined;
  /** After so many ms of a run `currentTask().signal` is aborted. */
  softTimeout?: Milliseconds | undefined;
  /** A run that has not been started so many ms after it was due is dropped. */
  expires?: Milliseconds | undefined;
  /** As for one submission, ms. */
  resultTtl?: Milliseconds | undefined;
  /** The key that limits count its runs under, 1 to 256 bytes, where they have keys. */
  limitKey?: string | undefined;
}

export const OVERLAPS = ["allow", "skip", "cancel", "queue"] as const;
export type Overlap = (typeof OVERLAPS)[number];
export const MISSED = ["none", "last", "all"] as const;
export type Missed = (typeof MISSED)[number];

/** What became of a due time. */
export interface ScheduleRun {
  /** When it was due, epoch ms. */
  due: number;
  /** When a host saw to it, epoch ms. */
  at: number;
  /**
   * `started`: its task was submitted; `skipped`: the one before had not ended; `queued`: it waits for that; `missed`: it was
   * over, with `count - 1` more before it; `manual`: started by hand.
   */
  outcome: "started" | "skipped" | "queued" | "missed" | "manual";
  /** Id of its task; null when none was submitted. */
  id: string | null;
  /** Pool of its task: the schedule may have had another one then. */
  pool: string | null;
  /** Due times that this entry stands for. */
  count: number;
}

/** A schedule, as it is now. */
export interface ScheduleView {
  name: string;
  /** Name of the task. */
  task: string;
  args: unknown[];
  cron: string | null;
  every: Milliseconds | null;
  timeZone: string;
  /** Epoch ms. */
  from: number | null;
  until: number | null;
  limit: number | null;
  jitter: Milliseconds;
  overlap: Overlap;
  missed: Missed;
  pool: string;
  tags: string[];
  /** Of its runs, as it was set; null = that of the task holds. So are the next seven. */
  priority: number | null;
  attempts: number | null;
  backoff: Milliseconds | Backoff | null;
  timeout: Milliseconds | null;
  softTimeout: Milliseconds | null;
  expires: Milliseconds | null;
  resultTtl: Milliseconds | null;
  limitKey: string | null;
  /** `ended`: `until` or `limit` is reached. */
  state: "active" | "paused" | "ended";
  /** When its next run starts, epoch ms; null when it is paused or has ended. */
  next: number | null;
  /** Epoch ms. */
  createdAt: number;
  changedAt: number;
  /** Runs whose task was submitted. */
  runs: number;
  /** Due times that were left out because the run before had not ended. */
  skipped: number;
  /** Due times that no host has seen to in time, and were left out. */
  missedCount: number;
  /** Runs that wait for the one before them. */
  queued: number;
  /** Id of the task of the last run; null before there is one. */
  lastId: string | null;
  /** Name of the file of schedules that sets it; null when it was set by hand. */
  file: string | null;
  /** The last 50 due times, the newest first. */
  lastRuns: ScheduleRun[];
}
