import { UsageError } from "../failure/usage-error.ts";

/** A parser of commander for an option that is a whole number in a range; the message names the option. */
export function wholeNumber(
  option: string,
  range: { from: number; to?: number; unit?: string },
): (text: string) => number {
  const { from, to = Number.MAX_SAFE_INTEGER, unit } = range;
  const until = range.to === undefined ? `from ${from}` : `from ${from} to ${to}`;
  return (text) => {
    const number = /^-?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(number) && number >= from && number <= to) return number;
    throw new UsageError(`${option} must be a whole number ${until}${unit ? ` (${unit})` : ""}; got "${text}"`);
  };
}

/** A list in one word: `a,b`. */
export function commaList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
