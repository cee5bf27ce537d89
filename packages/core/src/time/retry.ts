import type { Milliseconds } from "./milliseconds.ts";
import { pause } from "./pause.ts";
import type { TimerOptions } from "./wait.ts";

/** How the pauses between tries grow: they double, up to the longest. */
export interface BackOff {
  /** After the first failure. */
  first: Milliseconds;
  longest: Milliseconds;
  /**
   * Part of each pause that is left to chance, 0 to 1, so that those that failed together do not try together again.
   * @defaultValue 0
   */
  jitter?: number;
}

export interface RetryOptions extends BackOff, TimerOptions {
  /** Tells after each failure, the first of which is number 1, whether another try is of no use. */
  isFinal: (error: unknown, failures: number) => boolean;
}

/** Pause before the next try, ms. @param failures - In a row, at least 1. */
export function backOff(failures: number, { first, longest, jitter = 0 }: BackOff): Milliseconds {
  const full = Math.min(longest, first * 2 ** (failures - 1));
  return full * (1 - jitter * Math.random());
}

/**
 * Tries until it succeeds, with growing pauses.
 * @throws the first error that is final; the signal's reason
 */
export async function retry<Value>(attempt: () => Promise<Value>, options: RetryOptions): Promise<Value> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (options.isFinal(error, failures)) throw error;
      await pause(backOff(failures, options), options);
    }
  }
}

/** Between two tries of a change that another one came before: short, and of random length, so that those who meet come apart. */
const CONTENTION: BackOff = { first: 2, longest: 50, jitter: 1 };

/** @param attempt - From 0: the first try needs no pause. */
export async function pauseBeforeRetry(attempt: number): Promise<void> {
  if (attempt > 0) await pause(backOff(attempt, CONTENTION));
}
