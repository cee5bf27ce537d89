import type { Logger } from "@manyhands/core";
import {
  Duty,
  GONE_HOSTS_KEPT,
  type HostCardRecord,
  type HostRecord,
  type Keys,
  type Milliseconds,
  NOTE_GONE,
  noteChanges,
  RECORD_FORMAT,
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
/** Running jobs that the card of a host names at most. */
const MOST_CARD_RUNS = 20;
/** Of so many beats one renews the host's place in the list of hosts; the others write its record alone. */
const BEATS_PER_ENTRY = 5;

/**
 * Tells the namespace that this host lives and what it does: one key that expires, and a place in the list of hosts.
 * Written at an interval and soon after changes. Every few beats it renews its place and its card, which tells of it
 * also when it is gone, and removes expired hosts from the list; at once when it finds that Redis has lost its key.
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

  /** Removes the host from the namespace at once. @param goodbye - How it went; null = it has never taken work */
  async stop(goodbye: Goodbye | null): Promise<void> {
    this.#stopped = true;
    void this.#beside.stop();
    await settledWithin(this.#beats.stop(), 500);
    const { client, keys, hostId, describe } = this.#options;
    if (client.status !== "ready") return;
    const card = goodbye === null ? "" : JSON.stringify({ ...cardOf(describe()), how: "ended", ...goodbye });
    const places = [keys.hosts, keys.host(hostId), keys.goneHosts, keys.hostCard(hostId)];
    await settledWithin(removeHost.run(client, places, [hostId, card, GONE_HOSTS_KEPT, keys.prefix]), 500);
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
      const card = JSON.stringify(cardOf(described));
      await beatHost.run(
        client,
        [keys.hosts, keys.host(hostId), keys.goneHosts, keys.hostCard(hostId)],
        [hostId, record, timeToLive, listed, card, GONE_HOSTS_KEPT, keys.prefix],
      );
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

/** How a host ends in order. */
export type Goodbye = Pick<HostCardRecord, "reason" | "finished" | "givenBack">;

function cardOf(record: HostRecord): HostCardRecord {
  const { id, name, hostname, pid, version, slots, pools, startedAt, beatAt, running, completed, failed } = record;
  return {
    ...{ format: RECORD_FORMAT, id, name, hostname, pid, version, slots, pools, startedAt, beatAt },
    running: running.slice(0, MOST_CARD_RUNS),
    ...{ completed, failed },
  };
}

/**
 * KEYS[1] sorted set of hosts; KEYS[2] key of this host; KEYS[3] sorted set of hosts that are gone; KEYS[4] card of this host
 * ARGV[1] host id; ARGV[2] record as JSON; ARGV[3] its time to live, ms; ARGV[4] that of the place in the set, ms;
 * ARGV[5] its card as JSON; ARGV[6] how long that is kept, ms; ARGV[7] prefix of our keys
 * Hosts that have expired go from the set to that of those that are gone.
 * Returns how many these were.
 */
const beatHost = new Script<number>({
  name: "beatHost",
  lua: `${SET_ASIDE}${SERVER_TIME}${NOTE_GONE}
set_aside(KEYS[1], "zset")
set_aside(KEYS[3], "zset")
local now = server_time()
redis.call("SET", KEYS[2], ARGV[2], "PX", ARGV[3])
redis.call("ZADD", KEYS[1], now + ARGV[4], ARGV[1])
redis.call("SET", KEYS[4], ARGV[5], "PX", ARGV[6])
redis.call("ZREM", KEYS[3], ARGV[1])
local expired = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", "(" .. string.format("%.0f", now), "LIMIT", 0, 100)
for _, id in ipairs(expired) do
  redis.call("ZREM", KEYS[1], id)
  note_gone(KEYS[3], ARGV[7], id, now)
end
return #expired
`,
});

/**
 * KEYS[1] sorted set of hosts; KEYS[2] key of this host; KEYS[3] sorted set of hosts that are gone; KEYS[4] card of this host
 * ARGV[1] host id; ARGV[2] its last card as JSON, "" = it leaves none; ARGV[3] how long that is kept, ms; ARGV[4] prefix of our
 * keys
 * Returns 1.
 */
const removeHost = new Script<number>({
  name: "removeHost",
  lua: `${SET_ASIDE}${SERVER_TIME}${NOTE_GONE}
redis.call("UNLINK", KEYS[2])
redis.call("ZREM", KEYS[1], ARGV[1])
note_change(KEYS[1], "hosts/" .. ARGV[1])
if ARGV[2] == "" then
  redis.call("UNLINK", KEYS[4])
else
  set_aside(KEYS[3], "zset")
  redis.call("SET", KEYS[4], ARGV[2], "PX", ARGV[3])
  note_gone(KEYS[3], ARGV[4], ARGV[1], server_time())
end
return 1
`,
});
