import { SerializationError } from "../../errors/index.ts";
import type { ObjectReference, ObjectRuntime, SharedObject } from "../object/index.ts";
import { Barrier, type BarrierSettings } from "./barrier/index.ts";
import { Condition } from "./condition/index.ts";
import { CountDownLatch } from "./count-down-latch/index.ts";
import type { CountedSettings } from "./counted/index.ts";
import { Event } from "./event/index.ts";
import { Lock } from "./lock/index.ts";
import { openReadWriteLock, type ReadWriteLockSettings } from "./read-write-lock/index.ts";
import { RLock } from "./rlock/index.ts";
import { openSemaphore } from "./semaphore/index.ts";

type Open = (runtime: ObjectRuntime, reference: ObjectReference) => SharedObject;

/** How a reference of each kind becomes a handle. */
const OPENERS: ReadonlyMap<string, Open> = new Map(
  Object.entries<Open>({
    barrier: (runtime, reference) => new Barrier(runtime, reference, settingsOf<BarrierSettings>(reference)),
    condition: (runtime, reference) =>
      new Condition(runtime, reference, openLock(runtime, settingsOf<{ lock: ObjectReference }>(reference).lock)),
    "count-down-latch": (runtime, reference) =>
      new CountDownLatch(runtime, reference, settingsOf<CountedSettings>(reference)),
    event: (runtime, reference) => new Event(runtime, reference),
    lock: (runtime, reference) => new Lock(runtime, reference, settingsOf<{ lease: number }>(reference).lease),
    "read-write-lock": (runtime, reference) =>
      openReadWriteLock(runtime, reference, settingsOf<ReadWriteLockSettings>(reference)),
    rlock: (runtime, reference) => new RLock(runtime, reference, settingsOf<{ lease: number }>(reference).lease),
    semaphore: (runtime, reference) => openSemaphore(runtime, reference, settingsOf<CountedSettings>(reference)),
  }),
);

/** Makes a live handle of the object that a reference names. @throws SerializationError for an unknown kind */
export function openObject(runtime: ObjectRuntime, reference: ObjectReference): SharedObject {
  const open = OPENERS.get(reference.kind);
  if (open) return open(runtime, reference);
  throw new SerializationError(
    `a shared object of the unknown kind "${reference.kind}" arrived; the sender runs a newer version: update this process`,
    { path: "value" },
  );
}

function openLock(runtime: ObjectRuntime, reference: ObjectReference): Lock | RLock {
  return openObject(runtime, reference) as Lock | RLock;
}

function settingsOf<Settings>(reference: ObjectReference): Settings {
  return reference.settings as Settings;
}
