import {
  isRefusal,
  type JobEnvelope,
  type JobReturn,
  KEPT_COMPLETED,
  KEPT_FAILED,
  type Milliseconds,
  type RedisClient,
} from "@manyhands/core/internal";
import { Worker as BullWorker, type Job } from "bullmq";
import { type Fence, holdOf } from "../fence/fence.ts";
import { MOST_HOST_LOSSES } from "../jobs/host-losses.ts";
import type { PoolJob } from "../jobs/pool-job.ts";
import { isKeepRule } from "../jobs/read-envelope.ts";
import type { HostSlots } from "../slots/host-slots.ts";

export interface PoolWorkerOptions {
  pool: string;
  /** Host's name and pid; saved with every job as `processedBy`. */
  name: string;
  client: RedisClient;
  queuePrefix: string;
  concurrency: number;
  lockDuration: Milliseconds;
  stalledInterval: Milliseconds;
  slots: HostSlots;
  fence: Fence;
  /** Longest wait for a job in one blocking read, seconds. @defaultValue 1 */
  longestBlock?: number;
  /** False while a job could not run here: none is fetched. Changes are told to `readinessChanged`. @defaultValue always true */
  isReady?: () => boolean;
  /** Resolves when Redis serves this host, which it may refuse while it answers. @defaultValue at once */
  whenServed?: () => Promise<void>;
  run: (job: PoolJob, token: string) => Promise<JobReturn>;
  /** A fetch with that token has made a job active that BullMQ cannot read. */
  onUnreadable: (token: string, cause: Error) => Promise<void>;
}

/** How long a fetch gives way to a lone call, ms: the shortest that a timer of Node can do. */
const MOMENT = 1;
/** Pause after a fetch that failed, ms; it doubles with each one that follows, up to the longest. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;
/** Longest wait for a job in one blocking read, seconds: a worker that is not deaf fetches about once a second. */
const LONGEST_BLOCK = 1;

/**
 * BullMQ's worker for one pool, sharing the slots of its host with the workers of other pools.
 *
 * - A slot is taken before each fetch and stays with the fetched job until that is finished; a job fetched by the
 *   finishing script of another inherits its slot.
 * - While another pool waits for a slot, a finishing job does not fetch the next one.
 * - While this host cannot run jobs of the pool, none is fetched.
 * - BullMQ's main loop does not start a fetched job before its next fetch has an answer. So a fetch waits for a slot only
 *   while no fetched job waits to be started, and such a job ends the wait; else the jobs that hold all the slots could
 *   wait for a slot themselves.
 */
export class PoolWorker extends BullWorker<JobEnvelope, JobReturn> {
  /** When the last fetch was answered, by the monotonic clock. */
  lastFetchAt: number = performance.now();
  readonly #slots: HostSlots;
  readonly #fence: Fence;
  readonly #longestBlock: number;
  readonly #run: (job: PoolJob, token: string) => Promise<JobReturn>;
  readonly #onUnreadable: (token: string, cause: Error) => Promise<void>;
  /** Runs that were begun as soon as their job was there. */
  readonly #begun = new WeakMap<object, Promise<JobReturn>>();
  /** Jobs that were fetched and that the main loop has not started yet. */
  readonly #unstarted = new Set<object>();
  /** The run of a lone call that was begun last, until a fetch has given way to it. */
  #loneCall: Promise<JobReturn> | undefined;
  readonly #isReady: () => boolean;
  readonly #whenServed: () => Promise<void>;
  /** Goes on with a fetch that waits until jobs can run here. */
  #wake: (() => void) | undefined;
  #mayHoldMarker = false;
  /** Before the next fetch, ms; 0 unless the last one failed. */
  #pause = 0;
  #leaving = false;
  readonly #left = Promise.withResolvers<void>();

  constructor(options: PoolWorkerOptions) {
    super(options.pool, unreachable, {
      // BullMQ's types know one copy of ioredis, ours may be another.
      connection: options.client as never,
      prefix: options.queuePrefix,
      name: options.name,
      autorun: false,
      concurrency: options.concurrency,
      lockDuration: options.lockDuration,
      lockRenewTime: options.lockDuration / 4,
      stalledInterval: options.stalledInterval,
      maxStalledCount: MOST_HOST_LOSSES - 1,
      removeOnComplete: KEPT_COMPLETED,
      removeOnFail: KEPT_FAILED,
      drainDelay: options.longestBlock ?? LONGEST_BLOCK,
      maximumRateLimitDelay: 2_000,
      runRetryDelay: 1_000,
    });
    this.#slots = options.slots;
    this.#fence = options.fence;
    this.#longestBlock = options.longestBlock ?? LONGEST_BLOCK;
    this.#run = options.run;
    this.#isReady = options.isReady ?? (() => true);
    this.#onUnreadable = options.onUnreadable;
    this.#whenServed = options.whenServed ?? (async () => {});
  }

  protected override callProcessJob(job: PoolJob, token: string): Promise<JobReturn> {
    return this.#begun.get(job) ?? this.#run(job, token);
  }

  /**
   * Begins a job at once: BullMQ would first wait for the answer to its next fetch, which costs a lone call a round
   * trip. A job that BullMQ is going to fail by itself is left to it.
   */
  #begin(job: PoolJob, token: string): void {
    if (job.deferredFailure) return;
    const run = this.#run(job, token);
    // Whoever processes the job gets the rejection; until then it has no listener.
    run.catch(() => {});
    this.#begun.set(job, run);
    // What other clients of BullMQ put into a job may be anything.
    if ((job.data as Partial<JobEnvelope> | null)?.units === undefined) this.#loneCall = run;
  }

  /**
   * A lone call is most often followed by nothing, or by the caller's next one as soon as it is answered. Looking for
   * more work right away would take the processor from the child that runs it, so a fetch gives it a moment first.
   */
  async #giveWay(): Promise<void> {
    const call = this.#loneCall;
    if (call === undefined) return;
    this.#loneCall = undefined;
    let timer: NodeJS.Timeout | undefined;
    const moment = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, MOMENT);
    });
    await Promise.race([call.then(ignore, ignore), moment]);
    clearTimeout(timer);
  }

  /** BullMQ fetches again at once when a fetch has failed, which may be so for long: a key that holds another type. */
  async #rest(): Promise<void> {
    if (this.#pause === 0 || this.#leaving || this.#unstarted.size > 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, this.#pause * (0.75 + Math.random() / 4));
    });
    this.#wake = undefined;
    clearTimeout(timer);
  }

  /** Takes no further jobs, and resolves when those that run are finished. Hangs while Redis is away: race it. */
  override close(force?: boolean): Promise<void> {
    this.#leaving = true;
    this.#left.resolve();
    const closed = super.close(force);
    this.#slots.withdraw(this);
    this.#wake?.();
    return closed;
  }

  /** Jobs can, or can no longer, run here. */
  readinessChanged(): void {
    if (!this.#isReady()) return;
    // It could not have fetched before.
    this.lastFetchAt = performance.now();
    this.#pause = 0;
    this.#wake?.();
  }

  /**
   * Drops what can outlive a worker of BullMQ, closed or not: its timer, and the connection that only it uses, which an
   * attempt to reconnect that was under way may bring back to life. The shared connection stays.
   */
  async abandon(): Promise<void> {
    await this.lockManager.close();
    const { blockingConnection } = this.backend as unknown as { blockingConnection?: { _client?: RedisClient } };
    const client = blockingConnection?._client;
    if (!client) return;
    Object.assign(client.options, { retryStrategy: () => null, clusterRetryStrategy: () => null });
    client.on("connect", () => client.disconnect());
    client.disconnect();
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job<JobEnvelope, JobReturn>> {
    const nothing = undefined as unknown as Job<JobEnvelope, JobReturn>;
    await this.#giveWay();
    await this.#rest();
    if (!(await this.#takeSlot())) return nothing;
    let job: Job<JobEnvelope, JobReturn> | undefined;
    const sentAt = performance.now();
    try {
      job = await this.#readable(token, () => super.moveToActive(token, name));
      this.lastFetchAt = performance.now();
      this.#pause = 0;
    } catch (error) {
      this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2 || FIRST_PAUSE);
      throw error;
    } finally {
      if (!job) this.#slots.release();
    }
    if (!job) return nothing;
    this.#fence.granted(holdOf(job.id ?? "", token), sentAt);
    this.#unstarted.add(job);
    this.#begin(job, token);
    return job;
  }

  override async processJob(
    job: Job<JobEnvelope, JobReturn>,
    token: string,
    fetchNextCallback?: () => boolean,
  ): Promise<Job<JobEnvelope, JobReturn> | undefined> {
    this.#unstarted.delete(job);
    let next: Job<JobEnvelope, JobReturn> | undefined;
    let sentAt = 0;
    try {
      next = (await super.processJob(job, token, () => {
        sentAt = performance.now();
        return (
          !this.#leaving && this.#isReady() && !this.#slots.isWantedBesides(this) && (fetchNextCallback?.() ?? true)
        );
      })) as Job<JobEnvelope, JobReturn> | undefined;
    } finally {
      this.#fence.forget(holdOf(job.id ?? "", token));
      if (!next) this.#slots.release();
    }
    if (next) {
      this.lastFetchAt = performance.now();
      this.#fence.granted(holdOf(next.id ?? "", next.token ?? token), sentAt);
      this.#unstarted.add(next);
      this.#begin(next, next.token ?? token);
      this.#slots.withdraw(this);
      this.#wake?.();
    }
    return next;
  }

  /**
   * What other clients write into a job may be no JSON. BullMQ throws as it reads it, and leaves the job active, to be taken
   * up again for ever.
   */
  async #readable(
    token: string,
    fetch: () => Promise<Job<JobEnvelope, JobReturn>>,
  ): Promise<Job<JobEnvelope, JobReturn>> {
    try {
      return await fetch();
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
      await this.#onUnreadable(token, error);
      return undefined as unknown as Job<JobEnvelope, JobReturn>;
    }
  }

  /** The script that finishes a job fetches the next one. */
  protected override handleCompleted(
    ...parameters: Parameters<BullWorker<JobEnvelope, JobReturn>["handleCompleted"]>
  ): Promise<Job<JobEnvelope, JobReturn>> {
    return this.#readable(parameters[2], () => this.#finish(() => super.handleCompleted(...parameters)));
  }

  /** A job that was put back is not followed by a fetch here: the main loop fetches, with a slot of its own. */
  protected override handleFailed(
    ...parameters: Parameters<BullWorker<JobEnvelope, JobReturn>["handleFailed"]>
  ): Promise<Job<JobEnvelope, JobReturn>> {
    const [error, job, token, fetchNextCallback, ...rest] = parameters;
    const isPutBack = error.name === "DelayedError" || error.name === "WaitingError";
    dropBadRules(job);
    const fetchNext = isPutBack ? () => false : fetchNextCallback;
    return this.#readable(token, () => this.#finish(() => super.handleFailed(error, job, token, fetchNext, ...rest)));
  }

  /** A job that ran is finished when Redis takes that: BullMQ would fail it because Redis refused. */
  async #finish<Next>(finish: () => Promise<Next>): Promise<Next> {
    while (true) {
      try {
        return await finish();
      } catch (error) {
        if (!isRefusal(error) || this.#leaving) throw error;
        await Promise.race([this.#whenServed(), this.#left.promise]);
      }
    }
  }

  override async extendJobLocks(jobIds: string[], tokens: string[], duration: number): Promise<string[]> {
    const sentAt = performance.now();
    const refused = await super.extendJobLocks(jobIds, tokens, duration);
    const running = new Set(this.lockManager.getTrackedJobIds());
    for (const [index, jobId] of jobIds.entries()) {
      const hold = holdOf(jobId, tokens[index]);
      if (refused.includes(jobId)) this.#fence.lost(hold);
      else if (running.has(jobId)) this.#fence.granted(hold, sentAt);
    }
    return refused;
  }

  protected override getBlockTimeout(blockUntil: number): number {
    // A blocking read would be refused at once, again and again.
    const seconds = this.#isReady() ? super.getBlockTimeout(blockUntil) : 0;
    this.#mayHoldMarker = seconds > 0;
    return Math.min(seconds, this.#longestBlock);
  }

  async #takeSlot(): Promise<boolean> {
    const mayHoldMarker = this.#mayHoldMarker;
    this.#mayHoldMarker = false;
    if (this.#leaving) return false;
    if (this.#isReady() && this.#slots.tryTake()) return true;
    // The blocking read may have swallowed the marker that would wake another host with free slots.
    if (mayHoldMarker) await this.returnMarker();
    if (this.#leaving || this.#unstarted.size > 0) return false;
    if (!this.#isReady()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      if (this.#leaving || this.#unstarted.size > 0) return false;
    }
    if (!(await this.#slots.take(this))) return false;
    if (this.#isReady()) return true;
    this.#slots.release();
    return false;
  }

  /** Wakes one worker that waits for a job of this pool. */
  async returnMarker(): Promise<void> {
    const client = await this.backend.client;
    await (client as unknown as { zadd(key: string, score: number, member: string): Promise<unknown> })
      .zadd(this.toKey("marker"), 0, "0")
      .catch(() => {});
  }
}

/** With a rule that it does not understand, BullMQ could not even fail the job. */
function dropBadRules({ opts }: Job): void {
  if (!isKeepRule(opts.removeOnFail)) delete opts.removeOnFail;
  if (!isKeepRule(opts.removeOnComplete)) delete opts.removeOnComplete;
}

function ignore(): void {}

/** BullMQ wants a processor; `callProcessJob` comes before it. */
function unreachable(): never {
  throw new Error("jobs of manyhands are run by callProcessJob");
}
