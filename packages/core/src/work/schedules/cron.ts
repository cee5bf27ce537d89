import { got, ValueError } from "../../errors/index.ts";
import { changeBetween, instantOf, offsetAt } from "./local-time.ts";

/** A cron expression, read: which values each field may have. */
export interface Cron {
  seconds: readonly number[];
  minutes: readonly number[];
  hours: readonly number[];
  days: ReadonlySet<number>;
  months: ReadonlySet<number>;
  /** 0 = Sunday. */
  weekdays: ReadonlySet<number>;
  /** Both the day of the month and that of the week are restricted: one of them is enough, as in cron since 1987. */
  isEitherDay: boolean;
}

interface Field {
  name: string;
  from: number;
  to: number;
  names?: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"] as const;
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const SECOND: Field = { name: "second", from: 0, to: 59 };
const MINUTE: Field = { name: "minute", from: 0, to: 59 };
const HOUR: Field = { name: "hour", from: 0, to: 23 };
const DAY: Field = { name: "day of the month", from: 1, to: 31 };
const MONTH: Field = { name: "month", from: 1, to: 12, names: MONTHS };
const WEEKDAY: Field = { name: "day of the week", from: 0, to: 7, names: WEEKDAYS };

/** Short words for usual expressions. */
const WORDS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Longest expression, characters. */
const LONGEST = 500;
/** 29 February comes after 8 years at the latest, around 2100. */
const SEARCHED_DAYS = 9 * 366;
const DAY_MS = 86_400_000;

/**
 * Reads a cron expression: minute, hour, day of the month, month, day of the week, and a second before them if there are six
 * fields; or a word such as `@daily`. A field is `*`, a number, a range `a-b`, steps of either (`a-b/n`), or a list of these.
 *
 * @throws ValueError saying which field is wrong
 */
export function parseCron(expression: unknown): Cron {
  if (typeof expression !== "string" || expression.length > LONGEST) {
    throw new ValueError(`cron must be a text such as "0 3 * * *"; got ${got(expression)}`);
  }
  const text = expression.trim().toLowerCase();
  const word = WORDS[text];
  if (word === undefined && text.startsWith("@")) {
    throw new ValueError(`cron: there is no ${got(expression)}; there are ${Object.keys(WORDS).join(", ")}`);
  }
  const fields = (word ?? text).split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    throw new ValueError(
      `cron has 5 fields (minute, hour, day of the month, month, day of the week), or 6 with a second before them; got ${fields.length} in ${got(expression)}`,
    );
  }
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields.slice(-5);
  const read = (field: Field, value: string): number[] => valuesOf(field, value, expression);
  return {
    seconds: fields.length === 6 ? read(SECOND, fields[0] ?? "") : [0],
    minutes: read(MINUTE, minute),
    hours: read(HOUR, hour),
    days: new Set(read(DAY, day)),
    months: new Set(read(MONTH, month)),
    weekdays: new Set(read(WEEKDAY, weekday).map((value) => value % 7)),
    isEitherDay: !isAny(day) && !isAny(weekday),
  };
}

/** `*` and `?`, also with a step: the field restricts no day by itself. */
function isAny(field: string): boolean {
  return field.startsWith("*") || field === "?";
}

function valuesOf(field: Field, text: string, expression: string): number[] {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(?:(\*|\?)|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:\/(\d+))?$/.exec(part);
    if (!match) throw wrong(field, part, expression);
    const [, any, first, last, step] = match;
    const every = step === undefined ? 1 : Number(step);
    if (every < 1) throw wrong(field, part, expression);
    const from = any ? field.from : numberOf(field, first ?? "", { part, expression });
    const to = endOf(field, { any, from, last, step }, { part, expression });
    if (from > to) throw wrong(field, part, expression);
    for (let value = from; value <= to; value += every) values.add(value);
  }
  return [...values].sort((left, right) => left - right);
}

function endOf(
  field: Field,
  {
    any,
    from,
    last,
    step,
  }: { any?: string | undefined; from: number; last?: string | undefined; step?: string | undefined },
  where: { part: string; expression: string },
): number {
  // Of the day of the week 0 and 7 are the same.
  if (any) return field === WEEKDAY ? 6 : field.to;
  if (last !== undefined) {
    const to = numberOf(field, last, where);
    // "fri-sun": the week ends with Sunday.
    return field === WEEKDAY && to === 0 && from > 0 ? 7 : to;
  }
  if (step === undefined) return from;
  return field === WEEKDAY ? 6 : field.to;
}

function numberOf(field: Field, text: string, { part, expression }: { part: string; expression: string }): number {
  const place = field.names?.indexOf(text.slice(0, 3)) ?? -1;
  if (place >= 0 && text.length === 3) return place + (field === MONTH ? 1 : 0);
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= field.from && value <= field.to) return value;
  throw wrong(field, part, expression);
}

function wrong(field: Field, part: string, expression: string): ValueError {
  const names = field.names ? ` or ${field.names[0]} to ${field.names.at(-1)}` : "";
  return new ValueError(
    `cron: the ${field.name} is a number from ${field.from} to ${field.to}${names}, *, a range a-b, steps */n or a list; got ${got(part)} in ${got(expression)}`,
  );
}

/**
 * The first time of a cron expression after an instant, by the clocks of a time zone. A local time that does not exist,
 * because clocks are put forward, is the first instant afterwards; one that comes twice is the first of both.
 * @param after - Epoch ms
 * @returns epoch ms; null when there is none within nine years
 */
export function nextCronTime(cron: Cron, after: number, timeZone: string): number | null {
  // Later local times never have earlier instants, so the search begins at the local time of `after`.
  let local = Math.floor((after + offsetAt(after, timeZone)) / 1_000) * 1_000;
  for (let looks = 0; ; looks++) {
    const found = nextLocal(cron, local);
    if (found === null) return null;
    const instant = instantOf(found, timeZone);
    if (instant > after) return instant;
    // The local time came for the second time, or is `after` itself; all until the clocks were put back have been as well.
    local = looks === 0 ? found + 1_000 : Math.max(found + 1_000, endOfRepetition(instant, after, timeZone));
  }
}

/** Where clocks were put back between two instants: the local time up to which everything came before. */
function endOfRepetition(from: number, to: number, timeZone: string): number {
  const offset = offsetAt(from, timeZone);
  if (offsetAt(to, timeZone) >= offset) return Number.NEGATIVE_INFINITY;
  return changeBetween(Math.floor(from / 1_000) * 1_000, Math.ceil(to / 1_000) * 1_000, timeZone) + offset;
}

/** The first local time at or after another that the expression means; both as if they were UTC. */
function nextLocal(cron: Cron, from: number): number | null {
  const firstDay = Math.floor(from / DAY_MS) * DAY_MS;
  for (let day = firstDay, count = 0; count <= SEARCHED_DAYS; day += DAY_MS, count++) {
    if (!isDayOf(cron, day)) continue;
    const time = nextTimeOfDay(cron, day === firstDay ? (from - day) / 1_000 : 0);
    if (time !== null) return day + time * 1_000;
  }
  return null;
}

function isDayOf(cron: Cron, day: number): boolean {
  const date = new Date(day);
  if (!cron.months.has(date.getUTCMonth() + 1)) return false;
  const isDay = cron.days.has(date.getUTCDate());
  const isWeekday = cron.weekdays.has(date.getUTCDay());
  return cron.isEitherDay ? isDay || isWeekday : isDay && isWeekday;
}

/** Seconds of the day. */
function nextTimeOfDay(cron: Cron, from: number): number | null {
  for (const hour of cron.hours) {
    if (hour < Math.floor(from / 3_600)) continue;
    for (const minute of cron.minutes) {
      const start = hour * 3_600 + minute * 60;
      if (start + 59 < from) continue;
      const second = cron.seconds.find((value) => start + value >= from);
      if (second !== undefined) return start + second;
    }
  }
  return null;
}
