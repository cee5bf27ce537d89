import { type BackoffFunction, failureSummary, LONGEST_DURATION } from "@manyhands/core/child";

/** How long to wait before the next attempt, ms; or why the task's function does not say. */
export type ComputedDelay = { delay: number; problem?: never } | { delay?: never; problem: string };

/** Asks the function of a task. What it throws, or gives that is no time, loses no call: the host has another time then. */
export function computeDelay(backoff: BackoffFunction, attempt: number, thrown: unknown): ComputedDelay {
  let delay: unknown;
  try {
    delay = backoff(attempt, thrown);
  } catch (error) {
    const { name, message } = failureSummary(error);
    return { problem: `threw ${name}: ${message}` };
  }
  if (typeof delay === "number" && delay >= 0 && delay <= LONGEST_DURATION) return { delay: Math.round(delay) };
  // Nothing waits for it.
  if (delay instanceof Promise) delay.catch(() => {});
  return { problem: `gave ${describe(delay)}, which is no number of milliseconds from 0` };
}

function describe(value: unknown): string {
  if (value instanceof Promise) return "a promise";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
