import { type CallForm, strictCalls } from "../checks/index.ts";
import { Connection, Queue, SimpleQueue } from "../shared/channels/index.ts";
import {
  ArrayProxy,
  DictProxy,
  ListProxy,
  Manager,
  NamespaceProxy,
  SetProxy,
  ValueProxy,
} from "../shared/containers/index.ts";
import {
  Barrier,
  Condition,
  CountDownLatch,
  Event,
  HeldLock,
  HeldPermits,
  HeldRLock,
  HeldShare,
  Lock,
  RateLimiter,
  RateLimiterTurn,
  ReadWriteLock,
  ReadWriteLockSide,
  RLock,
  Semaphore,
} from "../shared/sync/index.ts";
import { callForm } from "./context-forms.ts";

/** A method's arguments, as a message shows them. */
type Arguments = readonly string[];
type Methods = { readonly [method: string]: Arguments };

const FENCE = "{ fence }";
const LOCK: Methods = { release: [], locked: [], inspect: [] };

/**
 * Makes the other methods of handles refuse arguments that they do not take: those that wait are stated by their kinds. What
 * the options of a wait and of a write may be is checked where they are used.
 */
export function refuseOtherArguments(): void {
  for (const side of [Lock, RLock, ReadWriteLockSide]) refuse(side, "lock", LOCK);
  refuse(ReadWriteLock, "readWriteLock", { readLock: [], writeLock: [], inspect: [] });
  refuse(HeldLock, "held", { release: [], handOver: [] });
  for (const held of [HeldRLock, HeldShare, HeldPermits, RateLimiterTurn]) refuse(held, "held", { release: [] });
  refuse(Condition, "condition", { release: [], notifyAll: [], inspect: [] });
  refuse(Semaphore, "semaphore", {
    ...{ run: ["body", "{ permits, block, timeout, signal }"], drain: [], getValue: [], inspect: [] },
  });
  refuse(RateLimiter, "limiter", { change: ["settings"], inspect: [] });
  refuse(Event, "event", { isSet: [], set: [], clear: [], inspect: [] });
  refuse(Barrier, "barrier", { nWaiting: [], broken: [], abort: [], reset: [], inspect: [] });
  refuse(CountDownLatch, "latch", { countDown: ["by"], count: [], trySetCount: ["count"], inspect: [] });
  refuse(Queue, "queue", { qsize: [], full: [], empty: [], shutdown: ["immediate"], joinThread: [], inspect: [] });
  refuse(SimpleQueue, "queue", { empty: [] });
  refuse(Connection, "connection", { close: [], inspect: [] });
  refuseOfContainers();
}

function refuseOfContainers(): void {
  const none: Arguments = [];
  const reading = { length: none, values: none, copy: none };
  refuse(DictProxy, "dict", {
    ...{ ...reading, size: none, keys: none, items: none, entries: none, has: ["key"] },
    ...{ get: ["key", "fallback"], at: ["key"], getMany: ["keys"], set: ["key", "value", FENCE] },
    ...{ delete: ["key", FENCE], deleteMany: ["keys", FENCE], pop: ["key", "fallback", FENCE], popitem: [FENCE] },
    ...{ setdefault: ["key", "value", FENCE], clear: [FENCE], setMany: ["entries", FENCE] },
    ...{ increment: ["key", "by", FENCE], compareAndSet: ["key", "{ expected, value }", FENCE] },
  });
  refuse(ListProxy, "list", {
    ...{ ...reading, get: ["index"], set: ["index", "item", FENCE], append: ["item", FENCE], count: ["item"] },
    ...{ extend: ["items", FENCE], insert: ["index", "item", FENCE], pop: ["index", FENCE], remove: ["item", FENCE] },
    ...{ index: ["item", "start", "stop"], contains: ["item"], includes: ["item"], slice: ["start", "stop", "step"] },
    ...{ setSlice: ["{ start, stop }", "items", FENCE], repeat: ["times"], clear: [FENCE], reverse: [FENCE] },
    ...{ sort: ["{ key, compare, reverse, fence }"] },
  });
  refuse(SetProxy, "set", {
    ...{ ...reading, size: none, has: ["item"], contains: ["item"], add: ["item", FENCE], update: ["items", FENCE] },
    ...{ discard: ["item", FENCE], delete: ["item", FENCE], remove: ["item", FENCE], pop: [FENCE], clear: [FENCE] },
  });
  refuse(NamespaceProxy, "namespace", {
    ...{ get: ["name"], set: ["name", "value", FENCE], delete: ["name", FENCE], has: ["name"], copy: none },
    ...{ update: ["attributes", FENCE], increment: ["name", "by", FENCE] },
  });
  refuse(ValueProxy, "value", {
    ...{ get: none, set: ["value", FENCE], add: ["by", FENCE], compareAndSet: ["{ expected, value }", FENCE] },
    ...{ getLock: none, getObj: none },
  });
  refuse(ArrayProxy, "array", {
    ...{ length: none, get: ["index"], set: ["index", "value", FENCE], slice: ["start", "stop", "step"] },
    ...{ setSlice: ["{ start, stop }", "values", FENCE], add: ["index", "by", FENCE], values: none, text: none },
    ...{ compareAndSet: ["index", "{ expected, value }", FENCE], snapshot: none, getLock: none, getObj: none },
  });
  refuse(Manager, "manager", { shutdown: none, close: none, objects: none, inspect: none });
}

function refuse({ prototype }: { prototype: object }, of: string, methods: Methods): void {
  const form = ([method, args]: [string, Arguments]): [string, CallForm] => {
    // Those that make a handle are no promises.
    const rejects = !["readLock", "writeLock", "getLock", "getObj"].includes(method);
    return [method, { ...callForm(of, method, args), rejects }];
  };
  strictCalls(prototype, Object.fromEntries(Object.entries(methods).map(form)));
}
