import { LARGEST_BIN, LEAST_BIN, LONGEST_DURATION, MEASURES } from "@manyhands/core/child";
import type { FailureReport, FromChild } from "./messages.ts";

/** What is checked of each message before the host believes it. */
const CHECKS: ReadonlyMap<unknown, (message: Fields) => boolean> = new Map(
  Object.entries({
    files: ({ files }) => Array.isArray(files) && files.every(isLoadedFile),
    loaded: ({ tasks, pid }) => Array.isArray(tasks) && tasks.every(isAnnouncement) && isCount(pid),
    loadFailed: ({ error, message }) => isBytes(error) && isText(message),
    session: ({ id }) => isText(id),
    adopted: () => true,
    adoptFailed: ({ error, message, thrown }) => isBytes(error) && isText(message) && typeof thrown === "boolean",
    started: ({ jobId, unit, item }) => isText(jobId) && isCount(unit) && isCount(item),
    answers: ({ jobId, answers, units, failed, failure, json, isExact, done }) =>
      isText(jobId) &&
      isBytes(answers) &&
      Array.isArray(units) &&
      units.every(isCount) &&
      isCount(failed) &&
      (failure === undefined || isFailure(failure)) &&
      (failed === 0 || failure !== undefined) &&
      (json === undefined || isText(json)) &&
      (isExact === undefined || typeof isExact === "boolean") &&
      typeof done === "boolean",
    unheard: ({ jobId }) => isText(jobId),
    output: ({ jobId, unit, stream, text }) =>
      (jobId === null || isText(jobId)) &&
      Number.isInteger(unit) &&
      (stream === "stdout" || stream === "stderr") &&
      isText(text),
    log: ({ jobId, unit, line }) => isText(jobId) && isCount(unit) && isText(line),
    progress: ({ jobId, unit }) => isText(jobId) && isCount(unit),
    crashed: ({ error, message, jobId, unit }) =>
      isBytes(error) && isText(message) && (jobId === null || isText(jobId)) && (unit === null || isCount(unit)),
    measured: ({ what, bins, micros }) =>
      MEASURES.some((one) => one === what) && Array.isArray(bins) && bins.every(isBin) && isCount(micros),
    listens: ({ signals }) => Array.isArray(signals) && signals.every(isText),
    farewell: () => true,
  } satisfies { [Type in FromChild["type"]]: (message: Fields) => boolean }),
);

/**
 * Reads a message of a child. A child runs a user's code, which may send anything over the same channel.
 * @returns the message; null for one of the task's own; a text that says what is wrong with one that claims to be ours
 */
export function readFromChild(message: unknown): FromChild | string | null {
  if (typeof message !== "object" || message === null) return null;
  const { type } = message as { type?: unknown };
  const check = CHECKS.get(type);
  if (!check) return null;
  return check(message as Fields) ? (message as FromChild) : `it is not what a message "${String(type)}" holds`;
}

type Fields = { readonly [field: string]: unknown };

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A bin that there is, and how many fell into it. */
function isBin(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [bin, count] = value as unknown[];
  return Number.isInteger(bin) && (bin as number) >= LEAST_BIN && (bin as number) <= LARGEST_BIN && isCount(count);
}

function isAnnouncement(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, isolation, options, computesBackoff, schema } = value as Fields;
  if (schema !== undefined && (typeof schema !== "object" || schema === null)) return false;
  if (computesBackoff !== undefined && typeof computesBackoff !== "boolean") return false;
  const hasOptions = options === undefined || (typeof options === "object" && options !== null);
  return isText(name) && (isolation === null || isText(isolation)) && hasOptions;
}

function isLoadedFile(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { path, modified, size } = value as Fields;
  return isText(path) && (modified === null || typeof modified === "number") && isCount(size);
}

function isFailure(value: unknown): value is FailureReport {
  if (typeof value !== "object" || value === null) return false;
  const { name, message, stack, error, retry, delay, problem } = value as Fields;
  if (delay !== undefined && !(typeof delay === "number" && delay >= 0 && delay <= LONGEST_DURATION)) return false;
  if (problem !== undefined && !isText(problem)) return false;
  return isText(name) && isText(message) && isText(stack) && isBytes(error) && typeof retry === "boolean";
}
