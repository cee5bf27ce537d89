import { SerializationError } from "../errors/index.ts";
import type { ObjectKind } from "../session/index.ts";
import { JOINABLE_QUEUE_KIND, PIPE_KIND, PIPE_STREAM_KIND, QUEUE_KIND, SIMPLE_QUEUE_KIND } from "./channels/index.ts";
import {
  ARRAY_KIND,
  DICT_KIND,
  guard,
  LIST_KIND,
  MANAGER_KIND,
  NAMESPACE_KIND,
  REGISTERED_KIND,
  SET_KIND,
  VALUE_KIND,
} from "./containers/index.ts";
import type { AnyKind, ObjectReference, ObjectRuntime, SharedObject } from "./object/index.ts";
import {
  BARRIER_KIND,
  CONDITION_KIND,
  COUNT_DOWN_LATCH_KIND,
  EVENT_KIND,
  LOCK_KIND,
  RATE_LIMITER_KIND,
  READ_WRITE_LOCK_KIND,
  RLOCK_KIND,
  SEMAPHORE_KIND,
} from "./sync/index.ts";

/** The table of kinds: every kind of shared object, as the folder of that kind states it. */
export const KINDS: readonly AnyKind[] = [
  LOCK_KIND,
  RLOCK_KIND,
  READ_WRITE_LOCK_KIND,
  SEMAPHORE_KIND,
  CONDITION_KIND,
  EVENT_KIND,
  BARRIER_KIND,
  COUNT_DOWN_LATCH_KIND,
  RATE_LIMITER_KIND,
  QUEUE_KIND,
  SIMPLE_QUEUE_KIND,
  JOINABLE_QUEUE_KIND,
  PIPE_KIND,
  MANAGER_KIND,
  DICT_KIND,
  LIST_KIND,
  SET_KIND,
  NAMESPACE_KIND,
  VALUE_KIND,
  ARRAY_KIND,
  REGISTERED_KIND,
];

const BY_NAME: ReadonlyMap<string, AnyKind> = new Map(KINDS.map((row) => [row.kind, row]));

/** The kinds of objects that a program can have, in alphabetical order. */
export const KIND_NAMES: readonly string[] = [...BY_NAME.keys()].sort();

/** What the reaper knows: these kinds, and the streams inside of pipes. */
export const REAPED_KINDS: readonly ObjectKind[] = [...KINDS, PIPE_STREAM_KIND];

/** The row of a kind; undefined for one that a newer version has made. */
export function findKind(kind: string): AnyKind | undefined {
  return BY_NAME.get(kind);
}

/** Makes a live handle of the object that a reference names. @throws SerializationError for an unknown kind */
export function openObject(runtime: ObjectRuntime, reference: ObjectReference): SharedObject {
  const row = findKind(reference.kind);
  if (row) return guard(runtime, row.open(runtime, reference), { owner: reference.owner, methods: row.methods });
  throw new SerializationError(
    `a shared object of the unknown kind "${reference.kind}" arrived; the sender runs a newer version: update this process`,
    { path: "value" },
  );
}
