import type { Milliseconds } from "./milliseconds.ts";
import { type TimerOptions, waitWith } from "./wait.ts";

/**
 * Waits for `work` for `limit` ms at most. What it does is not ended with the wait, and a later failure of it is ignored.
 * Nothing stays behind at the signal, as it would at a promise that a race is run against.
 *
 * @returns undefined when the time was over first
 * @throws what `work` throws; the signal's reason
 */
export async function within<Value>(
  work: Promise<Value>,
  limit: Milliseconds,
  options: TimerOptions = {},
): Promise<{ value: Value } | undefined> {
  if (limit === Number.POSITIVE_INFINITY && !options.signal) return { value: await work };
  let outcome: { value: Value } | { error: unknown } | undefined;
  await waitWith(Math.max(0, limit), options, (done) => {
    work.then(
      (value) => {
        outcome = { value };
        done();
      },
      (error: unknown) => {
        outcome = { error };
        done();
      },
    );
    return () => {};
  });
  if (!outcome && limit > 0) await whatHasArrived();
  if (outcome && "error" in outcome) throw outcome.error;
  return outcome;
}

/**
 * A program that was held up for longer than a limit finds its timers over before it reads what came meanwhile: one turn
 * reads it, a second one hands it on.
 */
async function whatHasArrived(): Promise<void> {
  await new Promise((resolve) => nextTurn(resolve));
  await new Promise((resolve) => nextTurn(resolve));
}

/** The real one, also where a test has put false timers in the place of the global ones since. */
const nextTurn = setImmediate;

/**
 * As {@link within}, for work of which only the end matters, not the outcome, such as what needs Redis while that is
 * away.
 * @returns false when the time was over, or the signal aborted, first
 */
export async function settledWithin(
  work: Promise<unknown>,
  limit: Milliseconds,
  options: TimerOptions = {},
): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return (await within(settled, limit, options)) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Waits for `work` until the signal aborts. Unlike a race against a promise that lives for long, it leaves nothing behind.
 * @returns undefined when the signal aborted first
 * @throws what `work` throws
 */
export async function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<{ value: Value } | undefined> {
  try {
    return await within(work, Number.POSITIVE_INFINITY, { signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
