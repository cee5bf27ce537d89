import { got, ValueError } from "../errors/index.ts";
import type { RedisClient } from "../redis/connection/index.ts";
import type { Keys } from "../redis/keys.ts";
import type { Milliseconds } from "../time/index.ts";
import type { ScheduleTimes } from "./schedule-times.ts";
import { shiftDelayed } from "./shift-delayed.ts";

export interface TestClockOptions {
  client: RedisClient;
  keys: Keys;
  /** Names of the pools. */
  pools: () => Promise<string[]>;
  promote: (id: string, pool: string) => Promise<unknown>;
  drain: () => Promise<void>;
  schedules: ScheduleTimes;
}

/** Longest time that a clock is advanced by at once: ten years, ms. */
const LONGEST_ADVANCE: Milliseconds = 10 * 366 * 86_400_000;

/** The time by which delayed tasks and schedules become due. It goes on by itself, and jumps when it is told to. */
export class TestClock {
  readonly #options: TestClockOptions;
  #ahead: Milliseconds = 0;
  #advancing: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(options: TestClockOptions) {
    this.#options = options;
  }

  /** The time of this clock, epoch ms. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  /**
   * Moves the clock on: delayed tasks, further tries and scheduled runs that become due meanwhile run in the order of their
   * times, each with what it submits. Resolves when they have ended.
   *
   * @throws ValueError for a time that is no whole number of ms from 0; TimeoutError as `drain()`
   */
  async advance(time: Milliseconds): Promise<void> {
    if (!Number.isSafeInteger(time) || time < 0 || time > LONGEST_ADVANCE) {
      throw new ValueError(`advance() takes whole milliseconds from 0 to ${LONGEST_ADVANCE}; got ${got(time)}`);
    }
    const advanced = this.#advancing.then(() => this.#advance(time));
    this.#advancing = advanced.catch(() => {});
    await advanced;
  }

  async #advance(time: Milliseconds): Promise<void> {
    const { schedules } = this.#options;
    let left = time;
    for (;;) {
      await this.#drain();
      // Also those that a task has set meanwhile.
      await schedules.follow(this.now());
      const step = await this.#untilNext();
      if (step === null || step > left) break;
      left -= step;
      await this.#shift(step);
      await this.#promoteDue();
      await schedules.trigger(this.now());
    }
    await this.#shift(left);
  }

  /** With the runs that wait for one before them. */
  async #drain(): Promise<void> {
    await this.#options.drain();
    await this.#options.schedules.startQueued();
    await this.#options.drain();
  }

  async #untilNext(): Promise<Milliseconds | null> {
    const [[next], scheduled] = await Promise.all([this.#delayed(), this.#options.schedules.next()]);
    const times = [
      ...(next === undefined ? [] : [next.due - Date.now()]),
      ...(scheduled === null ? [] : [scheduled - this.now()]),
    ];
    return times.length === 0 ? null : Math.max(0, Math.ceil(Math.min(...times)));
  }

  async #promoteDue(): Promise<void> {
    for (const { id, pool, due } of await this.#delayed()) {
      if (due <= Date.now()) await this.#options.promote(id, pool);
    }
  }

  /** The delayed tasks of all pools that are due first, the earliest one first. */
  async #delayed(): Promise<{ id: string; pool: string; due: number }[]> {
    await this.#shift(0);
    const found = await Promise.all(
      (await this.#options.pools()).map(async (pool) => {
        const key = this.#options.keys.queue(pool, "delayed");
        const flat = await this.#options.client.zrange(key, 0, "99", "WITHSCORES");
        return Array.from({ length: flat.length / 2 }, (_, index) => ({
          id: flat[2 * index] ?? "",
          pool,
          due: Number(flat[2 * index + 1]) / SCORES_PER_MS,
        }));
      }),
    );
    return found.flat().sort((one, other) => one.due - other.due);
  }

  async #shift(step: Milliseconds): Promise<void> {
    this.#ahead += step;
    const { client, keys } = this.#options;
    const pools = await this.#options.pools();
    await Promise.all(
      pools.map((pool) => shiftDelayed.run(client, [keys.queue(pool, "delayed")], [step, this.#ahead])),
    );
  }
}

/** BullMQ's scores of delayed jobs are times with room for an order within each millisecond. */
const SCORES_PER_MS = 4_096;
