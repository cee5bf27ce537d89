import type { ObjectReference, ObjectRuntime, SharedObject } from "../objects/index.ts";
import { makeWithOf } from "./calls/index.ts";
import { DictProxy } from "./dict/index.ts";
import { Manager } from "./manager/index.ts";

type Open = (runtime: ObjectRuntime, reference: ObjectReference) => SharedObject;

/** How a reference of each kind becomes a handle. */
const OPENERS: Readonly<Record<string, Open>> = {
  dict: (runtime, reference) => new DictProxy(runtime, reference, makeWithOf(reference.settings)),
  manager: (runtime, reference) => new Manager(runtime, reference),
};

/** A live handle of a container or manager; undefined for other kinds. */
export function openContainer(runtime: ObjectRuntime, reference: ObjectReference): SharedObject | undefined {
  return OPENERS[reference.kind]?.(runtime, reference);
}
