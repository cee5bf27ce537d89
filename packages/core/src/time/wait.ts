import { ValueError } from "../errors/index.ts";
import { LongTimer } from "./long-timer.ts";
import type { Milliseconds } from "./milliseconds.ts";

/** How long a wait may take. */
export interface WaitOptions {
  /** Milliseconds; 0 or less = one look, absent = without a limit. */
  timeout?: Milliseconds | undefined;
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What a timer may be told. */
export interface TimerOptions {
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * false = the timer does not keep the program alive.
   * @defaultValue true
   */
  ref?: boolean;
}

/**
 * The time limit of a wait in ms; Infinity = none.
 * @throws ValueError unless it is a number or absent
 */
export function timeLimit({ timeout }: WaitOptions): Milliseconds {
  // Python's None comes as null from callers without types.
  if (timeout === undefined || timeout === null) return Number.POSITIVE_INFINITY;
  if (typeof timeout === "number" && !Number.isNaN(timeout)) return timeout;
  throw new ValueError(`timeout must be milliseconds; got ${String(timeout)}`);
}

/**
 * Waits until the callback given to `register` is called, for `limit` ms, or for the signal; what comes first counts,
 * and `register`'s return value is called at the same moment if it was not the callback. A signal that was aborted
 * before ends the wait at once.
 *
 * @returns whether it was called in time
 * @throws the signal's reason
 */
export function waitWith(
  limit: Milliseconds,
  { signal, ref = true }: TimerOptions,
  register: (done: () => void) => () => void,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let timer: LongTimer | undefined;
    const end = (): void => {
      timer?.clear();
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      forget();
      end();
      reject(signal?.reason);
    };
    const forget = register(() => {
      end();
      resolve(true);
    });
    if (limit !== Number.POSITIVE_INFINITY) {
      timer = new LongTimer(limit, () => {
        forget();
        end();
        resolve(false);
      });
      if (!ref) timer.unref();
    }
    signal?.addEventListener("abort", onAbort, { once: true });
    // A signal says it once: a listener that is added between two waits never hears it.
    if (signal?.aborted) onAbort();
  });
}
