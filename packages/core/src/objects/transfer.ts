import { defineTransferable } from "../codec/index.ts";
import { shared } from "../tasks/task-registry.ts";
import { type ObjectReference, SharedObject } from "./shared-object.ts";

/** Turns a reference into a live handle. */
type Opener = (reference: ObjectReference) => SharedObject;

const opener: { open: Opener | undefined } = shared("manyhands.objectOpener", () => ({ open: undefined }));

/** Says how references that arrive become handles. */
export function provideOpener(open: Opener): void {
  opener.open = open;
}

// Light, because every child loads it: what a handle needs to live is loaded when the first one arrives.
defineTransferable<SharedObject, ObjectReference>({
  tag: "object",
  is: (value) => value instanceof SharedObject,
  toReference: (handle, purpose) => handle.toReference(purpose),
  fromReference: (reference) => {
    if (!opener.open) throw new Error("a shared object arrived before this process could open one");
    return opener.open(reference);
  },
  describe: ({ kind, name }) => ({ kind, name }),
});
