import { isRefusal, type Milliseconds, type RedisClient, roundTripOf, Script } from "@manyhands/core/internal";

export interface MarkerWaitOptions {
  /** Opens a connection for this wait alone: nothing else can use one that blocks. */
  open: () => RedisClient;
  /** A connection is there, for the first time or again: what it was about to hear before may be lost. */
  onReady: () => void;
  client: RedisClient;
  /** Sorted set through which this host wakes its own wait. */
  wakeKey: string;
}

/** What ended a wait: the marker of a queue, and when its work is due by the clock of who wrote it, epoch ms; 0 = now. */
export interface Marker {
  key: string;
  due: number;
}

/** A blocking read that takes so much longer than it may has lost its connection without a word, ms. */
const OVERDUE: Milliseconds = 1_500;
/** Round trips of such a read. */
const ROUNDS = 4;
/** Pause after a read that failed with its connection, ms. */
const LOST_PAUSE: Milliseconds = 100;
/** How long an unread wake-up is kept, ms. */
const WAKE_LIFE: Milliseconds = 10_000;

/**
 * Waits on one connection for the markers with which BullMQ announces work in any of many queues. One wait is under way
 * at a time; it ends by a marker, by {@link wake}, or when its time is over, also when the connection is lost.
 */
export class MarkerWait {
  readonly #options: MarkerWaitOptions;
  #blocking: RedisClient;
  #isClosed = false;
  /** Ends the wait that is under way. */
  #giveUp: () => void = () => {};

  constructor(options: MarkerWaitOptions) {
    this.#options = options;
    this.#blocking = this.#open();
  }

  /**
   * @param seconds - Longest wait.
   * @returns null when no marker came
   * @throws what Redis replies: it refuses, or one of the keys holds another type
   */
  async next(markers: readonly string[], seconds: number): Promise<Marker | null> {
    const { wakeKey } = this.#options;
    const read = this.#blocking.bzpopmin(wakeKey, ...markers, seconds).then(
      (answer) => answer,
      async (error: Error) => {
        if (error.name === "ReplyError" || isRefusal(error)) throw error;
        // The connection is lost, or closed: no haste.
        await new Promise((resolve) => setTimeout(resolve, LOST_PAUSE).unref());
        return null;
      },
    );
    // Where the wait is given up before.
    read.catch(() => {});
    const answer = await this.#unlessOverdue(read, seconds * 1_000);
    if (!answer || answer[0] === wakeKey) return null;
    const due = Number(answer[2]);
    return { key: answer[0], due: Number.isFinite(due) ? due : 0 };
  }

  /** Ends the wait that is under way, or the next one at once. */
  wake(): void {
    const { client, wakeKey } = this.#options;
    if (this.#isClosed) return;
    wakeWait.run(client, [wakeKey], [WAKE_LIFE]).catch(() => {});
  }

  /** Ends the wait that is under way without Redis. */
  close(): void {
    this.#isClosed = true;
    this.#giveUp();
    this.#blocking.disconnect();
  }

  #open(): RedisClient {
    const { open, onReady } = this.#options;
    const blocking = open();
    blocking.on("ready", onReady);
    return blocking;
  }

  /** Gives up a read that does not end although Redis is there, with its connection. */
  async #unlessOverdue<Answer>(read: Promise<Answer | null>, limit: Milliseconds): Promise<Answer | null> {
    let timer: NodeJS.Timeout | undefined;
    const patience = (): Milliseconds => limit + roundTripOf(this.#options.client).patience(OVERDUE, ROUNDS);
    const overdue = new Promise<"overdue">((resolve) => {
      this.#giveUp = () => resolve("overdue");
      const look = (): void => {
        // While there is no connection the read is kept, and sent when there is one.
        if (this.#blocking.status === "ready") resolve("overdue");
        else timer = setTimeout(look, patience());
      };
      timer = setTimeout(look, patience());
    });
    const ended = await Promise.race([read, overdue]).finally(() => clearTimeout(timer));
    if (ended !== "overdue") return ended;
    if (this.#isClosed) return null;
    // Not the same one again: a cluster's client that is disconnected may keep the read, and send it later.
    this.#blocking.disconnect();
    this.#blocking = this.#open();
    return null;
  }
}

/**
 * KEYS[1] sorted set through which a host wakes its wait
 * ARGV[1] how long it is kept when nothing waits, ms
 * Returns 1.
 */
const wakeWait = new Script<number>({
  name: "wakeWait",
  lua: `
redis.call("ZADD", KEYS[1], 0, "wake")
redis.call("PEXPIRE", KEYS[1], ARGV[1])
return 1
`,
});
