import { types } from "node:util";

/** JSON would not give the same value back. */
export const NOT_JSON = 1;
/** Some object is met twice; there may be a cycle. */
export const SHARED = 2;
/** msgpackr alone cannot carry it; together with NOT_JSON, it may be that it cannot be sent at all. */
export const INTRICATE = 4;

export const BEYOND: number = NOT_JSON | INTRICATE;
/** Deeper nesting takes the graph form, which needs no stack. */
const MAX_DEPTH = 500;

/** Without `identity`, the walk gives up counting on a tree after this many objects and notes them after all. */
const MAX_UNNOTED = 100_000;

/** What the walk looks at besides the kinds of values. */
export interface LookOptions {
  /** Tell whether objects are shared. Costs as much as the rest of the walk; cycles are found without it, too. */
  identity?: boolean;
  /** Strings with half a surrogate pair, which UTF-8 cannot hold, count as intricate. */
  text?: boolean;
  /** Symbol keys count as "not JSON". Costs as much as the rest of the walk. */
  symbols?: boolean;
}

/** State of the walk under way: parameters of a function that calls itself so often would be felt. */
let identity = false;
let first: object | null = null;
let seen: Set<object> | null = null;
let objects = 0;
let checkText = false;
let checkSymbols = false;

/**
 * Looks at a value once and says which of the three flags it has; 0 is a tree of plain JSON.
 *
 * Every submission pays for this walk, so it knows only the usual cases and leaves every other to the graph form.
 */
export function look(value: unknown, options: LookOptions = {}): number {
  // A getter may start a walk of its own within this one.
  const outer = { identity, first, seen, objects, checkText, checkSymbols };
  identity = options.identity ?? false;
  first = null;
  seen = null;
  objects = 0;
  checkText = options.text ?? false;
  checkSymbols = options.symbols ?? false;
  try {
    const flags = walk(value, 0);
    // Twice the same few objects, over and over, make a tree too large to walk: note the objects after all.
    return objects > MAX_UNNOTED && !identity ? look(value, { ...options, identity: true }) : flags;
  } catch {
    // A getter threw, or the stack was nearly full already: the graph form says where.
    return BEYOND;
  } finally {
    ({ identity, first, seen, objects, checkText, checkSymbols } = outer);
  }
}

function walk(value: unknown, depth: number): number {
  switch (typeof value) {
    case "string":
      return checkText && !value.isWellFormed() ? INTRICATE : 0;
    case "number":
      return value === 0 ? (Object.is(value, -0) ? BEYOND : 0) : Number.isFinite(value) ? 0 : NOT_JSON;
    case "boolean":
      return 0;
    case "object":
      return value === null ? 0 : walkObject(value, depth);
    case "undefined":
    case "bigint":
      return NOT_JSON;
    default:
      return BEYOND;
  }
}

function walkObject(value: object, depth: number): number {
  if (depth > MAX_DEPTH || types.isProxy(value)) return BEYOND;
  if (identity) {
    if (isSeen(value)) return SHARED;
  } else {
    objects += 1;
    if (objects > MAX_UNNOTED) return BEYOND;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return walkPlainObject(value, depth);
  if (prototype === Array.prototype) return Array.isArray(value) ? walkArray(value, depth) : BEYOND;
  return walkBuiltIn(value, { prototype, depth });
}

/** Most values are one array of primitives: the set is made for the second object. */
function isSeen(value: object): boolean {
  if (first === null) first = value;
  else if (value === first) return true;
  else {
    seen ??= new Set();
    const { size } = seen;
    seen.add(value);
    return seen.size === size;
  }
  return false;
}

function walkArray(array: unknown[], depth: number): number {
  let flags = 0;
  const { length } = array;
  for (let index = 0; index < length; index += 1) {
    const item = array[index];
    if (typeof item === "number" && item !== 0 && Number.isFinite(item)) continue;
    if (item === undefined && !(index in array)) return BEYOND;
    flags |= walk(item, depth + 1);
    if ((flags & BEYOND) === BEYOND) return flags;
  }
  return flags;
}

function walkPlainObject(object: object, depth: number): number {
  let flags = 0;
  let position = 0;
  for (const key in object) {
    // msgpackr renames the one and keeps the other for itself.
    if (key === "__proto__") return BEYOND;
    if (key === "__keys__") flags |= INTRICATE;
    if (checkText && key !== recentKeys[position] && !isWellFormedKey(key, position)) flags |= INTRICATE;
    position += 1;
    const item = (object as Record<string, unknown>)[key];
    if (typeof item === "number" && item !== 0 && Number.isFinite(item)) continue;
    flags |= walk(item, depth + 1);
    if ((flags & BEYOND) === BEYOND) return flags;
  }
  if (checkSymbols && Object.getOwnPropertySymbols(object).length > 0) flags |= NOT_JSON;
  return flags;
}

/** Keys of the object before, most likely of the same shape: comparing is ten times faster than reading the text. */
const recentKeys: string[] = new Array(32).fill("");

function isWellFormedKey(key: string, position: number): boolean {
  if (!key.isWellFormed()) return false;
  if (position < recentKeys.length) recentKeys[position] = key;
  return true;
}

const VIEWS = new Set<unknown>(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    DataView,
  ].map((view) => view.prototype),
);

function walkBuiltIn(value: object, at: { prototype: unknown; depth: number }): number {
  const { prototype, depth } = at;
  if (prototype === Buffer.prototype) return types.isUint8Array(value) ? NOT_JSON : BEYOND;
  if (prototype === Map.prototype && types.isMap(value)) {
    let flags = NOT_JSON;
    for (const [key, item] of value) {
      flags |= walk(key, depth + 1) | walk(item, depth + 1);
      if (flags & INTRICATE) return flags;
    }
    return flags;
  }
  if (prototype === Set.prototype && types.isSet(value)) {
    let flags = NOT_JSON;
    for (const item of value) {
      flags |= walk(item, depth + 1);
      if (flags & INTRICATE) return flags;
    }
    return flags;
  }
  if (prototype === Date.prototype) return types.isDate(value) ? NOT_JSON : BEYOND;
  if (prototype === RegExp.prototype) return types.isRegExp(value) ? NOT_JSON : BEYOND;
  if (prototype === ArrayBuffer.prototype) return types.isArrayBuffer(value) && !value.detached ? NOT_JSON : BEYOND;
  if (VIEWS.has(prototype) && ArrayBuffer.isView(value)) {
    return types.isSharedArrayBuffer(value.buffer) || value.buffer.detached ? BEYOND : NOT_JSON;
  }
  return BEYOND;
}
