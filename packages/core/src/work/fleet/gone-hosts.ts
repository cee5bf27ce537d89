import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { NOTE_CHANGE, Script, SERVER_TIME, SET_ASIDE } from "../../redis/script/index.ts";
import type { Milliseconds } from "../../time/index.ts";
import type { ControlMessage, HostCardRecord } from "../../wire/records/records.ts";
import { isWrongType, readHostCard } from "../../wire/records/stored-record.ts";

/** How long hosts that are gone are remembered, ms. */
export const GONE_HOSTS_KEPT: Milliseconds = 86_400_000;
/** Hosts that are gone and are remembered; older ones are forgotten sooner. */
export const MOST_GONE_HOSTS = 500;

/** A host that is gone, and how it went. */
export interface GoneHost {
  id: string;
  name: string;
  hostname: string;
  pid: number;
  version: string;
  slots: number;
  /** Pools that it served; null = every pool. */
  pools: string[] | null;
  /** Host's wall clock, ms. */
  startedAt: number;
  /** Last time that it said what it does, host's wall clock, ms; on time to 10 s where it did not end in order. */
  heardAt: number;
  /** When it ended, or when others noticed that it is gone, server time in ms. */
  goneAt: number;
  /**
   * `ended`: it stopped in order. `killed`: its process ended without a word. `vanished`: nothing was heard of it any more,
   * and why is not known: its machine or the network may have failed.
   */
  how: "ended" | "killed" | "vanished";
  /** Why it stopped, such as `SIGTERM`; null: not known. */
  reason: string | null;
  /** What it ran when it was last heard, 20 jobs at most: where it did not end in order, others take them over. */
  running: { jobId: string; task: string; pool: string; pid: number; since: number }[];
  /** Of a host that ended in order: what ended by itself while it stopped, and what it gave back to others. */
  finished: number | null;
  givenBack: number | null;
  /** Jobs that it finished in its life. */
  completed: number;
  failed: number;
}

/** Hosts of the last day that are gone, the last one first. Where no host lives, those that nobody has missed are among them. */
export async function readGoneHosts(client: RedisClient, keys: Keys): Promise<GoneHost[]> {
  const [gone, silent] = await Promise.all([
    client.zrange(keys.goneHosts, 0, String(MOST_GONE_HOSTS - 1), "REV", "WITHSCORES").catch(noneIfWrongType),
    silentHosts(client, keys),
  ]);
  const times = new Map<string, number | null>(silent.map((id) => [id, null]));
  for (let index = 0; index + 1 < gone.length; index += 2) times.set(gone[index] as string, Number(gone[index + 1]));
  if (times.size === 0) return [];
  const ids = [...times.keys()];
  const texts = await client.mget(ids.map((id) => keys.hostCard(id)));
  const hosts = ids.flatMap((id, index) => {
    const text = texts[index];
    const reading = text === null || text === undefined ? null : readHostCard(id, text);
    // Written by a version that keeps no cards, or forgotten meanwhile.
    return reading && "record" in reading ? [goneHostOf(reading.record, times.get(id) ?? null)] : [];
  });
  return hosts.sort((left, right) => right.goneAt - left.goneAt);
}

/** Hosts whose heartbeat has expired and of which no other host takes note, because none lives. */
async function silentHosts(client: RedisClient, keys: Keys): Promise<string[]> {
  const ids = await client.zrange(keys.hosts, 0, "-1").catch(noneIfWrongType);
  if (ids.length === 0) return [];
  const texts = await client.mget(ids.map((id) => keys.host(id)));
  return texts.every((text) => text === null) ? ids : [];
}

function goneHostOf(card: HostCardRecord, goneAt: number | null): GoneHost {
  const { id, name, hostname, pid, version, slots, pools, startedAt, beatAt, running, completed, failed } = card;
  return {
    ...{ id, name, hostname, pid, version, slots, pools, startedAt, heardAt: beatAt, goneAt: goneAt ?? beatAt },
    how: card.how ?? "vanished",
    reason: card.reason ?? null,
    running: running.map(({ jobId, task, pool, pid, since }) => ({ jobId, task, pool, pid, since })),
    finished: card.finished ?? null,
    givenBack: card.givenBack ?? null,
    ...{ completed, failed },
  };
}

/**
 * Lua: `note_change` as in `NOTE_CHANGE`, and `note_gone(gone, prefix, id, now)`, which enters a host that is gone, and forgets those that have been so for too long, or are
 * too many.
 */
export const NOTE_GONE: string = `${NOTE_CHANGE}
local function note_gone(gone, prefix, id, now)
  note_change(gone, "hosts/" .. id)
  redis.call("ZADD", gone, now, id)
  redis.call("PEXPIRE", gone, ${GONE_HOSTS_KEPT})
  local function forget(ids)
    for _, old in ipairs(ids) do
      redis.call("ZREM", gone, old)
      redis.call("UNLINK", prefix .. "host-card/" .. old, prefix .. "host-lines/" .. old, prefix .. "host-warnings/" .. old)
    end
  end
  forget(redis.call("ZRANGEBYSCORE", gone, "-inf", now - ${GONE_HOSTS_KEPT}, "LIMIT", 0, 100))
  forget(redis.call("ZRANGE", gone, 0, -${MOST_GONE_HOSTS + 1}))
end
`;

/**
 * Enters the hosts whose heartbeat has expired among those that are gone.
 * @returns their cards, as far as there are some; `isConnected`: their connections to Redis stand still
 */
export async function noteVanishedHosts(
  client: RedisClient,
  keys: Keys,
): Promise<{ card: HostCardRecord; isConnected: boolean }[]> {
  // A host that hears it after all looks at its pools again.
  const hint: ControlMessage = { type: "pools-changed", pool: "default" };
  const found = await noteVanished.run(
    client,
    [keys.hosts, keys.goneHosts],
    [keys.prefix, keys.hostControl(""), JSON.stringify(hint)],
  );
  return found.flatMap(([id, text, receivers]) => {
    const reading = readHostCard(id, text);
    // A node of a cluster counts the connections to itself alone.
    const isConnected = receivers > 0 || client.isCluster;
    return "record" in reading ? [{ card: reading.record, isConnected }] : [];
  });
}

/** Adds how a host went to its card, unless it is back. */
export async function noteHowGone(
  client: RedisClient,
  keys: Keys,
  card: HostCardRecord & { how: "killed" },
): Promise<void> {
  const text = JSON.stringify(card);
  await noteHow.run(client, [keys.goneHosts, keys.hostCard(card.id)], [card.id, text, GONE_HOSTS_KEPT]);
}

/**
 * KEYS[1] sorted set of hosts; KEYS[2] sorted set of those that are gone
 * ARGV[1] prefix of our keys; ARGV[2] what the control channel of a host begins with; ARGV[3] a message that changes nothing
 * Returns of each host that is listed and has no heartbeat {id, its card or "", how many connections its channel has}.
 */
const noteVanished = new Script<[id: string, card: string, receivers: number][]>({
  name: "noteVanished",
  lua: `${SET_ASIDE}${SERVER_TIME}${NOTE_GONE}
set_aside(KEYS[1], "zset")
set_aside(KEYS[2], "zset")
local now = server_time()
local reply = {}
for _, id in ipairs(redis.call("ZRANGE", KEYS[1], 0, -1)) do
  if redis.call("EXISTS", ARGV[1] .. "host/" .. id) == 0 then
    redis.call("ZREM", KEYS[1], id)
    note_gone(KEYS[2], ARGV[1], id, now)
    local card = redis.pcall("GET", ARGV[1] .. "host-card/" .. id)
    local receivers = redis.call("PUBLISH", ARGV[2] .. id, ARGV[3])
    reply[#reply + 1] = {id, type(card) == "string" and card or "", receivers}
  end
end
return reply
`,
});

/**
 * KEYS[1] sorted set of hosts that are gone; KEYS[2] card of one
 * ARGV[1] its id; ARGV[2] its card as JSON; ARGV[3] how long that is kept, ms
 * Returns whether it is gone still, 1 or 0; otherwise nothing was changed.
 */
const noteHow = new Script<number>({
  name: "noteHow",
  lua: `
if not redis.call("ZSCORE", KEYS[1], ARGV[1]) then return 0 end
redis.call("SET", KEYS[2], ARGV[2], "PX", ARGV[3])
return 1
`,
});

function noneIfWrongType(error: unknown): string[] {
  if (isWrongType(error)) return [];
  throw error;
}
