import { randomBytes } from "node:crypto";
import type { Telemetry } from "bullmq";
import { assertOptions, strictCalls } from "../checks/index.ts";
import { ClosedError, got, markOwnEnding, resultPromise, spareDiscarded, ValueError } from "../errors/index.ts";
import {
  createTaskDesk,
  type FleetInspector,
  type InPool,
  Inspector,
  type PoolInspector,
  type ProcessInspector,
  type TaskInspector,
  type WorkflowInspector,
} from "../inspection/index.ts";
import type { ObjectInspector } from "../inspection/objects/index.ts";
import type { Logger } from "../package/index.ts";
import type { RecordedAdd } from "../redis/bull-queue/index.ts";
import {
  assertLockNodesFit,
  assertRedisFit,
  assertRights,
  closeRedis,
  describeRedis,
  KeepAlive,
  openRedis,
  type RedisClient,
  type RedisConfig,
  roundTripOf,
  unreferenceSocket,
} from "../redis/connection/index.ts";
import { Keys } from "../redis/keys.ts";
import { Session } from "../session/index.ts";
import { WaitRoom } from "../session/waiting/index.ts";
import {
  type Connection,
  createJoinableQueue,
  createPipe,
  createQueue,
  createSimpleQueue,
  type JoinableQueue,
  type PipeOptions,
  type Queue,
  type QueueOptions,
  type SimpleQueue,
  type Waitable,
  waitForAny,
} from "../shared/channels/index.ts";
import {
  type ArrayContents,
  type ArrayProxy,
  createArray,
  createManager,
  createValue,
  type ManagedOptions,
  Manager,
  type TypeCode,
  type TypedInput,
  type ValueOptions,
  type ValueProxy,
} from "../shared/containers/index.ts";
import { openObject, REAPED_KINDS } from "../shared/kinds.ts";
import {
  namedOptions,
  type ObjectReference,
  type ObjectRuntime,
  onePerKey,
  type SharedObject,
} from "../shared/object/index.ts";
import {
  type Barrier,
  type BarrierOptions,
  type BoundedSemaphore,
  type Condition,
  type ConditionOptions,
  type CountDownLatch,
  type CountDownLatchOptions,
  createBarrier,
  createCondition,
  createCountDownLatch,
  createEvent,
  createLock,
  createRateLimiter,
  createReadWriteLock,
  createRLock,
  createSemaphore,
  type Event,
  type EventOptions,
  type Lock,
  type LockOptions,
  type RateLimiter,
  type RateLimiterSettings,
  type ReadWriteLock,
  type ReadWriteLockOptions,
  type RLock,
  type Semaphore,
  type SemaphoreOptions,
} from "../shared/sync/index.ts";
import { type AnyCanvas, type AnyTask, type Canvas, isCanvas, isTask, type Task } from "../tasks/index.ts";
import { type Milliseconds, type Patience, settledWithin, toLimit } from "../time/index.ts";
import type { TraceMode } from "../tracing/index.ts";
import type { Keep } from "../wire/records/keep.ts";
import { assertPoolName } from "../wire/records/pool-name.ts";
import type { HostRecord } from "../wire/records/records.ts";
import { Fleet, slotsOf } from "../work/fleet/index.ts";
import { writeNamespaceKeep } from "../work/history/index.ts";
import {
  anyOf,
  asCompleted,
  type Completable,
  type Completed,
  type CompletedValue,
  checkResults,
  Pool,
  type PoolOptions,
  type PoolRegistration,
  toPoolRecord,
} from "../work/pool/index.ts";
import { SUBMIT } from "../work/pool/pool-forms.ts";
import { Process, ProcessLauncher, type ProcessOptions } from "../work/process/index.ts";
import { offerStarter } from "../work/process/process-starter.ts";
import { DEFAULT_POOL, PoolRegistry } from "../work/registry/index.ts";
import { ResultChannel } from "../work/results/index.ts";
import { rollupsOf } from "../work/rollups/index.ts";
import type { Schedules } from "../work/schedules/index.ts";
import {
  BackgroundJobs,
  ExpiryWatch,
  type Runtime,
  type SubmitOptions,
  TaskDurations,
  TaskHandle,
  type TaskPlace,
  toSubmitted,
  UnservedWatch,
} from "../work/submission/index.ts";
import { addChild, noMoreChildren, startWorkflow, type WorkflowOptions } from "../work/workflows/index.ts";
import { CONTEXT_FORMS, MANAGER_FORMS, refuseMoreThanPatience } from "./context-forms.ts";
import { refuseOtherArguments } from "./object-forms.ts";
import { noteClosed, noteOpened } from "./open-contexts.ts";
import { endWithProgram, type OpenEnd } from "./program-end.ts";

/** Settings of a context, checked and complete. */
export interface ContextSettings {
  redis: RedisConfig | undefined;
  lockNodes: readonly RedisConfig[];
  namespace: string;
  lease: Milliseconds;
  maxPayload: number;
  connectTimeout: Milliseconds;
  keep: Keep | undefined;
  logger: Logger;
  telemetry: Telemetry | undefined;
  traces: TraceMode;
}

/** Least wait for Redis with each step of closing, ms, and the round trips that it may take. */
const CLOSE_DEADLINE = 2_000;
const CLOSE_ROUNDS = 12;
/** Longest wait for Redis to get what was submitted, while it answers, ms. */
const DELIVERY_DEADLINE = 30_000;
/** The same for each step when the program ends by itself and did not ask for it, ms. */
const END_DEADLINE = 500;

/**
 * One program's access to everything shared (Python's `multiprocessing` module, bound to one Redis and namespace).
 * Made by `connect()`.
 */
export class Context {
  readonly #settings: ContextSettings;
  readonly #client: RedisClient;
  readonly #runtime: Runtime;
  readonly #processes: ProcessLauncher;
  readonly #withdrawStarter: () => void;
  readonly #withdrawEnd: () => void;
  readonly #objects: ObjectRuntime;
  #inspector: Inspector | undefined;
  #jobs: BackgroundJobs | undefined;
  /** The pools without a strong reference to them, so that a forgotten one is noticed. */
  readonly #pools = new Map<PoolRegistration, WeakRef<Pool>>();
  readonly #forgotten = new FinalizationRegistry<PoolRegistration>((registration) => this.#clearAway(registration));
  #closing: Promise<void> | undefined;

  /** @internal */
  static async open(settings: ContextSettings): Promise<Context> {
    const client = openRedis(settings.redis, { name: "manyhands" });
    roundTripOf(client);
    try {
      await Promise.all([
        assertRedisFit(client, settings.redis, { timeout: settings.connectTimeout }).then(() =>
          assertMayUse(settings, client),
        ),
        assertLockNodesFit(settings.lockNodes, settings.logger),
      ]);
    } catch (error) {
      client.disconnect();
      throw error;
    }
    const context = new Context(settings, client);
    if (settings.keep) {
      try {
        await writeNamespaceKeep(client, new Keys(settings.namespace), settings.keep);
      } catch (error) {
        await context.close();
        throw error;
      }
    }
    return context;
  }

  /** Without looking at Redis first. @param host - Name of the worker host whose child this is. @internal */
  static attach(settings: ContextSettings, host: string | null): Context {
    return new Context(settings, openRedis(settings.redis, { name: "manyhands:child" }), host);
  }

  private constructor(settings: ContextSettings, client: RedisClient, host: string | null = null) {
    this.#settings = settings;
    this.#client = client;
    roundTripOf(client);
    unreferenceSocket(client);
    this.#runtime = this.#createRuntime(host);
    this.#objects = this.#createObjectRuntime();
    this.#processes = new ProcessLauncher(this.#runtime);
    this.#withdrawStarter = offerStarter(this.#processes);
    noteOpened(this);
    // Of its children a host ends the sessions itself.
    this.#withdrawEnd = host === null ? endWithProgram(this.#openEnd()) : () => {};
  }

  get namespace(): string {
    return this.#settings.namespace;
  }

  /** What else in this program needs to open the same namespace. @internal */
  get place(): { redis: RedisConfig | undefined; namespace: string } {
    const { redis, namespace } = this.#settings;
    return { redis, namespace };
  }

  /** Whether `close()` was called. @internal */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** @internal */
  get sessionId(): string {
    return this.#runtime.session.id;
  }

  /**
   * A pool in which at most `size` calls run at once, over all hosts; without a size, as many as there are slots.
   * Returns at once.
   * @throws ValueError a size below 1 or not whole, a bad option
   */
  pool(size?: number, options: PoolOptions = {}): Pool {
    this.#assertOpen();
    const { clientId, nextJobId } = this.#runtime;
    const generation = nextJobId();
    const record = toPoolRecord(size, options, { name: `pool-${generation}`, generation, clientId });
    const pool = new Pool(this.#runtime, { record, limitKey: options.limits?.key }, (registration) => {
      this.#pools.delete(registration);
      this.#forgotten.unregister(registration);
    });
    const registration = pool.registration();
    this.#pools.set(registration, new WeakRef(pool));
    this.#forgotten.register(pool, registration, registration);
    return pool;
  }

  /**
   * Submits a workflow, made with `chain`, `group`, `chord`, `task.with` or `signature`.
   * @returns its handle, once Redis has all of it
   * @throws SerializationError, PayloadTooLargeError, ValidationError, ValueError, and then nothing of it was submitted; what Redis
   *   refuses with
   */
  submit<Result>(canvas: Canvas<[], Result>, options?: WorkflowOptions): Promise<TaskHandle<Result>>;
  /**
   * Submits one call that goes on when this program ends. A pool that does not exist is made, without a limit.
   * @param options.pool - Name of the pool. @defaultValue "default"
   * @returns its handle, once Redis has the task; with deduplication the handle may be of another one under way
   * @throws SerializationError, PayloadTooLargeError, ValidationError, ValueError; what Redis refuses with
   */
  submit<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    args?: Args,
    options?: SubmitOptions & { pool?: string | undefined },
  ): Promise<TaskHandle<Awaited<Result>>>;
  submit(
    task: string,
    args?: unknown[],
    options?: SubmitOptions & { pool?: string | undefined },
  ): Promise<TaskHandle<unknown>>;
  async submit(
    task: AnyTask | string | AnyCanvas,
    args: unknown[] | WorkflowOptions = [],
    options: SubmitOptions & { pool?: string | undefined } = {},
  ): Promise<TaskHandle<unknown>> {
    this.#assertOpen();
    if (isCanvas(task)) return startWorkflow(this.#runtime, task, { options: args, pool: DEFAULT_POOL });
    const { pool = DEFAULT_POOL, ...own } = options ?? {};
    this.#jobs ??= new BackgroundJobs(this.#runtime);
    const call = toSubmitted(task);
    const id = await this.#jobs.submit(pool, { ...call, args: args as unknown[], options: own });
    return new TaskHandle(id, pool, { desk: this.#runtime.desk, definition: call.definition });
  }

  /** Submits a child of a running task. @param call - Arguments of `currentTask().submit`. @internal */
  async submitChild(parent: { place: TaskPlace; id: string }, call: readonly unknown[]): Promise<TaskHandle<unknown>> {
    this.#assertOpen();
    const { place, id } = parent;
    const [first, second, third] = call;
    const runtime = this.#runtime;
    if (isCanvas(first)) return startWorkflow(runtime, first, { options: second, pool: place.pool, id, parent: place });
    const { pool = place.pool, ...own } = (third ?? {}) as SubmitOptions & { pool?: string | undefined };
    assertOptions("currentTask().submit()", own, SUBMIT);
    const submitted = toSubmitted(first as AnyTask | string);
    this.#jobs ??= new BackgroundJobs(runtime);
    let isRefused = false;
    const addBy = async (add: RecordedAdd): Promise<string> => {
      const added = await addChild(runtime, place, { pool, add });
      isRefused = added === null;
      return added ?? "";
    };
    const args = (second ?? []) as unknown[];
    const { pool: parentPool, jobId, unit } = place;
    const childOf = { pool: parentPool, id: unit === null ? jobId : `${jobId}.${unit}` };
    const known = await this.#jobs.submit(pool, { ...submitted, args, options: own, id, addBy, childOf });
    if (isRefused) throw noMoreChildren(place);
    return new TaskHandle(known, pool, { desk: runtime.desk, definition: submitted.definition });
  }

  /**
   * A handle of a task by its id, whichever program submitted it. Asks nothing of Redis yet.
   * @param options.pool - Where it is; absent = any pool, which must be the only one with a task of that id.
   * @throws ValueError for an id that is no text, or a pool that cannot be
   */
  task<Value = unknown>(id: string, options?: InPool): TaskHandle<Value>;
  task<Args extends unknown[], Result>(
    task: Task<Args, Result>,
    id: string,
    options?: InPool,
  ): TaskHandle<Awaited<Result>>;
  task(first: AnyTask | string, second?: string | InPool, third?: InPool): TaskHandle<unknown> {
    this.#assertOpen();
    const [id, options] = isTask(first) ? [second, third] : [first, second as InPool | undefined];
    if (typeof id !== "string" || id === "") throw new ValueError(`the id of a task must be a text; got ${got(id)}`);
    const pool = options?.pool ?? null;
    if (pool !== null) assertPoolName(pool);
    return new TaskHandle(id, pool, { desk: this.#runtime.desk, definition: isTask(first) ? first : undefined });
  }

  /**
   * The results of calls, and handles of tasks, in the order in which they complete, failed ones as well (Python's
   * `as_completed`). Who leaves the loop stops no task.
   *
   * ```ts
   * for await (const result of mp.asCompleted(urls.map((url) => pool.applyAsync(fetchPage, [url])), { timeout: 60_000 })) {
   *   console.log(await result.get());
   * }
   * ```
   *
   * @param patience - How long to wait for all of them.
   * @throws ValueError for anything else in the list; TimeoutError when the time is over before all have completed; the
   *   signal's reason
   */
  asCompleted<Of extends Completable>(
    results: Iterable<Of>,
    patience?: Patience,
  ): AsyncIterableIterator<Completed<Of>, void, undefined> {
    this.#assertOpen();
    toLimit(patience);
    return asCompleted(checkResults("asCompleted", results), patience);
  }

  /**
   * The value of the first result that succeeds. The others go on; cancel them if they are not needed.
   * @param patience - How long to wait.
   * @throws AggregateError when all have failed, with their errors in the given order; ValueError; TimeoutError; the
   *   signal's reason
   */
  any<Of extends Completable>(results: Iterable<Of>, patience?: Patience): Promise<CompletedValue<Of>> {
    this.#assertOpen();
    return resultPromise(() => anyOf(checkResults("any", results), patience));
  }

  /**
   * A task in an operating-system process of its own, on some host. Returns at once; `start()` starts it. An instance of
   * a subclass of Process is tied to this context, which matters only where several are open.
   * @throws ValueError for a bad option; SerializationError for arguments that cannot be sent
   */
  process<Args extends unknown[]>(target: Task<Args, unknown>, options?: ProcessOptions<Args>): Process;
  process(target: string, options?: ProcessOptions): Process;
  process<Subclass extends Process>(instance: Subclass): Subclass;
  process(target: AnyTask | string | Process, options: ProcessOptions = {}): Process {
    this.#assertOpen();
    const process = target instanceof Process ? target : new Process({ ...options, target });
    Process.bind(process, this.#processes);
    return process;
  }

  /** The processes that were started through this context and have not ended; a fresh list (P3). */
  activeChildren(): Process[] {
    return this.#processes.active();
  }

  /** What starts processes. @internal */
  get processStarter(): ProcessLauncher {
    return this.#processes;
  }

  /**
   * A lock (rules L1-L8). With a name it is the same for every program that uses that name.
   * @throws ValueError a bad name or lease
   */
  lock(options?: string | LockOptions): Lock {
    this.#assertOpen();
    return createLock(this.#objects, options);
  }

  /**
   * A lock that its owner may acquire again (rules R1-R4). The owner is the running task, the main program, or what runs
   * in `withOwner`.
   * @throws ValueError a bad name or lease
   */
  rlock(options?: string | LockOptions): RLock {
    this.#assertOpen();
    return createRLock(this.#objects, options);
  }

  /**
   * A condition (rules C1-C9): waits for what others bring about under the same lock, an RLock of its own unless one is
   * given.
   * @throws ValueError a bad name or lease, something else than a lock
   */
  condition(lock?: Lock | RLock | null, options?: string | ConditionOptions): Condition {
    this.#assertOpen();
    return createCondition(this.#objects, lock, options);
  }

  /**
   * A flag that can be waited for (rules E1-E4). With a name it is the same for every program that uses that name.
   * @throws ValueError a bad name
   */
  event(options?: string | EventOptions): Event {
    this.#assertOpen();
    return createEvent(this.#objects, options);
  }

  /**
   * So many permits (rules S1-S7). With a name it is the same for every program that uses that name; its first user's
   * value counts.
   * @throws ValueError a value that is negative or not whole, a bad name
   */
  semaphore(value: number = 1, options?: string | SemaphoreOptions): Semaphore {
    this.#assertOpen();
    return createSemaphore(this.#objects, { ...namedOptions(options), initial: value, bounded: false });
  }

  /**
   * A semaphore that cannot be released above its initial value (S3).
   * @throws ValueError a value that is negative or not whole, a bad name
   */
  boundedSemaphore(value: number = 1, options?: string | SemaphoreOptions): BoundedSemaphore {
    this.#assertOpen();
    return createSemaphore(this.#objects, { ...namedOptions(options), initial: value, bounded: true });
  }

  /**
   * A count that can be lowered, and waited for to be 0 (D7). With a name it is the same for every program that uses
   * that name; its first user's count counts.
   * @throws ValueError a count that is negative or not whole, a bad name
   */
  countDownLatch(count: number, options?: string | CountDownLatchOptions): CountDownLatch {
    this.#assertOpen();
    return createCountDownLatch(this.#objects, count, options);
  }

  /**
   * Lets programs start something so often, and so many at once: `mp.rateLimiter("api", { max: 100, per: 60_000 })`. It is the
   * same for every program that uses the name; its first user's settings count, until one calls `change()`.
   * @throws ValueError a bad name, a rate or concurrency that is none, or neither
   */
  rateLimiter(name: string, settings: RateLimiterSettings): RateLimiter {
    this.#assertOpen();
    return createRateLimiter(this.#objects, name, settings);
  }

  /**
   * A place where `parties` wait for each other (rules B1-B9). With a name it is the same for every program that uses
   * that name.
   * @throws ValueError `parties` below 1 or not whole, a bad name, action or timeout
   */
  barrier(parties: number, options?: string | BarrierOptions): Barrier {
    this.#assertOpen();
    return createBarrier(this.#objects, parties, options);
  }

  /**
   * A queue (rules Q1-Q13), with at most `maxSize` items. With a name it is the same for every program that uses that
   * name.
   * @throws ValueError a size that is not whole, a bad name
   */
  queue<Item = unknown>(options?: number | string | QueueOptions): Queue<Item> {
    this.#assertOpen();
    return createQueue<Item>(this.#objects, options);
  }

  /**
   * A queue with put, get and empty only (SQ1).
   * @throws ValueError a bad name
   */
  simpleQueue<Item = unknown>(options?: string | { name?: string | undefined }): SimpleQueue<Item> {
    this.#assertOpen();
    return createSimpleQueue<Item>(this.#objects, options);
  }

  /**
   * A queue that knows when everything taken from it is done, and gives what a dead taker left to another (rules J1-J6).
   * @throws ValueError a size that is not whole, a bad name
   */
  joinableQueue<Item = unknown>(options?: number | string | QueueOptions): JoinableQueue<Item> {
    this.#assertOpen();
    return createJoinableQueue<Item>(this.#objects, options);
  }

  /**
   * The two ends of a new pipe (rules N1-N10), each of which can be sent to another process: both send and receive, or with
   * `pipe(false)` the first only receives and the second only sends.
   * @throws ValueError a bad option
   */
  pipe<First = unknown, Second = First>(options?: boolean | PipeOptions): [Connection<First>, Connection<Second>] {
    this.#assertOpen();
    return createPipe<First, Second>(this.#objects, options);
  }

  /**
   * Waits until one of several objects is ready: connections and queues (something can be taken, or never will), results,
   * sentinels of processes (N7, P14). Takes nothing.
   * @param patience - How to wait, or for how many ms at most.
   * @returns the ones that are ready, in their order; none when the time was over first
   * @throws the signal's reason; ValueError for what cannot be waited for; ClosedError for a closed connection
   */
  async wait<Item extends Waitable>(objects: Iterable<Item>, patience?: Milliseconds | Patience): Promise<Item[]> {
    this.#assertOpen();
    return waitForAny(this.#runtime.keepAlive, objects, patience);
  }

  /**
   * A lock for many readers or one writer. With a name it is the same for every program that uses that name.
   * @throws ValueError a bad name
   */
  readWriteLock(options?: string | ReadWriteLockOptions): ReadWriteLock {
    this.#assertOpen();
    return createReadWriteLock(this.#objects, options);
  }

  /**
   * One number or character of a C type (rules V1-V5), 0 at first. With a name it is the same for every program that
   * uses that name; its first user's initial value counts.
   * @throws TypeError an unknown type, a value of another type; AttributeError a bad lock; ValueError a bad name
   */
  value<Code extends TypeCode>(type: Code, initial?: TypedInput<Code>, options: ValueOptions = {}): ValueProxy<Code> {
    this.#assertOpen();
    return createValue(this.#objects, type, { ...options, initial });
  }

  /**
   * A row of numbers or characters of a C type (rule A1), of a length, then zeros, or with contents. With a name it is the
   * same for every program that uses that name; its first user's contents count.
   * @throws TypeError an unknown type, a value of another type; AttributeError a bad lock; ValueError a bad name or length
   */
  array<Code extends TypeCode>(
    type: Code,
    contents: ArrayContents<Code>,
    options: ValueOptions = {},
  ): ArrayProxy<Code> {
    this.#assertOpen();
    return createArray(this.#objects, type, { ...options, contents });
  }

  /**
   * A manager (rules M1-M12): makes dicts, lists and more that live and end with it. With a name it is the same for
   * every program that uses that name, and stays until it is shut down.
   * @throws ValueError a bad name
   */
  manager(options?: string | ManagedOptions): Manager {
    this.#assertOpen();
    return createManager(this.#objects, options);
  }

  /** Looks at tasks and steers them, whichever program submitted them: list, get, logs, cancel, retry. */
  get tasks(): TaskInspector {
    return this.#inspect.tasks;
  }

  /** Looks at pools and steers them: list, get, create, resize, pause, resume, reset, remove. */
  get pools(): PoolInspector {
    return this.#inspect.pools;
  }

  /** Looks at the worker hosts and steers them: list, get, drain. */
  get fleet(): FleetInspector {
    return this.#inspect.fleet;
  }

  /** Looks at processes and ends them: list, get, terminate, kill. */
  get processes(): ProcessInspector {
    return this.#inspect.processes;
  }

  /** Looks at shared objects and takes them back: places, list, get, release, remove. */
  get objects(): ObjectInspector {
    return this.#inspect.objects;
  }

  /** Runs tasks at due times: set, list, get, next, pause, resume, run, remove. */
  get schedules(): Schedules {
    return this.#inspect.schedules;
  }

  /** Looks at workflows and steers them: list, get, parts, cancel, retry, remove. */
  get workflows(): WorkflowInspector {
    return this.#inspect.workflows;
  }

  /** A handle of the object that a reference names. @internal */
  openObject(reference: ObjectReference): SharedObject {
    this.#assertOpen();
    return this.#objects.open(reference);
  }

  /** The worker hosts that are alive, by name. */
  async hosts(): Promise<HostRecord[]> {
    this.#assertOpen();
    return this.#runtime.keepAlive.during(this.#runtime.fleet.hosts());
  }

  /** Slots over all live hosts; at least 1, as Python promises (P20). */
  async cpuCount(): Promise<number> {
    return Math.max(1, slotsOf(await this.hosts(), null));
  }

  /**
   * Ends what Python ends at the end of a program: daemonic processes are terminated, all others are waited for, at
   * most `timeout` ms and not while Redis is away for long (P11). Then terminates the unnamed pools. Tasks in named pools go
   * on: what has not reached Redis yet is sent, for up to `timeout` ms (at least 2 s; without it for up to 30 s while Redis
   * answers), and what is still waited for fails with DetachedError. All other waits fail with ClosedError. Repeatable; ends also without Redis.
   */
  async close({ timeout }: { timeout?: Milliseconds | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(timeout, CLOSE_DEADLINE);
    await this.#closing;
  }

  /** As {@link close}. What goes wrong then does not replace an error of the block that is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch((error: Error) => {
      this.#runtime.logger.warn(`the context could not be closed in order: ${error.message}`);
    });
  }

  get #inspect(): Inspector {
    const { client, keys, keepAlive, maxPayload } = this.#runtime;
    this.#inspector ??= new Inspector({
      ...{ client, keys, maxPayload },
      during: (request) => this.#during(keepAlive, request),
    });
    return this.#inspector;
  }

  async #during<Answer>(keepAlive: KeepAlive, request: () => Promise<Answer>): Promise<Answer> {
    this.#assertOpen();
    return keepAlive.during(request());
  }

  #openEnd(): OpenEnd {
    const { session } = this.#runtime;
    return {
      endWithProgram: async () => {
        // What was never used holds nothing, and a program that only connected ends at once.
        if (!session.isStarted && this.#pools.size === 0) return;
        this.#closing ??= this.#close(0, END_DEADLINE);
        await this.#closing;
      },
      endAtOnce: () => {
        if (!session.isStarted) return;
        // What they send at once is on its way before the end of the session.
        for (const close of this.#objects.closing) close().catch(() => {});
        session.endAtOnce();
      },
    };
  }

  /** @param deadline - For each step, ms; far from Redis a step may take some round trips instead. */
  async #close(timeout: Milliseconds | undefined, deadline: Milliseconds): Promise<void> {
    noteClosed(this);
    const { results, session, unserved, expiries, keepAlive } = this.#runtime;
    const limit = session.roundTrip.patience(deadline, CLOSE_ROUNDS);
    keepAlive.hold();
    this.#withdrawStarter();
    try {
      await this.#processes.close(timeout);
      unserved.stop();
      expiries.stop();
      this.#objects.isClosed = true;
      const closed = markOwnEnding(new ClosedError("the context was closed before this call had a result"));
      // What goes on without this program is given time to get to Redis.
      const delivered = Promise.allSettled([
        ...[...this.#pools].map(([registration, pool]) => pool.deref()?.leave() ?? registration.remove()),
        this.#jobs?.delivered(),
        ...this.#runtime.deliveries,
      ]);
      const answered = timeout === undefined ? settledWithin(this.#client.ping(), limit) : Promise.resolve(false);
      const isDelivered = await settledWithin(delivered, Math.max(limit, timeout ?? 0));
      if (!isDelivered && (await answered)) await this.#whileAnswered(delivered, limit);
      for (const [registration, pool] of this.#pools) if (registration.isNamed) pool.deref()?.detachNow();
      await settledWithin(this.#jobs?.close() ?? Promise.resolve(), limit);
      await settledWithin(results.close(closed), limit);
      const { closing, room } = this.#objects;
      await settledWithin(Promise.allSettled([...closing].map((close) => close())), limit);
      await settledWithin(room.close(), limit);
      const counted = rollupsOf(this.#client, this.#runtime.keys).flush();
      await settledWithin(Promise.allSettled([session.stop(), counted]), limit);
      await settledWithin(this.#inspector?.close() ?? Promise.resolve(), limit);
      await closeRedis(this.#client);
    } finally {
      this.#withdrawEnd();
      keepAlive.release();
    }
  }

  /** Waits for work that takes long though Redis answers: this machine is busy, or much is on its way. */
  async #whileAnswered(work: Promise<unknown>, limit: Milliseconds): Promise<void> {
    const endsAt = performance.now() + DELIVERY_DEADLINE;
    while (this.#client.status === "ready" && performance.now() < endsAt) {
      if (!(await settledWithin(this.#client.ping(), limit)) || (await settledWithin(work, limit))) return;
    }
  }

  /** A pool that was garbage-collected with nothing under way: an unnamed one is removed (PL18). */
  #clearAway(registration: PoolRegistration): void {
    const { logger } = this.#runtime;
    const { name } = registration.record;
    if (registration.isRunning && registration.isTouched && !registration.isNamed) {
      logger.warn(
        `pool "${name}" was dropped without close() or terminate(); it is removed now. Make it with "await using", or end it`,
      );
    }
    registration
      .remove()
      .catch((error: Error) => logger.warn(`pool "${name}" was dropped and could not be removed: ${error.message}`));
  }

  #assertOpen(): void {
    if (this.#closing) throw new ClosedError("this context was closed; connect() again");
  }

  #createObjectRuntime(): ObjectRuntime {
    const { client, keys, session, keepAlive, logger } = this.#runtime;
    const openSubscriber = (): RedisClient => {
      const subscriber = openRedis(this.#settings.redis, {
        name: `manyhands:wakeups:${session.id}`,
        blocking: true,
        subscribing: true,
      });
      unreferenceSocket(subscriber);
      return subscriber;
    };
    let names = 0;
    const runtime: ObjectRuntime = {
      client,
      keys,
      session,
      keepAlive,
      logger,
      room: new WaitRoom({ keys, session, openSubscriber, keepAlive }),
      lockNodes: this.#settings.lockNodes,
      closing: new Set(),
      isClosed: false,
      shut: new Set(),
      removals: new Set(),
      open: (reference) => openObject(runtime, reference),
      of: onePerKey(),
      nextName: () => {
        names += 1;
        return `${session.id}-${names.toString(36)}`;
      },
    };
    return runtime;
  }

  #createRuntime(host: string | null): Runtime {
    const { redis, namespace, lease, logger, maxPayload, telemetry, traces } = this.#settings;
    const client = this.#client;
    const keys = new Keys(namespace);
    const clientId = randomBytes(8).toString("hex");
    const keepAlive = new KeepAlive();
    const openBlocking = (): RedisClient => {
      const blocking = openRedis(redis, { name: `manyhands:replies:${clientId}`, blocking: true });
      unreferenceSocket(blocking);
      return blocking;
    };
    const fleet = new Fleet(client, keys);
    const results = new ResultChannel({ client, openBlocking, keys, clientId, keepAlive, logger });
    const expiries = new ExpiryWatch({ client, keys, isWaiting: () => results.pending > 0 });
    let jobs = 0;
    return {
      client,
      keys,
      clientId,
      keepAlive,
      deliveries: new Set(),
      fleet,
      results,
      logger,
      maxPayload,
      telemetry,
      traces,
      session: new Session({ id: clientId, client, keys, lease, host, kinds: REAPED_KINDS }),
      registry: new PoolRegistry(client, keys),
      durations: new TaskDurations(),
      desk: createTaskDesk({
        tasks: () => this.tasks,
        place: { client, keys, during: (request) => this.#during(keepAlive, request) },
        workflows: () => this.workflows,
        ...{ results, expiries, logger, maxPayload, clientId },
      }),
      unserved: new UnservedWatch({ client, fleet, logger, isPending: (pool, task) => results.isPending(pool, task) }),
      expiries,
      nextJobId: () => {
        jobs += 1;
        return `${clientId}-${jobs.toString(36)}`;
      },
    };
  }
}

function assertMayUse({ redis, namespace }: ContextSettings, client: RedisClient): Promise<void> {
  return assertRights(client, describeRedis(redis), new Keys(namespace).prefix);
}

strictCalls(Context.prototype, CONTEXT_FORMS);
strictCalls(Manager.prototype, MANAGER_FORMS);
refuseMoreThanPatience();
refuseOtherArguments();
// Last: a method that is wrapped by it is not recognised as asynchronous any more.
spareDiscarded(Context.prototype);
