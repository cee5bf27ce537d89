import { setTimeout as sleep } from "node:timers/promises";

/** Between two looks, ms; the first ones follow each other faster. */
const LONGEST_PAUSE = 30;

/** What is left of a type when its value counts as true. */
type Truthy<Value> = Exclude<Value, null | undefined | false | 0 | "">;

/**
 * Waits until `condition` gives something truthy, and returns it. For what sends no signal to wait on.
 *
 * @param options.timeout - Milliseconds. @defaultValue 90000
 * @param options.what - Named in the error when it does not happen in time.
 */
export async function until<Value>(
  condition: () => Value | Promise<Value>,
  options: { timeout?: number; what?: string } = {},
): Promise<Truthy<Value>> {
  const { timeout = 90_000, what = condition.toString() } = options;
  const started = performance.now();
  const deadline = started + timeout;
  for (;;) {
    let last: unknown;
    try {
      const value = await condition();
      if (value) return value as Truthy<Value>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const shown = last instanceof Error ? `it threw ${last.message}` : `the last value was ${String(last)}`;
      throw new Error(`did not happen within ${timeout} ms: ${what}; ${shown}`, { cause: last });
    }
    // Most conditions ask Redis or the system: what takes seconds is not asked for a hundred times a second.
    await sleep(Math.min(LONGEST_PAUSE, 10 + (performance.now() - started) / 50));
  }
}
