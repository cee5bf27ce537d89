import {
  assertRedisFit,
  assertRights,
  closeRedis,
  describeRedis,
  Keys,
  type Milliseconds,
  openRedis,
  type RedisClient,
  type RedisUnfitError,
} from "@manyhands/core/internal";
import type { ResolvedOptions } from "./options.ts";

/** A Redis that is up has answered by then, as a rule; after it the log says that the host waits, ms. */
const FIRST_ANSWER: Milliseconds = 500;

/** The connections of a host: for commands, for control messages, and those that block while it waits for work. */
export class HostConnections {
  readonly client: RedisClient;
  /** Only listens. */
  readonly subscriber: RedisClient;
  readonly #options: ResolvedOptions;
  readonly #onRefusal: (refusal: RedisUnfitError) => void;
  readonly #blocking: RedisClient[] = [];

  constructor(options: ResolvedOptions, onRefusal: (refusal: RedisUnfitError) => void) {
    this.#options = options;
    this.#onRefusal = onRefusal;
    this.client = openRedis(options.redis, { name: this.#nameFor("host"), onRefusal });
    this.subscriber = openRedis(options.redis, { name: this.#nameFor("control"), subscribing: true });
  }

  /** Opens a connection on which one command at a time blocks. */
  openBlocking(): RedisClient {
    const client = openRedis(this.#options.redis, {
      name: this.#nameFor("fetch"),
      blocking: true,
      onRefusal: this.#onRefusal,
    });
    this.#blocking.push(client);
    client.once("end", () => this.#blocking.splice(this.#blocking.indexOf(client), 1));
    return client;
  }

  /** @throws RedisUnfitError when Redis cannot be reached, within `waitForRedis`, or used */
  async check(): Promise<void> {
    const { redis, namespace, waitForRedis, logger } = this.#options;
    const where = describeRedis(redis);
    const isWaiting = setTimeout(() => {
      logger.warn(`Redis at ${where} does not answer yet; the host waits for it, up to ${waitForRedis} ms`);
    }, FIRST_ANSWER);
    if (waitForRedis === 0) clearTimeout(isWaiting);
    const patience = waitForRedis === 0 ? {} : { timeout: waitForRedis, isPatient: true };
    await assertRedisFit(this.client, redis, patience).finally(() => clearTimeout(isWaiting));
    await assertRights(this.client, where, new Keys(namespace).prefix);
  }

  async close(): Promise<void> {
    for (const client of [...this.#blocking]) client.disconnect();
    await Promise.all([closeRedis(this.client), closeRedis(this.subscriber)]);
  }

  #nameFor(what: string): string {
    return `manyhands:${what}:${encodeURIComponent(this.#options.name)}`;
  }
}
