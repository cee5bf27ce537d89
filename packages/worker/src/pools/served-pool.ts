import { ClosedError } from "@manyhands/core";
import {
  type HostTrouble,
  KEPT_EVENTS,
  type Milliseconds,
  type PoolRecord,
  RareWarnings,
  workerName,
} from "@manyhands/core/internal";
import { Queue } from "bullmq";
import { ChildPool } from "../children/child-pool.ts";
import type { ChildSupply } from "../children/child-supply.ts";
import { withinReach } from "../deadline/within.ts";
import { Fence } from "../fence/fence.ts";
import type { JobHost } from "../jobs/job-host.ts";
import { JobRunner } from "../jobs/job-runner.ts";
import type { RedisTrouble } from "../redis-trouble/redis-trouble.ts";
import type { HostSlots } from "../slots/host-slots.ts";
import type { CapKeeper } from "./cap-keeper.ts";
import { nudgeWorkers } from "./nudge.ts";
import { PoolWorker } from "./pool-worker.ts";
import { removeTraces } from "./remove-traces.ts";
import { failUnreadableJob } from "./unreadable-jobs.ts";

/** What a served pool needs from its host. */
export interface PoolHost extends JobHost {
  slots: HostSlots;
  supply: ChildSupply;
  caps: CapKeeper;
  redisTrouble: RedisTrouble;
  /** The troubles of a pool on this host have changed. */
  onTrouble: () => void;
  /** True while that generation of the pool is in the registry and not terminated. */
  isInForce: (pool: string, generation: string) => Promise<boolean>;
  lockDuration: Milliseconds;
  stalledInterval: Milliseconds;
}

/** Jobs finish at most this long after their children are gone, ms; a worker of BullMQ never closes while Redis is away. */
const CLOSE_DEADLINE: Milliseconds = 1_500;
/** BullMQ's word for a job that was removed while it ran. */
const MISSING_JOB = /^Missing (key|lock) for job/;
/** A worker that could fetch and has not done so for this long is deaf, ms. It normally fetches every second. */
const DEAF_AFTER: Milliseconds = 5_000;

/** One pool as this host serves it: a worker of BullMQ, the pool's children, its fence and its cap. */
export class ServedPool {
  #record: PoolRecord;
  readonly #host: PoolHost;
  readonly #children: ChildPool;
  readonly #fence: Fence;
  readonly #runner: JobRunner;
  readonly #queue: Queue;
  readonly #warnings: RareWarnings;
  readonly #unlisten: (() => void)[];
  #worker: PoolWorker;
  /** Workers that were deaf and may never close. */
  readonly #replaced: PoolWorker[] = [];
  #closing: Promise<void> | undefined;
  /** Its first worker fetches: until then none is deaf. */
  #isStarted = false;

  constructor(record: PoolRecord, host: PoolHost) {
    this.#record = record;
    this.#host = host;
    this.#warnings = new RareWarnings(host.logger);
    this.#children = new ChildPool({ pool: record, supply: host.supply, logger: host.logger });
    this.#fence = new Fence({ lockDuration: host.lockDuration });
    this.#runner = new JobRunner({ host, pool: () => this.#record, children: this.#children, fence: this.#fence });
    this.#queue = new Queue(record.name, {
      connection: host.client as never,
      prefix: host.keys.queuePrefix,
      streams: { events: { maxLen: KEPT_EVENTS } },
    });
    this.#queue.on("error", (error) => this.#report(error));
    this.#worker = this.#open();
    const changed = (): void => {
      this.#worker.readinessChanged();
      host.onTrouble();
    };
    this.#unlisten = [
      host.supply.trouble.listen(() => this.#worker.readinessChanged()),
      host.redisTrouble.trouble.listen(() => this.#worker.readinessChanged()),
      this.#children.trouble.listen(changed),
    ];
  }

  get record(): PoolRecord {
    return this.#record;
  }

  /** The cap is written before the first job is fetched. */
  async start(): Promise<void> {
    await this.#host.caps.keep([this.#record.name]);
    this.#isStarted = true;
    this.#run(this.#worker);
  }

  /** Takes over what changed in the registry. */
  update(record: PoolRecord): void {
    const before = this.#record;
    this.#record = record;
    this.#children.update(record);
    if (record.size === before.size) return;
    this.#worker.concurrency = this.#concurrency();
    void this.#host.caps.keep([record.name]);
  }

  children(): ReturnType<ChildPool["describe"]> {
    return this.#children.describe();
  }

  /** What keeps this host from serving the pool as it should, though it serves others. */
  troubles(): HostTrouble[] {
    const { reason, since } = this.#children.trouble;
    const pool = this.#record.name;
    if (reason !== null) return [{ pool, reason, since, takesWork: false }];
    const initializingSince = this.#children.initializingSince;
    if (initializingSince === null) return [];
    return [{ pool, reason: this.#children.describeSlowInitializer(), since: initializingSince, takesWork: true }];
  }

  get #isReady(): boolean {
    const { supply, redisTrouble } = this.#host;
    return [supply.trouble, redisTrouble.trouble, this.#children.trouble].every(({ reason }) => reason === null);
  }

  /** True when the worker could have fetched for a while and did not. */
  isDeaf(): boolean {
    if (!this.#isStarted || this.#closing !== undefined || this.#worker.closing !== undefined || !this.#isReady)
      return false;
    const running = this.#host.running.list().filter((run) => run.pool === this.#record.name).length;
    if (this.#host.slots.free <= 0 || running >= this.#concurrency()) return false;
    return performance.now() - this.#worker.lastFetchAt > DEAF_AFTER;
  }

  /** Puts a new worker of BullMQ in the place of one that no longer fetches; its jobs end where they are. */
  recreate(): void {
    if (this.#closing !== undefined) return;
    const deaf = this.#worker;
    this.#replaced.push(deaf);
    deaf.close().catch((error: Error) => this.#report(error));
    this.#worker = this.#open();
    this.#run(this.#worker);
  }

  /**
   * Fetches no more; resolves when no job of this pool runs here any more and the worker is closed, or when Redis does
   * not let it close.
   */
  stopFetching(): Promise<void> {
    this.#closing ??= this.#worker.close();
    return this.#closing;
  }

  /** Ends everything at once. Running jobs must have been stopped before. */
  async close(reason: string): Promise<void> {
    this.#host.caps.forget(this.#record.name);
    for (const unlisten of this.#unlisten) unlisten();
    const closed = this.stopFetching();
    await this.#children.close(reason);
    const { client, keys } = this.#host;
    await withinReach(client, closed, CLOSE_DEADLINE);
    await Promise.all([...this.#replaced, this.#worker].map((worker) => worker.abandon()));
    if (client.status === "ready")
      await withinReach(client, nudgeWorkers(client, keys, this.#record.name), CLOSE_DEADLINE);
    await withinReach(client, this.#queue.close(), CLOSE_DEADLINE / 3);
    if (client.status === "ready")
      await withinReach(client, removeTraces(client, keys, this.#record.name), CLOSE_DEADLINE / 3);
  }

  #open(): PoolWorker {
    const host = this.#host;
    const worker = new PoolWorker({
      pool: this.#record.name,
      name: workerName(host.name, process.pid),
      client: host.client,
      queuePrefix: host.keys.queuePrefix,
      concurrency: this.#concurrency(),
      lockDuration: host.lockDuration,
      stalledInterval: host.stalledInterval,
      slots: host.slots,
      fence: this.#fence,
      isReady: () => this.#isReady,
      whenServed: () => host.redisTrouble.over().then(() => host.replies.sent()),
      run: (job, token) => this.#runner.run(job, token),
      onUnreadable: (token, cause) => this.#failUnreadable(token, cause),
    });
    worker.on("error", (error) => this.#report(error));
    worker.on("stalled", (id) => {
      const pool = this.#record.name;
      host.logger.warn(`job ${id} of pool "${pool}" was taken over: the host that ran it is gone`, { pool, id });
    });
    worker.on("failed", (job, error) => {
      void this.#runner.failedByBullMQ(job, error).catch((failure) => this.#report(failure as Error));
    });
    return worker;
  }

  async #failUnreadable(token: string, cause: Error): Promise<void> {
    const failed = await failUnreadableJob(this.#host, { pool: this.#record.name, token }, cause);
    if (!failed) return;
    this.#host.logger.warn(failed.error.message);
    this.#runner.answerUnreadable(failed);
  }

  #run(worker: PoolWorker): void {
    worker.run().catch((error: Error) => this.#report(error));
  }

  #concurrency(): number {
    const { slots } = this.#host;
    return Math.max(1, Math.min(slots.total, this.#record.size ?? slots.total));
  }

  #report(error: Error): void {
    // A worker that was replaced, or a host that stops, has closed it.
    if (error instanceof ClosedError) return;
    if (this.#host.client.status !== "ready" || this.#closing !== undefined) return;
    const warn = (): void => this.#warnings.warn(error.message, `pool "${this.#record.name}": ${error.message}`);
    if (!MISSING_JOB.test(error.message)) return warn();
    // A pool may be removed as soon as its last answer is home, which is before the job is finished here.
    const { name, generation } = this.#record;
    this.#host.isInForce(name, generation).then((isThere) => isThere && warn(), warn);
  }
}
