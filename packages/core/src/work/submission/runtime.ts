import type { Telemetry } from "bullmq";
import type { Logger } from "../../package/index.ts";
import type { KeepAlive, RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Session } from "../../session/index.ts";
import type { TraceMode } from "../../tracing/index.ts";
import type { Fleet } from "../fleet/index.ts";
import type { PoolRegistry } from "../registry/index.ts";
import type { ResultChannel } from "../results/index.ts";
import type { ExpiryWatch } from "./expiry-watch.ts";
import type { TaskDurations } from "./task-durations.ts";
import type { TaskDesk } from "./task-handle.ts";
import type { UnservedWatch } from "./unserved-watch.ts";

/** What every pool of one context shares. */
export interface Runtime {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly clientId: string;
  readonly session: Session;
  readonly registry: PoolRegistry;
  readonly fleet: Fleet;
  readonly results: ResultChannel;
  readonly durations: TaskDurations;
  readonly unserved: UnservedWatch;
  readonly expiries: ExpiryWatch;
  /** What handles of tasks ask. */
  readonly desk: TaskDesk;
  readonly keepAlive: KeepAlive;
  /** Submissions of workflows that Redis does not have yet. */
  readonly deliveries: Set<Promise<unknown>>;
  readonly logger: Logger;
  /** Largest encoded argument list or result, bytes. */
  readonly maxPayload: number;
  readonly telemetry: Telemetry | undefined;
  /** How traces go on where tasks run. */
  readonly traces: TraceMode;
  /** A new id, unique over all clients. */
  nextJobId(): string;
}
