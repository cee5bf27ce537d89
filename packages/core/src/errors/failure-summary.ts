/** What BullMQ stores of a failed job: `message` becomes its `failedReason`. */
export interface FailureSummary {
  name: string;
  message: string;
  stack: string;
}

/** Longest stack kept in a job's hash, characters. */
const MAX_STACK = 16_384;

/** A short text form of what a task threw. Never throws itself. */
export function failureSummary(error: unknown): FailureSummary {
  if (typeof error === "object" && error !== null && "message" in error) {
    const name = read(error, "name") || "Error";
    const message = read(error, "message");
    // BullMQ takes an empty reason for "did not fail".
    const stack = read(error, "stack") || `${name}: ${message}`;
    return { name, message: message || name, stack: stack.slice(0, MAX_STACK) };
  }
  const message = thrownMessage(error);
  return { name: "RemoteError", message, stack: `RemoteError: ${message}` };
}

/** The message of the error that stands for a thrown value that is not an Error. */
export function thrownMessage(thrown: unknown): string {
  return `the task threw ${describeThrown(thrown)}, which is not an Error`;
}

function describeThrown(thrown: unknown): string {
  try {
    if (typeof thrown === "string") return `the string ${JSON.stringify(shorten(thrown))}`;
    if (typeof thrown === "bigint") return `${thrown}n`;
    if (typeof thrown === "function") return `the function ${thrown.name || "(anonymous)"}`;
    if (typeof thrown === "object" && thrown !== null) {
      const json = JSON.stringify(thrown);
      return json === undefined || json === "{}" ? "an object" : `the object ${shorten(json)}`;
    }
    return String(thrown);
  } catch {
    return "an object";
  }
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

function read(error: object, key: string): string {
  try {
    const value = (error as Record<string, unknown>)[key];
    return typeof value === "string" ? value : value === undefined ? "" : String(value);
  } catch {
    return "";
  }
}
