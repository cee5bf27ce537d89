import { got, ValueError } from "../../../errors/index.ts";

/** A part of a list, as Python's `l[start:stop:step]`. */
export interface Slice {
  start?: number | undefined;
  stop?: number | undefined;
  step?: number | undefined;
}

/** @throws TypeError unless it is a whole number */
export function checkIndex(index: unknown, what: string = "an index"): number {
  if (typeof index === "number" && Number.isSafeInteger(index)) return index;
  throw new TypeError(`${what} must be a whole number; got ${got(index)}`);
}

/**
 * @throws ValueError unless it is a whole number from 1: with other numbers nothing, or the same items without end,
 * would come
 */
export function checkPageSize(size: unknown): void {
  if (Number.isSafeInteger(size) && (size as number) > 0) return;
  throw new ValueError(`the size of a page must be a whole number from 1; got ${got(size)}`);
}

/** First and last place as LRANGE wants them; null for a slice that is empty wherever the list ends. */
export function toRange({ start = 0, stop }: Slice): { first: number; last: number } | null {
  const first = checkIndex(start, "the start of a slice");
  if (stop === undefined) return { first, last: -1 };
  if (checkIndex(stop, "the stop of a slice") === 0) return null;
  return { first, last: stop - 1 };
}

/** Every `step`-th item of a slice of a list that is at hand, as Python picks them. @throws RangeError a step of 0 */
export function pick<Item>(items: readonly Item[], { start, stop, step = 1 }: Slice): Item[] {
  if (checkIndex(step, "the step of a slice") === 0) throw new RangeError("the step of a slice cannot be 0");
  const least = step > 0 ? 0 : -1;
  const most = step > 0 ? items.length : items.length - 1;
  const place = (index: number | undefined, absent: number): number => {
    if (index === undefined) return absent;
    return Math.max(least, Math.min(most, index < 0 ? index + items.length : index));
  };
  const from = place(start, step > 0 ? least : most);
  const to = place(stop, step > 0 ? most : least);
  const picked: Item[] = [];
  for (let index = from; step > 0 ? index < to : index > to; index += step) picked.push(items[index] as Item);
  return picked;
}
