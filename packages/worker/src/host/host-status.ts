import { availableParallelism, hostname, totalmem } from "node:os";
import {
  type HostRecord,
  type HostTrouble,
  type Milliseconds,
  RECORD_FORMAT,
  type RoundTrip,
  type StopStep,
} from "@manyhands/core/internal";
import type { ChildSupply } from "../children/child-supply.ts";
import { ChildrenUsage } from "../children/children-usage.ts";
import { OwnUsage } from "../children/own-usage.ts";
import type { HostFacts } from "../health/host-checks.ts";
import type { Liveness } from "../health/liveness.ts";
import type { JobHost } from "../jobs/job-host.ts";
import type { HostPools } from "../pools/host-pools.ts";
import type { HostProcesses } from "../processes/host-processes.ts";
import type { ServedQueue } from "../queue/served-queue.ts";
import type { RedisTrouble } from "../trouble/redis-trouble.ts";
import type { ResolvedOptions } from "./options.ts";
import { version } from "./version.ts";

export interface HostStatusOptions {
  host: Pick<JobHost, "id" | "name" | "logger" | "tasks" | "running">;
  options: ResolvedOptions;
  supply: ChildSupply;
  redisTrouble: RedisTrouble;
  slots: { readonly total: number };
  pools: HostPools;
  processes: HostProcesses;
  liveness: Liveness;
  /** Of the connection that everything but waiting goes over. */
  roundTrip: Pick<RoundTrip, "typical" | "longest">;
  /** What the other hosts know of this one is out of date. */
  onChange: () => void;
}

/** A worker that is not deaf fetches soon after Redis has come back; before this it is not judged, ms. */
const SETTLE_AFTER_SILENCE: Milliseconds = 3_000;

/** What this host is doing, as its heartbeat, its announcements and its health checks tell it. */
export class HostStatus {
  readonly #options: HostStatusOptions;
  readonly #startedAt = Date.now();
  readonly #usage = new ChildrenUsage();
  readonly #ownUsage = new OwnUsage();
  #state: HostRecord["state"] = "starting";
  #isDeaf = false;
  #step: StopStep | null = null;
  #stepSince: number | null = null;
  #canResume = false;
  /** The troubles as the last change of them was told. */
  #toldTroubles = "[]";

  constructor(options: HostStatusOptions) {
    this.#options = options;
    const { supply, redisTrouble } = options;
    for (const { trouble } of [supply, redisTrouble]) trouble.listen(() => this.update());
  }

  get isStarting(): boolean {
    return this.#state === "starting";
  }

  /** It takes work from now on. */
  started(): void {
    this.#state = "running";
    this.update();
  }

  /** It takes no more work, and ends. @param options - `canResume`: not yet for good; see {@link resumed} */
  draining(step: StopStep, { canResume = false }: { canResume?: boolean } = {}): void {
    this.#state = "draining";
    this.#canResume = canResume;
    this.#setStep(step);
  }

  /** It takes no more work, until it is resumed. */
  quiet(): void {
    if (this.#state === "draining") return;
    this.#setStep("quiet");
    this.update();
  }

  /** It takes work again. */
  resumed(): void {
    const wasDraining = this.#state === "draining";
    if (wasDraining) this.#state = "running";
    this.#canResume = false;
    this.#setStep(null);
    this.update();
    if (wasDraining) this.#options.onChange();
  }

  /** How far it has come with taking less; null = it takes work. */
  get step(): StopStep | null {
    return this.#step;
  }

  #setStep(step: StopStep | null): void {
    if (step === this.#step) return;
    this.#step = step;
    this.#stepSince = step === null ? null : Date.now();
  }

  /** Tells what has changed: whether the host takes work, and what keeps it from doing so. */
  update(): void {
    if (this.#state === "starting" || this.#state === "draining") return;
    const { supply, redisTrouble, onChange } = this.#options;
    const isReady = supply.trouble.reason === null && redisTrouble.trouble.reason === null;
    const isTaking = this.#isDeaf ? "deaf" : isReady ? "running" : "unready";
    const state = this.#step === "quiet" ? "quiet" : isTaking;
    const troubles = JSON.stringify(
      this.#troubles().map(({ pool, reason, takesWork }) => [pool, takesWork ? "slow" : reason]),
    );
    if (state === this.#state && troubles === this.#toldTroubles) return;
    this.#state = state;
    this.#toldTroubles = troubles;
    onChange();
  }

  /** Replaces workers of BullMQ that take no jobs although they could, and notes that there are some. */
  watchQueues(): void {
    if (this.#state === "draining") return;
    const { host, liveness } = this.#options;
    const deaf = this.#deafQueues();
    for (const queue of deaf) {
      host.logger.warn(`the worker of ${queue.title} takes no jobs; it is replaced`);
      queue.recreate();
    }
    this.#isDeaf = deaf.length > 0 || !liveness.isRedisAnswering;
    this.update();
  }

  /** Queues whose jobs this host takes at present, as it announces them; null = none. */
  takenQueues(): string[] | null {
    if (this.#state === "unready" || this.#state === "quiet" || this.#state === "draining") return null;
    const { options, processes } = this.#options;
    const blocked = this.#troubles().filter(({ takesWork, pool }) => !takesWork && pool !== null);
    return [
      ...(options.pools ?? ["*"]),
      ...(options.processes > 0 ? processes.describe().queues : []),
      ...blocked.map(({ pool }) => `!${pool}`),
    ];
  }

  /** For the health checks. */
  facts(): HostFacts {
    const { liveness, redisTrouble } = this.#options;
    return {
      liveness,
      refusal: redisTrouble.trouble.reason,
      state: this.#state,
      deafQueues: this.#deafQueues().map((queue) => queue.title),
      troubles: this.#troubles(),
    };
  }

  /** For the heartbeat. */
  record(): HostRecord {
    const { host, options, slots, processes } = this.#options;
    const { running } = host;
    const children = this.#children();
    return {
      format: RECORD_FORMAT,
      id: host.id,
      name: host.name,
      hostname: hostname(),
      pid: process.pid,
      slots: slots.total,
      state: this.#state,
      step: this.#step,
      stepSince: this.#stepSince,
      canResume: this.#canResume || this.#state === "quiet",
      troubles: this.#troubles(),
      isolation: options.isolation,
      roundTrip: { typical: this.#options.roundTrip.typical, longest: this.#options.roundTrip.longest },
      pools: options.pools,
      // With each heartbeat: schemas are kept apart.
      tasks: [...host.tasks.values()].map(({ schema: _, ...task }) => task),
      running: running.list().map(({ jobId, task, pool, pid, since }) => ({ jobId, task, pool, pid, since })),
      processes: processes.describe(),
      children,
      version,
      startedAt: this.#startedAt,
      beatAt: Date.now(),
      memory: process.memoryUsage.rss(),
      cpu: this.#ownUsage.with(children),
      processors: availableParallelism(),
      machineMemory: totalmem(),
      completed: running.completed,
      failed: running.failed,
    };
  }

  #children(): HostRecord["children"] {
    const { supply, pools, processes } = this.#options;
    return this.#usage.withUsage([
      ...supply.spares().map(({ pid, isolation }) => ({ pid, pool: null, isolation, busy: false, jobsRun: 0 })),
      ...pools.served().flatMap((pool) => pool.children().map((child) => ({ ...child, pool: pool.record.name }))),
      ...processes.runner
        .list()
        .map(({ pid, queue }) => ({ pid, pool: queue, isolation: "process" as const, busy: true, jobsRun: 0 })),
    ]);
  }

  #troubles(): HostTrouble[] {
    const { supply, pools } = this.#options;
    const { reason, since } = supply.trouble;
    const own: HostTrouble[] = reason === null ? [] : [{ pool: null, reason, since, takesWork: false }];
    for (const { trouble } of pools.served()) if (trouble) own.push(trouble);
    return own;
  }

  #deafQueues(): ServedQueue[] {
    const { liveness, pools, processes } = this.#options;
    const isSettled = liveness.answeringFor > SETTLE_AFTER_SILENCE;
    return isSettled ? [...pools.queues(), ...processes.queues()].filter((queue) => queue.isDeaf) : [];
  }
}
