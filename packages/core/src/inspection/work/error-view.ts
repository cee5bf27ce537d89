import { originOf } from "../../errors/index.ts";
import { decode, decodeError } from "../../wire/codec/index.ts";
import type { ErrorView } from "../../work/submission/task-view.ts";

/** Reads an error that was stored as base64; text that is not one becomes an error of that message. */
export function errorFromText(text: string): unknown {
  const bytes = Buffer.from(text, "base64");
  try {
    return decodeError(bytes);
  } catch {
    try {
      return decode(bytes);
    } catch {
      return new Error(text);
    }
  }
}

/** Name and message of the error that a pool's record keeps as base64. */
export function describeFailure(text: string): string {
  const error = errorFromText(text);
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** What can be shown of an error, or of another thrown value. */
export function viewError(error: unknown, depth: number = 0): ErrorView {
  if (typeof error !== "object" || error === null) {
    return { name: "Error", message: String(error), code: null, stack: null, host: null, pid: null, cause: null };
  }
  const facts = error as Record<string, unknown>;
  const origin = originOf(error);
  return {
    name: text(facts["name"]) ?? "Error",
    message: text(facts["message"]) ?? "",
    code: text(facts["code"]),
    stack: text(facts["remoteStack"]) ?? text(facts["stack"]),
    host: origin?.host ?? null,
    pid: origin?.pid ?? null,
    cause: facts["cause"] === undefined || depth >= 5 ? null : viewError(facts["cause"], depth + 1),
  };
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
