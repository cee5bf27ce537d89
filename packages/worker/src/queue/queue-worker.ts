import {
  type BackOff,
  backOff,
  type FinishedSet,
  indexTasks,
  isProcessQueue,
  isRefusal,
  type JobEnvelope,
  type JobReturn,
  KEPT_COMPLETED,
  KEPT_FAILED,
  type Keys,
  type Milliseconds,
  measure,
  type RedisClient,
  readTaken,
  Script,
  type StepOfWorkflow,
  settledWithin,
  unlessAborted,
} from "@manyhands/core/internal";
import { Worker as BullWorker, type Job } from "bullmq";
import { type Fence, holdOf } from "../fence/fence.ts";
import type { Fetched, FetchedQueue, Fetcher } from "../fetcher/fetcher.ts";
import { nudgeWorkers } from "../fetcher/nudge.ts";
import type { AssignedJob } from "../fetcher/slot-offers.ts";
import { MOST_HOST_LOSSES } from "../jobs/host-losses.ts";
import type { PoolJob } from "../jobs/pool-job.ts";
import { isKeepRule } from "../jobs/read-envelope.ts";
import { addWatcher, watchersIn } from "../jobs/watchers.ts";
import { Note } from "../notes/note.ts";
import { type EndedWorkflow, type JobFinish, RoutedTakes, type RoutedTakesOptions } from "../routing/routed-takes.ts";
import type { HostSlots } from "../slots/host-slots.ts";
import type { OfferedSlot } from "../slots/offered-slot.ts";
import { TakenTasks } from "../task-index/taken-tasks.ts";
import { noteStep, stepIn } from "../workflows/step-of-job.ts";
import { activeWithToken } from "./lost-takes.ts";

/** What of BullMQ's backend is listened to: by its name and with its parameters, it runs a script. */
interface Commands {
  execCommand(client: unknown, name: string, parameters: readonly unknown[]): Promise<unknown>;
}

export interface QueueWorkerOptions {
  queue: string;
  /** Host's name and pid; saved with every job as `processedBy`. */
  name: string;
  client: RedisClient;
  keys: Keys;
  concurrency: number;
  lockDuration: Milliseconds;
  stalledInterval: Milliseconds;
  slots: HostSlots;
  fence: Fence;
  fetcher: Fetcher;
  /** Takes only what this host knows; absent: the next job of any task. */
  routing?: Routing;
  /** False while a job could not run here: none is taken. */
  isReady: () => boolean;
  /** Whether its jobs can be assigned to this host. @defaultValue none can */
  isAssignable?: (() => boolean) | undefined;
  /** Whether the task runs in this process, which then may stand still. */
  isInline?: ((task: string) => boolean) | undefined;
  /** Resolves when Redis serves this host, which it may refuse while it answers. */
  whenServed: () => Promise<void>;
  run: (job: PoolJob, token: string) => Promise<JobReturn>;
  /** True for a job that `run` refuses, as too many hosts were lost with it. BullMQ fails others of those, in its own words. */
  refuses?: ((job: PoolJob) => boolean) | undefined;
  /** What a job leaves as it is finished; absent: BullMQ trims the history. @param error - With which it failed. */
  finishOf?: ((job: PoolJob, set: FinishedSet, error: Error | undefined) => JobFinish) | undefined;
  /** A workflow has ended with a step that was finished here. */
  onWorkflowEnded?: ((ended: EndedWorkflow) => void) | undefined;
  /** A look with that token has made a job active that BullMQ cannot read. */
  onUnreadable: (token: string, cause: Error) => Promise<void>;
}

/** What a queue is to know of its host to take only jobs whose task that knows. */
export type Routing = Pick<
  RoutedTakesOptions,
  "hostId" | "initializer" | "knows" | "priorities" | "announce" | "awayGrace" | "limits"
>;

/**
 * For this part of the interval BullMQ refuses another check for stalled jobs: each sweep is to make one, and comes a little
 * before the interval is over.
 */
const BETWEEN_CHECKS = 0.75;
/** Pause after a look that failed, ms; it doubles with each one that follows, up to the longest. */
const FAILED: BackOff = { first: 100, longest: 2_000, jitter: 0.25 };
/** Longest pause while the queue's rate is limited, ms: jobs that become due must not wait for longer. */
const LONGEST_LIMIT = 2_000;
/**
 * The lock of an assigned job is renewed for the first time after this, ms, with those of others: most that are shorter need
 * no renewal. A small part of the first life of the lock.
 */
const RENEW_FRESH = 50;
/** Renewals of a lock in the time that it lasts. */
const RENEWALS = 4;
/** What has not answered by then is left to the check for stalled jobs, ms. */
const LONGEST_ANSWER = 5_000;
/** A job that ran for less than this ends without a look at other queues before it, ms. */
const SHORT_RUN = 20;

/**
 * BullMQ's worker for one queue, without its loop and its blocking connection: the {@link Fetcher} of the host says when
 * to take a job, and holds a slot for it. A job that ends is followed by the next one of its queue in the same slot,
 * fetched by the script that finishes it, unless other queues of the host have work.
 */
export class QueueWorker extends BullWorker<JobEnvelope, JobReturn> implements FetchedQueue {
  readonly markerKey: string;
  readonly slots: HostSlots;
  readonly #options: QueueWorkerOptions;
  readonly #fence: Fence;
  readonly #fetcher: Fetcher;
  readonly #run: (job: PoolJob, token: string) => Promise<JobReturn>;
  /** When jobs were begun, by the monotonic clock. */
  readonly #begunAt = new Note<object, number>("begun at");
  /** Jobs, with those that follow them, and looks for one. */
  readonly #busy = new Set<Promise<unknown>>();
  /** Jobs that Redis has given to this worker, by their ids, from its answer to their end, with the number of that answer. */
  readonly #held = new Map<string, number>();
  /** Commands under way that take a job. */
  readonly #asking = new Set<Promise<unknown>>();
  #answers = 0;
  readonly #routed: RoutedTakes | undefined;
  #running = 0;
  /** Jobs whose end was not followed by a look for the next one. */
  readonly #unfollowed = new Note<object, boolean>("followed by no other");
  #tokens = 0;
  /** Jobs that waited at the last count, less those that were taken here since. */
  #waiting = 0;
  /** Looks that have failed, in a row. */
  #failures = 0;
  /** Jobs with their tokens whose locks are as short as at their assignment. */
  readonly #fresh = new Map<string, string>();
  /** Clients that wait for a job that has just been taken, by its id. */
  readonly #watchers = new Map<string, string[]>();
  /** Steps of workflows among the jobs that have just been taken, by their ids. */
  readonly #steps = new Map<string, StepOfWorkflow>();
  /** Jobs that are being finished, by their ids, with the error that BullMQ is told. */
  readonly #ending = new Map<string, { job: PoolJob; error: Error | undefined }>();
  /** Absent: processes are not in the index of tasks. */
  #taken: TakenTasks | undefined;
  #renewSoon: NodeJS.Timeout | undefined;
  /** The look under way takes this slot back. */
  #offered: OfferedSlot | undefined;
  /** It could not: the slot has a job by now. */
  #isRefused = false;
  #leaving = false;
  #isGivenUp = false;
  readonly #left = new AbortController();

  constructor(options: QueueWorkerOptions) {
    super(options.queue, unreachable, {
      // BullMQ's types know one copy of ioredis, ours may be another.
      connection: options.client as never,
      prefix: options.keys.queuePrefix,
      name: options.name,
      autorun: false,
      // BullMQ asks for Redis' version once, and fails each look that follows when Redis refuses to answer at that moment.
      skipVersionCheck: true,
      concurrency: options.concurrency,
      lockDuration: options.lockDuration,
      lockRenewTime: options.lockDuration / RENEWALS,
      // Redis takes whole milliseconds.
      stalledInterval: Math.ceil(options.stalledInterval * BETWEEN_CHECKS),
      maxStalledCount: MOST_HOST_LOSSES - 1,
      // The history of pools is trimmed by the script that finishes jobs.
      removeOnComplete: options.finishOf ? { count: -1 } : KEPT_COMPLETED,
      removeOnFail: options.finishOf ? { count: -1 } : KEPT_FAILED,
      runRetryDelay: 1_000,
    });
    this.markerKey = options.keys.queue(options.queue, "marker");
    this.slots = options.slots;
    this.#options = options;
    this.#fence = options.fence;
    this.#fetcher = options.fetcher;
    this.#run = options.run;
    indexTasks(this.backend, options.client);
    if (!isProcessQueue(options.queue)) this.#taken = new TakenTasks(options);
    if (options.routing) {
      const { queue, client, keys, routing } = options;
      this.#routed = new RoutedTakes({
        ...{ queue, client, keys, ...routing },
        finishOf: (jobId, set) => {
          const ended = this.#ending.get(jobId);
          return ended && options.finishOf?.(ended.job, set, ended.error);
        },
        onWorkflowEnded: options.onWorkflowEnded,
        offered: () => this.#offered,
        onRefused: () => {
          this.#isRefused = true;
        },
      });
      this.#routed.attach(this.backend);
    }
    this.#noteWhatIsTaken();
  }

  get isReady(): boolean {
    return !this.#leaving && this.#options.isReady();
  }

  /** Its jobs are assigned to no host: they start in turn. Where only tasks have limits, theirs are not. */
  get isLimited(): boolean {
    return this.#routed?.isLimited === true;
  }

  /** Limits hold jobs of it back. */
  takeInTurn(): void {
    this.#routed?.takeInTurn();
  }

  get isAssignable(): boolean {
    return !this.#leaving && this.#options.isAssignable?.() === true;
  }

  get hasRoom(): boolean {
    return this.#running < this.concurrency;
  }

  async fetch(offered?: OfferedSlot): Promise<Fetched> {
    const fetched = this.#take(offered);
    this.#busy.add(fetched);
    try {
      return await fetched;
    } finally {
      this.#busy.delete(fetched);
    }
  }

  assign(assigned: AssignedJob): void {
    const started = this.#startAssigned(assigned).catch((error: Error) => {
      this.emit("error", error);
      return false;
    });
    this.#busy.add(started);
    void started.then((isStarted) => {
      this.#busy.delete(started);
      if (isStarted) return;
      this.slots.release();
      this.#fetcher.changed();
    });
  }

  /** Its lock is short until this host has renewed it, and is trusted for no longer. */
  async #startAssigned({ id, token, fields, lockedAt, lock }: AssignedJob): Promise<boolean> {
    const job = await this.#readable(token, async () => {
      this.#noteTaken(fields, id);
      const { json } = readTaken([fields, id, 0, 0]);
      return this.nextJobFromJobData(json ?? undefined, id, token);
    });
    if (!job) return false;
    this.#fence.granted(holdOf(id, token), lockedAt, lock);
    this.#work(job);
    // Its times are those of Redis, by which the renewal of locks must not count.
    this.lockManager.trackJob(id, token, Date.now());
    this.#fresh.set(id, token);
    // A task that runs in this process may keep its timers from running.
    if (this.#options.isInline?.(job.name)) this.#renewFresh();
    else this.#renewSoon ??= setTimeout(() => this.#renewFresh(), RENEW_FRESH);
    return true;
  }

  /** Gives the jobs that were assigned lately, and still run, locks of the whole duration. */
  #renewFresh(): void {
    clearTimeout(this.#renewSoon);
    this.#renewSoon = undefined;
    const running = new Set(this.lockManager.getTrackedJobIds());
    const jobs = [...this.#fresh].filter(([id]) => running.has(id));
    this.#fresh.clear();
    if (jobs.length === 0) return;
    const ids = jobs.map(([id]) => id);
    const tokens = jobs.map(([, token]) => token);
    this.extendJobLocks(ids, tokens, this.#options.lockDuration).catch((error: Error) => this.emit("error", error));
  }

  announce(isDue: boolean): void {
    const { client, keys, queue } = this.#options;
    const told =
      isDue || this.#routed?.hasTurns ? client.zadd(this.markerKey, 0, "0") : nudgeWorkers(client, keys, queue);
    told.catch(ignore);
  }

  /** Puts jobs back in line whose host is gone. The fleet does so once per interval, however many ask. */
  async checkStalled(): Promise<void> {
    if (this.#leaving) return;
    for (const id of await this.backend.moveStalledJobsToWait()) this.emit("stalled", id, "active");
  }

  /**
   * Jobs that this worker has taken without an answer, as the connection broke, go back in line: it runs none of them, and their
   * locks would keep them from others. For the time after a reconnect.
   */
  async giveBackLostTakes(): Promise<void> {
    if (this.#leaving) return;
    const taken = await activeWithToken(this.#options, this.#tokenStart);
    // The answers to some of them may still be on their way.
    if (!(await settledWithin(Promise.allSettled(this.#asking), LONGEST_ANSWER))) return;
    const lost = taken.filter((id) => !this.#held.has(id));
    // One that another host has by now is refused.
    await Promise.all(lost.map((id) => this.#giveBackLost(id).catch((error: Error) => this.emit("error", error))));
  }

  async #giveBackLost(id: string): Promise<void> {
    const token = await this.#options.client.get(this.#options.keys.jobLock(this.name, id));
    if (token?.startsWith(this.#tokenStart)) await this.backend.moveJobFromActiveToWait(id, token);
  }

  /** What the tokens of the locks begin with that this worker asks for. */
  get #tokenStart(): string {
    return `${this.id}:`;
  }

  /** BullMQ's worker has a second connection for its own waits, of which this one has none. */
  protected override createBackend(): void {
    this.backend = this.backendFactory(this.name, this.opts, { withBlockingConnection: false });
  }

  async #take(offered: OfferedSlot | undefined): Promise<Fetched> {
    this.#tokens += 1;
    const token = `${this.#tokenStart}${this.#tokens}`;
    const nothing = { took: false, lookAt: Number.POSITIVE_INFINITY };
    if (this.#leaving) return { ...nothing, isKept: true };
    let job: PoolJob | undefined;
    this.#offered = offered;
    this.#isRefused = false;
    try {
      job = await this.moveToActive(token, this.opts.name);
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.emit("error", error as Error);
      return { took: false, isKept: true, lookAt: Date.now() + backOff(this.#failures, FAILED) };
    } finally {
      this.#offered = undefined;
    }
    if (this.#isRefused) return { took: false, isKept: true, lookAt: Date.now() };
    if (job && this.#isGivenUp) {
      await job.moveToWait(token).catch((error: Error) => this.emit("error", error));
      this.#held.delete(job.id ?? "");
      return nothing;
    }
    if (!job) return { took: false, lookAt: this.#nextLook() };
    this.#work(job);
    return { took: true, more: this.#hasMore(), lookAt: this.#nextLook() };
  }

  /**
   * BullMQ announces work after each take, also when nothing is left: a host that reads the marker then looks in vain. Each host would
   * do so after each lone call.
   */
  async #hasMore(): Promise<boolean> {
    // What limits hold back is not in line.
    const hasTurns = this.#routed?.hasTurns;
    if (hasTurns !== undefined) return hasTurns;
    this.#waiting -= 1;
    if (this.#waiting > 0) return true;
    const { client, keys, queue } = this.#options;
    const parts = (["wait", "prioritized", "marker"] as const).map((part) => keys.queue(queue, part));
    this.#waiting = await dropIdleMarker.run(client, parts, []).catch(() => 1);
    return this.#waiting > 0;
  }

  /** When BullMQ said last that there will be something to take: a delay or a limit of the rate ends. */
  #nextLook(): number {
    const { limitUntil, blockUntil } = this as unknown as { limitUntil: number; blockUntil: number };
    const now = Date.now();
    const lookAt = this.#routed?.lookAt ?? Number.POSITIVE_INFINITY;
    if (limitUntil > now) return Math.min(limitUntil, now + LONGEST_LIMIT);
    return blockUntil > 0 ? Math.min(blockUntil, lookAt) : lookAt;
  }

  /** Runs a job and those that follow it in its slot. */
  #work(first: PoolJob): void {
    if (!this.lockManager.isRunning()) this.lockManager.start();
    this.#running += 1;
    const work = this.#workOn(first).then((mayHaveMore) => {
      this.#busy.delete(work);
      this.#running -= 1;
      if (this.#running === 0) this.#stopRenewing();
      this.slots.release();
      this.#fetcher.jobEnded(this, { mayHaveMore, lookAt: this.#nextLook() });
    });
    this.#busy.add(work);
  }

  /** The timer of BullMQ's lock manager never stops by itself: a host would have one for each queue of which it ran a job. */
  #stopRenewing(): void {
    const manager = this.lockManager as unknown as { lockRenewalTimer: NodeJS.Timeout | undefined };
    clearTimeout(manager.lockRenewalTimer);
    manager.lockRenewalTimer = undefined;
  }

  /** Never rejects. @returns false when the queue had nothing more to take */
  async #workOn(first: PoolJob): Promise<boolean> {
    let job = first;
    while (true) {
      const jobId = job.id ?? "";
      const answer = this.#held.get(jobId);
      try {
        const next = await this.processJob(job, job.token ?? "");
        if (!next) return this.#unfollowed.of(job) === true;
        job = next;
        // What a limit lets start later may do so in another slot.
        if (this.#routed) this.#fetcher.lookLater(this, this.#routed.startsAt);
      } catch (error) {
        this.emit("error", error as Error);
        return true;
      } finally {
        // It may be the next one again.
        if (this.#held.get(jobId) === answer) this.#held.delete(jobId);
        await this.#routed?.ended(jobId).catch((error: Error) => this.emit("error", error));
      }
    }
  }

  /** BullMQ's job object has no place for the fields that only manyhands knows. */
  #noteWhatIsTaken(): void {
    const commands = this.backend as unknown as Commands;
    const run = commands.execCommand.bind(this.backend);
    const take: Commands["execCommand"] = async (client, name, parameters) => {
      const reply = await run(client, name, parameters);
      if (Array.isArray(reply)) this.#noteTaken(reply[0], String(reply[1]));
      return reply;
    };
    commands.execCommand = (client, name, parameters) => {
      if (name !== "moveToActive" && name !== "moveToFinished") return run(client, name, parameters);
      const reply = take(client, name, parameters).finally(() => this.#asking.delete(reply));
      this.#asking.add(reply);
      return reply;
    };
  }

  #noteTaken(fields: unknown, jobId: string): void {
    this.#answers += 1;
    if (fields) this.#held.set(jobId, this.#answers);
    this.#taken?.note(jobId, fields);
    const watchers = watchersIn(fields);
    if (watchers.length > 0) this.#watchers.set(jobId, watchers);
    const step = stepIn(jobId, fields);
    if (step) this.#steps.set(jobId, step);
  }

  protected override createJob(...parameters: Parameters<BullWorker<JobEnvelope, JobReturn>["createJob"]>): PoolJob {
    const job = this.#createReadable(parameters);
    const jobId = job.id ?? "";
    for (const client of this.#watchers.get(jobId) ?? []) addWatcher(job, client);
    this.#watchers.delete(jobId);
    const step = this.#steps.get(jobId);
    if (step) noteStep(job, step);
    this.#steps.delete(jobId);
    if (this.#options.refuses?.(job)) job.deferredFailure = "";
    return job;
  }

  /** One that BullMQ cannot read is failed by its token, and not run. */
  #createReadable(parameters: Parameters<BullWorker<JobEnvelope, JobReturn>["createJob"]>): PoolJob {
    try {
      return super.createJob(...parameters);
    } catch (error) {
      this.#held.delete(parameters[1]);
      throw error;
    }
  }

  protected override callProcessJob(job: PoolJob, token: string): Promise<JobReturn> {
    this.#begunAt.set(job, performance.now());
    return this.#run(job, token);
  }

  /** Takes no further jobs, and resolves when those that run are finished. Hangs while Redis is away: race it. */
  override close(force?: boolean): Promise<void> {
    if (!this.#leaving) {
      this.#leaving = true;
      this.#left.abort();
      // BullMQ waits for its own loop, of which there is none.
      (this as unknown as { mainLoopRunning: Promise<void> | null }).mainLoopRunning = this.#ended();
    }
    return super.close(force);
  }

  /** A look that is under way has lost its slot: what it takes goes back. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** Drops what can outlive a worker of BullMQ, closed or not: its timer. The shared connection stays. */
  async abandon(): Promise<void> {
    clearTimeout(this.#renewSoon);
    await this.lockManager.close();
  }

  async #ended(): Promise<void> {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job<JobEnvelope, JobReturn>> {
    const sentAt = performance.now();
    const job = await this.#readable(token, () => super.moveToActive(token, name));
    if (job) this.#fence.granted(holdOf(job.id ?? "", token), sentAt);
    return job;
  }

  override async processJob(
    job: Job<JobEnvelope, JobReturn>,
    token: string,
  ): Promise<Job<JobEnvelope, JobReturn> | undefined> {
    let sentAt = 0;
    this.#unfollowed.set(job, true);
    let next: Job<JobEnvelope, JobReturn> | undefined;
    try {
      next = (await super.processJob(job, token, () => {
        sentAt = performance.now();
        const follows = this.#fetcher.mayFollow(this);
        if (follows) this.#unfollowed.set(job, false);
        return follows;
      })) as Job<JobEnvelope, JobReturn> | undefined;
    } finally {
      this.#fence.forget(holdOf(job.id ?? "", token));
      if (this.#routed?.wasLeft(job.id ?? "")) this.#unfollowed.set(job, true);
    }
    if (next) this.#fence.granted(holdOf(next.id ?? "", next.token ?? token), sentAt);
    return next;
  }

  /**
   * What other clients write into a job may be no JSON. BullMQ throws as it reads it, and leaves the job active, to be taken
   * up again without end.
   */
  async #readable(
    token: string,
    fetch: () => Promise<Job<JobEnvelope, JobReturn>>,
  ): Promise<Job<JobEnvelope, JobReturn>> {
    try {
      return await fetch();
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
      await this.#options.onUnreadable(token, error);
      return undefined as unknown as Job<JobEnvelope, JobReturn>;
    }
  }

  /** Work of other queues comes before the next job of this one, which the finishing script would fetch. */
  async #lookAround(job: object): Promise<void> {
    const looked = this.#fetcher.lookAround(this);
    if (performance.now() - (this.#begunAt.of(job) ?? 0) > SHORT_RUN) await looked;
  }

  /** The script that finishes a job fetches the next one. */
  protected override async handleCompleted(
    ...parameters: Parameters<BullWorker<JobEnvelope, JobReturn>["handleCompleted"]>
  ): Promise<Job<JobEnvelope, JobReturn>> {
    const [, job, token] = parameters;
    await this.#lookAround(job);
    const jobId = job.id ?? "";
    this.#ending.set(jobId, { job, error: undefined });
    try {
      return await this.#readable(token, () => this.#finish(() => super.handleCompleted(...parameters)));
    } finally {
      this.#ending.delete(jobId);
    }
  }

  /** A job that was put back is followed by no other here: the fetcher looks for the next one. */
  protected override async handleFailed(
    ...parameters: Parameters<BullWorker<JobEnvelope, JobReturn>["handleFailed"]>
  ): Promise<Job<JobEnvelope, JobReturn>> {
    const [error, job, token, fetchNextCallback, ...rest] = parameters;
    const isPutBack = error.name === "DelayedError" || error.name === "WaitingError";
    dropBadRules(job);
    await this.#lookAround(job);
    const fetchNext = isPutBack ? () => false : fetchNextCallback;
    const jobId = job.id ?? "";
    this.#ending.set(jobId, { job, error });
    try {
      return await this.#readable(token, () =>
        this.#finish(() => super.handleFailed(error, job, token, fetchNext, ...rest)),
      );
    } finally {
      this.#ending.delete(jobId);
    }
  }

  /** A job that ran is finished when Redis takes that: BullMQ would fail it because Redis refused. */
  async #finish<Next>(finish: () => Promise<Next>): Promise<Next> {
    while (true) {
      try {
        return await finish();
      } catch (error) {
        if (!isRefusal(error) || this.#leaving) throw error;
        await unlessAborted(this.#options.whenServed(), this.#left.signal);
      }
    }
  }

  /** BullMQ renews a lock when half of the time is over after which it would be renewed at the latest. */
  #noteLag(hold: string): void {
    const held = this.#fence.heldFor(hold);
    if (held !== undefined) measure("leaseLag", Math.max(0, held - this.#options.lockDuration / RENEWALS));
  }

  override async extendJobLocks(jobIds: string[], tokens: string[], duration: number): Promise<string[]> {
    const sentAt = performance.now();
    const refused = await super.extendJobLocks(jobIds, tokens, duration);
    const running = new Set(this.lockManager.getTrackedJobIds());
    for (const [index, jobId] of jobIds.entries()) {
      const hold = holdOf(jobId, tokens[index]);
      this.#noteLag(hold);
      if (refused.includes(jobId)) this.#fence.lost(hold);
      else if (running.has(jobId)) this.#fence.granted(hold, sentAt);
    }
    return refused;
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

/**
 * KEYS[1] list of waiting jobs; KEYS[2] sorted set of prioritized jobs; KEYS[3] sorted set of markers
 * Takes the marker for waiting jobs away where none waits; that for delayed ones stays.
 * Returns how many wait.
 */
const dropIdleMarker = new Script<number>({
  name: "dropIdleMarker",
  lua: `
local waiting = redis.call("LLEN", KEYS[1]) + redis.call("ZCARD", KEYS[2])
if waiting == 0 then redis.call("ZREM", KEYS[3], "0") end
return waiting
`,
});
