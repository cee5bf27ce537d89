import { Duty, type Keep, type Milliseconds, type PoolRecord, type PoolRegistry } from "@manyhands/core/internal";
import type { FleetDuty } from "../duties/fleet-duties.ts";
import { sweepLimits } from "../limits/limit-sweep.ts";
import type { ServedQueue } from "../queue/served-queue.ts";
import { CapKeeper } from "./cap-keeper.ts";
import { FOREIGN_QUEUES_INTERVAL, ForeignQueues } from "./foreign-queues.ts";
import { HISTORY_INTERVAL, HistoryKeeper } from "./history-keeper.ts";
import { OrphanPools } from "./orphan-pools.ts";
import { PoolDiscovery } from "./pool-discovery.ts";
import { type PoolHost, ServedPool } from "./served-pool.ts";

export interface HostPoolsOptions {
  host: Omit<PoolHost, "caps" | "history">;
  /** What the host was started with. */
  keep: Keep | undefined;
  registry: PoolRegistry;
  /** Names of the pools to serve; null = all. */
  pools: string[] | null;
}

/** Time between two sweeps of limits of the fleet. */
const LIMITS_INTERVAL: Milliseconds = 2_000;
const SWEEPING_LIMITS = "looking for places of limits that nothing holds";

/** The pools of this host: it serves those of the registry, keeps their caps, and removes pools without an owner. */
export class HostPools {
  readonly #options: HostPoolsOptions;
  readonly #caps: CapKeeper;
  readonly #history: HistoryKeeper;
  readonly #discovery: PoolDiscovery;
  readonly #orphans: OrphanPools;
  /** Absent: the hosts of the fleet sweep in turn. */
  readonly #limits: Duty | undefined;
  #discoveryStopped: Promise<void> | undefined;
  #fetchingStopped: Promise<unknown> | undefined;

  constructor(options: HostPoolsOptions) {
    this.#options = options;
    const { host, registry, pools } = options;
    const { client, keys, logger, running } = host;
    this.#caps = new CapKeeper({
      ...{ client, keys, logger },
      pools: () => this.served().map((pool) => pool.record.name),
      busyPools: () => [...new Set(running.list().map((run) => run.pool))],
      looksAtIdle: pools !== null,
    });
    this.#history = new HistoryKeeper({
      ...{ client, keys, keep: options.keep, tasks: host.tasks },
      pools: () => this.#discovery.known(),
    });
    const poolHost: PoolHost = { ...host, caps: this.#caps, history: this.#history };
    const open = (record: PoolRecord): ServedPool => new ServedPool(record, poolHost);
    this.#discovery = new PoolDiscovery({ registry, pools, open, running, logger });
    const sweeping = { client, logger, what: SWEEPING_LIMITS, interval: LIMITS_INTERVAL };
    if (pools !== null) this.#limits = new Duty({ ...sweeping, look: () => this.#sweepLimits() });
    this.#orphans = new OrphanPools({ client, keys, registry, logger, pools: () => this.#discovery.known() });
  }

  /** Serves pools from now on. @throws when Redis cannot be read */
  async start(): Promise<void> {
    await this.#history.refresh();
    await this.#discovery.start();
    this.#caps.start();
    this.#orphans.start();
    this.#limits?.start();
  }

  served(): ServedPool[] {
    return this.#discovery.served();
  }

  queues(): ServedQueue[] {
    return this.served().map((pool) => pool.queue);
  }

  /** The host has more slots, or fewer. */
  slotsChanged(): void {
    for (const queue of this.queues()) queue.concurrencyChanged();
  }

  /** Reads the registry soon. @param pool - That one has changed: only its record is read. */
  refresh(pool?: string): void {
    this.#discovery.refresh(pool);
  }

  /** What one host does for all that serve every pool. */
  duties(): FleetDuty[] {
    const { host, registry, pools } = this.#options;
    if (pools !== null) return [];
    const limits = {
      name: "limits",
      what: SWEEPING_LIMITS,
      interval: LIMITS_INTERVAL,
      look: () => this.#sweepLimits(),
    };
    const { client, keys, logger } = host;
    const queues = new ForeignQueues({ client, keys, registry, logger, onCaps: (caps) => this.#caps.found(caps) });
    const what = "looking for queues of other clients";
    return [
      limits,
      { name: "queues", what, interval: FOREIGN_QUEUES_INTERVAL, look: () => queues.look() },
      { name: "history", what: "trimming the history", interval: HISTORY_INTERVAL, look: () => this.#history.look() },
    ];
  }

  /** A host of some pools sweeps them itself: perhaps no other one does. */
  async #sweepLimits(): Promise<void> {
    const { client, keys } = this.#options.host;
    await sweepLimits({ client, keys }, this.served());
  }

  /** Opens and closes no more pools, and takes no more jobs. */
  quiet(): void {
    this.#discoveryStopped ??= this.#discovery.stop();
    this.#orphans.stop();
    this.#caps.stop();
    void this.#limits?.stop();
    this.#fetchingStopped ??= Promise.allSettled(this.served().map((pool) => pool.stopFetching()));
  }

  /** Resolves when no job of a pool runs here after {@link quiet}, or not at all while Redis is away. */
  async idle(): Promise<void> {
    await this.#fetchingStopped;
  }

  /** Closes all pools. Running jobs must have been stopped before. */
  async stop(): Promise<void> {
    this.quiet();
    await Promise.all([this.#discoveryStopped, ...this.served().map((pool) => pool.close("host stops"))]);
    this.#history.stop();
  }
}
