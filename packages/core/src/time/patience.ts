import { got, nearNames, ValueError } from "../errors/index.ts";
import type { Milliseconds } from "./milliseconds.ts";
import { timeLimit, type WaitOptions } from "./wait.ts";

/**
 * How to wait, the last argument of everything that waits: `false` = one look, `true` or nothing = without a limit, or
 * options.
 */
export type Patience = boolean | BlockOptions;

export interface BlockOptions extends WaitOptions {
  /**
   * false = one look; `timeout` is ignored.
   * @defaultValue true
   */
  block?: boolean | undefined;
}

/** Names of the options, for checks of arguments. */
export const PATIENCE: { readonly [Name in keyof BlockOptions]-?: true } = { block: true, timeout: true, signal: true };
const NAMES: readonly string[] = Object.keys(PATIENCE);

/**
 * What that means: ms, 0 or less = one look, Infinity = without a limit.
 * @throws ValueError for a timeout that is no number, a signal that is none, and for something else than a Patience
 */
export function toLimit(patience: Patience | undefined): { limit: Milliseconds; signal: AbortSignal | undefined } {
  if (patience === undefined || patience === null || patience === true) return { limit: Infinity, signal: undefined };
  if (patience === false) return { limit: 0, signal: undefined };
  if (typeof patience !== "object") {
    throw new ValueError(`how to wait is true, false or { block, timeout, signal }; got ${got(patience)}`);
  }
  for (const name of Object.keys(patience)) {
    if (NAMES.includes(name)) continue;
    const [near] = nearNames(name, NAMES);
    const advice = near === undefined ? `it takes ${NAMES.join(", ")}` : `did you mean ${near}?`;
    throw new ValueError(`a wait has no option ${got(name)}; ${advice}`);
  }
  const { block, signal } = patience;
  if (block !== undefined && block !== null && typeof block !== "boolean") {
    throw new ValueError(`block must be true or false; got ${got(block)}`);
  }
  if (signal !== undefined && signal !== null && !isSignal(signal)) {
    throw new ValueError(`signal must be an AbortSignal, such as that of an AbortController; got ${got(signal)}`);
  }
  const limit = timeLimit(patience);
  return { limit: block === false ? 0 : limit, signal: signal ?? undefined };
}

/** As {@link toLimit}, where Python takes the time limit alone. @param wait - Also ms. */
export function toTimedLimit(wait: Milliseconds | Patience | undefined): ReturnType<typeof toLimit> {
  return toLimit(typeof wait === "number" ? { timeout: wait } : wait);
}

/** The opposite of {@link toLimit}. @param limit - ms; 0 or less = one look, Infinity = without a limit */
export function toPatience(limit: Milliseconds, signal: AbortSignal | undefined): BlockOptions {
  return { timeout: limit === Number.POSITIVE_INFINITY ? undefined : limit, signal };
}

/** Also one of another realm, such as a test runner's. */
function isSignal(signal: unknown): signal is AbortSignal {
  return signal instanceof AbortSignal || Object.prototype.toString.call(signal) === "[object AbortSignal]";
}
