import type { Logger } from "@manyhands/core";
import {
  Duty,
  type HostRecord,
  type Keys,
  type Milliseconds,
  NOTE_CHANGE,
  noteChanges,
  type RedisClient,
  Script,
  SERVER_TIME,
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
  readonly #beats: Duty;
  /** What is done beside them, also while Redis is away. */
  readonly #beside: Duty;
  /** Beats until the place in the list is renewed. */
  #untilEntry = 0;
  /** What lists of hosts show first, as those who watch the namespace were last told. */
  #noted = "";
  #begun = false;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    // Without jitter, because others count missed beats.
    const { client, logger, interval } = options;
    this.#beats = new Duty({
      ...{ client, logger, what: "the heartbeat", interval, jitter: 0, collect: COLLECT },
      look: () => this.#write(),
    });
    const what = "what comes with the heartbeat";
    this.#beside = new Duty({ logger, what, interval, jitter: 0, look: options.onBeat });
  }

  /** Writes the first beat. @throws when Redis refuses it */
  async start(): Promise<void> {
    this.#begun = true;
    await this.#write();
    if (this.#stopped) return;
    this.#beats.start();
    this.#beside.start();
  }

  /** Writes a beat now; resolves when it is in Redis. @throws when Redis refuses it */
  async now(): Promise<void> {
    await this.#write();
  }

  /** Something that the record tells has changed. */
  changed(): void {
    // Nothing would remove the record of a host that is stopped before its first beat.
    if (this.#begun) this.#beats.soon();
  }

  /** Removes the host from the namespace at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    void this.#beside.stop();
    await settledWithin(this.#beats.stop(), 500);
    const { client, keys, hostId } = this.#options;
    if (client.status !== "ready") return;
    await settledWithin(removeHost.run(client, [keys.hosts, keys.host(hostId)], [hostId]), 500);
  }

  async #write(): Promise<void> {
    const { client, keys, hostId, interval, describe } = this.#options;
    const timeToLive = interval * MISSED_BEATS;
    const described = describe();
    const record = JSON.stringify(described);
    const note = noteOf(described);
    this.#untilEntry -= 1;
    const isListed =
      this.#untilEntry > 0 && (await client.set(keys.host(hostId), record, "PX", timeToLive, "XX")) !== null;
    if (!isListed) {
      this.#untilEntry = BEATS_PER_ENTRY;
      const listed = timeToLive + BEATS_PER_ENTRY * interval;
      await beatHost.run(client, [keys.hosts, keys.host(hostId)], [hostId, record, timeToLive, listed]);
    }
    if (note === this.#noted) return;
    // A hint, which the next beat gives when this one cannot.
    await noteChanges({ client, keys }, [`hosts/${hostId}`]).then(
      () => {
        this.#noted = note;
      },
      () => {},
    );
  }
}

/** What is noted when it changes; what a host runs and how much memory it has changes with every beat. */
function noteOf({ state, step, slots, pools, troubles, tasks }: HostRecord): string {
  return JSON.stringify([state, step, slots, pools, troubles, tasks.map((task) => task.name)]);
}

/**
 * KEYS[1] sorted set of hosts; KEYS[2] key of this host
 * ARGV[1] host id; ARGV[2] record as JSON; ARGV[3] its time to live, ms; ARGV[4] that of the place in the set, ms
 * Returns how many expired hosts were removed from the set.
 */
const beatHost = new Script<number>({
  name: "beatHost",
  lua: `${SET_ASIDE}${SERVER_TIME}
set_aside(KEYS[1], "zset")
local now = server_time()
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
  lua: `${NOTE_CHANGE}
redis.call("UNLINK", KEYS[2])
redis.call("ZREM", KEYS[1], ARGV[1])
note_change(KEYS[1], "hosts/" .. ARGV[1])
return 1
`,
});
