import type { Logger } from "@manyhands/core";
import {
  Heart,
  type Keys,
  type Milliseconds,
  ObjectInspector,
  REAPED_KINDS,
  type RedisClient,
  withinReach,
} from "@manyhands/core/internal";
import { Duty } from "../duties/duty.ts";

export interface ReaperOptions {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
}

/** Time between two looks at what is past its deadline, and between two tries to end a session, ms. */
export const WATCH_INTERVAL: Milliseconds = 5_000;

/** What a child had sent before it ended has reached Redis after this, ms. */
const LAST_WORDS: Milliseconds = 1_000;
/** Longest time that a host which stops gives to the ends of its children's sessions, ms. */
const STOP_DEADLINE: Milliseconds = 500;

/** A session to end. */
interface Ending {
  /** Ends that it still needs. */
  times: number;
  /** Whether it was there although its process was gone. */
  wasAlive: boolean;
}

/**
 * Returns what the dead held.
 *
 * Duties: 1. watches the deadlines of the namespace ({@link watch}), so that dead programs are noticed also when only idle
 * hosts are left; 2. ends the sessions of this host's own children with the child: its locks are free at once and not only when
 * their leases have run out. The end is repeated a moment later, for what the child still had on its way to Redis.
 */
export class Reaper {
  readonly #options: ReaperOptions;
  readonly #heart: Heart;
  readonly #objects: ObjectInspector;
  readonly #ending = new Map<string, Ending>();
  readonly #retrying: Duty;
  #repetition: NodeJS.Timeout | undefined;
  #ends: Promise<void> | undefined;

  constructor(options: ReaperOptions) {
    this.#options = options;
    this.#heart = new Heart(options.client, options.keys, REAPED_KINDS);
    this.#objects = new ObjectInspector(options);
    const { client, logger } = options;
    this.#retrying = new Duty({
      ...{ client, logger, what: "ending the sessions of children", interval: WATCH_INTERVAL },
      look: () => this.#endAll(),
    });
  }

  start(): void {
    this.#retrying.start();
  }

  /** One look at what is past its deadline: for the whole fleet, so that one host at a time does it. */
  async watch(): Promise<void> {
    await this.#heart.beat(null, { interval: WATCH_INTERVAL });
  }

  /** The process or thread with these sessions is gone. Never throws; what fails is tried again. */
  end(sessions: readonly string[]): void {
    for (const session of sessions) this.#ending.set(session, { times: 2, wasAlive: false });
    void this.#endAll();
  }

  /** Ends what is still to be ended, as far as Redis answers. */
  async stop(): Promise<void> {
    const stopped = this.#retrying.stop();
    clearTimeout(this.#repetition);
    if (this.#ending.size > 0) await withinReach(this.#options.client, this.#endAll(), STOP_DEADLINE);
    await withinReach(this.#options.client, stopped, STOP_DEADLINE);
    clearTimeout(this.#repetition);
  }

  /** One pass at a time; what is added meanwhile belongs to it. */
  async #endAll(): Promise<void> {
    // A pass without anything to do would be over before it is noted here, and then be taken for one under way for ever.
    if (this.#ending.size > 0) this.#ends ??= this.#endEach();
    await this.#ends;
  }

  async #endEach(): Promise<void> {
    for (const [session, ending] of this.#ending) await this.#endOne(session, ending);
    this.#ends = undefined;
    clearTimeout(this.#repetition);
    if (this.#ending.size > 0) this.#repetition = setTimeout(() => void this.#endAll(), LAST_WORDS).unref();
  }

  async #endOne(session: string, ending: Ending): Promise<void> {
    const { client, keys } = this.#options;
    try {
      // A child that ended in order has given everything back, and need not cost a look at all locks.
      ending.wasAlive ||= (await client.exists(keys.session(session))) === 1;
      await this.#heart.end(session, { exited: true });
      if (ending.wasAlive) await this.#objects.releaseLocksOf(session);
    } catch {
      // Redis is away, or this host cut its connection: the next look tries again, and the lease ends by itself.
      return;
    }
    ending.times -= 1;
    // It may have been told anew meanwhile.
    if (ending.times === 0 && this.#ending.get(session) === ending) this.#ending.delete(session);
  }
}
