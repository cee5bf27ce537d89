import { ValueError } from "../../errors/index.ts";

/** Why a reference is asked for: to be sent, or to see whether it could be, which may be followed by sending or not. */
export type Purpose = "sending" | "checking";

/** How a live object travels: it is sent as a reference and arrives as a live object of the same class. */
export interface Transferable<Handle extends object, Reference> {
  /** Name of the kind in encoded bytes; unique. */
  tag: string;
  is(value: object): boolean;
  /** Plain data that names the object. */
  toReference(handle: Handle, purpose: Purpose): Reference;
  fromReference(reference: Reference): Handle;
  /** What people are shown of it; absent: the reference itself. */
  describe?(reference: Reference): unknown;
}

let isViewing = false;

/**
 * While `body` runs, which must not wait for anything, live objects in what is decoded are not opened but described: to look
 * at a value must not make this process take part in what it names.
 */
export function forViewing<Value>(body: () => Value): Value {
  const before = isViewing;
  isViewing = true;
  try {
    return body();
  } finally {
    isViewing = before;
  }
}

const transferables = new Map<string, Transferable<object, unknown>>();

/** Makes a class of live objects sendable: `encode`, `decode` and `classify` know it from now on. */
export function defineTransferable<Handle extends object, Reference>(
  transferable: Transferable<Handle, Reference>,
): void {
  const { tag } = transferable;
  if (transferables.has(tag)) {
    throw new ValueError(`a transferable with the tag "${tag}" is defined already; choose another tag`);
  }
  transferables.set(tag, transferable as unknown as Transferable<object, unknown>);
}

export function findTransferable(value: object): Transferable<object, unknown> | undefined {
  for (const transferable of transferables.values()) if (transferable.is(value)) return transferable;
  return undefined;
}

/** The live object, or for viewing its description, that a reference stands for; undefined for an unknown tag. */
export function openTransferable(tag: string, reference: unknown): { value: unknown } | undefined {
  const transferable = transferables.get(tag);
  if (isViewing) return { value: transferable?.describe?.(reference) ?? reference };
  return transferable && { value: transferable.fromReference(reference) };
}
