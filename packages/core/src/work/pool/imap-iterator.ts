import { PoolClosedError, resultPromise, TimeoutError } from "../../errors/index.ts";
import { type Patience, toLimit, waitWith, within } from "../../time/index.ts";
import { type ItemOutcome, itemOutcome, markItemOf, type Outcome } from "../results/index.ts";
import type { Unit } from "../submission/index.ts";

/** One chunk that was sent and not yet given to the consumer. */
interface Chunk {
  items: number;
  /** Place of its first item in the input. */
  first: number;
  outcome: { ok: true; values: unknown[] } | { ok: false; error: unknown } | undefined;
}

/** A call of `next()` that waits. */
interface Request<Value> {
  served: { step: IteratorResult<Value, undefined> } | { error: unknown } | undefined;
  done: () => void;
}

export interface ImapOptions {
  source: Iterable<unknown> | AsyncIterable<unknown>;
  ordered: boolean;
  chunkSize: number;
  /** Most items that are sent and not yet given to the consumer. */
  bufferSize: number;
  /** Every item gives an outcome of its own, and none throws; chunks are of one item then. */
  returnsErrors?: boolean;
  describe: string;
  /** Checks one item and returns what is sent of it; throws what its consumer shall get at its position. */
  check: (item: unknown, position: number) => unknown;
  send: (unit: Unit) => void;
}

/** Items of room after which the input is read on, in a large buffer. */
const LARGEST_BATCH = 128;
/** How long `return()` waits for a producer that is in the middle of producing, ms. */
const RELEASE_DEADLINE = 1_000;

/**
 * The results of `imap` and `imapUnordered`.
 *
 * The input is read only as far as `bufferSize` allows, so endless inputs are legal, and `return()` (leaving a
 * `for await` loop) releases the producer at any moment (PL11). A failed item throws at its own position and the
 * iteration goes on behind it (PL9); an input that throws does so after the items before it (PL8). Several calls of
 * `next()` at the same time are served one after another.
 */
export class ImapIterator<Value> implements AsyncIterableIterator<Value> {
  readonly #options: ImapOptions;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  /** Chunks in the order in which they are given out. */
  readonly #queue: Chunk[] = [];
  readonly #byIndex = new Map<number, Chunk>();
  readonly #requests: Request<Value>[] = [];
  #values: unknown[] = [];
  #position = 0;
  #itemsRead = 0;
  #outstanding = 0;
  #nextIndex = 0;
  #sourceEnded = false;
  /** No more of the input is wanted, also not what is just being read. */
  #cut = false;
  /** Comes after everything else. */
  #lastError: { error: unknown } | undefined;
  #returned = false;
  #readsAhead = false;
  #pumping: Promise<void> | undefined;
  #serving = false;
  readonly #outbox: Unit[] = [];
  #flushing: NodeJS.Immediate | undefined;

  constructor(options: ImapOptions) {
    this.#options = options;
    this.#iterator = iterate(options.source);
    void this.#pump();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next result.
   * @throws TimeoutError when the time was over first, and the same item can be asked for again (PL10); the signal's reason
   */
  next(patience?: Patience): Promise<IteratorResult<Value, undefined>> {
    return resultPromise(() => this.#next(patience));
  }

  async #next(patience: Patience | undefined): Promise<IteratorResult<Value, undefined>> {
    const { limit, signal } = toLimit(patience);
    signal?.throwIfAborted();
    const taken = this.#requests.length === 0 ? this.#take() : undefined;
    if (taken) return taken;
    const request: Request<Value> = { served: undefined, done: () => {} };
    if (limit > 0) {
      await waitWith(limit, { signal }, (done) => {
        request.done = done;
        this.#requests.push(request);
        return () => this.#requests.splice(this.#requests.indexOf(request), 1);
      });
    }
    const { served } = request;
    if (!served) {
      throw new TimeoutError(`no result of ${this.#options.describe} within ${limit} ms; it is still under way`);
    }
    if ("error" in served) throw served.error;
    return served.step;
  }

  /** Ends the iteration and releases the producer. What was sent already still runs. */
  async return(): Promise<IteratorResult<Value, undefined>> {
    this.#returned = true;
    this.#queue.length = 0;
    this.#byIndex.clear();
    this.#values = [];
    this.#lastError = undefined;
    const released = this.#release();
    this.#serve();
    await released;
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Reads no more of the input; the error is thrown after what has been sent. @internal */
  stop(error: Error): void {
    if (this.#sourceEnded) return;
    this.#lastError = { error };
    this.#release().catch(() => {});
    this.#serve();
  }

  /**
   * Reads the rest of the input now, beyond the buffer, for a pool that is joined. An input that may be endless is
   * cut off instead. @internal
   */
  async readToEnd(): Promise<void> {
    if (!this.#sourceEnded && !hasKnownEnd(this.#options.source)) {
      this.stop(
        new PoolClosedError(
          `the pool was joined before the input of ${this.#options.describe} was read to its end; read all results first, ` +
            "or give a list",
        ),
      );
    }
    this.#readsAhead = true;
    while (!this.#sourceEnded) await this.#pump();
    if (!this.#cut) await this.#pumping;
    this.#flush();
  }

  /** @internal */
  answer(index: number, { ok, value }: Outcome): void {
    const chunk = this.#byIndex.get(index);
    if (!chunk) return;
    this.#byIndex.delete(index);
    if (!ok) markItemOf(value, { offset: chunk.first, length: chunk.items });
    chunk.outcome = ok ? { ok: true, values: value as unknown[] } : { ok: false, error: value };
    if (!this.#options.ordered) this.#queue.push(chunk);
    this.#serve();
  }

  #take(): IteratorResult<Value, undefined> | undefined {
    if (this.#position < this.#values.length) {
      const value = this.#values[this.#position] as Value;
      this.#position += 1;
      this.#consumed(1);
      return { done: false, value };
    }
    const [chunk] = this.#queue;
    if (chunk?.outcome) {
      this.#queue.shift();
      if (this.#options.returnsErrors) {
        this.#consumed(chunk.items);
        return { done: false, value: outcomeOf(chunk.first, chunk.outcome) as Value };
      }
      if (!chunk.outcome.ok) {
        this.#consumed(chunk.items);
        throw chunk.outcome.error;
      }
      this.#values = chunk.outcome.values;
      this.#position = 0;
      return this.#take();
    }
    if (
      !this.#returned &&
      (!this.#sourceEnded || this.#queue.length > 0 || this.#byIndex.size > 0 || this.#isReading)
    ) {
      return undefined;
    }
    const last = this.#lastError;
    this.#lastError = undefined;
    if (last) throw last.error;
    return { done: true, value: undefined };
  }

  get #isReading(): boolean {
    return this.#pumping !== undefined && !this.#cut;
  }

  #consumed(items: number): void {
    this.#outstanding -= items;
    if (this.#isWorthFilling()) void this.#pump();
  }

  /** Gives what is there to those who wait, in the order in which they asked. */
  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    while (this.#requests.length > 0) {
      const served = this.#tryTake();
      if (!served) break;
      const request = this.#requests.shift() as Request<Value>;
      request.served = served;
      request.done();
    }
    this.#serving = false;
  }

  #tryTake(): Request<Value>["served"] {
    try {
      const step = this.#take();
      return step && { step };
    } catch (error) {
      return { error };
    }
  }

  /** Reads and sends while the buffer has room; one pump at a time. */
  #pump(): Promise<void> {
    this.#pumping ??= this.#fill().finally(() => {
      this.#pumping = undefined;
      // Room that was made between the last look at it and now.
      if (this.#isWorthFilling()) void this.#pump();
      this.#serve();
    });
    return this.#pumping;
  }

  async #fill(): Promise<void> {
    while (!this.#sourceEnded && this.#hasRoom()) await this.#sendChunk();
    this.#flush();
  }

  /** A large buffer is filled up a batch at a time, so that the new chunks can share jobs. */
  #isWorthFilling(): boolean {
    if (this.#sourceEnded || !this.#hasRoom()) return false;
    const batch = Math.min(LARGEST_BATCH, this.#options.bufferSize >> 3);
    return this.#readsAhead || this.#outstanding + batch <= this.#options.bufferSize;
  }

  #hasRoom(): boolean {
    if (this.#readsAhead || this.#outstanding === 0) return true;
    return this.#outstanding + this.#options.chunkSize <= this.#options.bufferSize;
  }

  async #sendChunk(): Promise<void> {
    const items: unknown[] = [];
    const first = this.#itemsRead;
    let refusal: { error: unknown } | undefined;
    while (items.length < this.#options.chunkSize && !refusal) {
      const step = await this.#read();
      if (this.#cut) return;
      if (!step) break;
      const checked = this.#examine(step.value);
      const item = checked instanceof Promise ? await checked : checked;
      if (this.#cut) return;
      if ("error" in item) refusal = item;
      else items.push(item.value);
    }
    if (items.length > 0) this.#send(items, first);
    if (refusal) this.#refuse(refusal.error, first + items.length);
  }

  /** One item of the input; nothing at its end. An input that throws has ended. */
  async #read(): Promise<{ value: unknown } | undefined> {
    try {
      const step = this.#iterator.next();
      const { done, value } = isThenable(step) ? await step : step;
      if (!done) return { value };
    } catch (error) {
      this.#lastError ??= { error };
    }
    this.#sourceEnded = true;
    return undefined;
  }

  #examine(item: unknown): Checked | Promise<Checked> {
    const position = this.#itemsRead;
    this.#itemsRead += 1;
    try {
      const value = this.#options.check(item, position);
      if (!(value instanceof Promise)) return { value };
      return value.then(
        (later: unknown) => ({ value: later }),
        (error: unknown) => ({ error }),
      );
    } catch (error) {
      return { error };
    }
  }

  #send(items: unknown[], first: number): void {
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    const chunk: Chunk = { items: items.length, first, outcome: undefined };
    this.#outstanding += items.length;
    this.#byIndex.set(index, chunk);
    if (this.#options.ordered) this.#queue.push(chunk);
    this.#outbox.push({
      payload: items,
      items: items.length,
      index,
      sink: this,
      plain: false,
      ticket: undefined,
      position: 0,
    });
    this.#flushing ??= setImmediate(() => this.#flush());
  }

  /**
   * Sends what was read in this turn of the event loop together: an asynchronous input gives each item in a microtask of
   * its own, and one that has to wait must not hold back what it gave before.
   */
  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    for (const unit of this.#outbox.splice(0)) this.#options.send(unit);
  }

  /** An item that cannot be sent takes a position of its own. */
  #refuse(error: unknown, first: number): void {
    this.#outstanding += 1;
    this.#queue.push({ items: 1, first, outcome: { ok: false, error } });
  }

  /** Lets the producer clean up. One that waits for its next item itself is not waited for. */
  async #release(): Promise<void> {
    if (this.#sourceEnded) return;
    this.#sourceEnded = true;
    this.#cut = true;
    await within(Promise.resolve(this.#iterator.return?.(undefined)), RELEASE_DEADLINE);
  }
}

function outcomeOf(index: number, outcome: NonNullable<Chunk["outcome"]>): ItemOutcome<unknown> {
  return itemOutcome(index, outcome.ok ? { ok: true, value: outcome.values } : { ok: false, value: outcome.error });
}

type Checked = { value: unknown } | { error: unknown };

/** True for promises of any kind: other libraries and other realms have their own. */
function isThenable(step: object): step is PromiseLike<IteratorResult<unknown>> {
  return "then" in step && typeof step.then === "function";
}

/** @throws TypeError for what cannot be iterated */
function iterate(source: Iterable<unknown> | AsyncIterable<unknown>): Iterator<unknown> | AsyncIterator<unknown> {
  assertIterable(source);
  if (Symbol.asyncIterator in Object(source)) return (source as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  return (source as Iterable<unknown>)[Symbol.iterator]();
}

/** @throws TypeError for what cannot be iterated */
export function assertIterable(items: unknown): void {
  const object = Object(items) as object;
  if (Symbol.asyncIterator in object || Symbol.iterator in object) return;
  throw new TypeError(`the items must be a list or something else to iterate over; got ${String(items)}`);
}

/** True for lists, sets and the like. */
function hasKnownEnd(source: object): boolean {
  return typeof source === "string" || "length" in source || "size" in source;
}
