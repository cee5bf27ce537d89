import { PayloadTooLargeError } from "../../errors/index.ts";
import { SharedObject } from "../../shared/object/index.ts";
import { encode } from "../../wire/codec/index.ts";

/** Largest encoded argument list or result by default, bytes. */
export const DEFAULT_MAX_PAYLOAD: number = 1024 * 1024;

/** About what a reference to a shared object takes, bytes. */
const REFERENCE = 500;

/**
 * Upper-side estimate of a value's encoded size in bytes; stops counting past `limit`. Cycles are counted once.
 */
export function estimateBytes(value: unknown, limit: number): number {
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) return 9;
  if (typeof value === "string") return value.length * 3 + 5;
  let bytes = 0;
  const seen = new Set<object>();
  const stack: unknown[] = [value];
  while (stack.length > 0 && bytes <= limit) {
    const next = stack.pop();
    if (typeof next === "string") bytes += next.length * 3 + 5;
    else if (typeof next !== "object" || next === null) bytes += 9;
    else if (!seen.has(next)) {
      seen.add(next);
      bytes += next instanceof SharedObject ? REFERENCE : 10;
      if (next instanceof SharedObject) continue;
      if (ArrayBuffer.isView(next) || next instanceof ArrayBuffer) bytes += next.byteLength;
      else if (Array.isArray(next)) for (const item of next) stack.push(item);
      else if (next instanceof Map) for (const [key, item] of next) stack.push(key, item);
      else if (next instanceof Set) for (const item of next) stack.push(item);
      else for (const [key, item] of Object.entries(next)) stack.push(key, item);
    }
  }
  return bytes;
}

/** @throws PayloadTooLargeError when the encoded value has more than `limit` bytes; `what` names it in the message */
export function checkPayload(value: unknown, limit: number, what: string): void {
  if (estimateBytes(value, limit) <= limit) return;
  const bytes = encode(value, "value", "checking").byteLength;
  if (bytes <= limit) return;
  throw new PayloadTooLargeError(
    `${what}: ${bytes} bytes are more than maxPayload (${limit}); send less, keep it elsewhere and pass its address, or ` +
      "raise maxPayload in connect()",
  );
}
