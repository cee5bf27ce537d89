import { ValueError } from "../errors/index.ts";

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

export function transferableOf(tag: string): Transferable<object, unknown> | undefined {
  return transferables.get(tag);
}
