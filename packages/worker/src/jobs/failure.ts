import { encode, encodeError, type UnitAnswer } from "@manyhands/core/internal";
import { UnrecoverableError } from "bullmq";
import type { FailureReport } from "../child/messages.ts";

/** Where an error came from, kept with it. */
export interface Origin {
  host: string;
  pid: number;
  taskId: string;
}

/** Describes an error that the host itself gives as an answer. */
export function describeFailure(error: Error, origin: Origin, retry: boolean): FailureReport {
  return {
    name: error.name,
    message: error.message,
    stack: error.stack ?? "",
    error: encodeError(error, origin),
    retry,
  };
}

/** The answers of several units that fail for one reason. */
export function failureAnswers(units: Iterable<number>, failure: FailureReport): Uint8Array {
  return encode([...units].map((unit): UnitAnswer => [unit, 0, failure.error, 0]));
}

/** Names and messages by which BullMQ recognises errors of its own; a task may throw the same by chance. */
const RESERVED = new Set([
  "DelayedError",
  "WaitingError",
  "WaitingChildrenError",
  "UnrecoverableError",
  "RateLimitError",
]);

/**
 * What BullMQ is told about a failed job.
 * @param isFinal - No further attempt, also if the job's options allow one.
 */
export function toJobError(failure: FailureReport, isFinal: boolean): Error {
  const message = failure.message.startsWith("bullmq:") ? `(${failure.message})` : failure.message;
  const error = isFinal ? new UnrecoverableError(message) : new Error(message);
  if (!isFinal && !RESERVED.has(failure.name)) error.name = failure.name;
  error.stack = failure.stack;
  failures.set(error, failure);
  return error;
}

const failures = new WeakMap<object, FailureReport>();

/** What the task threw, behind the error that BullMQ was told. */
export function failureBehind(error: unknown): FailureReport | undefined {
  return typeof error === "object" && error !== null ? failures.get(error) : undefined;
}
