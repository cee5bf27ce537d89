import { UnreadableRecordError } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { NOTE_CHANGE, named, Script, SERVER_TIME, SET_ASIDE } from "../../redis/script/index.ts";
import type { PoolRecord } from "../../wire/records/records.ts";
import {
  isWrongType,
  RECORD_FORMAT,
  type Reading,
  readPoolRecord,
  type UnreadableRecord,
} from "../../wire/records/stored-record.ts";

/** What may be changed in a pool's record after it was made. */
export type PoolPatch = Partial<
  Pick<PoolRecord, "size" | "state" | "failure" | "fence" | "maxTasksPerChild" | "limits" | "taskLimits">
>;

/** What a handle of a pool that exists already brings, where the pool has nothing of its own. */
export type PoolDefaults = Partial<Pick<PoolRecord, "limits" | "keep" | "onDead" | "maxTasksPerChild">>;

/** Which pool is meant, of several that had or will have its name. */
export type PoolIdentity = Pick<PoolRecord, "name" | "generation" | "revision">;

/**
 * The pools of a namespace, known to every host.
 *
 * Each change is one script that also publishes `pools-changed` on the control channel. The message is a hint: hosts
 * read the registry again after it, after every reconnect and every few seconds.
 */
export class PoolRegistry {
  readonly #client: RedisClient;
  readonly #keys: Keys;

  readonly #onUnreadable: (record: UnreadableRecord) => void;
  /** Of the last list: hosts read all records every few seconds, and hardly one of them has changed. */
  #readings: ReadonlyMap<string, { text: string; reading: Reading<PoolRecord> }> = new Map();

  /** @param onUnreadable - Hears of each record that a list leaves out, with every reading. */
  constructor(client: RedisClient, keys: Keys, onUnreadable: (record: UnreadableRecord) => void = () => {}) {
    this.#client = client;
    this.#keys = keys;
    this.#onUnreadable = onUnreadable;
  }

  /** All pools whose records can be read. A record that has not changed is the same object as in the list before: not to be changed. */
  async list(): Promise<PoolRecord[]> {
    const { records, unreadable } = await this.survey();
    for (const record of unreadable) this.#onUnreadable(record);
    return records;
  }

  /** Those of some pools that are there and can be read. */
  async some(names: readonly string[]): Promise<PoolRecord[]> {
    if (names.length === 0) return [];
    const texts = await this.#client.hmget(this.#keys.pools, ...names).catch((error) => {
      if (isWrongType(error)) return [];
      throw error;
    });
    return names.flatMap((name, index) => {
      const text = texts[index];
      const reading = text == null ? null : readPoolRecord(name, text);
      return reading !== null && "record" in reading ? [reading.record] : [];
    });
  }

  /** All pools, entry by entry: one that cannot be read hides no other. */
  async survey(): Promise<{ records: PoolRecord[]; unreadable: UnreadableRecord[] }> {
    const key = this.#keys.pools;
    const records: PoolRecord[] = [];
    const unreadable: UnreadableRecord[] = [];
    const entries: Record<string, string> = await this.#client.hgetall(key).catch((error) => {
      if (!isWrongType(error)) throw error;
      unreadable.push({ key, field: null, fault: "it is not a hash", isNewer: false });
      return {};
    });
    const readings = new Map<string, { text: string; reading: Reading<PoolRecord> }>();
    for (const name of Object.keys(entries)) {
      const text = entries[name] ?? "";
      const known = this.#readings.get(name);
      const entry = known?.text === text ? known : { text, reading: readPoolRecord(name, text) };
      const { reading } = entry;
      readings.set(name, entry);
      if ("record" in reading) records.push(reading.record);
      else unreadable.push({ key, field: name, ...reading });
    }
    this.#readings = readings;
    return { records, unreadable };
  }

  /** @throws UnreadableRecordError when what is there is no record */
  async get(name: string): Promise<PoolRecord | null> {
    const text = await this.#client.hget(this.#keys.pools, name);
    return text === null ? null : this.#parse(name, text);
  }

  /**
   * Makes a pool unless one of that name exists.
   * @returns the record that is in force, and whether this call made it
   * @throws UnreadableRecordError when what is there under the name is no record
   */
  async create(record: Omit<PoolRecord, "createdAt">): Promise<{ created: boolean; record: PoolRecord }> {
    const { is, text } = await createPool.run(
      this.#client,
      [this.#keys.pools],
      [
        record.name,
        JSON.stringify({ format: RECORD_FORMAT, ...record }),
        this.#keys.control,
        this.#message(record.name),
      ],
    );
    return { created: is === "made", record: this.#parse(record.name, text) };
  }

  /**
   * Changes fields of a pool.
   * @param generation - Only this generation of the pool; null = whichever is there.
   * @returns the new record, or null when there is no such pool
   * @throws UnreadableRecordError when what is there is no record, or a newer version's, which stays as it is
   */
  async update(name: string, generation: string | null, patch: PoolPatch): Promise<PoolRecord | null> {
    return this.#change({ name, generation }, patch);
  }

  /**
   * Gives a pool what it lacks: fields that nothing has set or taken away yet.
   * @returns the record that is in force; null when that generation is not there
   * @throws UnreadableRecordError when what is there is no record, or a newer version's, which stays as it is
   */
  async complete(name: string, generation: string, defaults: PoolDefaults): Promise<PoolRecord | null> {
    const reply = await completePool.run(
      this.#client,
      [this.#keys.pools],
      [name, generation, JSON.stringify(defaults), this.#keys.control, this.#message(name), RECORD_FORMAT],
    );
    if (!reply) return null;
    if (reply.is === "unreadable") throw this.#unreadable(name, "it is not an object, or of a newer version");
    return this.#parse(name, reply.text);
  }

  async #change(
    { name, generation }: { name: string; generation: string | null },
    patch: PoolPatch,
    unlessAlive?: string,
  ): Promise<PoolRecord | null> {
    const reply = await updatePool.run(
      this.#client,
      [this.#keys.pools, ...(unlessAlive === undefined ? [] : [this.#keys.session(unlessAlive)])],
      [name, generation ?? "", JSON.stringify(patch), this.#keys.control, this.#message(name), RECORD_FORMAT],
    );
    if (!reply) return null;
    if (reply.is === "unreadable") throw this.#unreadable(name, "it is not an object, or of a newer version");
    return this.#parse(name, reply.text);
  }

  /**
   * Marks a pool as failed because its initializer threw.
   * @param pool - As it was when that happened: one that was reset since then, or is terminated, stays as it is.
   * @param failure - `encodeToString(error)`
   * @returns whether the pool is failed now
   */
  async fail(pool: PoolIdentity, failure: string): Promise<boolean> {
    const failed = await failPool.run(
      this.#client,
      [this.#keys.pools],
      [pool.name, pool.generation, pool.revision ?? 0, failure, this.#keys.control, this.#message(pool.name)],
    );
    return failed === "failed";
  }

  /**
   * Lets a failed pool be used again.
   * @param generation - Only this generation of the pool; null = whichever is there.
   * @param initializer - In place of the one that threw; undefined = the same again.
   * @returns the record, and whether this call changed it; null when there is no such pool
   * @throws UnreadableRecordError when what is there is no record
   */
  async reset(
    name: string,
    generation: string | null,
    initializer?: PoolRecord["initializer"],
  ): Promise<{ reset: boolean; record: PoolRecord } | null> {
    const reply = await resetPool.run(
      this.#client,
      [this.#keys.pools],
      [
        name,
        generation ?? "",
        initializer === undefined ? "" : JSON.stringify(initializer),
        this.#keys.control,
        this.#message(name),
      ],
    );
    return reply && { reset: reply.is === "reset", record: this.#parse(name, reply.text) };
  }

  /**
   * Hosts kill what still runs in a terminated pool.
   * @param options.unlessAlive - Session of its owner: a pool whose owner is there stays as it is.
   * @returns null when there is no such pool, or its owner is there
   */
  async terminate(
    name: string,
    generation: string | null,
    options: { unlessAlive?: string } = {},
  ): Promise<PoolRecord | null> {
    return this.#change({ name, generation }, { state: "terminated" }, options.unlessAlive);
  }

  /** Forgets a pool; its BullMQ queue is removed by the caller. @returns false when it was not there */
  async remove(name: string, generation: string | null): Promise<boolean> {
    const removed = await removePool.run(
      this.#client,
      [this.#keys.pools],
      [name, generation ?? "", this.#keys.control, this.#message(name)],
    );
    return removed === "removed";
  }

  #parse(name: string, text: string): PoolRecord {
    const reading = readPoolRecord(name, text);
    if ("record" in reading) return reading.record;
    throw this.#unreadable(name, reading.fault);
  }

  #unreadable(name: string, fault: string): UnreadableRecordError {
    const where = `field "${name}" of ${this.#keys.pools}`;
    return new UnreadableRecordError(
      `the record of pool "${name}" (${where}) cannot be used: ${fault}; see: manyhands doctor`,
    );
  }

  #message(pool: string): string {
    return JSON.stringify({ type: "pools-changed", pool });
  }
}

/**
 * KEYS[1] registry hash
 * ARGV[1] pool name; ARGV[2] record as JSON, without createdAt; ARGV[3] control channel; ARGV[4] its message
 * Returns {1, record} when made, {0, existing record} when the name is taken.
 */
const createPool = new Script<{ is: "made" | "taken"; text: string }>({
  name: "createPool",
  read: ([code, text]: [0 | 1, string]) => ({ is: code === 1 ? "made" : "taken", text }),
  lua: `${SET_ASIDE}${SERVER_TIME}${NOTE_CHANGE}
set_aside(KEYS[1], "hash")
local existing = redis.call("HGET", KEYS[1], ARGV[1])
if existing then return {0, existing} end
local createdAt = string.format("%.0f", server_time())
local record = string.sub(ARGV[2], 1, -2) .. ',"createdAt":' .. createdAt .. "}"
redis.call("HSET", KEYS[1], ARGV[1], record)
redis.call("PUBLISH", ARGV[3], ARGV[4])
note_change(KEYS[1], "pools/" .. ARGV[1])
return {1, record}
`,
});

/**
 * Lua: `changeable_record(name, generation, newest)`: a pool's record that may be changed, and its text. `generation`: "" = any;
 * `newest`: format of records that may be changed. Without a record, the text is what is there and is no record, or a newer
 * version's, or nil when that generation is not there.
 */
const CHANGEABLE_RECORD = `
local function changeable_record(name, generation, newest)
  local text = redis.call("HGET", KEYS[1], name)
  if not text then return nil, nil end
  local is_json, record = pcall(cjson.decode, text)
  if not is_json or type(record) ~= "table" then return nil, text end
  local format = record.format
  if format ~= nil and (type(format) ~= "number" or format > tonumber(newest)) then return nil, text end
  if generation ~= "" and record.generation ~= generation then return nil, nil end
  return record, text
end
`;

/**
 * KEYS[1] registry hash; KEYS[2] session that must have ended, absent = none
 * ARGV[1] pool name; ARGV[2] generation, "" = any; ARGV[3] changed fields as JSON; ARGV[4] control channel; ARGV[5] its message
 * ARGV[6] newest format of records that may be changed
 * Returns {1, the new record}; {0, what is there} when that is no record or a newer version's; {} when that generation is
 * not there, or the session is.
 */
const updatePool = new Script<{ is: "changed" | "unreadable"; text: string } | null>({
  name: "updatePool",
  read: (reply: [0 | 1, string] | []) =>
    reply.length === 0 ? null : { is: reply[0] === 1 ? "changed" : "unreadable", text: reply[1] },
  lua: `${NOTE_CHANGE}${CHANGEABLE_RECORD}
if KEYS[2] and redis.call("EXISTS", KEYS[2]) == 1 then return {} end
local record, text = changeable_record(ARGV[1], ARGV[2], ARGV[6])
if not record then return text and {0, text} or {} end
for field, value in pairs(cjson.decode(ARGV[3])) do record[field] = value end
local changed = cjson.encode(record)
redis.call("HSET", KEYS[1], ARGV[1], changed)
redis.call("PUBLISH", ARGV[4], ARGV[5])
note_change(KEYS[1], "pools/" .. ARGV[1])
return {1, changed}
`,
});

/**
 * KEYS[1] registry hash
 * ARGV[1] pool name; ARGV[2] generation; ARGV[3] fields as JSON, of which those are set that the record lacks (of
 * maxTasksPerChild null is the same); ARGV[4] control channel; ARGV[5] its message; ARGV[6] newest format of records that may be
 * changed
 * Returns {1, the record}; {0, what is there} when that is no record or a newer version's; {} when that generation is not there.
 */
const completePool = new Script<{ is: "complete" | "unreadable"; text: string } | null>({
  name: "completePool",
  read: (reply: [0 | 1, string] | []) =>
    reply.length === 0 ? null : { is: reply[0] === 1 ? "complete" : "unreadable", text: reply[1] },
  lua: `${NOTE_CHANGE}${CHANGEABLE_RECORD}
local record, text = changeable_record(ARGV[1], ARGV[2], ARGV[6])
if not record then return text and {0, text} or {} end
local is_changed = false
for field, value in pairs(cjson.decode(ARGV[3])) do
  if record[field] == nil or (field == "maxTasksPerChild" and record[field] == cjson.null) then
    record[field] = value
    is_changed = true
  end
end
if not is_changed then return {1, text} end
local changed = cjson.encode(record)
redis.call("HSET", KEYS[1], ARGV[1], changed)
redis.call("PUBLISH", ARGV[4], ARGV[5])
note_change(KEYS[1], "pools/" .. ARGV[1])
return {1, changed}
`,
});

/**
 * KEYS[1] registry hash
 * ARGV[1] pool name; ARGV[2] generation; ARGV[3] revision; ARGV[4] encoded error; ARGV[5] control channel; ARGV[6] its message
 * Returns 1 when the pool is failed now, 0 when it is another one by now, or terminated.
 */
const failPool = new Script<"failed" | "another one">({
  name: "failPool",
  read: named({ 1: "failed", 0: "another one" }),
  lua: `${NOTE_CHANGE}
local text = redis.call("HGET", KEYS[1], ARGV[1])
if not text then return 0 end
local is_json, record = pcall(cjson.decode, text)
if not is_json or type(record) ~= "table" then return 0 end
if record.generation ~= ARGV[2] or (record.revision or 0) ~= tonumber(ARGV[3]) then return 0 end
if record.state == "failed" then return 1 end
if record.state ~= "running" then return 0 end
record.state = "failed"
record.failure = ARGV[4]
redis.call("HSET", KEYS[1], ARGV[1], cjson.encode(record))
redis.call("PUBLISH", ARGV[5], ARGV[6])
note_change(KEYS[1], "pools/" .. ARGV[1])
return 1
`,
});

/**
 * KEYS[1] registry hash
 * ARGV[1] pool name; ARGV[2] generation, "" = any; ARGV[3] initializer as JSON, "" = the one it has; ARGV[4] control channel;
 * ARGV[5] its message
 * Returns {1, new record} when it had failed, {0, record} when it had not, nil when that generation is not there.
 */
const resetPool = new Script<{ is: "reset" | "not failed"; text: string } | null>({
  name: "resetPool",
  read: (reply: [0 | 1, string] | null) => reply && { is: reply[0] === 1 ? "reset" : "not failed", text: reply[1] },
  lua: `${NOTE_CHANGE}
local text = redis.call("HGET", KEYS[1], ARGV[1])
if not text then return nil end
local is_json, record = pcall(cjson.decode, text)
if not is_json or type(record) ~= "table" then return {0, text} end
if ARGV[2] ~= "" and record.generation ~= ARGV[2] then return nil end
if record.state ~= "failed" then return {0, text} end
record.state = "running"
record.failure = cjson.null
record.revision = (record.revision or 0) + 1
if ARGV[3] ~= "" then record.initializer = cjson.decode(ARGV[3]) end
local changed = cjson.encode(record)
redis.call("HSET", KEYS[1], ARGV[1], changed)
redis.call("PUBLISH", ARGV[4], ARGV[5])
note_change(KEYS[1], "pools/" .. ARGV[1])
return {1, changed}
`,
});

/**
 * KEYS[1] registry hash
 * ARGV[1] pool name; ARGV[2] generation, "" = any; ARGV[3] control channel; ARGV[4] its message
 * Returns 1 when removed, 0 when that generation is not there.
 */
const removePool = new Script<"removed" | "not there">({
  name: "removePool",
  read: named({ 1: "removed", 0: "not there" }),
  lua: `${NOTE_CHANGE}
local text = redis.call("HGET", KEYS[1], ARGV[1])
if not text then return 0 end
if ARGV[2] ~= "" then
  local is_json, record = pcall(cjson.decode, text)
  if not is_json or type(record) ~= "table" or record.generation ~= ARGV[2] then return 0 end
end
redis.call("HDEL", KEYS[1], ARGV[1])
redis.call("PUBLISH", ARGV[3], ARGV[4])
note_change(KEYS[1], "pools/" .. ARGV[1])
return 1
`,
});
