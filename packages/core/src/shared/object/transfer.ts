import { SerializationError } from "../../errors/index.ts";
import { shared } from "../../package/index.ts";
import { defineTransferable } from "../../wire/codec/index.ts";
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
    assertReference(reference);
    if (!opener.open) throw new Error("a shared object arrived before this process could open one");
    return opener.open(reference);
  },
  describe: ({ kind, name }) => ({ kind, name }),
});

/** What names an object came over the wire: it must be text before keys are made of it. */
function assertReference(reference: ObjectReference): void {
  const { kind, name, namespace, owner } = (reference ?? {}) as { [Field in keyof ObjectReference]?: unknown };
  const isOwner = owner === null || isWord(owner);
  if (isWord(kind) && isWord(name) && isWord(namespace) && isOwner) return;
  throw new SerializationError("what arrived as a shared object does not name one; send the object itself", {
    path: "value",
  });
}

function isWord(value: unknown): boolean {
  return typeof value === "string" && value !== "" && !/[\p{Cc}]/u.test(value);
}
