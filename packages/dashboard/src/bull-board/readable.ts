import { plural } from "@manyhands/core/internal";

const DEEPEST = 8;
const MOST_ENTRIES = 100;
const LONGEST_TEXT = 2_000;
const MOST_VALUES = 5_000;
/** Integers of more bits are shown in base 16. */
const LONGEST_INTEGER = 6_400;

/**
 * A JSON-safe picture of any decoded value, for people: what JSON cannot say is tagged (`"(bigint) 7"`,
 * `{ "Map": [...] }`), and what is too deep, too many or too long is cut with a note of how much is missing.
 */
export function readable(value: unknown): unknown {
  return picture(value, { depth: 0, above: new Set(), budget: { left: MOST_VALUES } });
}

/** Where in the whole value a part of it is, and how many more values may be shown. */
interface Place {
  depth: number;
  above: ReadonlySet<object>;
  budget: { left: number };
}

function picture(value: unknown, { depth, above, budget }: Place): unknown {
  if (budget.left-- <= 0) return "(too much to show)";
  if (typeof value === "string") return cut(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : `(number) ${value}`;
  if (typeof value === "bigint") return `(bigint) ${digits(value)}`;
  if (value === undefined) return "(undefined)";
  if (typeof value !== "object" || value === null) return value;
  if (above.has(value)) return "(circular)";
  if (depth >= DEEPEST) return "(nested too deep to show)";
  return objectPicture(value, { depth: depth + 1, above: new Set(above).add(value), budget });
}

function objectPicture(value: object, place: Place): unknown {
  const inner = (item: unknown) => picture(item, place);
  if (Array.isArray(value)) return firstOf(value, inner);
  if (value instanceof Date) return `(Date) ${Number.isNaN(value.getTime()) ? "invalid" : value.toISOString()}`;
  if (value instanceof RegExp) return cut(`(RegExp) ${value}`);
  if (value instanceof Map) return { Map: firstOf([...value], ([key, item]) => [inner(key), inner(item)]) };
  if (value instanceof Set) return { Set: firstOf([...value], inner) };
  if (value instanceof Error) return errorPicture(value, inner);
  if (value instanceof ArrayBuffer) return `(ArrayBuffer) ${value.byteLength} bytes`;
  if (ArrayBuffer.isView(value)) return `(${value.constructor.name}) ${value.byteLength} bytes`;
  return recordPicture(value, inner);
}

function recordPicture(value: object, inner: (item: unknown) => unknown): unknown {
  const entries = Object.entries(value);
  const shown = entries.slice(0, MOST_ENTRIES).map(([key, item]) => [cut(key), inner(item)] as const);
  const missing = entries.length - shown.length;
  return Object.fromEntries(missing > 0 ? [...shown, ["…", `${missing} more`]] : shown);
}

function errorPicture(error: Error, inner: (item: unknown) => unknown): unknown {
  return {
    [cut(error.name)]: cut(error.message),
    ...(error.stack ? { stack: cut(error.stack) } : {}),
    ...(error.cause === undefined ? {} : { cause: inner(error.cause) }),
  };
}

function firstOf<Item>(items: Item[], show: (item: Item) => unknown): unknown[] {
  const shown: unknown[] = items.slice(0, MOST_ENTRIES).map(show);
  if (items.length > MOST_ENTRIES) shown.push(`… ${items.length - MOST_ENTRIES} more`);
  return shown;
}

/** Decimal digits take a time that grows with the square of their number; those of base 16 do not. */
function digits(value: bigint): string {
  if (BigInt.asIntN(LONGEST_INTEGER, value) === value) return value.toString();
  const text = value.toString(16);
  const sign = text.startsWith("-") ? "-" : "";
  return `${sign}0x${cut(text.slice(sign.length))}`;
}

function cut(text: string): string {
  return text.length <= LONGEST_TEXT
    ? text
    : `${text.slice(0, LONGEST_TEXT)}… ${plural(text.length - LONGEST_TEXT, "more character")}`;
}
