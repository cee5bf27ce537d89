import { plural } from "../../errors/index.ts";
import type { RedisClient } from "../../redis/connection/index.ts";
import type { Keys } from "../../redis/keys.ts";
import { type PipeState, type QueueState, readPipe, readQueue } from "../../shared/channels/index.ts";
import { type ContainerKind, type ContainerState, readContainer } from "../../shared/containers/index.ts";
import { type Participant, readParticipants } from "../../shared/object/index.ts";
import {
  type BarrierState,
  type ConditionState,
  type CountDownLatchState,
  type EventState,
  type LockState,
  type ReadWriteLockState,
  readBarrier,
  readCondition,
  readCountDownLatch,
  readEvent,
  readLock,
  readReadWriteLock,
  readRLock,
  readSemaphore,
  type SemaphoreState,
} from "../../shared/sync/index.ts";
import type { Holding, ObjectReading } from "./object-view.ts";

export interface Place {
  client: RedisClient;
  keys: Keys;
}

/** How objects of one kind are read. */
export interface InspectedKind {
  /** Null when there is none. */
  read(place: Place, name: string): Promise<ObjectReading | null>;
  /** Parts of its keys, "" for the main one; the object is gone when none of them is there. */
  parts: readonly string[];
}

const LOCK_PARTS = ["", "record", "waiters"];

/** What is known of each kind. A kind that is missing here is listed, but nothing is said of it. */
const KINDS: ReadonlyMap<string, InspectedKind> = new Map(
  Object.entries({
    lock: inspect(readLock, lockReading, LOCK_PARTS),
    rlock: inspect(readRLock, lockReading, LOCK_PARTS),
    "read-write-lock": inspect(readReadWriteLock, readWriteLockReading, ["", "holders", "waiters"]),
    semaphore: inspect(readSemaphore, semaphoreReading),
    "count-down-latch": inspect(readCountDownLatch, latchReading),
    condition: inspect(readCondition, conditionReading, ["", "sleepers", "notified", "sessions"]),
    barrier: inspect(readBarrier, barrierReading),
    event: inspect(readEvent, eventReading),
    queue: inspectQueue("queue"),
    "simple-queue": inspectQueue("simple-queue"),
    "joinable-queue": inspectQueue("joinable-queue"),
    pipe: inspect(readPipe, pipeReading),
    dict: inspectContainer("dict", ["", "items", "order"]),
    list: inspectContainer("list", ["", "items"]),
    set: inspectContainer("set", ["", "items"]),
    namespace: inspectContainer("namespace", ["", "items", "order"]),
    value: inspectContainer("value"),
    array: inspectContainer("array", ["", "items"]),
    registered: inspectContainer("registered"),
    manager: inspectContainer("manager"),
  }),
);

/** The kinds that this version knows, in alphabetical order. */
export const INSPECTED_KINDS: readonly string[] = [...KINDS.keys()].sort();

function inspect<State>(
  readState: (place: Place, name: string) => Promise<State | null>,
  toReading: (state: State) => ObjectReading,
  parts: readonly string[] = [""],
): InspectedKind {
  return {
    parts,
    async read(place, name) {
      const state = await readState(place, name);
      return state && toReading(state);
    },
  };
}

function inspectQueue(kind: "queue" | "simple-queue" | "joinable-queue"): InspectedKind {
  return inspect((place, name) => readQueue(place, { kind, name }), queueReading);
}

function inspectContainer(kind: ContainerKind, parts?: readonly string[]): InspectedKind {
  return inspect(
    async (place, name) => {
      const state = await readContainer(place, { kind, name });
      return state.madeAt === null ? null : state;
    },
    containerReading,
    parts,
  );
}

export function inspectedKind(kind: string): InspectedKind {
  return KINDS.get(kind) ?? unknownKind(kind);
}

/** An object of which nothing can be said but that it is there. */
export function unreadable(summary: string): ObjectReading {
  return { ...withoutHolders([]), summary, state: null };
}

function lockReading(state: LockState): ObjectReading {
  const { holder, waiters, count, fence, leaseLeft } = state;
  const times = count > 1 ? ` ${count} times` : "";
  return {
    summary: state.locked ? `held${times}, fence ${fence}` : "free",
    holders: holder ? [{ ...holder, count }] : [],
    waiters,
    waitsFor: "all",
    leaseLeft: state.locked ? leaseLeft : null,
    state,
  };
}

/** An anonymous permit may be released by anybody: who waits then waits for nobody who is known. */
function semaphoreReading(state: SemaphoreState): ObjectReading {
  const { value, initial, bounded, holders, waiters } = state;
  const leased = holders.reduce((sum, holder) => sum + holder.permits, 0);
  const anonymous = Math.max(0, initial - value - leased);
  const taken = anonymous > 0 ? `, ${anonymous} taken without a lease` : "";
  return {
    summary: `${value} of ${initial} free${taken}${bounded ? ", bounded" : ""}`,
    holders: holders.map(({ permits, leaseLeft: _, ...holder }) => ({ ...holder, count: permits })),
    waiters,
    waitsFor: anonymous > 0 ? "unknown" : "any",
    leaseLeft: holders.length > 0 ? Math.min(...holders.map(({ leaseLeft }) => leaseLeft)) : null,
    state,
  };
}

function readWriteLockReading(state: ReadWriteLockState): ObjectReading {
  const { writer, readers, waiters, fence } = state;
  const holders = writer ? [writer] : readers;
  const reading = `held by ${plural(readers.length, "reader")}`;
  return {
    summary: writer ? `held by a writer, fence ${fence}` : readers.length > 0 ? reading : "free",
    holders: holders.map(({ leaseLeft: _, ...holder }) => ({ ...holder, count: 1 })),
    waiters,
    waitsFor: "all",
    leaseLeft: holders.length > 0 ? Math.min(...holders.map(({ leaseLeft }) => leaseLeft)) : null,
    state,
  };
}

function latchReading(state: CountDownLatchState): ObjectReading {
  const summary = state.count === 0 ? "open" : `${state.count} of ${state.initial} to go`;
  return { ...withoutHolders(state.waiters), summary, state };
}

function barrierReading(state: BarrierState): ObjectReading {
  const { broken, nWaiting, parties, acting } = state;
  const waiting = `${nWaiting} of ${parties} waiting`;
  const summary = broken === null ? `${waiting}${acting ? ", its action runs" : ""}` : `broken: ${broken}`;
  return { ...withoutHolders(state.waiters), summary, state };
}

function conditionReading(state: ConditionState): ObjectReading {
  const lock = state.lock ? `, under ${state.lock.kind}/${state.lock.name}` : "";
  return { ...withoutHolders(state.sleepers), summary: `${state.sleepers.length} asleep${lock}`, state };
}

/** Waiters: who waits to receive from the first end, then from the second. */
function pipeReading(state: PipeState): ObjectReading {
  const ends = state.ends.map(
    ({ open, messages, holders }) => `${open ? `with ${holders.length}` : "closed"}, ${plural(messages, "message")}`,
  );
  const waiters = state.ends.flatMap(({ readers }) => readers);
  return { ...withoutHolders(waiters), summary: ends.join(state.duplex ? " <-> " : " <- "), state };
}

/** Waiters: who waits for an item, then who waits for room, then who waits until all is done. */
function containerReading(state: ContainerState): ObjectReading {
  const { kind, size, type, value } = state;
  const summaries: Record<ContainerKind, string> = {
    dict: plural(size, "key"),
    list: plural(size, "item"),
    set: plural(size, "item"),
    namespace: plural(size, "attribute"),
    value: `${value}, of type ${type}`,
    array: `${plural(size, "item")} of type ${type}`,
    registered: `of type ${type}`,
    manager: plural(size, "object"),
  };
  return { ...withoutHolders([]), summary: summaries[kind], state };
}

function queueReading(state: QueueState): ObjectReading {
  const { size, maxSize, unfinished, getters, putters, joiners } = state;
  const parts = [
    `${size}${maxSize > 0 ? ` of ${maxSize}` : ""} items`,
    ...(unfinished > size ? [`${unfinished} not done`] : []),
    ...(state.state === "open" ? [] : [state.state]),
  ];
  return { ...withoutHolders([...getters, ...putters, ...joiners]), summary: parts.join(", "), state };
}

function eventReading(state: EventState): ObjectReading {
  return { ...withoutHolders(state.waiters), summary: state.isSet ? "set" : "not set", state };
}

function unknownKind(kind: string): InspectedKind {
  return {
    parts: [],
    async read({ client, keys }, name) {
      const list = keys.object(kind, name, "waiters");
      const waiters = (await client.type(list)) === "list" ? await client.lrange(list, 0, -1) : [];
      return { ...withoutHolders(await readParticipants({ client, keys }, waiters)), summary: "", state: null };
    },
  };
}

function withoutHolders(waiters: Participant[]): Omit<ObjectReading, "summary" | "state"> {
  const holders: Holding[] = [];
  return { holders, waiters, waitsFor: "unknown", leaseLeft: null };
}
