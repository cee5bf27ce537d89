import { type BlockOptions, type Milliseconds, type Patience, toLimit, toPatience, within } from "../../time/index.ts";
import { ANSWER_LIMIT } from "./wait-for-turn.ts";

/**
 * Waits until something is ready and then for what is wanted, both within one patience. However short that is, both have
 * the time for an answer (see `waitForTurn`).
 *
 * @param first.answerTime - What hardly any answer of Redis exceeds, ms.
 * @returns undefined when the time was over before it was ready
 * @throws the signal's reason; what `ready` and `wait` throw
 */
export async function readyFirst<Value>(
  first: { ready: Promise<unknown>; answerTime: Milliseconds },
  patience: Patience,
  wait: (left: BlockOptions) => Promise<Value>,
): Promise<Value | undefined> {
  const { limit, signal } = toLimit(patience);
  const startedAt = performance.now();
  const readyIn = limit > 0 ? Math.max(limit, first.answerTime) : ANSWER_LIMIT;
  if ((await within(first.ready, readyIn, { signal })) === undefined) return undefined;
  return wait(toPatience(Math.max(0, limit - (performance.now() - startedAt)), signal));
}
