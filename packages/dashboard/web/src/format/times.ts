import { currentSettings, zoneOf } from "../settings.ts";
import { words } from "../words/index.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in ms: `0.4 s`, `12 s`, `9 min 28 s`, `2 h 10 min`, `4 d 1 h`. */
export function duration(ms: number): string {
  const { units } = words().common;
  if (ms < 1) return `0 ${units.millisecond}`;
  if (ms < 100) return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ${units.millisecond}`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} ${units.second}`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} ${units.second}`;
  if (ms < HOUR) return pair(ms, [MINUTE, units.minute], [SECOND, units.second]);
  if (ms < DAY) return pair(ms, [HOUR, units.hour], [MINUTE, units.minute]);
  return pair(ms, [DAY, units.day], [HOUR, units.hour]);
}

/** For what ticks: without parts of a second. */
export function wholeDuration(ms: number): string {
  if (ms < SECOND) return `0 ${words().common.units.second}`;
  return ms < MINUTE ? `${Math.floor(ms / SECOND)} ${words().common.units.second}` : duration(ms);
}

function pair(ms: number, [large, largeUnit]: [number, string], [small, smallUnit]: [number, string]): string {
  const many = Math.floor(ms / large);
  const rest = Math.floor((ms % large) / small);
  return rest === 0 ? `${many} ${largeUnit}` : `${many} ${largeUnit} ${rest} ${smallUnit}`;
}

/** `02:41:08`, in the zone of the settings. */
export function clockTime(epoch: number): string {
  return format(epoch, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

/** `02:41`, in the zone of the settings. */
export function shortTime(epoch: number): string {
  return format(epoch, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** `02:41:08` on the day of `now`, else with the day: `Thu 26 Nov 02:41`. */
export function moment(epoch: number, now: number): string {
  const day = { weekday: "short", day: "numeric", month: "short" } as const;
  if (format(epoch, day) === format(now, day)) return clockTime(epoch);
  return `${format(epoch, day)} ${shortTime(epoch)}`;
}

/** The exact time with its zone, for a title: `2026-11-28 02:29:41.120 UTC`. */
export function exactTime(epoch: number): string {
  const date = format(epoch, { year: "numeric", month: "2-digit", day: "2-digit" }, "en-CA");
  const zone = new Intl.DateTimeFormat("en", { timeZone: zoneOf(currentSettings()), timeZoneName: "short" })
    .formatToParts(epoch)
    .find(({ type }) => type === "timeZoneName")?.value;
  const milliseconds = String(Math.floor(epoch) % 1_000).padStart(3, "0");
  return `${date} ${clockTime(epoch)}.${milliseconds} ${zone ?? ""}`.trim();
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(epoch: number, options: Intl.DateTimeFormatOptions, locale?: string): string {
  const settings = currentSettings();
  const language = locale ?? (settings.language === "zh" ? "zh-CN" : "en-GB");
  const key = JSON.stringify([language, settings.timeZone, options]);
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(language, { ...options, timeZone: zoneOf(settings) });
    formats.set(key, made);
  }
  return made.format(epoch).replace(/,/g, "");
}
