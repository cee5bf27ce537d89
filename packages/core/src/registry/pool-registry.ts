import type { RedisClient } from "../connection/index.ts";
import type { Keys } from "../protocol/keys.ts";
import type { PoolRecord } from "../protocol/records.ts";
import { Script } from "../script/index.ts";

/** What may be changed in a pool's record after it was made. */
export type PoolPatch = Partial<Pick<PoolRecord, "size" | "state" | "failure" | "fence" | "maxTasksPerChild">>;

/**
 * The pools of a namespace, known to every host.
 *
 * Each change is one script that also publishes `pools-changed` on the control channel. The message is a hint: hosts
 * read the registry again after it, after every reconnect and every few seconds.
 */
export class PoolRegistry {
  readonly #client: RedisClient;
  readonly #keys: Keys;

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  async list(): Promise<PoolRecord[]> {
    const records = await this.#client.hvals(this.#keys.pools);
    return records.map((text) => JSON.parse(text) as PoolRecord);
  }

  async get(name: string): Promise<PoolRecord | null> {
    const text = await this.#client.hget(this.#keys.pools, name);
    return text === null ? null : (JSON.parse(text) as PoolRecord);
  }

  /**
   * Makes a pool unless one of that name exists.
   * @returns the record that is in force, and whether this call made it
   */
  async create(record: Omit<PoolRecord, "createdAt">): Promise<{ created: boolean; record: PoolRecord }> {
    const [created, text] = (await createPool.run(
      this.#client,
      [this.#keys.pools],
      [record.name, JSON.stringify(record), this.#keys.control, this.#message(record.name)],
    )) as [number, string];
    return { created: created === 1, record: JSON.parse(text) as PoolRecord };
  }

  /**
   * Changes fields of a pool.
   * @param generation - Only this generation of the pool; null = whichever is there.
   * @returns the new record, or null when there is no such pool
   */
  async update(name: string, generation: string | null, patch: PoolPatch): Promise<PoolRecord | null> {
    const text = (await updatePool.run(
      this.#client,
      [this.#keys.pools],
      [name, generation ?? "", JSON.stringify(patch), this.#keys.control, this.#message(name)],
    )) as string | null;
    return text === null ? null : (JSON.parse(text) as PoolRecord);
  }

  /**
   * Marks a pool as failed, for example because its initializer threw.
   * @param failure - `encodeToString(error)`
   */
  async fail(name: string, generation: string, failure: string): Promise<PoolRecord | null> {
    return this.update(name, generation, { state: "failed", failure });
  }

  /** Hosts kill what still runs in a terminated pool. */
  async terminate(name: string, generation: string | null): Promise<PoolRecord | null> {
    return this.update(name, generation, { state: "terminated" });
  }

  /** Forgets a pool; its BullMQ queue is removed by whoever calls this. @returns false when it was not there */
  async remove(name: string, generation: string | null): Promise<boolean> {
    const removed = await removePool.run(
      this.#client,
      [this.#keys.pools],
      [name, generation ?? "", this.#keys.control, this.#message(name)],
    );
    return removed === 1;
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
const createPool = new Script({
  name: "createPool",
  lua: `
local existing = redis.call("HGET", KEYS[1], ARGV[1])
if existing then return {0, existing} end
local now = redis.call("TIME")
local createdAt = string.format("%.0f", now[1] * 1000 + math.floor(now[2] / 1000))
local record = string.sub(ARGV[2], 1, -2) .. ',"createdAt":' .. createdAt .. "}"
redis.call("HSET", KEYS[1], ARGV[1], record)
redis.call("PUBLISH", ARGV[3], ARGV[4])
return {1, record}
`,
});

/**
 * KEYS[1] registry hash
 * ARGV[1] pool name; ARGV[2] generation, "" = any; ARGV[3] changed fields as JSON; ARGV[4] control channel; ARGV[5] its message
 * Returns the new record, or nil when that generation is not there.
 */
const updatePool = new Script({
  name: "updatePool",
  lua: `
local text = redis.call("HGET", KEYS[1], ARGV[1])
if not text then return nil end
local record = cjson.decode(text)
if ARGV[2] ~= "" and record.generation ~= ARGV[2] then return nil end
for field, value in pairs(cjson.decode(ARGV[3])) do record[field] = value end
local changed = cjson.encode(record)
redis.call("HSET", KEYS[1], ARGV[1], changed)
redis.call("PUBLISH", ARGV[4], ARGV[5])
return changed
`,
});

/**
 * KEYS[1] registry hash
 * ARGV[1] pool name; ARGV[2] generation, "" = any; ARGV[3] control channel; ARGV[4] its message
 * Returns 1 when removed, 0 when that generation is not there.
 */
const removePool = new Script({
  name: "removePool",
  lua: `
local text = redis.call("HGET", KEYS[1], ARGV[1])
if not text then return 0 end
if ARGV[2] ~= "" and cjson.decode(text).generation ~= ARGV[2] then return 0 end
redis.call("HDEL", KEYS[1], ARGV[1])
redis.call("PUBLISH", ARGV[3], ARGV[4])
return 1
`,
});
