import {
  backOff,
  type FinishedSet,
  type HostTrouble,
  type Milliseconds,
  openBullQueue,
  type PoolRecord,
  pause,
  resultOf,
  unitCount,
  withinReach,
  workflowUpdatesName,
} from "@manyhands/core/internal";
import { ChildPool } from "../children/child-pool.ts";
import type { ChildSupply } from "../children/child-supply.ts";
import { Fence } from "../fence/fence.ts";
import { deadCalls, failedWorkflowData } from "../jobs/dead-calls.ts";
import { isSetAside } from "../jobs/host-losses.ts";
import { endingOf } from "../jobs/job-ending.ts";
import type { JobHost } from "../jobs/job-host.ts";
import { JobRunner } from "../jobs/job-runner.ts";
import { traceJob } from "../jobs/job-trace.ts";
import { type KnownTasks, madeOf } from "../jobs/known-tasks.ts";
import type { PoolJob } from "../jobs/pool-job.ts";
import { sweepLimits } from "../limits/limit-sweep.ts";
import { type LimitsInForce, limitsInForce } from "../limits/limits-in-force.ts";
import { type QueueHost, ServedQueue } from "../queue/served-queue.ts";
import type { JobFinish, StepFinish } from "../routing/routed-takes.ts";
import type { HostSlots } from "../slots/host-slots.ts";
import { stepOf } from "../workflows/step-of-job.ts";
import type { CapKeeper } from "./cap-keeper.ts";
import type { HistoryKeeper } from "./history-keeper.ts";
import { removeTraces } from "./remove-traces.ts";

/** What a served pool needs from its host. */
export interface PoolHost extends JobHost, QueueHost {
  logger: JobHost["logger"];
  tasks: KnownTasks;
  slots: HostSlots;
  supply: ChildSupply;
  caps: CapKeeper;
  history: Pick<HistoryKeeper, "ruleFor" | "grows">;
  /** The troubles of a pool on this host have changed. */
  onTrouble: () => void;
  /** A run of the schedule has ended: the next one may wait for that. */
  onScheduledRunEnded: (schedule: string) => void;
}

/** How long BullMQ's connection may take to close, and what was written for the pool to go, ms. */
const CLOSE_DEADLINE: Milliseconds = 500;
const NOTHING = new Uint8Array();
const NO_RESULT = Buffer.alloc(0);
/** Pauses before what Redis did not take is written again, ms. */
const REFUSED = { first: 250, longest: 30_000 };

/** One pool as this host serves it: its queue, its children, its fence and its cap. */
export class ServedPool {
  #record: PoolRecord;
  readonly #host: PoolHost;
  readonly #children: ChildPool;
  readonly #fence: Fence;
  readonly #runner: JobRunner;
  readonly #limits: (record: PoolRecord) => LimitsInForce | undefined;
  /** The queue's settings are written, or cannot be. */
  readonly #settled: Promise<unknown>;
  readonly #closing = new AbortController();
  readonly #jobs: ServedQueue;
  readonly #unlisten: () => void;

  constructor(record: PoolRecord, host: PoolHost) {
    this.#record = record;
    this.#host = host;
    this.#limits = madeOf(host.tasks, (tasks, of: PoolRecord) => limitsInForce(of, tasks));
    this.#children = new ChildPool({ pool: record, supply: host.supply, logger: host.logger });
    this.#fence = new Fence({ lockDuration: host.lockDuration });
    this.#runner = new JobRunner({ host, pool: this, children: this.#children, fence: this.#fence });
    this.#jobs = new ServedQueue({
      host,
      queue: record.name,
      title: `pool "${record.name}"`,
      concurrency: () => this.#concurrency(),
      initializer: () => this.#record.initializer?.task ?? null,
      limits: () => this.#limits(this.#record),
      trouble: this.#children.trouble,
      slots: host.slots,
      fence: this.#fence,
      isAssignable: () => {
        const { initializer } = this.#record;
        return !initializer || host.tasks.has(initializer.task);
      },
      isInline: (task) => {
        const isolation = host.tasks.get(task)?.isolation ?? this.#record.isolation ?? host.isolation;
        return isolation === "inline";
      },
      whenReplied: () => host.replies.sent(),
      finishOf: (job, set, error) => this.#finishOf(job, set, error),
      onWorkflowEnded: ({ id, watchers }) => {
        const name = workflowUpdatesName(id);
        for (const client of watchers) host.replies.post(client, [name, NOTHING, host.name, process.pid]);
      },
      run: (job, token) => {
        const facts = { host: host.name, pool: record.name, calls: unitCount(job.data ?? {}) ?? 1 };
        return traceJob(job, facts, () => this.#runner.run(job, token));
      },
      refuses: isSetAside,
      onStalled: (id) => {
        host.meters.jobStalled(record);
        void this.#tellTakenOver(id);
      },
      onEnded: (job) => {
        this.#runner.ended(job);
        if (typeof job.data?.schedule === "string") host.onScheduledRunEnded(job.data.schedule);
      },
      onFailed: (job, error) => {
        void this.#runner.failedByBullMQ(job, error).catch((failure) => this.#jobs.report(failure as Error));
      },
      onUnreadable: (failed) => this.#runner.answerUnreadable(failed),
      // A pool may be removed as soon as its caller has the last answer, which is before the job is finished here.
      onMissing: (tell) => {
        this.isInForce().then((isThere) => isThere && tell(), tell);
      },
    });
    this.#settled = this.#untilTaken(() => this.#writeSettings());
    this.#unlisten = this.#children.trouble.listen(() => host.onTrouble());
  }

  /** A job whose host is gone is in line again. */
  async #tellTakenOver(id: string): Promise<void> {
    const { client, keys, logger } = this.#host;
    const pool = this.#record.name;
    const task = await client.hget(keys.job(pool, id), "name").catch(() => null);
    const what = task === null ? `job ${id}` : `task "${task}" (${id})`;
    const facts = { pool, ...(task !== null && { task }), id };
    logger.warn(`${what} of pool "${pool}" was taken over: the host that ran it is gone`, facts);
  }

  #finishOf(job: PoolJob, set: FinishedSet, error: Error | undefined): JobFinish {
    const { tasks, history, keys } = this.#host;
    const ending = endingOf(job);
    const rule = history.ruleFor(this.#record, job.name, set);
    history.grows(this.#record, set, rule);
    const step = stepFinishOf(job, error);
    if (set === "completed" || ending !== undefined || error === undefined) return { ending, rule, adds: [], step };
    const onDead = tasks.get(job.name)?.options?.onDead ?? this.#record.onDead ?? undefined;
    return { ending, rule, adds: deadCalls(job, onDead, { queue: keys.jobs(this.#record.name), error }), step };
  }

  keeps(task: string, set: FinishedSet): boolean {
    const { count, age } = this.#host.history.ruleFor(this.#record, task, set);
    return count > 0 && age > 0;
  }

  get record(): PoolRecord {
    return this.#record;
  }

  get name(): string {
    return this.#record.name;
  }

  /** Whether jobs of it have limits, as far as this host knows. */
  get isLimited(): boolean {
    return this.#limits(this.#record) !== undefined;
  }

  /** Limits hold jobs of it back: they are taken in turn from now on. */
  takeInTurn(): void {
    this.#jobs.takeInTurn();
    this.#jobs.limitsChanged();
  }

  #limitsChanged(): void {
    // What waits for another rule may go on now.
    this.takeInTurn();
    if (!this.isLimited) void sweepLimits(this.#host, [this]).catch((error: Error) => this.#jobs.report(error));
  }

  get queue(): ServedQueue {
    return this.#jobs;
  }

  /** BullMQ's queue writes them as it is made. It is not kept: a host serves hundreds of pools that do nothing. */
  async #writeSettings(): Promise<boolean> {
    const queue = openBullQueue(this.#host, this.#record.name, { writesSettings: true });
    queue.on("error", (error) => this.#jobs.report(error));
    // Its version is read after they were written.
    const version = await queue.getVersion().catch((error: Error) => this.#jobs.report(error));
    await queue.close();
    return typeof version === "string";
  }

  /** Redis may refuse what is written as the pool is opened. */
  async #untilTaken(write: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 1; !signal.aborted && !(await write()); failures += 1) {
      await pause(backOff(failures, REFUSED), { signal, ref: false }).catch(() => {});
      if (!signal.aborted) await this.#host.redisTrouble.over();
    }
  }

  /** The cap is written before the first job is taken. */
  async start(): Promise<void> {
    await this.#untilTaken(() => this.#host.caps.keep([this.#record.name]));
    this.#jobs.start();
  }

  /** Takes over what changed in the registry; an answer from before the last reset comes too late. */
  update(record: PoolRecord): void {
    const before = this.#record;
    if ((record.revision ?? 0) < (before.revision ?? 0)) return;
    this.#record = record;
    this.#children.update(record);
    const rules = [before, record].map(({ limits, taskLimits }) => JSON.stringify([limits, taskLimits]));
    if (rules[0] !== rules[1]) this.#limitsChanged();
    if (record.size === before.size) return;
    this.#jobs.concurrencyChanged();
    void this.#host.caps.keep([record.name]);
  }

  /** The record as it is now: a job may come before the message that its pool has changed. */
  async lookAgain(): Promise<PoolRecord> {
    // A record that cannot be read changes nothing.
    const now = await this.#readRecord().catch(() => null);
    if (now) this.update(now);
    return this.#record;
  }

  /** Whether a pool of this name is in the registry and not terminated, this one or one that was made again. */
  async isInForce(): Promise<boolean> {
    const now = await this.#host.readPool(this.#record.name);
    return now !== null && now.state !== "terminated";
  }

  /** @returns null when this generation of the pool is gone or terminated */
  async #readRecord(): Promise<PoolRecord | null> {
    const now = await this.#host.readPool(this.#record.name);
    return now?.generation === this.#record.generation && now.state !== "terminated" ? now : null;
  }

  /** The task modules were loaded anew. */
  renewChildren(): void {
    this.#children.renew();
  }

  children(): ReturnType<ChildPool["describe"]> {
    return this.#children.describe();
  }

  /** What keeps this host from serving the pool as it should, though it serves others. */
  get trouble(): HostTrouble | null {
    const { reason, since } = this.#children.trouble;
    const pool = this.#record.name;
    if (reason !== null) return { pool, reason, since, takesWork: false };
    const initializingSince = this.#children.initializingSince;
    if (initializingSince === null) return null;
    return { pool, reason: this.#children.describeSlowInitializer(), since: initializingSince, takesWork: true };
  }

  /** Takes no more; resolves when no job of this pool runs here any more, or when Redis does not let it close. */
  stopFetching(): Promise<void> {
    return this.#jobs.stopFetching();
  }

  /** Ends everything at once. Running jobs must have been stopped before. */
  async close(reason: string): Promise<void> {
    this.#closing.abort();
    this.#host.caps.forget(this.#record.name);
    this.#unlisten();
    const closed = this.stopFetching();
    closed.catch(() => {});
    await this.#children.close(reason);
    await this.#jobs.close();
    const { client, keys } = this.#host;
    await withinReach(client, this.#settled, CLOSE_DEADLINE);
    if (client.status === "ready")
      await withinReach(client, removeTraces(client, keys, this.#record.name), CLOSE_DEADLINE);
  }

  #concurrency(): number {
    const { slots } = this.#host;
    return Math.max(1, Math.min(slots.total, this.#record.size ?? slots.total));
  }
}

/** What a job leaves in the workflow that it is a step of. */
function stepFinishOf(job: PoolJob, error: Error | undefined): StepFinish | undefined {
  const step = stepOf(job);
  if (!step) return undefined;
  if (error) return { step, result: NO_RESULT, run: "", errorCall: failedWorkflowData(job, step.workflow, error) };
  return { step, ...resultOf(job.returnvalue), errorCall: "" };
}
