import type { HostRecord, JobCounts, Milliseconds } from "@manyhands/core/internal";

/** What the metrics tell of a namespace at one moment. */
export interface Snapshot {
  /** Server time, ms. */
  at: number;
  pools: PoolSnapshot[];
  /** Living hosts. */
  hosts: HostRecord[];
}

export interface PoolSnapshot {
  name: string;
  size: number | null;
  /** Vanishes with the program that made it. */
  unnamed: boolean;
  paused: boolean;
  jobs: JobCounts;
  /** Age of the oldest of the jobs that are next in line; null when none waits. */
  oldestWaiting: Milliseconds | null;
}

/** The last snapshot, and why there is no newer one. */
export interface View {
  snapshot: Snapshot | null;
  /** Set while Redis does not answer. */
  problem: { message: string; since: Date } | null;
}
