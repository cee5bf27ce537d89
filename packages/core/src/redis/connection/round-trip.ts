import { type Milliseconds, measure, settledWithin } from "../../time/index.ts";
import { type RedisClient, whenBroken } from "./open.ts";

/** Weight of a new sample in the average and in the deviation from it; the figures of TCP (RFC 6298). */
const WEIGHT = 1 / 8;
const DEVIATION_WEIGHT = 1 / 4;
/** How many deviations above the average an answer still counts as usual. */
const DEVIATIONS = 4;
/** A sample counts as at most twice the longest usual one, and this much more, ms. */
const SURPRISE: Milliseconds = 100;
/** Samples of which the shortest is kept; the last 1 to 2 times so many count. */
const WINDOW = 16;

/**
 * How long Redis takes to answer on one connection, from the scripts that are run anyway.
 *
 * Times that depend on the distance to Redis are multiples of this with a least amount ({@link atLeast}), so that they hold
 * on a machine of its own and on another continent. One answer is measured at a time. An answer that took
 * far longer than usual (a large payload, a frozen server, a blocked event loop) counts in part, and more when others
 * follow; one that a broken connection delayed does not count.
 */
export class RoundTrip {
  #average: Milliseconds = 0;
  #deviation: Milliseconds = 0;
  #count = 0;
  #shortestNow: Milliseconds = Number.POSITIVE_INFINITY;
  #shortestBefore: Milliseconds = Number.POSITIVE_INFINITY;
  /** Of the measurement under way; another number makes it void. */
  #running: number | undefined;
  #measurements = 0;
  #answeredAt: Milliseconds = Number.NEGATIVE_INFINITY;

  /** Average of what was measured lately, ms; 0 before the first answer. */
  get typical(): Milliseconds {
    return this.#average;
  }

  /** When the last measured answer came, by the monotonic clock. */
  get answeredAt(): Milliseconds {
    return this.#answeredAt;
  }

  /** The shortest of the last 16 to 32, ms: the distance without load and payload; 0 before the first answer. */
  get shortest(): Milliseconds {
    return this.#count === 0 ? 0 : Math.min(this.#shortestNow, this.#shortestBefore);
  }

  /** What hardly any answer exceeds, ms; 0 before the first answer. */
  get longest(): Milliseconds {
    return this.#average + DEVIATIONS * this.#deviation;
  }

  /** `rounds` round trips as long as they get ({@link longest}), but at least `floor` ms. */
  atLeast(floor: Milliseconds, rounds: number): Milliseconds {
    return Math.max(floor, rounds * this.longest);
  }

  /**
   * As {@link atLeast}, by the distance alone ({@link shortest}): for waits that end without an answer, which a busy machine
   * must not make longer.
   */
  patience(floor: Milliseconds, rounds: number): Milliseconds {
    return Math.max(floor, rounds * this.shortest);
  }

  /** Something is sent. @returns to be called when it is answered; undefined while another answer is measured */
  start(): (() => void) | undefined {
    if (this.#running !== undefined) return undefined;
    this.#measurements += 1;
    const measurement = this.#measurements;
    this.#running = measurement;
    const sentAt = performance.now();
    return () => {
      if (this.#running !== measurement) return;
      this.#running = undefined;
      this.note(performance.now() - sentAt);
    };
  }

  /** What is measured at the moment does not count: the connection broke. */
  interrupt(): void {
    this.#running = undefined;
  }

  /** An answer took so many ms. */
  note(sample: Milliseconds): void {
    measure("redisRoundTrip", sample);
    this.#answeredAt = performance.now();
    if (this.#count % WINDOW === 0) {
      this.#shortestBefore = this.#shortestNow;
      this.#shortestNow = Number.POSITIVE_INFINITY;
    }
    this.#shortestNow = Math.min(this.#shortestNow, sample);
    this.#count += 1;
    const counted = Math.min(sample, 2 * this.longest + SURPRISE);
    if (this.#count === 1) {
      this.#average = counted;
      this.#deviation = counted / 2;
      return;
    }
    this.#deviation += DEVIATION_WEIGHT * (Math.abs(counted - this.#average) - this.#deviation);
    this.#average += WEIGHT * (counted - this.#average);
  }
}

const known = new WeakMap<RedisClient, RoundTrip>();

/** The measured round trip of a connection; it begins with the sign-in where this is called as soon as it is opened. */
export function roundTripOf(client: RedisClient): RoundTrip {
  const there = known.get(client);
  if (there) return there;
  const made = new RoundTrip();
  known.set(client, made);
  whenBroken(client, () => made.interrupt());
  let answered: (() => void) | undefined;
  client.on("connect", () => {
    // Until it is ready, a connection signs in and asks for the state of the server.
    answered = made.start();
  });
  client.on("ready", () => answered?.());
  return made;
}

/** Round trips that a few commands take, one after another. */
const FEW_COMMANDS = 6;

/** As {@link settledWithin}, for a few commands: where Redis is far away they get more time than `limit`. */
export function withinReach(client: RedisClient, work: Promise<unknown>, limit: Milliseconds): Promise<boolean> {
  return settledWithin(work, roundTripOf(client).patience(limit, FEW_COMMANDS));
}
