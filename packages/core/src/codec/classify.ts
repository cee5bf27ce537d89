import { flatten } from "./flatten.ts";
import { BEYOND, look, NOT_JSON, SHARED } from "./shape.ts";

/** A value that shares parts is written out in JSON once for each use; beyond this many values it is not "plain". */
const MAX_EXPANSION = 1_000_000;

/**
 * How a value has to travel: `json` when plain JSON gives the same value back, else `encoded`. One walk.
 *
 * @throws SerializationError for what cannot be sent; its `path` starts at `path`
 */
export function classify(value: unknown, path: string): "json" | "encoded" {
  const flags = look(value);
  if ((flags & BEYOND) === BEYOND) flatten(value, path, "checking");
  return isJson(value, flags) ? "json" : "encoded";
}

/**
 * Whether JSON.parse(JSON.stringify(value)) gives the same. Parts that are used twice are fine, cycles are not; nesting
 * of more than 500 levels is not plain.
 */
export function isPlainJson(value: unknown): boolean {
  return isJson(value, look(value, { symbols: true }));
}

/**
 * Refuses what structured clone would refuse, and live objects such as sockets.
 *
 * @throws SerializationError; its `path` starts at `path`
 */
export function assertSendable(value: unknown, path: string): void {
  if ((look(value) & BEYOND) === BEYOND) flatten(value, path, "checking");
}

function isJson(value: unknown, flags: number): boolean {
  if (flags & NOT_JSON) return false;
  return (flags & SHARED) === 0 || isFiniteTree(value);
}

/** Whether writing the value out as a tree ends, and within reason. */
function isFiniteTree(value: unknown): boolean {
  const sizes = new Map<object, number>();
  const sizeOf = (part: unknown): number => {
    if (typeof part !== "object" || part === null) return 1;
    const known = sizes.get(part);
    if (known !== undefined) return known;
    // While its parts are counted, meeting it again is a cycle.
    sizes.set(part, Number.POSITIVE_INFINITY);
    let size = 1;
    for (const inner of Array.isArray(part) ? part : Object.values(part)) size += sizeOf(inner);
    sizes.set(part, size);
    return size;
  };
  return sizeOf(value) <= MAX_EXPANSION;
}
