import { encodeError, failureSummary, type RemoteOrigin } from "@manyhands/core/child";
import type { FailureReport } from "./messages.ts";

/** Errors that another attempt cannot cure, by name, so that a second copy of this package counts as well. */
const FINAL_ERRORS: ReadonlySet<string> = new Set([
  "UnrecoverableError",
  "ValidationError",
  "SerializationError",
  "PayloadTooLargeError",
  "TaskNotFoundError",
  "CancelledError",
]);

/** What people, and the decision to retry, get to know of a failed call. */
export function failureReport(thrown: unknown, origin: RemoteOrigin): FailureReport {
  const { name, message, stack } = failureSummary(thrown);
  return { name, message, stack, error: encodeError(thrown, origin), retry: !FINAL_ERRORS.has(name) };
}

/** The fields of every other message that carries an error. */
export function encodedError(thrown: unknown, hostName: string): { error: Uint8Array; message: string } {
  return {
    error: encodeError(thrown, { host: hostName, pid: process.pid }),
    message: failureSummary(thrown).message,
  };
}
