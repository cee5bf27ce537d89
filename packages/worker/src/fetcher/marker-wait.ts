import { isRefusal, type Milliseconds, pause, type RedisClient, roundTripOf, Script } from "@manyhands/core/internal";

export interface MarkerWaitOptions {
  /** Opens a connection for this wait alone: nothing else can use one that blocks. */
  open: () => RedisClient;
  /** A connection is there, for the first time or again: what it was about to receive before may be lost. */
  onReady: () => void;
  /** The connection is lost. */
  onLost: () => void;
  /** The wait was ended by something that is for this host alone. @returns whether more has come with it */
  onMessage: (member: string) => boolean;
  client: RedisClient;
  /** Sorted set through which this host wakes its own wait, and others hand it a job, or wake it for work that they found. */
  wakeKey: string;
}

/** What ended a wait: the marker of a queue, and when its work is due by the clock of who wrote it, epoch ms; 0 = now. */
export interface Marker {
  key: string;
  due: number;
}

/** A blocking read that takes so much longer than it may has lost its connection unnoticed, ms. */
const OVERDUE: Milliseconds = 1_500;
/** Round trips of such a read. */
const ROUNDS = 4;
/** Messages in one read. */
const MESSAGES = 32;
/** Pause after a read that failed with its connection, ms. */
const LOST_PAUSE: Milliseconds = 100;
/** What a host wakes itself with; other hosts write the key of a queue's markers. */
const WAKE = "wake";
/** How long an unread wake-up is kept, ms. */
const WAKE_LIFE: Milliseconds = 10_000;

/**
 * Waits on one connection for the markers with which BullMQ announces work in any of many queues. One wait is under way
 * at a time; it ends by a marker, by {@link wake}, or when its time is over, also when the connection is lost.
 */
export class MarkerWait {
  readonly #options: MarkerWaitOptions;
  #blocking: RedisClient;
  /** Keys of markers of queues for which other hosts have woken this one. */
  readonly #called: string[] = [];
  #isClosed = false;
  /** There are more messages than the one that ended the last wait. */
  #hasMore = false;
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
    const called = this.#nextCalled();
    if (called) return called;
    // What came together is read together.
    if (this.#hasMore)
      this.#blocking.zpopmin(wakeKey, MESSAGES).then(
        (all) => this.#receive(all),
        () => {},
      );
    this.#hasMore = false;
    const read = this.#blocking.bzpopmin(wakeKey, ...markers, seconds).then(
      (answer) => answer,
      async (error: Error) => {
        if (error.name === "ReplyError" || isRefusal(error)) throw error;
        // The connection is lost, or closed: no haste.
        await pause(LOST_PAUSE, { ref: false });
        return null;
      },
    );
    // Where the wait is given up before.
    read.catch(() => {});
    const answer = await this.#unlessOverdue(read, seconds * 1_000);
    if (!answer) return null;
    if (answer[0] === wakeKey) {
      this.#receive(answer.slice(1));
      // What it has begun comes before the next wait.
      await new Promise((resolve) => setImmediate(resolve));
      return this.#nextCalled();
    }
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

  /** @param pairs - Members with their scores. */
  #receive(pairs: readonly string[]): void {
    for (let index = 0; index < pairs.length; index += 2) {
      const member = pairs[index];
      if (member === undefined || member === WAKE) continue;
      // Another host has found work for this one.
      if (member.startsWith("{")) this.#called.push(member);
      else if (this.#options.onMessage(member)) this.#hasMore = true;
    }
  }

  #nextCalled(): Marker | null {
    const key = this.#called.shift();
    return key === undefined ? null : { key, due: 0 };
  }

  #open(): RedisClient {
    const { open, onReady, onLost } = this.#options;
    const blocking = open();
    blocking.on("ready", onReady);
    blocking.on("close", () => {
      if (blocking === this.#blocking) onLost();
    });
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
    // Not a plain limit: it is renewed while there is no connection. Both promises end with this wait.
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
redis.call("ZADD", KEYS[1], 0, "${WAKE}")
redis.call("PEXPIRE", KEYS[1], ARGV[1])
return 1
`,
});
