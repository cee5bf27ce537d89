import { ownLabel } from "../../objects/index.ts";
import { type Attempt, type Patience, toLimit, waitForTurn } from "../../waiting/index.ts";
import type { QueuePlace } from "./queue-place.ts";
import { abandonQueue, putItems, SEPARATOR, SMALL_ITEM } from "./queue-scripts.ts";

/** Most items, and about the most characters, of one script call. */
const BATCH_ITEMS = 1_000;
const BATCH_TEXT = 1024 * 1024;
/** Most script calls under way at the same time. */
const CALLS = 4;

interface Put {
  text: string | Buffer;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Stores what this process puts into one queue. Without a limit of size, the puts of one tick travel together. */
export class Producer {
  readonly #place: QueuePlace;
  #waiting: Put[] = [];
  /** Place of the first in `waiting` that is not sent: nothing is moved for each batch of a long line. */
  #next = 0;
  #calls = 0;
  #isScheduled = false;
  #whenIdle: (() => void)[] = [];

  constructor(place: QueuePlace) {
    this.#place = place;
  }

  /** Stores an item in a queue without a limit. */
  put(text: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#send();
      });
    });
  }

  /** Stores an item in a queue that may be full. @returns false when it was full for too long */
  async putWhenRoom(text: string, patience: Patience | undefined): Promise<boolean> {
    const { runtime } = this.#place;
    const put = await waitForTurn<true>(
      runtime.room,
      {
        attempt: async (waiter): Promise<Attempt<true>> => {
          const stored = await this.#store([text], waiter);
          return stored > 0 ? { granted: true, value: true } : { granted: false, dueIn: null };
        },
        abandon: (waiter) =>
          abandonQueue.run(
            runtime.client,
            [this.#place.key("putters"), this.#place.key()],
            [runtime.keys.prefix, this.#place.queue, waiter ?? ""],
          ),
      },
      { patience: toPatience(patience), label: ownLabel() },
    );
    return put !== undefined;
  }

  /** Waits until everything put so far is stored, or has failed. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0 && this.#calls === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#calls < CALLS) {
      const batch = this.#nextBatch();
      this.#calls += 1;
      this.#place.runtime.keepAlive.hold();
      this.#store(
        batch.map(({ text }) => text),
        null,
      )
        .then(
          () => {
            for (const { resolve } of batch) resolve();
          },
          (error: unknown) => {
            for (const { reject } of batch) reject(error);
          },
        )
        .finally(() => {
          this.#calls -= 1;
          this.#place.runtime.keepAlive.release();
          this.#send();
        });
    }
    if (this.#calls > 0) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle = [];
  }

  #nextBatch(): Put[] {
    const from = this.#next;
    let size = 0;
    let to = from;
    for (; to < this.#waiting.length && to - from < BATCH_ITEMS; to += 1) {
      size += this.#waiting[to]?.text.length ?? 0;
      if (to > from && size > BATCH_TEXT) break;
    }
    const batch = this.#waiting.slice(from, to);
    this.#next = to;
    if (to === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    return batch;
  }

  async #store(texts: (string | Buffer)[], waiter: string | null): Promise<number> {
    const place = this.#place;
    if (place.ready) await place.ready;
    const stored = await putItems.run(
      place.context,
      [place.key(), place.key("items"), place.key("putters")],
      [...place.making, waiter ?? "", ...packed(texts)],
    );
    place.confirm(stored);
    return stored;
  }
}

/** One long text costs everybody on its way a fraction of what many short ones do; of long ones it is the reverse. */
function packed(items: (string | Buffer)[]): (string | Buffer)[] {
  const isSmall = items.every((item) => typeof item === "string" && item.length <= SMALL_ITEM);
  return isSmall ? ["text", items.join(SEPARATOR)] : ["bytes", ...items];
}

function toPatience(patience: Patience | undefined): Patience {
  const { limit, signal } = toLimit(patience);
  return { ...(limit === Number.POSITIVE_INFINITY ? {} : { timeout: limit }), ...(signal ? { signal } : {}) };
}
