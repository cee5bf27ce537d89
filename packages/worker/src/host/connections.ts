import {
  assertRedisFit,
  assertRights,
  closeRedis,
  describeRedis,
  Keys,
  openRedis,
  type RedisClient,
  type RedisUnfitError,
} from "@manyhands/core/internal";
import type { ResolvedOptions } from "./options.ts";

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

  /** @throws RedisUnfitError when Redis cannot be reached or used */
  async check(): Promise<void> {
    const { redis, namespace } = this.#options;
    await assertRedisFit(this.client, redis);
    await assertRights(this.client, describeRedis(redis), new Keys(namespace).prefix);
  }

  async close(): Promise<void> {
    for (const client of [...this.#blocking]) client.disconnect();
    await Promise.all([closeRedis(this.client), closeRedis(this.subscriber)]);
  }

  #nameFor(what: string): string {
    return `manyhands:${what}:${encodeURIComponent(this.#options.name)}`;
  }
}
