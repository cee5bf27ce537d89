import type { Logger } from "@manyhands/core";
import { Duty, isRefusal, type Milliseconds, type RedisClient, roundTripOf } from "@manyhands/core/internal";

export interface LivenessOptions {
  client: RedisClient;
  /** Time between two looks. @defaultValue 1_000 */
  interval?: Milliseconds;
  /** How late the event loop ran the timer of a look. */
  onLag?: (lag: Milliseconds) => void;
  /** Called after each look, with what was found. */
  onLook: () => void;
  logger: Logger;
}

/** Redis counts as answering when it did so this long ago at most, ms. */
const FRESH: Milliseconds = 4_000;
/** Redis is asked when its last answer to anything is older than this, as a multiple of the interval. */
const ASK_AFTER = 1.5;
/** The event loop counts as alive when its timer ran this long ago at most, ms. */
const LOOP_FRESH: Milliseconds = 5_000;

/** Knows, without asking, whether Redis answers and the event loop runs. */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #interval: Milliseconds;
  #answeredAt = performance.now();
  #lookedAt = performance.now();
  #pinging = false;
  readonly #duty: Duty;
  /** When Redis began to answer again after a silence. */
  #answeringSince = performance.now();

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#interval = options.interval ?? 1_000;
    const what = "looking whether Redis answers";
    // Without its client: it is what finds out that this is away. A ping is not waited for, as that may never end.
    this.#duty = new Duty({
      ...{ what, interval: this.#interval, jitter: 0, logger: options.logger },
      look: () => this.#look(),
    });
  }

  /** Called when Redis has just answered. */
  start(): void {
    this.#answeredAt = performance.now();
    this.#lookedAt = this.#answeredAt;
    this.#duty.start();
  }

  stop(): void {
    void this.#duty.stop();
  }

  /** Milliseconds since Redis last answered. */
  get silence(): Milliseconds {
    return performance.now() - this.#answeredAt;
  }

  get isRedisAnswering(): boolean {
    return this.silence < FRESH;
  }

  /** How long Redis has been answering without a gap, ms; 0 when it does not. */
  get answeringFor(): Milliseconds {
    return this.isRedisAnswering ? performance.now() - this.#answeringSince : 0;
  }

  /** Milliseconds since the event loop last ran our timer, beyond its interval. */
  get loopDelay(): Milliseconds {
    return Math.max(0, performance.now() - this.#lookedAt - this.#interval);
  }

  get isLoopAlive(): boolean {
    return this.loopDelay < LOOP_FRESH;
  }

  #look(): void {
    this.#options.onLag?.(this.loopDelay);
    this.#lookedAt = performance.now();
    this.#options.onLook();
    const { client } = this.#options;
    const { answeredAt } = roundTripOf(client);
    // What the host asks of it anyway says as much as a ping.
    if (performance.now() - answeredAt < ASK_AFTER * this.#interval) return this.#answered(answeredAt);
    // One ping at a time: while Redis is away they would only queue up.
    if (this.#pinging) return;
    this.#pinging = true;
    client
      .ping()
      .then(
        () => this.#answered(performance.now()),
        (error: unknown) => {
          // A server that cannot save, or is busy, refuses a ping too: it is there.
          if (isRefusal(error)) this.#answered(performance.now());
        },
      )
      .finally(() => {
        this.#pinging = false;
      });
  }

  #answered(at: Milliseconds): void {
    if (at <= this.#answeredAt) return;
    if (at - this.#answeredAt > FRESH) this.#answeringSince = at;
    this.#answeredAt = at;
  }
}
