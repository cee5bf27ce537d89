import type { ObjectKind } from "../session/index.ts";
import { openChannel, PIPE_KIND, QUEUE_KINDS } from "./channels/index.ts";
import { CONTAINER_KINDS, guard, openContainer } from "./containers/index.ts";
import type { ObjectReference, ObjectRuntime, SharedObject } from "./object/index.ts";
import { openObject as openSync, SYNC_KINDS } from "./sync/index.ts";

/** Every kind of shared object, for the reaper. */
export const OBJECT_KINDS: readonly ObjectKind[] = [...SYNC_KINDS, ...QUEUE_KINDS, PIPE_KIND, ...CONTAINER_KINDS];

/** Makes a live handle of the object that a reference names. @throws SerializationError for an unknown kind */
export function openObject(runtime: ObjectRuntime, reference: ObjectReference): SharedObject {
  const container = openContainer(runtime, reference);
  if (container) return container;
  return guard(runtime, openChannel(runtime, reference) ?? openSync(runtime, reference), reference.owner);
}
