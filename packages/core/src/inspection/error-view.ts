import { decode, decodeError } from "../codec/index.ts";
import type { ErrorView } from "./task-view.ts";

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

/** What can be shown of an error, or of whatever else was thrown. */
export function viewError(error: unknown, depth: number = 0): ErrorView {
  if (typeof error !== "object" || error === null) {
    return { name: "Error", message: String(error), code: null, stack: null, host: null, pid: null, cause: null };
  }
  const facts = error as Record<string, unknown>;
  const remote = (facts["remote"] ?? {}) as Record<string, unknown>;
  return {
    name: text(facts["name"]) ?? "Error",
    message: text(facts["message"]) ?? "",
    code: text(facts["code"]),
    stack: text(facts["remoteStack"]) ?? text(remote["stack"]) ?? text(facts["stack"]),
    host: text(facts["host"]) ?? text(remote["host"]),
    pid: number(facts["pid"]) ?? number(remote["pid"]),
    cause: facts["cause"] === undefined || depth >= 5 ? null : viewError(facts["cause"], depth + 1),
  };
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
