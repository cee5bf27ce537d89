/** A value as it is shown: its type beside what it holds, so that nothing that JSON cannot say is lost. Parts may be folded. */
export interface ValueNode {
  /**
   * `null`, `undefined`, `boolean`, `number`, `bigint`, `string`, `hole` (of a sparse array), `circular` (it is met inside
   * itself), `hidden` (not to be shown), or the class of an object: `Object`, `Array`, `Map`, `Set`, `Date`, `Error`, `Uint8Array`, …
   */
  type: string;
  /** What a value says that holds no others; of a long text or of bytes the beginning. */
  text?: string;
  /** Characters of a text, bytes, or parts that it holds. */
  size?: number;
  /** The parts that are shown; absent when it holds none, or all are folded. */
  items?: ValueItem[];
  /** Whether there is more of it than is told. */
  isFolded?: true;
}

export interface ValueItem {
  /** Which part it is, from 0; a path of these leads to a value. */
  place: number;
  /** Name of the part; of a Map its key. */
  key?: string | ValueNode;
  node: ValueNode;
}

/** How much of a value is shown. */
export interface ValueTreeOptions {
  /** Levels that are not folded. @defaultValue 4 */
  depth?: number;
  /** Parts over all. @defaultValue 500 */
  most?: number;
  /** Parts of one value that are shown at once. @defaultValue 100 */
  page?: number;
  /** Of the value itself: the first part that is shown. @defaultValue 0 */
  from?: number;
  /** Longest text, characters. @defaultValue 2 000 */
  text?: number;
  /** Whether what is there is not to be shown. `path`: the keys that lead there, of lists numbers. */
  isHidden?: (path: readonly (string | number)[]) => boolean;
  /** The keys that lead to the value. */
  path?: readonly (string | number)[];
}

/** Bytes that are shown of binary data. */
const SHOWN_BYTES = 64;

/** The value as a tree of nodes, as much of it as the options say. */
export function valueTree(value: unknown, options: ValueTreeOptions = {}): ValueNode {
  const { depth = 4, most = 500, page = 100, from = 0, text = 2_000, isHidden = () => false, path = [] } = options;
  let left = most;
  return nodeOf(value, { path, depth, from, inside: [] });

  function nodeOf(
    part: unknown,
    at: { path: readonly (string | number)[]; depth: number; from: number; inside: readonly object[] },
  ): ValueNode {
    if (at.path.length > 0 && isHidden(at.path)) return { type: "hidden" };
    const scalar = scalarOf(part, text);
    if (scalar) return scalar;
    const object = part as object;
    if (at.inside.includes(object)) return { type: "circular" };
    const { length, read } = partsOf(object);
    const node: ValueNode = { type: classOf(object), size: length };
    if (length === 0) return node;
    if (at.depth <= 0 || left <= 0) return { ...node, isFolded: true };
    const inside = [...at.inside, object];
    const items: ValueItem[] = [];
    for (const [place, key, inner] of read(at.from, at.from + page)) {
      if (left <= 0) break;
      left -= 1;
      const step = stepOf(part, place, key);
      const next = { path: [...at.path, step], depth: at.depth - 1, from: 0, inside };
      const shownKey =
        key === undefined || typeof key === "string" ? key : nodeOf(key.of, { ...next, path: [], depth: 1 });
      items.push({ place, ...(shownKey !== undefined && { key: shownKey }), node: nodeOf(inner, next) });
    }
    node.items = items;
    if (at.from + items.length < length) node.isFolded = true;
    return node;
  }
}

/**
 * The part of a value that a path of places leads to, and the keys on the way.
 * @returns null when there is none
 */
export function partAt(value: unknown, places: readonly number[]): { part: unknown; path: (string | number)[] } | null {
  let part = value;
  const path: (string | number)[] = [];
  for (const place of places) {
    if (scalarOf(part, 0) !== null) return null;
    const [found] = partsOf(part as object).read(place, place + 1);
    if (!found) return null;
    const [, key, inner] = found;
    path.push(stepOf(part, place, key));
    part = inner;
  }
  return { part, path };
}

function stepOf(whole: unknown, place: number, key: Part[1]): string | number {
  if (Array.isArray(whole)) return place;
  if (typeof key === "object") return typeof key.of === "string" ? key.of : place;
  return key ?? place;
}

/** Place, name (of a Map what its key is) and value of a part. */
type Part = readonly [place: number, key: string | { of: unknown } | undefined, value: unknown];
const HOLE = Symbol("hole");

function partsOf(object: object): { length: number; read: (from: number, to: number) => Part[] } {
  if (Array.isArray(object)) {
    const read = (from: number, to: number): Part[] =>
      Array.from({ length: Math.max(0, Math.min(to, object.length) - from) }, (_, index): Part => {
        const place = from + index;
        return [place, String(place), place in object ? object[place] : HOLE];
      });
    return { length: object.length, read };
  }
  if (object instanceof Map) {
    return { length: object.size, read: (from, to) => cut(object, [from, to], ([key, value]) => [{ of: key }, value]) };
  }
  if (object instanceof Set) {
    return { length: object.size, read: (from, to) => cut(object, [from, to], (value) => [undefined, value]) };
  }
  const entries = entriesOf(object);
  return { length: entries.length, read: (from, to) => cut(entries, [from, to], (entry) => entry) };
}

function cut<Item>(
  items: Iterable<Item>,
  [from, to]: readonly [number, number],
  partOf: (item: Item) => readonly [string | { of: unknown } | undefined, unknown],
): Part[] {
  const parts: Part[] = [];
  let place = 0;
  for (const item of items) {
    if (place >= to) break;
    if (place >= from) parts.push([place, ...partOf(item)]);
    place += 1;
  }
  return parts;
}

function entriesOf(object: object): [string, unknown][] {
  if (!(object instanceof Error)) return Object.entries(object);
  const own = ["name", "message", "code", "stack", "cause", "errors"].flatMap((name): [string, unknown][] => {
    const value = (object as unknown as Record<string, unknown>)[name];
    return value === undefined || (name === "name" && value === "Error") ? [] : [[name, value]];
  });
  const named = new Set(own.map(([name]) => name));
  return [...own, ...Object.entries(object).filter(([name]) => !named.has(name))];
}

/** The node of a value that holds no others; null for the rest. */
function scalarOf(value: unknown, longest: number): ValueNode | null {
  if (value === HOLE) return { type: "hole" };
  switch (typeof value) {
    case "undefined":
      return { type: "undefined" };
    case "string": {
      const node: ValueNode = { type: "string", text: value.slice(0, longest), size: value.length };
      return value.length > longest ? { ...node, isFolded: true } : node;
    }
    case "number":
      return { type: "number", text: Object.is(value, -0) ? "-0" : String(value) };
    case "boolean":
    case "bigint":
    case "symbol":
      return { type: typeof value, text: String(value) };
    case "function":
      return { type: "function", text: value.name };
  }
  if (value === null) return { type: "null" };
  if (value instanceof Date) {
    return { type: "Date", text: Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString() };
  }
  if (value instanceof RegExp || value instanceof URL) return { type: classOf(value), text: String(value) };
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return { type: classOf(value), text: String(value) };
  }
  return bytesOf(value as object);
}

/** Binary data, as hexadecimal digits. */
function bytesOf(value: object): ValueNode | null {
  const isView = ArrayBuffer.isView(value);
  if (!isView && !(value instanceof ArrayBuffer)) return null;
  const bytes = isView ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
  const text = Buffer.from(bytes.subarray(0, SHOWN_BYTES))
    .toString("hex")
    .replaceAll(/..(?=.)/g, "$& ");
  const node: ValueNode = { type: classOf(value), text, size: bytes.byteLength };
  return bytes.byteLength > SHOWN_BYTES ? { ...node, isFolded: true } : node;
}

function classOf(object: object): string {
  if (object instanceof Error) return typeof object.name === "string" && object.name !== "" ? object.name : "Error";
  const name = Object.getPrototypeOf(object)?.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "Object";
}
