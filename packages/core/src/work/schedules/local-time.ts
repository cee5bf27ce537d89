import { got, ValueError } from "../../errors/index.ts";

const DAY = 86_400_000;

/** Formats by time zone: making one takes much longer than using it. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws ValueError for a name that is no time zone */
export function assertTimeZone(name: unknown): asserts name is string {
  if (typeof name === "string" && name !== "" && isTimeZone(name)) return;
  throw new ValueError(`timeZone must be a name of the time zone database, such as "Europe/Berlin"; got ${got(name)}`);
}

function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** Clocks of a zone that show the same at both ends of so short a time have not been changed in between, ms. */
const SHORT = 900_000;
/** Offsets of such times by zone; of a zone so many are kept. */
const offsets = new Map<string, Map<number, number | null>>();
const MOST_OFFSETS = 200;

/** What clocks of a zone show less UTC at an instant, ms. */
export function offsetAt(instant: number, timeZone: string): number {
  const from = Math.floor(instant / SHORT);
  const known = offsets.get(timeZone) ?? new Map<number, number | null>();
  offsets.set(timeZone, known);
  let offset = known.get(from);
  if (offset === undefined) {
    const before = shownOffset(from * SHORT, timeZone);
    offset = shownOffset((from + 1) * SHORT, timeZone) === before ? before : null;
    if (known.size >= MOST_OFFSETS) known.clear();
    known.set(from, offset);
  }
  return offset ?? shownOffset(instant, timeZone);
}

function shownOffset(instant: number, timeZone: string): number {
  const shown = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of formatOf(timeZone).formatToParts(instant)) {
    if (type in shown) shown[type as keyof typeof shown] = Number(value);
  }
  const { year, month, day, hour, minute, second } = shown;
  // Instants are whole seconds here, apart from their rest, which both sides have.
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  return local - Math.floor(instant / 1_000) * 1_000;
}

/**
 * The instant at which the clocks of a zone show a local time for the first time. Where they never do, because they are put
 * forward, the first instant afterwards.
 * @param local - The local time as if it were UTC, epoch ms, whole seconds
 */
export function instantOf(local: number, timeZone: string): number {
  const before = offsetAt(local - DAY, timeZone);
  const after = offsetAt(local + DAY, timeZone);
  const instants = [local - before, local - after].filter((instant) => instant + offsetAt(instant, timeZone) === local);
  if (instants.length > 0) return Math.min(...instants);
  return changeBetween(local - Math.max(before, after), local - Math.min(before, after), timeZone);
}

/** The first instant after `from` with another offset than there; `to` has another one. Whole seconds. */
export function changeBetween(from: number, to: number, timeZone: string): number {
  const offset = offsetAt(from, timeZone);
  let same = from;
  let other = to;
  while (other - same > 1_000) {
    const middle = Math.floor((same + other) / 2_000) * 1_000;
    if (offsetAt(middle, timeZone) === offset) same = middle;
    else other = middle;
  }
  return other;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone, calendar: "gregory", numberingSystem: "latn", hourCycle: "h23" },
    ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  });
  formats.set(timeZone, format);
  return format;
}
