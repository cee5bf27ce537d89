import type { HostRecord, Isolation, Milliseconds, PoolRecord } from "@manyhands/core/internal";

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
  /** Age of the job that has waited longest (of the most urgent one where all have priorities); null when none waits. */
  oldestWaiting: Milliseconds | null;
  /** Why no host runs the job that is next, and what to do; null when one does. */
  unserved: string | null;
}

/** Jobs of a pool by BullMQ's states. `completed` and `failed` count what is still kept, not what ever ran. */
export interface JobCounts {
  waiting: number;
  prioritized: number;
  active: number;
  delayed: number;
  waitingChildren: number;
  completed: number;
  failed: number;
}

/** The last snapshot, and why there is no newer one. */
export interface View {
  snapshot: Snapshot | null;
  /** Set while Redis does not answer. */
  problem: { message: string; since: Date } | null;
}
