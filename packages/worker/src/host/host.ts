import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import {
  assertRedisFit,
  assertRights,
  type ControlMessage,
  closeRedis,
  describeRedis,
  describeUnreadable,
  Fleet,
  type HostRecord,
  type HostTrouble,
  isServed,
  Keys,
  LongTimer,
  type Milliseconds,
  openRedis,
  PoolRegistry,
  pause,
  plural,
  processQueue,
  RareWarnings,
  RECORD_FORMAT,
  type RedisClient,
  type RedisUnfitError,
  settledWithin,
  type TaskAnnouncement,
  type UnreadableRecord,
  workerName,
} from "@manyhands/core/internal";
import { ChildSupply } from "../children/child-supply.ts";
import { cancelRequested } from "../control/cancellation.ts";
import { ControlChannel } from "../control/control-channel.ts";
import { FleetDuties, type FleetDuty } from "../duties/fleet-duties.ts";
import { createExecutor } from "../executor/create-executor.ts";
import { Fetcher } from "../fetcher/fetcher.ts";
import { MarkerWait } from "../fetcher/marker-wait.ts";
import { SlotOffers } from "../fetcher/slot-offers.ts";
import { SWEEPING, Sweep } from "../fetcher/sweep.ts";
import { HealthServer } from "../health/health-server.ts";
import { checkAlive, checkReady, type HostFacts } from "../health/host-checks.ts";
import { Liveness } from "../health/liveness.ts";
import { Heartbeat, MISSED_BEATS } from "../heartbeat/heartbeat.ts";
import type { JobRun } from "../jobs/job-run.ts";
import { ReplyPost } from "../jobs/reply-post.ts";
import { RunningJobs } from "../jobs/running-jobs.ts";
import { describeDuration } from "../log/describe-duration.ts";
import type { HostLog } from "../log/host-log.ts";
import { RedisWatch } from "../log/redis-watch.ts";
import { CapKeeper } from "../pools/cap-keeper.ts";
import { FOREIGN_QUEUES_INTERVAL, ForeignQueues } from "../pools/foreign-queues.ts";
import { OrphanPools } from "../pools/orphan-pools.ts";
import { PoolDiscovery } from "../pools/pool-discovery.ts";
import { ServedPool } from "../pools/served-pool.ts";
import { HostProcesses } from "../processes/host-processes.ts";
import type { ServedQueue } from "../queue/served-queue.ts";
import { TaskAnnouncer } from "../routing/task-announcer.ts";
import { Reaper, WATCH_INTERVAL } from "../sessions/reaper.ts";
import { HostSlots } from "../slots/host-slots.ts";
import { RedisTrouble } from "../trouble/redis-trouble.ts";
import { failPool } from "./fail-pool.ts";
import type { ResolvedOptions } from "./options.ts";
import { version } from "./version.ts";
import type { WorkerHost } from "./worker-host.ts";

/** A worker that is not deaf fetches soon after Redis has come back; before this it is not judged, ms. */
const SETTLE_AFTER_SILENCE: Milliseconds = 3_000;
/** Idle children that are kept warm over all pools: a few pools for each slot, and never fewer than the least. */
const IDLE_PER_SLOT = 4;
const LEAST_IDLE = 16;
/** How long code that listens to its signal may take to stop once the grace time is over, ms. */
const COLD_STOP_TIME: Milliseconds = 1_000;
/** How long jobs may take to be given back after their children were killed, ms. */
const GIVE_BACK_TIME: Milliseconds = 1_500;

/** How long the offers of slots may take to be withdrawn, ms. */
const OFFERS_STOP_TIME: Milliseconds = 500;

/**
 * The parts of a host and their order of starting and stopping. What each part does is said there.
 */
export class Host implements WorkerHost {
  readonly id: string = randomUUID();
  readonly name: string;
  readonly slots: number;
  readonly closed: Promise<void>;
  healthPort: number | null = null;
  readonly #options: ResolvedOptions;
  readonly #logger: HostLog;
  readonly #redisWatch: RedisWatch;
  readonly #redisTrouble: RedisTrouble;
  readonly #client: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #fetcher: Fetcher;
  readonly #offers: SlotOffers;
  /** What hosts do for one another. */
  readonly #fleetDuties: FleetDuties;
  readonly #sweep: Sweep;
  readonly #tasks = new Map<string, TaskAnnouncement>();
  readonly #running: RunningJobs;
  readonly #hostSlots: HostSlots;
  readonly #supply: ChildSupply;
  readonly #caps: CapKeeper;
  readonly #discovery: PoolDiscovery;
  readonly #orphans: OrphanPools;
  readonly #processes: HostProcesses;
  readonly #reaper: Reaper;
  readonly #heartbeat: Heartbeat;
  readonly #announcer: TaskAnnouncer;
  readonly #control: ControlChannel;
  readonly #liveness: Liveness;
  readonly #health: HealthServer | null;
  readonly #startedAt = Date.now();
  #state: HostRecord["state"] = "starting";
  #isDeaf = false;
  /** The troubles as the last change of them was told. */
  #toldTroubles = "[]";
  #stopping: Promise<void> | undefined;
  #hurry: (grace: Milliseconds) => void = () => {};
  #resolveClosed: () => void = () => {};

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.name = options.name;
    this.slots = options.slots;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const keys = new Keys(options.namespace);
    this.#redisTrouble = new RedisTrouble({
      where: describeRedis(options.redis),
      logger: options.logger,
      probe: () => this.#heartbeat.now(),
    });
    // The one who starts the host is told of what is wrong at its start.
    const onRefusal = (refusal: RedisUnfitError): void => {
      if (this.#state !== "starting") this.#redisTrouble.met(refusal);
    };
    const client = openRedis(options.redis, {
      name: `manyhands:host:${encodeURIComponent(options.name)}`,
      onRefusal,
    });
    this.#client = client;
    this.#subscriber = openRedis(options.redis, {
      name: `manyhands:control:${encodeURIComponent(options.name)}`,
      subscribing: true,
    });
    const { logger } = this.#redisTrouble;
    this.#hostSlots = new HostSlots(options.slots);
    this.#offers = new SlotOffers({
      client,
      keys,
      hostId: this.id,
      name: workerName(options.name, process.pid),
      slots: this.#hostSlots,
      logger,
      lockDuration: options.lockDuration,
      tasks: () => this.#tasks.keys(),
      onAssigned: (job) => {
        if (this.#fetcher.assigned(job)) return;
        // Its pool is served no more: the job goes back in line when its first lock, which is short, ends.
        this.#hostSlots.release();
        this.#fetcher.changed();
      },
      onChange: () => this.#fetcher.changed(),
    });
    const wait = new MarkerWait({
      open: () =>
        openRedis(options.redis, {
          name: `manyhands:fetch:${encodeURIComponent(options.name)}`,
          blocking: true,
          onRefusal,
        }),
      onReady: () => {
        this.#sweep.soon();
        this.#offers.connected(true);
      },
      onLost: () => this.#offers.connected(false),
      onMessage: (member) => this.#offers.heard(member),
      client,
      wakeKey: keys.hostWake(this.id),
    });
    this.#fetcher = new Fetcher({ client, wait, offers: this.#offers });
    this.#sweep = new Sweep({
      ...{ client, keys, logger, interval: options.stalledInterval },
      shared: () => this.#discovery.served().map((pool) => pool.queue),
      own: () => this.#processes.queues(),
    });
    const unreadable = new RareWarnings(logger, { repeatAfter: Number.POSITIVE_INFINITY });
    const onUnreadable = (record: UnreadableRecord): void => {
      const text = describeUnreadable(record);
      unreadable.warn(text, text);
    };
    const registry = new PoolRegistry(client, keys, onUnreadable);
    const fleet = new Fleet(client, keys, onUnreadable);
    this.#announcer = new TaskAnnouncer({
      ...{ client, keys, logger, hostId: this.id },
      timeToLive: options.heartbeatInterval * MISSED_BEATS,
      tasks: () => [...this.#tasks.keys()],
      queues: () => this.#takenQueues(),
    });
    const badMessages = new RareWarnings(logger);
    const cancelWished = (runs: readonly JobRun[]): void => {
      cancelRequested(client, keys, runs).catch((error: Error) => logger.warn(error.message));
    };
    this.#running = new RunningJobs(
      () => this.#heartbeat.changed(),
      (run) => cancelWished([run]),
    );
    this.#reaper = new Reaper({ client, keys, logger });
    this.#supply = new ChildSupply({
      create: (isolation) =>
        createExecutor({
          isolation,
          modules: options.modules,
          hostName: options.name,
          hostId: this.id,
          connection: options.redisModule === null ? (options.redis ?? null) : null,
          redisModule: options.redisModule,
          lockNodes: options.lockNodes,
          namespace: options.namespace,
          maxHeapMegabytes: options.maxHeapMegabytes ?? undefined,
          onOutput: options.echoOutput
            ? ({ pid, stream, text }) => void process[stream].write(`${options.name}/${pid} | ${text}`)
            : undefined,
          onGone: (sessions) => this.#reaper.end(sessions),
          onBadMessage: (fault) => badMessages.warn(fault, `a message of a child is ignored: ${fault}`),
        }),
      isolation: options.isolation,
      spares: options.spares,
      mostIdle: Math.max(LEAST_IDLE, IDLE_PER_SLOT * options.slots),
      logger,
    });
    this.#caps = new CapKeeper({
      client,
      keys,
      logger,
      pools: () => this.#discovery.served().map((pool) => pool.record.name),
      busyPools: () => [...new Set(this.#running.list().map((run) => run.pool))],
      looksAtIdle: options.pools !== null,
    });
    const poolHost = {
      id: this.id,
      name: options.name,
      isolation: options.isolation,
      client,
      keys,
      logger,
      logArgs: options.logArgs,
      replies: new ReplyPost(client, keys, {
        onError: (error) => logger.warn(`posting answers failed: ${(error as Error).message}`),
        whenServed: () => this.#redisTrouble.over(),
      }),
      running: this.#running,
      maxPayload: options.maxPayload,
      echoOutput: options.echoOutput,
      tasks: this.#tasks,
      isServedElsewhere: async (pool: string, task: string): Promise<boolean> => {
        const others = (await fleet.hosts()).filter((host) => host.id !== this.id);
        return isServed(others, pool, task);
      },
      readPool: (name: string) => registry.get(name),
      failPool: failPool(registry, logger),
      slots: this.#hostSlots,
      fetcher: this.#fetcher,
      routing: {
        hostId: this.id,
        knows: (task: string) => this.#tasks.has(task),
        announce: () => this.#announcer.announce(),
      },
      supply: this.#supply,
      caps: this.#caps,
      redisTrouble: this.#redisTrouble,
      onTrouble: () => this.#updateState(),
      lockDuration: options.lockDuration,
      stalledInterval: options.stalledInterval,
    };
    this.#discovery = new PoolDiscovery({
      registry,
      pools: options.pools,
      open: (record) => new ServedPool(record, poolHost),
      running: this.#running,
      logger,
    });
    this.#orphans = new OrphanPools({ client, keys, registry, logger, pools: () => this.#discovery.known() });
    const duties: FleetDuty[] = [
      {
        // Only a host that serves the same pools can sweep them for this one.
        name: options.pools === null ? "sweep" : `sweep ${[...options.pools].sort().join(",")}`,
        what: SWEEPING,
        interval: options.stalledInterval,
        look: () => this.#sweep.sweepShared(),
      },
      {
        name: "parked",
        what: "looking for parked jobs",
        interval: options.heartbeatInterval,
        look: () => this.#announcer.bringBack(),
      },
      {
        name: "deadlines",
        what: "looking for what dead programs hold",
        interval: WATCH_INTERVAL,
        look: () => this.#reaper.watch(),
      },
    ];
    if (options.pools === null) {
      const queues = new ForeignQueues({ client, keys, registry, logger, onCaps: (caps) => this.#caps.found(caps) });
      duties.push({
        name: "queues",
        what: "looking for queues of other clients",
        interval: FOREIGN_QUEUES_INTERVAL,
        look: () => queues.look(),
      });
    }
    this.#fleetDuties = new FleetDuties({ client, keys, logger, duties });
    this.#processes = new HostProcesses({
      host: poolHost,
      limit: options.processes,
      queues: [
        processQueue(null),
        processQueue(options.name),
        ...options.labels.map((label) => processQueue({ label })),
      ],
      onChange: () => this.#heartbeat.changed(),
    });
    this.#heartbeat = new Heartbeat({
      client,
      keys,
      hostId: this.id,
      interval: options.heartbeatInterval,
      describe: () => this.record(),
      onBeat: () => {
        cancelWished(this.#running.list());
        this.#checkProcesses();
        void this.#announcer.announce();
      },
      logger,
    });
    this.#control = new ControlChannel({
      subscriber: this.#subscriber,
      keys,
      hostId: this.id,
      onMessage: (message) => this.#obey(message),
      onGap: () => {
        this.#discovery.refresh();
        this.#checkProcesses();
      },
      logger,
    });
    this.#supply.trouble.listen(() => this.#updateState());
    this.#redisTrouble.trouble.listen(() => this.#updateState());
    this.#liveness = new Liveness({ client, logger, onLook: () => this.#watchQueues() });
    this.#redisWatch = new RedisWatch(logger, () => client.status === "ready" && this.#liveness.isRedisAnswering);
    this.#health =
      options.healthPort === null
        ? null
        : new HealthServer({
            port: options.healthPort,
            address: options.healthAddress,
            healthz: () => checkAlive(this.#liveness),
            readyz: () => checkReady(this.#facts()),
          });
  }

  get logger(): HostLog {
    return this.#logger;
  }

  get tasks(): readonly TaskAnnouncement[] {
    return [...this.#tasks.values()];
  }

  async start(): Promise<void> {
    const { redis, namespace } = this.#options;
    const checkRedis = async (): Promise<void> => {
      await assertRedisFit(this.#client, redis);
      await assertRights(this.#client, describeRedis(redis), new Keys(namespace).prefix);
    };
    const [, tasks] = await Promise.all([checkRedis(), this.#supply.scout()]);
    for (const task of tasks) this.#tasks.set(task.name, task);
    this.#liveness.start();
    await this.#heartbeat.start();
    await this.#announcer.announce();
    this.#client.on("close", () => this.#redisWatch.look());
    this.#client.on("ready", () => {
      this.#redisWatch.look();
      this.#heartbeat.changed();
      void this.#announcer.announce();
      this.#discovery.refresh();
    });
    await this.#control.start();
    await this.#discovery.start();
    this.#caps.start();
    this.#offers.start();
    this.#fetcher.start();
    this.#sweep.start();
    this.#orphans.start();
    this.#processes.start();
    this.#reaper.start();
    this.#fleetDuties.start();
    if (this.#health) this.healthPort = await this.#health.start();
    this.#state = "running";
    this.#updateState();
    // Whoever has been told that the host is ready finds it among the running ones.
    await this.#heartbeat.now();
    this.#logger.info(
      `host "${this.name}" takes work: ${plural(this.slots, "slot")}, tasks ${[...this.#tasks.keys()].join(", ") || "none"}`,
    );
  }

  record(): HostRecord {
    const { isolation, pools } = this.#options;
    return {
      format: RECORD_FORMAT,
      id: this.id,
      name: this.name,
      hostname: hostname(),
      pid: process.pid,
      slots: this.slots,
      state: this.#state,
      troubles: this.#troubles(),
      isolation,
      pools,
      tasks: [...this.#tasks.values()],
      running: this.#running.list().map(({ jobId, task, pool, pid, since }) => ({ jobId, task, pool, pid, since })),
      processes: this.#processes.describe(),
      children: [
        ...this.#supply
          .spares()
          .map(({ pid, isolation: kind }) => ({ pid, pool: null, isolation: kind, busy: false, jobsRun: 0 })),
        ...this.#discovery
          .served()
          .filter((pool) => pool.children().length > 0)
          .flatMap((pool) => pool.children().map((child) => ({ ...child, pool: pool.record.name }))),
        ...this.#processes.runner
          .list()
          .map(({ pid, queue }) => ({ pid, pool: queue, isolation: "process" as const, busy: true, jobsRun: 0 })),
      ],
      version,
      startedAt: this.#startedAt,
      beatAt: Date.now(),
      memory: process.memoryUsage.rss(),
      completed: this.#running.completed,
      failed: this.#running.failed,
    };
  }

  stop(options: { grace?: Milliseconds } = {}): Promise<void> {
    const grace = options.grace ?? this.#options.grace;
    if (this.#stopping !== undefined) this.#hurry(grace);
    else this.#stopping = this.#stop(grace);
    return this.#stopping;
  }

  drain(): Promise<void> {
    return this.stop({ grace: Number.POSITIVE_INFINITY });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Four steps: quiet, nothing more is taken; warm, what runs may finish within the grace time; cold, its signals are
   * aborted; at last it is killed, and its jobs are given back.
   */
  async #stop(grace: Milliseconds): Promise<void> {
    // A host whose start has failed says so by its error alone.
    const log = this.#state === "starting" ? null : this.#logger;
    this.#state = "draining";
    this.#redisTrouble.stop();
    log?.info(`draining: takes nothing more; ${this.#describeWork()} run, and may take ${describeDuration(grace)}`);
    this.#heartbeat.changed();
    const withdrawn = this.#announcer.withdraw();
    const discoveryStopped = this.#discovery.stop();
    this.#orphans.stop();
    this.#caps.stop();
    const sweepStopped = Promise.all([this.#sweep.stop(), this.#fleetDuties.stop()]);
    this.#hurry = (shorter) => {
      grace = shorter;
    };
    // Before its queues are closed: what was assigned by now runs here.
    await this.#offers.stop(OFFERS_STOP_TIME);
    const pools = this.#discovery.served();
    const stopped = [...pools.map((pool) => pool.stopFetching()), this.#processes.stopFetching()];
    // A worker that was replaced may still run something.
    const idle = Promise.allSettled(stopped).then(() => this.#jobsGone());
    await this.#waitForJobs(idle, grace);
    const left = this.#busy;
    if (left > 0) await this.#stopCold();
    if (this.#busy > 0) this.#logger.warn(`killing what still runs: ${this.#describeWork()}`);
    this.#running.stopAll("shutdown");
    this.#processes.runner.abandonAll();
    await settledWithin(this.#jobsGone(), left > 0 ? GIVE_BACK_TIME : 0);
    await Promise.all([discoveryStopped, this.#processes.close(), ...pools.map((pool) => pool.close("host stops"))]);
    await Promise.all([this.#fetcher.stop(), settledWithin(sweepStopped, GIVE_BACK_TIME)]);
    await this.#supply.close();
    await Promise.all([this.#reaper.stop(), withdrawn]);
    this.#liveness.stop();
    await this.#heartbeat.stop();
    await this.#health?.stop();
    this.#redisWatch.stop();
    await Promise.all([closeRedis(this.#client), closeRedis(this.#subscriber)]);
    log?.info(`host "${this.name}" has stopped`);
    this.#resolveClosed();
  }

  #describeWork(): string {
    return `${plural(this.#running.size, "job")} and ${plural(this.#processes.runner.list().length, "process", "processes")}`;
  }

  async #stopCold(): Promise<void> {
    const [jobs, processes] = [this.#running.size, this.#processes.runner.list().length];
    if (jobs > 0) this.#logger.warn(`giving back ${plural(jobs, "running job")}`);
    if (processes > 0) this.#logger.warn(`ending ${plural(processes, "running process", "running processes")}`);
    this.#running.askAllToStop();
    this.#processes.runner.askAllToStop();
    await settledWithin(this.#jobsGone(), COLD_STOP_TIME);
  }

  /** Waits until nothing runs and the workers are closed; ends early when the grace, or that of a later call of stop, is over. */
  async #waitForJobs(idle: Promise<unknown>, grace: Milliseconds): Promise<void> {
    const over = new AbortController();
    let timer: LongTimer | undefined;
    this.#hurry = (shorter) => {
      timer?.clear();
      timer = new LongTimer(shorter, () => over.abort());
    };
    this.#hurry(grace);
    void idle.finally(() => over.abort());
    await this.#idleWithoutRedis(over.signal);
    timer?.clear();
    this.#hurry = () => {};
  }

  /** While Redis is away workers do not close; then it is enough that nothing runs. */
  async #idleWithoutRedis(signal: AbortSignal): Promise<void> {
    const isAway = (): boolean => this.#client.status !== "ready" || !this.#liveness.isRedisAnswering;
    while (!signal.aborted && (this.#busy > 0 || !isAway())) await pause(50, { signal, ref: false }).catch(() => {});
  }

  async #jobsGone(): Promise<void> {
    while (this.#busy > 0) await pause(20, { ref: false });
  }

  /** Jobs and processes that run here. */
  get #busy(): number {
    return this.#running.size + this.#processes.runner.list().length;
  }

  #checkProcesses(): void {
    this.#processes.runner
      .check()
      .catch((error: Error) => this.#logger.warn(`comparing processes with Redis failed: ${error.message}`));
  }

  #obey(message: ControlMessage): void {
    switch (message.type) {
      case "pools-changed":
        return this.#discovery.refresh(message.pool);
      case "cancel":
        return this.#running.cancel(message, message.reason);
      case "end-process":
        return this.#processes.runner.end(message.id, message.how);
      case "drain":
        this.#logger.info("asked to drain");
        void this.stop({ grace: message.grace ?? Number.POSITIVE_INFINITY });
    }
  }

  #queues(): ServedQueue[] {
    return [...this.#discovery.served().map((pool) => pool.queue), ...this.#processes.queues()];
  }

  #deafQueues(): ServedQueue[] {
    const isSettled = this.#liveness.answeringFor > SETTLE_AFTER_SILENCE;
    return isSettled ? this.#queues().filter((queue) => queue.isDeaf) : [];
  }

  /** Replaces workers of BullMQ that have become deaf, and says in the heartbeat that there are some. */
  #watchQueues(): void {
    this.#redisWatch.look();
    if (this.#stopping !== undefined) return;
    const deaf = this.#deafQueues();
    for (const queue of deaf) {
      this.#logger.warn(`the worker of ${queue.title} takes no jobs; it is replaced`);
      queue.recreate();
    }
    this.#isDeaf = deaf.length > 0 || !this.#liveness.isRedisAnswering;
    this.#updateState();
  }

  /** Says in the heartbeat what has changed: whether the host takes work, and what keeps it from doing so. */
  #updateState(): void {
    if (this.#state === "starting" || this.#stopping !== undefined) return;
    const isReady = this.#supply.trouble.reason === null && this.#redisTrouble.trouble.reason === null;
    const state = this.#isDeaf ? "deaf" : isReady ? "running" : "unready";
    const troubles = JSON.stringify(
      this.#troubles().map(({ pool, reason, takesWork }) => [pool, takesWork ? "slow" : reason]),
    );
    if (state === this.#state && troubles === this.#toldTroubles) return;
    this.#state = state;
    this.#toldTroubles = troubles;
    this.#heartbeat.changed();
    void this.#announcer.announce();
  }

  /** Queues whose jobs this host takes at present, as it announces them; null = none. */
  #takenQueues(): string[] | null {
    if (this.#state === "unready" || this.#state === "draining") return null;
    const { pools, processes } = this.#options;
    const blocked = this.#troubles().filter(({ takesWork, pool }) => !takesWork && pool !== null);
    return [
      ...(pools ?? ["*"]),
      ...(processes > 0 ? this.#processes.describe().queues : []),
      ...blocked.map(({ pool }) => `!${pool}`),
    ];
  }

  #troubles(): HostTrouble[] {
    const { reason, since } = this.#supply.trouble;
    const own: HostTrouble[] = reason === null ? [] : [{ pool: null, reason, since, takesWork: false }];
    for (const { trouble } of this.#discovery.served()) if (trouble) own.push(trouble);
    return own;
  }

  #facts(): HostFacts {
    return {
      liveness: this.#liveness,
      refusal: this.#redisTrouble.trouble.reason,
      state: this.#stopping !== undefined ? "draining" : this.#state,
      deafQueues: this.#deafQueues().map((queue) => queue.title),
      troubles: this.#troubles(),
    };
  }
}
