import type { Logger } from "@manyhands/core";
import { Duty, type Keys, type Milliseconds, type QueuePart, type RedisClient, Script } from "@manyhands/core/internal";
import { WAITING_JOBS } from "./waiting-jobs.ts";

/** Queues that one command looks at. */
const BATCH = 500;
/** The first ones are absent while there is nothing in the queue. */
const PARTS = ["wait", "prioritized", "delayed", "active", "stalled", "meta", "marker"] as const;
const LOOKED_AT = PARTS.slice(0, 5);

/** A queue of BullMQ that this host serves. */
interface SweptQueue {
  readonly name: string;
  /** Puts jobs back in line whose host is gone. */
  checkStalled(): Promise<void>;
  /** Puts jobs back in line that this host has taken without an answer. */
  giveBackLostTakes(): Promise<void>;
}

export interface SweepOptions {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
  /** Longest time between two sweeps. */
  interval: Milliseconds;
  /** Queues that other hosts sweep, too. */
  shared: () => readonly SweptQueue[];
  /** Queues that perhaps no other host serves. */
  own: () => readonly SweptQueue[];
}

/**
 * Looks at queues: 1. jobs whose host is gone go back in line; 2. work that no marker announces is announced: a marker is
 * lost with the host, or the connection, that took it; 3. after a reconnect, jobs that this host has taken without an answer
 * go back in line. Queues in which there is nothing cost one command for all of them.
 *
 * A host sweeps its own queues regularly, those that it shares when it is its turn, and all of them after each reconnect.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #duty: Duty;
  #isAllDue = false;
  readonly #onReady = (): void => this.soon();

  constructor(options: SweepOptions) {
    this.#options = options;
    const { client, logger, interval } = options;
    this.#duty = new Duty({ client, logger, what: SWEEPING, interval, look: () => this.#look() });
  }

  start(): void {
    this.#options.client.on("ready", this.#onReady);
    this.#duty.start();
  }

  async stop(): Promise<void> {
    this.#options.client.off("ready", this.#onReady);
    await this.#duty.stop();
  }

  /** Sweeps all queues without waiting for the next time. */
  soon(): void {
    this.#isAllDue = true;
    this.#duty.soon();
  }

  /** Sweeps the queues that are shared. */
  async sweepShared(): Promise<void> {
    await sweep(this.#options, this.#options.shared());
  }

  async #look(): Promise<void> {
    const { shared, own } = this.#options;
    const isAll = this.#isAllDue;
    this.#isAllDue = false;
    const active = await sweep(this.#options, isAll ? [...shared(), ...own()] : own());
    if (isAll) await Promise.all(active.map((queue) => queue.giveBackLostTakes()));
  }
}

/** For messages. */
export const SWEEPING = "looking for lost jobs";

/** @returns the queues in which jobs run */
async function sweep(
  { client, keys }: { client: RedisClient; keys: Keys },
  queues: readonly SweptQueue[],
): Promise<SweptQueue[]> {
  const active: SweptQueue[] = [];
  for (let from = 0; from < queues.length; from += BATCH) {
    const batch = queues.slice(from, from + BATCH);
    const keysOf = (parts: readonly QueuePart[]): string[] =>
      batch.flatMap(({ name }) => parts.map((part) => keys.queue(name, part)));
    if ((await client.exists(...keysOf(LOOKED_AT))) === 0) continue;
    const places = await sweepQueues.run(client, keysOf(PARTS), [Date.now()]);
    active.push(...batch.filter((_, index) => places.includes(index)));
  }
  await Promise.all(active.map((queue) => queue.checkStalled()));
  return active;
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
  lua: `${WAITING_JOBS}
local now = tonumber(ARGV[1])
local active = {}
for index = 1, #KEYS, ${PARTS.length} do
  local wait, prioritized, delayed, running, stalled, meta, marker = unpack(KEYS, index, index + ${PARTS.length - 1})
  -- Of most queues nothing is there.
  if redis.call("EXISTS", wait, prioritized, delayed, running, stalled) > 0 then
    local runs = redis.pcall("LLEN", running)
    if type(runs) ~= "number" then runs = 0 end
    if runs > 0 or redis.call("EXISTS", stalled) == 1 then active[#active + 1] = (index - 1) / ${PARTS.length} end
    local works = waiting_jobs(wait, prioritized, meta) > 0
    if not works then
      local first = redis.pcall("ZRANGE", delayed, 0, 0, "WITHSCORES")
      works = first[2] ~= nil and tonumber(first[2]) / 4096 <= now and redis.pcall("HEXISTS", meta, "paused") == 0
    end
    if works and redis.call("EXISTS", marker) == 0 then
      local cap = redis.pcall("HGET", meta, "concurrency")
      cap = type(cap) == "string" and tonumber(cap)
      if not (cap and runs >= cap) then redis.call("ZADD", marker, 0, "0") end
    end
  end
end
return active
`,
});
