import type { ObjectKind } from "../../session/index.ts";
import type { Maker } from "./call-forms.ts";
import type { ObjectReading } from "./object-reading.ts";
import type { ObjectRuntime } from "./object-runtime.ts";
import type { ObjectReference, SharedObject } from "./shared-object.ts";

/** Where the state of objects is read. */
export type ObjectReader = Pick<ObjectRuntime, "client" | "keys">;

/**
 * What a method does, for handles of an object that a manager owns (rule M11):
 * - `asks`: asks Redis. Waits for the start of the manager, and fails with ManagerClosedError when the manager is gone.
 * - `looks`: asks Redis, but finds nothing instead of failing when the object is gone, so the manager is looked at first.
 * - `closes`: ends the handle, after the calls that still wait for the start of the manager.
 * - `opens`: returns another handle of the same object, which is guarded in the same way.
 * - `local`: asks nothing itself.
 */
export type MethodUse = "asks" | "looks" | "closes" | "opens" | "local";

/** Names of the methods of a handle, without those of every shared object. */
type MethodsOf<Handle> = Handle extends unknown
  ? Exclude<
      { [Name in keyof Handle]: Handle[Name] extends (...args: never[]) => unknown ? Name : never }[keyof Handle] &
        string,
      keyof SharedObject
    >
  : never;

/** The use of each method. One that is missing, or that the class does not have, does not compile. */
export type MethodTable<Handle> = { readonly [Name in MethodsOf<Handle>]: MethodUse };

/** Methods of one class of handles that wait, or are like them: called with more arguments, they refuse. */
interface Waits<Handle> {
  /** What messages call the handle. */
  of: string;
  /** The class. */
  handles: { readonly prototype: object };
  /** Arguments as messages show them. */
  methods: { readonly [Name in MethodsOf<Handle>]?: readonly string[] };
}

/** How long an object with a name stays. */
type Stay = "until removed" | "1 hour unused" | "while held";

/** One row of the table of kinds (`shared/kinds.ts`), of any class. */
export interface AnyKind extends ObjectKind {
  /** Makes a live handle of the object that a reference names. */
  open(runtime: ObjectRuntime, reference: ObjectReference): SharedObject;
  /** Reads an object for inspection; null when it is not there. */
  read(reader: ObjectReader, name: string): Promise<ObjectReading | null>;
  /** Parts of its keys (`keys.object(kind, name, part)`), "" for the main one; without any of them the object is gone. */
  readonly parts: readonly string[];
  readonly stays: Stay;
  /** Parts of its keys of which one exists while a process waits for it. @defaultValue none: it is not waited for */
  readonly lines?: readonly string[];
  /** What the methods of its handles do; null when they see to their manager themselves, or no manager makes them. */
  readonly methods: Readonly<Record<string, MethodUse>> | null;
  /** The methods of contexts and managers that make handles. */
  readonly makers: { readonly [method: string]: Maker };
  readonly waits: readonly { of: string; handles: { readonly prototype: object }; methods: object }[];
  /**
   * Session that holds the object, "" for none. For a kind that notes a holder with its session only when it is held for
   * long: a host whose child has ended looks at all objects of that kind.
   */
  holder?(reader: ObjectReader, name: string): Promise<string>;
}

/** What manyhands has to know of one kind of shared object, stated in the folder of that kind. */
export interface SharedKind<Handle extends SharedObject> extends AnyKind {
  open(runtime: ObjectRuntime, reference: ObjectReference): Handle;
  readonly methods: MethodTable<Handle> | null;
  /**
   * Methods that wait, by class of handles. They refuse arguments by position which they do not take: Python's
   * `acquire(True, 5)` and `get(True, 5)` would otherwise wait without a limit.
   */
  readonly waits: readonly Waits<Handle>[];
}
