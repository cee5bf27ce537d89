import { SerializationError } from "../../errors/index.ts";
import { decodeFromString } from "./binary.ts";
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

/** Longest text of units in JSON: jobs with more are not kept once they are done, so they need not be readable. */
const LONGEST_UNITS = 16 * 1024;

/**
 * Units of a job as JSON text, where that gives the same values back and costs little; else undefined. Fractions are left
 * to the encoded form: writing one as decimal digits takes ten times as long as copying it.
 */
export function unitsToJson(units: readonly unknown[]): string | undefined {
  let size = 0;
  for (const unit of units) {
    if (Array.isArray(unit)) {
      size += unit.length;
      // Two characters for each value at least.
      if (2 * size > LONGEST_UNITS || unit.some(isFraction)) return undefined;
    }
    // JSON would make two of an object that is used twice.
    if (look(unit, { identity: true }) & (NOT_JSON | SHARED)) return undefined;
  }
  const text = JSON.stringify(units);
  return text.length <= LONGEST_UNITS ? text : undefined;
}

function isFraction(value: unknown): boolean {
  return typeof value === "number" && !Number.isInteger(value);
}

/**
 * Reads units in either form: JSON text begins with a bracket, base64 text never does.
 *
 * @throws SerializationError for text that is damaged
 */
export function decodeUnits(text: string): unknown {
  if (!isJsonUnits(text)) return decodeFromString(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SerializationError(`${text.length} characters of units cannot be decoded: ${(error as Error).message}`, {
      path: "units",
      cause: error,
    });
  }
}

/** Whether units are JSON text. */
export function isJsonUnits(text: string): boolean {
  return text.startsWith("[");
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
