import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { nextCronTime, parseCron } from "../../../src/work/schedules/cron.ts";

/** The first times of an expression after a moment. */
function times(cron: string, after: string, { zone = "UTC", count = 3 } = {}): string[] {
  const found: string[] = [];
  let at: number | null = Date.parse(after);
  while (found.length < count) {
    at = nextCronTime(parseCron(cron), at, zone);
    if (at === null) break;
    found.push(new Date(at).toISOString().replace(":00.000Z", "Z"));
  }
  return found;
}

describe("a cron expression", () => {
  test.each([
    ["30 4 * * *", ["2026-01-01T04:30Z", "2026-01-02T04:30Z", "2026-01-03T04:30Z"]],
    ["*/20 * * * *", ["2026-01-01T00:20Z", "2026-01-01T00:40Z", "2026-01-01T01:00Z"]],
    ["0 9-17/4 * * mon-fri", ["2026-01-01T09:00Z", "2026-01-01T13:00Z", "2026-01-01T17:00Z"]],
    ["0 0 1,15 * *", ["2026-01-15T00:00Z", "2026-02-01T00:00Z", "2026-02-15T00:00Z"]],
    // Both days restricted: one of them is enough.
    ["0 0 13 * fri", ["2026-01-02T00:00Z", "2026-01-09T00:00Z", "2026-01-13T00:00Z"]],
    ["0 12 29 feb *", ["2028-02-29T12:00Z", "2032-02-29T12:00Z", "2036-02-29T12:00Z"]],
    ["0 0 * * 7", ["2026-01-04T00:00Z", "2026-01-11T00:00Z", "2026-01-18T00:00Z"]],
    ["0 0 * * fri-sun", ["2026-01-02T00:00Z", "2026-01-03T00:00Z", "2026-01-04T00:00Z"]],
    ["@monthly", ["2026-02-01T00:00Z", "2026-03-01T00:00Z", "2026-04-01T00:00Z"]],
    ["*/30 0 0 * * *", ["2026-01-01T00:00:30.000Z", "2026-01-02T00:00Z", "2026-01-02T00:00:30.000Z"]],
    ["0 0 31 2 *", []],
  ])("%s", (cron, expected) => {
    expect(times(cron, "2026-01-01T00:00:00Z")).toEqual(expected);
  });

  test("runs at the next time that exists where clocks are put forward, once where they are put back", () => {
    const zone = "Europe/Berlin";
    expect(times("30 2 * * *", "2026-03-28T12:00:00Z", { zone, count: 2 })).toEqual([
      "2026-03-29T01:00Z",
      "2026-03-30T00:30Z",
    ]);
    expect(times("30 2 * * *", "2026-10-24T12:00:00Z", { zone, count: 2 })).toEqual([
      "2026-10-25T00:30Z",
      "2026-10-26T01:30Z",
    ]);
    // Midnight does not exist on that day in Santiago, and a quarter past two not on Lord Howe.
    expect(times("0 0 * * *", "2026-09-05T12:00:00Z", { zone: "America/Santiago", count: 1 })).toEqual([
      "2026-09-06T04:00Z",
    ]);
    expect(times("15 2 * * *", "2026-10-03T00:00:00Z", { zone: "Australia/Lord_Howe", count: 1 })).toEqual([
      "2026-10-03T15:30Z",
    ]);
    // A day that a zone has left out.
    expect(times("0 12 30 12 *", "2011-12-01T00:00:00Z", { zone: "Pacific/Apia", count: 1 })).toEqual([
      "2011-12-30T10:00Z",
    ]);
  });

  test.each([
    ["", /5 fields/],
    ["* * * *", /got 4/],
    ["60 * * * *", /the minute is a number from 0 to 59/],
    ["* 24 * * *", /the hour/],
    ["* * 0 * *", /the day of the month/],
    ["* * * 13 *", /the month .* or jan to dec/],
    ["* * * * 8", /the day of the week/],
    ["*/0 * * * *", /the minute/],
    ["5-3 * * * *", /got "5-3"/],
    ["1,,2 * * * *", /the minute/],
    ["L * * * *", /got "l"/],
    ["@often", /there is no "@often"/],
    [7, /must be a text/],
  ])("%j is refused", (cron, message) => {
    expect(() => parseCron(cron)).toThrow(message);
  });
});

const CRONS = [
  "30 2 * * *",
  "*/20 0-3 * * *",
  "0 0 * * *",
  "15,45 1,2,23 * * *",
  "0,59 * * * *",
  "10 3 */2 * *",
  "5 0 * * sun",
];

/** First and last year, such as "1975-2040" in `pnpm test:schedules`, which takes every zone then. */
const YEARS = process.env["MANYHANDS_CRON_YEARS"];
const [FIRST = 0, LAST = 0] = (YEARS ?? "2026-2027").split("-").map(Number);
const BEGIN = Temporal.Instant.from(`${FIRST}-01-01T00:00:00Z`);

test(`agrees with a calendar library in every time zone around each change of its clocks, ${FIRST} to ${LAST}`, () => {
  let changes = 0;
  for (const zone of YEARS === undefined ? zonesByRules() : Intl.supportedValuesOf("timeZone")) {
    let at = BEGIN.toZonedDateTimeISO(zone);
    while (true) {
      const next = at.getTimeZoneTransition("next");
      if (!next || next.year > LAST) break;
      at = next;
      changes += 1;
      // Three of them for each change, others for the next one.
      for (let place = 0; place < 3; place++) {
        const cron = CRONS[(changes * 3 + place) % CRONS.length] ?? "";
        const from = at.subtract({ hours: 30 });
        const until = at.add({ hours: 30 }).epochMilliseconds;
        const expected = timesByTemporal(cron, from, until);
        const found: number[] = [];
        let time: number | null = from.epochMilliseconds;
        while (true) {
          time = nextCronTime(parseCron(cron), time, zone);
          if (time === null || time > until) break;
          found.push(time);
        }
        expect(found, `${cron} in ${zone} around ${at}`).toEqual(expected);
      }
    }
  }
  expect(changes).toBeGreaterThan(100);
  if (YEARS !== undefined) console.log(`${changes} changes of clocks, three expressions around each`);
}, 3_600_000);

/** One zone of those that change their clocks alike. */
function zonesByRules(): string[] {
  const zones = new Map<string, string>();
  for (const zone of Intl.supportedValuesOf("timeZone")) {
    const rules: string[] = [];
    let at = BEGIN.toZonedDateTimeISO(zone);
    for (
      let next = at.getTimeZoneTransition("next");
      next && next.year <= LAST;
      next = at.getTimeZoneTransition("next")
    ) {
      rules.push(`${next.epochMilliseconds} ${next.offset}`);
      at = next;
    }
    zones.set(rules.join(), zone);
  }
  return [...zones.values()];
}

/** The same by another way: every minute of the calendar is looked at. */
function timesByTemporal(cron: string, from: Temporal.ZonedDateTime, until: number): number[] {
  const [minutes, hours, days, , weekdays] = cron.split(" ").map(meaning) as [
    Meaning,
    Meaning,
    Meaning,
    Meaning,
    Meaning,
  ];
  const found = new Set<number>();
  // Local times as if they were UTC; the library only says which instant each is.
  const first = Date.parse(`${from.toPlainDateTime().toString({ smallestUnit: "minute" })}Z`) - 86_400_000;
  // 60 hours, a day before them, and the longest gap: Apia had no 30 December 2011.
  for (let local = first; local < first + 5 * 86_400_000; local += 60_000) {
    const shown = new Date(local);
    if (!minutes(shown.getUTCMinutes()) || !hours(shown.getUTCHours())) continue;
    if (!days(shown.getUTCDate() - 1) || !weekdays(shown.getUTCDay())) continue;
    const plain = Temporal.PlainDateTime.from(shown.toISOString().slice(0, -1));
    const zoned = plain.toZonedDateTime(from.timeZoneId, { disambiguation: "earlier" });
    const exists = zoned.toPlainDateTime().equals(plain);
    const instant = exists ? zoned : zoned.getTimeZoneTransition("next");
    const at = instant?.epochMilliseconds ?? 0;
    if (at > from.epochMilliseconds && at <= until) found.add(at);
  }
  return [...found].sort((left, right) => left - right);
}

type Meaning = (value: number) => boolean;

/** Of the few forms that are used above. */
function meaning(field: string): Meaning {
  if (field === "*") return () => true;
  if (field === "sun") return (value) => value === 0;
  if (field.startsWith("*/")) return (value) => value % Number(field.slice(2)) === 0;
  const range = /^(\d+)-(\d+)$/.exec(field);
  if (range) return (value) => value >= Number(range[1]) && value <= Number(range[2]);
  const values = field.split(",").map(Number);
  // The day of the month is given from 0 on.
  return (value) => values.includes(value);
}
