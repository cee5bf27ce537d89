import { TimeoutError } from "../errors/index.ts";
import type { AnswerSink, Outcome } from "../results/index.ts";
import type { Unit } from "../submission/index.ts";
import { type WaitOptions, waitWith } from "./async-result.ts";

/** One chunk that was sent and not yet given to the consumer. */
interface Chunk {
  items: number;
  outcome: { ok: true; values: unknown[] } | { ok: false; error: unknown } | undefined;
}

/** Items after which a large buffer is refilled. */
const LARGEST_REFILL = 128;

export interface ImapOptions {
  source: Iterable<unknown> | AsyncIterable<unknown>;
  ordered: boolean;
  chunkSize: number;
  /** Most items that are sent and not yet given to the consumer. */
  bufferSize: number;
  describe: string;
  /** Checks one item; throws what its consumer shall get at its position. */
  check: (item: unknown, position: number) => void;
  send: (unit: Unit) => void;
}

/**
 * The results of `imap` and `imapUnordered`.
 *
 * The input is read only as far as `bufferSize` allows, so endless inputs are legal, and `return()` (leaving a
 * `for await` loop) releases the producer at any moment (PL11). A failed item throws at its own position and the
 * iteration goes on behind it (PL9); an input that throws does so after the items before it (PL8).
 */
export class ImapIterator<Value> implements AsyncIterableIterator<Value>, AnswerSink {
  readonly #options: ImapOptions;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  /** Chunks in the order in which they are given out. */
  readonly #queue: Chunk[] = [];
  readonly #byIndex = new Map<number, Chunk>();
  #values: unknown[] = [];
  #position = 0;
  #itemsRead = 0;
  #outstanding = 0;
  #nextIndex = 0;
  #sourceEnded = false;
  #returned = false;
  #pumping = false;
  #waiters: (() => void)[] = [];
  /** Chunks read in this turn of the event loop. */
  readonly #outbox: Unit[] = [];
  /** Room, in items, that must be free before the input is read on; a small buffer is refilled at once. */
  readonly #refill: number;

  constructor(options: ImapOptions) {
    this.#options = options;
    this.#refill = Math.min(LARGEST_REFILL, options.bufferSize >> 3);
    const { source } = options;
    this.#iterator =
      Symbol.asyncIterator in source
        ? source[Symbol.asyncIterator]()
        : (source as Iterable<unknown>)[Symbol.iterator]();
    void this.#pump();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next result.
   * @throws TimeoutError after `timeout` ms; the same item can be asked for again (PL10)
   */
  async next(options: WaitOptions = {}): Promise<IteratorResult<Value, undefined>> {
    const deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.timeout;
    for (;;) {
      const taken = this.#take();
      if (taken) return taken;
      const left = deadline - performance.now();
      if (left <= 0) {
        throw new TimeoutError(
          `no result of ${this.#options.describe} within ${options.timeout} ms; it is still under way`,
        );
      }
      await waitWith({ ...options, timeout: left }, (done) => this.#waiters.push(done));
    }
  }

  async return(): Promise<IteratorResult<Value, undefined>> {
    this.#returned = true;
    this.#queue.length = 0;
    this.#byIndex.clear();
    this.#values = [];
    this.#wake();
    if (!this.#sourceEnded) {
      this.#sourceEnded = true;
      await this.#iterator.return?.(undefined);
    }
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** @internal */
  answer(index: number, { ok, value }: Outcome): void {
    const chunk = this.#byIndex.get(index);
    if (!chunk) return;
    this.#byIndex.delete(index);
    chunk.outcome = ok ? { ok: true, values: value as unknown[] } : { ok: false, error: value };
    if (!this.#options.ordered) this.#queue.push(chunk);
    this.#wake();
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
      if (!chunk.outcome.ok) {
        this.#consumed(chunk.items);
        throw chunk.outcome.error;
      }
      this.#values = chunk.outcome.values;
      this.#position = 0;
      return this.#take();
    }
    const finished = this.#sourceEnded && this.#queue.length === 0 && this.#byIndex.size === 0 && !this.#pumping;
    return this.#returned || finished ? { done: true, value: undefined } : undefined;
  }

  #consumed(items: number): void {
    this.#outstanding -= items;
    // A large buffer is refilled a batch at a time, so that the new chunks can share jobs.
    if (this.#outstanding + this.#refill <= this.#options.bufferSize) void this.#pump();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Reads and sends while the buffer has room; one pump at a time. */
  async #pump(): Promise<void> {
    if (this.#pumping || this.#sourceEnded) return;
    this.#pumping = true;
    try {
      while (!this.#sourceEnded && this.#hasRoom()) await this.#sendChunk();
    } finally {
      this.#pumping = false;
      this.#wake();
    }
  }

  #hasRoom(): boolean {
    return this.#outstanding === 0 || this.#outstanding + this.#options.chunkSize <= this.#options.bufferSize;
  }

  async #sendChunk(): Promise<void> {
    const items: unknown[] = [];
    let refusal: { error: unknown } | undefined;
    while (items.length < this.#options.chunkSize && !refusal) {
      const item = await this.#read();
      if (this.#returned) return;
      if (!item) break;
      refusal = "error" in item ? item : this.#examine(item.value);
      if (!refusal && "value" in item) items.push(item.value);
    }
    if (items.length > 0) this.#send(items);
    if (refusal) this.#refuse(refusal.error);
  }

  /** One item of the input; nothing at its end. An input that throws has ended. */
  async #read(): Promise<{ value: unknown } | { error: unknown } | undefined> {
    try {
      const step = this.#iterator.next();
      const { done, value } = step instanceof Promise ? await step : (step as IteratorResult<unknown>);
      if (!done) return { value };
      this.#sourceEnded = true;
      return undefined;
    } catch (error) {
      this.#sourceEnded = true;
      return { error };
    }
  }

  #examine(item: unknown): { error: unknown } | undefined {
    const position = this.#itemsRead;
    this.#itemsRead += 1;
    try {
      this.#options.check(item, position);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  #send(items: unknown[]): void {
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    const chunk: Chunk = { items: items.length, outcome: undefined };
    this.#outstanding += items.length;
    this.#byIndex.set(index, chunk);
    if (this.#options.ordered) this.#queue.push(chunk);
    this.#outbox.push({ payload: items, items: items.length, index, sink: this, plain: false });
    if (this.#outbox.length > 1) return;
    // What an input gives without waiting goes out together: an async input gives each item in a microtask of its own.
    setImmediate(() => {
      for (const unit of this.#outbox.splice(0)) this.#options.send(unit);
    });
  }

  /** An item that cannot be sent, or an input that threw, takes a position of its own. */
  #refuse(error: unknown): void {
    this.#outstanding += 1;
    this.#queue.push({ items: 1, outcome: { ok: false, error } });
  }
}
