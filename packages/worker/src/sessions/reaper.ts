import type { Logger } from "@manyhands/core";
import {
  Duty,
  Heart,
  type Keys,
  type Milliseconds,
  ObjectInspector,
  REAPED_KINDS,
  type RedisClient,
  withinReach,
} from "@manyhands/core/internal";

export interface ReaperOptions {
  client: RedisClient;
  keys: Keys;
  logger: Logger;
}

/** Time between two looks at what is past its deadline, and between two tries to end a session, ms. */
export const WATCH_INTERVAL: Milliseconds = 5_000;

/** What a child had sent before it ended has reached Redis after this, ms: then its session is ended once more. */
const LAST_WORDS: Milliseconds = 1_000;
/** Longest time that a host which stops gives to the ends of its children's sessions, ms. */
const STOP_DEADLINE: Milliseconds = 500;

/** A session to end. */
interface Ending {
  /** Ends that it still needs. */
  times: number;
  /** By the monotonic clock. */
  dueAt: Milliseconds;
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
  readonly #duty: Duty;

  constructor(options: ReaperOptions) {
    this.#options = options;
    this.#heart = new Heart(options.client, options.keys, REAPED_KINDS);
    this.#objects = new ObjectInspector(options);
    const { client, logger } = options;
    this.#duty = new Duty({
      ...{ client, logger, what: "ending the sessions of children", interval: WATCH_INTERVAL },
      look: () => this.#endDue(),
    });
  }

  start(): void {
    this.#duty.start();
  }

  /** One look at what is past its deadline: for the whole fleet, so that one host at a time does it. */
  async watch(): Promise<void> {
    await this.#heart.beat(null, { interval: WATCH_INTERVAL });
  }

  /** The process or thread with these sessions is gone. Never throws; what fails is tried again. */
  end(sessions: readonly string[]): void {
    const dueAt = performance.now();
    for (const session of sessions) this.#ending.set(session, { times: 2, dueAt, wasAlive: false });
    void this.#duty.again();
  }

  /** Ends what is still to be ended, as far as Redis answers. */
  async stop(): Promise<void> {
    const { client } = this.#options;
    for (const ending of this.#ending.values()) ending.dueAt = 0;
    if (this.#ending.size > 0) await withinReach(client, this.#duty.again(), STOP_DEADLINE);
    await withinReach(client, this.#duty.stop(), STOP_DEADLINE);
  }

  /** @returns when the next one is due, ms */
  async #endDue(): Promise<Milliseconds | undefined> {
    for (const [session, ending] of this.#ending) {
      if (ending.dueAt <= performance.now()) await this.#endOne(session, ending);
    }
    const dueAt = Math.min(...[...this.#ending.values()].map((ending) => ending.dueAt));
    return dueAt === Number.POSITIVE_INFINITY ? undefined : Math.max(0, dueAt - performance.now());
  }

  async #endOne(session: string, ending: Ending): Promise<void> {
    const { client, keys } = this.#options;
    try {
      // A child that ended in order has given everything back, and need not cost a look at all locks.
      ending.wasAlive ||= (await client.exists(keys.session(session))) === 1;
      await this.#heart.end(session, { exited: true });
      if (ending.wasAlive) await this.#objects.releaseLocksOf(session);
    } catch {
      // Redis is away, or this host cut its connection: it is tried again, and the lease ends by itself.
      ending.dueAt = performance.now() + LAST_WORDS;
      return;
    }
    ending.times -= 1;
    ending.dueAt = performance.now() + LAST_WORDS;
    // It may have been told anew meanwhile.
    if (ending.times === 0 && this.#ending.get(session) === ending) this.#ending.delete(session);
  }
}
