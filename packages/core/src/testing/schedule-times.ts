import type { RedisClient } from "../redis/connection/index.ts";
import type { Keys } from "../redis/keys.ts";
import { firstDue, moveToClock, ScheduleRunner } from "../work/schedules/index.ts";

/** The schedules of a namespace by the clock of a test. */
export class ScheduleTimes {
  readonly #client: RedisClient;
  readonly #keys: Keys;
  readonly #runner: ScheduleRunner;

  constructor({ client, keys }: { client: RedisClient; keys: Keys }) {
    this.#client = client;
    this.#keys = keys;
    const logger = { info: () => {}, warn: (text: string) => void process.stderr.write(`manyhands: ${text}\n`) };
    // Never started: it triggers what is due by the clock of the test.
    this.#runner = new ScheduleRunner({ client, keys, logger, announcedTask: async () => null });
  }

  /** Has those that were set, or resumed, while the clock was ahead be due by the clock. @param now - Of the clock, epoch ms. */
  async follow(now: number): Promise<void> {
    await moveToClock({ client: this.#client, keys: this.#keys }, now);
  }

  /** When the next run starts, by the clock, epoch ms; null when no schedule is active. */
  async next(): Promise<number | null> {
    return firstDue({ client: this.#client, keys: this.#keys });
  }

  /** Triggers what is due, and starts what waited for runs that have ended. @param now - Of the clock, epoch ms. */
  async trigger(now: number): Promise<void> {
    await this.#runner.triggerBy(now);
  }

  async startQueued(): Promise<void> {
    await this.#runner.startQueued();
  }

  async close(): Promise<void> {
    await this.#runner.stop();
  }
}
