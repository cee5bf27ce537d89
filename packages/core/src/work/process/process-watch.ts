import type { Logger } from "../../package/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import { type Confirm, Duty, type Milliseconds } from "../../time/index.ts";
import type { ProcessGlance, ProcessRegistry } from "./process-registry.ts";
import type { StartedProcess } from "./started-process.ts";

export interface ProcessWatchOptions {
  client: RedisClient;
  registry: ProcessRegistry;
  logger: Logger;
  /** Time between two looks, ms. @defaultValue 2_000 */
  interval?: Milliseconds;
}

/**
 * Looks every two seconds at the records of the processes that this program waits for, so that every wait ends:
 * an answer that was lost, a host that died (P23), a Redis that lost the record. A finding counts only when two looks
 * in a row have found it, because answers may be on their way and a Redis that has just come back knows no heartbeats yet.
 */
export class ProcessWatch {
  readonly #options: ProcessWatchOptions;
  readonly #watched = new Map<string, StartedProcess>();
  readonly #duty: Duty;

  constructor(options: ProcessWatchOptions) {
    this.#options = options;
    const { client, logger, interval = 2_000 } = options;
    const look = (confirm: Confirm): Promise<void> => this.#look(confirm);
    this.#duty = new Duty({ client, logger, what: "looking at processes", interval, look });
  }

  add(launched: StartedProcess): void {
    if (launched.hasEnded) return;
    this.#watched.set(launched.order.id, launched);
    this.#duty.start();
  }

  remove(launched: StartedProcess): void {
    this.#watched.delete(launched.order.id);
    if (this.#watched.size === 0) this.stop();
  }

  stop(): void {
    void this.#duty.stop();
  }

  lookNow(): void {
    void this.#duty.pass();
  }

  async #look(confirm: Confirm): Promise<void> {
    const { registry } = this.#options;
    const watched = [...this.#watched.values()];
    const glances = await registry.glance(watched.map((launched) => launched.order.id));
    const running = glances.filter((glance) => glance?.state === "running");
    const hosts = await registry.aliveHosts(running.map((glance) => glance?.hostId ?? ""));
    for (const [index, launched] of watched.entries()) {
      const { id } = launched.order;
      const glance = glances[index] ?? null;
      const { pid, host } = glance ?? {};
      if (pid && host) launched.learn({ started: { pid, host } });
      if (isAsExpected(glance, hosts)) continue;
      if (confirm(id)) await this.#resolve(launched, glance);
    }
  }

  async #resolve(launched: StartedProcess, glance: ProcessGlance | null): Promise<void> {
    const { exitcode = null, lost = null } = glance ?? {};
    if (glance?.state === "running") {
      const reason = `host "${glance.host}" (pid ${glance.pid}) is gone`;
      const client = await this.#options.registry.lose(launched.order.id, glance.hostId, reason);
      if (client !== null) launched.learn({ ended: { exitcode: null, lost: reason } });
    } else if (glance) launched.learn({ ended: { exitcode, lost } });
    else launched.learn({ ended: { exitcode: null, lost: "Redis no longer knows it" } });
  }
}

function isAsExpected(glance: ProcessGlance | null, hosts: ReadonlySet<string>): boolean {
  return glance?.state === "waiting" || (glance?.state === "running" && hosts.has(glance.hostId));
}
