import type { Isolation, Keys, PoolRecord, RedisClient, TaskAnnouncement } from "@manyhands/core/internal";
import type { HostLog } from "../log/host-log.ts";
import type { HostMeters } from "../metrics/host-meters.ts";
import type { ReplyPost } from "./reply-post.ts";
import type { RunningJobs } from "./running-jobs.ts";

/** What a job needs from the host that runs it. */
export interface JobHost {
  id: string;
  name: string;
  isolation: Isolation;
  client: RedisClient;
  keys: Keys;
  logger: HostLog;
  /** Whether the log may show arguments. */
  logArgs: boolean;
  meters: HostMeters;
  replies: ReplyPost;
  running: RunningJobs;
  maxPayload: number;
  echoOutput: boolean;
  tasks: ReadonlyMap<string, TaskAnnouncement>;
  /** True when another live host serves the pool and knows the task. */
  isServedElsewhere: (pool: string, task: string) => Promise<boolean>;
  /** The record that is in the registry now; null = there is none. */
  readPool: (name: string) => Promise<PoolRecord | null>;
  /** Marks the pool as failed for all hosts. @returns false when the pool was reset since, and so has not failed */
  failPool: (pool: PoolRecord, error: unknown) => Promise<boolean>;
}
