import { types } from "node:util";
import type { Node } from "./graph.ts";
import type { Place } from "./place.ts";
import { classNameOf, type Refusal, refuse } from "./refusal.ts";

/**
 * The node for an ArrayBuffer or a view of one; null for anything else.
 *
 * @throws SerializationError for memory that is shared, or was transferred away
 */
export function bytesNode(value: object, place: Place): Node | null {
  if (types.isArrayBuffer(value)) {
    if (value.detached) throw refuse(place, DETACHED);
    return ["native", value];
  }
  if (!ArrayBuffer.isView(value)) return null;
  if (types.isSharedArrayBuffer(value.buffer)) {
    const what = `a ${classNameOf(value)} over a SharedArrayBuffer`;
    throw refuse(place, { what, advice: "memory is not shared between processes: send a copy, `array.slice()`" });
  }
  if (value.buffer.detached) throw refuse(place, DETACHED);
  if (Buffer.isBuffer(value)) return ["native", value];
  if (types.isDataView(value)) return ["native", new DataView(value.buffer, value.byteOffset, value.byteLength)];
  // A subclass arrives as the built-in array that it extends.
  const name = (value as Uint8Array)[Symbol.toStringTag];
  return ["view", name, new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
}

const DETACHED: Refusal = {
  what: "a detached ArrayBuffer",
  advice: "it was transferred elsewhere: send a copy made before",
};
