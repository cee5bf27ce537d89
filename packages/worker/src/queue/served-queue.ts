import { ClosedError, type Logger } from "@manyhands/core";
import {
  type Keys,
  type Milliseconds,
  RareWarnings,
  type RedisClient,
  withinReach,
  workerName,
} from "@manyhands/core/internal";
import type { Fetcher } from "../fetcher/fetcher.ts";
import { nudgeWorkers } from "../fetcher/nudge.ts";
import type { PoolJob } from "../jobs/pool-job.ts";
import { failUnreadableJob, type UnreadableJob } from "../jobs/unreadable-jobs.ts";
import type { RedisTrouble } from "../trouble/redis-trouble.ts";
import type { Trouble } from "../trouble/trouble.ts";
import { QueueWorker, type QueueWorkerOptions, type Routing } from "./queue-worker.ts";

/** Something that keeps a host from taking work. */
type Obstacle = Pick<Trouble, "reason" | "listen">;

/** What the queues of a host have in common, those of pools and those of processes. */
export interface QueueHost {
  name: string;
  client: RedisClient;
  keys: Keys;
  fetcher: Fetcher;
  /** While children cannot be made, or Redis refuses this host, no job is taken. */
  supply: { readonly trouble: Trouble };
  redisTrouble: Pick<RedisTrouble, "trouble" | "over">;
  /** Nor while the host was told to take none. */
  quiet: Obstacle;
  lockDuration: Milliseconds;
  /** Time between two checks for jobs whose host is gone. */
  stalledInterval: Milliseconds;
  logger: Logger;
  /** What this host knows; absent: its queues take the next job of any task. */
  routing?: Omit<Routing, "initializer" | "limits">;
}

export interface ServedQueueOptions
  extends Pick<
    QueueWorkerOptions,
    "queue" | "slots" | "fence" | "isAssignable" | "isInline" | "run" | "refuses" | "finishOf" | "onWorkflowEnded"
  > {
  host: QueueHost;
  /** What it is called in messages: `pool "jobs"`. */
  title: string;
  /** Looks for jobs whose host is gone that many times less often than others. @defaultValue 1 */
  stalledChecks?: number;
  /** What keeps this host from running jobs of this queue alone. */
  trouble?: Trouble;
  /** Resolves when the replies of jobs that ended are in Redis. */
  whenReplied?: () => Promise<unknown>;
  /** Most of its jobs that run here at once; see {@link ServedQueue.concurrencyChanged}. */
  concurrency: () => number;
  /** Task that each child of the queue runs first; null = none. */
  initializer?: () => string | null;
  /** The limits of its jobs. @defaultValue none */
  limits?: Routing["limits"];
  onStalled?: (id: string) => void;
  /** A run has ended, and what became of the job is in Redis. */
  onEnded?: (job: PoolJob) => void;
  /** BullMQ gave a job up, or failed it by itself. */
  onFailed: (job: PoolJob | undefined, error: Error) => void;
  /** A job was failed because BullMQ cannot read it. */
  onUnreadable?: (failed: UnreadableJob) => void;
  /** BullMQ found no job, or no lock, where it wanted to finish one: `tell` logs that. */
  onMissing: (tell: () => void) => void;
}

/** Jobs finish at most this long after their children are gone, ms; a worker of BullMQ does not close while Redis is away. */
const CLOSE_DEADLINE: Milliseconds = 1_500;
/** BullMQ's words for a job that was removed while it ran, or that another host has taken. */
const MISSING_JOB = /^Missing (key|lock) for job/;
/** A look for a job that takes so long while Redis answers does not end, ms. */
const DEAF_AFTER: Milliseconds = 5_000;

/**
 * One queue of BullMQ as this host serves it, from its first look for a job to its last finished one: that of a pool, or one
 * of processes. They differ in what runs a job (`run`), in their slots, and in what a lost lock means (`fence`).
 */
export class ServedQueue {
  readonly name: string;
  /** What it is called in messages. */
  readonly title: string;
  readonly #options: ServedQueueOptions;
  readonly #warnings: RareWarnings;
  #worker: QueueWorker;
  /** Workers that were deaf and may never close. */
  readonly #replaced: QueueWorker[] = [];
  readonly #obstacles: readonly Obstacle[];
  readonly #unlisten: (() => void)[];
  #closing: Promise<void> | undefined;

  constructor(options: ServedQueueOptions) {
    this.name = options.queue;
    this.title = options.title;
    this.#options = options;
    this.#warnings = new RareWarnings(options.host.logger);
    const { host, trouble } = options;
    this.#obstacles = [host.supply.trouble, host.redisTrouble.trouble, host.quiet, ...(trouble ? [trouble] : [])];
    this.#worker = this.#open();
    this.#unlisten = this.#obstacles.map((one) => one.listen(() => this.#readinessChanged()));
  }

  /** Its jobs are taken from now on. */
  start(): void {
    if (this.#closing === undefined) this.#options.host.fetcher.add(this.#worker);
  }

  /** More, or fewer, of its jobs may run here at once. */
  concurrencyChanged(): void {
    this.#worker.concurrency = this.#options.concurrency();
    this.#options.host.fetcher.changed();
  }

  /** Limits hold jobs of it back: they are taken in turn from now on. */
  takeInTurn(): void {
    this.#worker.takeInTurn();
  }

  /** What limits hold back may go on. */
  limitsChanged(): void {
    this.#options.host.fetcher.want(this.#worker);
  }

  /** Jobs can, or can no longer, run here. */
  #readinessChanged(): void {
    const { fetcher } = this.#options.host;
    if (this.#worker.isReady) return fetcher.want(this.#worker);
    fetcher.changed();
    // What it was about to take is for others.
    this.#worker.announce(false);
  }

  /** True when a look for a job does not end. */
  get isDeaf(): boolean {
    return this.#closing === undefined && this.#options.host.fetcher.fetchingFor(this.#worker) > DEAF_AFTER;
  }

  /** Puts a new worker of BullMQ in the place of one that is deaf; its jobs end where they are. */
  recreate(): void {
    if (this.#closing !== undefined) return;
    const { fetcher } = this.#options.host;
    const deaf = this.#worker;
    fetcher.giveUp(deaf);
    deaf.giveUp();
    this.#replaced.push(deaf);
    deaf.close().catch((error: Error) => this.report(error));
    this.#worker = this.#open();
    fetcher.add(this.#worker);
    fetcher.want(this.#worker);
  }

  /** Puts jobs back in line whose host is gone. */
  async checkStalled(): Promise<void> {
    await this.#worker.checkStalled().catch((error: Error) => this.report(error));
  }

  /** Puts jobs back in line of which this host cannot know that it has taken them: the connection broke meanwhile. */
  async giveBackLostTakes(): Promise<void> {
    await this.#worker.giveBackLostTakes().catch((error: Error) => this.report(error));
  }

  /** Takes no more; resolves when none of its jobs runs here any more, or not at all while Redis is away. */
  stopFetching(): Promise<void> {
    if (this.#closing === undefined) {
      this.#options.host.fetcher.remove(this.#worker);
      this.#closing = this.#worker.close();
    }
    return this.#closing;
  }

  async close(): Promise<void> {
    for (const unlisten of this.#unlisten) unlisten();
    const { client, keys } = this.#options.host;
    await withinReach(client, this.stopFetching(), CLOSE_DEADLINE);
    await Promise.all([...this.#replaced, this.#worker].map((worker) => worker.abandon()));
    if (client.status === "ready") await withinReach(client, nudgeWorkers(client, keys, this.name), CLOSE_DEADLINE);
  }

  #open(): QueueWorker {
    const {
      host,
      queue,
      concurrency,
      stalledChecks = 1,
      whenReplied = async () => {},
      slots,
      fence,
      isAssignable,
      isInline,
      run,
      refuses,
      finishOf,
      onWorkflowEnded,
      initializer = () => null,
      limits,
    } = this.#options;
    const worker = new QueueWorker({
      ...(host.routing ? { routing: { ...host.routing, initializer, ...(limits && { limits }) } } : {}),
      ...{ queue, slots, fence, isAssignable, isInline, run, refuses, finishOf, onWorkflowEnded },
      isReady: () => this.#obstacles.every(({ reason }) => reason === null),
      whenServed: () =>
        host.redisTrouble
          .over()
          .then(whenReplied)
          .then(() => {}),
      stalledInterval: stalledChecks * host.stalledInterval,
      concurrency: concurrency(),
      name: workerName(host.name, process.pid),
      client: host.client,
      keys: host.keys,
      lockDuration: host.lockDuration,
      fetcher: host.fetcher,
      onUnreadable: (token, cause) => this.#failUnreadable(token, cause),
    });
    worker.on("error", (error) => this.report(error));
    worker.on("stalled", (id) => this.#options.onStalled?.(id));
    worker.on("completed", (job) => this.#options.onEnded?.(job));
    worker.on("failed", (job, error) => {
      if (job) this.#options.onEnded?.(job);
      this.#options.onFailed(job, error);
    });
    return worker;
  }

  async #failUnreadable(token: string, cause: Error): Promise<void> {
    const failed = await failUnreadableJob(this.#options.host, { pool: this.name, token }, cause);
    if (!failed) return;
    this.#options.host.logger.warn(failed.error.message);
    this.#options.onUnreadable?.(failed);
  }

  /** Logs an error of the queue, the same one not too often. */
  report(error: Error): void {
    // A worker that was replaced, or a host that stops, has closed it.
    if (error instanceof ClosedError) return;
    // The connection has just broken, which the host's log tells once for all of its queues.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) return;
    const { host, title, onMissing } = this.#options;
    if (host.client.status !== "ready" || this.#closing !== undefined) return;
    const warn = (): void => this.#warnings.warn(error.message, `${title}: ${error.message}`);
    if (MISSING_JOB.test(error.message)) onMissing(warn);
    else warn();
  }
}
