import { ProcessRegistry } from "@manyhands/core/internal";
import type { ChildSupply } from "../children/child-supply.ts";
import { Fence } from "../fence/fence.ts";
import type { JobHost } from "../jobs/job-host.ts";
import { traceJob } from "../jobs/job-trace.ts";
import { type QueueHost, ServedQueue } from "../queue/served-queue.ts";
import { HostSlots } from "../slots/host-slots.ts";
import { PlacementQueues } from "./placement-queues.ts";
import { ProcessReaper } from "./process-reaper.ts";
import { ProcessRunner } from "./process-runner.ts";

export interface HostProcessesOptions {
  host: JobHost & QueueHost & { supply: ChildSupply };
  /** Most processes at once; 0: this host runs none. */
  limit: number;
  queues: string[];
  /** A process has started or ended here. */
  onChange: () => void;
}

/** Looks for jobs whose host died before it began them are that many times less frequent than those of pools. */
const STALLED_CHECKS = 4;

/**
 * The processes of this host, each in a child of its own that ends with it. They have slots of their own: processes wait
 * for one another, so they must never wait for the slots of pools, nor pools for theirs.
 */
export class HostProcesses {
  readonly runner: ProcessRunner;
  readonly #host: HostProcessesOptions["host"];
  readonly #slots: HostSlots;
  /** Names of the queues that are served. */
  readonly #names: string[];
  readonly #queues: ServedQueue[] = [];
  readonly #reaper: ProcessReaper;
  readonly #placements: PlacementQueues;
  #fetchingStopped: Promise<unknown> | undefined;

  constructor({ host, limit, queues, onChange }: HostProcessesOptions) {
    const { client, keys, logger } = host;
    const registry = new ProcessRegistry(client, keys);
    this.#host = host;
    this.#slots = new HostSlots(limit);
    this.#names = limit === 0 ? [] : queues;
    this.runner = new ProcessRunner({ host, registry, onChange });
    this.#reaper = new ProcessReaper({
      ...{ client, keys, registry, logger },
      tell: (starter, id, ended) => this.runner.tell(starter, id, { ended, pid: 0 }),
    });
    this.#placements = new PlacementQueues({ client, keys, registry, logger, own: this.#names });
  }

  /** Takes processes from now on. Redis must have been found fit before. */
  start(): void {
    for (const name of this.#names) {
      const queue = this.#open(name);
      this.#queues.push(queue);
      queue.start();
    }
    this.#reaper.start();
    this.#placements.start();
  }

  /** For the heartbeat. */
  describe(): { limit: number; running: number; queues: string[] } {
    return { limit: this.#slots.total, running: this.runner.list().length, queues: this.#names };
  }

  /** What it serves. */
  queues(): readonly ServedQueue[] {
    return this.#queues;
  }

  /** Takes no more processes. */
  quiet(): void {
    this.#reaper.stop();
    this.#placements.stop();
    this.#fetchingStopped ??= Promise.allSettled(this.#queues.map((queue) => queue.stopFetching()));
  }

  /** Resolves when no process runs here after {@link quiet}, or not at all while Redis is away. */
  async idle(): Promise<void> {
    await this.#fetchingStopped;
  }

  /** Closes all queues. What runs must have been ended before. */
  async stop(): Promise<void> {
    this.quiet();
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }

  #open(queue: string): ServedQueue {
    const { logger, lockDuration } = this.#host;
    return new ServedQueue({
      host: this.#host,
      queue,
      title: `queue "${queue}"`,
      concurrency: () => this.#slots.total,
      stalledChecks: STALLED_CHECKS,
      slots: this.#slots,
      // The lock of such a job says only which host looks after it: a process never runs a second time, so it is not killed
      // when the lock can no longer be trusted.
      fence: new Fence({ lockDuration }),
      run: (job, token) => {
        const facts = { host: this.#host.name, pool: job.queueName, calls: 1 };
        return traceJob(job, facts, () => this.runner.run(job, token));
      },
      onFailed: (job, reason) => {
        if (job) void this.runner.givenUp(job, reason).catch((error: Error) => logger.warn(error.message));
      },
      // A job that lost its lock while Redis was away has been taken by another host, which finds it running here.
      onMissing: () => {},
    });
  }
}
