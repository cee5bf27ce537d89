import type { Logger } from "@manyhands/core";
import {
  type Confirm,
  Duty,
  endProcess,
  type Keys,
  type Milliseconds,
  type ProcessEnded,
  type ProcessGlance,
  type ProcessRegistry,
  type RedisClient,
} from "@manyhands/core/internal";

export interface ProcessReaperOptions {
  client: RedisClient;
  keys: Keys;
  registry: ProcessRegistry;
  /** Tells the client that started a process how it ended. */
  tell: (client: string, id: string, ended: ProcessEnded) => Promise<unknown>;
  logger: Logger;
  /** Time between two looks. @defaultValue 2_000 */
  interval?: Milliseconds;
}

/** Old records are swept away once in so many looks. */
const LOOKS_PER_SWEEP = 15;

/**
 * Sees to it that no process outlives what it belongs to. Every host looks; doing it twice does no harm.
 *
 * Duties: 1. a process whose host is dead is lost (P23); 2. a daemon whose parent is gone is terminated, and a process
 * that has not started yet for a parent that is gone never will (P11); 3. old records are removed.
 *
 * What has a lease is given up only after two looks without it, because a Redis that has just come back may not have
 * its owner's next beat yet.
 */
export class ProcessReaper {
  readonly #options: ProcessReaperOptions;
  readonly #duty: Duty;
  #looks = 0;

  constructor(options: ProcessReaperOptions) {
    this.#options = options;
    const { client, logger, interval = 2_000 } = options;
    const what = "looking for processes without a parent or host";
    this.#duty = new Duty({ client, logger, what, interval, look: (confirm) => this.#look(confirm) });
  }

  start(): void {
    this.#duty.start();
  }

  /** Begins no further look. */
  stop(): void {
    void this.#duty.stop();
  }

  async #look(confirm: Confirm): Promise<void> {
    const { registry } = this.#options;
    if (this.#looks % LOOKS_PER_SWEEP === 0) await registry.sweep();
    this.#looks += 1;
    const glances = (await registry.glance(await registry.liveIds())).filter((glance) => glance !== null);
    await this.#lookAtHosts(glances, confirm);
    await this.#lookAtParents(glances, confirm);
  }

  async #lookAtHosts(glances: ProcessGlance[], confirm: Confirm): Promise<void> {
    const { registry, tell } = this.#options;
    const running = glances.filter((glance) => glance.state === "running");
    const alive = await registry.aliveHosts(running.map((glance) => glance.hostId));
    for (const { id, hostId, host, pid } of running) {
      if (alive.has(hostId) || !confirm(`host of ${id}`)) continue;
      const reason = `host "${host}" (pid ${pid}) is gone`;
      const client = await registry.lose(id, hostId, reason);
      if (client !== null) await tell(client, id, { exitcode: null, lost: reason });
    }
  }

  async #lookAtParents(glances: ProcessGlance[], confirm: Confirm): Promise<void> {
    const { registry, logger } = this.#options;
    const bound = glances.filter((glance) => glance.daemon || glance.state === "waiting");
    if (bound.length === 0) return;
    const alive = await registry.aliveSessions(bound.map((glance) => glance.client));
    const parents = [...new Set(bound.map((glance) => glance.parentProcess))].filter((id) => id !== "");
    const running = new Set(
      (await registry.glance(parents)).filter((glance) => glance?.state === "running").map((glance) => glance?.id),
    );
    for (const { id, client, parentProcess, state } of bound) {
      const isParentOver = parentProcess !== "" && !running.has(parentProcess);
      const isMissed = isParentOver || !alive.has(client);
      if (!isMissed || !confirm(`parent of ${id}`)) continue;
      logger.info(`ending ${state} process ${id}: what started it is gone`);
      await endProcess({ client: this.#options.client, keys: this.#options.keys }, id, "terminate");
    }
  }
}
