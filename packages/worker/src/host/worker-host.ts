import type { Logger } from "@manyhands/core";
import type { HostRecord, Milliseconds, TaskAnnouncement } from "@manyhands/core/internal";

/** A running worker host. */
export interface WorkerHost extends AsyncDisposable {
  readonly id: string;
  readonly name: string;
  readonly slots: number;
  readonly tasks: readonly TaskAnnouncement[];
  /** Port of the health server, or null when there is none. */
  readonly healthPort: number | null;
  /** Its log; also for what its program wants to say there. */
  readonly logger: Logger;
  /** What the host tells about itself in its heartbeat. */
  record(): HostRecord;
  /**
   * Stops: fetches no more, lets running jobs finish for `grace` ms, then kills their children and gives the jobs back
   * without using up an attempt. A second call with a shorter grace hurries the first. Never rejects.
   */
  stop(options?: { grace?: Milliseconds | undefined }): Promise<void>;
  /** Stops like {@link stop}, but waits as long as the running jobs take. */
  drain(): Promise<void>;
  /** Resolves when the host has stopped, also if something else than `stop` caused it. */
  readonly closed: Promise<void>;
}
