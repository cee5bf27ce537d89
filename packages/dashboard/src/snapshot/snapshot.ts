import type { HostRecord, Isolation, JobCounts, Milliseconds, PoolRecord } from "@manyhands/core/internal";

/** What the dashboard knows of a namespace at one moment. */
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
  state: PoolRecord["state"];
  /** Name and message of the error that it failed with; null when it has not failed. */
  failure: string | null;
  /** Vanishes with the program that made it. */
  unnamed: boolean;
  isolation: Isolation | null;
  paused: boolean;
  jobs: JobCounts;
  /** Age of the oldest of the jobs that are next in line; null when none waits. */
  oldestWaiting: Milliseconds | null;
  /** Why no host runs the job that is next, and what to do; null when one does. */
  unserved: string | null;
}

/** The last snapshot, and why there is no newer one. */
export interface View {
  snapshot: Snapshot | null;
  /** Set while Redis does not answer. */
  problem: { message: string; since: Date } | null;
}
