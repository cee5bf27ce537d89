import type { ObjectReference, ObjectRuntime, SharedObject } from "../object/index.ts";
import { openArray } from "./array/index.ts";
import { makeWithOf } from "./calls/index.ts";
import { DictProxy } from "./dict/index.ts";
import { ListProxy } from "./list/index.ts";
import { Manager } from "./manager/index.ts";
import { NamespaceProxy } from "./namespace/index.ts";
import { openRegistered } from "./registered/index.ts";
import { SetProxy } from "./set/index.ts";
import { openValue } from "./value/index.ts";

type Open = (runtime: ObjectRuntime, reference: ObjectReference) => SharedObject;

/** How a reference of each kind becomes a handle. */
const OPENERS: ReadonlyMap<string, Open> = new Map(
  Object.entries<Open>({
    array: openArray,
    dict: (runtime, reference) => new DictProxy(runtime, reference, makeWithOf(reference.settings)),
    list: (runtime, reference) => new ListProxy(runtime, reference, makeWithOf(reference.settings)),
    manager: (runtime, reference) => new Manager(runtime, reference),
    namespace: (runtime, reference) => new NamespaceProxy(runtime, reference, makeWithOf(reference.settings)),
    registered: openRegistered,
    set: (runtime, reference) => new SetProxy(runtime, reference, makeWithOf(reference.settings)),
    value: openValue,
  }),
);

/** A live handle of a container or manager; undefined for other kinds. */
export function openContainer(runtime: ObjectRuntime, reference: ObjectReference): SharedObject | undefined {
  return OPENERS.get(reference.kind)?.(runtime, reference);
}
