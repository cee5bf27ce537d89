import type { Milliseconds, RedisClient } from "@manyhands/core/internal";
import { finishStepsAndTake, MOST_FINISHED } from "./routing-scripts.ts";

/** A step that has completed, as the script takes it. */
export interface FinishedStep {
  /** Its arguments. */
  args: readonly (string | number | Buffer)[];
  /** Of them, about. */
  bytes: number;
}

/** What has become of it. */
export type StepFinished = [reply: unknown, isLeft: 0 | 1];

export interface StepFinishesOptions {
  client: RedisClient;
  /** KEYS of the script. */
  keys: readonly string[];
  /** Its ARGV before the number of steps, as they are now. */
  common: () => (string | number)[];
  /** Workflows have completed, with the clients that wait for that as the record has them. */
  onEnded: (id: string, watchers: string) => void;
}

/** Calls under way while which steps gather: Redis has one to work on while the answer to the other is on its way. */
const MOST_UNDER_WAY = 2;
/** A step that has ended waits no longer than this for one of those calls, ms. */
const LONGEST_WAIT: Milliseconds = 1;
/** Steps go with one call up to about so many bytes. */
const MOST_BYTES = 256 * 1024;

interface Waiting extends FinishedStep {
  resolve: (finished: StepFinished) => void;
  reject: (error: Error) => void;
}

/**
 * Finishes completed steps of workflows, several with one call: those that end in the same turn of the event loop, and while
 * others are being finished. A lone one goes at once.
 */
export class StepFinishes {
  readonly #options: StepFinishesOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #underWay = 0;
  #isTurnOver = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StepFinishesOptions) {
    this.#options = options;
  }

  finish(step: FinishedStep): Promise<StepFinished> {
    const finished = new Promise<StepFinished>((resolve, reject) => {
      this.#waiting.push({ ...step, resolve, reject });
    });
    this.#bytes += step.bytes;
    if (this.#waiting.length >= MOST_FINISHED || this.#bytes >= MOST_BYTES) this.#send();
    else if (this.#isTurnOver) {
      this.#isTurnOver = false;
      // Behind what has been resolved in this turn: the other steps that were taken with this one.
      process.nextTick(() => this.#endTurn());
    }
    return finished;
  }

  #endTurn(): void {
    this.#isTurnOver = true;
    if (this.#waiting.length === 0) return;
    if (this.#underWay < MOST_UNDER_WAY) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), LONGEST_WAIT);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const steps = this.#waiting;
    if (steps.length === 0) return;
    this.#waiting = [];
    this.#bytes = 0;
    this.#underWay += 1;
    void this.#run(steps).finally(() => {
      this.#underWay -= 1;
      if (this.#timer) this.#send();
    });
  }

  async #run(steps: readonly Waiting[]): Promise<void> {
    const { client, keys, common, onEnded } = this.#options;
    try {
      const [replies, ended] = await finishStepsAndTake.run(
        client,
        [...keys],
        [...common(), steps.length, ...steps.flatMap(({ args }) => args)],
      );
      for (const [index, step] of steps.entries()) {
        const [reply, isLeft, failure] = replies[index] as [unknown, 0 | 1, string];
        if (failure === "") step.resolve([reply, isLeft]);
        else step.reject(new Error(failure));
      }
      for (let index = 0; index + 1 < ended.length; index += 2) onEnded(ended[index] ?? "", ended[index + 1] ?? "");
    } catch (error) {
      for (const step of steps) step.reject(error as Error);
    }
  }
}
