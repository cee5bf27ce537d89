import { ownLabel } from "../../objects/index.ts";
import { type Attempt, type Patience, toLimit, waitForTurn } from "../../waiting/index.ts";
import type { QueuePlace } from "./queue-place.ts";
import { abandonQueue, putItems, SEPARATOR, SMALL_ITEM } from "./queue-scripts.ts";

/** Most items, and about the most characters, of one script call. */
const BATCH_ITEMS = 1_000;
const BATCH_TEXT = 1024 * 1024;
/** Most script calls under way at the same time. */
const CALLS = 4;
/** Answer of putItems: the queue has a limit. */
const LIMITED = -5;

interface Put {
  item: string | Buffer;
  patience: Patience | undefined;
  resolve: (isStored: boolean) => void;
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
  #isLimited: boolean;
  #whenIdle: (() => void)[] = [];

  constructor(place: QueuePlace) {
    this.#place = place;
    this.#isLimited = place.isLimited;
  }

  /** Stores an item. @returns false when the queue was full for too long */
  put(item: string | Buffer, patience?: Patience): Promise<boolean> {
    if (this.#isLimited) return this.#putWhenRoom(item, patience);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, patience, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#send();
      });
    });
  }

  /** Waits until everything put so far without a limit is stored, or has failed. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0 && this.#calls === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#calls < CALLS) this.#sendBatch(this.#nextBatch());
    if (this.#calls > 0) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle = [];
  }

  #sendBatch(batch: Put[]): void {
    const { keepAlive } = this.#place.runtime;
    this.#calls += 1;
    keepAlive.hold();
    this.#store(packed(batch), null)
      .then(
        (stored) => {
          // Somebody else made it with a limit, of which this handle did not know.
          if (stored === LIMITED) this.#putEachWhenRoom(batch);
          else for (const { resolve } of batch) resolve(true);
        },
        (error: unknown) => {
          for (const { reject } of batch) reject(error);
        },
      )
      .finally(() => {
        this.#calls -= 1;
        keepAlive.release();
        this.#send();
      });
  }

  #nextBatch(): Put[] {
    const from = this.#next;
    let size = 0;
    let to = from;
    for (; to < this.#waiting.length && to - from < BATCH_ITEMS; to += 1) {
      size += this.#waiting[to]?.item.length ?? 0;
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

  #putEachWhenRoom(batch: readonly Put[]): void {
    this.#isLimited = true;
    for (const { item, patience, resolve, reject } of batch) this.#putWhenRoom(item, patience).then(resolve, reject);
  }

  async #putWhenRoom(item: string | Buffer, patience: Patience | undefined): Promise<boolean> {
    const { runtime, queue } = this.#place;
    const { limit, signal } = toLimit(patience);
    const put = await waitForTurn<true>(
      runtime.room,
      {
        attempt: async (waiter): Promise<Attempt<true>> => {
          const stored = await this.#store(["one", item], waiter);
          return stored > 0 ? { granted: true, value: true } : { granted: false, dueIn: null };
        },
        abandon: (waiter) =>
          abandonQueue.run(
            runtime.client,
            [this.#place.key("putters"), this.#place.key()],
            [runtime.keys.prefix, queue, waiter ?? ""],
          ),
      },
      {
        patience: { ...(limit === Number.POSITIVE_INFINITY ? {} : { timeout: limit }), ...(signal ? { signal } : {}) },
        label: ownLabel(),
      },
    );
    return put !== undefined;
  }

  async #store(items: (string | Buffer)[], waiter: string | null): Promise<number> {
    const place = this.#place;
    if (place.ready) await place.ready;
    const stored = await putItems.run(
      { client: place.runtime.client, operations: place.puts },
      [place.key(), place.key("items"), place.key("putters")],
      [...place.making, waiter ?? "", ...items],
    );
    if (stored !== LIMITED) place.confirm(stored);
    return stored;
  }
}

/** One long text costs everybody on its way a fraction of what many short ones do; of long ones it is the reverse. */
function packed(batch: readonly Put[]): (string | Buffer)[] {
  const items = batch.map(({ item }) => item);
  const isSmall = items.every((item) => typeof item === "string" && item.length <= SMALL_ITEM);
  return isSmall ? ["text", items.join(SEPARATOR)] : ["bytes", ...items];
}
