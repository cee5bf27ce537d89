import type { Logger } from "@manyhands/core";
import type { HostRecord, Milliseconds, StopStep, TaskAnnouncement } from "@manyhands/core/internal";

/** A running worker host. */
export interface WorkerHost extends AsyncDisposable {
  readonly id: string;
  readonly name: string;
  /** Tasks at once, as it is now. */
  readonly slots: number;
  /** How far it has come with taking less; null = it takes work. */
  readonly step: StopStep | null;
  readonly tasks: readonly TaskAnnouncement[];
  /** Port of the health server, or null when there is none. */
  readonly healthPort: number | null;
  /** Its log; also for what its program wants to say there. */
  readonly logger: Logger;
  /** What the host tells about itself in its heartbeat. */
  record(): HostRecord;
  /** Takes no more work until `resume()`; what runs goes on. Resolves when nothing more comes. Never rejects. */
  quiet(): Promise<void>;
  /** Takes work again after `quiet()`, or while it drains because it was asked to from outside. A host that stops stays so. */
  resume(): void;
  /**
   * Changes how many tasks run at once. Tasks that run now go on.
   * @param slots - 1 to 10 000
   * @throws ValueError for another number
   */
  resize(slots: number): void;
  /**
   * Stops: fetches no more, lets running jobs finish for `grace` ms, then kills their children and gives the jobs back
   * without using up an attempt. A second call with a shorter grace hurries the first. Never rejects.
   * @param options - `reason`: a few words that are shown with the hosts that are gone, such as "SIGTERM"
   */
  stop(options?: { grace?: Milliseconds | undefined; reason?: string | undefined }): Promise<void>;
  /** Stops like {@link stop}, but waits as long as the running jobs take. */
  drain(): Promise<void>;
  /** Goes on to the next step of stopping at once: from warm to cold, from cold to kill; stops a host that does not yet. */
  hurry(): void;
  /** Resolves when the host has stopped, also if something else than `stop` caused it. */
  readonly closed: Promise<void>;
}
