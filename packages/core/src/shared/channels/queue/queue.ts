import {
  ClosedError,
  got,
  PayloadTooLargeError,
  QueueClosedError,
  QueueEmptyError,
  QueueFullError,
  ValueError,
} from "../../../errors/index.ts";
import {
  type Attempt,
  type BlockOptions,
  type Patience,
  readyFirst,
  toLimit,
  toPatience,
  waitForTurn,
} from "../../../session/waiting/index.ts";
import { type Milliseconds, toTimedLimit } from "../../../time/index.ts";
import { textToValue, valueToText } from "../../../wire/codec/index.ts";
import {
  identify,
  namedOptions,
  type ObjectIdentity,
  type ObjectRuntime,
  ownLabel,
  type Participant,
  readParticipants,
  SharedObject,
} from "../../object/index.ts";
import { type ItemOptions, type PutPatience, toItemOptions, withoutOptions } from "./item-options.ts";
import type { PutOutcome } from "./producer.ts";
import { finishItem, joinQueue, measureQueue, type QueueKind, shutQueue } from "./queue-scripts.ts";
import { leaveShare, type QueueShare, shareOf } from "./queue-share.ts";

/** Options of `mp.queue()` and `mp.joinableQueue()`. */
export interface QueueOptions {
  /**
   * Most items that wait in it; 0 or less = no limit (Q5).
   * @defaultValue 0
   */
  maxSize?: number | undefined;
  /** The same queue for every program that uses this name; without a name it is this program's, until it passes it on. */
  name?: string | undefined;
}

/** A queue as it is at the moment. */
export interface QueueState {
  name: string;
  /** Items that no consumer has been handed. */
  size: number;
  /** Those of them that are not due. */
  delayed: number;
  /** 0 = no limit. */
  maxSize: number;
  /** Items put and not done yet; for a JoinableQueue. */
  unfinished: number;
  /** `draining`: shut down, what is left can be taken; `shut`: shut down at once. */
  state: "open" | "draining" | "shut";
  /** Who waits for an item, who for room, in their order; and who for all items to be done. */
  getters: Participant[];
  putters: Participant[];
  joiners: Participant[];
}

/** Largest item as it is stored, bytes. */
const MAX_ITEM = 64 * 1024 * 1024;

interface QueueSettings {
  maxSize: number;
}

/** What the queues have in common. */
abstract class AnyQueue<Item> extends SharedObject {
  abstract override readonly kind: QueueKind;
  readonly #maxSize: number;
  readonly #closing = new AbortController();
  #share: QueueShare | undefined;
  /** Puts that wait until the queue can be used; none may overtake them, and they are stored also when it is closed. */
  readonly #entering = new Set<Promise<void>>();
  #lastEntering: Promise<void> | undefined;
  #isClosed = false;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, settings: QueueSettings) {
    super(runtime, identity);
    this.#maxSize = settings.maxSize;
  }

  /** Whether nothing can be taken (Q1). @throws ClosedError once this handle was used and closed (Q9) */
  async empty(): Promise<boolean> {
    if (this.#isClosed && !this.#share) return true;
    const { size, delayed } = await this.measure();
    return size - delayed <= 0;
  }

  /**
   * Whether a get would not wait: there is an item, or the queue was shut down. Takes nothing; for `mp.wait()`.
   * @param wait - How to wait for that, or for how many ms at most; without it not at all.
   */
  async poll(wait: Milliseconds | Patience = 0): Promise<boolean> {
    this.#assertOpen();
    const { limit, signal } = toTimedLimit(wait);
    const options = toPatience(limit, signal);
    return (await this.#waitIn(options, ({ consumer }, patience) => consumer.poll(patience))) ?? false;
  }

  /**
   * This handle takes and puts nothing any more; other handles go on (Q9). What waits for an item through it gets a
   * ClosedError; what was put before is stored. What it has taken from Redis and not handed out goes back. Repeatable.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing.abort(this.#closedError());
    if (this.#entering.size > 0) await Promise.allSettled(this.#entering);
    if (this.#share) await this.runtime.keepAlive.during(leaveShare(this.#share, this));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  abstract get(): Promise<Item>;

  /** Takes items until the queue is shut down. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    while (true) {
      let item: Item;
      try {
        // Through the method, into which a manager looks.
        item = await this.get();
      } catch (error) {
        if (error instanceof QueueClosedError) return;
        throw error;
      }
      yield item;
    }
  }

  /**
   * Looks at the item before it returns, so that it may be changed then.
   * @internal @returns false when it was full for too long
   */
  protected async storeItem(item: unknown, patience: Patience | undefined): Promise<PutOutcome> {
    const isDirect = typeof item === "string" && !this.#isClosed && this.#entering.size === 0;
    const stored = isDirect ? this.#share?.producer.putString(item, patience) : undefined;
    return stored ?? this.store(toText(item), patience);
  }

  /** @internal @returns false when it was full for too long */
  protected async store(text: string, patience: Patience | undefined, options?: ItemOptions): Promise<PutOutcome> {
    this.#assertOpen();
    if (this.#share && this.#entering.size === 0) return this.#share.producer.put(text, patience, options);
    // Also where the session has started meanwhile: earlier calls may not know it yet.
    const before = this.#entering.size > 0 ? this.#lastEntering : undefined;
    const entering = before ? before.then(() => this.started()) : this.started();
    // Each put meets a failure itself.
    entering.catch(() => {});
    this.#lastEntering = entering;
    this.#entering.add(entering);
    const put = async (left: Patience | undefined): Promise<PutOutcome> => {
      this.#entering.delete(entering);
      return this.#openShare().producer.put(text, left, options);
    };
    try {
      return (await this.runtime.keepAlive.during(this.#enter(entering, patience, put))) ?? false;
    } finally {
      this.#entering.delete(entering);
    }
  }

  /** @internal An item that is here already. */
  protected takeLocal(patience: Patience | undefined): { text: string } | undefined {
    if (this.#isClosed || isAborted(patience)) return undefined;
    return this.#share?.consumer.next();
  }

  /** @internal */
  protected async take(patience: Patience | undefined, most: number = 1): Promise<{ text: string } | undefined> {
    this.#assertOpen();
    return this.#waitIn(patience, ({ consumer }, limited) => consumer.get(limited, most));
  }

  /** @internal */
  protected async share(): Promise<QueueShare> {
    await this.runtime.keepAlive.during(this.started());
    this.#assertOpen();
    return this.#openShare();
  }

  /** @internal */
  protected async measure(): Promise<{
    size: number;
    delayed: number;
    maxSize: number;
    unfinished: number;
    state: QueueState["state"];
  }> {
    this.#assertOpen();
    const { place, consumer } = await this.share();
    const { client, keys, keepAlive } = this.runtime;
    const { era } = consumer;
    const measured = await keepAlive.during(
      measureQueue.run(
        client,
        [place.key(), place.key("items")],
        [keys.prefix, place.queue, this.kind === "joinable-queue" ? 1 : 0],
      ),
    );
    // What was here and not handed out when Redis counted has gone back since, and would not be counted.
    if (era !== consumer.era) return this.measure();
    place.existence.found(measured.is === "there");
    if (measured.is === "not made")
      return { size: 0, delayed: 0, maxSize: this.#maxSize, unfinished: 0, state: "open" };
    const { delayed, maxSize, unfinished, state } = measured;
    return { size: measured.size + consumer.ahead, delayed, maxSize, unfinished, state };
  }

  /** @internal */
  protected async shut(immediate: boolean): Promise<void> {
    this.#assertOpen();
    const { place, consumer } = await this.share();
    if (immediate) consumer.drop();
    const reply = await this.runtime.keepAlive.during(
      shutQueue.run(place.context, [place.key(), place.key("items")], [...place.making, immediate ? 1 : 0]),
    );
    place.confirm(reply);
  }

  /** Resolves when it can be used. Does not keep the program alive: its caller may give up. @internal */
  protected async started(): Promise<void> {
    const { session } = this.runtime;
    if (!session.isStarted) await session.start();
  }

  /** A put that waits for the queue to be usable; without a limit it waits for no room, and so not for a time. */
  #enter(
    entering: Promise<void>,
    patience: Patience | undefined,
    put: (left: Patience | undefined) => Promise<PutOutcome>,
  ): Promise<PutOutcome | undefined> {
    const { signal } = toLimit(patience);
    const first = { ready: entering, answerTime: this.runtime.room.answerTime };
    if (this.#maxSize > 0) return readyFirst(first, patience ?? true, put);
    return readyFirst(first, signal ? { signal } : true, () => put(patience));
  }

  #openShare(): QueueShare {
    const facts = { kind: this.kind, name: this.name, owner: this.owner, maxSize: this.#maxSize };
    this.#share ??= shareOf(this.runtime, facts, this);
    return this.#share;
  }

  /**
   * Waits until the queue can be used and then for what is wanted, both no longer than this handle is open.
   * @returns undefined when the time was over before
   */
  async #waitIn<Value>(
    patience: Patience | undefined,
    wait: (share: QueueShare, patience: BlockOptions) => Promise<Value>,
  ): Promise<Value | undefined> {
    const { limit, signal: given } = toLimit(patience);
    const { signal: closing } = this.#closing;
    const limited = toPatience(limit, given ? AbortSignal.any([given, closing]) : closing);
    try {
      const share = this.#share;
      if (share) return await wait(share, limited);
      const first = { ready: this.started(), answerTime: this.runtime.room.answerTime };
      const started = readyFirst(first, limited, (left) => {
        this.#assertOpen();
        return wait(this.#openShare(), left);
      });
      return await this.runtime.keepAlive.during(started);
    } catch (error) {
      throw this.#isClosed ? this.#closedError() : error;
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw this.#closedError();
  }

  #closedError(): ClosedError {
    return new ClosedError(`this handle of the queue "${this.name}" is closed`);
  }

  protected override get settings(): QueueSettings {
    return { maxSize: this.#maxSize };
  }
}

/**
 * A queue between processes on any number of machines (rules Q1-Q13): first in, first out, over all producers. What one
 * consumer is handed no other gets; a consumer that dies with an item loses it, as in Python (see JoinableQueue).
 */
export class Queue<Item = unknown> extends AnyQueue<Item> {
  override readonly kind: QueueKind = "queue";

  /**
   * Puts an item at the end; resolves when Redis has it (Q7). Not awaited, many travel together.
   * @param patience - How long to wait for room, where the queue has a limit: as in Python, `false` = not at all. Its signal
   *   ends every put; what Redis has not answered to by then may be stored all the same. And the `delay`, ms, `priority` and
   *   `unique` key of the item.
   * @returns whether it was put: false when an item with its unique key is in the queue
   * @throws QueueFullError when there was no room in time (Q2); QueueClosedError after shutdown (Q11); SerializationError
   *   for what cannot be sent, PayloadTooLargeError above 64 MiB: then nothing was put (Q8); ClosedError for a closed handle;
   *   ValueError for a bad option
   */
  async put(item: Item, patience?: PutPatience): Promise<boolean> {
    const { patience: wait, options } = toItemOptions(patience);
    const outcome = options ? await this.store(toText(item), wait, options) : await this.storeItem(item, wait);
    if (outcome === false) throw this.#full();
    return outcome !== "duplicate";
  }

  /**
   * Puts items one after another, as {@link put} does. When one of them cannot be sent, none is put.
   * @param patience - How long each may wait for room.
   */
  async putMany(items: Iterable<Item>, patience?: Patience): Promise<void> {
    const texts = Array.from(items, (item, index) => toText(item, `items[${index}]`));
    const stored = await Promise.all(texts.map((text) => this.store(text, patience)));
    if (stored.includes(false)) throw this.#full();
  }

  /** One try. @throws QueueFullError */
  async putNowait(item: Item): Promise<void> {
    await this.put(item, false);
  }

  /**
   * Takes the first item; `false` or `{ block: false }` = only if there is one.
   * @throws QueueEmptyError when none came in time (Q3); QueueClosedError when it was shut down and nothing is left
   */
  async get(patience?: Patience): Promise<Item> {
    const taken = this.takeLocal(patience) ?? (await this.take(patience));
    if (taken) return textToValue(withoutOptions(taken.text)) as Item;
    throw this.#none();
  }

  /**
   * Takes what is there, at most `most` items; waits as {@link get} does for the first.
   * @throws ValueError for a number that is not whole and positive; and as get
   */
  async getMany(most: number, patience?: Patience): Promise<Item[]> {
    if (!Number.isInteger(most) || most < 1) throw new ValueError(`most must be 1 or more; got ${got(most)}`);
    const items: Item[] = [];
    let taken = this.takeLocal(patience) ?? (await this.take(patience, most));
    if (!taken) throw this.#none();
    for (; taken; taken = items.length < most ? this.takeLocal(undefined) : undefined) {
      items.push(textToValue(withoutOptions(taken.text)) as Item);
    }
    return items;
  }

  /** One try. @throws QueueEmptyError */
  getNowait(): Promise<Item> {
    return this.get(false);
  }

  /** How many items no consumer has been handed, with those that are not due. */
  async qsize(): Promise<number> {
    return (await this.measure()).size;
  }

  async full(): Promise<boolean> {
    const { size, maxSize } = await this.measure();
    return maxSize > 0 && size >= maxSize;
  }

  /**
   * No more puts. What is left can be taken, then every get throws QueueClosedError (Q11).
   * @param immediate - Drop what is left (Q12).
   */
  async shutdown(immediate: boolean = false): Promise<void> {
    if (typeof immediate !== "boolean") {
      throw new ValueError(`queue.shutdown(immediate) takes true or false; got ${got(immediate)}`);
    }
    await this.shut(immediate);
  }

  /** Nothing to wait for: `put` resolves only when the item is stored. For Python's shape (Q7). */
  async joinThread(): Promise<void> {}

  /** Nothing to cancel; see {@link joinThread}. */
  cancelJoinThread(): void {}

  #full(): QueueFullError {
    return new QueueFullError(`the queue "${this.name}" was full for too long`);
  }

  #none(): QueueEmptyError {
    return new QueueEmptyError(`the queue "${this.name}" was empty for too long`);
  }

  async inspect(): Promise<QueueState> {
    return this.runtime.keepAlive.during(readQueue(this.runtime, { kind: this.kind, name: this.name }));
  }
}

/**
 * A queue that knows when everything is done (rules J1-J6). An item that was taken is leased until `taskDone()`; when its
 * taker dies before, another consumer gets it.
 */
export class JoinableQueue<Item = unknown> extends Queue<Item> {
  override readonly kind: QueueKind = "joinable-queue";

  /**
   * An item that was taken is done: the oldest one that this handle took.
   * @throws ValueError more often than items were put (J3)
   * @throws LockLostError when its lease had ended: another consumer gets it
   */
  async taskDone(): Promise<void> {
    const { place, consumer } = await this.share();
    const hasTaken = consumer.done();
    const finished = finishItem.run(
      { client: place.runtime.client, operations: place.puts },
      [place.key(), place.key("consumers"), place.key("joiners")],
      [this.runtime.keys.prefix, place.queue, consumer.name, hasTaken ? 1 : 0],
    );
    const reply = await this.runtime.keepAlive.during(consumer.finishing(finished));
    if (reply === "given away") {
      consumer.forget();
      throw consumer.leaseEnded();
    }
    place.existence.found(reply !== "gone");
    // One that is not there yet is empty.
    if (reply !== "done")
      throw new ValueError(`taskDone() was called more often than items were put into "${this.name}"`);
  }

  /**
   * Waits until everything that was put is done, or was for a moment since the call (J5).
   * @returns false when that did not happen in time
   * @throws StateLostError when the queue is gone meanwhile, and with it what was to be done
   */
  async join(patience?: Patience): Promise<boolean> {
    const first = { ready: this.started(), answerTime: this.runtime.room.answerTime };
    const done = readyFirst(first, patience ?? true, (left) => this.#allDone(left));
    return (await this.runtime.keepAlive.during(done)) ?? false;
  }

  async #allDone(patience: BlockOptions): Promise<boolean> {
    const { place } = await this.share();
    const { client, room } = this.runtime;
    let zeros = "";
    const keys = [place.key(), place.key("joiners")];
    const joined = await waitForTurn<true>(
      room,
      {
        attempt: async (waiter): Promise<Attempt<true>> => {
          const { is, zeros: seen } = await joinQueue.run(client, keys, [
            waiter ?? "",
            zeros,
            this.runtime.keys.prefix,
            place.queue,
          ]);
          place.existence.found(is !== "gone");
          zeros ||= seen;
          // In one that was never used nothing is to be done (J2).
          return is !== "unfinished" ? { granted: true, value: true } : { granted: false, dueIn: null };
        },
        abandon: (waiter) => client.lrem(place.key("joiners"), 1, waiter ?? ""),
      },
      { patience, label: ownLabel() },
    );
    return joined !== undefined;
  }
}

/** A queue with put, get and empty only (SQ1). */
export class SimpleQueue<Item = unknown> extends AnyQueue<Item> {
  override readonly kind: QueueKind = "simple-queue";

  /** @throws SerializationError for what cannot be sent; ClosedError for a closed handle */
  async put(item: Item): Promise<void> {
    await this.storeItem(item, undefined);
  }

  /** Takes the first item, waiting for it. */
  async get(): Promise<Item> {
    const taken = this.takeLocal(undefined) ?? (await this.take(undefined));
    if (taken) return textToValue(withoutOptions(taken.text)) as Item;
    throw new QueueEmptyError(`the queue "${this.name}" was empty for too long`);
  }
}

/** For `mp.queue()`. @throws ValueError a bad name or size */
export function createQueue<Item>(runtime: ObjectRuntime, options?: number | string | QueueOptions): Queue<Item> {
  const { name, maxSize } = toOptions(options);
  return new Queue<Item>(runtime, identify(runtime, name), { maxSize });
}

/** For `mp.joinableQueue()`. @throws ValueError a bad name or size */
export function createJoinableQueue<Item>(
  runtime: ObjectRuntime,
  options?: number | string | QueueOptions,
): JoinableQueue<Item> {
  const { name, maxSize } = toOptions(options);
  return new JoinableQueue<Item>(runtime, identify(runtime, name), { maxSize });
}

/** For `mp.simpleQueue()`. @throws ValueError a bad name */
export function createSimpleQueue<Item>(
  runtime: ObjectRuntime,
  options?: string | { name?: string | undefined },
): SimpleQueue<Item> {
  return new SimpleQueue<Item>(runtime, identify(runtime, namedOptions(options).name), { maxSize: 0 });
}

/** @throws SerializationError, PayloadTooLargeError */
function toText(item: unknown, path?: string): string {
  const text = valueToText(item, path);
  if (text.length * 3 <= MAX_ITEM) return text;
  const size = Buffer.byteLength(text);
  if (size <= MAX_ITEM) return text;
  throw new PayloadTooLargeError(
    `an item of ${size} bytes is larger than the ${MAX_ITEM} bytes that a queue takes; put where it is instead of itself`,
  );
}

function isAborted(patience: Patience | undefined): boolean {
  return typeof patience === "object" && patience?.signal?.aborted === true;
}

function toOptions(options: number | string | QueueOptions | undefined): { name: string | undefined; maxSize: number } {
  const { name, maxSize = 0 } =
    typeof options === "number" ? { maxSize: options } : namedOptions<QueueOptions>(options);
  if (!Number.isInteger(maxSize)) {
    throw new ValueError(`maxSize must be a whole number, 0 or less for no limit; got ${got(maxSize)}`);
  }
  return { name, maxSize: Math.max(0, maxSize) };
}

/** Reads the state of a queue. */
export async function readQueue(
  context: Pick<ObjectRuntime, "client" | "keys">,
  place: { kind: QueueKind; name: string },
): Promise<QueueState> {
  const { client, keys } = context;
  const { kind, name } = place;
  const key = (part?: string): string => keys.object(kind, name, part);
  const [measured, getters, putters, joiners] = await Promise.all([
    measureQueue.run(
      client,
      [key(), key("items")],
      [keys.prefix, `${kind}/${name}`, kind === "joinable-queue" ? 1 : 0],
    ),
    client.lrange(key("getters"), 0, -1),
    client.lrange(key("putters"), 0, -1),
    client.lrange(key("joiners"), 0, -1),
  ]);
  const participants = await readParticipants(context, [...getters, ...putters, ...joiners]);
  return {
    name,
    ...(measured.is === "there"
      ? {
          size: measured.size,
          delayed: measured.delayed,
          maxSize: measured.maxSize,
          unfinished: measured.unfinished,
          state: measured.state,
        }
      : { size: 0, delayed: 0, maxSize: 0, unfinished: 0, state: "open" }),
    getters: participants.slice(0, getters.length),
    putters: participants.slice(getters.length, getters.length + putters.length),
    joiners: participants.slice(getters.length + putters.length),
  };
}
