import { optionsOf } from "../../../checks/index.ts";
import type { ObjectKind } from "../../../session/index.ts";
import {
  type AnyKind,
  type Maker,
  type MethodUse,
  namedMaker,
  type ObjectReading,
  PATIENCE_TEXT,
  type SharedKind,
  withoutHolders,
} from "../../object/index.ts";
import { JoinableQueue, Queue, type QueueOptions, type QueueState, readQueue, SimpleQueue } from "./queue.ts";
import { type QueueKind, queueReaper } from "./queue-scripts.ts";

type WithSize = { maxSize: number };

/** Methods that every queue has. */
const QUEUE_METHODS = { put: "asks", get: "asks", poll: "asks", empty: "looks", close: "closes" } as const;
/** Those of every queue but a simple one. */
const MORE_METHODS = {
  putMany: "asks",
  putNowait: "asks",
  getMany: "asks",
  getNowait: "asks",
  shutdown: "asks",
  qsize: "looks",
  full: "looks",
  inspect: "looks",
  joinThread: "local",
  cancelJoinThread: "local",
} as const satisfies Record<string, MethodUse>;

/** Waiting methods of a queue; a joinable one inherits them. */
const WAITS = {
  put: ["item", "{ delay, priority, unique, block, timeout, signal }"],
  putMany: ["items", PATIENCE_TEXT],
  putNowait: ["item"],
  get: [PATIENCE_TEXT],
  getMany: ["most", PATIENCE_TEXT],
  getNowait: [],
  poll: [PATIENCE_TEXT],
} as const;

/** First in, first out, over all producers and consumers. */
export const QUEUE_KIND: SharedKind<Queue> = {
  ...queueFacts("queue"),
  open: (runtime, reference) => new Queue(runtime, reference, reference.settings as WithSize),
  makers: { queue: queueMaker("queue") },
  waits: [{ of: "queue", handles: Queue, methods: WAITS }],
  methods: { ...QUEUE_METHODS, ...MORE_METHODS },
};

/** A queue with put, get and empty only. */
export const SIMPLE_QUEUE_KIND: SharedKind<SimpleQueue> = {
  ...queueFacts("simple-queue"),
  open: (runtime, reference) => new SimpleQueue(runtime, reference, { maxSize: 0 }),
  makers: { simpleQueue: namedMaker("simpleQueue") },
  waits: [{ of: "queue", handles: SimpleQueue, methods: { put: ["item"], get: [], poll: [PATIENCE_TEXT] } }],
  methods: QUEUE_METHODS,
};

/** A queue that knows when everything taken from it is done. */
export const JOINABLE_QUEUE_KIND: SharedKind<JoinableQueue> = {
  ...queueFacts("joinable-queue"),
  open: (runtime, reference) => new JoinableQueue(runtime, reference, reference.settings as WithSize),
  makers: { joinableQueue: queueMaker("joinableQueue") },
  waits: [{ of: "queue", handles: JoinableQueue, methods: { join: [PATIENCE_TEXT], taskDone: [] } }],
  methods: { ...QUEUE_METHODS, ...MORE_METHODS, taskDone: "asks", join: "asks" },
};

/** One direction of a pipe: known to the reaper only, because a program has no handle of it. */
export const PIPE_STREAM_KIND: ObjectKind = { kind: "pipe-stream", reaper: queueReaper("pipe-stream") };

function queueFacts(kind: QueueKind): Omit<AnyKind, "open" | "makers" | "waits" | "methods"> {
  return {
    kind,
    reaper: queueReaper(kind),
    parts: [""],
    stays: "until removed",
    lines: ["getters", "putters", "joiners"],
    read: async (reader, name) => queueReading(await readQueue(reader, { kind, name })),
  };
}

function queueMaker(method: string): Maker {
  return {
    of: "both",
    form: `mp.${method}({ name, maxSize })`,
    most: 1,
    options: { 0: optionsOf<QueueOptions>({ name: true, maxSize: true }) },
    orElse: ["string", "number"],
  };
}

/** Waiters: those that wait for an item, then those that wait for room, then those that wait until all is done. */
function queueReading(state: QueueState): ObjectReading {
  const { size, delayed, maxSize, unfinished, getters, putters, joiners } = state;
  const parts = [
    `${size}${maxSize > 0 ? ` of ${maxSize}` : ""} items`,
    ...(delayed > 0 ? [`${delayed} of them delayed`] : []),
    ...(unfinished > size ? [`${unfinished} not done`] : []),
    ...(state.state === "open" ? [] : [state.state]),
  ];
  return withoutHolders([...getters, ...putters, ...joiners], { summary: parts.join(", "), state });
}
