import type { Logger } from "@manyhands/core";
import { Duty, type Keys, type Milliseconds, type RedisClient, Script } from "@manyhands/core/internal";
import { WAITING_JOBS } from "../fetcher/waiting-jobs.ts";

export interface CapKeeperOptions {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
  /** Names of the pools that the host serves. */
  pools: () => string[];
  /** Names of those of which jobs run here: their caps matter now. */
  busyPools: () => string[];
  /** This host looks at its idle pools, too: it serves some pools only, so no other one may do it for this one. */
  looksAtIdle: boolean;
}

/** Time between two looks while jobs run, ms. */
const INTERVAL: Milliseconds = 1_000;
/** Looks between two at pools that are idle, and how many of them one look takes, in turns. */
const IDLE_LOOKS = 10;
const IDLE_POOLS = 10;

/**
 * Keeps the cap of each pool in BullMQ's settings equal to the size in the pool's record, which is the truth: written
 * before the first job is fetched, when the size changes, after every reconnect, because a Redis that lost its data has
 * lost the caps too, and regularly, because other tools of BullMQ can change or remove them. What an idle pool is capped
 * at matters when it works again, and is looked at then, so that idle ones cost little: they are looked at in turns, a few
 * at a time, by one host for all of them with its look for foreign queues ({@link found}).
 */
export class CapKeeper {
  readonly #options: CapKeeperOptions;
  /** Sizes as they were written or found last. */
  readonly #sizes = new Map<string, string>();
  readonly #onReady = (): void => void this.keep();
  readonly #duty: Duty;
  #looks = 0;
  /** Place of the next idle pool. */
  #turn = 0;

  constructor(options: CapKeeperOptions) {
    this.#options = options;
    const { client, logger } = options;
    const what = "looking at the caps of pools";
    this.#duty = new Duty({ client, logger, what, interval: INTERVAL, look: () => this.#look() });
  }

  start(): void {
    this.#options.client.on("ready", this.#onReady);
    this.#duty.start();
  }

  async #look(): Promise<void> {
    const { busyPools, looksAtIdle } = this.#options;
    this.#looks += 1;
    const names = new Set(busyPools());
    if (looksAtIdle && this.#looks % IDLE_LOOKS === 0) for (const name of this.#nextIdle()) names.add(name);
    await this.keep([...names]);
  }

  /** These caps were found in BullMQ's settings, "" = none; those that are not as they were written are looked at. */
  async found(caps: readonly [pool: string, cap: string][]): Promise<void> {
    const served = new Set(this.#options.pools());
    await this.keep(
      caps.filter(([name, cap]) => served.has(name) && this.#sizes.get(name) !== cap).map(([name]) => name),
    );
  }

  #nextIdle(): string[] {
    const pools = this.#options.pools();
    const from = this.#turn < pools.length ? this.#turn : 0;
    this.#turn = from + IDLE_POOLS;
    return pools.slice(from, this.#turn);
  }

  stop(): void {
    void this.#duty.stop();
    this.#options.client.off("ready", this.#onReady);
  }

  /**
   * Writes the caps that differ, in one step. Never rejects: the next look writes them.
   * @returns false when they could not be written
   */
  async keep(names: readonly string[] = this.#options.pools()): Promise<boolean> {
    const { client, keys, logger } = this.#options;
    if (names.length === 0) return true;
    const parts = names.flatMap((name) =>
      (["meta", "wait", "prioritized", "marker"] as const).map((part) => keys.queue(name, part)),
    );
    try {
      const rows = await keepCaps.run(client, [keys.pools, ...parts], [...names]);
      for (const [name, found, size] of rows) {
        // At the opening and after a resize a difference is no surprise.
        if (found !== size && this.#sizes.get(name) === size) {
          const tool = found === "" ? "removed the limit" : `set the limit to ${found}`;
          logger.warn(`pool "${name}": another tool of BullMQ ${tool}; it is ${size === "" ? "none" : size} again`);
        }
        this.#sizes.set(name, size);
      }
      return true;
    } catch (error) {
      logger.warn(`the caps of pools could not be written: ${(error as Error).message}`);
      return false;
    }
  }

  /** The pool is no longer served here. */
  forget(name: string): void {
    this.#sizes.delete(name);
  }
}

/**
 * KEYS[1] registry hash; then for each pool: hash of the queue's settings; list of waiting jobs; sorted set of prioritized
 * jobs; sorted set of markers
 * ARGV names of the pools
 * A pool whose keys hold other types is left alone: it must not keep the others from their caps. So is one without a record
 * that can be read, or a terminated one. A worker that waits is woken where a cap was changed, because BullMQ does not
 * announce a raised one.
 * Returns for each other pool {name, cap that was found, size}, "" = none.
 */
const keepCaps = new Script<[name: string, found: string, size: string][]>({
  name: "keepCaps",
  lua: `${WAITING_JOBS}
local rows = {}
local function is(key, kind)
  local found = redis.call("TYPE", key).ok
  return found == kind or found == "none"
end
local texts = {}
-- Lua passes a few thousand values at once.
for from = 1, #ARGV, 1000 do
  for _, text in ipairs(redis.call("HMGET", KEYS[1], unpack(ARGV, from, math.min(from + 999, #ARGV)))) do
    texts[#texts + 1] = text
  end
end
for index, name in ipairs(ARGV) do
  local at = 2 + 4 * (index - 1)
  -- The types of the others are looked at when a cap has to be written: a host looks here all the time.
  local found = redis.pcall("HGET", KEYS[at], "concurrency") or ""
  local is_usable = type(found) == "string"
  local is_json, record = pcall(cjson.decode, texts[index] or "")
  if is_usable and is_json and type(record) == "table" and record.state ~= "terminated" then
    local meta = KEYS[at]
    local size = ""
    if record.size ~= cjson.null and record.size ~= nil then size = string.format("%.0f", record.size) end
    if found ~= size and is(KEYS[at + 1], "list") and is(KEYS[at + 2], "zset") and is(KEYS[at + 3], "zset") then
      if size == "" then
        redis.call("HDEL", meta, "concurrency")
      else
        redis.call("HSET", meta, "concurrency", size)
      end
      if waiting_jobs(KEYS[at + 1], KEYS[at + 2], meta) > 0 then redis.call("ZADD", KEYS[at + 3], 0, "0") end
    end
    rows[#rows + 1] = {name, found, size}
  end
end
return rows
`,
});
