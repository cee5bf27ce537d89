import { UsageError } from "../failure/usage-error.ts";

const UNITS: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 },
};

/**
 * A parser of commander for an option that is a time: how long ago (`24h`), a date or time as ISO 8601 has it, in the zone of
 * this machine unless it names one, or ms since the epoch.
 * @returns ms since the epoch
 */
export function moment(option: string, now: () => number = Date.now): (text: string) => number {
  return reader(option, { now, ahead: -1 });
}

/** The same for times to come: `24h` is in 24 hours. */
export function futureMoment(option: string): (text: string) => number {
  return reader(option, { now: Date.now, ahead: 1 });
}

function reader(option: string, { now, ahead }: { now: () => number; ahead: 1 | -1 }): (text: string) => number {
  return (text) => {
    const span = readSpan(text.trim());
    const time = Number.isFinite(span) ? now() + ahead * span : parse(text.trim());
    if (Number.isFinite(time)) return time;
    const relative = ahead === 1 ? "how long from now" : "how long ago";
    throw new UsageError(
      `${option} must be ${relative} (90s, 30m, 24h, 7d), a date or time (2026-11-27, 2026-11-27T03:00, ` +
        `2026-11-27T03:00:00Z), or ms since the epoch; got "${text}"`,
    );
  };
}

/** The milliseconds of `90s`, `24h` or `7d`; NaN for anything else. */
export function readSpan(text: string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text) ?? [];
  return Number(amount) * (UNITS[unit] ?? Number.NaN);
}

function parse(text: string): number {
  if (/^\d{9,16}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d{2}-\d{2}([T ]|$)/.test(text)) return Number.NaN;
  // Of a date without a time, JavaScript takes the zone for UTC.
  return Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T"));
}
