import { type AnyTask, encodeError, failureSummary, type RemoteOrigin } from "@manyhands/core/child";
import { computeDelay } from "./compute-delay.ts";
import type { FailureReport } from "./messages.ts";

/** Errors that another attempt cannot cure, by name, so that a second copy of this package counts as well. */
const FINAL_ERRORS: ReadonlySet<string> = new Set([
  "UnrecoverableError",
  "NonRetryableError",
  "ValidationError",
  "SerializationError",
  "PayloadTooLargeError",
  "TaskNotFoundError",
  "CancelledError",
]);

/** What the decision to retry depends on besides the error. */
export interface RetryFacts {
  task: AnyTask | undefined;
  /** Attempts that have failed with this one. */
  attempt: number;
  /** Another attempt may follow. */
  hasTriesLeft: boolean;
}

/** What people, and the decision to retry, get to know of a failed call. */
export function failureReport(thrown: unknown, origin: RemoteOrigin, facts?: RetryFacts): FailureReport {
  const { name, message, stack } = failureSummary(thrown);
  const names = namesOf(thrown, name);
  const retry = !names.some((one) => FINAL_ERRORS.has(one)) && !isFatal(thrown, names, facts?.task);
  const report = { name, message, stack, error: encodeError(thrown, origin), retry };
  const backoff = facts?.task?.options.backoff;
  if (!retry || !facts?.hasTriesLeft || typeof backoff !== "function") return report;
  return { ...report, ...computeDelay(backoff, facts.attempt, thrown) };
}

/** The fields of every other message that carries an error. */
export function encodedError(thrown: unknown, hostName: string): { error: Uint8Array; message: string } {
  return {
    error: encodeError(thrown, { host: hostName, pid: process.pid }),
    message: failureSummary(thrown).message,
  };
}

function isFatal(thrown: unknown, names: readonly string[], task: AnyTask | undefined): boolean {
  const { fatal = [] } = task?.options ?? {};
  return fatal.some((one) => names.includes(typeof one === "string" ? one : one.name) || isOf(thrown, one));
}

function isOf(thrown: unknown, one: unknown): boolean {
  return typeof one === "function" && thrown instanceof one;
}

/** The name of the error, and those of the classes that it is of. */
function namesOf(thrown: unknown, name: string): string[] {
  const names = [name];
  if (typeof thrown !== "object" || thrown === null) return names;
  try {
    for (let of: unknown = Object.getPrototypeOf(thrown); of; of = Object.getPrototypeOf(of)) {
      const { constructor: made } = of as { constructor?: unknown };
      if (typeof made === "function" && made !== Object) names.push(made.name);
    }
  } catch {
    // A proxy may refuse: it has its name alone.
  }
  return names;
}
