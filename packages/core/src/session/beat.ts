import { randomBytes } from "node:crypto";
import { type RedisClient, roundTripOf } from "../redis/connection/index.ts";
import type { Keys } from "../redis/keys.ts";
import { Script, SET_ASIDE } from "../redis/script/index.ts";
import type { Milliseconds } from "../time/index.ts";
import { kindsTable, type ObjectKind } from "./object-kind.ts";
import { CLAIM_WINDOW, END_SESSION, SERVER_TIME, WAKE_UP } from "./session-script.ts";

/** Round trips in which a waiter that was called has come: the message, the doubt when it was sent, the first renewal. */
const CLAIM_ROUNDS = 8;

/** What a beat tells. */
export interface Beat {
  /** Whether the session was there before; always true for one that only watches. */
  existed: boolean;
  epoch: string;
  /** Wake-ups sent to the session so far. */
  wakeups: number;
  /** The server's clock, ms. */
  serverTime: number;
  /** Time until the next deadline of anything in the namespace, ms; null = there is none. */
  nextDeadline: Milliseconds | null;
}

/** A session to renew with a beat. */
export interface RenewedSession {
  id: string;
  lease: Milliseconds;
  /** SessionRecord as JSON. */
  record: string;
}

/**
 * Renews sessions and is the reaper: with each beat all that is past its deadline is looked at.
 *
 * All participants beat (programs, children, hosts), so there is no single cleanup process.
 */
export class Heart {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #beat: Script<[number, string, number, number, number]>;
  readonly #end: Script<number>;

  constructor(client: RedisClient, keys: Keys, kinds: readonly ObjectKind[]) {
    this.#client = client;
    this.#keys = keys;
    const shared = kindsTable(kinds) + END_SESSION;
    this.#beat = new Script({ name: "beat", lua: SERVER_TIME + WAKE_UP + shared + BEAT });
    this.#end = new Script({ name: "endSession", lua: SERVER_TIME + WAKE_UP + shared + END });
  }

  /**
   * @param session - The session to renew; null = only watch.
   * @param options.interval - Longest usual time between two beats of this caller, ms.
   */
  async beat(session: RenewedSession | null, options: { interval: Milliseconds }): Promise<Beat> {
    const keys = this.#keys;
    const [existed, epoch, wakeups, nextDeadline, serverTime] = await this.#beat.run(
      this.#client,
      [keys.deadlines, keys.epoch, keys.watched, keys.session(session?.id ?? "")],
      [
        keys.prefix,
        session?.id ?? "",
        session?.lease ?? 0,
        session?.record ?? "",
        randomBytes(8).toString("hex"),
        Math.max(6_000, Math.ceil(options.interval * 1.5)),
        Math.ceil(roundTripOf(this.#client).patience(CLAIM_WINDOW, CLAIM_ROUNDS)),
      ],
    );
    return { existed: existed === 1, epoch, wakeups, serverTime, nextDeadline: nextDeadline < 0 ? null : nextDeadline };
  }

  /**
   * Ends a session now: gives up what it holds, removes the unnamed objects it made.
   * @param options.exited - Its process is known to be gone, so that leases of its own need not be waited for.
   */
  async end(id: string, options: { exited: boolean }): Promise<void> {
    const { prefix, epoch, deadlines } = this.#keys;
    const args = [prefix, id, options.exited ? 1 : 0];
    while ((await this.#end.run(this.#client, [epoch, deadlines], args)) === 0);
  }
}

/**
 * KEYS[1] deadlines; KEYS[2] epoch; KEYS[3] watched; KEYS[4] session
 * ARGV[1] prefix of keys; ARGV[2] session id, "" = only watch; ARGV[3] its lease, ms; ARGV[4] its record, JSON; ARGV[5]
 * random text that names this beat: the epoch if there is none; ARGV[6] time without any beat, ms, after which sessions get
 * a moment to come back; ARGV[7] time in which it comes when it is called, ms
 * Returns { 1 = the session was there, epoch, wake-ups sent to it, ms until the next deadline or -1, server time in ms }.
 * A beat whose answer was lost, and that is sent again, finds the session that it wrote itself and says again that there
 * was none (F18).
 *
 * No session may expire because Redis was away: after a pause that long, sessions are given five more seconds.
 */
const BEAT = `${SET_ASIDE}
local prefix, id, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local function set_all_aside()
  set_aside(KEYS[1], "zset")
  set_aside(KEYS[2], "string")
  set_aside(KEYS[3], "string")
  set_aside(prefix .. "objects", "zset")
end
-- Who only watches finds out by reading: it mostly has nothing to do.
if id ~= "" then set_all_aside() end
local function read(...)
  local reply = redis.pcall(...)
  if type(reply) ~= "table" or not reply.err then return reply end
  set_all_aside()
  return redis.call(...)
end
local now = server_time()
local existed, wakeups = 1, 0
if id ~= "" then
  if redis.call("EXISTS", KEYS[4]) == 0 then
    give_up_holdings(prefix, id, now)
    redis.call("HSET", KEYS[4], "record", ARGV[4], "wakeups", 0, "writtenBy", ARGV[5])
  end
  if redis.call("HGET", KEYS[4], "writtenBy") == ARGV[5] then existed = 0 end
  redis.call("HSET", KEYS[4], "claim", ARGV[7])
  redis.call("PEXPIRE", KEYS[4], lease)
  redis.call("ZADD", KEYS[1], now + lease + 1, "session/" .. id)
  if redis.call("PTTL", KEYS[2]) < lease * 2 + 80000000 then
    redis.call("SET", KEYS[2], ARGV[5], "NX")
    redis.call("PEXPIRE", KEYS[2], lease * 3 + 86400000)
  end
end
local watched = read("GET", KEYS[3])
redis.call("SET", KEYS[3], string.format("%d", now), "PX", 60000)
local was_away = not tonumber(watched) or now - tonumber(watched) > tonumber(ARGV[6])
local due = read("ZRANGE", KEYS[1], "-inf", now, "BYSCORE", "LIMIT", 0, 100)
if id == "" and #due > 0 then set_all_aside() end
for _, object in ipairs(due) do
  local kind, name = string.match(object, "^([^/]+)/(.*)$")
  local next_look
  if was_away and kind == "session" and redis.call("EXISTS", prefix .. object) == 0 then
    next_look = now + 5000
  elseif kinds[kind] then
    -- What cannot be read of one object must not keep the others from being looked after.
    local is_read, answer = pcall(kinds[kind].look, prefix, name, now)
    if is_read then next_look = answer else next_look = now + 60000 end
  else
    next_look = now + 60000
  end
  if next_look then redis.call("ZADD", KEYS[1], next_look, object) else redis.call("ZREM", KEYS[1], object) end
end
if id ~= "" then wakeups = tonumber(redis.call("HGET", KEYS[4], "wakeups")) or 0 end
local first = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")
local next_deadline = first[2] and math.max(0, first[2] - now) or -1
return { existed, read("GET", KEYS[2]) or "", wakeups, next_deadline, now }
`;

/**
 * KEYS[1] epoch; KEYS[2] deadlines
 * ARGV[1] prefix of keys; ARGV[2] session id; ARGV[3] 1 = its process has ended
 * Returns 1 = ended, 0 = a part is left: call again. The last one to go takes the epoch along.
 */
const END = `
local done = end_session(ARGV[1], ARGV[2], server_time(), ARGV[3] == "1")
if not done then return 0 end
if redis.call("EXISTS", KEYS[2]) == 0 then redis.call("DEL", KEYS[1], ARGV[1] .. "watched") end
return 1
`;
