import { assertSendable, classify } from "../codec/index.ts";
import { PoolClosedError, PoolTerminatedError, ValueError } from "../errors/index.ts";
import type { UnitKind } from "../protocol/job.ts";
import type { PoolRecord } from "../protocol/records.ts";
import { failed } from "../results/index.ts";
import {
  effectiveOptions,
  JobQueue,
  type Runtime,
  type SubmitOptions,
  Submitter,
  type Unit,
  type UnitPlace,
} from "../submission/index.ts";
import { type AnyTask, isTask, type Task, validateArguments } from "../tasks/index.ts";
import { AsyncResult, type Callbacks } from "./async-result.ts";
import { cancelPlaces } from "./cancel-places.ts";
import { checkChunkSize, defaultChunkSize } from "./chunk-size.ts";
import { ImapIterator } from "./imap-iterator.ts";
import { MapResult } from "./map-result.ts";
import { checkPayload, estimateBytes } from "./payload-size.ts";
import { type PoolOptions, toPoolRecord } from "./pool-options.ts";

/** Options of `map`, `starmap` and their asynchronous forms. */
export interface MapOptions extends SubmitOptions {
  /** Items in one chunk. @defaultValue a quarter of an even share per slot (PL5) */
  chunkSize?: number;
}

/** Options of `imap` and `imapUnordered`. */
export interface ImapCallOptions extends SubmitOptions {
  /** Items in one chunk. @defaultValue 1 */
  chunkSize?: number;
  /**
   * Most items that are sent and not yet read by you; the input is read no further.
   * @defaultValue 1 000, or four chunks per slot if that is more
   */
  bufferSize?: number;
}

/** A list, or anything that can be iterated. */
export type Items<Item> = Iterable<Item> | AsyncIterable<Item>;

const DEFAULT_BUFFER = 1_000;
/** How often a lost pool is tried to be made again. */
const RESTORE_ATTEMPTS = 25;

/**
 * At most `size` calls run at once, over all hosts (Python's Pool).
 *
 * Made by `mp.pool()`, which does no I/O; the first call makes the pool known to the hosts.
 */
export class Pool {
  readonly #runtime: Runtime;
  readonly #record: Omit<PoolRecord, "createdAt">;
  readonly #jobs: JobQueue;
  readonly #submitter: Submitter;
  readonly #onGone: (pool: Pool) => void;
  #state: "running" | "closed" | "terminated" = "running";
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #joining: Promise<void> | undefined;
  #terminating: Promise<void> | undefined;
  #restoring: Promise<void> = Promise.resolve();
  #stopRestoring: () => void = () => {};

  /** @internal */
  constructor(runtime: Runtime, size: number | undefined, options: PoolOptions & { onGone: (pool: Pool) => void }) {
    const generation = runtime.nextJobId();
    this.#record = toPoolRecord(size, options, { name: `pool-${generation}`, generation, clientId: runtime.clientId });
    this.#runtime = runtime;
    this.#onGone = options.onGone;
    this.#jobs = new JobQueue(this.name, { client: runtime.client, keys: runtime.keys, telemetry: runtime.telemetry });
    this.#submitter = new Submitter({
      pool: this.name,
      runtime,
      jobs: this.#jobs,
      ready: () => this.#open(),
      parallelism: () => this.#parallelism(),
    });
  }

  // Getters, and no fields: an object whose state is private is refused wherever it would be sent (PL22).

  get name(): string {
    return this.#record.name;
  }

  /** At most this many calls run at once; null = as many as the hosts have slots. */
  get size(): number | null {
    return this.#record.size;
  }

  /** Runs one call and gives its value (PL3). */
  apply<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    args?: Args,
    options?: SubmitOptions,
  ): Promise<Awaited<Result>>;
  apply(task: string, args?: unknown[], options?: SubmitOptions): Promise<unknown>;
  async apply(task: AnyTask | string, args: unknown[] = [], options?: SubmitOptions): Promise<unknown> {
    return this.#call(task, args, options).awaited();
  }

  /**
   * Submits one call and returns at once.
   * @throws PoolClosedError, SerializationError, PayloadTooLargeError, ValidationError, ValueError at once
   */
  applyAsync<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    args?: Args,
    options?: SubmitOptions & Callbacks<Awaited<Result>>,
  ): AsyncResult<Awaited<Result>>;
  applyAsync(task: string, args?: unknown[], options?: SubmitOptions & Callbacks<unknown>): AsyncResult<unknown>;
  applyAsync(
    task: AnyTask | string,
    args: unknown[] = [],
    options?: SubmitOptions & Callbacks<unknown>,
  ): AsyncResult<unknown> {
    return this.#call(task, args, options);
  }

  /** Runs the task on each item; the values come in the order of the items (PL4). */
  map<Item, Result>(task: Task<[Item], Result>, items: Items<Item>, options?: MapOptions): Promise<Awaited<Result>[]>;
  map(task: string, items: Items<unknown>, options?: MapOptions): Promise<unknown[]>;
  async map(task: AnyTask | string, items: Items<unknown>, options?: MapOptions): Promise<unknown[]> {
    return this.#map(task, items, { kind: "items", options }).awaited();
  }

  /** Like `map`, but returns at once. For no items it is ready at once, and its callback is not called (PL6). */
  mapAsync<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options?: MapOptions & Callbacks<Awaited<Result>[]>,
  ): AsyncResult<Awaited<Result>[]>;
  mapAsync(task: string, items: Items<unknown>, options?: MapOptions & Callbacks<unknown[]>): AsyncResult<unknown[]>;
  mapAsync(
    task: AnyTask | string,
    items: Items<unknown>,
    options?: MapOptions & Callbacks<unknown[]>,
  ): AsyncResult<unknown[]> {
    return this.#map(task, items, { kind: "items", options });
  }

  /** Like `map`, with an argument list for each call. */
  starmap<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    items: Items<Readonly<Args>>,
    options?: MapOptions,
  ): Promise<Awaited<Result>[]>;
  starmap(task: string, items: Items<unknown[]>, options?: MapOptions): Promise<unknown[]>;
  async starmap(task: AnyTask | string, items: Items<unknown>, options?: MapOptions): Promise<unknown[]> {
    return this.#map(task, items, { kind: "starItems", options }).awaited();
  }

  /** Like `starmap`, but returns at once. */
  starmapAsync<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    items: Items<Readonly<Args>>,
    options?: MapOptions & Callbacks<Awaited<Result>[]>,
  ): AsyncResult<Awaited<Result>[]>;
  starmapAsync(
    task: string,
    items: Items<unknown[]>,
    options?: MapOptions & Callbacks<unknown[]>,
  ): AsyncResult<unknown[]>;
  starmapAsync(
    task: AnyTask | string,
    items: Items<unknown>,
    options?: MapOptions & Callbacks<unknown[]>,
  ): AsyncResult<unknown[]> {
    return this.#map(task, items, { kind: "starItems", options });
  }

  /** Runs the task on each item of a list or an endless input and gives the values in order, as they come (PL9, PL11). */
  imap<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options?: ImapCallOptions,
  ): ImapIterator<Awaited<Result>>;
  imap(task: string, items: Items<unknown>, options?: ImapCallOptions): ImapIterator<unknown>;
  imap(task: AnyTask | string, items: Items<unknown>, options?: ImapCallOptions): ImapIterator<unknown> {
    return this.#imap(task, items, { ordered: true, options });
  }

  /** Like `imap`, in the order of completion. */
  imapUnordered<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options?: ImapCallOptions,
  ): ImapIterator<Awaited<Result>>;
  imapUnordered(task: string, items: Items<unknown>, options?: ImapCallOptions): ImapIterator<unknown>;
  imapUnordered(task: AnyTask | string, items: Items<unknown>, options?: ImapCallOptions): ImapIterator<unknown> {
    return this.#imap(task, items, { ordered: false, options });
  }

  /** Takes no more work; what was submitted finishes (PL17). Repeatable. */
  close(): void {
    if (this.#state === "running") this.#state = "closed";
  }

  /**
   * Waits until all submitted work has a result; an unnamed pool is removed then.
   * @throws ValueError before `close()` or `terminate()` (PL17)
   */
  async join(): Promise<void> {
    if (this.#state === "running")
      throw new ValueError("join() comes after close() or terminate(); call one of them first");
    if (this.#state === "terminated") return this.#terminating;
    this.#joining ??= this.#runtime.keepAlive.during(this.#submitter.idle().then(() => this.#remove()));
    await this.#joining;
  }

  /**
   * Stops at once: waiting calls are removed, running ones are killed, results that are not there yet fail with
   * PoolTerminatedError (PL18, PL19). Of a named pool only this handle's calls are stopped. Repeatable.
   */
  async terminate(): Promise<void> {
    this.#state = "terminated";
    this.#terminating ??= this.#runtime.keepAlive.during(this.#stopNow());
    await this.#terminating;
  }

  /** Leaving a block terminates the pool, as in Python (PL18). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate();
  }

  #call(
    task: AnyTask | string,
    args: unknown[],
    options: (SubmitOptions & Callbacks<unknown>) | undefined,
  ): AsyncResult<unknown> {
    this.#assertRunning();
    const { name, definition } = nameOf(task);
    if (!Array.isArray(args)) throw new ValueError(`the arguments of task "${name}" are a list; got ${typeof args}`);
    const submit = effectiveOptions(definition, options);
    const plain = classify(args, "args") === "json";
    checkPayload(args, this.#runtime.maxPayload, `the arguments of task "${name}"`);
    const place: { current: UnitPlace | undefined } = { current: undefined };
    const result = this.#result<unknown>(options, () => (place.current ? [place.current] : []), name);
    const unit: Unit = {
      payload: args,
      items: 1,
      index: 0,
      sink: result,
      plain,
      sent: (where) => {
        place.current = where;
      },
    };
    const valid = definition ? validateArguments(definition, args) : args;
    const submitUnit = (): void => {
      if (submit) this.#submitter.alone(name, "calls", { units: [unit], submit });
      else this.#submitter.share(name, "calls", unit);
    };
    if (valid instanceof Promise) valid.then(submitUnit, (error) => result.reject(error));
    else submitUnit();
    return result;
  }

  #map(
    task: AnyTask | string,
    items: Items<unknown>,
    call: { kind: UnitKind; options: (MapOptions & Callbacks<unknown[]>) | undefined },
  ): AsyncResult<unknown[]> {
    this.#assertRunning();
    const { name, definition } = nameOf(task);
    const { kind, options } = call;
    checkChunkSize(options?.chunkSize);
    const submit = effectiveOptions(definition, options);
    const places: UnitPlace[] = [];
    const result = this.#result<unknown[]>(options, () => places, name);
    const start = (list: unknown[]): void => {
      checkItems(list, kind, { name, limit: this.#runtime.maxPayload });
      if (list.length === 0) {
        result.settleEmpty([]);
        return;
      }
      const send = (): void => this.#sendChunks({ name, kind, list, options, submit, result, places });
      if (this.#isOpen) send();
      else void this.#opened(send, result);
    };
    if (Symbol.asyncIterator in Object(items)) {
      drain(items as AsyncIterable<unknown>)
        .then(start)
        .catch((error) => result.reject(error));
    } else {
      start(Array.isArray(items) ? items : [...(items as Iterable<unknown>)]);
    }
    return result;
  }

  /** Default chunk sizes need to know the slots, which the opening of the pool reads. */
  async #opened(send: () => void, result: AsyncResult<unknown[]>): Promise<void> {
    try {
      await this.#open();
      send();
    } catch (error) {
      result.reject(error);
    }
  }

  #sendChunks(job: {
    name: string;
    kind: UnitKind;
    list: unknown[];
    options: MapOptions | undefined;
    submit: SubmitOptions | undefined;
    result: AsyncResult<unknown[]>;
    places: UnitPlace[];
  }): void {
    const { name, kind, list, options, submit, result, places } = job;
    const chunkSize = options?.chunkSize ?? defaultChunkSize(list.length, this.#parallelism());
    const chunks = cutChunks(list, chunkSize, this.#runtime.maxPayload);
    const sink = new MapResult<unknown>(result, chunks.offsets, list.length);
    const units = chunks.payloads.map(
      (payload, index): Unit => ({
        payload,
        items: payload.length,
        index,
        sink,
        plain: false,
        sent: (where) => places.push(where),
      }),
    );
    if (submit) this.#submitter.alone(name, kind, { units, submit });
    else for (const unit of units) this.#submitter.share(name, kind, unit);
  }

  #imap(
    task: AnyTask | string,
    items: Items<unknown>,
    call: { ordered: boolean; options: ImapCallOptions | undefined },
  ): ImapIterator<unknown> {
    this.#assertRunning();
    const { name, definition } = nameOf(task);
    const { chunkSize = 1, bufferSize } = call.options ?? {};
    checkChunkSize(chunkSize);
    if (bufferSize !== undefined && !(Number.isInteger(bufferSize) && bufferSize >= 1)) {
      throw new ValueError(`bufferSize must be a whole number from 1; got ${String(bufferSize)}`);
    }
    const submit = effectiveOptions(definition, call.options);
    return new ImapIterator<unknown>({
      source: items,
      ordered: call.ordered,
      chunkSize,
      bufferSize: bufferSize ?? Math.max(DEFAULT_BUFFER, 4 * chunkSize * this.#parallelism()),
      describe: `task "${name}"`,
      check: (item, position) => {
        assertSendable(item, `items[${position}]`);
        checkPayload(item, this.#runtime.maxPayload, `items[${position}]`);
      },
      send: (unit) => {
        if (this.#state === "terminated") unit.sink.answer(unit.index, failed(this.#terminatedError()));
        else if (submit) this.#submitter.alone(name, "items", { units: [unit], submit });
        else this.#submitter.share(name, "items", unit);
      },
    });
  }

  #result<Value>(options: Callbacks<Value> | undefined, places: () => UnitPlace[], name: string): AsyncResult<Value> {
    const callbacks = options?.callback || options?.errorCallback ? options : undefined;
    return new AsyncResult<Value>({
      callbacks,
      logger: this.#runtime.logger,
      describe: () => `task "${name}" in pool "${this.name}"`,
      cancel: (reason) => this.#runtime.keepAlive.during(cancelPlaces(this.#runtime, places(), reason)),
    });
  }

  #assertRunning(): void {
    if (this.#state === "running") return;
    throw new PoolClosedError(
      `pool "${this.name}" is not running: it was ${this.#state}; make a new one with mp.pool()`,
    );
  }

  #terminatedError(): PoolTerminatedError {
    return new PoolTerminatedError(`pool "${this.name}" was terminated before this call had a result`);
  }

  #parallelism(): number {
    const slots = this.#runtime.fleet.recentSlots(this.name);
    if (slots === 0) return this.size ?? 1;
    return Math.max(1, Math.min(this.size ?? Number.POSITIVE_INFINITY, slots));
  }

  /** Makes the pool known to the hosts, with its limit in force before the first job. */
  #open(): Promise<void> {
    this.#opening ??= this.#runtime.keepAlive.during(this.#register()).then(() => {
      this.#isOpen = true;
    });
    return this.#opening;
  }

  async #register(): Promise<void> {
    const { session, registry, fleet, logger } = this.#runtime;
    await session.start();
    this.#stopRestoring = session.whenLost(() => {
      this.#restoring = this.#restoring.then(() => this.#restore());
    });
    await this.#jobs.limit(this.#record.size);
    const [{ created, record }] = await Promise.all([registry.create(this.#record), fleet.hosts()]);
    if (created || this.#record.size === null || record.size === this.#record.size) return;
    logger.warn(`pool "${this.name}" had size ${record.size ?? "of all slots"}; it is ${this.#record.size} now`);
    await registry.update(this.name, null, { size: this.#record.size });
  }

  /**
   * Redis has lost the pool, or hosts took this program for dead and removed it: it is made again. Its jobs are lost,
   * which their callers are told; new ones are served.
   */
  async #restore(): Promise<void> {
    const { registry, logger } = this.#runtime;
    try {
      for (let attempt = 1; attempt <= RESTORE_ATTEMPTS && this.#state !== "terminated"; attempt += 1) {
        const { created, record } = await registry.create(this.#record);
        if (created) await this.#jobs.limit(this.#record.size);
        if (record.state !== "terminated") return;
        // A host is just removing it.
        await new Promise((resolve) => setTimeout(resolve, 200).unref());
      }
    } catch (error) {
      logger.warn(`pool "${this.name}" could not be made again: ${(error as Error).message}`);
    }
  }

  async #stopNow(): Promise<void> {
    const error = this.#terminatedError();
    const named = this.#record.owner === null;
    const open = this.#submitter.failAll(error);
    if (this.#opening === undefined) return this.#forget();
    await this.#opening.catch(() => {});
    await this.#endRestoring();
    if (named) {
      await cancelPlaces(
        this.#runtime,
        open.map((jobId) => ({ pool: this.name, jobId, unit: null })),
        error.message,
      );
      return this.#forget();
    }
    await this.#runtime.registry.terminate(this.name, this.#record.generation);
    await this.#remove();
  }

  /** An unnamed pool leaves nothing in Redis. */
  async #remove(): Promise<void> {
    await this.#endRestoring();
    if (this.#record.owner !== null && this.#opening !== undefined) {
      await this.#runtime.registry.remove(this.name, this.#record.generation);
      await this.#jobs.obliterate();
    }
    await this.#forget();
  }

  async #endRestoring(): Promise<void> {
    this.#stopRestoring();
    await this.#restoring;
  }

  async #forget(): Promise<void> {
    this.#onGone(this);
    await this.#jobs.close();
  }
}

function nameOf(task: AnyTask | string): { name: string; definition: AnyTask | undefined } {
  if (typeof task === "string") return { name: task, definition: undefined };
  if (isTask(task)) return { name: task.name, definition: task };
  throw new TypeError(`expected a task, made with task(name, run), or its name; got ${typeof task}`);
}

function checkItems(list: unknown[], kind: UnitKind, task: { name: string; limit: number }): void {
  assertSendable(list, "items");
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    if (typeof item === "number" && kind === "items") continue;
    if (kind === "starItems" && !Array.isArray(item)) {
      throw new ValueError(`starmap needs a list of arguments for each call; items[${index}] is ${typeof item}`);
    }
    checkPayload(item, task.limit, `items[${index}] of task "${task.name}"`);
  }
}

/** Cuts a list into chunks of `size` items, and earlier where a chunk would outgrow `limit` bytes. */
function cutChunks(list: unknown[], size: number, limit: number): { payloads: unknown[][]; offsets: number[] } {
  const payloads: unknown[][] = [];
  const offsets: number[] = [];
  let from = 0;
  while (from < list.length) {
    let to = Math.min(from + size, list.length);
    let payload = list.slice(from, to);
    while (
      payload.length > 1 &&
      estimateBytes(payload, limit) > limit &&
      !payload.every((item) => typeof item === "number")
    ) {
      to = from + Math.ceil(payload.length / 2);
      payload = list.slice(from, to);
    }
    payloads.push(payload);
    offsets.push(from);
    from = to;
  }
  return { payloads, offsets };
}

async function drain(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = [];
  for await (const item of items) list.push(item);
  return list;
}
