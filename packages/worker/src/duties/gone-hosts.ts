import { hostname } from "node:os";
import type { Logger } from "@manyhands/core";
import {
  type HostCardRecord,
  type Keys,
  noteHowGone,
  noteVanishedHosts,
  plural,
  type RedisClient,
} from "@manyhands/core/internal";

export interface GoneHostsOptions {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
}

/**
 * Notices hosts that are gone without a word, notes how they went as far as that can be known, and says so in the log. Their
 * tasks come back by other ways.
 *
 * The system closes the connections of a process that was killed; those of a machine that is cut off, or stands still, stay.
 */
export class GoneHosts {
  readonly #options: GoneHostsOptions;

  constructor(options: GoneHostsOptions) {
    this.#options = options;
  }

  /** One look: for the whole fleet, so that one host at a time does it. */
  async look(): Promise<void> {
    const { client, keys, logger } = this.#options;
    for (const { card, isConnected } of await noteVanishedHosts(client, keys)) {
      const isKilled = !isConnected || hasEnded(card);
      if (isKilled) await noteHowGone(client, keys, { ...card, how: "killed" });
      const ran = card.running.length === 0 ? "nothing" : plural(card.running.length, "task");
      const how = isKilled ? "its process has ended without a word" : "nothing is heard of it any more";
      const where = `${card.hostname}, pid ${card.pid}`;
      logger.warn(`host "${card.name}" (${where}) is gone: ${how}; it ran ${ran} when it was last heard`);
    }
  }
}

/** Whether the process of a host of this machine has ended. */
function hasEnded(card: HostCardRecord): boolean {
  return card.hostname === hostname() && !isRunning(card.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
