import { availableParallelism } from "node:os";
import { strictCalls } from "../../checks/index.ts";
import {
  CancelledError,
  ClosedError,
  DetachedError,
  got,
  markOwnEnding,
  PoolClosedError,
  PoolTerminatedError,
  resultPromise,
  ValueError,
} from "../../errors/index.ts";
import { BullQueues } from "../../redis/bull-queue/index.ts";
import {
  type AnyCanvas,
  type AnyTask,
  type Canvas,
  isCanvas,
  type Task,
  validateArguments,
} from "../../tasks/index.ts";
import { type Patience, toLimit, within } from "../../time/index.ts";
import { assertSendable, classify } from "../../wire/codec/index.ts";
import type { UnitKind } from "../../wire/records/job.ts";
import { type Limits, toLimitRule } from "../../wire/records/limits.ts";
import { failed, type ItemOutcome } from "../results/index.ts";
import {
  type CallSettings,
  DetachedSubmitter,
  JobQueue,
  type Runtime,
  type SubmitOptions,
  Submitter,
  settingsOf,
  TaskHandle,
  toSubmitted,
  type Unit,
} from "../submission/index.ts";
import { checkPayload } from "../submission/payload-size.ts";
import { startWorkflow, type WorkflowOptions } from "../workflows/index.ts";
import { AsyncResult, type Callbacks, type ResultOrigin } from "./async-result.ts";
import { cancelPlaces } from "./cancel-places.ts";
import { checkChunkSize, defaultChunkSize } from "./chunk-size.ts";
import { assertIterable, ImapIterator } from "./imap-iterator.ts";
import { checkItems, cutChunks, drain, validateItem, validateItems } from "./map-items.ts";
import { MapResult } from "./map-result.ts";
import { IMAP_FORMS, POOL_FORMS, RESULT_FORMS } from "./pool-forms.ts";
import type { StoredPool } from "./pool-options.ts";
import { PoolRegistration } from "./pool-registration.ts";
import { type PoolRemoval, removePool } from "./remove-pool.ts";
import { UnreadInputs } from "./unread-inputs.ts";

/** Options of `map`, `starmap` and their asynchronous forms. */
export interface MapOptions extends SubmitOptions {
  /** Items in one chunk. @defaultValue a quarter of an even share per slot (PL5) */
  chunkSize?: number | undefined;
  /** What a failed item does; see {@link ItemErrors}. @defaultValue "throw" */
  errors?: ItemErrors | undefined;
}

/**
 * `throw`: an item that fails throws its error, a `map` as a whole, an `imap` at the item's place; the error's `itemIndex`
 * says which item it was. `return`: every item gives an {@link ItemOutcome}, and each is a chunk of its own.
 */
export type ItemErrors = "throw" | "return";

/** For the overloads: outcomes instead of values. */
type Returned = { errors: "return" };

/** Options of `imap` and `imapUnordered`. */
export interface ImapCallOptions extends SubmitOptions {
  /** Items in one chunk. @defaultValue 1 */
  chunkSize?: number | undefined;
  /**
   * Most items that are sent and not yet read by you; the input is read no further.
   * @defaultValue 1 000, or four chunks per slot if that is more
   */
  bufferSize?: number | undefined;
  /** What a failed item does; see {@link ItemErrors}. @defaultValue "throw" */
  errors?: ItemErrors | undefined;
}

/** A list, or anything that can be iterated. */
export type Items<Item> = Iterable<Item> | AsyncIterable<Item>;

const DEFAULT_BUFFER = 1_000;
/** Slots that are assumed for a pool without a size while no host is known. */
const ASSUMED_SLOTS = availableParallelism();

/**
 * At most `size` calls run at once, over all hosts (Python's Pool).
 *
 * Made by `mp.pool()`, which does no I/O; the first call makes the pool known to the hosts.
 */
export class Pool {
  readonly #runtime: Runtime;
  readonly #registration: PoolRegistration;
  readonly #jobs: JobQueue;
  readonly #submitter: Submitter;
  readonly #inputs = new UnreadInputs();
  readonly #limitKey: { of: Limits["key"] };
  #detached: DetachedSubmitter | undefined;
  /** Of the calls of each task, by `<kind> <task>`. */
  readonly #origins = new Map<string, ResultOrigin>();
  #state: "running" | "closed" | "terminated" = "running";
  #joining: Promise<void> | undefined;
  #terminating: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;

  /** @internal */
  constructor(
    runtime: Runtime,
    { record, limitKey }: { record: StoredPool; limitKey: Limits["key"] },
    onGone: (registration: PoolRegistration) => void,
  ) {
    this.#limitKey = { of: limitKey };
    const { client, keys, telemetry, logger } = runtime;
    this.#runtime = runtime;
    this.#jobs = new JobQueue(record.name, { client, keys, telemetry, logger });
    this.#registration = new PoolRegistration(runtime, { record, jobs: this.#jobs, onGone });
    this.#submitter = new Submitter({
      pool: record.name,
      runtime,
      jobs: this.#jobs,
      ready: () => this.#registration.open(),
      parallelism: () => this.#parallelism(),
      isServed: () => this.#isServed(),
      onAdded: () => this.#registration.used(),
      tasksPerChild: () => this.#registration.tasksPerChild,
      limitKey: () => this.#limitKey.of,
      cancel: (places, reason) => runtime.keepAlive.during(cancelPlaces(runtime, places, reason)),
    });
  }

  // Getters, and no fields: an object whose state is private is refused wherever it would be sent (PL22).

  get name(): string {
    return this.#registration.record.name;
  }

  /** At most this many calls run at once; null = as many as the hosts have slots. */
  get size(): number | null {
    return this.#registration.record.size;
  }

  /**
   * Limits how many calls of the pool may start, over all hosts, from now on and also of what waits; null = no limit but its
   * size. Keys are computed with the function that the pool was made with, or with the one that is given.
   * @throws ValueError for limits that are none
   */
  async limit(limits: Limits | null): Promise<void> {
    const rule = limits === null ? null : toLimitRule(`pool "${this.name}"`, limits);
    if (limits?.key) this.#limitKey.of = limits.key;
    await this.#registration.limit(rule);
  }

  /** Runs one call and gives its value (PL3). */
  apply<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    args?: Args,
    options?: SubmitOptions,
  ): Promise<Awaited<Result>>;
  apply(task: string, args?: unknown[], options?: SubmitOptions): Promise<unknown>;
  apply(task: AnyTask | string, args: unknown[] = [], options?: SubmitOptions): Promise<unknown> {
    return resultPromise(() => this.#call(task, args, options).awaited());
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
  map<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options: MapOptions & Returned,
  ): Promise<ItemOutcome<Awaited<Result>>[]>;
  map<Item, Result>(task: Task<[Item], Result>, items: Items<Item>, options?: MapOptions): Promise<Awaited<Result>[]>;
  map(task: string, items: Items<unknown>, options?: MapOptions): Promise<unknown[]>;
  map(task: AnyTask | string, items: Items<unknown>, options?: MapOptions): Promise<unknown[]> {
    return resultPromise(() => this.#map(task, items, { kind: "items", options }).awaited());
  }

  /** Like `map`, but returns at once. For no items it is ready at once, and its callback is not called (PL6). */
  mapAsync<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options: MapOptions & Returned & Callbacks<ItemOutcome<Awaited<Result>>[]>,
  ): AsyncResult<ItemOutcome<Awaited<Result>>[]>;
  mapAsync<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options?: MapOptions & Callbacks<Awaited<Result>[]>,
  ): AsyncResult<Awaited<Result>[]>;
  mapAsync(task: string, items: Items<unknown>, options?: MapOptions & Callbacks<unknown[]>): AsyncResult<unknown[]>;
  mapAsync(
    task: AnyTask | string,
    items: Items<unknown>,
    options?: MapOptions & Callbacks<never>,
  ): AsyncResult<unknown[]> | AsyncResult<ItemOutcome<unknown>[]> {
    return this.#map(task, items, { kind: "items", options: options as MapOptions & Callbacks<unknown[]> });
  }

  /** Like `map`, with an argument list for each call. */
  starmap<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    items: Items<Readonly<Args>>,
    options: MapOptions & Returned,
  ): Promise<ItemOutcome<Awaited<Result>>[]>;
  starmap<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    items: Items<Readonly<Args>>,
    options?: MapOptions,
  ): Promise<Awaited<Result>[]>;
  starmap(task: string, items: Items<unknown[]>, options?: MapOptions): Promise<unknown[]>;
  starmap(task: AnyTask | string, items: Items<unknown>, options?: MapOptions): Promise<unknown[]> {
    return resultPromise(() => this.#map(task, items, { kind: "starItems", options }).awaited());
  }

  /** Like `starmap`, but returns at once. */
  starmapAsync<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    items: Items<Readonly<Args>>,
    options: MapOptions & Returned & Callbacks<ItemOutcome<Awaited<Result>>[]>,
  ): AsyncResult<ItemOutcome<Awaited<Result>>[]>;
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
    options?: MapOptions & Callbacks<never>,
  ): AsyncResult<unknown[]> | AsyncResult<ItemOutcome<unknown>[]> {
    return this.#map(task, items, { kind: "starItems", options: options as MapOptions & Callbacks<unknown[]> });
  }

  /** Runs the task on each item of a list or an endless input and gives the values in order, as they come (PL9, PL11). */
  imap<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options: ImapCallOptions & Returned,
  ): ImapIterator<ItemOutcome<Awaited<Result>>>;
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
    options: ImapCallOptions & Returned,
  ): ImapIterator<ItemOutcome<Awaited<Result>>>;
  imapUnordered<Item, Result>(
    task: Task<[Item], Result>,
    items: Items<Item>,
    options?: ImapCallOptions,
  ): ImapIterator<Awaited<Result>>;
  imapUnordered(task: string, items: Items<unknown>, options?: ImapCallOptions): ImapIterator<unknown>;
  imapUnordered(task: AnyTask | string, items: Items<unknown>, options?: ImapCallOptions): ImapIterator<unknown> {
    return this.#imap(task, items, { ordered: false, options });
  }

  /** Submits a workflow, as `mp.submit` does: its steps run in this pool unless they name another one. */
  submit<Result>(canvas: Canvas<[], Result>, options?: Omit<WorkflowOptions, "pool">): Promise<TaskHandle<Result>>;
  /**
   * Submits one call that goes on when this program ends; in an unnamed pool, as long as the pool is there.
   * @returns its handle, once Redis has the task; with deduplication the handle may be of another one under way
   * @throws as `applyAsync`
   */
  submit<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    args?: Args,
    options?: SubmitOptions,
  ): Promise<TaskHandle<Awaited<Result>>>;
  submit(task: string, args?: unknown[], options?: SubmitOptions): Promise<TaskHandle<unknown>>;
  async submit(
    task: AnyTask | string | AnyCanvas,
    args: unknown[] | Omit<WorkflowOptions, "pool"> = [],
    options?: SubmitOptions,
  ): Promise<TaskHandle<unknown>> {
    this.#assertRunning();
    if (isCanvas(task)) {
      await this.#registration.open();
      const handle = await startWorkflow(this.#runtime, task, { options: args, pool: this.name });
      this.#registration.used();
      return handle;
    }
    const ready = (): Promise<void> => this.#registration.open();
    this.#detached ??= new DetachedSubmitter(this.#runtime, {
      jobs: this.#jobs,
      ready,
      limitKey: () => this.#limitKey.of,
    });
    const call = toSubmitted(task);
    const id = await this.#detached.submit({ ...call, args: args as unknown[], options });
    this.#registration.used();
    return new TaskHandle(id, this.name, { desk: this.#runtime.desk, definition: call.definition });
  }

  /** Takes no more work; what was submitted finishes (PL17). Repeatable. */
  close(): void {
    if (this.#state === "running") this.#state = "closed";
    this.#registration.isRunning = false;
  }

  /**
   * Waits until all submitted work has a result; an unnamed pool is removed then. An `imap` over a list is read to its
   * end for this; one over an input that may be endless is cut off: its iterator throws PoolClosedError after the
   * results of what was sent (PL11). The end of the wait ends nothing else: call it again to go on waiting.
   * @returns false when the time was over first
   * @throws ValueError before `close()` or `terminate()` (PL17); the signal's reason
   */
  async join(patience?: Patience): Promise<boolean> {
    const { limit, signal } = toLimit(patience);
    if (this.#state === "running")
      throw new ValueError("join() comes after close() or terminate(); call one of them first");
    signal?.throwIfAborted();
    return (await within(this.#over(), limit, { signal })) !== undefined;
  }

  async #over(): Promise<void> {
    if (this.#state === "terminated") return this.#terminating;
    this.#joining ??= this.#runtime.keepAlive.during(this.#finish()).catch((error) => {
      this.#joining = undefined;
      throw error;
    });
    await this.#joining;
  }

  /**
   * Stops at once: waiting calls are removed, running ones are killed, results that are not there yet fail with
   * PoolTerminatedError (PL18, PL19). Of a named pool only this handle's calls are stopped. Repeatable.
   */
  async terminate(): Promise<void> {
    this.#state = "terminated";
    this.#registration.isRunning = false;
    this.#terminating ??= this.#runtime.keepAlive.during(this.#stopNow()).catch((error) => {
      this.#terminating = undefined;
      throw error;
    });
    await this.#terminating;
  }

  /**
   * Removes a named pool with all its tasks, for every program: a named pool stays until then. Callers that wait for
   * its tasks get a PoolTerminatedError, and the next use of the name makes a new pool. This handle is terminated.
   * @param options - `force`: also when tasks of it run; hosts kill them.
   * @throws ValueError when tasks of it run and `force` is not given; nothing is removed then
   */
  async remove({ force = false }: { force?: boolean | undefined } = {}): Promise<void> {
    if (this.#registration.isNamed) {
      const { client, keys, keepAlive } = this.#runtime;
      await this.#registration.settled();
      const queues = new BullQueues(client, keys);
      const removing = (): Promise<PoolRemoval> => removePool({ client, keys, queues }, this.name, { force });
      const removal = await keepAlive.during(
        this.#registration
          .duringRemoval(removing, ({ outcome }) => outcome !== "running")
          .finally(() => queues.close()),
      );
      if (removal.outcome === "running") {
        throw new ValueError(
          `pool "${this.name}" was not removed, because tasks of it run (${removal.active}); let them finish, or give { force: true }`,
        );
      }
    }
    await this.terminate();
  }

  /**
   * Leaving a block terminates an unnamed pool, as in Python (PL18). A named pool is not this program's alone: its tasks go
   * on, and what is still waited for here fails with DetachedError. What goes wrong then does not replace an error of the
   * block.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave().catch((error: Error) => {
      this.#runtime.logger.warn(`pool "${this.name}" could not be ended in order: ${error.message}`);
    });
  }

  /** Ends the use of the pool by this program: an unnamed pool is terminated, the tasks of a named one go on. @internal */
  async leave(): Promise<void> {
    if (!this.#registration.isNamed || this.#state === "terminated") return this.terminate();
    this.close();
    this.#leaving ??= this.#runtime.keepAlive.during(this.#detach());
    await this.#leaving;
  }

  /** What has to be removed when the pool is forgotten. @internal */
  registration(): PoolRegistration {
    return this.#registration;
  }

  #call(
    task: AnyTask | string,
    args: unknown[],
    options: (SubmitOptions & Callbacks<unknown>) | undefined,
  ): AsyncResult<unknown> {
    this.#assertRunning();
    const called = toSubmitted(task);
    const { task: name, definition } = called;
    if (!Array.isArray(args)) throw new ValueError(`the arguments of task "${name}" are a list; got ${typeof args}`);
    const settings = settingsOf(this.#runtime, called, options);
    const valid = definition ? validateArguments(definition, args) : args;
    const result = this.#result<unknown>(name, "calls", options);
    const send = (payload: unknown[]): void => {
      const plain = classify(payload, "args") === "json";
      checkPayload(payload, this.#runtime.maxPayload, `the arguments of task "${name}"`);
      const unit: Unit = { payload, items: 1, index: 0, sink: result, plain, ticket: undefined, position: 0 };
      result.standsFor(unit);
      this.#whenKnown(result, settings, (known) => this.#dispatch(name, "calls", { units: [unit], settings: known }));
    };
    if (valid instanceof Promise) this.#later(result, valid, send);
    else send(valid);
    return result;
  }

  #dispatch(
    task: string,
    kind: UnitKind,
    { units, settings: { options, isAlone } }: { units: Unit[]; settings: CallSettings },
  ): void {
    if (isAlone || this.#registration.isLimited) this.#submitter.alone(task, kind, { units, submit: options });
    else for (const unit of units) this.#submitter.share(task, kind, unit);
  }

  #whenKnown<Value>(
    result: AsyncResult<Value>,
    settings: CallSettings | Promise<CallSettings>,
    then: (settings: CallSettings) => void,
  ): void {
    if (settings instanceof Promise) this.#later(result, settings, then);
    else then(settings);
  }

  #map(
    task: AnyTask | string,
    items: Items<unknown>,
    call: { kind: UnitKind; options: (MapOptions & Callbacks<unknown[]>) | undefined },
  ): AsyncResult<unknown[]> {
    this.#assertRunning();
    const called = toSubmitted(task);
    const { task: name, definition } = called;
    const { kind, options } = call;
    checkChunkSize(options?.chunkSize);
    checkErrors(options);
    assertIterable(items);
    const settings = settingsOf(this.#runtime, called, options);
    refuseIdentity(options);
    const result = this.#result<unknown[]>(name, kind, options);
    const send = (list: unknown[]): void =>
      this.#whenKnown(result, settings, (known) =>
        this.#sendChunks({ name, kind, list, options, settings: known, result }),
      );
    const check = (list: unknown[]): void => {
      checkItems(list, kind, { name, limit: this.#runtime.maxPayload });
      if (list.length === 0) result.settleEmpty([]);
      // Default chunk sizes need to know the slots.
      else if (options?.chunkSize === undefined && options?.errors !== "return" && !this.#knowsSlots())
        this.#later(result, this.#learnSlots(list), send);
      else send(list);
    };
    const start = (list: unknown[]): void => {
      const valid = definition?.options.schema ? validateItems(definition, kind, list) : list;
      if (valid instanceof Promise) this.#later(result, valid, check);
      else check(valid);
    };
    if (Symbol.asyncIterator in Object(items)) {
      const list = drain(items as AsyncIterable<unknown>, () => !result.ready());
      this.#later(result, { input: list }, start);
    } else {
      start(Array.isArray(items) ? items : [...(items as Iterable<unknown>)]);
    }
    return result;
  }

  /** Work that cannot be sent yet counts as submitted all the same: `join` waits for it, `terminate` fails it. */
  #later<Value, Prepared>(
    result: AsyncResult<Value>,
    work: Promise<Prepared> | { input: Promise<Prepared> },
    then: (prepared: Prepared) => void,
  ): void {
    const isInput = "input" in work;
    this.#prepare({
      prepared: isInput ? work.input : work,
      isInput,
      then: (value) => {
        if (!result.ready()) then(value);
      },
      fail: (error) => result.reject(error),
    });
  }

  #prepare<Prepared>(work: {
    prepared: Promise<Prepared>;
    isInput?: boolean;
    then: (prepared: Prepared) => void;
    fail: (error: unknown) => void;
  }): void {
    const { prepared, isInput = false, then, fail } = work;
    let isFailed = false;
    const failOnce = (error: unknown): void => {
      if (isFailed) return;
      isFailed = true;
      fail(error);
    };
    const release = this.#submitter.reserve(failOnce, { isInput });
    prepared
      .then((value) => {
        if (!isFailed) then(value);
      })
      .catch(failOnce)
      .finally(release);
  }

  #knowsSlots(): boolean {
    return this.#registration.isOpen && this.#runtime.fleet.isFresh;
  }

  async #learnSlots<Value>(value: Value): Promise<Value> {
    await this.#registration.open();
    if (!this.#runtime.fleet.isFresh) await this.#runtime.keepAlive.during(this.#runtime.fleet.hosts());
    return value;
  }

  #sendChunks(job: {
    name: string;
    kind: UnitKind;
    list: unknown[];
    options: MapOptions | undefined;
    settings: CallSettings;
    result: AsyncResult<unknown[]>;
  }): void {
    const { name, kind, list, options, settings, result } = job;
    const returnsErrors = options?.errors === "return";
    // Each item of a limited task, or pool, is one start.
    const isLimited = settings.isLimited || this.#registration.isLimited;
    const chunkSize =
      returnsErrors || isLimited ? 1 : (options?.chunkSize ?? defaultChunkSize(list.length, this.#parallelism()));
    const chunks = cutChunks(list, chunkSize, this.#runtime.maxPayload);
    const sink = new MapResult<unknown>(result, { offsets: chunks.offsets, length: list.length }, { returnsErrors });
    const units = chunks.payloads.map((payload, index): Unit => {
      return { payload, items: payload.length, index, sink, plain: false, ticket: undefined, position: 0 };
    });
    result.standsFor(units);
    this.#dispatch(name, kind, { units, settings });
  }

  #imap(
    task: AnyTask | string,
    items: Items<unknown>,
    call: { ordered: boolean; options: ImapCallOptions | undefined },
  ): ImapIterator<unknown> {
    this.#assertRunning();
    const called = toSubmitted(task);
    const { task: name, definition } = called;
    const { chunkSize = 1, bufferSize } = call.options ?? {};
    checkChunkSize(chunkSize);
    checkErrors(call.options);
    if (bufferSize !== undefined && !(Number.isInteger(bufferSize) && bufferSize >= 1)) {
      throw new ValueError(`bufferSize must be a whole number from 1; got ${String(bufferSize)}`);
    }
    if (bufferSize !== undefined && bufferSize < chunkSize) {
      throw new ValueError(`bufferSize must be at least chunkSize (${chunkSize}); got ${bufferSize}`);
    }
    const settings = settingsOf(this.#runtime, called, call.options);
    refuseIdentity(call.options);
    const check = (item: unknown, index: number): unknown => {
      assertSendable(item, `items[${index}]`);
      checkPayload(item, this.#runtime.maxPayload, `items[${index}]`);
      return item;
    };
    const validate = (task: AnyTask, item: unknown, index: number): unknown => {
      const valid = validateItem(task, "items", { item, index });
      return valid instanceof Promise ? valid.then((later) => check(later, index)) : check(valid, index);
    };
    const iterator = new ImapIterator<unknown>({
      source: items,
      ordered: call.ordered,
      chunkSize,
      returnsErrors: call.options?.errors === "return",
      bufferSize: bufferSize ?? Math.max(DEFAULT_BUFFER, 4 * chunkSize * this.#parallelism()),
      describe: `task "${name}"`,
      check: definition?.options.schema ? (item, index) => validate(definition, item, index) : check,
      send: (unit) => {
        const fail = (error: unknown): void => unit.sink.answer(unit.index, failed(error));
        const send = (known: CallSettings): void => {
          if (this.#state === "terminated") fail(this.#terminatedError());
          else this.#dispatch(name, "items", { units: [unit], settings: known });
        };
        if (settings instanceof Promise) this.#prepare({ prepared: settings, then: send, fail });
        else send(settings);
      },
    });
    this.#inputs.add(iterator);
    return iterator;
  }

  #result<Value>(task: string, kind: UnitKind, options: Callbacks<Value> | undefined): AsyncResult<Value> {
    const callbacks = options?.callback || options?.errorCallback ? options : undefined;
    return new AsyncResult<Value>(this.#origin(task, kind), callbacks);
  }

  #origin(task: string, kind: UnitKind): ResultOrigin {
    const name = `${kind} ${task}`;
    const known = this.#origins.get(name);
    if (known) return known;
    const origin: ResultOrigin = {
      logger: this.#runtime.logger,
      describe: () => `task "${task}" in pool "${this.name}"`,
      delivery: () => this.#submitter.delivery(),
      state: (id) => this.#runtime.desk.state(id, { pool: this.name }),
      updates: (id, options) => this.#runtime.desk.updates(id, { ...options, pool: this.name }),
      cancel: (result, units, reason) => this.#cancel(result, { task, kind, units }, reason),
    };
    this.#origins.set(name, origin);
    return origin;
  }

  async #cancel(
    result: { reject(error: unknown): void },
    work: { task: string; kind: UnitKind; units: readonly Unit[] },
    reason: string,
  ): Promise<boolean> {
    const { task, units } = work;
    const error = new CancelledError(`task "${task}" was cancelled before it started: ${reason}`);
    if (units.length === 0) result.reject(error);
    const { withdrawn, sent } = this.#submitter.withdraw(work, { error, reason });
    if (sent.length === 0) return withdrawn || units.length === 0;
    const stopped = await this.#runtime.keepAlive.during(cancelPlaces(this.#runtime, sent, reason));
    return stopped || withdrawn;
  }

  #assertRunning(): void {
    if (this.#state === "running") return;
    throw new PoolClosedError(
      `pool "${this.name}" is not running: it was ${this.#state}; make a new one with mp.pool()`,
    );
  }

  #terminatedError(): PoolTerminatedError {
    return markOwnEnding(new PoolTerminatedError(`pool "${this.name}" was terminated before this call had a result`));
  }

  /** Calls that can run at once, as far as is known. */
  #parallelism(): number {
    const slots = this.#runtime.fleet.recentSlots(this.name);
    if (slots === 0) return this.size ?? ASSUMED_SLOTS;
    return Math.max(1, Math.min(this.size ?? Number.POSITIVE_INFINITY, slots));
  }

  /** A live host takes calls of this pool, or `manyhands run` starts one with this program. */
  #isServed(): boolean {
    return this.#runtime.fleet.recentSlots(this.name) > 0 || process.env["MANYHANDS_RUN"] === "1";
  }

  async #finish(): Promise<void> {
    await this.#inputs.readToEnd();
    await this.#submitter.idle();
    if (this.#state === "terminated") return this.#terminating;
    await this.#registration.settled();
    await this.#registration.remove();
  }

  /** Resolves when Redis has all that was submitted; if the pool is terminated meanwhile, when that is done. */
  async #detach(): Promise<void> {
    const unsent = markOwnEnding(new ClosedError(`pool "${this.name}" was closed before this call was sent`));
    this.#inputs.stop(unsent);
    await this.#submitter.prepared();
    this.#submitter.flush();
    await Promise.all([this.#submitter.delivered(), this.#detached?.delivered()]);
    if (this.#state === "terminated") return this.#terminating;
    this.detachNow();
    await this.#registration.settled();
    await this.#registration.remove();
  }

  /** Waits for nothing any more, sent or not. @internal */
  detachNow(): void {
    this.#submitter.detachAll({
      ofJob: (id, isInRedis) => {
        const fate = isInRedis ? "which goes on" : "which was sent, and may have reached Redis";
        const advice = `find it with mp.task("${id}", { pool: "${this.name}" })`;
        const message = `this program stopped waiting for task ${id} in pool "${this.name}", ${fate}; ${advice}`;
        return markOwnEnding(new DetachedError(message, { id }));
      },
      unsent: markOwnEnding(new ClosedError(`pool "${this.name}" was closed before this call was sent`)),
    });
  }

  async #stopNow(): Promise<void> {
    const error = this.#terminatedError();
    this.#jobs.stop();
    this.#inputs.stop(error);
    const places = this.#submitter.failAll(error);
    await this.#registration.settled();
    if (this.#registration.isNamed) {
      await this.#submitter.delivered();
      await cancelPlaces(this.#runtime, places, error.message);
    } else {
      await this.#registration.terminate();
      await this.#submitter.delivered();
    }
    await this.#registration.remove();
  }
}

/** @throws ValueError for what `errors` cannot be, and for chunks where each item is to have an outcome of its own */
function checkErrors(options: { errors?: unknown; chunkSize?: number | undefined } | undefined): void {
  const { errors = "throw", chunkSize = 1 } = options ?? {};
  if (errors !== "throw" && errors !== "return") {
    throw new ValueError(`errors must be "throw" or "return"; got ${got(errors)}`);
  }
  if (errors === "throw" || chunkSize === 1) return;
  throw new ValueError(
    `with errors: "return" each item is a chunk of its own, because a chunk ends at its first failure; leave out chunkSize; got ${chunkSize}`,
  );
}

/** @throws ValueError for an option that names one job, where there are several */
function refuseIdentity(submit: SubmitOptions | undefined): void {
  for (const option of ["jobId", "deduplication"] as const) {
    if (submit?.[option] === undefined) continue;
    throw new ValueError(`${option} stands for one job, and a map or imap makes several; leave it out, or use apply()`);
  }
}

strictCalls(Pool.prototype, POOL_FORMS);
strictCalls(AsyncResult.prototype, RESULT_FORMS);
strictCalls(ImapIterator.prototype, IMAP_FORMS);
