import { ClosedError, type Logger } from "@manyhands/core";
import {
  type JobReturn,
  type Keys,
  type Milliseconds,
  RareWarnings,
  type RedisClient,
  workerName,
} from "@manyhands/core/internal";
import { withinReach } from "../deadline/within.ts";
import { Fence } from "../fence/fence.ts";
import type { PoolJob } from "../jobs/pool-job.ts";
import { nudgeWorkers } from "../pools/nudge.ts";
import { PoolWorker } from "../pools/pool-worker.ts";
import { failUnreadableJob } from "../pools/unreadable-jobs.ts";
import type { HostSlots } from "../slots/host-slots.ts";

export interface ProcessQueueOptions {
  queue: string;
  hostName: string;
  client: RedisClient;
  keys: Keys;
  lockDuration: Milliseconds;
  stalledInterval: Milliseconds;
  /** Shared by all queues of processes of the host. */
  slots: HostSlots;
  /** False while no child can be had for a process. */
  isReady: () => boolean;
  /** Resolves when Redis serves this host. */
  whenServed: () => Promise<void>;
  run: (job: PoolJob, token: string) => Promise<JobReturn>;
  /** BullMQ gave up a job that host after host died with. */
  onGivenUp: (job: PoolJob, reason: Error) => void;
  logger: Logger;
}

/** Longest wait in one blocking read, seconds. Longer than that of pools: a host has several such queues, mostly idle. */
const LONGEST_BLOCK = 6;
/** A worker that could fetch and has not done so for this long is deaf, ms. */
const DEAF_AFTER: Milliseconds = 14_000;
/** Time between two checks for jobs whose host died before it began them, as a multiple of that of pools. */
const STALLED_CHECKS = 4;
/** A worker of BullMQ does not close while Redis is away, ms. */
const CLOSE_DEADLINE: Milliseconds = 1_500;

/**
 * One queue of processes as this host serves it. The lock of a job says only who looks after it: a process is never
 * run a second time, so it is not killed when the lock can no longer be trusted.
 */
export class ProcessQueue {
  readonly name: string;
  readonly #options: ProcessQueueOptions;
  readonly #replaced: PoolWorker[] = [];
  readonly #warnings: RareWarnings;
  #worker: PoolWorker;
  #closing: Promise<void> | undefined;

  constructor(options: ProcessQueueOptions) {
    this.name = options.queue;
    this.#options = options;
    this.#warnings = new RareWarnings(options.logger);
    this.#worker = this.#open();
  }

  start(): void {
    this.#run(this.#worker);
  }

  /** True when the worker could have fetched for a while and did not. */
  isDeaf(): boolean {
    const { slots, isReady } = this.#options;
    if (this.#closing !== undefined || slots.free <= 0 || !isReady()) return false;
    return performance.now() - this.#worker.lastFetchAt > DEAF_AFTER;
  }

  /** Children for processes can, or can no longer, be had. */
  readinessChanged(): void {
    this.#worker.readinessChanged();
  }

  /** Puts a new worker of BullMQ in the place of one that no longer fetches; its jobs end where they are. */
  recreate(): void {
    if (this.#closing !== undefined) return;
    this.#replaced.push(this.#worker);
    this.#worker.close().catch((error: Error) => this.#report(error));
    this.#worker = this.#open();
    this.#run(this.#worker);
  }

  /** Fetches no more; resolves when none of its processes runs here any more, or not at all while Redis is away. */
  stopFetching(): Promise<void> {
    this.#closing ??= this.#worker.close();
    return this.#closing;
  }

  async close(): Promise<void> {
    const { client, keys } = this.#options;
    await withinReach(client, this.stopFetching(), CLOSE_DEADLINE);
    await Promise.all([...this.#replaced, this.#worker].map((worker) => worker.abandon()));
    if (client.status === "ready") await withinReach(client, nudgeWorkers(client, keys, this.name), CLOSE_DEADLINE);
  }

  #open(): PoolWorker {
    const { queue, hostName, client, keys, lockDuration, stalledInterval, slots, isReady, whenServed, run } =
      this.#options;
    const worker = new PoolWorker({
      pool: queue,
      name: workerName(hostName, process.pid),
      client,
      queuePrefix: keys.queuePrefix,
      concurrency: slots.total,
      lockDuration,
      stalledInterval: STALLED_CHECKS * stalledInterval,
      longestBlock: LONGEST_BLOCK,
      slots,
      isReady,
      whenServed,
      fence: new Fence({ lockDuration }),
      run,
      onUnreadable: async (token, cause) => {
        const failed = await failUnreadableJob({ client, keys, name: hostName }, { pool: queue, token }, cause);
        if (failed) this.#options.logger.warn(failed.error.message);
      },
    });
    worker.on("error", (error) => this.#report(error));
    worker.on("failed", (job, error) => {
      if (job) this.#options.onGivenUp(job, error);
    });
    return worker;
  }

  #run(worker: PoolWorker): void {
    worker.run().catch((error: Error) => this.#report(error));
  }

  #report(error: Error): void {
    // A worker that was replaced, or a host that stops, has closed it.
    if (error instanceof ClosedError) return;
    if (this.#options.client.status !== "ready" || this.#closing !== undefined) return;
    // A job that lost its lock while Redis was away has been taken by another host, which finds it running here.
    if (/^Missing (key|lock) for job/.test(error.message)) return;
    this.#warnings.warn(error.message, `queue "${this.name}": ${error.message}`);
  }
}
