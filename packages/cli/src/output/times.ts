const UNITS: readonly [name: string, length: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];

/** `3m 20s`, `1.4s`, `12ms`: two units at most. */
export function duration(milliseconds: number | null): string {
  if (milliseconds === null) return "-";
  if (milliseconds < 1_000) return `${Math.round(milliseconds)}ms`;
  if (milliseconds < 10_000) return `${(milliseconds / 1_000).toFixed(1)}s`;
  const first = UNITS.findIndex(([, length]) => milliseconds >= length);
  const [unit, rest] = [UNITS[first], UNITS[first + 1]];
  if (!unit) return `${Math.round(milliseconds)}ms`;
  const whole = Math.floor(milliseconds / unit[1]);
  const left = rest ? Math.floor((milliseconds % unit[1]) / rest[1]) : 0;
  return rest && left > 0 ? `${whole}${unit[0]} ${left}${rest[0]}` : `${whole}${unit[0]}`;
}

/** `20s ago`, `in 3m`. */
export function relative(time: number | null, now: number = Date.now()): string {
  if (time === null) return "-";
  const age = now - time;
  if (Math.abs(age) < 1_000) return "now";
  return age > 0 ? `${duration(age)} ago` : `in ${duration(-age)}`;
}

/** `2026-03-01 10:20:30 (5m ago)` */
export function moment(time: number | null): string {
  if (time === null) return "-";
  const date = new Date(time);
  // Other writers of jobs may write times that are invalid.
  if (Number.isNaN(date.getTime())) return `${time} ms, which is not a date`;
  const text = date.toISOString().replace("T", " ").slice(0, 19);
  return `${text}Z (${relative(time)})`;
}

/** `83 MB` */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`;
}
