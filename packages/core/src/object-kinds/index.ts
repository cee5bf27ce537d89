import { openChannel, QUEUE_KINDS } from "../channels/index.ts";
import type { ObjectReference, ObjectRuntime, SharedObject } from "../objects/index.ts";
import type { ObjectKind } from "../session/index.ts";
import { openObject as openSync, SYNC_KINDS } from "../sync/index.ts";

/** Every kind of shared object, for the reaper. */
export const OBJECT_KINDS: readonly ObjectKind[] = [...SYNC_KINDS, ...QUEUE_KINDS];

/** Makes a live handle of the object that a reference names. @throws SerializationError for an unknown kind */
export function openObject(runtime: ObjectRuntime, reference: ObjectReference): SharedObject {
  return openChannel(runtime, reference) ?? openSync(runtime, reference);
}
