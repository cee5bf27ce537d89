import type { Milliseconds } from "./milliseconds.ts";
import { type TimerOptions, waitWith } from "./wait.ts";

/**
 * Does nothing for so long, never shorter. Infinity ends with the signal alone.
 * @throws the signal's reason
 */
export async function pause(milliseconds: Milliseconds, options: TimerOptions = {}): Promise<void> {
  await waitWith(milliseconds, options, () => () => {});
}
