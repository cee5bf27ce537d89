/** A narrow space that does not break a line. */
const NARROW = "\u202f";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** A whole number with spaces between thousands: `12 431`. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, NARROW);
}

/** Bytes: `3.1 GiB`. */
export function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${significant(value / 1_024 ** power)}${NARROW}${UNITS[power]}`;
}

/** A share of 1: `61 %`. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 1 ? "<1" : Math.round(value)}${NARROW}%`;
}

/** A number of a measurement, with about two significant digits: `0.6`, `3.1`, `192`. */
export function significant(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return count(value);
  return value >= 10 ? value.toFixed(0) : value.toFixed(1);
}
