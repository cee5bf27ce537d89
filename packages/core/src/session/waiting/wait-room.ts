import { closedWhileWaiting, StateLostError } from "../../errors/index.ts";
import type { KeepAlive } from "../../redis/connection/index.ts";
import { closeRedis, type RedisClient, subscribeTo } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import type { Milliseconds } from "../../time/index.ts";
import { LongTimer } from "../../time/index.ts";
import type { Beat } from "../beat.ts";
import type { Session } from "../session.ts";
import { Waiter } from "./waiter.ts";

/** Longest time between two looks for missed wake-ups and due leases while a wait is under way, ms. */
const LOOK_INTERVAL: Milliseconds = 2_000;
/** Shortest such time, ms, or one round trip: until an answer is there, another look finds the same. */
const SHORTEST_INTERVAL: Milliseconds = 25;
/** Wake-ups that may arrive while the answer to a beat is on its way. */
const MOST_UNCOUNTED = 10_000;
/** For how long a single look listens for its answer, at least, ms. */
const ANSWER_TIME: Milliseconds = 20;
/** A wake-up that Redis has counted may still be on its way this long, ms, or one round trip. */
const DELIVERY_TIME: Milliseconds = 100;
/** Stands between the parts of a wake-up. */
const SPACE = 32;

/** What hears each wake-up of its number, and what such a wake-up carries. */
export interface Listener {
  /** What it listens for has come with it, or, without bytes, may have come. */
  notify(bytes?: Buffer): void;
}

/**
 * All waits of one process, with one subscription.
 *
 * Wake-ups are numbered per session. A message is only a hint, also where it carries something: a gap in the numbers, or a
 * beat that Redis has counted more than arrived, makes every wait look again. So a lost message costs seconds, never a
 * hang, and any number of idle waits costs one script every few seconds.
 */
export class WaitRoom {
  readonly #keys: Keys;
  readonly #session: Session;
  readonly #openSubscriber: () => RedisClient;
  readonly #waiters = new Map<string, Waiter>();
  readonly #listeners = new Map<string, Listener>();
  readonly #stopListening: (() => void)[];
  readonly keepAlive: KeepAlive;
  #subscriber: RedisClient | undefined;
  #started: Promise<void> | undefined;
  #isStarted = false;
  #closed = false;
  #count = 0;
  #arrived = 0;
  #look: LongTimer | undefined;
  #lookAt = Number.POSITIVE_INFINITY;
  #lastLook = 0;

  constructor(options: { keys: Keys; session: Session; openSubscriber: () => RedisClient; keepAlive: KeepAlive }) {
    const { keys, session, openSubscriber, keepAlive } = options;
    this.#keys = keys;
    this.#session = session;
    this.#openSubscriber = openSubscriber;
    this.keepAlive = keepAlive;
    this.#stopListening = [
      session.on("beat", (beat) => this.#compare(beat)),
      session.on("lost", () => this.#notifyAll()),
      session.on("reconnected", () => this.#notifyAll()),
      session.on("stateLost", () => this.#failAll()),
    ];
  }

  /** Whether wake-ups reach this process; until then a wait must not be stored. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** What hardly any answer of Redis exceeds, ms: so long a wait listens in any case, if it looks at all. */
  get answerTime(): Milliseconds {
    return this.#session.roundTrip.atLeast(ANSWER_TIME, 2);
  }

  /** Number of waits under way. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Subscribes. Later calls return the same promise; after a failure, call it again. @throws ClosedError after the end */
  start(): Promise<void> {
    // A first try may be answered after that; the connection would never be closed.
    if (this.#closed) return Promise.reject(closedWhileWaiting());
    this.#started ??= this.#start().catch((error) => {
      this.#started = undefined;
      throw this.#closed ? closedWhileWaiting() : error;
    });
    return this.#started;
  }

  /** @param label - Label of the waiter: no "|", shown to people. */
  open(label: string): Waiter {
    if (this.#closed) throw closedWhileWaiting();
    this.#count += 1;
    const number = this.#count.toString();
    const since = Math.round(this.#session.serverNow());
    const waiter = new Waiter(`${this.#session.id}|${number}|${label}|${since}`, () => {
      this.#waiters.delete(number);
    });
    this.#waiters.set(number, waiter);
    this.lookIn(LOOK_INTERVAL);
    return waiter;
  }

  /**
   * As {@link open}, for what is told every time, and not only while it waits. It looks again by itself when it is told
   * nothing else: a message may have been lost.
   */
  listen(listener: Listener): { number: string; close: () => void } {
    if (this.#closed) throw closedWhileWaiting();
    this.#count += 1;
    const number = this.#count.toString();
    this.#listeners.set(number, listener);
    this.lookIn(LOOK_INTERVAL);
    return { number, close: () => void this.#listeners.delete(number) };
  }

  /** A waiter of this process, as it is stored, should look again: what it waits for is here already. */
  notify(entry: string): void {
    this.#waiters.get(entry.split("|", 2)[1] ?? "")?.notify();
  }

  /** What is waited for is due in `milliseconds`. */
  lookIn(milliseconds: Milliseconds): void {
    const now = performance.now();
    const at = Math.max(now + milliseconds, this.#lastLook + this.#session.roundTrip.patience(SHORTEST_INTERVAL, 1));
    if (at >= this.#lookAt || this.#closed) return;
    this.#lookAt = at;
    this.#look?.clear();
    this.#look = new LongTimer(at - now, () => {
      this.#lookAt = Number.POSITIVE_INFINITY;
      if (this.#isAwaited) this.#lookNow();
    });
    this.#look.unref();
  }

  /** Fails what still waits, and unsubscribes. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#look?.clear();
    for (const stop of this.#stopListening) stop();
    for (const waiter of this.#waiters.values()) waiter.fail(closedWhileWaiting());
    for (const listener of this.#listeners.values()) listener.notify();
    if (this.#subscriber) await closeRedis(this.#subscriber);
  }

  async #start(): Promise<void> {
    const subscriber = this.#subscriber ?? this.#openSubscriber();
    this.#subscriber = subscriber;
    await this.#session.start();
    // What was sent while the subscription was interrupted shows in the next beat.
    await subscribeTo(subscriber, [this.#keys.wakeups(this.#session.id)], {
      message: (bytes) => this.#receive(bytes),
      gap: () => this.lookIn(0),
    });
    const { wakeups } = await this.#session.beat();
    this.#arrived = wakeups;
    this.#isStarted = true;
  }

  #receive(message: Buffer): void {
    const countEnd = message.indexOf(SPACE);
    const sent = Number(message.toString("latin1", 0, countEnd));
    if (countEnd < 0 || !Number.isSafeInteger(sent)) return;
    if (sent > this.#arrived + 1) this.#notifyAll();
    if (sent > this.#arrived) this.#arrived = sent;
    const numbersEnd = message.indexOf(SPACE, countEnd + 1);
    const bytes = numbersEnd < 0 ? undefined : message.subarray(numbersEnd + 1);
    const numbers = message.toString("latin1", countEnd + 1, numbersEnd < 0 ? message.length : numbersEnd);
    for (const number of numbers.split(",")) {
      this.#waiters.get(number)?.notify(bytes?.toString());
      this.#listeners.get(number)?.notify(bytes);
    }
  }

  #lookNow(): void {
    this.#lastLook = performance.now();
    // A failed beat is repeated after the usual time, and after the next reconnect.
    this.#session.beat().catch(() => this.lookIn(LOOK_INTERVAL));
  }

  #compare(beat: Beat): void {
    // A number that Redis is that far behind never came from it; believed, it would hide every lost wake-up.
    if (!beat.existed || this.#arrived > beat.wakeups + MOST_UNCOUNTED) this.#arrived = beat.wakeups;
    if (!this.#isAwaited) return;
    // A little late, so that the session whose lease it is comes first; spread, because all processes see the same
    // deadline.
    const next = beat.nextDeadline === null ? LOOK_INTERVAL : beat.nextDeadline + 1 + Math.random() * 20;
    this.lookIn(Math.min(LOOK_INTERVAL, next));
    if (beat.wakeups <= this.#arrived) return;
    const timer = setTimeout(
      () => {
        if (this.#arrived >= beat.wakeups) return;
        this.#arrived = beat.wakeups;
        this.#notifyAll();
      },
      this.#session.roundTrip.atLeast(DELIVERY_TIME, 1),
    );
    timer.unref();
  }

  #notifyAll(): void {
    for (const waiter of this.#waiters.values()) waiter.notify();
    for (const listener of this.#listeners.values()) listener.notify();
  }

  get #isAwaited(): boolean {
    return this.#waiters.size > 0 || this.#listeners.size > 0;
  }

  #failAll(): void {
    for (const waiter of this.#waiters.values()) {
      waiter.fail(
        new StateLostError("Redis lost its data while this was waited for; look at what has to be done again"),
      );
    }
    for (const listener of this.#listeners.values()) listener.notify();
  }
}
