import type { Logger } from "@manyhands/core";
import { type Keys, type Milliseconds, type RedisClient, Script } from "@manyhands/core/internal";
import type { ServedQueue } from "./served-queue.ts";

export interface SweepOptions {
  client: RedisClient;
  keys: Keys;
  /** Time between two sweeps. */
  interval: Milliseconds;
  queues: () => readonly ServedQueue[];
  logger: Logger;
}

/** Queues that one script looks at. */
const BATCH = 200;
const KINDS = ["wait", "prioritized", "delayed", "active", "stalled", "meta", "marker"];
/** A sweep that is asked for begins so much later, with all that is asked for until then, ms. */
const COLLECT: Milliseconds = 20;

/**
 * Looks at all queues of the host regularly, and after each reconnect: 1. jobs whose host is gone go back in line; 2. work
 * that no marker announces is announced: a marker is lost with the host, or the connection, that took it. Queues in which
 * there is nothing cost one command for all of them.
 */
export class Sweep {
  readonly #options: SweepOptions;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isStopped = false;
  readonly #onReady = (): void => this.soon();

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.client.on("ready", this.#onReady);
    this.#next();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.client.off("ready", this.#onReady);
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
    await this.#sweeping;
  }

  /** Sweeps without waiting for the next time. */
  soon(): void {
    if (this.#isStopped) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#begin();
    }, COLLECT).unref();
  }

  /** The hosts of a fleet spread: each waits a little less than the interval. */
  #next(): void {
    this.#timer = setTimeout(
      () => {
        this.#begin();
        this.#next();
      },
      this.#options.interval * (0.9 + Math.random() / 10),
    ).unref();
  }

  #begin(): void {
    if (this.#isStopped || this.#sweeping !== undefined || this.#options.client.status !== "ready") return;
    this.#sweeping = this.#sweep()
      .catch((error: Error) =>
        this.#options.logger.warn(`looking for lost jobs failed, trying again: ${error.message}`),
      )
      .finally(() => {
        this.#sweeping = undefined;
      });
  }

  async #sweep(): Promise<void> {
    const { client, keys } = this.#options;
    const queues = this.#options.queues();
    for (let from = 0; from < queues.length && !this.#isStopped; from += BATCH) {
      const batch = queues.slice(from, from + BATCH);
      const parts = batch.flatMap(({ name }) => KINDS.map((kind) => keys.job(name, kind)));
      const active = await sweepQueues.run(client, parts, [Date.now()]);
      await Promise.all(active.map((index) => batch[index]?.checkStalled()));
    }
  }
}

/**
 * KEYS for each queue of BullMQ: list of waiting jobs; sorted sets of prioritized and of delayed jobs; list of active jobs;
 * set of jobs that may be stalled; hash of settings; sorted set of markers
 * ARGV[1] now, epoch ms of the host, as BullMQ compares delays
 * Writes the marker of a queue that has jobs to take and no marker, unless it is paused or as many of its jobs run as may.
 * Returns the places, from 0, of the queues in which jobs run.
 */
const sweepQueues = new Script<number[]>({
  name: "sweepQueues",
  lua: `
local now = tonumber(ARGV[1])
local looked = {}
for index = 1, #KEYS, ${KINDS.length} do
  for part = 0, 4 do looked[#looked + 1] = KEYS[index + part] end
end
local active = {}
if redis.call("EXISTS", unpack(looked)) == 0 then return active end
local function number(reply) return type(reply) == "number" and reply or 0 end
for index = 1, #KEYS, ${KINDS.length} do
  local wait, prioritized, delayed, running, stalled, meta, marker = unpack(KEYS, index, index + ${KINDS.length - 1})
  local runs = number(redis.pcall("LLEN", running))
  if runs > 0 or redis.call("EXISTS", stalled) == 1 then active[#active + 1] = (index - 1) / ${KINDS.length} end
  local waits = number(redis.pcall("LLEN", wait)) + number(redis.pcall("ZCARD", prioritized))
  if waits == 0 then
    local first = redis.pcall("ZRANGE", delayed, 0, 0, "WITHSCORES")
    if first[2] and tonumber(first[2]) / 4096 <= now then waits = 1 end
  end
  if waits > 0 and redis.call("EXISTS", marker) == 0 then
    local settings = redis.pcall("HMGET", meta, "paused", "concurrency")
    local cap = tonumber(settings[2] or "")
    if not settings.err and not settings[1] and not (cap and runs >= cap) then redis.call("ZADD", marker, 0, "0") end
  end
end
return active
`,
});
