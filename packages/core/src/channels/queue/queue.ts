import { textToValue, valueToText } from "../../codec/index.ts";
import { ClosedError, got, QueueClosedError, QueueEmptyError, QueueFullError, ValueError } from "../../errors/index.ts";
import {
  identify,
  namedOptions,
  type ObjectIdentity,
  type ObjectRuntime,
  ownLabel,
  type Participant,
  readParticipants,
  SharedObject,
} from "../../objects/index.ts";
import type { Milliseconds } from "../../protocol/records.ts";
import { type Attempt, type Patience, type WaitOptions, waitForTurn } from "../../waiting/index.ts";
import { finishItem, joinQueue, measureQueue, type QueueKind, shutQueue } from "./queue-scripts.ts";
import { leaveShare, type QueueShare, shareOf } from "./queue-share.ts";

/** Options of `mp.queue()` and `mp.joinableQueue()`. */
export interface QueueOptions {
  /**
   * Most items that wait in it; 0 or less = no limit (Q5).
   * @defaultValue 0
   */
  maxSize?: number;
  /** The same queue for everybody who uses this name; without one it is this program's, until that passes it on. */
  name?: string;
}

/** A queue as it is at the moment. */
export interface QueueState {
  name: string;
  /** Items that nobody has been handed. */
  size: number;
  /** 0 = no limit. */
  maxSize: number;
  /** Items put and not done yet; for a JoinableQueue. */
  unfinished: number;
  /** `draining`: shut down, what is left can be taken; `shut`: shut down at once. */
  state: "open" | "draining" | "shut";
  /** Who waits for an item, who for room, in their order; and who for everything to be done. */
  getters: Participant[];
  putters: Participant[];
  joiners: Participant[];
}

interface QueueSettings {
  maxSize: number;
}

/** What the queues have in common. */
abstract class AnyQueue<Item> extends SharedObject {
  abstract override readonly kind: QueueKind;
  readonly #maxSize: number;
  #share: QueueShare | undefined;
  #isClosed = false;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, settings: QueueSettings) {
    super(runtime, identity);
    this.#maxSize = settings.maxSize;
  }

  /** Whether nothing can be taken (Q1). @throws ClosedError once this handle was used and closed (Q9) */
  async empty(): Promise<boolean> {
    if (this.#isClosed && !this.#share) return true;
    return (await this.#size()) === 0;
  }

  /**
   * Whether a get would not wait: there is an item, or the queue was shut down. Takes nothing; for `mp.wait()`.
   * @param wait - How long to wait for that, ms, or with a signal; without a timeout for ever. 0 or less = not at all.
   */
  async poll(wait: Milliseconds | WaitOptions = 0): Promise<boolean> {
    this.#assertOpen();
    const { consumer } = await this.share();
    return consumer.poll(typeof wait === "object" && wait !== null ? wait : { timeout: wait });
  }

  /**
   * This handle takes and puts nothing any more; other handles go on (Q9). What it has taken from Redis and not handed out
   * goes back. Repeatable.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#share) await this.runtime.keepAlive.during(leaveShare(this.#share, this));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Takes items until the queue is shut down. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    while (true) {
      let item: { value: Item } | undefined;
      try {
        item = await this.take(undefined);
      } catch (error) {
        if (error instanceof QueueClosedError) return;
        throw error;
      }
      if (item) yield item.value;
    }
  }

  /** @internal */
  protected async store(item: Item, patience: Patience | undefined): Promise<boolean> {
    this.#assertOpen();
    const text = valueToText(item);
    const { producer } = await this.share();
    if (this.#maxSize > 0) return producer.putWhenRoom(text, patience);
    await producer.put(text);
    return true;
  }

  /** @internal */
  protected async take(patience: Patience | undefined): Promise<{ value: Item } | undefined> {
    this.#assertOpen();
    const { consumer } = this.#share ?? (await this.share());
    const taken = consumer.next() ?? (await consumer.get(patience));
    return taken && { value: textToValue(taken.text) as Item };
  }

  /** @internal */
  protected async share(): Promise<QueueShare> {
    const { session, keepAlive } = this.runtime;
    if (!session.isStarted) await keepAlive.during(session.start());
    const facts = { kind: this.kind, name: this.name, owner: this.owner, maxSize: this.#maxSize };
    this.#share ??= shareOf(this.runtime, facts, this);
    return this.#share;
  }

  /** @internal */
  protected async measure(): Promise<{
    size: number;
    maxSize: number;
    unfinished: number;
    state: QueueState["state"];
  }> {
    this.#assertOpen();
    const { place, consumer } = await this.share();
    const { client, keys, keepAlive } = this.runtime;
    const [counted, maxSize, unfinished, state] = await keepAlive.during(
      measureQueue.run(
        client,
        [place.key(), place.key("items")],
        [keys.prefix, place.queue, this.kind === "joinable-queue" ? 1 : 0],
      ),
    );
    place.existence.found(counted >= 0);
    const size = counted + consumer.ahead;
    if (state === undefined) return { size: 0, maxSize: this.#maxSize, unfinished: 0, state: "open" };
    return { size, maxSize: Number(maxSize), unfinished: Number(unfinished), state: state as QueueState["state"] };
  }

  /** @internal */
  protected async shut(immediate: boolean): Promise<void> {
    this.#assertOpen();
    const { place } = await this.share();
    const reply = await this.runtime.keepAlive.during(
      shutQueue.run(place.context, [place.key(), place.key("items")], [...place.making, immediate ? 1 : 0]),
    );
    place.confirm(reply);
  }

  async #size(): Promise<number> {
    return (await this.measure()).size;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new ClosedError(`this handle of the queue "${this.name}" is closed`);
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
   * @param patience - How long to wait for room, where the queue has a limit: as in Python, `false` = not at all.
   * @throws QueueFullError when there was no room in time (Q2); QueueClosedError after shutdown (Q11); SerializationError
   *   for what cannot be sent: then nothing was put (Q8); ClosedError for a closed handle
   */
  async put(item: Item, patience?: Patience): Promise<void> {
    if (await this.store(item, patience)) return;
    throw new QueueFullError(`the queue "${this.name}" was full for too long`);
  }

  /** One try. @throws QueueFullError */
  putNowait(item: Item): Promise<void> {
    return this.put(item, false);
  }

  /**
   * Takes the first item; `false` or `{ block: false }` = only if there is one.
   * @throws QueueEmptyError when none came in time (Q3); QueueClosedError when it was shut down and nothing is left
   */
  async get(patience?: Patience): Promise<Item> {
    const taken = await this.take(patience);
    if (taken) return taken.value;
    throw new QueueEmptyError(`the queue "${this.name}" was empty for too long`);
  }

  /** One try. @throws QueueEmptyError */
  getNowait(): Promise<Item> {
    return this.get(false);
  }

  /** How many items nobody has been handed. */
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
    await this.shut(immediate);
  }

  /** Nothing to wait for: `put` resolves only when the item is stored. For Python's shape (Q7). */
  async joinThread(): Promise<void> {}

  /** Nothing to cancel; see {@link joinThread}. */
  cancelJoinThread(): void {}

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
    const reply = await this.runtime.keepAlive.during(
      finishItem.run(
        place.context,
        [place.key(), place.key("consumers"), place.key("joiners")],
        [this.runtime.keys.prefix, place.queue, consumer.name, hasTaken ? 1 : 0],
      ),
    );
    if (reply === -3) throw consumer.leaseEnded();
    if (reply === -1) throw new ValueError(`taskDone() was called more often than items were put into "${this.name}"`);
    place.existence.found(reply !== -2);
  }

  /**
   * Waits until everything that was put is done, or was for a moment since the call (J5).
   * @returns false when that did not happen in time
   */
  async join(patience?: Patience): Promise<boolean> {
    const { place } = await this.share();
    const { client, room } = this.runtime;
    let zeros = "";
    const keys = [place.key(), place.key("joiners")];
    const joined = await waitForTurn<true>(
      room,
      {
        attempt: async (waiter): Promise<Attempt<true>> => {
          const [done, seen] = await joinQueue.run(client, keys, [waiter ?? "", zeros]);
          zeros ||= seen;
          return done === 1 ? { granted: true, value: true } : { granted: false, dueIn: null };
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
    await this.store(item, undefined);
  }

  /** Takes the first item, waiting for it. */
  async get(): Promise<Item> {
    const taken = await this.take(undefined);
    if (taken) return taken.value;
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
  options?: string | { name?: string },
): SimpleQueue<Item> {
  return new SimpleQueue<Item>(runtime, identify(runtime, namedOptions(options).name), { maxSize: 0 });
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
  const [[size, maxSize, unfinished, state], getters, putters, joiners] = await Promise.all([
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
    size: Math.max(0, size),
    maxSize: Number(maxSize ?? 0),
    unfinished: Number(unfinished ?? 0),
    state: (state ?? "open") as QueueState["state"],
    getters: participants.slice(0, getters.length),
    putters: participants.slice(getters.length, getters.length + putters.length),
    joiners: participants.slice(getters.length + putters.length),
  };
}
