import { randomUUID } from "node:crypto";
import {
  type ControlMessage,
  describeRedis,
  describeUnreadable,
  expireDueTasks,
  Fleet,
  type HostRecord,
  isServed,
  Keys,
  listTasks,
  type Milliseconds,
  noteServer,
  type PoolRecord,
  PoolRegistry,
  plural,
  poolNames,
  processQueue,
  RareWarnings,
  type RollupWriter,
  rollupsOf,
  roundTripOf,
  ScheduleRunner,
  SERVER_INTERVAL,
  type StopStep,
  settledWithin,
  sumHours,
  type TaskAnnouncement,
  type UnreadableRecord,
  WorkflowSweep,
} from "@manyhands/core/internal";
import { fileAsItIs, type LoadedFile } from "../child/loaded-files.ts";
import { ChildSupply } from "../children/child-supply.ts";
import { heedRequests } from "../control/cancellation.ts";
import { ControlChannel } from "../control/control-channel.ts";
import { FleetDuties } from "../duties/fleet-duties.ts";
import { GoneHosts } from "../duties/gone-hosts.ts";
import { createExecutor } from "../executor/create-executor.ts";
import { HostFetcher } from "../fetcher/host-fetcher.ts";
import { SWEEPING } from "../fetcher/sweep.ts";
import { HealthServer } from "../health/health-server.ts";
import { checkAlive, checkReady } from "../health/host-checks.ts";
import { Liveness } from "../health/liveness.ts";
import { type Goodbye, Heartbeat, MISSED_BEATS } from "../heartbeat/heartbeat.ts";
import type { JobRun } from "../jobs/job-run.ts";
import { madeOf, TaskMap } from "../jobs/known-tasks.ts";
import { ReplyPost } from "../jobs/reply-post.ts";
import { RunningJobs } from "../jobs/running-jobs.ts";
import { describeDuration } from "../log/describe-duration.ts";
import type { HostLog } from "../log/host-log.ts";
import { KeptLog } from "../log/kept-log.ts";
import { RedisWatch } from "../log/redis-watch.ts";
import { HostMeters } from "../metrics/host-meters.ts";
import { WaitingAges } from "../metrics/waiting-ages.ts";
import { HostPools } from "../pools/host-pools.ts";
import type { PoolHost } from "../pools/served-pool.ts";
import { HostProcesses } from "../processes/host-processes.ts";
import { prioritiesOf } from "../routing/priorities.ts";
import { TaskAnnouncer } from "../routing/task-announcer.ts";
import { ScheduleFileKeeper } from "../schedules/schedule-file-keeper.ts";
import { Reaper, WATCH_INTERVAL } from "../sessions/reaper.ts";
import { HostSlots } from "../slots/host-slots.ts";
import { INDEX_INTERVAL, IndexSweep } from "../task-index/index-sweep.ts";
import { Quiet } from "../trouble/quiet.ts";
import { RedisTrouble } from "../trouble/redis-trouble.ts";
import { ModuleWatch } from "../watch/module-watch.ts";
import { AskedDrain } from "./asked-drain.ts";
import { HostConnections } from "./connections.ts";
import { Drain } from "./drain.ts";
import { failPool } from "./fail-pool.ts";
import { HostStatus } from "./host-status.ts";
import { hostSlots, type ResolvedOptions } from "./options.ts";
import { type HostPart, HostParts } from "./parts.ts";
import type { WorkerHost } from "./worker-host.ts";

/** Idle children that are kept warm over all pools: a few pools for each slot, and never fewer than the least. */
const IDLE_PER_SLOT = 4;
const LEAST_IDLE = 16;
/** How often the fleet looks for hosts that were lost, and for scheduled runs whose predecessor a host has not told of, ms. */
const LOST_HOSTS_INTERVAL: Milliseconds = 5_000;
const QUEUED_RUNS_INTERVAL: Milliseconds = 10_000;
/** One that has not moved between two looks is looked after, ms. */
const WORKFLOWS_INTERVAL: Milliseconds = 2_000;
/** Longest time for writing what was counted last, ms. */
const FLUSH_DEADLINE: Milliseconds = 500;
/** How it ends is remembered with this reason. */
const ASKED_TO_DRAIN = "asked to drain";
/** Time between two looks for hours whose figures are to be summed, ms. */
const SUM_INTERVAL: Milliseconds = 60_000;

/** A worker host: makes its parts, puts them in order (`#order`), and starts and stops them. What each does is said there. */
export class Host implements WorkerHost {
  readonly id: string = randomUUID();
  readonly name: string;
  readonly closed: Promise<void>;
  healthPort: number | null = null;
  readonly #options: ResolvedOptions;
  readonly #keys: Keys;
  readonly #tasks = new TaskMap();
  readonly #priorities = madeOf(this.#tasks, prioritiesOf);
  readonly #meters: HostMeters;
  readonly #rollups: RollupWriter;
  readonly #redisTrouble: RedisTrouble;
  readonly #quiet = new Quiet();
  readonly #connections: HostConnections;
  readonly #redisWatch: RedisWatch;
  readonly #liveness: Liveness;
  readonly #heartbeat: Heartbeat;
  readonly #announcer: TaskAnnouncer;
  readonly #control: ControlChannel;
  readonly #goneHosts: GoneHosts;
  readonly #reaper: Reaper;
  readonly #index: IndexSweep;
  readonly #supply: ChildSupply;
  readonly #watch: ModuleWatch;
  readonly #slots: HostSlots;
  readonly #running: RunningJobs;
  readonly #fetching: HostFetcher;
  readonly #pools: HostPools;
  readonly #processes: HostProcesses;
  readonly #status: HostStatus;
  readonly #drain: Drain;
  readonly #askedDrain: AskedDrain;
  readonly #schedules: ScheduleRunner;
  readonly #parts: HostParts;
  readonly #keptLog: KeptLog | null;
  /** How it ends, for those who look later; null = it has never taken work. */
  #goodbye: Goodbye | null = null;
  /** What ran here when the host was told to take nothing more, and end. */
  #busyBefore: number | undefined;
  #stopping: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.name = options.name;
    this.closed = this.#closed.promise;
    this.#keys = new Keys(options.namespace);
    this.#redisTrouble = new RedisTrouble({
      where: describeRedis(options.redis),
      logger: options.logger,
      probe: () => this.#heartbeat.now(),
    });
    // At the start its error says what is wrong.
    this.#connections = new HostConnections(options, (refusal) => {
      if (!this.#status.isStarting) this.#redisTrouble.met(refusal);
    });
    const { client } = this.#connections;
    this.#keptLog = options.keepLog ? new KeptLog({ client, keys: this.#keys, hostId: this.id }) : null;
    const keptLog = this.#keptLog;
    if (keptLog) options.logger.keepIn((level, message, facts) => keptLog.take(level, message, facts));
    this.#rollups = rollupsOf(client, this.#keys);
    this.#meters = new HostMeters({ host: this.name, rollups: this.#rollups });
    this.#liveness = new Liveness({
      client,
      logger: this.#redisTrouble.logger,
      onLag: (lag) => this.#meters.loopLagged(lag),
      onLook: () => this.#look(),
    });
    this.#redisWatch = new RedisWatch(options.logger, () => this.#isRedisThere);
    this.#heartbeat = this.#makeHeartbeat();
    this.#announcer = this.#makeAnnouncer();
    this.#control = this.#makeControl();
    this.#goneHosts = new GoneHosts({ client, keys: this.#keys, logger: this.#redisTrouble.logger });
    this.#reaper = new Reaper({ client, keys: this.#keys, logger: this.#redisTrouble.logger });
    this.#index = new IndexSweep({ client, keys: this.#keys, logger: this.#redisTrouble.logger });
    this.#supply = this.#makeSupply();
    this.#watch = new ModuleWatch({ onChange: () => this.#reload(), logger: options.logger });
    this.#slots = new HostSlots(options.slots);
    this.#running = new RunningJobs(
      () => this.#heartbeat.changed(),
      (run) => this.#heedRequests([run]),
    );
    this.#fetching = this.#makeFetching();
    const registry = new PoolRegistry(client, this.#keys, this.#tellUnreadable());
    this.#schedules = this.#makeSchedules();
    const work = this.#makeWorkHost(registry);
    this.#pools = new HostPools({ host: work, registry, pools: options.pools, keep: options.keep });
    this.#processes = new HostProcesses({
      host: work,
      limit: options.processes,
      queues: [null, options.name, ...options.labels.map((label) => ({ label }))].map(processQueue),
      onChange: () => this.#heartbeat.changed(),
    });
    const { logger } = work;
    const [supply, redisTrouble, pools, processes] = [this.#supply, this.#redisTrouble, this.#pools, this.#processes];
    this.#status = new HostStatus({
      ...{ host: work, options, supply, redisTrouble, pools, processes, liveness: this.#liveness, slots: this.#slots },
      roundTrip: roundTripOf(client),
      onChange: () => this.#tell(),
    });
    const isRedisThere = (): boolean => this.#isRedisThere;
    this.#drain = new Drain({
      running: this.#running,
      processes: processes.runner,
      isRedisThere,
      onStep: (step) => this.#stepTo(step),
      logger: options.logger,
    });
    this.#askedDrain = new AskedDrain({
      quiet: this.#quiet,
      settled: () => this.#fetching.settled(),
      busy: () => this.#drain.busy,
      onOver: (grace) => void this.stop({ grace, reason: ASKED_TO_DRAIN }),
    });
    this.#parts = new HostParts(this.#order(), logger);
  }

  /** The parts, in the order in which they start. They are made quiet, and stop, in the reverse one. */
  #order(): HostPart[] {
    const { client } = this.#connections;
    const [heartbeat, announcer, pools, processes] = [this.#heartbeat, this.#announcer, this.#pools, this.#processes];
    const { fetcher, sweep } = this.#fetching;
    const duties = this.#makeDuties();
    const file = this.#makeScheduleFile();
    const { healthPort } = this.#options;
    const health = healthPort === null ? null : this.#makeHealth(healthPort);
    return [
      { name: "connections", stop: () => this.#connections.close() },
      // As one of the last: what ends while the host stops is counted, too.
      { name: "figures of the fleet", stop: () => settledWithin(this.#rollups.flush(), FLUSH_DEADLINE) },
      { name: "kept log", stop: () => this.#keptLog?.stop() },
      { name: "log of Redis", stop: () => this.#redisWatch.stop() },
      { name: "sessions of children", start: () => this.#reaper.start(), stop: () => this.#reaper.stop() },
      { name: "tasks and Redis", start: () => this.#loadAndCheck(), stop: () => this.#supply.close() },
      { name: "liveness", start: () => this.#liveness.start(), stop: () => this.#liveness.stop() },
      { name: "heartbeat", start: () => heartbeat.start(), stop: () => heartbeat.stop(this.#goodbye) },
      {
        name: "announcement of tasks",
        start: () => announcer.announce(),
        quiet: () => void announcer.withdraw(),
        stop: () => announcer.withdraw(),
      },
      { name: "reconnects", start: () => this.#followConnection(client) },
      { name: "control messages", start: () => this.#control.start() },
      { name: "fetcher", start: () => fetcher.start(), stop: () => fetcher.stop() },
      { name: "pools", start: () => pools.start(), quiet: () => pools.quiet(), stop: () => pools.stop() },
      {
        name: "processes",
        start: () => processes.start(),
        quiet: () => processes.quiet(),
        stop: () => processes.stop(),
      },
      { name: "offers of slots", start: () => this.#fetching.startOffers(), quiet: () => this.#fetching.stopOffers() },
      { name: "sweep", start: () => sweep.start(), quiet: () => void sweep.stop(), stop: () => sweep.stop() },
      ...(file === null
        ? []
        : [
            {
              name: "file of schedules",
              start: () => file.start(),
              quiet: () => void file.stop(),
              stop: () => settledWithin(file.stop(), FLUSH_DEADLINE),
            },
          ]),
      {
        name: "schedules",
        start: () => this.#schedules.start(),
        quiet: () => void this.#schedules.stop(),
        stop: () => settledWithin(this.#schedules.stop(), FLUSH_DEADLINE),
      },
      {
        name: "duties of the fleet",
        start: () => duties.start(),
        quiet: () => void duties.stop(),
        stop: () => settledWithin(duties.stop(), FLUSH_DEADLINE),
      },
      ...(this.#options.watch
        ? [{ name: "task modules", start: () => this.#watch.start(), quiet: () => this.#watch.stop() }]
        : []),
      {
        name: "index of tasks",
        quiet: () => void this.#index.stop(),
        stop: () => settledWithin(this.#index.stop(), FLUSH_DEADLINE),
      },
      { name: "refusals of Redis", quiet: () => this.#redisTrouble.stop() },
      ...(health === null
        ? []
        : [{ name: "health server", start: () => this.#serveHealth(health), stop: () => health.stop() }]),
    ];
  }

  get logger(): HostLog {
    return this.#options.logger;
  }

  get slots(): number {
    return this.#slots.total;
  }

  get step(): StopStep | null {
    return this.#status.step;
  }

  get tasks(): readonly TaskAnnouncement[] {
    return [...this.#tasks.values()];
  }

  record(): HostRecord {
    return this.#status.record();
  }

  /** @throws what keeps a part from starting; those before it have been stopped then */
  async start(): Promise<void> {
    try {
      await this.#parts.start();
    } catch (error) {
      await this.stop({ grace: 0 });
      throw error;
    }
    this.#status.started();
    // A program that was told that the host is ready finds it among the running ones.
    await this.#heartbeat.now();
    const tasks = [...this.#tasks.keys()].join(", ") || "none";
    this.logger.info(`host "${this.name}" takes work: ${plural(this.slots, "slot")}, tasks ${tasks}`);
  }

  async quiet(): Promise<void> {
    if (this.#stopping || this.#quiet.reason !== null) return;
    this.#quiet.begin();
    await this.#fetching.settled();
    if (this.#stopping || this.#quiet.reason === null) return;
    this.#status.quiet();
    this.logger.info(`quiet: takes no more work until it is resumed; ${this.#drain.describeWork()} run`, {
      step: "quiet",
    });
  }

  resume(): void {
    if (this.#stopping || this.#quiet.reason === null) return;
    const drained = this.#askedDrain.end();
    this.#busyBefore = undefined;
    this.#quiet.end();
    this.#status.resumed();
    this.logger.info(drained ? "resumed: its drain was stopped; takes work again" : "resumed: takes work again");
  }

  resize(slots: number): void {
    hostSlots(slots);
    const before = this.slots;
    if (slots === before) return;
    this.#slots.resize(slots);
    this.#pools.slotsChanged();
    this.#fetching.resized();
    this.#heartbeat.changed();
    this.logger.info(`runs ${plural(slots, "task")} at once from now on, before it was ${before}`);
  }

  stop(options: { grace?: Milliseconds | undefined; reason?: string | undefined } = {}): Promise<void> {
    this.#drain.grace = options.grace ?? this.#options.grace;
    this.#stopping ??= this.#stop(options.reason ?? "its program stopped it");
    return this.#stopping;
  }

  drain(): Promise<void> {
    return this.stop({ grace: Number.POSITIVE_INFINITY });
  }

  hurry(): void {
    if (this.#stopping) this.#drain.hurry();
    else void this.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Takes nothing more. Until what runs has ended, or may run no longer, {@link resume} takes it back. */
  #drainAsAsked(grace: Milliseconds): void {
    if (this.#stopping || this.#status.isStarting) return void this.stop({ grace, reason: ASKED_TO_DRAIN });
    this.#busyBefore ??= this.#drain.busy;
    this.#tellDrain(grace);
    this.#status.draining("warm", { canResume: true });
    this.#tell();
    this.#askedDrain.begin(grace);
  }

  #tellDrain(grace: Milliseconds): void {
    const time = describeDuration(grace);
    this.logger.info(`draining: takes nothing more; ${this.#drain.describeWork()} run, and may take ${time}`, {
      step: "quiet",
    });
  }

  /** Quiet: nothing more is taken. Then what runs ends, or is ended. At last the parts stop. */
  async #stop(reason: string): Promise<void> {
    // A host whose start has failed says so by its error alone.
    const log = this.#status.isStarting ? null : this.logger;
    this.#askedDrain.end();
    if (log && this.#busyBefore === undefined) this.#tellDrain(this.#drain.grace);
    const before = this.#busyBefore ?? this.#drain.busy;
    this.#stepTo(this.#busyBefore === undefined ? "quiet" : "warm");
    const startedAt = performance.now();
    await this.#parts.quiet();
    await this.#drain.run(Promise.all([this.#pools.idle(), this.#processes.idle()]));
    const { left } = this.#drain;
    if (log) this.#goodbye = { reason, finished: Math.max(0, before - left), givenBack: left };
    await this.#parts.stop();
    const duration = performance.now() - startedAt;
    log?.info(`host "${this.name}" has stopped`, {
      duration: Math.round(duration),
    });
    this.#closed.resolve();
  }

  /** Tells the other hosts how far it has come. */
  #stepTo(step: StopStep): void {
    this.#status.draining(step);
    this.#heartbeat.changed();
  }

  /**
   * Loads the tasks in a first child, and checks Redis at the same time: the refusal of a database that does not exist comes
   * once, with the connection.
   */
  async #loadAndCheck(): Promise<void> {
    const [{ tasks, files }] = await Promise.all([this.#supply.scout(), this.#connections.check()]);
    for (const task of tasks) this.#tasks.set(task.name, this.#asRunHere(task));
    this.#watch.follow(files);
  }

  /** Tasks of this program itself have no module that a child could load. */
  #asRunHere(task: TaskAnnouncement): TaskAnnouncement {
    return this.#runsOwnTasks ? { ...task, isolation: "inline" } : task;
  }

  get #runsOwnTasks(): boolean {
    return this.#options.modules.length === 0;
  }

  /** This program may define tasks when its host runs already. */
  async #takeNewTasks(): Promise<void> {
    if (!this.#runsOwnTasks || listTasks().every(({ name }) => this.#tasks.has(name))) return;
    for (const task of await this.#supply.look()) this.#tasks.set(task.name, this.#asRunHere(task));
    this.#fetching.tasksChanged();
    this.#tell();
  }

  /** A file of the task modules has changed. */
  async #reload(): Promise<void> {
    const before = this.#watch.files;
    const now = before.map(({ path }) => fileAsItIs(path));
    let loaded: readonly LoadedFile[] = [];
    let tasks: TaskAnnouncement[];
    try {
      tasks = await this.#supply.reload((files) => {
        loaded = files;
      });
    } catch (error) {
      // Also what was not loaded this time: the module may be mended there.
      const known = new Set(loaded.map(({ path }) => path));
      this.#watch.follow([...loaded, ...now.filter(({ path }) => !known.has(path))]);
      const reason = (error as Error).message;
      this.logger.error(`the task modules have changed and cannot be loaded; the old ones stay: ${reason}`);
      return;
    }
    this.#watch.follow(loaded);
    const removed = [...this.#tasks.keys()].filter((name) => !tasks.some((task) => task.name === name));
    const added = tasks.filter(({ name }) => !this.#tasks.has(name)).map(({ name }) => name);
    this.#tasks.clear();
    for (const task of tasks) this.#tasks.set(task.name, task);
    for (const pool of this.#pools.served()) pool.renewChildren();
    this.#fetching.tasksChanged();
    this.#tell();
    const changes = [...added.map((name) => `new task ${name}`), ...removed.map((name) => `task ${name} is gone`)];
    const inline = tasks.filter(({ isolation }) => isolation === "inline").map(({ name }) => name);
    if (inline.length > 0) changes.push(`restart the host for ${inline.join(", ")}, which run inline`);
    this.logger.info(
      [
        "the task modules have changed and are loaded anew; children are replaced when their tasks end",
        ...changes,
      ].join("; "),
    );
  }

  async #serveHealth(health: HealthServer): Promise<void> {
    this.healthPort = await health.start();
  }

  get #isRedisThere(): boolean {
    return this.#connections.client.status === "ready" && this.#liveness.isRedisAnswering;
  }

  /** With each look of the liveness. */
  #look(): void {
    this.#redisWatch.look();
    this.#status.watchQueues();
  }

  /** Tells the other hosts what has changed. */
  #tell(): void {
    this.#heartbeat.changed();
    void this.#announcer.announce();
  }

  #followConnection(client: HostConnections["client"]): void {
    client.on("close", () => this.#redisWatch.look());
    client.on("ready", () => {
      this.#redisWatch.look();
      this.#tell();
      this.#pools.refresh();
      this.#schedules.lookSoon();
    });
  }

  #heedRequests(runs: readonly JobRun[]): void {
    heedRequests(this.#connections.client, this.#keys, runs).catch((error: Error) =>
      this.#redisTrouble.logger.warn(error.message),
    );
  }

  #checkProcesses(): void {
    this.#processes.runner
      .check()
      .catch((error: Error) => this.logger.warn(`comparing processes with Redis failed: ${error.message}`));
  }

  #obey(message: ControlMessage): void {
    switch (message.type) {
      case "pools-changed":
        return this.#pools.refresh(message.pool);
      case "schedules-changed":
        return this.#schedules.lookSoon();
      case "cancel":
        return this.#running.cancel(message, message.reason);
      case "watch":
        return this.#running.watch(message, message.client);
      case "end-process":
        return this.#processes.runner.end(message.id, message.how);
      case "drain":
        this.logger.info("asked to drain");
        return this.#drainAsAsked(message.grace ?? this.#options.grace);
      case "quiet":
        return void this.quiet();
      case "resume":
        return this.resume();
      case "resize":
        return this.resize(message.slots);
    }
  }

  /** One line for each record that cannot be read. */
  #tellUnreadable(): (record: UnreadableRecord) => void {
    const warnings = new RareWarnings(this.#redisTrouble.logger, { repeatAfter: Number.POSITIVE_INFINITY });
    return (record) => {
      const text = describeUnreadable(record);
      warnings.warn(text, text);
    };
  }

  #makeHeartbeat(): Heartbeat {
    return new Heartbeat({
      client: this.#connections.client,
      keys: this.#keys,
      hostId: this.id,
      interval: this.#options.heartbeatInterval,
      describe: () => this.record(),
      onBeat: () => {
        void this.#takeNewTasks();
        this.#heedRequests(this.#running.list());
        this.#checkProcesses();
        void this.#announcer.announce();
      },
      logger: this.#redisTrouble.logger,
    });
  }

  #makeAnnouncer(): TaskAnnouncer {
    return new TaskAnnouncer({
      client: this.#connections.client,
      keys: this.#keys,
      logger: this.#redisTrouble.logger,
      hostId: this.id,
      timeToLive: this.#options.heartbeatInterval * MISSED_BEATS,
      tasks: () => [...this.#tasks.keys()],
      schemaOf: (task) => {
        const schema = this.#tasks.get(task)?.schema;
        return schema === undefined ? null : JSON.stringify(schema);
      },
      queues: () => this.#status.takenQueues(),
    });
  }

  #makeControl(): ControlChannel {
    return new ControlChannel({
      subscriber: this.#connections.subscriber,
      keys: this.#keys,
      hostId: this.id,
      onMessage: (message) => this.#obey(message),
      onGap: () => {
        this.#pools.refresh();
        this.#checkProcesses();
      },
      logger: this.#redisTrouble.logger,
    });
  }

  #makeSupply(): ChildSupply {
    const { options, name, id } = { options: this.#options, name: this.name, id: this.id };
    const { modules, redisModule, lockNodes, namespace } = options;
    const { logger } = this.#redisTrouble;
    const badMessages = new RareWarnings(logger);
    return new ChildSupply({
      create: (isolation) =>
        createExecutor({
          ...{ isolation, modules, redisModule, lockNodes, namespace, hostName: name, hostId: id },
          connection: redisModule === null ? (options.redis ?? null) : null,
          maxHeapMegabytes: options.maxHeap ?? undefined,
          imports: options.import,
          tellsFiles: options.watch,
          onOutput: options.echo
            ? ({ pid, stream, text }) => void process[stream].write(`${name}/${pid} | ${text}`)
            : undefined,
          onGone: (sessions) => this.#reaper.end(sessions),
          onMeasured: (what, bins) => this.#meters.childMeasured(what, bins),
          onBadMessage: (fault) => badMessages.warn(fault, `a message of a child is ignored: ${fault}`),
        }),
      isolation: options.isolation,
      spares: options.spares,
      isWatched: options.watch,
      limits: {
        min: options.minChildren,
        max: () => Math.max(options.maxChildren, this.slots),
        idle: options.maxChildIdle,
        age: options.maxChildAge,
        memory: options.maxChildMemory,
        tasks: options.maxTasksPerChild,
      },
      mostIdle: () => Math.max(LEAST_IDLE, IDLE_PER_SLOT * this.slots),
      logger,
    });
  }

  /** Names of the tasks whose jobs can be assigned: those with limits start in turn. */
  *#assignableTasks(): Iterable<string> {
    for (const { name, options } of this.#tasks.values()) if (!options?.limits) yield name;
  }

  #makeFetching(): HostFetcher {
    const { lockDuration, stalledInterval } = this.#options;
    return new HostFetcher({
      client: this.#connections.client,
      keys: this.#keys,
      logger: this.#redisTrouble.logger,
      hostId: this.id,
      hostName: this.name,
      slots: this.#slots,
      ...{ lockDuration, stalledInterval },
      tasks: () => this.#assignableTasks(),
      openBlocking: () => this.#connections.openBlocking(),
      shared: () => this.#pools.queues(),
      own: () => this.#processes.queues(),
    });
  }

  /** What pools and processes need of this host. */
  #makeWorkHost(registry: PoolRegistry): Omit<PoolHost, "caps" | "history"> {
    const { isolation, logArgs, maxPayload, echo, lockDuration, stalledInterval } = this.#options;
    const { client } = this.#connections;
    const keys = this.#keys;
    const { logger } = this.#redisTrouble;
    const fleet = new Fleet(client, keys, this.#tellUnreadable());
    return {
      ...{ id: this.id, name: this.name, client, keys, logger, tasks: this.#tasks, running: this.#running },
      meters: this.#meters,
      ...{ isolation, logArgs, maxPayload, echoOutput: echo, lockDuration, stalledInterval },
      ...{
        slots: this.#slots,
        supply: this.#supply,
        quiet: this.#quiet,
        redisTrouble: this.#redisTrouble,
        fetcher: this.#fetching.fetcher,
      },
      replies: new ReplyPost(client, keys, {
        onError: (error) => logger.warn(`posting answers failed: ${(error as Error).message}`),
        whenServed: () => this.#redisTrouble.over(),
      }),
      isServedElsewhere: async (pool, task) => {
        const others = (await fleet.hosts()).filter((host) => host.id !== this.id);
        return isServed(others, pool, task);
      },
      readPool: (name) => registry.get(name),
      failPool: failPool(registry, logger),
      routing: {
        hostId: this.id,
        knows: (task) => this.#tasks.has(task),
        priorities: () => this.#priorities(undefined),
        announce: () => this.#announcer.announce(),
      },
      onTrouble: () => this.#status.update(),
      onScheduledRunEnded: (schedule) => this.#startQueued([schedule]),
    };
  }

  #makeSchedules(): ScheduleRunner {
    const { client } = this.#connections;
    const { logger } = this.#redisTrouble;
    const fleet = new Fleet(client, this.#keys);
    return new ScheduleRunner({
      ...{ client, keys: this.#keys, logger },
      announcedTask: async (task) => {
        const own = this.#tasks.get(task) ?? fleet.recentTask(task);
        if (own !== undefined) return own;
        await fleet.hosts();
        return fleet.recentTask(task) ?? null;
      },
    });
  }

  #makeScheduleFile(): ScheduleFileKeeper | null {
    const { schedules: url, watch: isWatched, maxPayload, import: imports } = this.#options;
    if (url === null) return null;
    const place = { client: this.#connections.client, keys: this.#keys, logger: this.#redisTrouble.logger };
    return new ScheduleFileKeeper({ ...place, host: this.name, url, isWatched, maxPayload, imports });
  }

  #startQueued(names?: readonly string[]): void {
    this.#schedules.startQueued(names).catch((error: Error) => {
      this.#redisTrouble.logger.warn(`starting runs that waited for the ones before failed: ${error.message}`);
    });
  }

  /** What one host does for all of the fleet. */
  #makeDuties(): FleetDuties {
    const { client } = this.#connections;
    const { pools, stalledInterval, heartbeatInterval } = this.#options;
    // Only a host that serves the same pools can sweep them for this one.
    const name = pools === null ? "sweep" : `sweep ${[...pools].sort().join(",")}`;
    const workflows = new WorkflowSweep({ client, keys: this.#keys });
    const duties = [
      { name, what: SWEEPING, interval: stalledInterval, look: () => this.#fetching.sweep.sweepShared() },
      {
        name: "parked",
        what: "looking for parked jobs",
        interval: heartbeatInterval,
        look: () => this.#announcer.bringBack(),
      },
      {
        name: "deadlines",
        what: "looking for what dead programs hold",
        interval: WATCH_INTERVAL,
        look: () => this.#reaper.watch(),
      },
      {
        name: "index",
        what: "looking after the index of tasks",
        interval: INDEX_INTERVAL,
        look: () => this.#index.begin(),
      },
      {
        name: "rollups",
        what: "summing the figures of tasks",
        interval: SUM_INTERVAL,
        look: () => sumHours(client, this.#keys),
      },
      {
        name: "server",
        what: "noting how the server of Redis is",
        interval: SERVER_INTERVAL,
        look: async () => noteServer({ client, keys: this.#keys }, await poolNames(client, this.#keys)),
      },
      {
        name: "expiries",
        what: "looking for tasks that have expired",
        interval: heartbeatInterval,
        look: () => expireDueTasks({ client, keys: this.#keys }),
      },
      {
        name: "schedules",
        what: "looking for scheduled runs that wait for the ones before",
        interval: QUEUED_RUNS_INTERVAL,
        look: () => this.#schedules.startQueued(),
      },
      {
        name: "workflows",
        what: "looking after workflows that do not move",
        interval: WORKFLOWS_INTERVAL,
        look: () => workflows.look(),
      },
      {
        name: "hosts",
        what: "looking for hosts that are gone",
        interval: LOST_HOSTS_INTERVAL,
        look: () => this.#goneHosts.look(),
      },
      ...this.#pools.duties(),
    ];
    return new FleetDuties({ client, keys: this.#keys, logger: this.#redisTrouble.logger, duties });
  }

  #makeHealth(port: number): HealthServer {
    const pools = (): PoolRecord[] => this.#pools.served().map(({ record }) => record);
    const ages = new WaitingAges({ client: this.#connections.client, keys: this.#keys, pools });
    return new HealthServer({
      port,
      address: this.#options.healthAddress,
      healthz: () => checkAlive(this.#liveness),
      readyz: () => checkReady(this.#status.facts()),
      metrics: async () => {
        // Few hosts show them: the others need not load what writes them.
        const { hostMetrics, METRICS_TYPE } = await import("../metrics/metrics-page.ts");
        const isRedisUp = this.#isRedisThere;
        const oldestWaiting = isRedisUp ? await ages.read() : null;
        return {
          type: METRICS_TYPE,
          text: await hostMetrics(this.#meters, { record: this.record(), isRedisUp, oldestWaiting }),
        };
      },
    });
  }
}
