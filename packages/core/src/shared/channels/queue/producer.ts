import { type Attempt, type Patience, toLimit, toPatience, waitForTurn } from "../../../session/waiting/index.ts";
import { type Milliseconds, settledWithin, within } from "../../../time/index.ts";
import { ownLabel } from "../../object/index.ts";
import type { Acknowledgement } from "./consumer.ts";
import type { ItemOptions } from "./item-options.ts";
import { PutOrder } from "./put-order.ts";
import type { QueuePlace } from "./queue-place.ts";
import {
  abandonQueue,
  type PutReply,
  putItems,
  type QueueRefusal,
  SEPARATOR,
  SMALL_ITEM,
  sendMessage,
} from "./queue-scripts.ts";
import { blockOf, PooledText, TextPool } from "./text-pool.ts";

/** Most items, and about the most characters, of one script call. */
const BATCH_ITEMS = 1_000;
const BATCH_TEXT = 256 * 1024;
/** Most script calls under way at the same time. */
const CALLS = 4;
/** So many items that are not small are stored as a block. */
const BLOCK_ITEMS = 16;
/** How long a put whose time is over waits for the answer to a try that is under way, in round trips; at least, ms. */
const LATE_ROUNDS = 3;
const LATE_ANSWER: Milliseconds = 1_000;
/** Up to this size a message goes to a waiting reader with the wake-up, bytes: all that a process listens to shares one connection. */
const LARGEST_MESSAGE = 16 * 1024;
/** How long a block may lie where it was written, ms. */
const WRITTEN: Milliseconds = 10_000;

/** Where the messages of a pipe's end go to. */
export interface Route {
  /** Name of the pipe. */
  pipe: string;
  readingEnd: 0 | 1;
  /** What was received at the sending end, told to Redis with a message. */
  acknowledgement: () => Acknowledgement | undefined;
}

/** What became of items that were sent. */
type Stored = Exclude<PutReply, QueueRefusal>;

/** Whether an item was stored; false = the queue was full for too long. "duplicate" = its key is in the queue. */
export type PutOutcome = boolean | "duplicate";

interface Put {
  item: string | Buffer | PooledText;
  options?: ItemOptions | undefined;
  patience: Patience | undefined;
  resolve: (outcome: PutOutcome) => void;
  reject: (error: unknown) => void;
}

/** Stores what this process puts into one queue. Without a limit of size, the puts of one tick travel together. */
export class Producer {
  readonly #place: QueuePlace;
  #waiting: Put[] = [];
  /** Place of the first in `waiting` that is not sent: nothing is moved for each batch of a long queue. */
  #next = 0;
  #calls = 0;
  #isScheduled = false;
  #isLimited: boolean;
  #whenIdle: (() => void)[] = [];

  readonly #mayBlock: boolean;
  readonly #pool = new TextPool();
  readonly #order: PutOrder;
  readonly #route: Route | undefined;
  #messages = 0;

  /** @param route - Of a pipe's end. */
  constructor(place: QueuePlace, route?: Route) {
    this.#place = place;
    this.#route = route;
    this.#mayBlock = place.mayBlock;
    this.#isLimited = place.isLimited;
    this.#order = new PutOrder(place.runtime.room);
  }

  /** Stores an item. */
  put(item: string | Buffer, patience?: Patience, options?: ItemOptions): Promise<PutOutcome> {
    // What was put before its limit was known goes first.
    const isIdle = this.#waiting.length === 0 && this.#calls === 0;
    if (this.#isLimited && isIdle) return this.#putWhenRoom({ item, options }, patience);
    if (options) return this.#putWithOthers({ item, options }, patience);
    const isLong = this.#mayBlock && typeof item === "string" && item.length > SMALL_ITEM;
    return this.#putWithOthers({ item: (isLong && this.#pool.write(item)) || item }, patience);
  }

  /** Stores a string as an item. @returns undefined when {@link put} has to, with JSON */
  putString(string: string, patience?: Patience): Promise<PutOutcome> | undefined {
    if (this.#isLimited || !this.#mayBlock || string.length <= SMALL_ITEM) return undefined;
    const item = this.#pool.writeString(string);
    return item && this.#putWithOthers({ item }, patience);
  }

  /** Waits for no room, and so not for the time of `patience`. @throws ValueError for a bad one; the reason of its signal */
  #putWithOthers(item: Pick<Put, "item" | "options">, patience: Patience | undefined): Promise<PutOutcome> {
    const signal = patience === undefined ? undefined : toLimit(patience).signal;
    signal?.throwIfAborted();
    const put = this.#enqueue(item, patience);
    return signal ? this.#unlessAborted(put, signal) : put;
  }

  /** The signal of a put ends the wait for its answer: Redis may be away. */
  async #unlessAborted(put: Promise<PutOutcome>, signal: AbortSignal): Promise<PutOutcome> {
    try {
      return (await within(put, Number.POSITIVE_INFINITY, { signal }))?.value ?? false;
    } catch (error) {
      const late = signal.aborted && (await this.#outcomeOf(put));
      if (late) return late;
      throw error;
    }
  }

  #enqueue({ item, options }: Pick<Put, "item" | "options">, patience: Patience | undefined): Promise<PutOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, options, patience, resolve, reject });
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
    const [first] = batch;
    const stored = first?.options ? this.#storeOne(first, null) : this.#storeBatch(batch.map(({ item }) => item));
    stored
      .then(
        (reply) => {
          // It was made elsewhere with a limit, which this handle did not know.
          if (reply === "limited" || reply === "full") this.#putEachWhenRoom(batch);
          else for (const { resolve } of batch) resolve(reply === "duplicate" ? reply : true);
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
    let pool: Buffer | undefined;
    for (; to < this.#waiting.length && to - from < BATCH_ITEMS; to += 1) {
      // One with options goes alone.
      if (to > from && (this.#waiting[to]?.options ?? this.#waiting[from]?.options)) break;
      const item = this.#waiting[to]?.item;
      const itsPool = item instanceof PooledText ? item.pool : undefined;
      size += item?.length ?? 0;
      if (to === from) pool = itsPool;
      else if (size > BATCH_TEXT || (pool && pool !== itsPool && to - from >= BLOCK_ITEMS)) break;
      else if (pool !== itsPool) pool = undefined;
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
    for (const { item, options, patience, resolve, reject } of batch)
      this.#putWhenRoom({ item, options }, patience).then(resolve, reject);
  }

  async #putWhenRoom(item: Pick<Put, "item" | "options">, patience: Patience | undefined): Promise<PutOutcome> {
    const { runtime, queue } = this.#place;
    const { limit: longest, signal } = toLimit(patience);
    const mayWait = longest > 0;
    const limit = mayWait && this.#order.isBusy ? await this.#order.wait(longest, signal) : longest;
    const stored = mayWait ? this.#order.begin() : () => {};
    let last: Promise<PutOutcome> | undefined;
    const put = waitForTurn<PutOutcome>(
      runtime.room,
      {
        attempt: (waiter) => {
          const attempt = this.#tryToStore(item, waiter);
          last = attempt.then((answer) => answer.granted && answer.value);
          last.catch(() => {});
          if (waiter !== null) stored();
          return attempt;
        },
        abandon: (waiter) =>
          abandonQueue.run(
            runtime.client,
            [this.#place.key("putters"), this.#place.key()],
            [runtime.keys.prefix, queue, waiter ?? ""],
          ),
      },
      {
        patience: toPatience(limit, signal),
        label: ownLabel(),
      },
    );
    try {
      const turn = await put;
      if (turn) return turn.value;
    } catch (error) {
      const late = await this.#outcomeOf(last);
      if (late) return late;
      throw error;
    } finally {
      stored();
    }
    return this.#outcomeOf(last);
  }

  async #tryToStore(put: Pick<Put, "item" | "options">, waiter: string | null): Promise<Attempt<PutOutcome>> {
    const reply = await this.#storeOne(put, waiter);
    if (reply === "duplicate") return { granted: true, value: reply };
    return reply === "stored" ? { granted: true, value: true } : { granted: false, dueIn: null };
  }

  /** Stores one item, with its options if it has any. */
  #storeOne({ item, options }: Pick<Put, "item" | "options">, waiter: string | null): Promise<Stored> {
    if (!options) return this.#store(["one", storable(item)], waiter);
    const { delay, priority, unique } = options;
    const key = unique === undefined ? "" : JSON.stringify(unique);
    return this.#store(["sorted", storable(item), delay, priority, key], waiter);
  }

  /** What became of a try that was under way when its time was over: who is told that it failed would put it twice. */
  async #outcomeOf(attempt: Promise<PutOutcome> | undefined): Promise<PutOutcome> {
    if (!attempt) return false;
    let outcome: PutOutcome = false;
    const { session, keepAlive } = this.#place.runtime;
    const known = attempt.then((answer) => {
      outcome = answer;
    });
    await keepAlive.during(settledWithin(known, session.roundTrip.atLeast(LATE_ANSWER, LATE_ROUNDS)));
    return outcome;
  }

  #storeBatch(items: Put["item"][]): Promise<Stored> {
    const [first] = items;
    if (this.#route && items.length === 1 && first !== undefined && byteLength(first) <= LARGEST_MESSAGE) {
      return this.#sendMessage(storable(first), this.#route);
    }
    // One long text costs a fraction of what many do, but Lua is slow with long texts.
    if (items.every((item) => typeof item === "string" && item.length <= SMALL_ITEM)) {
      return this.#store(["text", items.join(SEPARATOR)], null);
    }
    const block = items.length >= BLOCK_ITEMS ? blockOf(items) : undefined;
    return block ? this.#storeBlock(block, items.length) : this.#store(["bytes", ...items.map(storable)], null);
  }

  async #sendMessage(message: string | Buffer, { pipe, readingEnd, acknowledgement }: Route): Promise<Stored> {
    const place = this.#place;
    if (place.ready) await place.ready;
    const { client, keys } = place.runtime;
    const told = acknowledgement();
    this.#messages += 1;
    const reply = await sendMessage.run(
      client,
      [keys.object("pipe", pipe, "standing"), place.key(), place.key("items"), place.key("putters"), place.key("puts")],
      [keys.prefix, pipe, readingEnd, message, place.sender, this.#messages, told?.entry ?? "", told?.handed ?? 0],
    );
    told?.answered(reply === "stored, reader stands");
    return place.confirm(reply) === "full" ? "full" : "stored";
  }

  /** Written by a command of its own, and moved to its place by the script, which does not see it. */
  async #storeBlock(block: Buffer, count: number): Promise<Stored> {
    const place = this.#place;
    if (place.ready) await place.ready;
    const at = place.nextBlock();
    while (true) {
      const written = place.runtime.client.set(at, block, "PX", WRITTEN);
      const [stored] = await Promise.all([this.#store(["block", count], null, at), written]);
      if (stored !== "expired") return stored;
    }
  }

  async #store(items: (string | Buffer | number)[], waiter: string | null, block: string = ""): Promise<Stored> {
    const place = this.#place;
    if (place.ready) await place.ready;
    const reply = await putItems.run(
      { client: place.runtime.client, operations: place.puts },
      [place.key(), place.key("items"), place.key("putters"), block || place.key("items")],
      [...place.making, waiter ?? "", ...items],
    );
    return reply === "limited" || reply === "expired" ? reply : place.confirm(reply);
  }
}

function byteLength(item: Put["item"]): number {
  return typeof item === "string" ? Buffer.byteLength(item) : item.length;
}

function storable(item: Put["item"]): string | Buffer {
  return item instanceof PooledText ? item.bytes : item;
}
