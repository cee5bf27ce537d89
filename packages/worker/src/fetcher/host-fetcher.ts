import type { Logger } from "@manyhands/core";
import { type Keys, type Milliseconds, type RedisClient, withinReach, workerName } from "@manyhands/core/internal";
import type { HostSlots } from "../slots/host-slots.ts";
import { Fetcher } from "./fetcher.ts";
import { MarkerWait } from "./marker-wait.ts";
import { SlotOffers } from "./slot-offers.ts";
import { Sweep, type SweepOptions } from "./sweep.ts";

export interface HostFetcherOptions extends Pick<SweepOptions, "shared" | "own"> {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
  hostId: string;
  hostName: string;
  slots: HostSlots;
  lockDuration: Milliseconds;
  stalledInterval: Milliseconds;
  /** Names of the tasks that this host knows and whose jobs can be assigned to it. */
  tasks: () => Iterable<string>;
  /** Opens a connection for the wait for work alone. */
  openBlocking: () => RedisClient;
}

/** How long the offers of slots may take to be withdrawn, ms. */
const OFFERS_STOP_TIME: Milliseconds = 500;
/** How long what is on its way to the host may take, ms. */
const SETTLE_TIME: Milliseconds = 1_000;

/** How a host comes to its jobs: it waits for them, offers its free slots, and looks for what nothing announces. */
export class HostFetcher {
  readonly fetcher: Fetcher;
  readonly sweep: Sweep;
  readonly #offers: SlotOffers;
  readonly #client: RedisClient;

  constructor(options: HostFetcherOptions) {
    const { client, keys, logger, hostId, hostName, slots, lockDuration, stalledInterval, tasks, openBlocking } =
      options;
    this.#client = client;
    this.#offers = new SlotOffers({
      ...{ client, keys, logger, hostId, name: workerName(hostName, process.pid), slots, lockDuration, tasks },
      onAssigned: (job) => {
        if (this.fetcher.assigned(job)) return;
        // Its pool is served no more: the job goes back in line when its first lock, which is short, ends.
        slots.release();
        this.fetcher.changed();
      },
      onChange: () => this.fetcher.changed(),
    });
    const wait = new MarkerWait({
      ...{ client, open: openBlocking, wakeKey: keys.hostWake(hostId) },
      onReady: () => {
        this.sweep.soon();
        this.#offers.connected(true);
      },
      onLost: () => this.#offers.connected(false),
      onMessage: (member) => this.#offers.heard(member),
    });
    this.fetcher = new Fetcher({ client, wait, offers: this.#offers });
    this.sweep = new Sweep({
      client,
      keys,
      logger,
      interval: stalledInterval,
      shared: options.shared,
      own: options.own,
    });
  }

  /** Offers free slots from now on. */
  startOffers(): void {
    this.#offers.start();
  }

  /** The host knows other tasks than before, or some of them have limits now, or none any more. */
  tasksChanged(): void {
    this.#offers.tasksChanged();
  }

  /** There are more slots, or fewer. */
  resized(): void {
    this.#offers.renew();
    this.fetcher.changed();
  }

  /**
   * Resolves when nothing is on its way to this host that it would still take, once its queues are not ready any more; or a
   * moment later, where Redis does not answer.
   */
  async settled(): Promise<void> {
    // What was sent before this is answered before it.
    const answered = this.#offers.withdraw().then(() => this.#client.ping());
    await withinReach(this.#client, answered, SETTLE_TIME);
  }

  /** Offers nothing more. Before queues are closed: what was assigned by now runs here. */
  async stopOffers(): Promise<void> {
    await this.#offers.stop(OFFERS_STOP_TIME);
  }
}
