import { got, ManagerClosedError, ValueError } from "../../../errors/index.ts";
import type { Purpose } from "../../../wire/codec/index.ts";
import {
  createJoinableQueue,
  createQueue,
  createSimpleQueue,
  type JoinableQueue,
  type Queue,
  type QueueOptions,
  type SimpleQueue,
} from "../../channels/index.ts";
import {
  checkObjectName,
  identify,
  namedOptions,
  namePart,
  type ObjectIdentity,
  type ObjectReference,
  type ObjectRuntime,
  SharedObject,
} from "../../object/index.ts";
import {
  BARRIER_KIND,
  type Barrier,
  type BarrierOptions,
  type BoundedSemaphore,
  type Condition,
  type ConditionOptions,
  type CountDownLatch,
  checkLease,
  createBarrier,
  createCondition,
  createCountDownLatch,
  createEvent,
  createLock,
  createReadWriteLock,
  createRLock,
  createSemaphore,
  type Event,
  type Lock,
  type LockOptions,
  type ReadWriteLock,
  RLOCK_KIND,
  RLock,
  type Semaphore,
} from "../../sync/index.ts";
import { type ArrayContents, type ArrayProxy, createArray } from "../array/index.ts";
import { createDict, type DictEntries, type DictProxy } from "../dict/index.ts";
import { createList, type ListProxy } from "../list/index.ts";
import { createNamespace, type NamespaceProxy } from "../namespace/index.ts";
import {
  createRegistered,
  type Maker,
  type RegisteredProxy,
  type RegisterOptions,
  registerType,
} from "../registered/index.ts";
import { createSet, type SetProxy } from "../set/index.ts";
import { type ContainerState, readContainer } from "../state/index.ts";
import type { TypeCode, TypedInput } from "../typed/index.ts";
import { createValue, type ValueOptions, type ValueProxy } from "../value/index.ts";
import { guard } from "./guard.ts";
import { LifeInRedis } from "./life-in-redis.ts";
import { beginLife, ownerOf } from "./manager-life.ts";

/** The name of something that a manager makes. */
export interface ManagedOptions {
  /** The same object for every program that uses this name with this manager. */
  name?: string | undefined;
}

/**
 * Makes containers, locks and queues that live and end with it (rules M1-M12): Python's `multiprocessing.Manager()`. There
 * is no server process; everything is in Redis.
 *
 * An unnamed manager ends with the program that made it; a named one is the same for every program that uses the name,
 * and stays until {@link shutdown} is called. What it made without a name is known where it was passed to.
 */
export class Manager extends SharedObject {
  override readonly kind: string = "manager";
  readonly #life: LifeInRedis;
  #isClosed = false;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity) {
    super(runtime, identity);
    const { name } = this;
    this.#life = beginLife(runtime, ownerOf(name), () => new LifeInRedis(runtime, { name, maker: this.owner }));
  }

  /**
   * Starts it now; the first call of something that it made does so as well.
   * @param initializer - Called once it is started, with `args` (M8).
   * @throws TypeError an initializer that is no function; ManagerClosedError after {@link shutdown}
   */
  async start<Args extends unknown[]>(initializer?: (...args: Args) => unknown, ...args: Args): Promise<this> {
    if (initializer !== undefined && typeof initializer !== "function") {
      throw new TypeError(`the initializer of a manager must be a function; got ${got(initializer)}`);
    }
    this.#assertOpen();
    await this.runtime.keepAlive.during(this.#life.ready(`the manager "${this.name}"`));
    await initializer?.(...args);
    return this;
  }

  /** Removes everything that it made, for every program: later calls throw ManagerClosedError (M11). Repeatable. */
  async shutdown(): Promise<void> {
    this.#isClosed = true;
    await this.#life.shutdown();
  }

  /** Shuts an unnamed manager down; closes the handle of a named one, which stays. Repeatable. */
  async close(): Promise<void> {
    if (!this.isNamed) return this.shutdown();
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It has ended with its context.
    if (this.runtime.isClosed) return;
    await this.close();
  }

  /** @internal */
  override toReference(purpose?: Purpose): ObjectReference {
    if (purpose !== "checking") this.#life.announce();
    return super.toReference(purpose);
  }

  /** What it owns, as "<kind>/<name>". */
  async objects(): Promise<string[]> {
    const { client, keys, keepAlive } = this.runtime;
    return (await keepAlive.during(client.smembers(keys.sessionObjects(ownerOf(this.name))))).sort();
  }

  /** How much it owns, at this moment. */
  inspect(): Promise<ContainerState> {
    return this.runtime.keepAlive.during(readContainer(this.runtime, { kind: "manager", name: this.name }));
  }

  /**
   * A dict; its first user's entries count. A text alone is its name.
   * @throws ValueError a bad name, or something else than entries
   */
  dict<Key = string, Value = unknown>(
    initial?: string | DictEntries<Key, Value>,
    options?: ManagedOptions,
  ): DictProxy<Key, Value> {
    const made = toMade(initial, options);
    return createDict<Key, Value>(this.runtime, this.#identify(made.name), made.initial);
  }

  /**
   * A list; its first user's items count. A text alone is its name.
   * @throws ValueError a bad name, or something else than items
   */
  list<Item = unknown>(initial?: string | Iterable<Item>, options?: ManagedOptions): ListProxy<Item> {
    const made = toMade<Iterable<Item> & object>(initial as string | (Iterable<Item> & object), options);
    return createList<Item>(this.runtime, this.#identify(made.name), made.initial);
  }

  /**
   * A set; its first user's items count. A text alone is its name.
   * @throws ValueError a bad name, or something else than items
   */
  set<Item = unknown>(initial?: string | Iterable<Item>, options?: ManagedOptions): SetProxy<Item> {
    const made = toMade<Iterable<Item> & object>(initial as string | (Iterable<Item> & object), options);
    return createSet<Item>(this.runtime, this.#identify(made.name), made.initial);
  }

  /**
   * A namespace; its first user's attributes count. A text alone is its name.
   * @throws ValueError a bad name, or something else than an object
   */
  namespace<Attributes extends object = Record<string, unknown>>(
    initial?: string | Attributes,
    options?: ManagedOptions,
  ): NamespaceProxy<Attributes> {
    const made = toMade(initial, options);
    return createNamespace<Attributes>(this.runtime, this.#identify(made.name), made.initial);
  }

  /** As `mp.value()`. */
  value<Code extends TypeCode>(type: Code, initial?: TypedInput<Code>, options: ValueOptions = {}): ValueProxy<Code> {
    return createValue(this.runtime, type, { ...options, initial, identity: this.#identify(options.name) });
  }

  /** As `mp.array()`. */
  array<Code extends TypeCode>(
    type: Code,
    contents: ArrayContents<Code>,
    options: ValueOptions = {},
  ): ArrayProxy<Code> {
    return createArray(this.runtime, type, { ...options, contents, identity: this.#identify(options.name) });
  }

  /**
   * Registers a class of one's own in this process, as `registerType` does (M7).
   * @returns makes objects of it: `const Counter = manager.register("Counter", CounterClass); const counter = Counter(5);`
   */
  register<Instance extends object, Args extends unknown[]>(
    typeid: string,
    maker: Maker<Instance, Args>,
    options: RegisterOptions = {},
  ): (...args: Args) => RegisteredProxy<Instance> {
    registerType(typeid, maker, options);
    return (...args) => this.create<Instance>(typeid, args);
  }

  /**
   * An object of a registered type.
   * @param args - What it is made with; those of its first user count.
   * @throws AttributeError a type that is not registered in this process; SerializationError for arguments that cannot be sent
   */
  create<Instance extends object>(
    typeid: string,
    args: readonly unknown[] = [],
    options: ManagedOptions = {},
  ): RegisteredProxy<Instance> {
    const identity = this.#identify(options.name);
    return createRegistered(this.runtime, identity, { typeid, args }) as RegisteredProxy<Instance>;
  }

  /** As `mp.lock()`. */
  lock(options?: string | LockOptions): Lock {
    return this.#manage(createLock(this.runtime, options));
  }

  /** As `mp.rlock()`. */
  rlock(options?: string | LockOptions): RLock {
    return this.#manage(createRLock(this.runtime, options));
  }

  /** As `mp.readWriteLock()`. */
  readWriteLock(options?: string | ManagedOptions): ReadWriteLock {
    return this.#manage(createReadWriteLock(this.runtime, options));
  }

  /** As `mp.condition()`. Without a lock it has an RLock of this manager. */
  condition(lock?: Lock | RLock | null, options?: string | ConditionOptions): Condition {
    if (lock !== undefined && lock !== null) return this.#manage(createCondition(this.runtime, lock, options));
    const { name, lease } = namedOptions<ConditionOptions>(options);
    const { name: condition, owner } = this.#identify(name);
    const own = { name: `${namePart("condition")}/${condition}`, owner };
    const lockOfItsOwn = new RLock(this.runtime, own, checkLease(lease));
    const made = guard(this.runtime, lockOfItsOwn, { owner, methods: RLOCK_KIND.methods });
    return this.#manage(createCondition(this.runtime, made, options));
  }

  /** As `mp.event()`. */
  event(options?: string | ManagedOptions): Event {
    return this.#manage(createEvent(this.runtime, options));
  }

  /** As `mp.semaphore()`. */
  semaphore(value: number = 1, options?: string | ManagedOptions): Semaphore {
    return this.#manage(createSemaphore(this.runtime, { ...namedOptions(options), initial: value, bounded: false }));
  }

  /** As `mp.boundedSemaphore()`. */
  boundedSemaphore(value: number = 1, options?: string | ManagedOptions): BoundedSemaphore {
    return this.#manage(createSemaphore(this.runtime, { ...namedOptions(options), initial: value, bounded: true }));
  }

  /** As `mp.countDownLatch()`. */
  countDownLatch(count: number, options?: string | ManagedOptions): CountDownLatch {
    return this.#manage(createCountDownLatch(this.runtime, count, options));
  }

  /** As `mp.barrier()`. */
  barrier(parties: number, options?: string | BarrierOptions): Barrier {
    // Not by a reference, which does not carry the action.
    const made = namedOptions<BarrierOptions>(options);
    const identity = this.#identify(made.name);
    const barrier = createBarrier(this.runtime, parties, { ...made, identity });
    return guard(this.runtime, barrier, { owner: identity.owner, methods: BARRIER_KIND.methods });
  }

  /** As `mp.queue()`. */
  queue<Item = unknown>(options?: number | string | QueueOptions): Queue<Item> {
    return this.#manage(createQueue<Item>(this.runtime, options));
  }

  /** As `mp.simpleQueue()`. */
  simpleQueue<Item = unknown>(options?: string | ManagedOptions): SimpleQueue<Item> {
    return this.#manage(createSimpleQueue<Item>(this.runtime, options));
  }

  /** As `mp.joinableQueue()`. */
  joinableQueue<Item = unknown>(options?: number | string | QueueOptions): JoinableQueue<Item> {
    return this.#manage(createJoinableQueue<Item>(this.runtime, options));
  }

  /** Names and owner of something new. */
  #identify(name: string | undefined): ObjectIdentity {
    this.#assertOpen();
    const own = name === undefined ? this.runtime.nextName() : checkObjectName(name);
    return { name: `${namePart(this.name)}/${own}`, owner: ownerOf(this.name) };
  }

  /** The same kind of object with the same settings, but this manager's. */
  #manage<Handle extends SharedObject>(handle: Handle): Handle {
    const { name, isNamed } = handle;
    const reference: ObjectReference = { ...handle.toReference(), ...this.#identify(isNamed ? name : undefined) };
    return this.runtime.open(reference) as Handle;
  }

  #assertOpen(): void {
    if (this.#isClosed || this.#life.isShut) {
      throw new ManagerClosedError(`the manager "${this.name}" was shut down or closed; make another one`);
    }
  }
}

/** For `mp.manager()`. @throws ValueError a bad name */
export function createManager(runtime: ObjectRuntime, options?: string | ManagedOptions): Manager {
  return new Manager(runtime, identify(runtime, namedOptions(options).name));
}

function toMade<Initial extends object>(
  initial: string | Initial | undefined,
  options: ManagedOptions | undefined,
): { initial: Initial | undefined; name: string | undefined } {
  if (typeof initial !== "string") return { initial, name: options?.name };
  if (options?.name === undefined) return { initial: undefined, name: initial };
  throw new ValueError(`a container takes a name or { name }, not both; got "${initial}" and "${options.name}"`);
}
