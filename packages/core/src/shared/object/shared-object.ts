import { got, spareDiscarded, ValueError } from "../../errors/index.ts";
import type { Purpose } from "../../wire/codec/index.ts";
import type { ObjectRuntime } from "./object-runtime.ts";

/** Names an object; with it any process of the namespace gets a live handle. */
export interface ObjectReference {
  kind: string;
  name: string;
  namespace: string;
  /** Session of its maker, with which an unnamed object vanishes; null for a named one. */
  owner: string | null;
  /** What its handle was made with besides the name: plain data or references. */
  settings: unknown;
}

/** Where a handle gets its object from. */
export interface ObjectIdentity {
  name: string;
  owner: string | null;
}

/**
 * A handle of something that lives in Redis. It can be passed as an argument and arrives as a live handle of the same
 * object. Making one costs nothing: the object comes into being with the first call.
 */
export abstract class SharedObject {
  /** First part of its keys, such as "lock". */
  abstract readonly kind: string;
  /** The name given to it, or a unique one. */
  readonly name: string;
  /** @internal */
  protected readonly runtime: ObjectRuntime;
  readonly #owner: string | null;

  constructor(runtime: ObjectRuntime, identity: ObjectIdentity) {
    spareDiscarded<SharedObject>(new.target.prototype, (self) => isOver(self.runtime, self.#owner ?? ""));
    this.runtime = runtime;
    this.name = identity.name;
    this.#owner = identity.owner;
  }

  /** Whether it stays until it is removed; otherwise it vanishes with the program that made it. */
  get isNamed(): boolean {
    return this.#owner === null;
  }

  /** @internal */
  protected get owner(): string {
    return this.#owner ?? "";
  }

  /** @internal */
  protected get settings(): unknown {
    return null;
  }

  /** @internal */
  toReference(_purpose: Purpose = "sending"): ObjectReference {
    // The receiver of the reference may use it before this process has done anything else.
    if (this.#owner !== null) void this.runtime.session.start().catch(() => {});
    return {
      kind: this.kind,
      name: this.name,
      namespace: this.runtime.keys.namespace,
      owner: this.#owner,
      settings: this.settings,
    };
  }
}

/** Whether this program has ended what owns an object, or its own context. */
export function isOver({ isClosed, shut }: ObjectRuntime, owner: string): boolean {
  return isClosed || shut.has(owner);
}

/** Identity of a new handle: what the caller named it, or a unique name that belongs to this session. */
export function identify(runtime: ObjectRuntime, name: string | undefined): ObjectIdentity {
  if (name === undefined || name === null) return { name: runtime.nextName(), owner: runtime.session.id };
  return { name: checkObjectName(name), owner: null };
}

/** @throws ValueError unless the lock is of the same namespace as what is made with it, which is of `kind` */
export function assertSameNamespace({ keys }: ObjectRuntime, lock: SharedObject, kind: string): void {
  const { namespace } = lock.toReference("checking");
  if (namespace === keys.namespace) return;
  throw new ValueError(
    `the lock "${lock.name}" is of the namespace "${namespace}", the ${kind} of "${keys.namespace}"; make both in the same context`,
  );
}

/**
 * Options of an object that may be given as its name alone.
 * @throws ValueError for anything else
 */
export function namedOptions<Options extends { name?: string | undefined }>(
  options: string | Options | undefined,
): Partial<Options> {
  if (options === undefined || options === null) return {};
  if (typeof options === "string") return { name: options } as Partial<Options>;
  if (typeof options === "object") return options;
  throw new ValueError(`a shared object takes a name or options; got ${got(options)}`);
}

/**
 * Begins every part of a name that manyhands puts together, such as ":box/orders" of the manager "box": no name that a
 * user gives begins with it, so a name made of parts is never the name of something else.
 */
export const MADE = ":";

/** A part of a name that is put together; what follows it stands behind a slash, which the part itself cannot hold. */
export function namePart(part: string): string {
  return MADE + part.replaceAll("%", "%25").replaceAll("/", "%2F");
}

/** The text that {@link namePart} was made of; null for a part that was not. */
export function textOfNamePart(part: string): string | null {
  if (!part.startsWith(MADE)) return null;
  return part.slice(MADE.length).replaceAll("%2F", "/").replaceAll("%25", "%");
}

/** @throws ValueError for a name that could not stand in a key, or that manyhands makes itself */
export function checkObjectName(name: unknown): string {
  if (typeof name === "string" && name.startsWith(MADE)) {
    throw new ValueError(
      `${got(name)} is a name that manyhands makes itself: names that begin with "${MADE}" belong to objects of managers and ` +
        "locks of objects; choose another name, or pass the object itself",
    );
  }
  if (typeof name === "string" && /^[^\p{Cc}\p{Cs}]{1,200}$/u.test(name)) return name;
  throw new ValueError(
    `the name of a shared object is a text of 1 to 200 characters without control characters; got ${got(name)}`,
  );
}
