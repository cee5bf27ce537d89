import type { Logger } from "@manyhands/core";
import {
  type HostRecord,
  type Keys,
  type Milliseconds,
  type RedisClient,
  Script,
  SET_ASIDE,
  settledWithin,
} from "@manyhands/core/internal";

export interface HeartbeatOptions {
  client: RedisClient;
  keys: Keys;
  hostId: string;
  /** Time between two beats. */
  interval: Milliseconds;
  describe: () => HostRecord;
  /** Called once with each regular beat, for what has to be looked at as often. */
  onBeat: () => void;
  logger: Logger;
}

/** Changes within this time share one beat, ms. */
const COLLECT: Milliseconds = 100;
/** Beats that may be missed before a host counts as dead. */
export const MISSED_BEATS = 3;
/** Of so many beats one renews the host's place in the list of hosts; the others write its record alone. */
const BEATS_PER_ENTRY = 5;

/**
 * Tells the namespace that this host lives and what it does: one key that expires, and a place in the list of hosts.
 * Written at an interval and soon after changes. Every few beats it renews its place and removes expired hosts from the list,
 * and at once when it finds that Redis has lost its key.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  /** Beats until the place in the list is renewed. */
  #untilEntry = 0;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Writes the first beat. @throws when Redis refuses it */
  async start(): Promise<void> {
    await this.#write();
    if (this.#stopped) return;
    this.#timer = setInterval(() => {
      this.#beat();
      this.#options.onBeat();
    }, this.#options.interval).unref();
  }

  /** Writes a beat now; resolves when everybody can read it. @throws when Redis refuses it */
  async now(): Promise<void> {
    await this.#write();
  }

  /** Something that the record tells has changed. */
  changed(): void {
    if (this.#stopped || this.#soon) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#beat();
    }, COLLECT).unref();
  }

  /** Removes the host from the namespace at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    if (this.#beating !== undefined) await settledWithin(this.#beating, 500);
    const { client, keys, hostId } = this.#options;
    if (client.status !== "ready") return;
    await settledWithin(removeHost.run(client, [keys.hosts, keys.host(hostId)], [hostId]), 500);
  }

  /** At most one beat is on its way; while Redis is away, they do not pile up. */
  #beat(): void {
    if (this.#stopped || this.#beating !== undefined || this.#options.client.status !== "ready") return;
    this.#beating = this.#write()
      .catch((error: Error) => this.#options.logger.warn(`the heartbeat failed, trying again: ${error.message}`))
      .finally(() => {
        this.#beating = undefined;
      });
  }

  async #write(): Promise<void> {
    const { client, keys, hostId, interval, describe } = this.#options;
    const timeToLive = interval * MISSED_BEATS;
    const record = JSON.stringify(describe());
    this.#untilEntry -= 1;
    if (this.#untilEntry > 0 && (await client.set(keys.host(hostId), record, "PX", timeToLive, "XX")) !== null) return;
    this.#untilEntry = BEATS_PER_ENTRY;
    const listed = timeToLive + BEATS_PER_ENTRY * interval;
    await beatHost.run(client, [keys.hosts, keys.host(hostId)], [hostId, record, timeToLive, listed]);
  }
}

/**
 * KEYS[1] sorted set of hosts; KEYS[2] key of this host
 * ARGV[1] host id; ARGV[2] record as JSON; ARGV[3] its time to live, ms; ARGV[4] that of the place in the set, ms
 * Returns how many expired hosts were removed from the set.
 */
const beatHost = new Script<number>({
  name: "beatHost",
  lua: `${SET_ASIDE}
set_aside(KEYS[1], "zset")
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("SET", KEYS[2], ARGV[2], "PX", ARGV[3])
redis.call("ZADD", KEYS[1], now + ARGV[4], ARGV[1])
return redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", "(" .. string.format("%.0f", now))
`,
});

/**
 * KEYS[1] sorted set of hosts; KEYS[2] key of this host
 * ARGV[1] host id
 * Returns 1.
 */
const removeHost = new Script<number>({
  name: "removeHost",
  lua: `
redis.call("UNLINK", KEYS[2])
redis.call("ZREM", KEYS[1], ARGV[1])
return 1
`,
});
