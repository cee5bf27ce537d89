import type { Logger } from "@manyhands/core";
import {
  type Confirm,
  Duty,
  Fleet,
  type Keys,
  type Milliseconds,
  openBullQueue,
  PROCESSES,
  type ProcessRegistry,
  type RedisClient,
  settledWithin,
} from "@manyhands/core/internal";

export interface PlacementQueuesOptions {
  client: RedisClient;
  keys: Keys;
  registry: ProcessRegistry;
  logger: Logger;
  /** Queues that this host serves. */
  own: string[];
  /** Time between two looks. @defaultValue 30_000 */
  interval?: Milliseconds;
}

const WHAT = "looking for queues without a host";

/**
 * Removes the queues of hosts and labels that are no more: no live host serves them, and no process waits in them. Every
 * host looks; a queue goes when it was found so twice.
 */
export class PlacementQueues {
  readonly #options: PlacementQueuesOptions;
  readonly #fleet: Fleet;
  readonly #duty: Duty;

  constructor(options: PlacementQueuesOptions) {
    this.#options = options;
    this.#fleet = new Fleet(options.client, options.keys);
    const { client, logger, interval = 30_000 } = options;
    this.#duty = new Duty({ client, logger, what: WHAT, interval, look: (confirm) => this.#look(confirm) });
  }

  start(): void {
    const { client, keys, logger, own } = this.#options;
    const report = (error: Error): void => logger.warn(`${WHAT} failed: ${error.message}`);
    const placed = own.filter((queue) => queue !== PROCESSES);
    if (placed.length > 0) client.sadd(keys.processQueues, ...placed).catch(report);
    this.#duty.start();
  }

  /** Begins no further look. */
  stop(): void {
    void this.#duty.stop();
  }

  /** One look at all queues. */
  async pass(): Promise<void> {
    await this.#duty.pass();
  }

  async #look(confirm: Confirm): Promise<void> {
    const { client, keys, registry } = this.#options;
    const [queues, hosts] = await Promise.all([client.smembers(keys.processQueues), this.#fleet.hosts()]);
    const served = new Set(hosts.flatMap((host) => host.processes?.queues ?? []));
    const unserved = queues.filter((queue) => !served.has(queue));
    const used = unserved.length === 0 ? new Set() : await registry.queuesInUse();
    const idle = unserved.filter((queue) => !used.has(queue));
    for (const queue of idle.filter(confirm)) await this.#remove(queue);
  }

  async #remove(name: string): Promise<void> {
    const { client, keys, registry, logger } = this.#options;
    // A program that starts a process there meanwhile enters the queue again.
    await client.srem(keys.processQueues, name);
    if ((await registry.queuesInUse()).has(name)) return;
    const queue = openBullQueue({ client, keys }, name);
    try {
      await queue.obliterate({ force: true });
      logger.info(`removed queue "${name}": no host serves it any more`);
    } finally {
      await settledWithin(queue.close(), 500);
    }
  }
}
