import type { ObjectReference, ObjectRuntime, SharedObject } from "../object/index.ts";
import { Connection, type ConnectionSettings } from "./pipe/index.ts";
import { JoinableQueue, Queue, SimpleQueue } from "./queue/index.ts";

type Open = (runtime: ObjectRuntime, reference: ObjectReference) => SharedObject;

/** How a reference of each kind becomes a handle. */
const OPENERS: ReadonlyMap<string, Open> = new Map(
  Object.entries<Open>({
    queue: (runtime, reference) => new Queue(runtime, reference, reference.settings as { maxSize: number }),
    "simple-queue": (runtime, reference) => new SimpleQueue(runtime, reference, { maxSize: 0 }),
    "joinable-queue": (runtime, reference) =>
      new JoinableQueue(runtime, reference, reference.settings as { maxSize: number }),
    pipe: (runtime, reference) => new Connection(runtime, reference, reference.settings as ConnectionSettings),
  }),
);

/** A live handle of a queue or pipe; undefined for other kinds. */
export function openChannel(runtime: ObjectRuntime, reference: ObjectReference): SharedObject | undefined {
  return OPENERS.get(reference.kind)?.(runtime, reference);
}
