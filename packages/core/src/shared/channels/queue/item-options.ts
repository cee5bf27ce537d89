import { assertOptions, optionsOf } from "../../../checks/index.ts";
import { got, ValueError } from "../../../errors/index.ts";
import type { BlockOptions, Patience } from "../../../session/waiting/index.ts";
import type { Milliseconds } from "../../../time/index.ts";

/** Options of a `put`: how to wait for room, and when and in which order the item is taken. */
export interface PutOptions extends BlockOptions {
  /**
   * The item can be taken after this time, ms, by the clock of Redis. It counts for `qsize()` and the limit at once.
   * @defaultValue 0
   */
  delay?: Milliseconds | undefined;
  /**
   * A whole number: items of a higher priority are taken first, those of the same one in the order in which they were put (of
   * delayed ones: became due).
   * @defaultValue 0
   */
  priority?: number | undefined;
  /**
   * A key: while an item with it is in the queue, another one is dropped, and its `put` resolves to false. The key is free
   * again when the item is taken; in a JoinableQueue, when it is done.
   */
  unique?: string | undefined;
}

/** How a put waits for room, with the options of the item. */
export type PutPatience = Patience | PutOptions;

/** What a put tells Redis of its item. */
export interface ItemOptions {
  /** Whole ms. */
  delay: Milliseconds;
  priority: number;
  unique: string | undefined;
}

/** 100 years. */
const LONGEST_DELAY: Milliseconds = 100 * 365 * 86_400_000;
/** Most characters of a unique key. */
const LONGEST_KEY = 1_024;

const PUT_OPTIONS = optionsOf<PutOptions>({
  block: true,
  timeout: true,
  signal: true,
  delay: true,
  priority: true,
  unique: true,
});

/**
 * Tells the options of the item from those of the wait.
 * @returns `options`: undefined where none of them changes anything
 * @throws ValueError for a bad one
 */
export function toItemOptions(given: PutPatience | undefined): {
  patience: Patience | undefined;
  options: ItemOptions | undefined;
} {
  if (typeof given !== "object" || given === null) return { patience: given, options: undefined };
  assertOptions("a put", given, PUT_OPTIONS);
  const { delay, priority, unique, ...patience }: PutOptions = given;
  assertItemOptions(delay ?? 0, priority ?? 0, unique ?? undefined);
  if (!delay && !priority && (unique ?? undefined) === undefined) return { patience, options: undefined };
  const options = { delay: Math.ceil(delay ?? 0), priority: (priority ?? 0) + 0, unique: unique ?? undefined };
  return { patience, options };
}

function assertItemOptions(delay: unknown, priority: unknown, unique: unknown): void {
  if (typeof delay !== "number" || !(delay >= 0 && delay <= LONGEST_DELAY)) {
    throw new ValueError(`delay must be a number of ms from 0 to ${LONGEST_DELAY}; got ${got(delay)}`);
  }
  if (!Number.isSafeInteger(priority)) {
    throw new ValueError(`priority must be a whole number, higher ones are taken first; got ${got(priority)}`);
  }
  if (unique === undefined) return;
  if (typeof unique !== "string" || unique === "" || unique.length > LONGEST_KEY) {
    throw new ValueError(`unique must be a text of 1 to ${LONGEST_KEY} characters; got ${got(unique)}`);
  }
}

/** First character of an item that was put with options, and the last one of what stands before the item itself. */
const MARK = "\u0005";

/** The item itself. */
export function withoutOptions(text: string): string {
  return text.startsWith(MARK) ? text.slice(text.indexOf(MARK, 1) + 1) : text;
}
