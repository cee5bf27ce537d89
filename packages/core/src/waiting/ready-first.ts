import {
  ANSWER_LIMIT,
  type BlockOptions,
  beforeDeadline,
  type Patience,
  toLimit,
  toPatience,
} from "./wait-for-turn.ts";

/**
 * Waits until something is ready and then for what is wanted, both within one patience.
 *
 * @returns undefined when the time was over before it was ready
 * @throws the signal's reason; what `ready` and `wait` throw
 */
export async function readyFirst<Value>(
  ready: Promise<unknown>,
  patience: Patience,
  wait: (left: BlockOptions) => Promise<Value>,
): Promise<Value | undefined> {
  const { limit, signal } = toLimit(patience);
  const deadline = performance.now() + (limit > 0 ? limit : ANSWER_LIMIT);
  if ((await beforeDeadline(ready, { deadline, signal })) === undefined) return undefined;
  return wait(toPatience(limit > 0 ? Math.max(0, deadline - performance.now()) : 0, signal));
}
